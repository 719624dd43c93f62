"""Colours along the middle of each object, from end to end: what tells one red box from another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from changedet.activity.things.placing import Placed
from changedet.model import Grid, ImagePair, PairReader, Window

STATIONS = 8
"""Places along an object at which its colours are taken."""
ACROSS = (-0.2, -0.1, 0.0, 0.1, 0.2)
"""Where across, in widths from the middle: clear of the rim, which an outline misses by a pixel."""
ENDS = 0.92
"""Share of the length over which the stations lie."""
LONGEST_M = 120.0
"""Longer objects (whole trains) are not sampled, metres."""
BLOCK = 512
"""Side of the blocks by which objects are visited, pixels; never changes a result."""
CHUNK = 64
"""Objects whose strips are held in memory at once; never changes a result."""


def sample_profiles(objects: Placed, pair: PairReader) -> np.ndarray:
    """Colours along the long axis of each object at both dates.

    Parameters
    ----------
    objects : Placed
        Objects with a known direction.
    pair : PairReader
        The aligned pair.

    Returns
    -------
    (date, n, station, band) float64 array
        Bilinear samples, averaged across the middle of the object; NaN where a sample is not
        valid, the direction is unknown or the object is too long.
    """
    grid = pair.grid
    out = np.full((2, len(objects), STATIONS, len(pair.roles)), np.nan)
    rows, cols = _places(objects, grid)
    usable = np.isfinite(rows).all(axis=(1, 2)) & (objects.length <= LONGEST_M)
    out[:, usable] = sample_places(rows[usable], cols[usable], pair, _mean_across)
    return out


def _mean_across(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=3), known.sum(axis=3)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def sample_strips(
    objects: Placed,
    rows: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    pair: PairReader,
    reduce: Callable[[np.ndarray], np.ndarray],
    brightness: bool = False,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Samples of both dates along and across the axis of some objects, a few objects at a time.

    Parameters
    ----------
    objects : Placed
        In ground metres.
    rows : int array
        Which of them; with a known place and direction.
    u, v : arrays
        Metres along the axis from the middle, and across it.
    pair, reduce, brightness
        As in :func:`sample_places`.

    Yields
    ------
    rows, samples : arrays
        Neighbours together, so that each part of the image is read once or twice.
    """
    row_m, col_m = pair.grid.pixel_size_m or (1.0, 1.0)
    block = [np.floor(at[rows] / (m * BLOCK)) for at, m in ((objects.x, col_m), (objects.y, row_m))]
    rows = rows[np.lexsort(block)]
    for start in range(0, len(rows), CHUNK):
        mine = rows[start : start + CHUNK]
        x, y = objects.strip(mine, u, v)
        yield mine, sample_places(-y / row_m, x / col_m, pair, reduce, brightness)


def sample_places(
    rows: np.ndarray,
    cols: np.ndarray,
    pair: PairReader,
    reduce: Callable[[np.ndarray], np.ndarray],
    brightness: bool = False,
) -> np.ndarray:
    """Bilinear samples of both dates at places of each object, block by block.

    Parameters
    ----------
    rows, cols : (n, a, b) arrays
        Pixels of the common grid.
    pair : PairReader
        The aligned pair.
    reduce : function
        Of the samples (date, k, a, b, band) of some objects, NaN where a sample is not valid;
        keeps the first two axes.
    brightness : bool
        Sample the mean over bands, as the only one.

    Returns
    -------
    (date, n, ...) float64 array
    """
    middle = rows.mean(axis=(1, 2)), cols.mean(axis=(1, 2))
    blocks: dict[tuple[int, int], list[int]] = {}
    for i in range(len(rows)):
        key = (int(middle[0][i] // BLOCK), int(middle[1][i] // BLOCK))
        blocks.setdefault(key, []).append(i)
    out = None
    for key in sorted(blocks):
        mine = np.array(blocks[key])
        top, left = int(np.floor(rows[mine].min())), int(np.floor(cols[mine].min()))
        bottom, right = int(np.ceil(rows[mine].max())), int(np.ceil(cols[mine].max()))
        window = Window(top - 1, left - 1, bottom - top + 3, right - left + 3)
        values = reduce(
            _bilinear(
                pair.read(window), rows[mine] - window.row, cols[mine] - window.col, brightness
            )
        )
        if out is None:
            out = np.full((2, len(rows), *values.shape[2:]), np.nan)
        out[:, mine] = values
    return out if out is not None else reduce(np.zeros((2, *rows.shape, len(pair.roles))))


def _places(objects: Placed, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all samples, each (n, station, across)."""
    row_m, col_m = grid.pixel_size_m or (1.0, 1.0)
    along = ((np.arange(STATIONS) + 0.5) / STATIONS - 0.5) * ENDS
    u = objects.length[:, None, None] * along[None, :, None]
    v = objects.width[:, None, None] * np.asarray(ACROSS)[None, None, :]
    dx, dy = objects.along[:, 0, None, None], objects.along[:, 1, None, None]
    x = objects.x[:, None, None] + u * dx - v * dy
    y = objects.y[:, None, None] + u * dy + v * dx
    return -y / row_m, x / col_m


def _bilinear(
    pair: ImagePair, rows: np.ndarray, cols: np.ndarray, brightness: bool = False
) -> np.ndarray:
    """Samples at fractional pixels of a window, (date, n, station, across, band)."""
    r0, c0 = np.floor(rows).astype(np.int64), np.floor(cols).astype(np.int64)
    fr, fc = (rows - r0)[..., None], (cols - c0)[..., None]
    out = []
    for image in (pair.before, pair.after):
        pixels = np.where(image.valid, image.pixels, np.nan).astype(np.float64)
        pixels = pixels.mean(axis=0, keepdims=True) if brightness else pixels
        total = np.zeros((*rows.shape, len(pixels)))
        for dr, weight_r in ((0, 1 - fr), (1, fr)):
            for dc, weight_c in ((0, 1 - fc), (1, fc)):
                total += np.moveaxis(pixels[:, r0 + dr, c0 + dc], 0, -1) * weight_r * weight_c
        out.append(total)
    return np.stack(out)
