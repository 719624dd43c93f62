"""The smooth local field: penalised splines through tie points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from changedet.loading.alignment.models import Fitted, fit, folds, loss, tukey, usual
from changedet.loading.alignment.ties import Ties
from changedet.model import Lattice

_STIFFNESS = (1e-2, 1e-4, 1e-3, 0.1, 1.0)
"""Penalties on the curvature of the local field that are tried; if the first is no better than a
simpler model, none of the others would be chosen."""
_RIDGE = 1e-7
"""Keeps the local field solvable where no tie point reaches."""


@dataclass(frozen=True, eq=False)
class _Splines:
    """Tensor-product cubic B-splines over the grid, with a penalty on their curvature."""

    shape: tuple[int, int]
    counts: tuple[int, int]

    @classmethod
    def over(cls, shape: tuple[int, int], spacing: float) -> _Splines:
        counts = [int(np.clip(round(n / spacing), 1, 24)) + 3 for n in shape]
        return cls(shape, (counts[0], counts[1]))

    def pieces(self, at: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """(n,) first of the four splines that are not zero at places, and their (n, 4) values."""
        count = self.counts[axis] - 3
        u = np.clip(at * (count / max(self.shape[axis] - 1, 1)), 0, count * (1 - 1e-12))
        first = np.floor(u).astype(int)
        t = u - first
        values = np.stack(
            [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], -1
        )
        return first, values / 6

    def penalty(self) -> np.ndarray:
        m, n = self.counts
        down, across = (np.diff(np.eye(k), 2, axis=0) for k in (m, n))
        slant, tilt = (np.diff(np.eye(k), axis=0) for k in (m, n))
        bent = np.kron(down.T @ down, np.eye(n)) + np.kron(np.eye(m), across.T @ across)
        out: np.ndarray = bent + 2 * np.kron(slant.T @ slant, tilt.T @ tilt)
        return out

    def lattices(self, coefficients: np.ndarray) -> tuple[Lattice, Lattice]:
        m, n = (max(2 * (count - 3) + 1, 4) for count in self.counts)
        steps = [max(s - 1, 1) / (k - 1) for s, k in zip(self.shape, (m, n), strict=True)]
        one, other = (
            _full(*self.pieces(np.arange(k) * step, axis), self.counts[axis])
            for axis, (k, step) in enumerate(zip((m, n), steps, strict=True))
        )
        grid = coefficients.reshape(*self.counts, 2)
        values = np.einsum("ai,bj,ijk->abk", one, other, grid)
        dy, dx = (Lattice(0.0, 0.0, steps[0], steps[1], values[..., k].copy()) for k in (0, 1))
        return dy, dx


def _full(first: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    out = np.zeros((len(first), count))
    out[np.arange(len(first))[:, None], first[:, None] + np.arange(4)] = values
    return out


@dataclass(frozen=True, eq=False)
class _Problem:
    """Penalised least squares for shifts at places; solved many times with other weights."""

    index: np.ndarray
    """(n, 16) splines that are not zero at each place."""
    values: np.ndarray
    """(n, 16) their values."""
    shifts: np.ndarray
    """(n, 2)."""
    bent: np.ndarray
    """(band, m) penalty: lower diagonals, as :func:`scipy.linalg.solveh_banded` takes them."""

    @classmethod
    def of(cls, splines: _Splines, places: np.ndarray, shifts: np.ndarray) -> _Problem:
        (row, down), (col, along) = (splines.pieces(places[:, k], k) for k in (0, 1))
        wide, four = splines.counts[1], np.arange(4)
        rows, cols = row[:, None] + four, col[:, None] + four
        index = (rows[:, :, None] * wide + cols[:, None]).reshape(len(places), 16)
        values = (down[:, :, None] * along[:, None]).reshape(len(places), 16)
        penalty = splines.penalty()
        bent = np.zeros((3 * wide + 4, len(penalty)))
        for k in range(min(bent.shape)):
            bent[k, : len(penalty) - k] = np.diagonal(penalty, -k)
        return cls(index, values, shifts, bent)

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, 136) where products of two splines go in the lower diagonals, and the products."""
        one, other = np.tril_indices(16)
        i, j = self.index[:, one], self.index[:, other]
        return (i - j) * self.bent.shape[1] + j, self.values[:, one] * self.values[:, other]

    def solve(self, weights: np.ndarray, stiff: float) -> np.ndarray:
        """(m, 2) coefficients; places of weight 0 have no part in them."""
        from scipy.linalg import solveh_banded

        m = self.bent.shape[1]
        where, products = self._pairs
        total = np.bincount(where.ravel(), (products * weights[:, None]).ravel(), self.bent.size)
        left = total.reshape(self.bent.shape) + stiff * self.bent
        left[0] += _RIDGE
        given = self.values[:, :, None] * (weights[:, None] * self.shifts)[:, None]
        right = np.stack(
            [np.bincount(self.index.ravel(), given[..., k].ravel(), m) for k in (0, 1)], -1
        )
        out: np.ndarray = solveh_banded(left, right, lower=True, check_finite=False)
        return out

    def at(self, coefficients: np.ndarray) -> np.ndarray:
        """(n, 2) field at the places."""
        out: np.ndarray = np.einsum("np,npk->nk", self.values, coefficients[self.index])
        return out


