"""The map of the page: pictures, outlines and zones as one SVG in picture pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from changedet.model import WGS84, ChangeReport, Grid
from changedet.reporting.markup import esc
from changedet.reporting.observable import not_observable

GROUPS: tuple[str, ...] = ("appeared", "disappeared", "modified", "moved", "explained")
"""What an outline's colour says, in drawing order of importance."""
MAX_OUTLINES = 2000
"""Objects drawn, best scores first."""


@dataclass(frozen=True)
class Frame:
    """How the pixels of the grid lie in the picture."""

    grid: Grid
    """The common grid."""
    width: int
    """Of the picture, pixels."""
    height: int
    """Of the picture, pixels."""
    factor: tuple[float, float]
    """Grid pixels in one picture pixel, along columns and rows."""

    @classmethod
    def of(cls, grid: Grid, picture: np.ndarray) -> Frame:
        """Find how a picture, made by whole-number shrinking or any resizing, covers a grid."""
        height, width = picture.shape[:2]
        for f in range(1, max(grid.shape) + 1):
            # an overview may keep or drop the last, partial cell
            if grid.width // f <= width <= -(-grid.width // f) and (
                grid.height // f <= height <= -(-grid.height // f)
            ):
                return cls(grid, width, height, (float(f), float(f)))
            if f * width > grid.width + f:
                break
        return cls(grid, width, height, (grid.width / width, grid.height / height))

    def xy(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Picture coordinates (corner of the first pixel = 0, 0) of CRS coordinates."""
        rows, cols = self.grid.rowcol(x, y)
        return np.column_stack([(cols + 0.5) / self.factor[0], (rows + 0.5) / self.factor[1]])

    def geometry(self, geometries: np.ndarray, tolerance: float = 0.2) -> np.ndarray:
        """Geometries in picture coordinates, simplified to what can be seen."""
        moved = shapely.transform(geometries, lambda p: self.xy(p[:, 0], p[:, 1]))
        return np.asarray(shapely.simplify(moved, tolerance))

    @property
    def metres(self) -> float | None:
        """Ground length of a picture pixel; None without georeferencing."""
        return None if self.grid.gsd_m is None else self.grid.gsd_m * self.factor[0]

    def lonlat(self, n: int = 9) -> list[list[list[float]]] | None:
        """A lattice of longitude and latitude over the picture; None without georeferencing."""
        if self.grid.crs is None:
            return None
        cols, rows = np.meshgrid(
            np.linspace(0, self.width * self.factor[0], n) - 0.5,
            np.linspace(0, self.height * self.factor[1], n) - 0.5,
        )
        to_wgs84 = Transformer.from_crs(self.grid.crs, WGS84, always_xy=True)
        lon, lat = to_wgs84.transform(*self.grid.xy(rows, cols))
        return [
            [[round(float(x), 7), round(float(y), 7)] for x, y in zip(*line, strict=True)]
            for line in zip(lon, lat, strict=True)
        ]

    def north(self) -> float | None:
        """Direction of north in the picture, degrees clockwise from up; None when unknown."""
        if self.grid.crs is None:
            return None
        r, c = self.grid.height / 2, self.grid.width / 2
        to_wgs84 = Transformer.from_crs(self.grid.crs, WGS84, always_xy=True)
        x, y = self.grid.xy(r, c)
        lon, lat = to_wgs84.transform(float(x), float(y))
        x, y = to_wgs84.transform(lon, lat + 1e-4, direction="INVERSE")
        up, right = self.grid.rowcol(x, y)
        return math.degrees(math.atan2(float(right) - c, r - float(up)))


def group_of(change: str | None, explained_by: str | None) -> str:
    """Which of :data:`GROUPS` an object is drawn as."""
    if explained_by is not None:
        return "explained"
    return change if change in GROUPS else "modified"


def path_of(geometry: Any) -> str:
    """SVG path of a polygon or multipolygon."""
    parts = []
    for polygon in getattr(geometry, "geoms", [geometry]):
        if polygon.geom_type != "Polygon" or polygon.is_empty:
            continue
        for ring in (polygon.exterior, *polygon.interiors):
            xy = np.round(np.asarray(ring.coords)[:-1, :2], 1)
            parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in xy) + "Z")
    return "".join(parts)


def draw_map(report: ChangeReport, frame: Frame, before: str, after: str, top: list[int]) -> str:
    """Make the SVG of the viewer.

    Parameters
    ----------
    report : ChangeReport
        Whose changes and zones are drawn.
    frame : Frame
        Of the pictures.
    before, after : str
        The pictures as ``data:`` addresses.
    top : list of int
        Rows of the changes to draw.
    """
    size = f'width="{frame.width}" height="{frame.height}"'
    return (
        f'<svg id="map" viewBox="0 0 {frame.width} {frame.height}" tabindex="0" '
        'role="application" aria-label="Map of the changes. Plus and minus zoom, arrow keys move, '
        'zero shows all. The objects are listed in the table below.">'
        '<defs><clipPath id="cut"><rect id="cut-rect" x="0" y="0" '
        f'width="{frame.width}" height="{frame.height}"/></clipPath>'
        '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="7" height="7" fill="#6b7280" '
        'fill-opacity=".45"/><rect width="2.5" height="7" fill="#fff" fill-opacity=".55"/>'
        "</pattern></defs>"
        f'<image id="picture-before" href="{before}" {size} preserveAspectRatio="none"/>'
        f'<g clip-path="url(#cut)"><image id="picture-after" href="{after}" {size} '
        'preserveAspectRatio="none"/></g>'
        f'<g id="drawn">{_unseen(report, frame)}{_zones(report, frame)}'
        f"{_objects(report, frame, top)}</g>"
        '<path class="highlight highlight-dark" d=""/><path class="highlight" d=""/></svg>'
    )


def draw_still(frame: Frame) -> str:
    """Both pictures beside each other, from the parts of the map: for print and without script."""
    views = "".join(
        f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{name}">'
        f'<use href="#picture-{name}"/><use href="#drawn"/></svg>'
        for name in ("before", "after")
    )
    return (
        f'<figure class="still">{views}<figcaption>Before (left) and after (right). '
        "Blue appeared, red disappeared, amber modified, purple moved, dashed grey explained away."
        "</figcaption></figure>"
    )


def _objects(report: ChangeReport, frame: Frame, top: list[int]) -> str:
    table = report.changes
    shapes = frame.geometry(table.geometry[top]) if top else np.zeros(0, dtype=object)
    drawn: dict[str, list[str]] = {group: [] for group in GROUPS}
    outlines: dict[str, list[str]] = {group: [] for group in GROUPS}
    for i, shape in zip(top, shapes, strict=True):
        group = group_of(table["change"][i], table["explained_by"][i])
        d = path_of(shape)
        outlines[group].append(d)
        drawn[group].append(f'<path class="o c-{group}" data-i="{i}" d="{d}"/>')
    return "".join(
        f'<g data-group="{group}"><path class="halo" d="{"".join(outlines[group])}"/>'
        f"{''.join(drawn[group])}</g>"
        for group in reversed(GROUPS)
        if drawn[group]
    )


def _zones(report: ChangeReport, frame: Frame) -> str:
    if report.zones is None or not len(report.zones):
        return ""
    parts = []
    for name, shape in zip(report.zones.names, frame.geometry(report.zones.geometry), strict=True):
        d = path_of(shape)
        if not d:
            continue
        x, y = _label_place(shape)
        parts.append(
            f'<path class="zone zone-dark" d="{d}"/><path class="zone" d="{d}"/>'
            f'<text class="zone-name" x="{x:.1f}" y="{y:.1f}" dx=".4em" dy="1.2em" '
            f'font-size="{max(frame.width, frame.height) / 55:.1f}">{esc(name)}</text>'
        )
    return f'<g data-group="zones">{"".join(parts)}</g>'


def _label_place(shape: Any) -> tuple[float, float]:
    """The corner of a zone that is nearest to the upper left of its box."""
    x0, y0, _, _ = shape.bounds
    corners = shapely.get_coordinates(shape)
    nearest = corners[np.argmin(np.hypot(*(corners - (x0, y0)).T))]
    return float(nearest[0]), float(nearest[1])


def _unseen(report: ChangeReport, frame: Frame) -> str:
    for side in (800, 300, 100):
        polygons, _ = not_observable(report.changed, side)
        if not len(polygons):
            return ""
        d = "".join(_each(frame.geometry(polygons, 0.5)))
        if len(d) < 150_000:
            break
    return f'<g data-group="unseen"><path class="unseen" fill-rule="evenodd" d="{d}"/></g>'


def _each(shapes: Iterable[Any]) -> list[str]:
    return [path_of(shape) for shape in shapes]
