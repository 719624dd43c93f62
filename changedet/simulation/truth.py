"""What is really there, what really changed, and how far the after image really is off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from shapely.geometry import mapping

from changedet.model import WGS84, Grid, Places
from changedet.simulation.bodies import Item, Layout
from changedet.simulation.geolocation import Correction, SiteFrame
from changedet.simulation.shapes import fill


@dataclass(frozen=True, eq=False)
class TrueObject:
    """One thing on the ground."""

    id: int
    """Unique, from 1."""
    kind: str
    """One of :data:`changedet.model.KINDS`."""
    subtype: str
    """``gondola``, ``locomotive``, ``tree`` ..."""
    change: str
    """``appeared``, ``disappeared``, ``modified``, ``moved`` or ``unchanged``."""
    before: bool
    """There at the first date (at this place)."""
    after: bool
    """There at the second date (at this place)."""
    geometry: Any
    """Footprint, shapely polygon in the CRS of the before image."""
    height_m: float
    """Above the ground."""
    area_m2: float
    """Of the footprint, on the ground."""
    track: str | None = None
    """Name of its track."""
    group: str | None = None
    """Train, convoy or row."""
    link: int | None = None
    """Of a moved one: id of the same thing at the other date."""


@dataclass(frozen=True)
class TrackTruth:
    """How full one track is."""

    name: str
    """As in the places."""
    length_m: float
    """Of the part inside the image."""
    occupied_m_before: float
    """Sum of lengths over couplers of wagons whose middle is in the image."""
    occupied_m_after: float
    """As before."""
    cars_before: int
    """Wagons and locomotives."""
    cars_after: int
    """Wagons and locomotives."""


@dataclass(frozen=True, eq=False)
class SceneTruth:
    """Everything that is known about a scene."""

    grid: Grid
    """Of the before image."""
    objects: tuple[TrueObject, ...]
    """Those at least partly in the image."""
    tracks: tuple[TrackTruth, ...]
    """One entry a railway track."""
    zones: Places
    """Named polygons, in the CRS of the before image."""
    track_lines: Places
    """Centrelines."""
    roads: Places
    """Centrelines."""
    correction_m: tuple[float, float]
    """East and north, metres: to be added to the after image's coordinates (at the middle)."""
    site: SiteFrame
    """The site's own metres."""
    correction: Correction
    """The correction everywhere."""

    @property
    def changed(self) -> tuple[TrueObject, ...]:
        """Objects that changed."""
        return tuple(o for o in self.objects if o.change != "unchanged")

    def shift_field(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """Correction ``(dy, dx)`` in pixels of the before grid, at its pixel positions.

        Signs as in :class:`changedet.model.Alignment`: what belongs at ``(row, col)`` is found at
        ``(row - dy, col - dx)`` of the uncorrected after image.
        """
        r, c = np.broadcast_arrays(
            np.asarray(rows, dtype=np.float64), np.asarray(cols, dtype=np.float64)
        )
        x, y = self.site.from_crs(self.grid.crs, *self.grid.xy(r, c))
        at = self.correction.recorded(x, y)
        r2, c2 = self.grid.rowcol(*self.site.to_crs(self.grid.crs, *at))
        return r - r2, c - c2

    def changed_mask(self, grid: Grid | None = None) -> np.ndarray:
        """(y, x) bool: pixels whose centre lies in the footprint of a changed object."""
        grid = grid or self.grid
        out = np.zeros(grid.shape, dtype=bool)
        for o in self.changed:
            rows, cols = grid.rowcol(*_in_crs(o.geometry.exterior.coords, self.grid.crs, grid.crs))
            row, col, mask = fill(rows[:-1], cols[:-1], grid.shape)
            out[row : row + mask.shape[0], col : col + mask.shape[1]] |= mask
        return out

    def objects_geojson(self) -> dict[str, Any]:
        """Objects as a FeatureCollection in WGS84 (RFC 7946)."""
        rows = (
            (o.geometry, {"id": o.id, "kind": o.kind, "subtype": o.subtype, "change": o.change,
                          "before": o.before, "after": o.after, "height_m": round(o.height_m, 2),
                          "area_m2": round(o.area_m2, 2), "track": o.track, "group": o.group,
                          "link": o.link})
            for o in self.objects
        )  # fmt: skip
        return _collection(rows, self.grid.crs)

    def places_geojson(self, places: Places) -> dict[str, Any]:
        """Zones, tracks or roads as a FeatureCollection in WGS84 (RFC 7946)."""
        rows = ((g, {"name": n}) for g, n in zip(places.geometry, places.names, strict=True))
        return _collection(rows, self.grid.crs)

    def tracks_geojson(self) -> dict[str, Any]:
        """Railway tracks with their true occupation, in WGS84 (RFC 7946)."""
        known = {t.name: t for t in self.tracks}
        rows = (
            (g, {"name": n, "occupied_m_before": round(known[n].occupied_m_before, 2),
                 "occupied_m_after": round(known[n].occupied_m_after, 2),
                 "cars_before": known[n].cars_before, "cars_after": known[n].cars_after})
            for g, n in zip(self.track_lines.geometry, self.track_lines.names, strict=True)
        )  # fmt: skip
        return _collection(rows, self.grid.crs)


def _in_crs(coords: Any, source: CRS | None, target: CRS | None) -> tuple[np.ndarray, np.ndarray]:
    xy = np.asarray(coords)
    if source == target:
        return xy[:, 0], xy[:, 1]
    x, y = Transformer.from_crs(source, target, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return np.asarray(x), np.asarray(y)


def _collection(rows: Iterable[tuple[Any, dict[str, Any]]], crs: CRS | None) -> dict[str, Any]:
    features = []
    for geometry, properties in rows:
        in_wgs84 = shapely.transform(
            geometry, lambda xy: np.round(np.column_stack(_in_crs(xy, crs, WGS84)), 7)
        )
        if in_wgs84.geom_type == "Polygon":
            in_wgs84 = shapely.geometry.polygon.orient(in_wgs84, 1.0)
        features.append(
            {"type": "Feature", "geometry": mapping(in_wgs84), "properties": properties}
        )
    return {"type": "FeatureCollection", "features": features}


def build_truth(layout: Layout, site: SiteFrame, grid: Grid, correction: Correction) -> SceneTruth:
    """Put together what the layout holds, cut to the before image."""
    crs = grid.crs

    def project(xy: np.ndarray) -> np.ndarray:
        return np.column_stack(site.to_crs(crs, xy[:, 0], xy[:, 1]))

    x, y = site.from_crs(crs, *np.array(grid.corners()).T)
    seen = shapely.Polygon(np.column_stack([x, y])).buffer(0)
    shapely.prepare(seen)
    objects = _objects(layout.items, seen, project)
    tracks = tuple(_track_truth(layout, t.name, t.line, seen) for t in layout.tracks)
    zones = _places("zones", [(n, shapely.Polygon(z)) for n, z in layout.zones], seen, project, crs)
    lines = _places(
        "tracks",
        [(t.name, shapely.LineString(t.line).simplify(0.01)) for t in layout.tracks],
        seen,
        project,
        crs,
    )
    roads = _places(
        "roads",
        [(n, shapely.LineString(z).simplify(0.01)) for n, z in layout.roads],
        seen,
        project,
        crs,
    )
    east, north = correction.at(np.zeros(1), np.zeros(1))
    return SceneTruth(
        grid, objects, tuple(t for t in tracks if t.length_m > 0), zones, lines, roads,
        (float(east[0]), float(north[0])), site, correction,
    )  # fmt: skip


def _objects(items: list[Item], seen: Any, project: Any) -> tuple[TrueObject, ...]:
    out: list[TrueObject] = []
    partner: dict[int, list[int]] = {}
    for item in items:
        body = item.body
        polygon = shapely.Polygon(body.outline)
        if not seen.intersects(polygon):
            continue
        number = len(out) + 1
        if item.key is not None:
            partner.setdefault(item.key, []).append(number)
        out.append(
            TrueObject(
                number, body.kind, body.subtype, item.change, item.before is not None,
                item.after is not None, shapely.Polygon(project(body.outline)),
                float(max(b.height_m for b in (item.before, item.after) if b is not None)),
                float(polygon.area), item.track, item.group,
            )
        )  # fmt: skip
    links = {a: b for pair in partner.values() if len(pair) == 2 for a, b in (pair, pair[::-1])}
    return tuple(_linked(o, links.get(o.id)) for o in out)


def _linked(o: TrueObject, link: int | None) -> TrueObject:
    return o if link is None else replace(o, link=link)


def _track_truth(layout: Layout, name: str, line: np.ndarray, seen: Any) -> TrackTruth:
    lengths: dict[str, list[float]] = {"before": [], "after": []}
    for item in layout.items:
        if item.track != name:
            continue
        for date, body in (("before", item.before), ("after", item.after)):
            if body is not None and seen.contains(shapely.Point(body.outline.mean(axis=0))):
                # over couplers: the underframe part spans them
                under = body.parts[0].outline
                side = under[1] - under[0]
                lengths[date].append(float(np.sqrt((side**2).sum())) + 0.1)
    length = float(shapely.LineString(line).intersection(seen).length)
    return TrackTruth(
        name, length, sum(lengths["before"]), sum(lengths["after"]), len(lengths["before"]),
        len(lengths["after"]),
    )  # fmt: skip


def _places(
    source: str, named: list[tuple[str, Any]], seen: Any, project: Any, crs: CRS | None
) -> Places:
    names, shapes = [], []
    for name, geometry in named:
        inside = geometry.intersection(seen)
        if not inside.is_empty:
            names.append(name)
            shapes.append(shapely.transform(inside, project))
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    return Places(tuple(names), geometry, crs, (1.0,) * len(names), f"simulated {source}")
