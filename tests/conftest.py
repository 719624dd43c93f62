"""What the tests of several rooms share."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, settings
from pyproj import CRS

from changedet.model import Grid, Window

settings.register_profile(
    "changedet", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("changedet")


def pytest_configure(config: pytest.Config) -> None:
    """Let pass the one warning that comes from a dependency of a dependency.

    rasterio 1.4 multiplies geotransforms with ``*``, for which affine 3 announces ``@``.
    """
    config.addinivalue_line("filterwarnings", "ignore:Use `@` matmul:PendingDeprecationWarning")


class ArrayRaster:
    """A raster in memory that counts how often it is read."""

    def __init__(self, array: np.ndarray, grid: Grid | None = None) -> None:
        self.array = array
        self.grid = grid or Grid.pixels(*array.shape)
        self.reads: list[Window] = []

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def read(self, window: Window) -> np.ndarray:
        self.reads.append(window)
        return self.array[window.slices]


@pytest.fixture
def array_raster() -> type[ArrayRaster]:
    """The class of a raster in memory."""
    return ArrayRaster


@pytest.fixture
def utm_grid() -> Grid:
    """200 x 300 pixels of 2 m at the rail crossing of Tumangang and Khasan."""
    return Grid(Affine(2.0, 0.0, 635_000.0, 0.0, -2.0, 4_698_000.0), 200, 300, CRS.from_epsg(32652))
