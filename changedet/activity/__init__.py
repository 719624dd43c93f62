"""From changed objects to activity: how much of each zone changed, and how sure that is."""

from changedet.activity.areas import observable_area, zone_mask
from changedet.activity.control import OUTSIDE, Control
from changedet.activity.scoring import SHARE_SCALE, activity_score, object_weights
from changedet.activity.sharing import Shares, assign_zones, share_objects
from changedet.activity.zone_checks import SITE, check_kind_weights, check_zones
from changedet.activity.zone_tracks import zone_occupancy
from changedet.activity.zones import zone_activity

__all__ = [
    "OUTSIDE",
    "SHARE_SCALE",
    "SITE",
    "Control",
    "Shares",
    "activity_score",
    "assign_zones",
    "check_kind_weights",
    "check_zones",
    "object_weights",
    "observable_area",
    "share_objects",
    "zone_activity",
    "zone_mask",
    "zone_occupancy",
]
