"""The area of interest as a mask that is the same through any window."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize

from changedet.loading.vectors.places import places_on
from changedet.model import Grid, Places, Window

_BLOCK = 512
"""Polygons are drawn in blocks on fixed places of the grid, so that a window changes nothing."""


class AreaMask:
    """Which pixel centres lie inside some polygons."""

    def __init__(self, places: Places, grid: Grid) -> None:
        self._grid = grid
        shape = shapely.union_all(places_on(places, grid.crs).geometry)
        self._shape = shapely.transform(shape, lambda xy: np.column_stack(_pixels(grid, xy)))

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "_block"}

    @cached_property
    def _block(self) -> Callable[[int, int], np.ndarray]:
        """Return :meth:`_draw` with a memory for the blocks asked for last."""
        return lru_cache(maxsize=64)(self._draw)

    def _draw(self, i: int, j: int) -> np.ndarray:
        """Mask of one block; corners of pixels lie on whole numbers."""
        left, top = j * _BLOCK, i * _BLOCK
        box = shapely.box(left, top, left + _BLOCK, top + _BLOCK)
        if not shapely.intersects(self._shape, box):
            return np.zeros((_BLOCK, _BLOCK), dtype=bool)
        if shapely.contains(self._shape, box):
            return np.ones((_BLOCK, _BLOCK), dtype=bool)
        part = shapely.clip_by_rect(
            self._shape, left - 8, top - 8, left + _BLOCK + 8, top + _BLOCK + 8
        )
        if part.is_empty:
            return np.zeros((_BLOCK, _BLOCK), dtype=bool)
        drawn = rasterize(
            [(part, 1)], (_BLOCK, _BLOCK), transform=Affine(1, 0, left, 0, 1, top), dtype="uint8"
        )
        return drawn.astype(bool)

    def read(self, window: Window) -> np.ndarray:
        """(y, x) bool of a window."""
        out = np.zeros(window.shape, dtype=bool)
        for i in range(window.row // _BLOCK, (window.row + window.height - 1) // _BLOCK + 1):
            for j in range(window.col // _BLOCK, (window.col + window.width - 1) // _BLOCK + 1):
                block = Window(i * _BLOCK, j * _BLOCK, _BLOCK, _BLOCK)
                inner = block.intersect(window)
                out[inner.within(window)] = self._block(i, j)[inner.within(block)]
        return out

    def share(self, factor: int) -> np.ndarray:
        """Share of each ``factor`` x ``factor`` pixels of the grid that lies inside."""
        height, width = (math.ceil(n / factor) for n in self._grid.shape)
        out = np.zeros((height, width), dtype=np.float64)
        for i in range(height):
            rows = self.read(Window(i * factor, 0, factor, width * factor))
            out[i] = rows.reshape(factor, width, factor).mean(axis=(0, 2))
        return out


def _pixels(grid: Grid, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) in pixels, whole numbers at pixel corners, of points in the grid's CRS."""
    rows, cols = grid.rowcol(xy[:, 0], xy[:, 1])
    return cols + 0.5, rows + 0.5
