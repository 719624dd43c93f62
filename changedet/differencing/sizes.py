"""The smallest object that is one."""

from __future__ import annotations

import numpy as np

from changedet.model import Grid

MINIMUM_PIXELS = 4
MINIMUM_AREA_M2 = 4.5
"""Smallest object unless told otherwise: a third of a 20-foot container, half a car."""


def minimum_pixels(grid: Grid, min_area_m2: float | None) -> int:
    """Smallest object in pixels, from an area in square metres (pixels without CRS) or None."""
    if min_area_m2 is None:
        if grid.pixel_area_m2 is None:
            return MINIMUM_PIXELS
        return max(MINIMUM_PIXELS, int(np.ceil(MINIMUM_AREA_M2 / grid.pixel_area_m2 - 1e-9)))
    area = 1.0 if grid.pixel_area_m2 is None else grid.pixel_area_m2
    return max(1, int(np.ceil(min_area_m2 / area - 1e-9)))
