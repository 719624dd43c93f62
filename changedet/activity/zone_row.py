"""One zone's row: counts, areas, the share that changed with an interval, and the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from changedet.activity.control import ControlShare
from changedet.activity.scoring import SHARE_SCALE, activity_score
from changedet.model import CHANGES, ChangeTable, Grid, ZoneActivity

RATE_FACTOR = 4.0
"""Calibrated rates hold within this factor: at the default of 2 false objects per km2, 3.7 times as
many were found on the worst group of scenes in docs/methods/calibration.md."""
INTERVAL = 0.9
"""Nominal coverage of intervals,"""
DEVIATIONS = 1.645
"""and the deviations from the mean at their ends."""
EDGE_PX = 1.0
"""Outlines may lie off by so much, all inwards or all outwards: strong changes spill over their
border, weak ones lose their rim."""
LIKELIEST = 0.99
"""No object is called more likely to be real than this: the null itself may be wrong."""


@dataclass(frozen=True)
class Place:
    """What is known of a zone beside its objects."""

    name: str
    area_m2: float
    observable_m2: float
    weight: float = 1.0
    notes: tuple[tuple[str, Any], ...] = ()
    """More parts: what it overlaps with, how much of it lies outside."""


@dataclass(frozen=True)
class Null:
    """What false alarms alone bring."""

    per_km2: float | None
    object_area_m2: float

    def objects(self, observable_m2: float) -> float | None:
        """Expected false objects in an area."""
        return None if self.per_km2 is None else self.per_km2 * observable_m2 / 1e6


@dataclass(frozen=True, eq=False)
class Members:
    """Objects of one zone: their rows, the part inside, and whether they count as a number."""

    rows: np.ndarray
    share: np.ndarray
    counted: np.ndarray


@dataclass(frozen=True, eq=False)
class Objects:
    """All objects with how far each is believed and how much it counts."""

    changes: ChangeTable
    weights: np.ndarray
    """(n,) 1 - q."""
    source: str
    """Which column they come from."""
    rim: np.ndarray
    """(n,) area by which each may be off, square metres."""


def rim_areas(changes: ChangeTable, grid: Grid) -> np.ndarray:
    """(n,) area of a rim of a pixel around each object (square pixels without metres)."""
    t = grid.transform
    side = float(np.sqrt(abs(t.a * t.e - t.b * t.d)))
    pixel = 1.0 if grid.pixel_area_m2 is None else grid.pixel_area_m2
    return np.asarray(shapely.length(changes.geometry) / side * EDGE_PX * pixel)


@dataclass(frozen=True)
class Share:
    """Changed share of the observable ground, after what false alarms explain."""

    share: float
    weighted: float
    false: float
    net: float
    low: float
    high: float

    def beyond(self, control: ControlShare | None) -> Share:
        """Take the control's share off."""
        if control is None or not control.subtracted:
            return self
        net, low, high = (
            max(0.0, value - taken)
            for value, taken in (
                (self.net, control.share), (self.low, control.high), (self.high, control.low),
            )
        )  # fmt: skip
        return replace(self, net=net, low=low, high=high)


def changed_share(place: Place, members: Members, objects: Objects, null: Null) -> Share | None:
    """Estimate the share of a place's observable ground that really changed.

    The estimate is the lower of two (see :func:`changedet.activity.zone_activity`). The interval
    goes from the lowest to the highest of both when the rate of false alarms, and with it every
    q-value, is off by :data:`RATE_FACTOR` either way, outlines are all too large or too small by
    :data:`EDGE_PX`, and chance adds its part: each object is real or not, and the number of false
    ones is a Poisson variable.

    Returns
    -------
    Share or None
        None where nothing could be observed.
    """
    seen = place.observable_m2
    if seen <= 0:
        return None
    explained = objects.changes.explained[members.rows]
    area = np.where(explained, 0.0, objects.changes["area_m2"][members.rows] * members.share)
    total = min(1.0, float(area.sum()) / seen)
    q = np.where(explained, 1.0, 1 - objects.weights[members.rows])
    weighted = min(1.0, float((area * (1 - q)).sum()) / seen)
    rim = np.where(explained, 0.0, objects.rim[members.rows] * members.share)
    number = null.objects(seen) or 0.0
    many, few = _poisson(number * RATE_FACTOR, number / RATE_FACTOR)
    per_object = null.object_area_m2 / seen
    false = number * per_object
    net = min(weighted, max(0.0, total - false))
    small, large = np.maximum(0.0, area - rim), area + rim
    lower = _believed(small, np.minimum(1, q * RATE_FACTOR), -1) / seen
    upper = _believed(large, q / RATE_FACTOR, 1) / seen
    low = max(0.0, min(lower, float(small.sum()) / seen - many * per_object))
    high = min(
        1.0, float(large.sum()) / seen, max(upper, float(large.sum()) / seen - few * per_object)
    )
    return Share(total, weighted, false, net, min(low, net), max(high, net))


def _believed(area: np.ndarray, q: np.ndarray, sign: int) -> float:
    """Expected area of what is real, and so many standard deviations more."""
    return float(
        (area * (1 - q)).sum() + sign * DEVIATIONS * np.sqrt((area**2 * q * (1 - q)).sum())
    )


def _poisson(more: float, less: float) -> tuple[float, float]:
    """Upper end of a Poisson variable of mean ``more``, lower end of one of mean ``less``."""
    from scipy.stats import poisson

    tail = (1 - INTERVAL) / 2
    many, few = (float(poisson.ppf(p, mean)) for p, mean in ((1 - tail, more), (tail, less)))
    return max(many, 0.0), max(few, 0.0)


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
        known = null.per_km2 is not None or objects.source != "none"
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
    left = is_change["moved"] & (changes["moved_to"][rows] >= 0)
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
    moved_off = (changes["change"] == "moved") & (changes["moved_to"] >= 0)
    rows = members.rows[members.counted]
    rows = rows[~changes.explained[rows] & ~moved_off[rows]]
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
