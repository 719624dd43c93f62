"""Raster files and open rasterio datasets as sources."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio._base import DatasetBase
from rasterio.enums import ColorInterp, MaskFlags

from changedet.errors import ImageReadError
from changedet.loading.domains import settle_domain
from changedet.loading.masks import MaskFile, check_mask, mask_array
from changedet.loading.metadata import (
    collect_tags,
    find_domain,
    read_acquisition,
    sentinel2_offset,
)
from changedet.loading.rasters import (
    display_name,
    grid_of,
    is_url,
    open_dataset,
    reading,
    rio_window,
)
from changedet.loading.roles import assign_roles
from changedet.loading.sources import (
    OpenOptions,
    Source,
    register_adapter,
    select_bands,
    usable_pixels,
)
from changedet.model import ImageInfo, Window

_REOPEN_AFTER_BYTES = 64 * 2**20
"""Raw bytes read through one handle before it is opened anew, which empties GDAL's block cache
of this file: the cache could otherwise grow to 5 % of the machine's memory."""


@dataclass(frozen=True)
class Layout:
    """How stored values become physical ones."""

    numbers: tuple[int, ...]
    """1-based number in the file of each band that can be read."""
    scales: tuple[float, ...]
    """Physical = stored * scale + offset, by band."""
    offsets: tuple[float, ...]
    """See ``scales``."""
    nodata: tuple[float | None, ...]
    """Stored value that means nothing, by band."""
    alpha: int | None
    """1-based number of the alpha band."""
    masked: bool
    """Whether the file brings a mask band, inside or beside it (``.msk``)."""

    def invalid(self, raw: np.ndarray, bands: Sequence[int]) -> np.ndarray | None:
        """(y, x) bool, True where any band holds its nodata value; None where none can."""
        out: np.ndarray | None = None
        for values, band in zip(raw, bands, strict=True):
            nodata = self.nodata[band]
            if nodata is None:
                continue
            if np.isnan(nodata):
                hit = np.isnan(values) if values.dtype.kind == "f" else None
            elif values.dtype.kind == "f":
                with np.errstate(over="ignore"):
                    hit = values == values.dtype.type(nodata)
            else:
                limits = np.iinfo(values.dtype)
                inside = nodata == int(nodata) and limits.min <= nodata <= limits.max
                hit = values == values.dtype.type(int(nodata)) if inside else None
            if hit is not None:
                out = hit if out is None else out | hit
        return out

    def physical(self, raw: np.ndarray, bands: Sequence[int]) -> np.ndarray:
        """Apply scale and offset; the raw array itself where there are none."""
        scale = np.array([self.scales[b] for b in bands])[:, None, None]
        offset = np.array([self.offsets[b] for b in bands])[:, None, None]
        if np.all(scale == 1) and np.all(offset == 0):
            return raw
        exact: Any = np.float64 if raw.dtype.itemsize > 2 else np.float32
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: np.ndarray = raw.astype(exact) * scale.astype(exact)
            return scaled + offset.astype(exact)


class FileSource(Source):
    """A raster file: each thread opens it for itself; can be pickled."""

    def __init__(
        self, path: str, layout: Layout, info: ImageInfo, mask: MaskFile | np.ndarray | None
    ) -> None:
        self.path = path
        self.info = info
        self._layout = layout
        self._mask = mask
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
            self._user_mask(window),
        ):
            if usable_here is not None:
                usable = usable_here if usable is None else usable & usable_here
        return usable_pixels(layout.physical(raw, bands), usable)

    def _user_mask(self, window: Window) -> np.ndarray | None:
        if self._mask is None:
            return None
        if isinstance(self._mask, MaskFile):
            return ~self._mask.blocked(window)
        return ~self._mask[window.slices]

    def sha256(self) -> str | None:
        """Hash of the file's bytes (side-car files not included); None for URLs."""
        if is_url(self.path) or not os.path.isfile(self.path):
            return None
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def close(self) -> None:
        """Close this thread's handle; it opens again when it is needed."""
        dataset = getattr(self._local, "dataset", None)
        if dataset is not None:
            dataset.close()
        self._local.dataset = None
        self._local.bytes = 0


class DatasetSource(FileSource):
    """A dataset that the caller opened and will close: read through it, one thread at a time."""

    def __init__(
        self, dataset: Any, layout: Layout, info: ImageInfo, mask: MaskFile | np.ndarray | None
    ) -> None:
        super().__init__(dataset.name, layout, info, mask)
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
        layout, info = _describe(dataset, path, options)
    return FileSource(path, layout, info, _mask(options, info, whole=False))


def _open_borrowed(obj: Any, options: OpenOptions) -> Source:
    if obj.closed:
        raise ImageReadError(f"The dataset {obj.name} is closed: give an open one, or its path.")
    if obj.mode not in ("r", "r+"):
        raise ImageReadError(
            f"The dataset {obj.name} is open for writing only: close it and give its path."
        )
    layout, info = _describe(obj, obj.name, options)
    return DatasetSource(obj, layout, info, _mask(options, info, whole=False))


def _mask(options: OpenOptions, info: ImageInfo, whole: bool) -> MaskFile | np.ndarray | None:
    if options.mask is None:
        return None
    check_mask(options.mask, info.name)
    if isinstance(options.mask, str | os.PathLike) and not whole:
        return MaskFile(os.fspath(options.mask), info.grid, info.name)
    return mask_array(options.mask, info.grid, info.name)


