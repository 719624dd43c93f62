"""Masks the user brings: where one is not zero, the image is not used."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from changedet.errors import GridError, ImageReadError, MissingCRSError
from changedet.loading.rasters import display_name, grid_of, open_dataset, reading, rio_window
from changedet.loading.sources import Source
from changedet.loading.warp import Warp
from changedet.model import Grid, ImageInfo, Window


class _MaskPixels(Source):
    """The first band of a mask raster as it is stored: 1 where it is not zero."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._local = threading.local()
        with open_dataset(path) as dataset:
            grid, _ = grid_of(dataset, path)
        self.info = ImageInfo(display_name(path), grid, ("mask",), "uint8")

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        with reading(self.path, window):
            if getattr(self._local, "dataset", None) is None:
                self._local.dataset = open_dataset(self.path)
            values = self._local.dataset.read([1], window=rio_window(window))
        return (values != 0).astype(np.float32), np.ones(window.shape, dtype=bool)


class MaskFile:
    """A mask raster, read by window of the image that it belongs to.

    Of the image's shape and place: pixel by pixel. On another grid: a pixel is blocked where the
    mask pixel at its centre is (any of those under it, where the mask is finer); what lies outside
    the mask can be used.
    """

    def __init__(self, path: str, grid: Grid, image: str) -> None:
        self.path = path
        self._pixels = _MaskPixels(path)
        self._warp: Warp | None = None
        own = self._pixels.info.grid
        if own.is_georeferenced and grid.is_georeferenced:
            self._warp = Warp(self._pixels, (0,), grid)
        elif own.shape != grid.shape:
            sizes = (
                f"the mask {path} has {own.height} x {own.width} pixels, its image {image} "
                f"{grid.height} x {grid.width}"
            )
            if own.is_georeferenced or grid.is_georeferenced:
                raise MissingCRSError(
                    f"Only one of mask and image has a coordinate reference system, and {sizes}: "
                    "give a mask with a CRS, or of the image's size."
                )
            raise GridError(f"Without georeferencing sizes must agree: {sizes}.")

    def blocked(self, window: Window) -> np.ndarray:
        """(y, x) bool: True where the image must not be used."""
        if self._warp is not None:
            return self._warp.touched(window)
        values, _ = self._pixels.read(window)
        return np.asarray(values[0] != 0)


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
