"""Where the shadow and the top of a thing fall on a grid, by the sun and the view."""

from __future__ import annotations

import math

import numpy as np

from changedet.model import Grid


def shadow_offset(grid: Grid, azimuth_deg: float, elevation_deg: float) -> tuple[float, float]:
    """Where the shadow of a thing one metre tall ends, in (rows, columns) of the grid."""
    return _offset(grid, azimuth_deg, 1.0 / math.tan(math.radians(max(elevation_deg, 5.0))))


def lean_offset(grid: Grid, azimuth_deg: float, off_nadir_deg: float) -> tuple[float, float]:
    """Where the top of a thing one metre tall is seen, (rows, columns) of the grid from its foot.

    Parameters
    ----------
    grid : Grid
        The common grid.
    azimuth_deg : float
        Direction from the ground to the sensor, clockwise from north.
    off_nadir_deg : float
        View angle from the vertical.
    """
    return _offset(grid, azimuth_deg, math.tan(math.radians(min(off_nadir_deg, 60.0))))


def _offset(grid: Grid, azimuth_deg: float, length: float) -> tuple[float, float]:
    """Rows and columns of a step of so many metres away from an azimuth.

    The CRS is taken to point north along its second axis: the convergence of a projection is
    below a few degrees where it is fit for use.
    """
    east = -length * math.sin(math.radians(azimuth_deg))
    north = -length * math.cos(math.radians(azimuth_deg))
    t, steps = grid.transform, grid.pixel_size_m
    if steps is None:
        return (0.0, 0.0)
    # Unit vectors of one column and one row step on the ground.
    col = np.array([t.a, t.d]) / math.hypot(t.a, t.d) * steps[1]
    row = np.array([t.b, t.e]) / math.hypot(t.b, t.e) * steps[0]
    cols, rows = np.linalg.solve(np.column_stack([col, row]), [east, north])
    return float(rows), float(cols)
