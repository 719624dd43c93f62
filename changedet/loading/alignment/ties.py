"""Tie points: the shift of each window, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.alignment.measure import Comparison
from changedet.loading.alignment.spectra import (
    Spectra,
    bound,
    peaks,
    surfaces,
    weighted_by_coherence,
)

SIGNIFICANT = 5.5
"""Height (standard deviations of chance) above which one window's peak is believed."""
_FLOOR = 0.02
"""Pixels no tie point is believed to be better than."""


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


def highest(
    spectra: Spectra, reach: float, centre: tuple[float, float] = (0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Shift and height of each window's highest correlation within ``reach`` of a shift."""
    shifts, values = surfaces(spectra, reach, centre=centre)
    flat = values.reshape(len(values), -1).argmax(1)
    r, c = np.unravel_index(flat, values.shape[1:])
    top, height = peaks(spectra, np.stack([shifts[r], shifts[c]], -1) + np.array(centre))
    return top, height


def learned(spectra: Spectra, reach: float) -> tuple[Spectra, np.ndarray]:
    """Learn frequency weights from all windows about their common shift; also that shift."""
    common = np.zeros((1, 2))
    for _ in range(2):
        common, _ = highest(spectra.pooled(), reach)
        spectra = weighted_by_coherence(spectra, common[0])
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
    top, height = highest(spectra, reach, (float(centre[0]), float(centre[1])))
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
