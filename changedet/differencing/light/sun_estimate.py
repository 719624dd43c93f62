"""Where the sun stood, from the images themselves: which way the edges of moved shadows face.

A shadow's outer edge is the outline of what casts it, laid on the ground along the light. Its
normals, pointing out of the shadow, therefore lie within 90 degrees of the direction away from the
sun, and the sides that upright corners cast lie at exactly 90 degrees: the histogram of normals is
a half circle with sharp ends, whichever way the walls run. Only edges are counted that one date
shows and the other does not, and over which brightness steps by as much in each band as skylight
has it: those of shadows that moved. Where none moved there is nothing to estimate, nor to explain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.light.half_circle import half_circle, one_sided
from changedet.model import Grid

BINS = 72
"""Directions that are told apart."""
STEEPEST = 0.08
"""Least gradient of an edge of shadow, natural logarithm of brightness a pixel,"""
ELSEWHERE = 0.35
"""and the other date's at the same place, as a share of it, at most."""
STEPS = (0.84, 1.05, 1.11)
"""Step in blue, green and red over its mean in the visible,"""
STEP_TOLERANCE = 0.25
"""and how far that of a band may be off."""
LEAST_EDGES = 1500
"""Fewer pixels of edges say nothing."""
LEAST_FIT = 0.4
"""Correlation with a half circle below which the direction is not used,"""
LEAST_CONTRAST = 1.6
"""so many times as many edges must face away from the sun as towards it,"""
MOST_SPREAD = 6.0
"""nor where leaving out a part of the scene turns it by more, degrees (standard error)."""
PARTS = 8
"""Parts of the scene that are left out in turn."""
FRONT = 60.0
"""Edges that face away from the sun within this angle, degrees, lie at the tip of a shadow."""
LONGEST_RUN_PX = 64
"""Length to which a shadow is followed, pixels."""
NOMINAL_ELEVATION = 45.0
"""Height of the sun that an estimate is scaled to: the images tell the direction and the ratio of
lengths, not how tall things are."""
RATIO = 2.5
"""Shadows of one date are longer than those of the other by at most this factor."""


@dataclass(frozen=True)
class SunEstimate:
    """What the images say about the two suns."""

    away: tuple[tuple[float, float], tuple[float, float]] | None
    """(before, after): where the shadow of a thing one metre tall ends, (rows, columns), with the
    heights of the sun only relative to each other; None where the images do not tell."""
    azimuth_deg: tuple[float, float]
    """Directions of the sun, clockwise from north, best guess even where not used."""
    spread_deg: tuple[float, float]
    """Standard error of each, from leaving out parts of the scene."""
    fit: tuple[float, float]
    """Correlation of each histogram with a half circle."""
    edges: tuple[int, int]
    """Pixels of edges that were counted."""
    reason: str
    """Why it is used, or not."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "azimuth_deg": list(self.azimuth_deg),
            "spread_deg": list(self.spread_deg),
            "fit": list(self.fit),
            "edges_px": list(self.edges),
            "reason": self.reason,
        }


def shadow_edges(
    one: np.ndarray, other: np.ndarray, steps: Sequence[float] = STEPS
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Edges of shadows that one date shows and the other does not.

    Parameters
    ----------
    one, other : (band, y, x) float32 arrays
        Logarithms without haze, of the date asked for and of the other.
    steps : sequence of float
        Step of the first bands over its mean in them.

    Returns
    -------
    level, down, right, found
        (y, x): mean logarithm, its gradient along rows and columns, and which pixels are edges.
    """
    count = len(steps)
    level, elsewhere = (
        np.add.reduce(v[:count], axis=0) * np.float32(1 / count) for v in (one, other)
    )
    down, right = _slopes(level)
    square = down * down + right * right
    found = square > STEEPEST**2
    down_other, right_other = _slopes(elsewhere)
    found &= down_other**2 + right_other**2 < ELSEWHERE**2 * square
    safe = np.where(found, square, np.float32(1.0))
    for band, depth in zip(one, steps, strict=False):
        y, x = _slopes(band)
        found &= np.abs((y * down + x * right) / safe - np.float32(depth)) < STEP_TOLERANCE
    return level, down, right, found


def _slopes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    return (
        cv2.Sobel(values, cv2.CV_32F, 0, 1, ksize=3, scale=0.125),
        cv2.Sobel(values, cv2.CV_32F, 1, 0, ksize=3, scale=0.125),
    )


