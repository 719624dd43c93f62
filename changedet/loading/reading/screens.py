"""What hides the ground, and why: codes beside the pixels of a source, the greatest one counts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from changedet.errors import GridError, MissingCRSError
from changedet.loading.reading.rasters import (
    display_name,
    grid_of,
    open_dataset,
    reading,
    rio_window,
)
from changedet.loading.reading.source import Source
from changedet.loading.reading.warp import Warp
from changedet.model import Grid, ImageInfo, Window

CLEAR, SNOW, NODATA, SATURATION, CLOUD_SHADOW, CLOUD, MASK = range(7)
"""Codes. Where several hold, the greatest one is told; snow hides nothing that is looked for."""
REASONS = {
    NODATA: "nodata", SATURATION: "saturation", CLOUD_SHADOW: "cloud_shadow", CLOUD: "cloud",
    MASK: "mask",
}  # fmt: skip
"""Codes under which a pixel is not used, by the names they have in the report."""


class Screen(Protocol):
    """Something that hides part of one image."""

    @property
    def kind(self) -> str:
        """``mask``, ``scl``, ``qa_pixel``, ``pixel_qa`` or ``built-in``."""
        ...

    @property
    def path(self) -> str | None:
        """File that it came from, if it is one of its own."""
        ...

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window of the image: one of the codes."""
        ...


class ScreenedSource(Source):
    """A source some of whose pixels are hidden.

    Parameters
    ----------
    base : Source
        The image.
    screens : sequence of Screen
        What hides it.
    notes : sequence of str
        For the report.
    """

    def __init__(self, base: Source, screens: Sequence[Screen], notes: Sequence[str] = ()) -> None:
        earlier = base.screens if isinstance(base, ScreenedSource) else ()
        self.base: Source = base.base if isinstance(base, ScreenedSource) else base
        self.screens: tuple[Screen, ...] = (*earlier, *screens)
        self.info = replace(base.info, notes=(*base.info.notes, *notes))

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window inside the image: the greatest code of all screens."""
        out = np.zeros(window.shape, dtype=np.uint8)
        for screen in self.screens:
            np.maximum(out, screen.codes(window), out=out)
        return out

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        pixels, valid = self.base.read(window, bands)
        hidden = self.codes(window) > SNOW
        if hidden.any():
            valid = valid & ~hidden
            pixels[:, hidden] = 0
        return pixels, valid

    def sha256(self) -> str | None:
        """Hash of the bytes of the image itself."""
        return self.base.sha256()

    def close(self) -> None:
        """Let go of files that the image opened itself."""
        self.base.close()


def screens_of(source: Source) -> tuple[Screen, ...]:
    """What hides parts of a source; nothing where no mask was given and none was found."""
    return source.screens if isinstance(source, ScreenedSource) else ()


class StoredBand(Source):
    """One band of a raster file as whole numbers, as they are stored."""

    def __init__(self, path: str, number: int = 1) -> None:
        self.path = path
        self._number = number
        self._local = threading.local()
        with open_dataset(path) as dataset:
            grid, _ = grid_of(dataset, path)
            dtype = str(dataset.dtypes[number - 1])
        self.info = ImageInfo(display_name(path), grid, ("codes",), dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        with reading(self.path, window):
            if getattr(self._local, "dataset", None) is None:
                self._local.dataset = open_dataset(self.path)
            values = self._local.dataset.read([self._number], window=rio_window(window))
        return values.astype(np.float32), np.ones(window.shape, dtype=bool)


class OnGrid:
    """Whole numbers of a raster, read by window of the image that they belong to.

    Of the image's shape and place: pixel by pixel. On another grid: the number at a pixel's centre
    (the greatest code of those under it, where the raster is finer); 0 beyond the raster.

    Parameters
    ----------
    numbers : Source
        One band of whole numbers.
    grid : Grid
        The image's own grid.
    table : callable
        From numbers (any array) to codes (uint8).
    what, image : str
        For messages.
    """

    def __init__(self, numbers: Source, grid: Grid, table: Any, what: str, image: str) -> None:
        self._coded = _Coded(numbers, table)
        self._warp: Warp | None = None
        own = numbers.info.grid
        if own.is_georeferenced and grid.is_georeferenced:
            if own != grid:
                self._warp = Warp(self._coded, (0,), grid)
        elif own.shape != grid.shape:
            sizes = (
                f"the {what} {numbers.info.name} has {own.height} x {own.width} pixels, its image "
                f"{image} {grid.height} x {grid.width}"
            )
            if own.is_georeferenced or grid.is_georeferenced:
                raise MissingCRSError(
                    f"Only one of {what} and image has a coordinate reference system, and {sizes}: "
                    f"give a {what} with a CRS, or of the image's size."
                )
            raise GridError(f"Without georeferencing sizes must agree: {sizes}.")

    def read(self, window: Window) -> np.ndarray:
        """(y, x) uint8 codes of a window of the image."""
        if self._warp is not None:
            return self._warp.greatest(window).astype(np.uint8)
        values, _ = self._coded.read(window)
        return values[0].astype(np.uint8)


class _Coded(Source):
    """A band of whole numbers, translated."""

    def __init__(self, numbers: Source, table: Any) -> None:
        self._numbers = numbers
        self._table = table
        self.info = numbers.info

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        values, valid = self._numbers.read(window, (0,))
        return self._table(values).astype(np.float32), valid
