"""From changed objects to activity: how much of each zone changed, and whether that is unusual."""

from changedet.activity.areas import observable_area, zone_mask
from changedet.activity.chains import Links, chain_priors, find_links
from changedet.activity.control import OUTSIDE, Control
from changedet.activity.grouping import group_objects
from changedet.activity.history import exceedance_p, levels, robust_z
from changedet.activity.interpreting import interpret
from changedet.activity.kinds import (
    Setting,
    choose_kinds,
    kind_probabilities,
    supported_kinds,
)
from changedet.activity.linking import lagged_correlation
from changedet.activity.looking import Looks, look_of
from changedet.activity.moving import Moves, pair_moves
from changedet.activity.placing import (
    Lines,
    Placed,
    Relation,
    lay_lines,
    place_objects,
    relate,
    straightened,
)
from changedet.activity.predictive import CountModel, fit_counts
from changedet.activity.scoring import SHARE_SCALE, activity_score, object_weights
from changedet.activity.sharing import Shares, assign_zones, share_objects
from changedet.activity.site_histories import site_histories
from changedet.activity.sizes import size_likelihood
from changedet.activity.states import STATES, HistoryRules, Verdict, judge_dates, season_groups
from changedet.activity.tracing import Strips, line_likelihood, look_along
from changedet.activity.track_outlines import outlined_wagons
from changedet.activity.tracks import check_tracks, track_activity
from changedet.activity.zone_checks import SITE, check_kind_weights, check_zones
from changedet.activity.zone_tracks import zone_occupancy
from changedet.activity.zones import zone_activity

__all__ = [
    "OUTSIDE",
    "SHARE_SCALE",
    "SITE",
    "STATES",
    "Control",
    "CountModel",
    "HistoryRules",
    "Lines",
    "Links",
    "Looks",
    "Moves",
    "Placed",
    "Relation",
    "Setting",
    "Shares",
    "Strips",
    "Verdict",
    "activity_score",
    "assign_zones",
    "chain_priors",
    "check_kind_weights",
    "check_tracks",
    "check_zones",
    "choose_kinds",
    "exceedance_p",
    "find_links",
    "fit_counts",
    "group_objects",
    "interpret",
    "judge_dates",
    "kind_probabilities",
    "lagged_correlation",
    "lay_lines",
    "levels",
    "line_likelihood",
    "look_along",
    "look_of",
    "object_weights",
    "observable_area",
    "outlined_wagons",
    "pair_moves",
    "place_objects",
    "relate",
    "robust_z",
    "season_groups",
    "share_objects",
    "site_histories",
    "size_likelihood",
    "straightened",
    "supported_kinds",
    "track_activity",
    "zone_activity",
    "zone_mask",
    "zone_occupancy",
]
