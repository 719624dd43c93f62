"""Boxes on the ground as an image sees them: which pixels they cover, and their shadow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import Geod, Transformer

from changedet.model import WGS84, Grid, Window
from changedet.simulation.sensor import blurred
from changedet.simulation.shapes import fill

_GEOD = Geod(ellps="WGS84")
FINE = 6
"""Rendered cells along each side of a pixel."""
MARGIN_PX = 4
"""Ground beside a target and its shadow that belongs to it, pixels."""


class GroundFrame:
    """Boxes in true metres on the ground, as pixels of a grid.

    Without georeferencing lengths are pixels, and bearings are counted from the columns' upward
    direction.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._transformers = None
        if grid.crs is not None:
            self._transformers = (
                Transformer.from_crs(grid.crs, WGS84, always_xy=True),
                Transformer.from_crs(WGS84, grid.crs, always_xy=True),
            )

    def box(self, row: float, col: float, length: float, width: float, bearing: float) -> Any:
        """Corners of a box around a place, (4, 2) rows and columns.

        Parameters
        ----------
        row, col : float
            Its middle.
        length, width : float
            Metres on the ground; pixels without georeferencing.
        bearing : float
            Of its long side, degrees clockwise from true north.
        """
        turn = math.degrees(math.atan2(width, length))
        azimuths = np.array([bearing + turn, bearing + 180 - turn, bearing + 180 + turn,
                             bearing - turn])  # fmt: skip
        half = math.hypot(length, width) / 2
        if self._transformers is None:
            a = np.radians(azimuths)
            return np.column_stack([row - half * np.cos(a), col + half * np.sin(a)])
        lon, lat = self._transformers[0].transform(*self.grid.xy(row, col))
        there = _GEOD.fwd(np.full(4, lon), np.full(4, lat), azimuths, np.full(4, half))
        return np.column_stack(self.grid.rowcol(*self._transformers[1].transform(*there[:2])))

    def bearing(self, one: tuple[float, float], other: tuple[float, float]) -> float:
        """Direction from one place to another, both (x, y) in the CRS, 0 to 180 degrees."""
        if self._transformers is None:
            return math.degrees(math.atan2(other[0] - one[0], one[1] - other[1])) % 180
        lon, lat = self._transformers[0].transform(*np.array([one, other]).T)
        return float(_GEOD.inv(lon[0], lat[0], lon[1], lat[1])[0]) % 180


@dataclass(frozen=True, eq=False)
class Footprint:
    """Which pixels a box covers, and which its shadow darkens."""

    window: Window
    """Everything that it touches, and :data:`MARGIN_PX` around that."""
    inside: np.ndarray
    """(y, x) bool: centre inside the box as it is seen."""
    cover: np.ndarray
    """(y, x) float32: share of the pixel's light that comes from the box, blur included."""
    shade: np.ndarray
    """(y, x) float32: share of the pixel's light that comes from its shadow on the ground."""
    hull: Any
    """Outline of box and shadow together, shapely polygon of columns and rows."""
    wall: np.ndarray
    """(y, x) float32: the part of ``cover`` that comes from walls, seen in slant views."""
    width_px: float
    """Short side of the box."""

    @property
    def touched(self) -> np.ndarray:
        """(y, x) bool: what it changes, and :data:`MARGIN_PX` of ground around that."""
        import cv2

        changed = (self.cover + self.shade > 0.02).astype(np.uint8)
        side = 2 * MARGIN_PX + 1
        return np.asarray(cv2.dilate(changed, np.ones((side, side), np.uint8)) > 0)


def footprint(
    corners: np.ndarray,
    blur_px: float,
    shadow: tuple[float, float] | None = None,
    lean: tuple[float, float] | None = None,
) -> Footprint:
    """Render a box and its shadow.

    Parameters
    ----------
    corners : (4, 2) array
        Rows and columns.
    blur_px : float
        Standard deviation of the point spread, pixels; never less than the pixel's own area.
    shadow : (rows, columns), optional
        Where the shadow of its top edge falls; None: no shadow.
    lean : (rows, columns), optional
        Where its top edge is seen, against its foot; None: straight above.
    """
    body, roof = _swept(corners, lean), corners if lean is None else corners + np.array(lean)
    ground = _swept(corners, shadow)
    every = np.concatenate([body, ground])
    hull = shapely.union(shapely.Polygon(body[:, ::-1]), shapely.Polygon(ground[:, ::-1]))
    reach = math.ceil(3 * blur_px) + 1 + MARGIN_PX
    low, high = np.floor(every.min(axis=0)) - reach, np.ceil(every.max(axis=0)) + reach
    window = Window(int(low[0]), int(low[1]), *(int(v) + 1 for v in high - low))
    spread = math.sqrt(max(blur_px**2 - 1 / 12, 0.0)) * FINE
    # what is seen of the body, then what it shades: the ground that it does not hide
    seen = _fine_mask(body - low, window.shape)
    cover = _seen(seen, spread)
    none = np.zeros_like(cover)
    shade = (
        none if shadow is None else _seen(_fine_mask(ground - low, window.shape) & ~seen, spread)
    )
    wall = none if lean is None else _seen(seen & ~_fine_mask(roof - low, window.shape), spread)
    rows, cols = (body - low).T
    inside = _placed(fill(rows, cols, window.shape), window.shape)
    sides = np.hypot(*(corners - np.roll(corners, 1, axis=0)).T)
    return Footprint(window, inside, cover, shade, hull, wall, float(sides.min()))


def _swept(corners: np.ndarray, along: tuple[float, float] | None) -> np.ndarray:
    """Corners of the area over which a box is moved."""
    if along is None:
        return corners
    both = np.concatenate([corners, corners + np.array(along)])
    return np.array(shapely.MultiPoint(both[:, ::-1]).convex_hull.exterior.coords)[:-1, ::-1]


def _placed(patch: tuple[int, int, np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    row, col, mask = patch
    out = np.zeros(shape, dtype=bool)
    out[row : row + mask.shape[0], col : col + mask.shape[1]] = mask
    return out


def _fine_mask(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cells of a raster :data:`FINE` times finer whose centres lie inside."""
    fine = (corners + 0.5) * FINE - 0.5
    high, wide = (n * FINE for n in shape)
    return _placed(fill(fine[:, 0], fine[:, 1], (high, wide)), (high, wide))


def _seen(mask: np.ndarray, spread: float) -> np.ndarray:
    """Blur a fine mask and average it over pixels, float32."""
    soft = blurred(mask.astype(np.float32), spread)
    high, wide = (n // FINE for n in mask.shape)
    out: np.ndarray = soft.reshape(high, FINE, wide, FINE).mean(axis=(1, 3), dtype=np.float32)
    return out
