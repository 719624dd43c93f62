"""Robust fits of motion models through tie points, and the choice of the simplest that serves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.loading.align_motion import Motion
from changedet.loading.align_ties import Ties
from changedet.model import Lattice

_TUKEY = 4.685
"""Tukey's constant: 95 % efficiency under Gaussian errors."""
_ITERATIONS = 15
TERMS = {"translation": 1, "similarity": 3, "affine": 3, "second-order": 6}
"""Polynomial terms of each model and axis."""
_NEEDED = {"translation": 2, "similarity": 6, "affine": 9, "second-order": 18, "local": 40}
"""Tie points a model needs at least."""
_STIFFNESS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Penalties on the curvature of the local field that are tried."""
_RIDGE = 1e-7
"""Keeps the local field solvable where no tie point reaches."""
_FOLDS = 5
_GAIN = 0.95
"""A more complex model must also bring the held-out error below this share of the simpler one's."""


_WORTH = 0.02
"""Pixels (root mean square) that a more complex model must take out at least."""
_SURE = {"local": 3.0}
"""Standard errors by which a model must be better than a simpler one; 1 for polynomials."""


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


@dataclass(frozen=True, eq=False)
class _Splines:
    """Tensor-product cubic B-splines over the grid, with a penalty on their curvature."""

    shape: tuple[int, int]
    counts: tuple[int, int]

    @classmethod
    def over(cls, shape: tuple[int, int], spacing: float) -> _Splines:
        counts = [int(np.clip(round(n / spacing), 1, 24)) + 3 for n in shape]
        return cls(shape, (counts[0], counts[1]))

    def _one(self, at: np.ndarray, axis: int) -> np.ndarray:
        from scipy.interpolate import BSpline

        pieces = self.counts[axis] - 3
        step = max(self.shape[axis] - 1, 1) / pieces
        knots = np.arange(-3, pieces + 4) * step
        inside = np.clip(at, 0, step * pieces * (1 - 1e-12))
        return BSpline.design_matrix(inside, knots, 3).toarray()

    def design(self, places: np.ndarray) -> Any:
        from scipy.sparse import csr_array

        one, other = self._one(places[:, 0], 0), self._one(places[:, 1], 1)
        return csr_array((one[:, :, None] * other[:, None]).reshape(len(places), -1))

    def penalty(self) -> Any:
        from scipy.sparse import csr_array, eye_array, kron

        m, n = self.counts
        down, across = (csr_array(np.diff(np.eye(k), 2, axis=0)) for k in (m, n))
        cross = kron(np.diff(np.eye(m), axis=0), np.diff(np.eye(n), axis=0), format="csr")
        bent = kron(down.T @ down, eye_array(n)) + kron(eye_array(m), across.T @ across)
        return csr_array(bent + 2 * cross.T @ cross)

    def lattices(self, coefficients: np.ndarray) -> tuple[Lattice, Lattice]:
        m, n = (2 * (count - 3) + 1 for count in self.counts)
        m, n = max(m, 4), max(n, 4)
        steps = [max(s - 1, 1) / (k - 1) for s, k in zip(self.shape, (m, n), strict=True)]
        one = self._one(np.arange(m) * steps[0], 0)
        other = self._one(np.arange(n) * steps[1], 1)
        grid = coefficients.reshape(*self.counts, 2)
        values = np.einsum("ai,bj,ijk->abk", one, other, grid)
        dy, dx = (Lattice(0.0, 0.0, steps[0], steps[1], values[..., k].copy()) for k in (0, 1))
        return dy, dx


def fit_local(ties: Ties, shape: tuple[int, int], size: int, stiff: float | None = None) -> Fitted:
    """Fit a smooth field on top of an affine motion; the stiffness held-out points like best.

    Notes
    -----
    Penalised tensor-product splines (Eilers and Marx 1996, doi:10.1214/ss/1038425655).
    """
    from scipy.sparse import eye_array

    base, _ = fit(ties, "affine", shape)
    splines = _Splines.over(shape, 0.75 * size)
    design, bent = splines.design(ties.places), splines.penalty()
    away = ties.shifts - base.at(ties.places[:, 0], ties.places[:, 1])
    part = folds(ties.places, size)
    certain = 1 / ties.sigma**2
    certain /= float(np.median(certain))
    robust = np.ones(len(ties))
    cap = usual(away)
    best: tuple[float, np.ndarray, np.ndarray, np.ndarray, float] | None = None
    for tried in _STIFFNESS if stiff is None else (stiff,):
        penalty = tried * bent + _RIDGE * eye_array(design.shape[1])
        coefficients, robust = _smooth(design, away, ties, certain, penalty)
        held = np.empty_like(away)
        for k in np.unique(part):
            rest = part != k
            without = _solved(design[rest], away[rest], (certain * robust)[rest], penalty)
            held[~rest] = away[~rest] - design[~rest] @ without
        error = float(loss(held, ties, cap).mean())
        if best is None or error < best[0]:
            best = (error, coefficients, robust, held, tried)
    assert best is not None
    motion = replace(base, model="local", local=splines.lattices(best[1]))
    return Fitted(motion, best[2], best[3], best[4])


def _solved(design: Any, shifts: np.ndarray, weights: np.ndarray, penalty: Any) -> np.ndarray:
    """Penalised weighted least squares."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    weighted = diags_array(weights) @ design
    left = (weighted.T @ design + penalty).tocsc()
    return splu(left).solve(weighted.T @ shifts)


def _smooth(
    design: Any, shifts: np.ndarray, ties: Ties, certain: np.ndarray, penalty: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Penalised robust least squares: coefficients and Tukey weights."""
    robust = np.ones(len(ties))
    coefficients = np.zeros((design.shape[1], 2))
    for _ in range(5):
        coefficients = _solved(design, shifts, certain * robust, penalty)
        before, robust = robust, tukey(shifts - design @ coefficients, ties)
        if np.abs(robust - before).max() < 0.05:
            break
    return coefficients, robust


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
        if rest.sum() >= max(2, _NEEDED[model] // 2):
            motion, _ = fit(ties.take(rest), model, shape)
            places = ties.places[~rest]
            out[~rest] = ties.shifts[~rest] - motion.at(places[:, 0], places[:, 1])
    return out


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
    for model, needed in _NEEDED.items():
        if len(ties) < needed:
            continue
        if model == "local":
            fitted = fit_local(ties, shape, size, stiff)
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