def _describe(dataset: Any, path: str, options: OpenOptions) -> tuple[Layout, ImageInfo]:
    """Everything that a dataset says about itself."""
    name = options.name or display_name(path)
    _check_kind(dataset, name)
    grid, notes = grid_of(dataset, path)
    numbers = [i for i, c in zip(dataset.indexes, dataset.colorinterp, strict=True)
               if c != ColorInterp.alpha]  # fmt: skip
    alpha = next((i for i in dataset.indexes if i not in numbers), None)
    tags = collect_tags(dataset.tags(), dataset.tags(ns="IMAGERY"), dataset.tags(ns="IMD"))
    when = read_acquisition(tags, path)
    descriptions = [dataset.descriptions[i - 1] for i in numbers]
    colours = [dataset.colorinterp[i - 1].name for i in numbers]
    band_tags = [collect_tags(dataset.tags(i), dataset.tags(i, ns="IMAGERY")) for i in numbers]
    roles = assign_roles(
        descriptions, colours, band_tags, _platform_hint(when.platform, tags, path)
    )
    keep = select_bands(roles, options.bands, name)
    numbers, roles = [numbers[i] for i in keep], tuple(roles[i] for i in keep)
    layout, s2_notes, saturation = _layout(dataset, numbers, alpha, tags, path)
    units = [dataset.units[i - 1] for i in numbers]
    found, radar = find_domain(tags, roles, [descriptions[i] for i in keep], units)
    dtype = np.dtype(dataset.dtypes[numbers[0] - 1])
    sample = _sample(dataset, numbers[0]) if radar and found is None and dtype.kind == "f" else None
    domain, source, guesses = settle_domain(options.domain, found, radar, dtype, sample)
    local = not is_url(path) and os.path.isfile(path)
    info = ImageInfo(
        name, grid, roles, str(dtype), domain, source, when.acquired, when.sun_azimuth_deg,
        when.sun_elevation_deg, when.view_azimuth_deg, when.off_nadir_deg, when.platform,
        size_bytes=os.path.getsize(path) if local else None, saturation=saturation,
        notes=(*notes, *s2_notes, *_mask_notes(layout, options), *guesses),
    )  # fmt: skip
    return layout, info


def _check_kind(dataset: Any, name: str) -> None:
    if dataset.count == 0:
        inside = ", ".join(dataset.subdatasets[:4])
        raise ImageReadError(
            f"{name} holds no bands of its own"
            + (
                f" but {len(dataset.subdatasets)} images: give one of them, {inside}."
                if inside
                else "."
            )
        )
    if any(np.dtype(d).kind == "c" for d in dataset.dtypes if "complex" in d):
        raise ImageReadError(
            f"{name} holds complex values ({dataset.dtypes[0]}): give its amplitude or intensity."
        )
    if dataset.colorinterp[0] == ColorInterp.palette:
        raise ImageReadError(
            f"{name} holds colour numbers of a palette, not brightness: expand it first, for "
            "example with gdal_translate -expand rgb."
        )
    if all(c == ColorInterp.alpha for c in dataset.colorinterp):
        raise ImageReadError(f"{name} holds an alpha band and nothing else.")


def _platform_hint(platform: str | None, tags: dict[str, str], path: str) -> str | None:
    _, product, _ = sentinel2_offset(tags, path, integers=True, scaled=False)
    return product or platform


def _layout(
    dataset: Any, numbers: list[int], alpha: int | None, tags: dict[str, str], path: str
) -> tuple[Layout, tuple[str, ...], float | None]:
    scales = [dataset.scales[i - 1] for i in numbers]
    offsets = [dataset.offsets[i - 1] for i in numbers]
    nodata = [dataset.nodatavals[i - 1] for i in numbers]
    dtype = np.dtype(dataset.dtypes[numbers[0] - 1])
    flags = dataset.mask_flag_enums[numbers[0] - 1]
    masked = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
    add, product, note = sentinel2_offset(
        tags, path, integers=dtype.kind in "ui", scaled=any(o != 0 for o in offsets)
    )
    notes = [note] if note else []
    if add:
        offsets = [o + add * s for o, s in zip(offsets, scales, strict=True)]
    if product and not masked and alpha is None and all(n is None for n in nodata):
        nodata = [0.0] * len(nodata)
        notes.append("Sentinel-2: digital number 0 taken as no data")
    top = {"uint8": 255.0}.get(str(dtype), 65535.0 if product else None)
    saturation = None if top is None else top * scales[0] + offsets[0]
    if any(s != 1 for s in scales) or any(o != 0 for o in offsets):
        notes.append(f"scale {scales[0]:g} and offset {offsets[0]:g} applied")
    layout = Layout(tuple(numbers), tuple(scales), tuple(offsets), tuple(nodata), alpha, masked)
    return layout, tuple(notes), saturation


def _mask_notes(layout: Layout, options: OpenOptions) -> list[str]:
    notes = []
    values = sorted({f"{n:g}" for n in layout.nodata if n is not None})
    if values:
        notes.append(f"no-data value {', '.join(values)}")
    if layout.masked:
        notes.append("mask band used")
    if layout.alpha is not None:
        notes.append("alpha band used as mask")
    if options.mask is not None:
        notes.append("user mask used")
    return notes


def _sample(dataset: Any, number: int) -> np.ndarray:
    """Some pixels of one band, for telling decibels from intensity."""
    window = Window(
        max(0, dataset.height // 2 - 128), max(0, dataset.width // 2 - 128),
        min(256, dataset.height), min(256, dataset.width),
    )  # fmt: skip
    with reading(dataset.name, window):
        values: np.ndarray = dataset.read(number, window=rio_window(window))
    return values[np.isfinite(values)]


register_adapter("a path or URL", lambda obj: isinstance(obj, str | os.PathLike), _open_file)
register_adapter(
    "an open rasterio dataset", lambda obj: isinstance(obj, DatasetBase), _open_borrowed
)
