"""Chronochrome and covariance equalisation: what one date lets us expect of the other.

Schaum and Stocker, *Hyperspectral change detection and supervised matched filtering based on
covariance equalization*, Proc. SPIE 5425 (2004), doi:10.1117/12.544026. Chronochrome predicts one
date from the other by regression on all bands, in both directions, of which the smaller surprise
counts. Covariance equalisation brings both dates to the same mean and covariance; it treats them
alike, so that one direction says all. Both fail where the greater part of the scene changed, and
where colours occur at one date only.
"""

from __future__ import annotations

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors.linear import LinearDetector, fit_linear
from changedet.differencing.detectors.reweighting import RIDGE, Moments, Solution, whitened
from changedet.differencing.sampling import Sample


def solve_chronochrome(m: Moments) -> Solution:
    """Regression of each date on the other."""
    # The ridge on the cross covariance, too: what the moments do not tell is expected to stay as it
    # was, not to vanish, so that of two identical images nothing is left.
    unit = np.eye(len(m.before))
    cross = m.cross + RIDGE * unit
    forth = np.linalg.solve(m.before, cross).T
    back = np.linalg.solve(m.after, cross.T).T
    return Solution((whitened(m, forth, unit), whitened(m, unit, back)), {})


def solve_equalisation(m: Moments) -> Solution:
    """Both dates at unit covariance."""
    return Solution((whitened(m, _inverse_root(m.before), _inverse_root(m.after)),), {})


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    """Symmetric inverse square root; the ridge keeps it finite."""
    value, vector = np.linalg.eigh(covariance)
    out: np.ndarray = (vector / np.sqrt(np.maximum(value, 1e-12))) @ vector.T
    return out


def fit_chronochrome(sample: Sample, context: DetectionContext) -> LinearDetector:
    """Estimate both regressions on unchanged ground, see :func:`.linear.fit_linear`."""
    return fit_linear("chronochrome", solve_chronochrome, sample, context)


def fit_equalisation(sample: Sample, context: DetectionContext) -> LinearDetector:
    """Estimate both covariances on unchanged ground, see :func:`.linear.fit_linear`."""
    return fit_linear("covariance-equalisation", solve_equalisation, sample, context)
