"""The grid: coordinate reference system, geotransform and shape in one immutable value.

Pixel coordinates are ``(row, col)`` floats with **integers at pixel centres**; the outer corner of
the first pixel is ``(-0.5, -0.5)``. The geotransform maps pixel *corners*, as GDAL's does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from affine import Affine
from pyproj import CRS, Geod, Transformer

from changedet.errors import GridError, MissingCRSError

WGS84 = CRS.from_epsg(4326)
GSD_TOLERANCE = 1.01
"""A projection stretches pixels by a per mille or so: what is drawn for 1 m still is 1 m."""
_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels; it may reach beyond the grid (negative or too large)."""

    row: int
    """First row."""
    col: int
    """First column."""
    height: int
    """Rows."""
    width: int
    """Columns."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return (self.height, self.width)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of a whole-grid array (only for windows inside the grid)."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.col, self.col + self.width),
        )

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.height <= 0 or self.width <= 0

    def pad(self, halo: int) -> Window:
        """Grow by ``halo`` pixels on each side."""
        return Window(
            self.row - halo, self.col - halo, self.height + 2 * halo, self.width + 2 * halo
        )

    def intersect(self, other: Window) -> Window:
        """The common part (height or width 0 if there is none)."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        bottom = min(self.row + self.height, other.row + other.height)
        right = min(self.col + self.width, other.col + other.width)
        return Window(row, col, max(0, bottom - row), max(0, right - col))

    def within(self, other: Window) -> tuple[slice, slice]:
        """Slices that cut this window out of an array that covers ``other``."""
        top, left = self.row - other.row, self.col - other.col
        return (slice(top, top + self.height), slice(left, left + self.width))


