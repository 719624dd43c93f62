"""Tie points: the shift of each window, how far it can be trusted, and robust fits through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.align_measure import Comparison
from changedet.loading.align_motion import MODELS, Motion
from changedet.loading.align_spectra import Spectra, bound, peaks, surfaces, weighted_by_coherence

SIGNIFICANT = 5.5
"""Height (standard deviations of chance) above which one window's peak is believed."""
_TUKEY = 4.685
"""Tukey's constant: 95 % efficiency under Gaussian errors."""
_FLOOR = 0.02
"""Pixels no tie point is believed to be better than."""
TERMS = {"translation": 1, "similarity": 3, "affine": 3, "second-order": 6}
"""Polynomial terms of each model and axis."""


@dataclass(frozen=True, eq=False)
class Ties:
    """Measured corrections at window centres."""

    places: np.ndarray
    """(n, 2) row, col."""
    shifts: np.ndarray
    """(n, 2) correction dy, dx, pixels."""
    sigma: np.ndarray
    """(n,) expected standard deviation per axis, pixels."""
    significance: np.ndarray
    """(n,) height of the peak in standard deviations of chance."""

    def __len__(self) -> int:
        return len(self.places)

    def take(self, rows: np.ndarray) -> Ties:
        """Return some of the tie points."""
        return Ties(self.places[rows], self.shifts[rows], self.sigma[rows], self.significance[rows])


def highest(spectra: Spectra, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Shift and height of the highest point of each window's correlation within ``reach``."""
    shifts, values = surfaces(spectra, reach)
    flat = values.reshape(len(values), -1).argmax(1)
    r, c = np.unravel_index(flat, values.shape[1:])
    top, height = peaks(spectra, np.stack([shifts[r], shifts[c]], -1))
    return top, height


def learned(spectra: Spectra, reach: float) -> tuple[Spectra, np.ndarray]:
    """Learn frequency weights from all windows about their common shift; also that shift."""
    common = np.zeros((1, 2))
    for _ in range(2):
        common, _ = highest(spectra.pooled(), reach)
        spectra = weighted_by_coherence(spectra, np.repeat(common, len(spectra.phases), 0))
    return spectra, common[0]


def measure(seen: Comparison, spectra: Spectra, reach: float, centre: np.ndarray) -> Ties:
    """Tie points of windows, sought within ``reach`` of a residual shift known for all.

    Parameters
    ----------
    seen : Comparison
    spectra : Spectra
        Of the same windows, with learned weights.
    reach : float
        Pixels.
    centre : (2,) float array
        Residual shift around which to seek.
    """
    turned = _recentred(spectra, centre)
    top, height = highest(turned, reach)
    top = top + centre
    inside = np.abs(top - centre).max(1) <= reach
    significance = np.where(inside, height / max(spectra.noise, 1e-12), 0.0)
    usual = (
        float(np.median(height[significance > SIGNIFICANT]))
        if (significance > SIGNIFICANT).any()
        else float(height.max(initial=1e-6))
    )
    best = bound(spectra)
    sigma = np.hypot(best * usual / np.maximum(height, 1e-3 * max(usual, 1e-6)), _FLOOR)
    return Ties(seen.centres, seen.applied + top, np.minimum(sigma, 1e3), significance)


def _recentred(spectra: Spectra, centre: np.ndarray) -> Spectra:
    from dataclasses import replace

    f = spectra.frequencies
    turn = np.exp(2j * np.pi * (centre[0] * f[:, None] + centre[1] * f[None]))
    return replace(spectra, phases=spectra.phases * turn.astype(np.complex64))


def fit(
    ties: Ties, model: str, shape: tuple[int, int], iterations: int = 12
) -> tuple[Motion, np.ndarray]:
    """Fit a polynomial model robustly.

    Returns
    -------
    motion : Motion
    weights : (n,) float array
        Tukey weight of each tie point, 0 = rejected.

    Notes
    -----
    Iteratively reweighted least squares with Tukey's biweight from a start at the weighted median
    (translation) or at a robust fit of the next simpler model; the scale is the median absolute
    residual. Fails when more than half of the tie points agree on something else.
    """
    empty = Motion.shift(shape, 0.0, 0.0)
    basis = empty.basis(ties.places[:, 0], ties.places[:, 1], TERMS[model])
    middle = np.median(ties.shifts, 0)
    robust = np.ones(len(ties))
    coefficients = np.zeros((basis.shape[1], 2))
    coefficients[0] = middle
    for _ in range(iterations):
        residual = np.hypot(*(ties.shifts - basis @ coefficients).T) / ties.sigma
        scale = max(1.4826 * float(np.median(residual)) / 1.18, 0.7)
        robust = np.clip(1 - (residual / (_TUKEY * scale)) ** 2, 0, None) ** 2
        coefficients = _solve(basis, ties.shifts, robust / ties.sigma**2, model == "similarity")
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


__all__ = ["MODELS", "SIGNIFICANT", "TERMS", "Ties", "fit", "highest", "learned", "measure"]
