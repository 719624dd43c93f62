"""Long parts cut between the bodies that stand coupled in them.

What is one colour hangs together: a train of like wagons is one part where its gaps are narrower
than the pixels resolve. Along the axis of such a part the gaps still show
(:mod:`changedet.differencing.objects.gaps`). The cuts of most evidence are made, square to the
axis, each piece as long as a body can be; where too little speaks for any, it stays whole.

Fails in tight curves, where no straight axis runs along the bodies, and where bodies touch without
a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, colours, object_pixel_m
from changedet.differencing.objects.bodies import learnt
from changedet.differencing.objects.extents import Shape, shape_of
from changedet.differencing.objects.gaps import gap_columns
from changedet.model import ImagePair

LONG_M, WIDE_M = 20.0, 6.5
"""Parts from this length on, and not wider than this, may hold several bodies, metres."""
COARSEST_M = 0.8
"""At coarser pixels a coupling does not show, metres."""
CORE = 0.35
"""Half the width of the middle that is looked at, in widths of the part: clear of its rim."""
BODY_M = (10.4, 16.2)
"""Shortest and longest body with its coupling, metres."""
SHORT_M = 4.0
"""Shortest piece at an end: of a body that was found in part, metres."""
ENOUGH = -1.8
"""The logarithm of the odds of a gap must be more than this where a cut is made: of all places
along a part few are gaps, of those a body apart many,"""
ODD = 1.0
"""and more by this for each piece that is shorter or longer than a body."""


def cut_coupled(parts: np.ndarray, pair: ImagePair, detection: Detection, least: int) -> np.ndarray:
    """Cut long parts between the bodies that they hold.

    Parameters
    ----------
    parts : (y, x) int array
        Parts, 0 elsewhere.
    pair : ImagePair
        The pixels.
    detection : Detection
        How to look at them.
    least : int
        Fewest pixels of a piece: parts that would leave less stay whole.

    Returns
    -------
    (y, x) int array
        Parts numbered anew; every pixel of a part stays in one.
    """
    size = object_pixel_m(detection.context)
    if size is None or size > COARSEST_M or not parts.any():
        return parts
    dates = colours(pair, cast(ChangeVector, detection.detector), detection.contrast[1])
    return cut_at_gaps(parts, np.stack(dates), size, least)


def cut_at_gaps(
    parts: np.ndarray,
    dates: np.ndarray,
    size: float,
    least: int = 1,
    odds: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Cut parts, given (date, band, y, x) logarithms of brightness and the size of pixels.

    ``odds`` makes of (k, column) what is known of places along parts the logarithm of the odds that
    there are gaps; by default what was learnt.
    """
    strips = Strips.of(parts, dates, size)
    if strips is None:
        return parts
    columns = gap_columns(strips.profile, strips.pixels, strips.count, size)
    inside = np.arange(columns.shape[1]) < strips.count[:, None]
    evidence = np.zeros(inside.shape)
    evidence[inside] = (odds or learnt().gaps.log_odds)(columns[inside])
    cuts = best_cuts(evidence, strips.count, size)
    piece = cuts.cumsum(axis=1)[strips.which, strips.step]
    out: np.ndarray = np.zeros(parts.size, dtype=np.int64)
    many = int(piece.max(initial=0)) + 1
    key = strips.part * many
    key[strips.mine] += piece
    few = np.bincount(key) < least
    small = np.zeros(int(strips.part.max()) + 1, dtype=bool)
    small[strips.part[few[key]]] = True
    key[small[strips.part]] = strips.part[small[strips.part]] * many
    out[strips.index] = key + 1
    return out.reshape(parts.shape)


