"""Robust fits of motion models through tie points, and what held-out tie points say of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.ties import Ties

_TUKEY = 4.685
"""Tukey's constant: 95 % efficiency under Gaussian errors."""
_ITERATIONS = 15
TERMS = {"translation": 1, "similarity": 3, "affine": 3, "second-order": 6}
"""Polynomial terms of each model and axis."""
NEEDED = {"translation": 2, "similarity": 6, "affine": 9, "second-order": 18, "local": 40}
"""Tie points a model needs at least."""
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model through tie points."""

    motion: Motion
    """The correction."""
    weights: np.ndarray
    """(n,) Tukey weight of each tie point, 0 = rejected."""
    residual: np.ndarray
    """(n, 2) held-out residual of each tie point; NaN where no fit without it was possible."""
    stiff: float | None = None
    """Penalty on curvature that held-out points liked best, for a local field."""


def folds(places: np.ndarray, size: int) -> np.ndarray:
    """(n,) part of each tie point, so that no two touching windows are in the same part.

    Tapered windows that overlap by half share little of their errors (correlation about 0.2).
    """
    r, c = np.rint(places / (size / 2)).astype(int).T
    part = (2 * r + c) % _FOLDS
    if len(np.unique(part)) < 3:
        part = np.arange(len(places)) % _FOLDS
    return part


def tukey(residual: np.ndarray, ties: Ties) -> np.ndarray:
    """Weights of tie points from their residuals: 0 beyond 4.7 times the usual."""
    length = np.hypot(*residual.T) / ties.sigma
    # 1.18 = median length of a two-dimensional Gaussian of unit variance; below 0.7 the expected
    # errors were pessimistic, and points must not be rejected for being good
    scale = max(float(np.median(length)) / 1.1774, 0.7)
    return np.clip(1 - (length / (_TUKEY * scale)) ** 2, 0, None) ** 2


def fit(
    ties: Ties, model: str, shape: tuple[int, int], start: np.ndarray | None = None
) -> tuple[Motion, np.ndarray]:
    """Fit a polynomial model robustly.

    Parameters
    ----------
    ties : Ties
    model : str
        A key of :data:`TERMS`.
    shape : tuple of int
        Rows and columns of the grid.
    start : (n,) float array, optional
        Weights to start from; otherwise those about the median shift.

    Returns
    -------
    motion : Motion
    weights : (n,) float array
        Tukey weight of each tie point, 0 = rejected.

    Notes
    -----
    Iteratively reweighted least squares with Tukey's biweight (Beaton and Tukey 1974,
    doi:10.1080/00401706.1974.10489171), tie points weighed by 1/σ². Fails when more than half of
    the tie points agree on something else.
    """
    empty = Motion.shift(shape, 0.0, 0.0)
    basis = empty.basis(ties.places[:, 0], ties.places[:, 1], TERMS[model])
    if start is None:
        start = tukey(ties.shifts - np.median(ties.shifts, 0), ties)
        if TERMS[model] > 1:
            start = np.ones(len(ties))
    robust = start
    for _ in range(_ITERATIONS):
        coefficients = _solve(basis, ties.shifts, robust / ties.sigma**2, model == "similarity")
        before, robust = robust, tukey(ties.shifts - basis @ coefficients, ties)
        if np.abs(robust - before).max() < 1e-3:
            break
    return Motion(shape, model, coefficients), robust


def _solve(basis: np.ndarray, shifts: np.ndarray, weights: np.ndarray, similar: bool) -> np.ndarray:
    """Weighted least squares; a similarity ties the two axes together."""
    root = np.sqrt(weights)[:, None]
    if not similar:
        return np.linalg.lstsq(basis * root, shifts * root, rcond=1e-9)[0]
    one, v, u = basis.T
    zero = np.zeros_like(one)
    # dy = a + s v + q u, dx = b + s u - q v
    top = np.stack([one, zero, v, u], -1) * root
    low = np.stack([zero, one, u, -v], -1) * root
    right = np.concatenate([shifts[:, 0] * root[:, 0], shifts[:, 1] * root[:, 0]])
    a, b, s, q = np.linalg.lstsq(np.concatenate([top, low]), right, rcond=1e-9)[0]
    return np.array([[a, b], [s, -q], [q, s]])


def loss(residual: np.ndarray, ties: Ties, cap: float) -> np.ndarray:
    """(n,) squared lengths, each no more than ``cap`` squared, weighed by certainty.

    What is rejected anyway counts the same for every model.
    """
    certain = 1 / ties.sigma**2
    return np.minimum((residual**2).sum(1), cap**2) * certain / max(float(certain.mean()), 1e-12)


def usual(residual: np.ndarray) -> float:
    """Length beyond which a held-out residual is an outlier: 4 robust standard deviations."""
    known = np.isfinite(residual).all(1)
    if not known.any():
        return 1.0
    length = np.hypot(*residual[known].T)
    return float(np.clip(4 * float(np.median(length)) / 1.1774, 0.1, 2.0))


def held_out(ties: Ties, model: str, shape: tuple[int, int], size: int) -> np.ndarray:
    """(n, 2) residual of each tie point against a fit without its part; NaN where impossible."""
    part = folds(ties.places, size)
    out = np.full((len(ties), 2), np.nan)
    for k in np.unique(part):
        rest = part != k
        if rest.sum() >= max(2, NEEDED[model] // 2):
            motion, _ = fit(ties.take(rest), model, shape)
            places = ties.places[~rest]
            out[~rest] = ties.shifts[~rest] - motion.at(places[:, 0], places[:, 1])
    return out
