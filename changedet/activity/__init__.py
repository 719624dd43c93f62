"""From changed objects to activity: how much of each zone changed, and whether that is unusual."""

from changedet.activity.histories.levels import exceedance_p, levels, robust_z
from changedet.activity.histories.linking import lagged_correlation
from changedet.activity.histories.predictive import CountModel, fit_counts
from changedet.activity.histories.site_histories import site_histories
from changedet.activity.histories.states import (
    STATES,
    HistoryRules,
    Verdict,
    judge_dates,
    season_groups,
)
from changedet.activity.things.chains import Links, chain_priors, find_links
from changedet.activity.things.claims import choose_kinds, supported_kinds
from changedet.activity.things.grouping import group_objects
from changedet.activity.things.interpreting import interpret
from changedet.activity.things.kinds import Setting, kind_probabilities
from changedet.activity.things.looking import Looks, look_of
from changedet.activity.things.moving import Moves, pair_moves
from changedet.activity.things.placing import (
    Lines,
    Placed,
    Relation,
    lay_lines,
    place_objects,
    relate,
    straightened,
)
from changedet.activity.things.sizes import size_likelihood
from changedet.activity.things.tracing import Strips, line_likelihood, look_along
from changedet.activity.tracks.outlines import outlined_wagons
from changedet.activity.tracks.yard import check_tracks, track_activity
from changedet.activity.zones.areas import observable_area, zone_mask
from changedet.activity.zones.checks import SITE, check_kind_weights, check_zones
from changedet.activity.zones.control import OUTSIDE, Control
from changedet.activity.zones.rows import zone_activity
from changedet.activity.zones.scoring import SHARE_SCALE, activity_score, object_weights
from changedet.activity.zones.sharing import Shares, assign_zones, share_objects
from changedet.activity.zones.tracks import zone_occupancy

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
