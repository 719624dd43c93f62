"""Masks the user brings: where one is not zero, the image is not used."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from changedet.errors import GridError, ImageReadError, MissingCRSError
from changedet.loading.rasters import grid_of, open_dataset, reading, rio_window
from changedet.model import Grid, Window


class MaskFile:
    """A mask raster, read by window of the image that it belongs to.

    Of the image's shape and place: pixel by pixel. On another grid: by nearest neighbour, and what
    lies outside the mask can be used.
    """

    def __init__(self, path: str, grid: Grid, image: str) -> None:
        self.path = path
        self._grid = grid
        self._local = threading.local()
        with open_dataset(path) as dataset:
            mask_grid, _ = grid_of(dataset, path)
        same_place = not (mask_grid.is_georeferenced and grid.is_georeferenced) or (
            mask_grid.crs == grid.crs
            and np.allclose(mask_grid.transform[:6], grid.transform[:6], rtol=1e-9, atol=1e-9)
        )
        self._warp = not (mask_grid.shape == grid.shape and same_place)
        if not self._warp:
            return
        if mask_grid.is_georeferenced != grid.is_georeferenced:
            raise MissingCRSError(
                f"Of the mask {path} and its image {image} only one has a coordinate reference "
                f"system, and they differ in size ({mask_grid.height} x {mask_grid.width} and "
                f"{grid.height} x {grid.width} pixels): give a mask with a CRS or of the same size."
            )
        if not grid.is_georeferenced:
            raise GridError(
                f"The mask {path} has {mask_grid.height} x {mask_grid.width} pixels, its image "
                f"{image} {grid.height} x {grid.width}: without georeferencing they must agree."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    def _handle(self) -> Any:
        handle = getattr(self._local, "handle", None)
        if handle is None:
            handle = open_dataset(self.path)
            if self._warp:
                crs = self._grid.crs
                handle = WarpedVRT(
                    handle,
                    crs=rasterio.crs.CRS.from_wkt(crs.to_wkt()) if crs is not None else None,
                    transform=self._grid.transform,
                    height=self._grid.height,
                    width=self._grid.width,
                    resampling=Resampling.nearest,
                    tolerance=0,
                    nodata=0,
                )
            self._local.handle = handle
        return handle

    def blocked(self, window: Window) -> np.ndarray:
        """(y, x) bool: True where the image must not be used."""
        with reading(self.path, window):
            values: np.ndarray = self._handle().read(1, window=rio_window(window))
        return values != 0


def mask_array(mask: Any, grid: Grid, image: str) -> np.ndarray:
    """(y, x) bool of a whole mask, True where the image must not be used."""
    if isinstance(mask, str | os.PathLike):
        return MaskFile(os.fspath(mask), grid, image).blocked(grid.window)
    values = np.asarray(mask)
    if values.shape != grid.shape or values.dtype.kind not in "uifb":
        raise GridError(
            f"The mask of {image} has shape {values.shape} and type {values.dtype}; it must be "
            f"numbers of shape {grid.shape}, zero where the image can be used."
        )
    return values != 0


def check_mask(mask: Any, image: str) -> None:
    """Refuse what is neither a file nor an array."""
    if not isinstance(mask, str | os.PathLike) and not hasattr(mask, "__array__"):
        raise ImageReadError(
            f"The mask of {image} is a {type(mask).__name__}: give a raster file or a (y, x) array."
        )
