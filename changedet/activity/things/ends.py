"""Where things end: both ends of a body moved to where the images show them.

An outline errs by a pixel, and now and then by metres, where a shadow or a neighbour was taken in
or a part was left out. At the date that holds it a body ends where colours step, before a gap that
is darker than it; at the other date nothing does. And bodies have the lengths that are built. So
of all places near both ends of an outline those are taken that together are the most likely: by
what is seen there (weights by conditional logit, ``tests/benchmarks/learn_ends.py``), by how far
they are from the outline, and by the length in between.

Fails where a body touches another of its colour, and along its axis only: outlines that hold two
bodies side by side stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from changedet.activity.things.likeness import mean_known
from changedet.activity.things.placing import Placed
from changedet.activity.things.profiling import sample_places
from changedet.activity.things.sizes import SIZES
from changedet.model import PairReader

STEP_M, REACH_M = 0.25, 6.0
"""Distance of the places that are weighed, and how far from the end of the outline, metres."""
NEAR_M, FAR_M = 0.5, 1.25
"""From where to where on both sides of an end colours are compared, metres."""
CORE, CORE_M = 0.25, (0.5, 1.0)
"""Half the width, in widths, of the middle that is looked at, and its bounds, metres."""
DARKEST = 0.03
"""Darker places, against what is usual in the scene, count as this."""
OWN_M = 1.0
"""What lies farther within the outline than this is the thing itself, metres."""
SOFT = 0.05
"""Smaller steps of ln brightness are noise."""
DEEPEST = 0.8
"""Gaps count as no deeper than this, in ln brightness."""
ASTRAY = (0.02, 5.0)
"""So often, beside, an end of an outline is astray, by so many times its usual error."""
ELSEWHERE = 1e-4
"""And so likely it is anywhere."""
LONGEST_M = 30.0
"""Longer outlines hold more than one body, metres."""
LENGTH_ERROR_M = 0.4
"""Standard deviation of a length between two ends as found, metres."""
ODD_LENGTH = 1e-3
"""Density of lengths that are not built, per metre."""
SHORTEST_M = 4.0
"""Ends do not come nearer, metres."""
CHUNK = 128
"""Things that are weighed at once; never changes a result."""
WEIGHTS: dict[str, tuple[float, ...]] = {
    "railcar": (0.68, 0.04, 3.10, 1.29, 0.92, -2.02, 0.88, 0.245, -0.071, 0.203),
    "container": (1.73, 0.36, 1.84, 0.50, 1.32, -2.88, 0.52, 0.341, -0.007, 0.005),
}
"""By kind, of: the logarithm of the step of colour at the date that holds it and at the other; how
dark it is just beyond at the one and at the other; by how much the difference between the dates
falls; how unlike the rest of the thing it is just within and just beyond; the logarithm of how
likely an outline errs so far; and how far beyond, and short of, its end that is, in its errors."""


EDGE = round(FAR_M / STEP_M)
"""So many places at both ends of a strip are there for their neighbours alone."""
PLACES_M = STEP_M * np.arange(-round(REACH_M / STEP_M) - EDGE, round(REACH_M / STEP_M) + EDGE + 1)
"""Metres beyond the end of the outline at which strips are sampled."""


def find_ends(
    objects: Placed,
    kinds: np.ndarray,
    pair: PairReader,
    match: Callable[[np.ndarray], np.ndarray],
    usual: float,
) -> Placed:
    """Move the ends of bodies to where the images show them.

    Parameters
    ----------
    objects : Placed
        In ground metres.
    kinds : (n,) object array
        Theirs; others than those of :data:`WEIGHTS` stay as they are.
    pair : PairReader
        The aligned pair.
    match : function
        Brings before values (..., band) to the radiometry of the after image.
    usual : float
        Brightness that is usual in the after image.

    Returns
    -------
    Placed
        With other middles, lengths and ends.
    """
    x, y, length = objects.x.copy(), objects.y.copy(), objects.length.copy()
    usable = np.isfinite(objects.along).all(axis=1) & np.isfinite(x) & (length <= LONGEST_M)
    for kind, weights in WEIGHTS.items():
        mine = np.flatnonzero(usable & (kinds == kind))
        density = length_density(kind)
        for start in range(0, len(mine), CHUNK):
            rows = mine[start : start + CHUNK]
            strips = sample_strips(objects, rows, pair, match, usual)
            columns = end_columns(strips, (objects.dates[rows] & 2) > 0, objects.error_m)
            out = _best_ends(columns @ np.asarray(weights), objects.length[rows], density)
            shift = 0.5 * (out[:, 1] - out[:, 0])
            x[rows] += shift * objects.along[rows, 0]
            y[rows] += shift * objects.along[rows, 1]
            length[rows] += out.sum(axis=1)
    half = 0.5 * length[:, None] * objects.along
    here = np.column_stack([x, y])
    moved = (length != objects.length) | (x != objects.x)
    ends = np.stack([here - half, here + half], axis=1)
    ends = np.where(moved[:, None, None], ends, objects.ends)
    return replace(objects, x=x, y=y, length=length, ends=ends)


def sample_strips(
    objects: Placed,
    rows: np.ndarray,
    pair: PairReader,
    match: Callable[[np.ndarray], np.ndarray],
    usual: float,
) -> np.ndarray:
    """Sample the middle of some things outward through both ends.

    Returns
    -------
    (end, date, n, place, band) float64 array
        ln brightness against what is usual in the scene.
    """
    row_m, col_m = pair.grid.pixel_size_m or (1.0, 1.0)
    half = np.clip(CORE * objects.width[rows], *CORE_M)
    v = np.arange(-CORE_M[1], CORE_M[1] + 1e-9, STEP_M)
    kept = (np.abs(v) <= half[:, None] + 1e-9)[None, :, None, :, None]
    dx, dy = objects.along[rows, 0, None, None], objects.along[rows, 1, None, None]
    out = []
    for side in (-1, 1):
        u = side * (0.5 * objects.length[rows, None, None] + PLACES_M[None, :, None])
        x = objects.x[rows, None, None] + u * dx - v * dy
        y = objects.y[rows, None, None] + u * dy + v * dx
        dates = sample_places(-y / row_m, x / col_m, pair, lambda values: values)
        dates = np.stack([match(dates[0]), dates[1]])
        out.append(mean_known(np.where(kept, dates, np.nan), 3))
    return np.asarray(np.log(np.maximum(np.stack(out) / usual, DARKEST)))


def end_columns(strips: np.ndarray, after: np.ndarray, error_m: float) -> np.ndarray:
    """What is weighed of each place for an end.

    Parameters
    ----------
    strips : (end, date, n, place, band) array
        From :func:`sample_strips`.
    after : (n,) bool array
        Whether the after image holds the thing.
    error_m : float
        Standard deviation of the place of an outline, metres.

    Returns
    -------
    (end, n, place, column) float64 array
        Of the inner places, as :data:`WEIGHTS` says; what is not known counts as nothing seen.
    """
    here = np.where(after[:, None, None], strips[:, 1], strips[:, 0])
    gone = np.where(after[:, None, None], strips[:, 0], strips[:, 1])
    columns = []
    for date in (here, gone):
        inner, outer = _beside(date, -1), _beside(date, 1)
        step = np.sqrt(((inner - outer) ** 2).mean(axis=-1))
        gap = _windows(date.mean(axis=-1), 0.0, FAR_M).min(axis=-1)
        depth = np.clip(inner.mean(axis=-1) - gap, -DEEPEST, DEEPEST)
        columns.append((np.log(step + SOFT), depth))
    change = np.sqrt(((here - gone) ** 2).mean(axis=-1))[..., None]
    fall = (_beside(change, -1) - _beside(change, 1))[..., 0]
    beyond = PLACES_M[EDGE:-EDGE] / error_m
    often, far = ASTRAY
    likely = np.exp(-0.5 * beyond**2) + often * np.exp(-0.5 * (beyond / far) ** 2) + ELSEWHERE
    own = [np.log(likely), np.maximum(beyond, 0.0), np.minimum(beyond, 0.0)]
    own_colour = here[:, :, PLACES_M <= -OWN_M].mean(axis=2)
    unlike = [
        np.sqrt(((_beside(here, side) - own_colour[:, :, None]) ** 2).mean(axis=-1))
        for side in (-1, 1)
    ]
    seen = [columns[0][0], columns[1][0], columns[0][1], columns[1][1], fall, *unlike]
    seen = [np.nan_to_num(c) for c in seen]
    return np.stack([*seen, *(np.broadcast_to(c, fall.shape) for c in own)], axis=-1)


def _windows(values: np.ndarray, low_m: float, high_m: float) -> np.ndarray:
    """Values from so many to so many metres beyond each inner place, last axis."""
    first, last = (round(m / STEP_M) for m in (low_m, high_m))
    wide = np.lib.stride_tricks.sliding_window_view(values, last - first + 1, axis=2)
    return wide[:, :, EDGE + first : EDGE + first + len(PLACES_M) - 2 * EDGE]


def _beside(values: np.ndarray, side: int) -> np.ndarray:
    """Mean of what lies just within (−1) and just beyond (1) each inner place."""
    low, high = sorted((side * NEAR_M, side * FAR_M))
    return np.asarray(_windows(values, low, high).mean(axis=-1))


def _best_ends(score: np.ndarray, length: np.ndarray, density: Density) -> np.ndarray:
    """(n, 2) metres by which both ends lie beyond those of the outlines, the most likely together.

    ``score`` is (end, n, place).
    """
    top = score.max(axis=2, keepdims=True)
    score = score - top - np.log(np.exp(score - top).sum(axis=2, keepdims=True))
    beyond = PLACES_M[EDGE:-EDGE]
    total = length[:, None, None] + beyond[None, :, None] + beyond[None, None, :]
    value = score[0][:, :, None] + score[1][:, None, :] + np.log(density(total))
    value = np.where(total >= SHORTEST_M, value, -np.inf)
    best = value.reshape(len(value), -1).argmax(axis=1)
    low, high = np.divmod(best, len(beyond))
    return np.column_stack([beyond[low], beyond[high]])


Density = Callable[[np.ndarray], np.ndarray]


def length_density(kind: str) -> Density:
    """Density of the lengths of bodies of a kind as they are found, per metre."""
    from scipy.special import ndtr

    classes = [(size.share, *size.length) for size in SIZES if size.kind == kind]

    def density(metres: np.ndarray) -> np.ndarray:
        out = np.full(np.shape(metres), ODD_LENGTH)
        for share, low, high in classes:
            inside = ndtr((metres - low) / LENGTH_ERROR_M) - ndtr((metres - high) / LENGTH_ERROR_M)
            out += share * inside / (high - low)
        return out

    return density