Logarithms = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Before, after (band, y, x), and validity (y, x) of one block with its margin."""


def estimate_sun(
    blocks: Callable[[], Iterable[Logarithms]],
    grid: Grid,
    known: tuple[Any, Any] = (None, None),
    steps: Sequence[float] = STEPS,
) -> SunEstimate:
    """Estimate the two suns from the edges of shadows that moved.

    Parameters
    ----------
    blocks : callable
        Gives the sampled blocks, each with a margin of :data:`LONGEST_RUN_PX` pixels, as often as
        it is called.
    grid : Grid
        The common grid; its north tells the azimuth.
    known : (before, after)
        ``away`` of a date whose sun is known, or None.
    steps : sequence of float
        As for :func:`shadow_edges`.

    Returns
    -------
    SunEstimate
        Without ``away`` where the images do not tell: too few edges, none of them one-sided, or
        a direction that hangs on one corner of the scene.

    Notes
    -----
    Fails where little stands on the ground, under haze that leaves no shadow, and where both suns
    stood alike, in which case nothing needs explaining.
    """
    counts = np.zeros((2, PARTS, BINS), dtype=np.int64)
    for k, (before, after, valid) in enumerate(blocks()):
        inner = _inner(valid)
        for date, (one, other) in enumerate(((before, after), (after, before))):
            _, down, right, found = shadow_edges(one, other, steps)
            chosen = found & inner
            angle = np.arctan2(down[chosen], right[chosen]) * (BINS / (2 * math.pi))
            index = np.floor(angle).astype(np.int64) % BINS
            counts[date, k % PARTS] += np.bincount(index, minlength=BINS)
    towards, spread, fit, fine = [], [], [], []
    for date in (0, 1):
        whole = counts[date].sum(axis=0)
        angle, quality = half_circle(whole)
        parts = [half_circle(whole - part)[0] for part in counts[date]]
        off = np.array([math.remainder(p - angle, 2 * math.pi) for p in parts])
        towards.append(angle)
        fit.append(quality)
        spread.append(math.degrees(math.sqrt((PARTS - 1) / PARTS * float(off @ off))))
        fine.append(one_sided(whole, angle))
    edges = (int(counts[0].sum()), int(counts[1].sum()))
    needed = [d for d in (0, 1) if known[d] is None]
    reason = _doubt([(edges[d], fit[d], fine[d], spread[d]) for d in needed])
    azimuth = tuple(_azimuth(grid, a) for a in towards)
    away = None if reason else _scaled(blocks, grid, towards, known, steps)
    return SunEstimate(
        away, (azimuth[0], azimuth[1]), (spread[0], spread[1]), (fit[0], fit[1]), edges,
        reason or "the edges of moved shadows face one way",
    )  # fmt: skip


def _inner(valid: np.ndarray) -> np.ndarray:
    """The block without its margin, and away from holes."""
    import cv2

    safe = cv2.erode(valid.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    m = LONGEST_RUN_PX
    out = np.zeros_like(safe)
    out[m : safe.shape[0] - m, m : safe.shape[1] - m] = True
    return out & safe


def _doubt(dates: list[tuple[int, float, float, float]]) -> str:
    """Why the estimate is not used; empty if it is."""
    if min(d[0] for d in dates) < LEAST_EDGES:
        return "too few edges of shadows that moved"
    if min(d[1] for d in dates) < LEAST_FIT or min(d[2] for d in dates) < LEAST_CONTRAST:
        return "the edges that moved do not face one way"
    if max(d[3] for d in dates) > MOST_SPREAD:
        return "the direction hangs on parts of the scene"
    return ""


def _scaled(
    blocks: Callable[[], Iterable[Logarithms]],
    grid: Grid,
    towards: list[float],
    known: tuple[Any, Any],
    steps: Sequence[float],
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the two directions their lengths: the ratio from the images, the rest by convention."""
    runs: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for before, after, valid in blocks():
        inner = _inner(valid)
        for date, (one, other) in enumerate(((before, after), (after, before))):
            level, down, right, found = shadow_edges(one, other, steps)
            runs[date].append(_runs(level, down, right, found & inner, towards[date]))
    lengths = [np.concatenate(r) for r in runs]
    ratio = 1.0
    if min(len(r) for r in lengths) >= 200:
        quartiles = [np.quantile(r, (0.25, 0.5, 0.75)) for r in lengths]
        ratio = float(np.clip(np.median(quartiles[1] / quartiles[0]), 1 / RATIO, RATIO))
    nominal = 1.0 / (math.tan(math.radians(NOMINAL_ELEVATION)) * (grid.gsd_m or 1.0))
    size = [nominal / math.sqrt(ratio), nominal * math.sqrt(ratio)]
    for date in (0, 1):
        if known[date] is not None:
            size[1 - date] = math.hypot(*known[date]) * (ratio if date == 0 else 1 / ratio)
    ends = [
        known[d] or (size[d] * math.sin(towards[d]), size[d] * math.cos(towards[d])) for d in (0, 1)
    ]
    return ends[0], ends[1]


def _runs(
    level: np.ndarray, down: np.ndarray, right: np.ndarray, found: np.ndarray, angle: float
) -> np.ndarray:
    """Lengths of shadows from their tips towards the sun, pixels."""
    away = np.array([math.sin(angle), math.cos(angle)])
    facing = down * np.float32(away[0]) + right * np.float32(away[1])
    tip = found & (facing > math.cos(math.radians(FRONT)) * np.hypot(down, right))
    rows, cols = np.nonzero(tip)

    def at(step: int, r: np.ndarray, c: np.ndarray) -> np.ndarray:
        return level[r + round(step * float(away[0])), c + round(step * float(away[1]))]

    lit, dark = at(2, rows, cols), at(-2, rows, cols)
    deep = lit - dark > 0.5
    rows, cols, limit = rows[deep], cols[deep], (0.5 * (lit + dark))[deep]
    out = np.full(len(rows), LONGEST_RUN_PX, dtype=np.float64)
    alive = np.arange(len(rows))
    for step in range(2, LONGEST_RUN_PX):
        ends = at(-step, rows[alive], cols[alive]) > limit[alive]
        out[alive[ends]] = step
        alive = alive[~ends]
    return out


def _azimuth(grid: Grid, angle: float) -> float:
    """Direction of the sun, clockwise from north, whose shadows fall along an angle of the grid."""
    t = grid.transform
    row, col = math.sin(angle), math.cos(angle)
    east, north = t.a * col + t.b * row, t.d * col + t.e * row
    return math.degrees(math.atan2(-east, -north)) % 360.0
