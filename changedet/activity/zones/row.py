"""One zone's row: counts, areas, the score with its interval and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from changedet.activity.zones.control import ControlShare
from changedet.activity.zones.scoring import SHARE_SCALE, activity_score
from changedet.activity.zones.share import (
    DEVIATIONS,
    INTERVAL,
    RATE_FACTOR,
    Members,
    Null,
    Objects,
    Place,
    changed_share,
)
from changedet.model import CHANGES, ZoneActivity

LIKELIEST = 0.99
"""No object is called more likely to be real than this: the null itself may be wrong."""


def make_row(
    place: Place,
    members: Members,
    objects: Objects,
    null: Null,
    control: ControlShare | None,
    kind_weights: Mapping[str, float],
) -> ZoneActivity:
    """One zone's row."""
    share = changed_share(place, members, objects, null)
    counts, parts = _count(members, objects)
    numbers = {name: counts.pop(name) for name in CHANGES}
    false_objects = null.objects(place.observable_m2)
    importance, weighted = _importance(members, objects, kind_weights)
    parts = {
        "observable_m2": place.observable_m2,
        **dict(place.notes),
        **parts,
        "kind_weighted_area_m2": weighted,
        "weights_from": objects.source,
        "weight": place.weight,
        "kind_weight": importance,
        "kind_weights": dict(kind_weights),
        "share_scale": SHARE_SCALE,
        "false_object_area_m2": null.object_area_m2,
        "chance_of_count": _chance(sum(numbers.values()), false_objects),
        **_belief(members, objects),
        "occupancy_from": None,
        "occupancy_reason": "without tracks, what stands at both dates is not measured",
    }
    ends: dict[str, float | None] = {"score": None, "score_low": None, "score_high": None}
    if share is not None:
        net = share.beyond(control)
        weight = place.weight * importance
        # where nothing was found, nothing says how much was missed
        known = share.share > 0 and (null.per_km2 is not None or objects.source != "none")
        for name, value in (("score", net.net), ("score_low", net.low), ("score_high", net.high)):
            if known or name == "score":
                ends[name] = activity_score(value, weight)
        parts.update(
            share=share.share, false_share=share.false, net_share=net.net,
            net_share_low=net.low if known else None, net_share_high=net.high if known else None,
            interval=INTERVAL, rate_factor=RATE_FACTOR,
            **_bounds(parts, place.observable_m2),
        )  # fmt: skip
        if control is not None:
            parts.update(
                control.describe(), share_before_control=share.net,
                score_before_control=activity_score(share.net, weight),
            )  # fmt: skip
    areas = parts.pop("areas")
    return ZoneActivity(
        zone=place.name,
        area_m2=place.area_m2,
        observable_fraction=place.observable_m2 / place.area_m2 if place.area_m2 > 0 else None,
        **numbers,
        **counts,
        score=ends["score"],
        score_low=ends["score_low"],
        score_high=ends["score_high"],
        area_appeared_m2=areas["appeared"],
        area_disappeared_m2=areas["disappeared"],
        area_modified_m2=areas["modified"] + areas["moved"],
        turnover=None if share is None else share.share,
        weighted_share=None if share is None else share.weighted,
        expected_false_objects=false_objects,
        parts=parts,
    )


