"""From changed objects to activity: how much of each zone changed, and how sure that is."""

from changedet.activity.areas import observable_area, zone_mask
from changedet.activity.scoring import SHARE_SCALE, activity_score, object_weights
from changedet.activity.sharing import Shares, assign_zones, share_objects
from changedet.activity.tracks import check_tracks, track_activity
from changedet.activity.zones import SITE, check_zones, zone_activity

__all__ = [
    "SHARE_SCALE",
    "SITE",
    "Shares",
    "activity_score",
    "assign_zones",
    "check_tracks",
    "check_zones",
    "object_weights",
    "observable_area",
    "share_objects",
    "track_activity",
    "zone_activity",
    "zone_mask",
]