@dataclass(frozen=True)
class Grid:
    """Where pixels lie on the ground.

    Parameters
    ----------
    transform : affine.Affine
        Pixel corner ``(col, row)`` to CRS coordinates ``(x, y)``.
    height, width : int
        Rows and columns, at least 1.
    crs : pyproj.CRS or None
        ``None`` for images without georeferencing: units are then pixels.

    Raises
    ------
    GridError
        If the shape is empty or the transform cannot be inverted.
    """

    transform: Affine
    height: int
    width: int
    crs: CRS | None = None

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise GridError(
                f"A grid of {self.height} x {self.width} pixels is empty: both must be at least 1."
            )
        if not all(math.isfinite(v) for v in self.transform[:6]):
            raise GridError(
                f"The geotransform {tuple(self.transform[:6])} holds a value that is not finite."
            )
        if self.transform.determinant == 0:
            raise GridError(
                f"The geotransform {tuple(self.transform[:6])} has no area: "
                "give pixel sizes that are not zero."
            )

    @classmethod
    def pixels(cls, height: int, width: int) -> Grid:
        """Make the grid of an image without georeferencing: x = column, y = row, no CRS."""
        return cls(Affine.identity(), height, width, None)

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return (self.height, self.width)

    @property
    def window(self) -> Window:
        """The whole grid as a window."""
        return Window(0, 0, self.height, self.width)

    @property
    def is_georeferenced(self) -> bool:
        """Whether there is a coordinate reference system."""
        return self.crs is not None

    def xy(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """CRS coordinates of (fractional) pixel centres, elementwise, float64."""
        c = np.asarray(cols, dtype=np.float64) + 0.5
        r = np.asarray(rows, dtype=np.float64) + 0.5
        t = self.transform
        return t.a * c + t.b * r + t.c, t.d * c + t.e * r + t.f

    def rowcol(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Fractional ``(row, col)`` of CRS coordinates; the inverse of :meth:`xy`."""
        xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        t = ~self.transform
        return t.d * xs + t.e * ys + t.f - 0.5, t.a * xs + t.b * ys + t.c - 0.5

    def subset(self, window: Window) -> Grid:
        """Return the grid of a window of this grid."""
        t, row, col = self.transform, window.row, window.col
        # written out: affine 2 multiplies with *, affine 3 with @ and warns about *
        x, y = t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f
        return Grid(Affine(t.a, t.b, x, t.d, t.e, y), window.height, window.width, self.crs)

    def tiles(self, size: int) -> Iterator[Window]:
        """Windows of at most ``size`` pixels a side that cover the grid, row by row."""
        for row in range(0, self.height, size):
            for col in range(0, self.width, size):
                yield Window(row, col, min(size, self.height - row), min(size, self.width - col))

    @cached_property
    def _step_m(self) -> tuple[float, float, float] | None:
        """Ground length of one row step and one column step at the centre, and the pixel area."""
        if self.crs is None:
            return None
        r, c = (self.height - 1) / 2, (self.width - 1) / 2
        x, y = self.xy([r, r - 0.5, r + 0.5, r, r], [c, c, c, c - 0.5, c + 0.5])
        lon, lat = Transformer.from_crs(self.crs, WGS84, always_xy=True).transform(x, y)
        if not np.all(np.isfinite(lon)) or not np.all(np.isfinite(lat)):
            raise GridError(
                f"The centre of the grid ({x[0]:.6g}, {y[0]:.6g}) lies outside the area where "
                f"{self.crs.name} is defined: check the geotransform and the CRS."
            )
        azimuth_row, _, row_m = _GEOD.inv(lon[1], lat[1], lon[2], lat[2])
        azimuth_col, _, col_m = _GEOD.inv(lon[3], lat[3], lon[4], lat[4])
        skew = abs(math.sin(math.radians(azimuth_row - azimuth_col)))
        return (float(row_m), float(col_m), float(row_m * col_m * skew))

    @property
    def pixel_size_m(self) -> tuple[float, float] | None:
        """Ground length of one (row, column) step at the centre in metres; None without CRS."""
        return None if self._step_m is None else self._step_m[:2]

    @property
    def gsd_m(self) -> float | None:
        """Ground sample distance in metres: geometric mean of the two steps; None without CRS."""
        return None if self._step_m is None else math.sqrt(self._step_m[0] * self._step_m[1])

    @property
    def pixel_area_m2(self) -> float | None:
        """Ground area of the central pixel in square metres; None without CRS."""
        return None if self._step_m is None else self._step_m[2]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """``(xmin, ymin, xmax, ymax)`` in the units of the CRS."""
        x, y = self.xy(
            [-0.5, -0.5, self.height - 0.5, self.height - 0.5],
            [-0.5, self.width - 0.5, self.width - 0.5, -0.5],
        )
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def corners(self, crs: CRS | None = None, density: int = 21) -> np.ndarray:
        """Outline as an ``(n, 2)`` array of x, y, optionally in another CRS.

        Parameters
        ----------
        crs : pyproj.CRS, optional
            CRS of the answer; this grid's by default.
        density : int
            Points on each side, so that curved outlines stay true after projection.

        Raises
        ------
        MissingCRSError
            If a CRS is asked for and the grid has none.
        """
        s = np.linspace(0, 1, density)
        h, w = self.height, self.width
        rows = np.concatenate([0 * s, s * h, 0 * s + h, h - s * h]) - 0.5
        cols = np.concatenate([s * w, 0 * s + w, w - s * w, 0 * s]) - 0.5
        x, y = self.xy(rows, cols)
        if crs is not None and crs != self.crs:
            if self.crs is None:
                raise MissingCRSError(
                    f"The outline is wanted in {crs.name}, but the grid has no CRS: "
                    "write one into the image first."
                )
            x, y = Transformer.from_crs(self.crs, crs, always_xy=True).transform(x, y)
        return np.column_stack([x, y])

    def describe(self) -> dict[str, Any]:
        """Everything about the grid as plain JSON values."""
        authority = None
        if self.crs is not None:
            found = self.crs.to_authority()
            authority = ":".join(found) if found else self.crs.to_wkt()
        return {
            "crs": authority,
            "transform": [float(v) for v in self.transform[:6]],
            "height": self.height,
            "width": self.width,
            "gsd_m": self.gsd_m,
        }

    @classmethod
    def from_description(cls, value: dict[str, Any]) -> Grid:
        """Rebuild a grid from :meth:`describe`."""
        crs = None if value["crs"] is None else CRS.from_user_input(value["crs"])
        return cls(Affine(*value["transform"]), int(value["height"]), int(value["width"]), crs)

    def __repr__(self) -> str:
        return f"<Grid: {self}>"

    def __str__(self) -> str:
        if self.crs is None:
            return f"{self.width} x {self.height} px, no georeferencing"
        return f"{self.width} x {self.height} px at {self.gsd_m:.3g} m, {self.crs.name}"
