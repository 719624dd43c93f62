"""Outlines of the places in which no change could have been seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio.features
import shapely
from affine import Affine

from changedet.model import Grid, RasterWindows
from changedet.reporting.cog import quiet

MAX_SIDE = 4096
"""Cells along the longer side, at most."""
NOT_OBSERVABLE = 255
"""Value in ``changed.tif``."""


def not_observable(changed: RasterWindows, max_side: int = MAX_SIDE) -> tuple[np.ndarray, int]:
    """Outline the places that could not be observed.

    Parameters
    ----------
    changed : RasterWindows
        uint8, 255 = not observable.
    max_side : int
        A larger raster is outlined in coarser cells; a cell counts as not observable when any of
        its pixels is.

    Returns
    -------
    polygons : (n,) object array of shapely polygons
        In the CRS of the raster.
    factor : int
        Side of a cell in pixels.
    """
    grid = changed.grid
    factor = max(1, -(-max(grid.shape) // max_side))
    mask = np.zeros((-(-grid.height // factor), -(-grid.width // factor)), dtype=np.uint8)
    step = max(1, 2048 // factor) * factor
    for window in grid.tiles(step):
        cells = _any_in_cells(changed.read(window) == NOT_OBSERVABLE, factor)
        row, col = window.row // factor, window.col // factor
        mask[row : row + cells.shape[0], col : col + cells.shape[1]] = cells
    t = grid.transform
    coarse = Affine(t.a * factor, t.b * factor, t.c, t.d * factor, t.e * factor, t.f)
    with quiet():
        found = rasterio.features.shapes(mask, mask=mask > 0, connectivity=4, transform=coarse)
        polygons = [shapely.geometry.shape(shape) for shape, _ in found]
    if factor > 1:
        polygons = [_clip(p, grid) for p in polygons]
    return np.array(polygons, dtype=object), factor


def _any_in_cells(block: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return block
    height, width = (-(-n // factor) * factor for n in block.shape)
    whole = np.zeros((height, width), dtype=bool)
    whole[: block.shape[0], : block.shape[1]] = block
    blocks = whole.reshape(height // factor, factor, width // factor, factor)
    return np.asarray(blocks.any(axis=(1, 3)))


def _clip(polygon: Any, grid: Grid) -> Any:
    """Cut off what cells at the edge reach beyond the grid."""
    return shapely.intersection(polygon, shapely.Polygon(grid.corners(density=2)))
