"""Where one grid's pixels lie in another: transformation between grids, point by point."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import shapely
from affine import Affine
from pyproj import Transformer

from changedet.model import WGS84, Grid


class GridLink:
    """Pixel positions of one grid in another.

    Both grids have a CRS, or neither has. Longitudes are taken on the side of the antimeridian on
    which the target grid lies. Points that cannot be projected become infinite.
    """

    def __init__(self, source: Grid, target: Grid) -> None:
        self.source = source
        self.target = target
        self._same = source.crs == target.crs

    @cached_property
    def _transformer(self) -> Transformer:
        return Transformer.from_crs(self.source.crs, self.target.crs, always_xy=True)

    @cached_property
    def _turn(self) -> tuple[float, float] | None:
        """Length of a full turn and centre longitude of the target, in units of its CRS."""
        crs = self.target.crs
        if crs is None or not crs.is_geographic:
            return None
        unit = crs.axis_info[0].unit_conversion_factor  # radians per unit
        left, _, right, _ = self.target.bounds
        return 2 * np.pi / unit, (left + right) / 2

    @cached_property
    def affine(self) -> Affine | None:
        """Map of (column, row) at pixel centres when it is linear (one CRS), else None."""
        if not self._same:
            return None
        s, t = self.source.transform, ~self.target.transform
        c, f = s.c + 0.5 * (s.a + s.b), s.f + 0.5 * (s.d + s.e)
        if self._turn is not None:
            turn, centre = self._turn
            left, _, right, _ = self.source.bounds
            c -= turn * round(((left + right) / 2 - centre) / turn)
        return Affine(
            t.a * s.a + t.b * s.d, t.a * s.b + t.b * s.e, t.a * c + t.b * f + t.c - 0.5,
            t.d * s.a + t.e * s.d, t.d * s.b + t.e * s.e, t.d * c + t.e * f + t.f - 0.5,
        )  # fmt: skip

    def rowcol(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fractional (row, col) in the target of (row, col) in the source, elementwise."""
        if self.affine is not None:
            m = self.affine
            return m.d * cols + m.e * rows + m.f, m.a * cols + m.b * rows + m.c
        x, y = self.source.xy(rows, cols)
        x, y = self._transformer.transform(x, y)
        if self._turn is not None:
            turn, centre = self._turn
            with np.errstate(invalid="ignore"):
                x = x - turn * np.round((x - centre) / turn)
        with np.errstate(invalid="ignore"):
            return self.target.rowcol(x, y)

    def outline(self, density: int = 65) -> shapely.Geometry:
        """Outline of the source in the target's pixels (x = column, y = row, corners at ±0.5)."""
        s = np.linspace(0, 1, density)
        h, w = self.source.shape
        rows = np.concatenate([0 * s, s * h, 0 * s + h, h - s * h]) - 0.5
        cols = np.concatenate([s * w, 0 * s + w, w - s * w, 0 * s]) - 0.5
        r, c = self.rowcol(rows, cols)
        ok = np.isfinite(r) & np.isfinite(c)
        if ok.sum() < 3:
            return shapely.Polygon()
        return shapely.make_valid(shapely.Polygon(np.column_stack([c[ok], r[ok]])))


def frame(grid: Grid) -> shapely.Geometry:
    """Outline of a grid in its own pixels (x = column, y = row)."""
    return shapely.box(-0.5, -0.5, grid.width - 0.5, grid.height - 0.5)


def lonlat_bounds(grid: Grid) -> str:
    """Bounds in longitude and latitude, as text for messages."""
    points = grid.corners(WGS84)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return "nowhere on the Earth (check its CRS and geotransform)"
    lon, lat = points[:, 0], points[:, 1]
    if lon.max() - lon.min() > 180:  # across the antimeridian
        west, east = lon[lon > 0].min(), lon[lon <= 0].max()
    else:
        west, east = lon.min(), lon.max()
    return f"longitude {west:.5f} to {east:.5f}, latitude {lat.min():.5f} to {lat.max():.5f}"
