"""Where each object lies and how long and wide it is, in pixels and on the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyproj import Geod, Transformer

from changedet.model import WGS84, Grid

_GEOD = Geod(ellps="WGS84")


@dataclass(frozen=True, eq=False)
class Shape:
    """Size and position of each object."""

    row: np.ndarray
    """Centroid, fractional row of the grid."""
    col: np.ndarray
    """Centroid, fractional column."""
    length_px: np.ndarray
    """Length of the rectangle with the same second moments."""
    width_px: np.ndarray
    """Width of that rectangle."""
    direction: np.ndarray
    """(n, 2) unit vector (row, col) of the long side."""

    def take(self, keep: np.ndarray) -> Shape:
        """Only the objects where ``keep`` is True."""
        return Shape(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def shape_of(moments: np.ndarray, first: np.ndarray) -> Shape:
    """Rectangle of the same second moments: exact for rectangles in any direction.

    Parameters
    ----------
    moments : (n, 6) int array
        As in :class:`Measures`.
    first : (n, 2) int array
        Origin of each object's moments.
    """
    n = np.maximum(moments[:, 0], 1).astype(np.float64)
    r, c = moments[:, 1] / n, moments[:, 2] / n
    # A pixel is a unit square, not a point: it adds 1/12 to each variance.
    rr = moments[:, 3] / n - r * r + 1.0 / 12.0
    cc = moments[:, 4] / n - c * c + 1.0 / 12.0
    rc = moments[:, 5] / n - r * c
    mean, half = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
    angle = 0.5 * np.arctan2(2 * rc, cc - rr)
    direction = np.column_stack([np.sin(angle), np.cos(angle)])
    return Shape(
        r + first[:, 0],
        c + first[:, 1],
        np.sqrt(12.0 * (mean + half)),
        np.sqrt(12.0 * np.maximum(mean - half, 1.0 / 12.0)),
        direction,
    )


def on_the_ground(shape: Shape, grid: Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Length and width in metres, bearing of the long side in degrees from true north, 0 to 180.

    Without georeferencing lengths stay in pixels and the bearing is NaN.
    """
    if grid.crs is None:
        return shape.length_px, shape.width_px, np.full(len(shape.row), np.nan)
    to_degrees = Transformer.from_crs(grid.crs, WGS84, always_xy=True)
    out = []
    along, across = shape.direction, shape.direction[:, ::-1] * [-1.0, 1.0]
    for unit, size in ((along, shape.length_px), (across, shape.width_px)):
        ends = []
        for sign in (-0.5, 0.5):
            x, y = grid.xy(
                shape.row + sign * size * unit[:, 0], shape.col + sign * size * unit[:, 1]
            )
            ends.append(to_degrees.transform(x, y))
        azimuth, _, distance = _GEOD.inv(*ends[0], *ends[1])
        out.append((np.asarray(distance), np.asarray(azimuth) % 180.0))
    return out[0][0], out[1][0], out[0][1]
