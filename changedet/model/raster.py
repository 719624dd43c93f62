"""Rasters that live outside memory: anything that gives a window."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from changedet.model.grid import Grid, Window


class RasterWindows(Protocol):
    """A one-band raster on a grid, read by window; safe to call from several threads."""

    @property
    def grid(self) -> Grid:
        """Where it lies."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Type of its pixels."""
        ...

    def read(self, window: Window) -> np.ndarray:
        """Pixels of a window inside the grid, (y, x)."""
        ...
