"""Grids, corrections and images that know where they are."""

from __future__ import annotations

import numpy as np
from affine import Affine
from pyproj import CRS, Transformer

from changedet.model import Alignment, Grid, Lattice

UTM = CRS.from_epsg(32652)
ORIGIN = (635_000.0, 4_698_000.0)


def north_up(
    size: float = 2.0, height: int = 120, width: int = 150, origin: tuple[float, float] = ORIGIN
) -> Grid:
    """A UTM grid at the crossing of Tumangang and Khasan."""
    return Grid(Affine(size, 0, origin[0], 0, -size, origin[1]), height, width, UTM)


def grid_around(target: Grid, crs: CRS, size: float, turn: float = 0.0, mirror: bool = False,
                margin: float = 0.1) -> Grid:  # fmt: skip
    """A grid in another CRS that covers a target, turned by degrees or south-up."""
    points = target.corners(crs)
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    cx, cy = (left + right) / 2, (bottom + top) / 2
    grow = (1 + margin) * (1.5 if turn else 1.0)
    width = int(np.ceil((right - left) * grow / size))
    height = int(np.ceil((top - bottom) * grow / size))
    a = np.radians(turn)
    cos, sin = np.cos(a) * size, np.sin(a) * size
    down = 1 if mirror else -1
    x0 = cx - (width / 2) * cos - (height / 2) * sin * -down
    y0 = cy - (width / 2) * sin - (height / 2) * cos * down
    return Grid(Affine(cos, sin * -down, x0, sin, cos * down, y0), height, width, crs)


def own_positions(grid: Grid, target: Grid) -> np.ndarray:
    """(2, y, x) float32: row and column in the target of each pixel centre of a grid."""
    rows, cols = np.mgrid[0 : grid.height, 0 : grid.width]
    x, y = grid.xy(rows, cols)
    if grid.crs != target.crs:
        x, y = Transformer.from_crs(grid.crs, target.crs, always_xy=True).transform(x, y)
    return np.stack(target.rowcol(x, y)).astype(np.float32)


def translation(dy: float, dx: float) -> Alignment:
    """The same correction everywhere."""
    lattices = (Lattice.constant(v) for v in (dy, dx, 0.1))
    return Alignment(*lattices, "translation", "good", dx_px=dx, dy_px=dy)


def local_field(seed: int = 0, size: float = 1.5) -> Alignment:
    """A correction that varies smoothly over about 60 pixels."""
    rng = np.random.default_rng(seed)
    dy, dx = (Lattice(0, 0, 60, 60, rng.normal(scale=size, size=(4, 4))) for _ in range(2))
    sigma = Lattice(0, 0, 60, 60, rng.uniform(0.05, 0.3, size=(4, 4)))
    return Alignment(dy, dx, sigma, "local", "usable")
