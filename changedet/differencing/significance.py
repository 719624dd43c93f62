"""q-values of objects: the share of false ones to expect among all that are as significant."""

from __future__ import annotations

import numpy as np


def object_q_values(p: np.ndarray, tests: float) -> np.ndarray:
    """Benjamini-Hochberg q-values among all candidates.

    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57:289 (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Parameters
    ----------
    p : (n,) array
        p-values of the objects that were found.
    tests : float
        Number of candidates tested: those found, and those that did not reach the threshold.

    Returns
    -------
    (n,) float64 array
        Share of false ones to expect among all objects at least as significant.
    """
    order = np.argsort(p, kind="stable")
    rank = np.arange(1, len(p) + 1)
    q = np.minimum(p[order] * max(tests, len(p)) / rank, 1.0)
    q = np.minimum.accumulate(q[::-1])[::-1]
    out = np.empty(len(p))
    out[order] = q
    return out
