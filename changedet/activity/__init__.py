"""From changed objects to activity: how much of each zone changed, and whether that is unusual."""

from changedet.activity.areas import observable_area, zone_mask
from changedet.activity.history import exceedance_p, levels, robust_z
from changedet.activity.linking import lagged_correlation
from changedet.activity.predictive import CountModel, fit_counts
from changedet.activity.scoring import SHARE_SCALE, activity_score, object_weights
from changedet.activity.sharing import Shares, assign_zones, share_objects
from changedet.activity.site_histories import site_histories
from changedet.activity.states import STATES, HistoryRules, Verdict, judge_dates, season_groups
from changedet.activity.zones import SITE, check_zones, zone_activity

__all__ = [
    "SHARE_SCALE",
    "SITE",
    "STATES",
    "CountModel",
    "HistoryRules",
    "Shares",
    "Verdict",
    "activity_score",
    "assign_zones",
    "check_zones",
    "exceedance_p",
    "fit_counts",
    "judge_dates",
    "lagged_correlation",
    "levels",
    "object_weights",
    "observable_area",
    "robust_z",
    "season_groups",
    "share_objects",
    "site_histories",
    "zone_activity",
    "zone_mask",
]
