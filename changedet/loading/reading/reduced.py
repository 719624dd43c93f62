"""A source averaged to coarser pixels in memory, read in rows so that memory stays small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from affine import Affine

from changedet.loading.reading.positions import Positions
from changedet.loading.reading.resample import block_mean
from changedet.loading.reading.source import ArraySource, Source
from changedet.model import Grid, Window

_CHUNK = 2_000_000
"""Values read at once."""
_MARGIN = 4
"""Coarse pixels kept around the common grid, for the interpolation that follows."""


def reduce_source(
    source: Source, bands: Sequence[int], positions: Positions, grid: Grid, factor: int
) -> tuple[Source, Sequence[int]]:
    """Average a source for an overview that is ``factor`` times coarser than the common grid.

    The part of the source under the grid is averaged over whole pixels, at most to the size of the
    overview's pixels. Overviews stored in the file are not used: they are often made by picking
    single pixels, which shifts them by half a coarse pixel.

    Parameters
    ----------
    source : Source
        Where pixels come from.
    bands : sequence of int
        0-based positions in ``source.info.roles``.
    positions : Positions
        Where the common grid lies in the source.
    grid : Grid
        The common grid.
    factor : int
        Pixels of the common grid that a pixel of the overview is wide.

    Returns
    -------
    source : Source
        The same one where averaging would not help.
    bands : sequence of int
        Which of its bands to read.
    """
    rows, cols = _spots(positions, grid)
    step = _step(positions, grid, factor)
    if step == (1, 1) or not len(rows):
        return source, bands
    top, height = _span(rows, step[0], source.info.grid.height)
    left, width = _span(cols, step[1], source.info.grid.width)
    window = Window(top, left, height, width)
    if window.empty:
        return source, bands
    pixels, valid = _averaged(source, bands, window, step)
    transform = source.info.grid.subset(window).transform
    transform = Affine(
        transform.a * step[1], transform.b * step[0], transform.c,
        transform.d * step[1], transform.e * step[0], transform.f,
    )  # fmt: skip
    reduced = Grid(transform, valid.shape[0], valid.shape[1], source.info.grid.crs)
    roles = tuple(source.info.roles[b] for b in bands)
    info = replace(source.info, grid=reduced, roles=roles)
    return ArraySource(pixels, info, valid), range(len(roles))


def _spots(positions: Positions, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Where the common grid lies in the source: some positions all over it."""
    r, c = np.meshgrid(
        np.linspace(-0.5, grid.height - 0.5, 33),
        np.linspace(-0.5, grid.width - 0.5, 33),
        indexing="ij",
    )
    rows, cols = positions.exact(r.ravel(), c.ravel())
    ok = np.isfinite(rows) & np.isfinite(cols)
    return rows[ok], cols[ok]


def _step(positions: Positions, grid: Grid, factor: int) -> tuple[int, int]:
    """Source pixels (rows, columns) to average: the overview's pixel size, rounded down."""
    r, c = (grid.height - 1) / 2, (grid.width - 1) / 2
    rows, cols = positions.exact(
        np.array([r - 0.5, r + 0.5, r, r]), np.array([c, c, c - 0.5, c + 0.5])
    )
    out = []
    for v in (rows, cols):
        size = math.hypot(v[1] - v[0], v[3] - v[2]) * factor
        out.append(max(1, math.floor(size + 0.02)) if math.isfinite(size) else 1)
    return out[0], out[1]


def _span(positions: np.ndarray, step: int, size: int) -> tuple[int, int]:
    """First pixel and number of pixels (a multiple of ``step``) along one axis."""
    first = round(float(positions.min()) + 0.5) - _MARGIN * step
    last = math.ceil(float(positions.max()) + 0.5) + _MARGIN * step
    first += max(0, -first // step) * step
    last = min(last, size)
    return first, max(0, math.ceil((last - first) / step)) * step


def _averaged(
    source: Source, bands: Sequence[int], window: Window, step: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the valid pixels of each ``step`` in a window that may reach beyond the source."""
    down, along = step
    shape = (window.height // down, window.width // along)
    pixels = np.zeros((len(bands), *shape), dtype=np.float32)
    valid = np.zeros(shape, dtype=bool)
    many = max(1, _CHUNK // (window.width * down * max(1, len(bands))))
    for top in range(0, shape[0], many):
        rows = min(many, shape[0] - top)
        part = Window(window.row + top * down, window.col, rows * down, window.width)
        inner = part.intersect(source.info.grid.window)
        if inner.empty:
            continue
        values, good = source.read(inner, bands)
        if inner != part:
            place = inner.within(part)
            whole = np.zeros((len(bands), *part.shape), dtype=np.float32)
            usable = np.zeros(part.shape, dtype=bool)
            whole[(slice(None), *place)], usable[place] = values, good
            values, good = whole, usable
        out = slice(top, top + rows)
        mean = block_mean(values, down, along)
        if good.all():
            pixels[:, out], valid[out] = mean, True
            continue
        share = block_mean(good[None].astype(np.float32), down, along)[0]
        pixels[:, out] = mean / np.where(share > 0, share, 1)
        valid[out] = share >= 0.5
    return pixels, valid
