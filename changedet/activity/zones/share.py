"""The changed share of a zone's observable ground, after false alarms, with an interval."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from changedet.activity.zones.control import ControlShare
from changedet.model import ChangeTable, Grid

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
    tail = (1 - INTERVAL) / 2
    return _quantile(1 - tail, more), _quantile(tail, less)


def _quantile(share: float, mean: float) -> float:
    """Least number that a Poisson variable does not exceed with this probability."""
    # of scipy.special, since scipy.stats takes longer to load than a small image to compare
    from scipy.special import pdtr, pdtrik

    number = float(np.ceil(pdtrik(share, mean))) if mean > 0 else 0.0
    below = max(number - 1.0, 0.0)
    return below if mean > 0 and pdtr(below, mean) >= share else max(number, 0.0)
