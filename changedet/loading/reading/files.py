"""Raster files and open rasterio datasets as sources."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from rasterio.io import DatasetReader, DatasetWriter
from rasterio.vrt import WarpedVRT

from changedet.errors import ImageReadError
from changedet.loading.reading.layout import Layout, describe_dataset
from changedet.loading.reading.quality import NAMES, QualityBand, sidecar_screen
from changedet.loading.reading.rasters import file_sha256, open_dataset, reading, rio_window
from changedet.loading.reading.screens import ScreenedSource
from changedet.loading.reading.source import OpenOptions, Source, usable_pixels
from changedet.loading.reading.sources import register_adapter
from changedet.model import ImageInfo, Window

_REOPEN_AFTER_BYTES = 64 * 2**20
"""Raw bytes read through one handle before it is opened anew, which empties GDAL's block cache
of this file: the cache could otherwise grow to 5 % of the machine's memory."""


class FileSource(Source):
    """A raster file: each thread opens it for itself; can be pickled."""

    def __init__(self, path: str, layout: Layout, info: ImageInfo) -> None:
        self.path = path
        self.info = info
        self._layout = layout
        self._local = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_local"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    def _dataset(self) -> tuple[Any, AbstractContextManager[Any]]:
        """Return an open dataset and what must be held while reading from it."""
        local = self._local
        if getattr(local, "bytes", 0) > _REOPEN_AFTER_BYTES:
            self.close()
        if getattr(local, "dataset", None) is None:
            local.dataset = open_dataset(self.path)
        return local.dataset, nullcontext()

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        layout = self._layout
        with reading(self.path, window):
            dataset, guard = self._dataset()
            with guard:
                place = rio_window(window)
                raw = dataset.read([layout.numbers[b] for b in bands], window=place)
                mask = (
                    dataset.read_masks(layout.numbers[0], window=place) if layout.masked else None
                )
                alpha = None if layout.alpha is None else dataset.read(layout.alpha, window=place)
        self._local.bytes = getattr(self._local, "bytes", 0) + raw.nbytes
        usable: np.ndarray | None = None
        for usable_here in (
            None if (invalid := layout.invalid(raw, bands)) is None else ~invalid,
            None if mask is None else mask != 0,
            None if alpha is None else alpha != 0,
        ):
            if usable_here is not None:
                usable = usable_here if usable is None else usable & usable_here
        return usable_pixels(layout.physical(raw, bands), usable)

    def stored(self, number: int, window: Window) -> np.ndarray:
        """(1, y, x): one band of the file (1-based) as it is stored."""
        with reading(self.path, window):
            dataset, guard = self._dataset()
            with guard:
                values: np.ndarray = dataset.read([number], window=rio_window(window))
        return values

    def sha256(self) -> str | None:
        """Hash of the file's bytes (side-car files not included); None for URLs."""
        return file_sha256(self.path)

    def close(self) -> None:
        """Close this thread's handle; it opens again when it is needed."""
        dataset = getattr(self._local, "dataset", None)
        if dataset is not None:
            dataset.close()
        self._local.dataset = None
        self._local.bytes = 0


class DatasetSource(FileSource):
    """A dataset that the caller opened and will close: read through it, one thread at a time."""

    def __init__(self, dataset: Any, layout: Layout, info: ImageInfo) -> None:
        super().__init__(dataset.name, layout, info)
        self._borrowed = dataset
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        raise ImageReadError(
            f"{self.info.name} came as an open dataset, which cannot be handed to another "
            "process: give its path instead."
        )

    def _dataset(self) -> tuple[Any, AbstractContextManager[Any]]:
        if self._borrowed.closed:
            raise ImageReadError(
                f"The dataset {self.info.name} was closed: keep it open, or give its path."
            )
        return self._borrowed, self._lock

    def close(self) -> None:
        """Do nothing: the dataset belongs to the caller."""


def _open_file(obj: Any, options: OpenOptions) -> Source:
    path = os.fspath(obj)
    with open_dataset(path) as dataset:
        layout, info = describe_dataset(dataset, path, options)
    return _screened(FileSource(path, layout, info), layout, options)


def _open_borrowed(obj: Any, options: OpenOptions) -> Source:
    if obj.closed:
        raise ImageReadError(f"The dataset {obj.name} is closed: give an open one, or its path.")
    if obj.mode not in ("r", "r+"):
        raise ImageReadError(
            f"The dataset {obj.name} is open for writing only: close it and give its path."
        )
    layout, info = describe_dataset(obj, obj.name, options)
    return _screened(DatasetSource(obj, layout, info), layout, options)


class _QualityNumbers(Source):
    """The quality band inside an image's own file."""

    def __init__(self, source: FileSource, number: int) -> None:
        self._source = source
        self._number = number
        self.info = replace(source.info, roles=("quality",))

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        values = self._source.stored(self._number, window)
        return values.astype(np.float32), np.ones(window.shape, dtype=bool)


def _screened(source: FileSource, layout: Layout, options: OpenOptions) -> Source:
    """Put what the provider says of clouds before an image, where there is such a band."""
    info = source.info
    if not options.clouds or info.domain != "optical":
        return source
    if layout.quality is not None:
        kind, number = layout.quality
        numbers = _QualityNumbers(source, number)
        screen: QualityBand | None = QualityBand(kind, numbers, info.grid, info.name, None)
        where = "in the file"
    else:
        screen = sidecar_screen(source.path, info.grid, info.name)
        where = "" if screen is None else os.path.basename(str(screen.path))
    if screen is None:
        return source
    return ScreenedSource(source, (screen,), (f"{NAMES[screen.kind]} used ({where})",))


register_adapter("a path or URL", lambda obj: isinstance(obj, str | os.PathLike), _open_file)
register_adapter(
    "an open rasterio dataset",
    lambda obj: isinstance(obj, DatasetReader | DatasetWriter | WarpedVRT),
    _open_borrowed,
)
