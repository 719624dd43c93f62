"""Iteratively re-weighted multivariate alteration detection (IR-MAD).

Nielsen, IEEE Transactions on Image Processing 16:463 (2007), doi:10.1109/TIP.2006.888195.
Finds the linear combinations of bands that correlate best between the dates on ground that did not
change, and measures what is left, so that any linear difference of sensor, light and haze drops
out. Fails where the greater part of the scene changed, and where colours occur at one date only
(the map between the dates then extrapolates).
"""

from __future__ import annotations

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors.linear import LinearDetector, fit_linear
from changedet.differencing.detectors.reweighting import Direction, Moments, Solution
from changedet.differencing.sampling import Sample

LEAST_VARIANCE = 1e-9
"""Of a canonical variate's difference, below which it is not divided by."""


def solve(m: Moments) -> Solution:
    """Canonical variates, each difference divided by its no-change deviation."""
    from scipy.linalg import eigh

    back = np.linalg.solve(m.after, m.cross.T)
    eigenvalue, a = eigh(m.cross @ back, m.before)
    rho = np.sqrt(np.clip(eigenvalue, 0.0, 1.0))
    b = back @ a
    b /= np.maximum(np.sqrt(np.einsum("ij,ik,kj->j", b, m.after, b)), 1e-12)
    deviation = np.sqrt(np.maximum(2.0 * (1.0 - rho), LEAST_VARIANCE))[:, None]
    told = {"canonical_correlation": [float(v) for v in rho]}
    return Solution((Direction(a.T / deviation, b.T / deviation),), told)


def fit(sample: Sample, context: DetectionContext) -> LinearDetector:
    """Estimate the canonical variates of unchanged ground, see :func:`.linear.fit_linear`."""
    return fit_linear("ir-mad", solve, sample, context)
