"""The choice of the simplest motion model that serves."""

from __future__ import annotations

import numpy as np

from changedet.loading.alignment.local import fit_local
from changedet.loading.alignment.models import NEEDED, Fitted, fit, held_out, loss, usual
from changedet.loading.alignment.ties import Ties

_GAIN = 0.95
"""A more complex model must also bring the held-out error below this share of the simpler one's."""
_WORTH = 0.02
"""Pixels (root mean square) that a more complex model must take out at least."""
_SURE = {"local": 3.0}
"""Standard errors by which a model must be better than a simpler one; 1 for polynomials."""


def choose(ties: Ties, shape: tuple[int, int], size: int, stiff: float | None = None) -> Fitted:
    """Take the simplest model that explains held-out tie points as well as any.

    ``stiff`` is the stiffness of the local field where it is known from a pass before.

    Notes
    -----
    One-standard-error rule (Breiman et al. 1984): a model is taken over a simpler one only when
    its held-out squared error is lower by more than the standard error of the difference over
    squares of ground, and by more than a few per cent.
    """
    best: Fitted | None = None
    for model, needed in NEEDED.items():
        if len(ties) < needed:
            continue
        if model == "local":
            smooth = fit_local(ties, shape, size, stiff, best)
            if smooth is None:
                continue
            fitted = smooth
        else:
            motion, weights = fit(ties, model, shape)
            fitted = Fitted(motion, weights, held_out(ties, model, shape, size))
        if best is None or _better(fitted, best, ties, size):
            best = fitted
    if best is None:
        motion, weights = fit(ties, "translation", shape)
        best = Fitted(motion, weights, np.full((len(ties), 2), np.nan))
    return best


def _better(new: Fitted, old: Fitted, ties: Ties, size: int) -> bool:
    known = np.isfinite(new.residual).all(1) & np.isfinite(old.residual).all(1)
    if known.sum() < 8:
        return False
    here = ties.take(known)
    cap = usual(old.residual)
    ours, theirs = loss(new.residual[known], here, cap), loss(old.residual[known], here, cap)
    if ours.mean() > min(_GAIN**2 * theirs.mean(), theirs.mean() - _WORTH**2):
        return False
    squares = (ties.places[known] // (1.5 * size)).astype(int)
    _, where = np.unique(squares, axis=0, return_inverse=True)
    gain = np.bincount(where.ravel(), weights=theirs - ours)
    n = len(gain)
    error = float(gain.std()) / np.sqrt(max(n, 1)) * n
    return float(gain.sum()) > _SURE.get(new.motion.model, 1.0) * error
