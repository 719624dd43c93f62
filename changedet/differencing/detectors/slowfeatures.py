"""Slow features: what differs least between the dates, band by band (ISFA).

Wu, Du and Zhang, IEEE TGRS 52:2858 (2014), doi:10.1109/TGRS.2013.2266673. Each band is brought to
the mean and spread of unchanged ground at both dates; of the differences, the combinations that
vary least are the most telling. No band of one date is ever predicted from another of the other
date, which costs sensitivity where the light differs by a mix of bands, and saves colours that
occur at one date only. Fails where the greater part of the scene changed.
"""

from __future__ import annotations

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors.linear import LinearDetector, fit_linear
from changedet.differencing.detectors.reweighting import (
    Direction,
    Moments,
    Solution,
    residual_covariance,
)
from changedet.differencing.sampling import Sample


def solve(m: Moments) -> Solution:
    """Slow features, each difference divided by its no-change deviation."""
    from scipy.linalg import eigh

    before, after = (np.diag(1.0 / np.sqrt(np.diag(c))) for c in (m.before, m.after))
    common = (before @ m.before @ before + after @ m.after @ after) / 2.0
    # By the ridge of two dates, no slower than what the bands can show.
    slowness, v = eigh(residual_covariance(m, before, after), common)
    rows = (v / np.sqrt(np.maximum(slowness, 1e-9))).T
    told = {"slowness": [float(s) for s in slowness]}
    return Solution((Direction(rows @ before, rows @ after),), told)


def fit(sample: Sample, context: DetectionContext) -> LinearDetector:
    """Estimate the slow features of unchanged ground, see :func:`.linear.fit_linear`."""
    return fit_linear("slow-features", solve, sample, context)
