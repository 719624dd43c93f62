"""Long parts cut between the bodies that stand coupled in them.

What is one colour hangs together: a train of like wagons is one part where its gaps are narrower
than the pixels resolve. Along the axis of such a part the gaps still show, as dark notches or as
steps of colour that only one date has, a wagon apart. The cuts of most evidence are made, square to
the axis, each piece as long as a body can be; where too little speaks for any, it stays whole.

Fails in tight curves, where no straight axis runs along the bodies, and where bodies touch without
a gap.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, colours, object_pixel_m
from changedet.differencing.objects.measuring import Shape, shape_of
from changedet.model import ImagePair

LONG_M, WIDE_M = 20.0, 6.5
"""Parts from this length on, and not wider than this, may hold several bodies, metres."""
COARSEST_M = 0.8
"""At coarser pixels a coupling does not show, metres."""
CORE = 0.35
"""Half the width of the middle that is looked at, in widths of the part: clear of its rim."""
NOTCH_M, SHOULDER_M = 0.8, (1.0, 3.2)
"""Half the length of a gap between bodies, and where they begin and how far they are looked at on
both sides of it, metres."""
MOST = 0.6
"""A notch or a step counts for no more than this, as a logarithm of brightness."""
STEP = 0.5
"""What a step of colour counts beside a notch."""
ABRUPT = 0.2
"""What of a step lies between two pixels counts so much more: there it is cut."""
BODY_M = (10.4, 16.2)
"""Shortest and longest body with its coupling, metres."""
SHORT_M = 4.0
"""Shortest piece at an end: of a body that was found in part, metres."""
ENOUGH = 0.15
"""What speaks for a cut must be more than this,"""
ODD = 0.3
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


def cut_at_gaps(parts: np.ndarray, dates: np.ndarray, size: float, least: int = 1) -> np.ndarray:
    """Cut parts, given (date, band, y, x) logarithms of brightness and the size of pixels."""
    index = np.flatnonzero(parts)
    _, start, part = np.unique(parts.ravel()[index], return_index=True, return_inverse=True)
    shape, at, first = _shapes(index, start, part, parts.shape[1])
    length, width = shape.length_px * size, shape.width_px * size
    long = np.flatnonzero((length >= LONG_M) & (width <= WIDE_M))
    if not len(long):
        return parts
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
    size_of = len(long), int(step.max()) + 1
    profile = _profiles(dates, index[mine][core], which[core], step[core], size_of)
    evidence = gap_evidence(profile, size)
    count = np.zeros(len(long), dtype=np.int64)
    np.maximum.at(count, which, step + 1)
    cuts = best_cuts(evidence, count, size)
    piece = cuts.cumsum(axis=1)[which, step]
    out: np.ndarray = np.zeros(parts.size, dtype=np.int64)
    many = int(piece.max(initial=0)) + 1
    key = part * many
    key[mine] += piece
    few = np.bincount(key) < least
    small = np.zeros(len(start), dtype=bool)
    small[part[few[key]]] = True
    key[small[part]] = part[small[part]] * many
    out[index] = key + 1
    return out.reshape(parts.shape)


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


def gap_evidence(profile: np.ndarray, size: float) -> np.ndarray:
    """(n, step) what speaks for a gap that begins a new body at each step along parts.

    A notch, darker than both sides, or a step of colour, at one date and not at the other.
    """
    near, far = (max(1, round(m / size)) for m in SHOULDER_M)
    half = max(1, round(NOTCH_M / size))
    bright = profile.mean(axis=1)
    left = _mean_of([_shifted(profile, k) for k in range(near, far + 1)])
    right = _mean_of([_shifted(profile, -k) for k in range(near, far + 1)])
    gap = np.fmin.reduce([_shifted(bright, k) for k in range(1 - half, half)])
    notch = np.fmin(left.mean(axis=1), right.mean(axis=1)) - gap
    notch = np.clip(np.nan_to_num(notch, nan=0.0), -MOST, MOST)
    jump = np.sqrt(((left - right) ** 2).mean(axis=1))
    jump = np.clip(np.nan_to_num(jump, nan=0.0), 0.0, MOST)
    abrupt = np.sqrt(((_shifted(profile, 1) - profile) ** 2).mean(axis=1))
    jump += ABRUPT * np.clip(np.nan_to_num(abrupt, nan=0.0), 0.0, MOST)
    own = [notch[d] - np.abs(notch[1 - d]) for d in (0, 1)]
    told = [STEP * (jump[d] - jump[1 - d]) for d in (0, 1)]
    return np.asarray(np.maximum(own[0] + told[0], own[1] + told[1]))


def _mean_of(values: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean(values, axis=0))


def _shifted(values: np.ndarray, by: int) -> np.ndarray:
    """Values so many steps before each; NaN beyond the ends."""
    out = np.full_like(values, np.nan)
    if by > 0:
        out[..., by:] = values[..., :-by]
    elif by < 0:
        out[..., :by] = values[..., -by:]
    else:
        out[...] = values
    return out


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
