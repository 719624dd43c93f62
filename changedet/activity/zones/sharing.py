"""Which part of each object lies in which zone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from changedet.activity.zones.scoring import object_weights
from changedet.model import ChangeTable, Places, ZoneActivity


@dataclass(frozen=True, eq=False)
class Shares:
    """Pairs of an object and a zone that have area in common, by object and then by zone."""

    rows: np.ndarray
    """(k,) row of the object in its table."""
    zones: np.ndarray
    """(k,) position of the zone."""
    share: np.ndarray
    """(k,) part of the object's area inside the zone, above 0 to 1."""
    main: np.ndarray
    """(k,) bool: the zone holds more of the object than any other (the first of equals)."""

    @property
    def counted(self) -> np.ndarray:
        """(k,) bool: the object is counted in the zone, which is its main one or holds half."""
        return self.main | (self.share >= 0.5)


def share_objects(changes: ChangeTable, zones: Places) -> Shares:
    """Divide objects among zones by the area of their intersection.

    Zones may overlap: what lies in two zones counts in both.

    Parameters
    ----------
    changes : ChangeTable
        Objects.
    zones : Places
        Polygons in the CRS of the table.

    Returns
    -------
    Shares
    """
    objects = np.asarray(changes.geometry, dtype=object)
    outlines = np.asarray(zones.geometry, dtype=object)
    if len(objects) == 0 or len(outlines) == 0:
        none = np.zeros(0, dtype=np.int64)
        return Shares(none, none, np.zeros(0), np.zeros(0, dtype=bool))
    valid = shapely.is_valid(objects)
    if not valid.all():
        objects = np.where(valid, objects, shapely.make_valid(objects))
    shapely.prepare(outlines)
    rows, places = shapely.STRtree(objects).query(outlines, predicate="intersects")[::-1]
    share = _share(objects[rows], outlines[places])
    keep = np.flatnonzero(share > 0)
    keep = keep[np.lexsort((places[keep], rows[keep]))]
    rows, places, share = rows[keep], places[keep], share[keep]
    return Shares(rows, places, share, _largest(rows, share))


def _share(objects: np.ndarray, outlines: np.ndarray) -> np.ndarray:
    """Part of each object inside the outline beside it; most objects lie wholly inside."""
    share = np.ones(len(objects))
    part = ~shapely.covers(outlines, objects)
    whole = shapely.area(objects)
    common = shapely.area(shapely.intersection(objects[part], outlines[part]))
    with np.errstate(divide="ignore", invalid="ignore"):
        share[part] = np.clip(common / whole[part], 0, 1)
    return np.where(whole > 0, share, 0.0)


def _largest(rows: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mark the first largest share of each run of equal rows."""
    main = np.zeros(len(rows), dtype=bool)
    order = np.lexsort((-share, rows))
    first = np.ones(len(rows), dtype=bool)
    first[1:] = rows[order][1:] != rows[order][:-1]
    main[order[first]] = True
    return main


def assign_zones(
    changes: ChangeTable,
    zones: Places | None,
    activity: tuple[ZoneActivity, ...] = (),
) -> ChangeTable:
    """Fill the columns ``zone`` and, when activity is known, ``activity``.

    ``zone`` is the zone that holds the largest part of the object, null outside all zones.
    ``activity`` is what the object adds to the score of that zone (of the site, outside all
    zones), in points: an object's part of the significance-weighted area times the score. Over
    the parts of all objects in a zone these add up to the zone's score. Null for objects that are
    explained away, and where there is no score.

    Parameters
    ----------
    changes : ChangeTable
        Objects.
    zones : Places or None
        In the CRS of the table.
    activity : tuple of ZoneActivity, optional
        From :func:`changedet.activity.zone_activity`, for the same objects and zones.

    Returns
    -------
    ChangeTable
        A copy.
    """
    zone = np.full(len(changes), None, dtype=object)
    share = np.ones(len(changes))
    if zones is not None:
        shares = share_objects(changes, zones)
        rows = shares.rows[shares.main]
        zone[rows] = np.asarray(zones.names, dtype=object)[shares.zones[shares.main]]
        share[rows] = shares.share[shares.main]
    if not activity:
        return changes.with_columns(zone=zone)
    by_name = {a.zone: a for a in activity[:-1]}
    rate = np.array([_points_per_m2(by_name.get(name, activity[-1])) for name in zone])
    weights, _ = object_weights(changes)
    importance = np.array([
        _kind_weight(by_name.get(name, activity[-1]), kind)
        for name, kind in zip(zone, changes["kind"], strict=True)
    ])  # fmt: skip
    points = rate.reshape(-1) * weights * share * changes["area_m2"] * importance.reshape(-1)
    points[changes.explained] = np.nan
    return changes.with_columns(zone=zone, activity=points)


def _points_per_m2(activity: ZoneActivity) -> float:
    """Points of a zone's score for one square metre of fully significant change of weight 1."""
    if activity.score is None:
        return np.nan
    weighted = activity.parts["kind_weighted_area_m2"]
    return activity.score / weighted if weighted > 0 else 0.0


def _kind_weight(activity: ZoneActivity, kind: str | None) -> float:
    """How much a kind counts in a zone."""
    return float(activity.parts["kind_weights"].get(kind, 1.0))
