"""What a raster file holds: bands, no data, scale, and everything its metadata says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from changedet.errors import BandError, ImageReadError
from changedet.loading.reading.domains import require_domain, settle_domain
from changedet.loading.reading.metadata import (
    collect_tags,
    find_domain,
    is_sentinel2,
    read_acquisition,
    sentinel2_offset,
)
from changedet.loading.reading.quality import NAMES, is_auxiliary, quality_kind
from changedet.loading.reading.rasters import display_name, grid_of, is_url, reading, rio_window
from changedet.loading.reading.roles import NAME_TAGS, assign_roles
from changedet.loading.reading.source import OpenOptions, select_bands
from changedet.model import ImageInfo, Window


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
    quality: tuple[str, int] | None = None
    """Kind and 1-based number of a quality band in the file."""

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


def describe_dataset(dataset: Any, path: str, options: OpenOptions) -> tuple[Layout, ImageInfo]:
    """Everything that an open dataset says about itself.

    Returns
    -------
    layout : Layout
        How to read its pixels.
    info : ImageInfo
        What is known about the image.

    Raises
    ------
    ImageReadError, GridError, BandError
        If it cannot be used.
    """
    name = options.name or display_name(path)
    _check_kind(dataset, name)
    grid, notes = grid_of(dataset, path)
    numbers = [i for i, c in zip(dataset.indexes, dataset.colorinterp, strict=True)
               if c != ColorInterp.alpha]  # fmt: skip
    alpha = next((i for i in dataset.indexes if i not in numbers), None)
    numbers, quality, aside = _without_quality(dataset, numbers, name)
    tags = collect_tags(dataset.tags(), dataset.tags(ns="IMAGERY"), dataset.tags(ns="IMD"))
    when = read_acquisition(tags, path)
    descriptions = [dataset.descriptions[i - 1] for i in numbers]
    colours = [dataset.colorinterp[i - 1].name for i in numbers]
    band_tags = [collect_tags(dataset.tags(i), dataset.tags(i, ns="IMAGERY")) for i in numbers]
    platform = when.platform or ("sentinel-2" if is_sentinel2(tags, path) else None)
    roles = assign_roles(descriptions, colours, band_tags, platform)
    keep = select_bands(roles, options.bands, name)
    numbers, roles = [numbers[i] for i in keep], tuple(roles[i] for i in keep)
    layout, s2_notes, saturation = _layout(dataset, numbers, alpha, tags, platform)
    layout = replace(layout, quality=quality)
    units = [dataset.units[i - 1] for i in numbers]
    found, radar = find_domain(tags, roles, [descriptions[i] for i in keep], units)
    dtype = np.dtype(dataset.dtypes[numbers[0] - 1])
    perhaps = radar or options.domain.startswith("sar") or (found or "").startswith("sar")
    sample = _sample(dataset, layout) if perhaps else None
    domain, source, guesses = settle_domain(options.domain, found, radar, dtype, sample)
    if sample is not None:
        require_domain(name, domain, sample)
    local = not is_url(path) and os.path.isfile(path)
    info = ImageInfo(
        name, grid, roles, str(dtype), domain, source, when.acquired, when.sun_azimuth_deg,
        when.sun_elevation_deg, when.view_azimuth_deg, when.off_nadir_deg, platform,
        size_bytes=os.path.getsize(path) if local else None, saturation=saturation,
        notes=(*notes, *aside, *s2_notes, *_mask_notes(layout), *guesses),
    )  # fmt: skip
    return layout, info


def _without_quality(
    dataset: Any, numbers: list[int], name: str
) -> tuple[list[int], tuple[str, int] | None, tuple[str, ...]]:
    """Bands that hold brightness, the quality band among the others, and notes about those.

    Raises
    ------
    BandError
        If no band is left.
    """
    quality, spectral, notes = None, [], []
    for number in numbers:
        tags = collect_tags(dataset.tags(number))
        names = [dataset.descriptions[number - 1], *(tags.get(k) for k in NAME_TAGS)]
        kinds = [kind for n in names if n and (kind := quality_kind(n))]
        if kinds:
            quality = quality or (kinds[0], number)
            notes.append(f"band {number} is a {NAMES[kinds[0]]}: not compared")
        elif any(is_auxiliary(n) for n in names if n):
            notes.append(f"band {number} ({names[0] or 'auxiliary'}) holds no brightness: left out")
        else:
            spectral.append(number)
    if not spectral:
        raise BandError(
            f"{name} holds quality or auxiliary bands and nothing else: give the image itself; "
            "a quality band beside it is found by its name, or given as a mask."
        )
    return spectral, quality, tuple(notes)


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


def _layout(
    dataset: Any, numbers: list[int], alpha: int | None, tags: dict[str, str], platform: str | None
) -> tuple[Layout, tuple[str, ...], float | None]:
    scales = [dataset.scales[i - 1] for i in numbers]
    offsets = [dataset.offsets[i - 1] for i in numbers]
    nodata = [dataset.nodatavals[i - 1] for i in numbers]
    dtype = np.dtype(dataset.dtypes[numbers[0] - 1])
    flags = dataset.mask_flag_enums[numbers[0] - 1]
    masked = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
    scaled = any(o != 0 for o in offsets)
    add, product, note = sentinel2_offset(
        tags, dataset.name, dtype.kind in "ui", scaled=scaled, platform=platform
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


def _mask_notes(layout: Layout) -> list[str]:
    notes = []
    values = sorted({f"{n:g}" for n in layout.nodata if n is not None})
    if values:
        notes.append(f"no-data value {', '.join(values)}")
    if layout.masked:
        notes.append("mask band used")
    if layout.alpha is not None:
        notes.append("alpha band used as mask")
    return notes


def _sample(dataset: Any, layout: Layout) -> np.ndarray:
    """Some valid pixels of the first band, physical values, for telling decibels from intensity."""
    window = Window(
        max(0, dataset.height // 2 - 128), max(0, dataset.width // 2 - 128),
        min(256, dataset.height), min(256, dataset.width),
    )  # fmt: skip
    with reading(dataset.name, window):
        values = dataset.read(layout.numbers[0], window=rio_window(window), masked=True)
    usable = values.compressed()
    usable = usable[np.isfinite(usable)]
    return np.asarray(usable * layout.scales[0] + layout.offsets[0])