@dataclass(frozen=True, eq=False)
class Strips:
    """Long parts along their axes."""

    index: np.ndarray
    """Pixels of all parts,"""
    part: np.ndarray
    """their part, 0-based,"""
    mine: np.ndarray
    """and which of them lie in long parts:"""
    which: np.ndarray
    """in which strip,"""
    step: np.ndarray
    """and at which step along it, from its end on."""
    middle: np.ndarray
    """Bool: and whether clear of its rim."""
    count: np.ndarray
    """(n,) steps of each strip."""
    pixels: np.ndarray
    """(n, step) pixels there."""
    profile: np.ndarray
    """(date, band, n, step) means along the middle; NaN where nothing lies."""

    @classmethod
    def of(cls, parts: np.ndarray, dates: np.ndarray, size: float) -> Strips | None:
        """Lay the long ones of parts along their axes; None where there are none."""
        index = np.flatnonzero(parts)
        _, start, part = np.unique(parts.ravel()[index], return_index=True, return_inverse=True)
        shape, at, first = _shapes(index, start, part, parts.shape[1])
        length, width = shape.length_px * size, shape.width_px * size
        long = np.flatnonzero((length >= LONG_M) & (width <= WIDE_M))
        if not len(long):
            return None
        number = np.full(len(start), -1)
        number[long] = np.arange(len(long))
        mine = np.flatnonzero(number[part] >= 0)
        which = number[part[mine]]
        middle = np.column_stack([shape.row, shape.col])[long] - first[long]
        off = (at[mine] - first[part[mine]]) - middle[which]
        along = shape.direction[long][which]
        u = off[:, 0] * along[:, 0] + off[:, 1] * along[:, 1]
        v = off[:, 1] * along[:, 0] - off[:, 0] * along[:, 1]
        low = np.full(len(long), np.inf)
        np.minimum.at(low, which, u)
        step = np.floor(u - low[which] + 1e-6).astype(np.int64)
        core = np.abs(v) <= np.maximum(CORE * shape.width_px[long][which], 1.0)
        count = np.zeros(len(long), dtype=np.int64)
        np.maximum.at(count, which, step + 1)
        n, wide = len(long), int(step.max()) + 1
        pixels = np.bincount(which * wide + step, minlength=n * wide).reshape(n, wide)
        profile = _profiles(dates, index[mine][core], which[core], step[core], (n, wide))
        return cls(index, part, mine, which, step, core, count, pixels, profile)


def _shapes(
    index: np.ndarray, start: np.ndarray, part: np.ndarray, columns: int
) -> tuple[Shape, np.ndarray, np.ndarray]:
    """Shapes of parts, from whole-number sums: the same in any window."""
    at = np.column_stack([index // columns, index % columns])
    n = len(start)
    first = np.full((n, 2), np.iinfo(np.int64).max)
    np.minimum.at(first, part, at)
    r, c = (at - first[part]).T
    sums = [np.bincount(part, v, minlength=n) for v in (np.ones_like(r), r, c, r * r, c * c, r * c)]
    return shape_of(np.stack(sums, axis=1).astype(np.int64), first), at, first


def _profiles(
    dates: np.ndarray,
    pixels: np.ndarray,
    which: np.ndarray,
    step: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """(date, band, n, step) means along the axis; NaN where nothing lies."""
    n, wide = size
    key = which * wide + step
    count = np.bincount(key, minlength=n * wide).astype(np.float64)
    count[count == 0] = np.nan
    bands = dates.reshape(-1, dates.shape[2] * dates.shape[3])[:, pixels]
    total = np.stack([np.bincount(key, b, minlength=n * wide) for b in bands])
    return (total / count).reshape(*dates.shape[:2], n, wide)


def best_cuts(evidence: np.ndarray, count: np.ndarray, size: float) -> np.ndarray:
    """(n, step) bool: where new pieces begin, for the most evidence in all.

    The best sequence of cuts is found by dynamic programming over the steps, all parts at once.
    Each cut brings what speaks for it less :data:`ENOUGH`; a piece that is no body costs
    :data:`ODD`; a part that stays whole costs nothing.
    """
    n, wide = evidence.shape
    least, shortest = max(1, round(BODY_M[0] / size)), max(1, round(SHORT_M / size))
    most = round(BODY_M[1] / size)
    row = np.arange(n)
    best = np.full((n, wide + 1), -np.inf)
    back = np.zeros((n, wide + 1), dtype=np.int64)
    best[:, 0] = 0.0
    final = np.full(n, -np.inf)
    last = np.zeros(n, dtype=np.int64)
    begin = np.arange(wide + 1)
    for end in range(shortest, wide + 1):
        long = end - begin[:end]
        closing = count == end
        cost = np.where((long >= least) & (long <= most), 0.0, ODD)
        able = (long >= least)[None] | (
            (long >= shortest)[None] & ((begin[:end] == 0)[None] | closing[:, None])
        )
        value = np.where(able, best[:, :end] - cost, -np.inf)
        # what stays whole is no odd piece
        value[:, 0] = np.where(closing, 0.0, value[:, 0])
        chosen = value.argmax(axis=1)
        top = value[row, chosen]
        final = np.where(closing, top, final)
        last = np.where(closing, chosen, last)
        if end < wide:
            inside = end < count
            best[:, end] = np.where(inside, top + evidence[:, end] - ENOUGH, -np.inf)
            back[:, end] = chosen
    cuts = np.zeros((n, wide), dtype=bool)
    while (last > 0).any():
        cuts[row[last > 0], last[last > 0]] = True
        last = np.where(last > 0, back[row, last], 0)
    return cuts
