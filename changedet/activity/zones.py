"""Activity of every zone and of the whole site."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.activity.areas import observable_area
from changedet.activity.scoring import SHARE_SCALE, activity_score, object_weights
from changedet.activity.sharing import share_objects
from changedet.errors import CoverageWarning, GeometryError, GridError
from changedet.model import ChangeTable, Grid, Places, RasterWindows, ZoneActivity

SITE = "site"
"""Name under which the whole observed area is reported."""


def check_zones(zones: Places | None, grid: Grid) -> None:
    """Refuse zones that cannot be scored, before any work is done.

    Raises
    ------
    GridError
        If the zones are in another CRS than the grid.
    GeometryError
        If a name is taken twice or is ``site``, or a weight is not usable.
    """
    if zones is None:
        return
    where = f" of {zones.source}" if zones.source else ""
    if zones.crs != grid.crs:
        raise GridError(
            f"The zones{where} are in {_name(zones.crs)} and the grid is in {_name(grid.crs)}: "
            "bring the zones to the grid's CRS first."
        )
    for name in zones.names:
        if name == SITE or zones.names.count(name) > 1:
            why = "the name of the whole observed area" if name == SITE else "taken twice"
            raise GeometryError(f"The zone name {name!r}{where} is {why}: give it another name.")
    for name, weight in zip(zones.names, zones.weights, strict=False):
        if not (math.isfinite(weight) and weight >= 0):
            raise GeometryError(
                f"The weight {weight!r} of zone {name!r}{where} is not usable: give 0 or more."
            )


def _name(crs: Any) -> str:
    return "pixels (no CRS)" if crs is None else str(crs.name)


def zone_activity(
    changes: ChangeTable,
    zones: Places | None,
    grid: Grid,
    changed: RasterWindows,
    *,
    expected_false_per_km2: float | None = None,
    false_object_area_m2: float | None = None,
) -> tuple[ZoneActivity, ...]:
    """Score the activity of each zone, and of the whole site last.

    The score rests on the share of the observable ground that changed, estimated twice and taken
    at the lower of the two:

    * ``weighted_share``: each object's area counts by its weight 1 - q
      (:func:`changedet.activity.object_weights`), so doubtful objects count little;
    * ``share - false_share``: all the area, less what false alarms alone would be expected to
      bring at the calibrated rate.

    Either takes the false alarms out once; the lower one is not fooled when the q-values or the
    rate are too hopeful. :func:`changedet.activity.activity_score` turns the share into 0 to 100.

    Areas are divided exactly where an object crosses the border of a zone. As a number, an object
    counts in its main zone and in every other zone that holds at least half of it. Objects with
    an ``explained_by`` are only counted as ``explained``.

    Parameters
    ----------
    changes : ChangeTable
        In the grid's CRS, with ``change``, ``area_m2``, ``explained_by`` and, for the weights,
        ``q_value``, ``p_value`` or ``score``.
    zones : Places or None
        In the grid's CRS; they may overlap. None: the site alone.
    grid : Grid
        The common grid.
    changed : RasterWindows
        uint8 on that grid; 255 where nothing could be observed.
    expected_false_per_km2 : float, optional
        Calibrated rate of false objects (per million pixels without georeferencing).
    false_object_area_m2 : float, optional
        Area of a typical false object, such as the smallest area that is reported, near which
        false alarms crowd; by default that of the smallest object there is.

    Returns
    -------
    tuple of ZoneActivity
        ``score`` is None where nothing could be observed.

    Warns
    -----
    CoverageWarning
        For zones outside the image.

    Raises
    ------
    GridError, GeometryError
        See :func:`check_zones`; also if the objects are in another CRS.
    """
    check_zones(zones, grid)
    if changes.crs != grid.crs:
        raise GridError(
            f"The objects are in {_name(changes.crs)} and the grid is in {_name(grid.crs)}: "
            "bring them to one CRS first."
        )
    inside, observable = observable_area(zones, changed)
    weights, source = object_weights(changes)
    counted = changes["area_m2"][~changes.explained]
    if false_object_area_m2 is None:
        false_object_area_m2 = float(counted.min()) if len(counted) else 0.0
    null = _Null(expected_false_per_km2, false_object_area_m2)
    pixel = 1.0 if grid.pixel_area_m2 is None else grid.pixel_area_m2
    rows = []
    for i, members in enumerate(_members(changes, zones)):
        place = _Place(
            SITE if zones is None or i == len(zones) else zones.names[i],
            float(inside[i] * pixel),
            float(observable[i] * pixel),
            1.0 if zones is None or i >= len(zones.weights) else float(zones.weights[i]),
        )
        rows.append(_activity(place, members, changes, weights, source, null))
        if place.area_m2 == 0:
            warnings.warn(
                f"Zone {place.name!r} covers no pixel of the image: it gets no score.",
                CoverageWarning,
                stacklevel=2,
            )
    return tuple(rows)


@dataclass(frozen=True)
class _Place:
    name: str
    area_m2: float
    observable_m2: float
    weight: float


@dataclass(frozen=True)
class _Null:
    """What false alarms alone bring."""

    per_km2: float | None
    object_area_m2: float

    def objects(self, observable_m2: float) -> float | None:
        """Expected false objects in an area."""
        return None if self.per_km2 is None else self.per_km2 * observable_m2 / 1e6


@dataclass(frozen=True, eq=False)
class _Members:
    """Objects of one zone: their rows, the part inside, and whether they count as a number."""

    rows: np.ndarray
    share: np.ndarray
    counted: np.ndarray


def _members(changes: ChangeTable, zones: Places | None) -> list[_Members]:
    """Members of each zone, and of the site (all objects, whole) last."""
    out = []
    if zones is not None:
        shares = share_objects(changes, zones)
        for i in range(len(zones)):
            mine = shares.zones == i
            out.append(_Members(shares.rows[mine], shares.share[mine], shares.counted[mine]))
    n = len(changes)
    return [*out, _Members(np.arange(n), np.ones(n), np.ones(n, dtype=bool))]


def _activity(
    place: _Place,
    members: _Members,
    changes: ChangeTable,
    weights: np.ndarray,
    source: str,
    null: _Null,
) -> ZoneActivity:
    """One zone's row."""
    rows = members.rows
    explained = changes.explained[rows]
    change = changes["change"][rows]
    area = changes["area_m2"][rows] * members.share
    real = {k: ~explained & (change == k) for k in ("appeared", "disappeared", "modified", "moved")}
    # a moved thing is two rows, and counts where it arrived
    once = members.counted & ~((change == "moved") & (changes["moved_to"][rows] >= 0))
    n = {k: int(np.count_nonzero(mask & once)) for k, mask in real.items()}
    areas = {k: float(area[mask].sum()) for k, mask in real.items()}
    changed_m2 = float(area[~explained].sum())
    weighted_m2 = float((area * weights[rows]).sum())
    false_objects = null.objects(place.observable_m2)
    parts: dict[str, Any] = {
        "observable_m2": place.observable_m2,
        "changed_area_m2": changed_m2,
        "weighted_area_m2": weighted_m2,
        "explained_area_m2": float(area[explained].sum()),
        "net_area_m2": areas["appeared"] - areas["disappeared"],
        "weights_from": source,
        "weight": place.weight,
        "share_scale": SHARE_SCALE,
        "false_object_area_m2": null.object_area_m2,
        "chance_of_count": _chance(sum(n.values()), false_objects),
    }
    score = turnover = weighted_share = None
    if place.observable_m2 > 0:
        turnover = min(1.0, changed_m2 / place.observable_m2)
        weighted_share = min(1.0, weighted_m2 / place.observable_m2)
        false_share = (false_objects or 0.0) * null.object_area_m2 / place.observable_m2
        net_share = min(weighted_share, max(0.0, turnover - false_share))
        score = activity_score(net_share, place.weight)
        parts.update(share=turnover, false_share=false_share, net_share=net_share)
    return ZoneActivity(
        zone=place.name,
        area_m2=place.area_m2,
        observable_fraction=place.observable_m2 / place.area_m2 if place.area_m2 > 0 else None,
        score=score,
        **n,
        explained=int(np.count_nonzero(explained & members.counted)),
        area_appeared_m2=areas["appeared"],
        area_disappeared_m2=areas["disappeared"],
        area_modified_m2=areas["modified"] + areas["moved"],
        turnover=turnover,
        weighted_share=weighted_share,
        expected_false_objects=false_objects,
        parts=parts,
    )


def _chance(count: int, expected: float | None) -> float | None:
    """Probability that false alarms alone, Poisson at the calibrated rate, give this many."""
    if expected is None:
        return None
    if count == 0:
        return 1.0
    from scipy.special import gammainc

    return float(gammainc(count, expected))
