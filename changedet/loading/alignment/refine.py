"""From a first guess to the final motion: compare, fit, lay on, compare again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from changedet.loading.alignment.choice import choose
from changedet.loading.alignment.features import Recipe
from changedet.loading.alignment.fields import Store
from changedet.loading.alignment.measure import Comparison, compare
from changedet.loading.alignment.models import Fitted, fit
from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.spectra import Spectra, peaks
from changedet.loading.alignment.ties import SIGNIFICANT, Ties, learned, measure
from changedet.model import PairReader

_PASSES = 4
_MANY = 240
"""Windows above which a third of them is enough for the first pass."""
_SETTLED = 0.3
"""Largest change of the correction between passes (pixels) that needs no further pass."""
_SETTLED_TRUSTED = {"translation": 0.03}
"""The same where only trusted pixels vote, whose choice depends on the correction; 0.1 where it
varies by place: the pass after a change as large was found to change it by a seventh of that."""
_SHADOWED = 0.7
"""Pixels by which moved shadows may bend an estimate in which all pixels vote."""
_ASTRAY = 0.5
"""Pixels from the robust mean at which a common peak is another one."""
_LEAST = 0.3
"""Part of a window that must be valid in both images."""


@dataclass(frozen=True, eq=False)
class Refined:
    """The last pass."""

    seen: Comparison
    """Windows that could be compared, laid on each other by the motion of the pass before."""
    spectra: Spectra
    """Their phase spectra, with learned weights."""
    common: np.ndarray
    """(2,) shift left over that all windows share."""
    ties: Ties
    """Tie points of all windows."""
    fitted: Fitted
    """Model through the believed ones."""
    believed: np.ndarray
    """(n,) bool: tie points the model was fitted to (before rejection)."""


def refine(
    pair: PairReader,
    corners: np.ndarray,
    size: int,
    start: Motion,
    recipe: Recipe,
    reach: float,
    *,
    store: Store,
    trusting: bool = False,
) -> Refined | None:
    """Refine a motion until it stands still.

    Parameters
    ----------
    pair : PairReader
    corners : (n, 2) int array
        Windows to compare.
    size : int
        Their side.
    start : Motion
        First guess, good to ``reach`` pixels.
    recipe : Recipe
    reach : float
        Pixels around the guess in which the first pass seeks.
    store : Store
        Keeps feature fields between passes.
    trusting : bool
        Only pixels that can be trusted vote.

    Returns
    -------
    Refined or None
        None when fewer than two windows can be compared.
    """
    motion, out = start, None
    quick = len(corners) > _MANY
    for step in range(_PASSES):
        some = _third(corners) if quick and step == 0 else corners
        seen = compare(
            pair, some, size, motion, recipe,
            store=store, trusting=trusting, exact=trusting and (step > 0 or not quick),
        )  # fmt: skip
        seen = seen.take(seen.share >= _LEAST)
        if len(seen.share) < 2:
            return None
        stiff = None if out is None else out.fitted.stiff
        out = _pass(seen, size, pair.grid.shape, reach if step == 0 else min(reach, 4.0), stiff)
        last, motion = motion, out.fitted.motion
        if quick and step == 0:
            continue
        settled = _SETTLED_TRUSTED.get(motion.model, 0.1) if trusting else _SETTLED
        if change(last, motion) < settled or (not trusting and _even(last, motion)):
            break
    return out


def _third(corners: np.ndarray) -> np.ndarray:
    """Every third window along rows, columns and both diagonals."""
    row, col = (np.unique(corners[:, k], return_inverse=True)[1] for k in (0, 1))
    return corners[(row + col) % 3 == 0]


def steady(found: Refined) -> Motion:
    """Return the motion, without what varies too little by place to be told from moved shadows."""
    motion = found.fitted.motion
    if motion.model == "translation" or _spread(motion) > _SHADOWED:
        return motion
    plain, _ = fit(found.ties.take(found.believed), "translation", motion.shape)
    return plain


def _even(last: Motion, motion: Motion) -> bool:
    """Whether the pass before already took out everything that varies by place."""
    return _spread(motion) - _spread(last) < _SETTLED


def _spread(motion: Motion) -> float:
    values = _sampled(motion)
    return float(np.hypot(*(values - values.mean(0)).T).max())


def _sampled(motion: Motion) -> np.ndarray:
    h, w = motion.shape
    rows, cols = np.meshgrid(np.linspace(0, h - 1, 17), np.linspace(0, w - 1, 17), indexing="ij")
    return motion.at(rows, cols).reshape(-1, 2)


def change(one: Motion, other: Motion) -> float:
    """Difference of two motions that nine tenths of the grid stay below, pixels."""
    return float(np.percentile(np.hypot(*(_sampled(one) - _sampled(other)).T), 90))


def _pass(
    seen: Comparison, size: int, shape: tuple[int, int], reach: float, stiff: float | None
) -> Refined:
    spectra, common = learned(seen.spectra, reach)
    ties = measure(seen, spectra, reach, common if reach <= 4 else np.zeros(2))
    believed = ties.significance > SIGNIFICANT
    if believed.sum() < 2:
        # no window speaks for itself: all together may still
        total = seen.applied.mean(0) + common
        motion = Motion.shift(shape, float(total[0]), float(total[1]))
        nothing = np.zeros((0, 2))
        return Refined(seen, spectra, common, ties, Fitted(motion, np.zeros(0), nothing), believed)
    fitted = choose(ties.take(believed), shape, size, stiff)
    if fitted.motion.model == "translation":
        fitted = replace(fitted, motion=_together(seen, spectra, believed, fitted))
    return Refined(seen, spectra, common, ties, fitted, believed)


def _together(seen: Comparison, spectra: Spectra, believed: np.ndarray, fitted: Fitted) -> Motion:
    """Shift of all agreeing windows at once: better than their mean where each one is noisy."""
    weights = np.zeros(len(believed))
    weights[believed] = fitted.weights
    if weights.sum() <= 0:
        return fitted.motion
    applied = (weights @ seen.applied) / weights.sum()
    start = fitted.motion.coefficients[:1] - applied
    top, _ = peaks(spectra.pooled(weights), start)
    if np.abs(top - start).max() > _ASTRAY:
        return fitted.motion
    return Motion.shift(fitted.motion.shape, *(applied + top[0]))