def fit_local(
    ties: Ties,
    shape: tuple[int, int],
    size: int,
    stiff: float | None = None,
    simpler: Fitted | None = None,
) -> Fitted | None:
    """Fit a smooth field on top of an affine motion; the stiffness held-out points like best.

    Parameters
    ----------
    ties : Ties
    shape : tuple of int
        Rows and columns of the grid.
    size : int
        Side of the windows.
    stiff : float, optional
        Stiffness, if it is known.
    simpler : Fitted, optional
        Best simpler model so far.

    Returns
    -------
    Fitted or None
        None when it is clear from the first try that it does not beat the simpler model.

    Notes
    -----
    Penalised tensor-product splines (Eilers and Marx 1996, doi:10.1214/ss/1038425655).
    """
    base, _ = fit(ties, "affine", shape)
    splines = _Splines.over(shape, 0.75 * size)
    away = ties.shifts - base.at(ties.places[:, 0], ties.places[:, 1])
    problem = _Problem.of(splines, ties.places, away)
    part = folds(ties.places, size)
    certain = 1 / ties.sigma**2
    certain /= float(np.median(certain))
    robust = np.ones(len(ties))
    cap = usual(away)
    best: tuple[float, np.ndarray, np.ndarray, np.ndarray, float] | None = None
    for tried in _STIFFNESS if stiff is None else (stiff,):
        coefficients, robust = _smooth(problem, ties, certain, tried, robust)
        held = np.empty_like(away)
        for k in np.unique(part):
            rest = part != k
            without = problem.solve(certain * robust * rest, tried)
            held[~rest] = (away - problem.at(without))[~rest]
        error = float(loss(held, ties, cap).mean())
        if best is None or error < best[0]:
            best = (error, coefficients, robust, held, tried)
        if stiff is None and simpler is not None and tried == _STIFFNESS[0]:
            known = np.isfinite(simpler.residual).all(1)
            limit = loss(simpler.residual, ties, usual(simpler.residual))[known]
            ours = loss(held, ties, usual(simpler.residual))[known]
            if known.any() and ours.mean() > limit.mean():
                return None
    if best is None:
        return None
    motion = replace(base, model="local", local=splines.lattices(best[1]))
    return Fitted(motion, best[2], best[3], best[4])


def _smooth(
    problem: _Problem, ties: Ties, certain: np.ndarray, stiff: float, robust: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Penalised robust least squares: coefficients and Tukey weights, from given ones."""
    coefficients = np.zeros((problem.bent.shape[1], 2))
    for _ in range(5):
        coefficients = problem.solve(certain * robust, stiff)
        before, robust = robust, tukey(problem.shifts - problem.at(coefficients), ties)
        if np.abs(robust - before).max() < 0.05:
            break
    return coefficients, robust
