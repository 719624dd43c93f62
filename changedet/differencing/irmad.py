"""Iteratively re-weighted multivariate alteration detection (IR-MAD).

Nielsen, IEEE Transactions on Image Processing 16:463 (2007), doi:10.1109/TIP.2006.888195.
Finds the linear combinations of bands that correlate best between the dates on ground that did not
change, and measures what is left, so that any linear difference of sensor, light and haze drops
out. Fails where the greater part of the scene changed, and where colours occur at one date only
(the map between the dates then extrapolates).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.filters import GUARD, ValidSmoother, gaussian_radius
from changedet.differencing.sampling import Sample
from changedet.model import ImagePair

POOLING_SIGMA = 0.8
"""Local pooling in pixels: about 3 x 3, no wider than half a target of six pixels."""
RIDGE = 1e-4
ITERATIONS = 50
TOLERANCE = 1e-3
FIT_PIXELS = 250_000
"""Pixels on which the transform is fitted, at most."""
LOG_FLOOR = 0.2
"""Share of the median below which the logarithm of the statistic turns linear."""


@dataclass(frozen=True, eq=False)
class IRMAD:
    """Fitted IR-MAD transform."""

    mean_before: np.ndarray
    """(band,) weighted means before."""
    mean_after: np.ndarray
    """(band,) weighted means after."""
    before: np.ndarray
    """(component, band) projection of before, divided by the component's no-change deviation."""
    after: np.ndarray
    """(component, band) projection of after, divided likewise."""
    correlation: np.ndarray
    """(component,) canonical correlations."""
    scale: float
    """Median of the pooled statistic on the sample."""
    iterations: int
    """Iterations until the correlations stood still."""

    name = "ir-mad"
    halo = gaussian_radius(POOLING_SIGMA) + GUARD

    def chi_square(self, pair: ImagePair) -> np.ndarray:
        """Sum of squared standardised variates, pooled, (y, x) float32."""
        valid = pair.valid
        x, y = (np.where(valid, i.pixels, np.float32(0)) for i in (pair.before, pair.after))
        total = np.zeros(valid.shape, dtype=np.float32)
        offset = (self.before @ self.mean_before - self.after @ self.mean_after).astype(np.float32)
        # Band by band instead of a matrix product: BLAS rounds by block, that is by tile.
        for a, b, c in zip(
            self.before.astype(np.float32), self.after.astype(np.float32), offset, strict=True
        ):
            variate = np.full(valid.shape, -c, dtype=np.float32)
            for k in range(len(a)):
                variate += a[k] * x[k]
                variate -= b[k] * y[k]
            total += variate * variate
        pooled = ValidSmoother(valid, POOLING_SIGMA)(total)
        pooled[~valid] = np.nan
        return pooled

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Logarithm of the pooled chi-square, linear below a fifth of its median."""
        return np.log1p(self.chi_square(pair) / np.float32(LOG_FLOOR * self.scale))

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            "canonical_correlation": [float(v) for v in self.correlation],
            "iterations": self.iterations,
            "median_chi_square": self.scale,
        }


def fit(sample: Sample, context: DetectionContext) -> IRMAD:
    """Estimate the transform on the sample.

    Parameters
    ----------
    sample : Sample
        Where to look.
    context : DetectionContext
        Not used beyond its existence: the transform is invariant to units.

    Returns
    -------
    IRMAD
    """
    before, after = (v.astype(np.float64) for v in sample.pixels(FIT_PIXELS))
    keep = _informative(before, after)
    transform = _iterate(before[keep], after[keep]) if keep.any() else _plain(before, after)
    if not keep.any():
        keep[:] = True
    full = [np.zeros((transform[0].shape[0], before.shape[0])) for _ in range(2)]
    full[0][:, keep], full[1][:, keep] = transform[0], transform[1]
    means = [np.zeros(before.shape[0]) for _ in range(2)]
    means[0][keep], means[1][keep] = transform[2], transform[3]
    fitted = IRMAD(means[0], means[1], full[0], full[1], transform[4], 1.0, transform[5])
    values = [
        fitted.chi_square(pair)[window.within(window.pad(fitted.halo))]
        for window, pair in sample.pairs(fitted.halo)
    ]
    pooled = np.concatenate([v[np.isfinite(v)] for v in values])
    scale = float(np.median(pooled))
    if not scale > 0:
        # Identical images: every difference is zero, and any positive scale serves.
        positive = pooled[pooled > 0]
        scale = float(np.median(positive)) if positive.size else 1.0
    return IRMAD(means[0], means[1], full[0], full[1], transform[4], scale, transform[5])


def _informative(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which bands vary at both dates (a constant band has no correlation with anything)."""
    return (np.ptp(before, axis=1) > 0) & (np.ptp(after, axis=1) > 0)


Transform = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]
"""Projections before and after, means before and after, correlations, iterations."""


def _plain(x: np.ndarray, y: np.ndarray) -> Transform:
    """Plain differences from the means, where no band varies at both dates."""
    bands = len(x)
    return np.eye(bands), np.eye(bands), x.mean(axis=1), y.mean(axis=1), np.zeros(bands), 0


def _covariance(z: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = weight.sum()
    mean = (z @ weight) / total
    centred = z - mean[:, None]
    return mean, (centred * weight) @ centred.T / total


def _iterate(x: np.ndarray, y: np.ndarray) -> Transform:
    """Canonical variates under weights that fade out what looks changed."""
    from scipy.linalg import eigh
    from scipy.special import chdtrc

    bands = len(x)
    z = np.concatenate([x, y])
    weight = np.ones(z.shape[1])
    previous = np.full(bands, np.inf)
    for iteration in range(1, ITERATIONS + 1):  # noqa: B007 - returned below
        mean, covariance = _covariance(z, weight)
        xx, yy = covariance[:bands, :bands], covariance[bands:, bands:]
        xy = covariance[:bands, bands:]
        # In proportion to each band's own variance, so that units do not matter.
        xx = xx + RIDGE * np.diag(np.diag(xx))
        yy = yy + RIDGE * np.diag(np.diag(yy))
        back = np.linalg.solve(yy, xy.T)
        eigenvalue, a = eigh(xy @ back, xx)
        rho = np.sqrt(np.clip(eigenvalue, 0.0, 1.0))
        b = back @ a
        b /= np.maximum(np.sqrt(np.einsum("ij,ik,kj->j", b, yy, b)), 1e-12)
        deviation = np.sqrt(np.maximum(2.0 * (1.0 - rho), 1e-9))
        before, after = a.T / deviation[:, None], b.T / deviation[:, None]
        variates = before @ (x - mean[:bands, None]) - after @ (y - mean[bands:, None])
        weight = np.maximum(chdtrc(bands, np.sum(variates**2, axis=0)), 1e-12)
        if np.max(np.abs(rho - previous)) < TOLERANCE:
            break
        previous = rho
    return before, after, mean[:bands], mean[bands:], rho, iteration
