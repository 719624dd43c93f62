"""Where one body ends and another begins along a part, as both dates show it.

Gaps are dark notches, steps of colour, or narrow places, at the date that holds the bodies and not
at the other. How much each says was learnt on simulated yards
(``tests/benchmarks/learn_bodies.py``).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

NOTCH_M, SHOULDER_M = 0.8, (1.0, 3.2)
"""Half the length of a gap between bodies, and where they begin and how far they are looked at on
both sides of it, metres."""
RIVAL_M = 1.5
"""So far another place along the part is taken for the same gap, metres."""
MOST = 0.6
"""When it is asked which date shows gaps, a notch or a step counts for no more than this, as a
logarithm of brightness,"""
STEP = 0.5
"""and a step so much beside a notch."""
COLUMNS = (
    "notch then", "else", "step then", "else", "from pixel to pixel then", "else",
    "from metre to metre then", "else", "ridge then", "else", "less change", "narrower", "told",
    "notch below the deepest", "step below the largest", "told above its rivals", "told in all",
)  # fmt: skip
"""What is known of a place along a part; then is at the date that shows gaps."""


def gap_columns(
    profile: np.ndarray, pixels: np.ndarray, count: np.ndarray, size: float
) -> np.ndarray:
    """(n, step, column) what is known of the places along parts, as :data:`COLUMNS` names it.

    Parameters
    ----------
    profile : (date, band, n, step) array
        Mean logarithms of brightness along the middle of parts; NaN where nothing lies.
    pixels : (n, step) array
        Pixels of the part at each step.
    count : (n,) int array
        Steps of each part.
    size : float
        Metres a step.
    """
    near, far = (max(1, round(m / size)) for m in SHOULDER_M)
    half, rival = (max(1, round(m / size)) for m in (NOTCH_M, RIVAL_M))
    middle, before, behind = range(1 - half, half), range(near, far + 1), range(-far, 1 - near)
    bright = profile.mean(axis=1)
    left, right = _mean(profile, before), _mean(profile, behind)
    sides = left.mean(axis=1), right.mean(axis=1)
    notch = np.fmin(*sides) - np.fmin.reduce([shifted(bright, k) for k in middle])
    ridge = np.fmax.reduce([shifted(bright, k) for k in middle]) - np.fmax(*sides)
    step, abrupt = _apart(left, right), _apart(shifted(profile, 1), profile)
    close = _apart(_mean(profile, range(1, near + 1)), _mean(profile, range(1 - near, 1)))
    notches, steps = (np.clip(np.nan_to_num(v), -MOST, MOST) for v in (notch, step))
    told = notches - np.abs(notches[::-1]) + STEP * (steps - steps[::-1])
    # one after the other: the sum must not depend on how long other parts are
    total = np.maximum(told, 0.0).cumsum(axis=-1)[..., -1]
    later = (total[1] > total[0])[None, :, None]

    def by_date(values: np.ndarray) -> np.ndarray:
        return np.where(later, values[::-1], values)

    change = _apart(profile[:1], profile[1:], axis=1)[0]
    less = (_mean(change, before) + _mean(change, behind)) / 2
    less = less - np.fmin.reduce([shifted(change, k) for k in middle])
    wide = np.where(pixels > 0, pixels, np.nan)
    narrow = np.fmin.reduce([shifted(wide, k) for k in middle])
    narrow = narrow / np.fmax(_mean(wide, before), _mean(wide, behind))
    told = by_date(told)[0]
    rivals = np.fmax.reduce([shifted(told, k) for k in range(-rival, rival + 1) if k])
    columns = [
        *by_date(notch), *by_date(step), *by_date(abrupt), *by_date(close), *by_date(ridge),
        less, narrow, told, *(v - _largest(v) for v in (by_date(notch)[0], by_date(step)[0])),
        told - rivals, np.broadcast_to((total.max(axis=0) / count)[:, None], told.shape),
    ]  # fmt: skip
    return np.stack(columns, axis=-1)


def _apart(one: np.ndarray, other: np.ndarray, axis: int = 1) -> np.ndarray:
    """Root mean square over bands of a difference."""
    out: np.ndarray = np.sqrt(((one - other) ** 2).mean(axis=axis))
    return out


def _largest(values: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.fmax.reduce(values, axis=-1)
    return out[:, None]


def _mean(values: np.ndarray, steps: Iterable[int]) -> np.ndarray:
    """Mean of the values so many steps before each, of those that are there."""
    total, count = np.zeros(values.shape), np.zeros(values.shape)
    for k in steps:
        there = shifted(values, k)
        seen = np.isfinite(there)
        total += np.where(seen, there, 0.0)
        count += seen
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def shifted(values: np.ndarray, by: int) -> np.ndarray:
    """Values so many steps before each; NaN beyond the ends."""
    out = np.full_like(values, np.nan, dtype=np.float64)
    if by > 0:
        out[..., by:] = values[..., :-by]
    elif by < 0:
        out[..., :by] = values[..., -by:]
    else:
        out[...] = values
    return out
