"""Pixels at the top of their range, where a sensor or a stretch cuts off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from changedet.loading.reading.source import Source
from changedet.model import Grid, Image, Window

_BLOCK = 256
_BLOCKS = 16
"""Blocks on fixed places of the image that are looked at."""
PILE = 10.0
"""The highest value must hold this many times what the values just below it hold on average."""
LEVELS = 64
"""Fewer different values than this are classes, not brightness."""
_LEAST = 30
_ENOUGH = 250_000
"""Pixels that are looked at, about."""


@dataclass(frozen=True)
class Saturation:
    """How much of an image is at the top of its range."""

    level: float | None
    """Value at and above which a pixel is saturated; None where no such value is known."""
    share: float
    """Share of sampled valid pixels that are saturated in any band."""
    levels: int
    """Different values in the sampled pixels of the band with the fewest, up to 4096."""


def measure_saturation(source: Source) -> Saturation:
    """Find where an image cuts off, from blocks on fixed places.

    The level that the format gives (``info.saturation``: 255 in 8 bits, 65535 of Sentinel-2)
    counts; else, for whole numbers, the highest value found is taken when pixels pile up at it, as
    they do where a sensor of 11 or 12 bits or a stretch cuts off.
    """
    samples = [_sampled(source, window) for window in _windows(source.info.grid)]
    values = np.concatenate([v for v in samples if v.size] or [np.zeros((1, 0))], axis=1)
    if values.shape[1] == 0:
        return Saturation(source.info.saturation, 0.0, 0)
    thin = max(1, values.shape[1] // _ENOUGH)
    values = values[:, ::thin]
    counts = [np.unique(band, return_counts=True) for band in values]
    levels = min(min(len(v), 4096) for v, _ in counts)
    level = source.info.saturation
    if level is None and np.dtype(source.info.dtype).kind in "ui":
        level = _cut(counts)
    share = 0.0 if level is None else float(np.mean(at_top(values, level).any(axis=0)))
    return Saturation(level, share, levels)


def _windows(grid: Grid) -> list[Window]:
    side = math.isqrt(_BLOCKS)
    if grid.height * grid.width <= _BLOCKS * _BLOCK**2:
        return [grid.window]
    out = []
    for i in range(side):
        for j in range(side):
            height, width = min(_BLOCK, grid.height), min(_BLOCK, grid.width)
            row = round((i + 0.5) * grid.height / side - height / 2)
            col = round((j + 0.5) * grid.width / side - width / 2)
            window = Window(max(0, row), max(0, col), height, width)
            out.append(window.intersect(grid.window))
    return out


def _sampled(source: Source, window: Window) -> np.ndarray:
    pixels, valid = source.read(window)
    return pixels[:, valid]


def _cut(counts: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Return the highest value of all bands, if pixels of a band pile up there."""
    highest = max(float(values[-1]) for values, _ in counts)
    for values, count in counts:
        if len(values) < LEVELS or float(values[-1]) < highest:
            continue
        # against what lies within a sixteenth of the range below, by value that can occur
        step = float(np.diff(values).min())
        width = max(step, (highest - float(values[0])) / 16)
        below = (values < highest) & (values >= highest - width)
        usual = float(count[below].sum()) * step / width
        if count[-1] >= max(_LEAST, PILE * usual):
            return highest
    return None


def at_top(pixels: np.ndarray, level: float) -> np.ndarray:
    """Bool of the same shape: at the level, but for what interpolation loses."""
    return np.asarray(pixels >= level - abs(level) / 512)


def hide_saturated(
    before: Image, after: Image, levels: tuple[float | None, float | None]
) -> tuple[Image, Image]:
    """Take out pixels that are saturated at both dates in every band: they can show no change.

    Saturated at one date only, the ground did change in brightness, and that stays visible; so does
    a change in any band that is not cut off.
    """
    hidden = saturated_twice(before, after, levels)
    if hidden is None:
        return before, after
    out = []
    for image in (before, after):
        pixels, valid = image.pixels.copy(), image.valid & ~hidden
        pixels[:, ~valid] = 0
        out.append(Image(pixels, valid, image.grid, image.roles))
    return out[0], out[1]


def saturated_twice(
    before: Image, after: Image, levels: tuple[float | None, float | None]
) -> np.ndarray | None:
    """(y, x) bool: saturated in every band at both dates; None where there is no such pixel."""
    out: np.ndarray | None = None
    for image, level in zip((before, after), levels, strict=True):
        if level is None:
            return None
        for band in image.pixels:
            top = at_top(band, level)
            out = top if out is None else out & top
            if not out.any():
                return None
    return None if out is None else out & before.valid & after.valid