def _count(members: Members, objects: Objects) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers of the row, and the areas among its parts.

    A thing that moved is two rows, and counts where it arrived; the other one has its area only.
    """
    changes, rows = objects.changes, members.rows
    explained = changes.explained[rows]
    change, kind = changes["change"][rows], changes["kind"][rows]
    area = changes["area_m2"][rows] * members.share
    is_change = {name: ~explained & (change == name) for name in CHANGES}
    left = is_change["moved"] & changes.moved_away[rows]
    arrived = is_change["moved"] & ~left
    number = {**is_change, "moved": arrived}
    number = {name: mask & members.counted for name, mask in number.items()}
    cut = np.array([v is not None for v in changes["cut_by"][rows]], dtype=bool)
    whole = ~cut & np.array([v is not None for v in kind], dtype=bool)
    by_kind: dict[str, dict[str, int]] = {}
    for name, mask in number.items():
        names, many = np.unique(kind[mask & whole].astype(str), return_counts=True)
        for k, count in zip(names, many, strict=True):
            by_kind.setdefault(str(k), {})[name] = int(count)
    # what moved about within the zone neither came nor went
    here = changes["id"][rows[members.counted]]
    came = is_change["appeared"] | (arrived & ~np.isin(changes["moved_from"][rows], here))
    went = is_change["disappeared"] | (left & ~np.isin(changes["moved_to"][rows], here))
    areas = {name: float(area[mask].sum()) for name, mask in is_change.items()}
    counts = {
        **{name: int(mask.sum()) for name, mask in number.items()},
        "explained": int((explained & members.counted).sum()),
        "arrivals": int((came & members.counted).sum()),
        "departures": int((went & members.counted).sum()),
        "cut": int((cut & members.counted & np.any(list(number.values()), axis=0)).sum()),
        "by_kind": dict(sorted(by_kind.items())),
    }
    parts = {
        "changed_area_m2": float(area[~explained].sum()),
        "weighted_area_m2": float((area * objects.weights[rows]).sum()),
        "explained_area_m2": float(area[explained].sum()),
        "net_area_m2": areas["appeared"] - areas["disappeared"],
        "arrived_area_m2": float(area[came].sum()),
        "departed_area_m2": float(area[went].sum()),
        "cut_area_m2": float(area[cut & ~explained].sum()),
        "areas": areas,
    }
    return counts, parts


def _bounds(parts: Mapping[str, Any], observable_m2: float) -> dict[str, float]:
    """What two dates alone tell of occupied ground and churn: bounds.

    What stands unchanged at both dates is no object, so that occupied ground is at least what
    changed, and at most all.
    """
    flow = parts["arrived_area_m2"] + parts["departed_area_m2"]
    stayed = max(0.0, parts["changed_area_m2"] - flow)  # there at both dates, or moved about
    before, after = parts["departed_area_m2"], parts["arrived_area_m2"]
    modified = parts["areas"]["modified"]
    moved = max(0.0, stayed - modified) / 2
    low = min(1.0, flow / (2 * observable_m2))
    high = flow / (flow + 2 * (modified + moved)) if flow > 0 else 0.0
    return {
        "occupied_before_at_least_m2": before + modified + moved,
        "occupied_after_at_least_m2": after + modified + moved,
        "churn_low": min(low, high),
        "churn_high": high,
    }


def _importance(
    members: Members, objects: Objects, kind_weights: Mapping[str, float]
) -> tuple[float, float]:
    """Mean weight of the kinds in a zone, by believed area; and that area times its weights."""
    area = objects.changes["area_m2"][members.rows] * members.share
    believed = area * objects.weights[members.rows]
    total = float(believed.sum())
    if not kind_weights or total <= 0:
        return 1.0, total
    by_row = weights_of_kinds(objects.changes["kind"][members.rows], kind_weights)
    weighted = float((believed * by_row).sum())
    return weighted / total, weighted


def weights_of_kinds(kinds: np.ndarray, kind_weights: Mapping[str, float]) -> np.ndarray:
    """(n,) weight of each object by its kind, 1 where it has none."""
    return np.array([kind_weights.get(kind, 1.0) for kind in kinds], dtype=np.float64)


def _belief(members: Members, objects: Objects) -> dict[str, float | None]:
    """How many of the counted objects are real, and the chance that at least one is."""
    changes = objects.changes
    rows = members.rows[members.counted]
    rows = rows[~changes.explained[rows] & ~changes.moved_away[rows]]
    names = ("real_objects", "real_objects_low", "real_objects_high", "chance_real")
    if objects.source == "none" or not len(rows):
        return dict.fromkeys(names)
    q = 1 - objects.weights[rows]
    high_q, low_q = np.minimum(1, q * RATE_FACTOR), q / RATE_FACTOR
    spread = DEVIATIONS * np.sqrt([(p * (1 - p)).sum() for p in (high_q, low_q)])
    values = (
        float((1 - q).sum()),
        max(0.0, float((1 - high_q).sum() - spread[0])),
        min(float(len(q)), float((1 - low_q).sum() + spread[1])),
        min(LIKELIEST, float(1 - high_q.min())),
    )
    return dict(zip(names, values, strict=True))


def _chance(count: int, expected: float | None) -> float | None:
    """Probability that false alarms alone, Poisson at the calibrated rate, give this many."""
    if expected is None:
        return None
    if count == 0:
        return 1.0
    from scipy.special import gammainc

    return float(gammainc(count, expected))
