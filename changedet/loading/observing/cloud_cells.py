"""Two dates on coarse cells and on one scale of brightness, for the test on clouds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SOFT = 0.3
"""Steepest edge of a cloud: share of its brightness gained from cell to cell, upper quartile."""
_VISIBLE = ("blue", "green", "red")
LEAST_CELLS = 30
_ENOUGH = 200_000
"""Cells from which the ratio of brightness is taken, about."""
LEAST_WIDTH = 12.0
"""Cells that a cloud is wide at least: of fewer, the edge says little."""


@dataclass(frozen=True, eq=False)
class Dates:
    """Two dates on one grid of cells."""

    pixels: tuple[np.ndarray, np.ndarray]
    """(band, y, x) float32 each, the second brought to the brightness of the first."""
    valid: np.ndarray
    """(y, x) bool: usable at both dates."""
    scaled: tuple[np.ndarray, np.ndarray]
    """(band, y, x): visible bands, 0 and 1 at the 1st and 99th percentile of the ground."""
    visible: tuple[int, ...]
    """Positions of the visible bands."""
    roles: tuple[str, ...]
    """Of the bands."""
    cell_m: float
    """Side of a cell."""


def can_test(roles: Sequence[str]) -> bool:
    """Whether the bands show whether something is white: two of blue, green and red."""
    return sum(role in _VISIBLE for role in roles) >= 2


def prepare(
    before: np.ndarray, after: np.ndarray, valid: np.ndarray, roles: Sequence[str], cell_m: float
) -> Dates | None:
    """Bring two dates to one scale; None where too little is valid or nothing has contrast.

    Parameters
    ----------
    before, after : (band, y, x) float32 arrays
        Averages over cells.
    valid : (y, x) bool array
        Usable at both dates.
    roles : sequence of str
        Of the bands.
    cell_m : float
        Side of a cell, metres.
    """
    if np.count_nonzero(valid) < 20 * LEAST_CELLS:
        return None
    visible = tuple(i for i, role in enumerate(roles) if role in _VISIBLE)
    thin = max(1, np.count_nonzero(valid) // _ENOUGH)
    gains = _gains(before[:, valid][:, ::thin], after[:, valid][:, ::thin])
    if gains is None or not (np.isfinite(gains) & (gains > 0)).all():
        return None
    like_before = after / gains.astype(np.float32)[:, None, None]
    scaled = []
    for i in visible:
        ground = np.minimum(before[i], like_before[i])[valid]
        dark, bright = np.percentile(ground, [1, 99])
        if not bright > dark:
            return None
        scaled.append([(p[i] - dark) / (bright - dark) for p in (before, like_before)])
    first, second = (np.stack([s[k] for s in scaled]) for k in (0, 1))
    return Dates((before, like_before), valid, (first, second), visible, tuple(roles), cell_m)


def _gains(before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """(band,) ratio of brightness on ground that most likely is the same at both dates.

    In the band in which ratios gather most closely, those of the shortest quarter tell which
    pixels are ground: a cloud that covers half of it may gather them elsewhere in some bands, but
    less closely. None where there is no such ground.
    """
    good = (before > 0).all(axis=0) & (after > 0).all(axis=0)
    if np.count_nonzero(good) < LEAST_CELLS:
        return None
    ratios = np.log(after[:, good] / before[:, good])
    best: tuple[float, np.ndarray] | None = None
    for ratio in ratios:
        order = np.argsort(ratio, kind="stable")
        count = max(1, len(order) // 4)
        widths = ratio[order[count:]] - ratio[order[: len(order) - count]]
        start = int(np.argmin(widths)) if len(widths) else 0
        width = float(widths[start]) if len(widths) else 0.0
        if best is None or width < best[0]:
            best = width, order[start : start + count + 1]
    return None if best is None else np.exp(np.median(ratios[:, best[1]], axis=1))


def least_width(dates: Dates) -> float:
    """Cells that a cloud is wide at least: 250 m, less only where the site itself is small."""
    small = 0.15 * min(dates.valid.shape)
    return max(LEAST_WIDTH, min(250.0 / dates.cell_m, small))


def steepness(excess: np.ndarray, patch: np.ndarray) -> float:
    """How steep the edge of a patch is: upper quartile over the line of half its brightness."""
    peak = float(np.percentile(excess[patch], 90))
    above = excess > peak / 2
    line = above & ~ndimage.binary_erosion(above) & patch
    line |= ndimage.binary_dilation(line) & ndimage.binary_dilation(patch) & ~above
    if not line.any():
        return math.inf
    down, along = np.gradient(excess)
    return float(np.percentile(np.hypot(down, along)[line], 75)) / peak


def disk(radius: int) -> np.ndarray:
    """(2 radius + 1, 2 radius + 1) bool: a round neighbourhood."""
    r = np.arange(-radius, radius + 1)
    return np.asarray(r[:, None] ** 2 + r[None, :] ** 2 <= (radius + 0.5) ** 2)
