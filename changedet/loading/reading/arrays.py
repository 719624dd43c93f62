"""Arrays in memory as sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from changedet.errors import BandError, GridError, ImageReadError
from changedet.loading.reading.domains import require_domain, settle_domain
from changedet.loading.reading.quality import NAMES, QualityBand, is_auxiliary, quality_kind
from changedet.loading.reading.screens import ScreenedSource
from changedet.loading.reading.source import ArraySource, OpenOptions, Source, select_bands
from changedet.loading.reading.sources import register_adapter
from changedet.model import SAR_ROLES, Grid, Image, ImageInfo


def _array_info(
    pixels: np.ndarray,
    valid: np.ndarray | None,
    grid: Grid,
    roles: tuple[str, ...],
    options: OpenOptions,
) -> ImageInfo:
    name, dtype = options.name or "array", pixels.dtype
    middle = tuple(slice(max(0, n // 2 - 128), n // 2 + 128) for n in grid.shape)
    sample = pixels[0][middle]
    usable = np.isfinite(sample) if valid is None else np.isfinite(sample) & valid[middle]
    domain, source, notes = settle_domain(
        options.domain, None, any(_is_radar(roles)), dtype, sample[usable]
    )
    require_domain(name, domain, sample[usable])
    saturation = 255.0 if dtype == np.uint8 else None
    return ImageInfo(
        name, grid, roles, str(dtype), domain, source, saturation=saturation, notes=notes
    )


def _is_radar(roles: Sequence[str]) -> list[bool]:
    return [role in SAR_ROLES for role in roles]


def _open_array(obj: Any, options: OpenOptions) -> Source:
    array, grid, *rest = obj
    if not isinstance(grid, Grid):
        raise GridError(
            f"An array came with a {type(grid).__name__} instead of a Grid: give "
            "(array, changedet.Grid(transform, height, width, crs))."
        )
    name = options.name or "array"
    mask = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    pixels = np.asarray(np.ma.getdata(array))
    if pixels.ndim == 2:
        pixels, mask = pixels[None], None if mask is None else mask[None]
    if pixels.ndim != 3 or pixels.shape[1:] != grid.shape:
        raise GridError(
            f"An array of shape {np.shape(array)} does not fit a grid of {grid.shape}: "
            "it must be (y, x) or (band, y, x) with the grid's height and width."
        )
    if pixels.dtype.kind not in "uifb":
        raise ImageReadError(
            f"{name} holds values of type {pixels.dtype}: give real numbers (the amplitude or "
            "intensity of a complex image)."
        )
    count = pixels.shape[0]
    roles = tuple(rest[0]) if rest and rest[0] else tuple(f"band{i + 1}" for i in range(count))
    if len(roles) != count:
        raise BandError(f"{len(roles)} roles {roles} were given for {count} bands: give one each.")
    spectral, quality = _spectral(roles, name)
    keep = [spectral[i] for i in select_bands([roles[i] for i in spectral], options.bands, name)]
    values, whole = pixels, roles
    pixels, roles = pixels[keep], tuple(roles[i] for i in keep)
    valid: np.ndarray | None = None if mask is None else ~np.asarray(mask[keep].any(axis=0))
    source = ArraySource(pixels, _array_info(pixels, valid, grid, roles, options), valid)
    if quality is None or not options.clouds or source.info.domain != "optical":
        return source
    kind = str(quality_kind(whole[quality]))
    info = replace(source.info, roles=("quality",))
    screen = QualityBand(kind, ArraySource(values[quality : quality + 1], info), grid, name, None)
    return ScreenedSource(source, (screen,), (f"{NAMES[kind]} used (among the bands)",))


def _spectral(roles: Sequence[str], name: str) -> tuple[list[int], int | None]:
    """0-based positions of the bands that hold brightness, and of a quality band."""
    quality = next((i for i, role in enumerate(roles) if quality_kind(role)), None)
    spectral = [i for i, r in enumerate(roles) if not quality_kind(r) and not is_auxiliary(r)]
    if not spectral:
        raise BandError(f"{name} holds quality bands and nothing else: give the image itself.")
    return spectral, quality


def _open_image(obj: Image, options: OpenOptions) -> Source:
    hidden = np.ma.MaskedArray(obj.pixels, np.broadcast_to(~obj.valid, obj.pixels.shape))
    return _open_array((hidden, obj.grid, obj.roles), options)


register_adapter(
    "(array, Grid) or (array, Grid, roles)",
    lambda obj: isinstance(obj, tuple) and len(obj) in (2, 3) and hasattr(obj[0], "__array__"),
    _open_array,
)
register_adapter("a changedet Image", lambda obj: isinstance(obj, Image), _open_image)
