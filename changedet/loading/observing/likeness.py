"""How alike two images are as pictures: sharpness and contrast, measured on the same ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from changedet.loading.pair import AlignedPair
from changedet.model import Grid, Image, Window

_BLOCK = 256
_SIDE = 3
"""Blocks along each side of the grid, on fixed places."""
_NEAR, _FAR = 1, 6
"""Distances in pixels: neighbours differ by what the sensor resolves, far ones by what is there."""
_LEAST = 500


@dataclass(frozen=True)
class Likeness:
    """Sharpness and contrast of both dates; NaN where they cannot be measured."""

    sharpness: tuple[float, float]
    """Variance of the difference of neighbours over that of pixels six apart; larger is sharper."""
    contrast: tuple[float, float]
    """Range of brightness (2nd to 98th percentile) over the median."""


def measure_likeness(pair: AlignedPair) -> Likeness:
    """Compare two images as pictures, in blocks on fixed places of the common grid.

    Alignment does not matter. Noise makes an image look sharper than it is.
    """
    sharp: list[tuple[float, float]] = []
    values: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for window in _windows(pair.grid):
        read = pair.read(window)
        sharp.append((_sharpness(read.before), _sharpness(read.after)))
        for image, kept in zip((read.before, read.after), values, strict=True):
            kept.append(image.pixels.mean(axis=0)[read.valid])
    both = np.array(sharp)
    both = both[np.isfinite(both).all(axis=1)]
    first, second = (float(v) for v in np.median(both, axis=0)) if len(both) else (math.nan,) * 2
    contrasts = [_contrast(np.concatenate(kept)) for kept in values]
    return Likeness((first, second), (contrasts[0], contrasts[1]))


def _windows(grid: Grid) -> list[Window]:
    if max(grid.shape) <= _SIDE * _BLOCK:
        return list(grid.tiles(_BLOCK))
    out = []
    for i in range(_SIDE):
        for j in range(_SIDE):
            row = round((i + 0.5) * grid.height / _SIDE - _BLOCK / 2)
            col = round((j + 0.5) * grid.width / _SIDE - _BLOCK / 2)
            out.append(Window(row, col, _BLOCK, _BLOCK).intersect(grid.window))
    return [w for w in out if not w.empty]


def _sharpness(image: Image) -> float:
    """Median over bands of the ratio of the variance of near and of far differences."""
    ratios = []
    for band in image.pixels:
        near, far = (_variance(band, image.valid, lag) for lag in (_NEAR, _FAR))
        if far > 0:
            ratios.append(near / far)
    return float(np.median(ratios)) if ratios else math.nan


def _variance(band: np.ndarray, valid: np.ndarray, lag: int) -> float:
    """Robust variance of differences over a distance along rows and columns."""
    parts = []
    for one, other in (
        ((slice(lag, None), slice(None)), (slice(None, -lag), slice(None))),
        ((slice(None), slice(lag, None)), (slice(None), slice(None, -lag))),
    ):
        good = valid[one] & valid[other]
        parts.append((band[one] - band[other])[good])
    values = np.concatenate(parts)
    if values.size < _LEAST:
        return math.nan
    low, high = np.percentile(values, [2, 98])
    return float(np.var(np.clip(values, low, high), dtype=np.float64))


def _contrast(values: np.ndarray) -> float:
    if values.size < _LEAST:
        return math.nan
    low, middle, high = np.percentile(values, [2, 50, 98])
    return float((high - low) / middle) if middle > 0 else math.nan
