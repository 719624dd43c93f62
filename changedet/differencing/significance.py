"""p-values and q-values of objects, from the calibrated score of their pixels."""

from __future__ import annotations

import numpy as np


def object_p_values(peak: np.ndarray, pixels: np.ndarray, correlation_px: float) -> np.ndarray:
    """Chance that quiet ground as large as the object holds a peak this high.

    Parameters
    ----------
    peak : (n,) array
        Largest −log10 p among the object's pixels.
    pixels : (n,) array
        Pixels of the object.
    correlation_px : float
        Pixels in one independent patch of noise.

    Returns
    -------
    (n,) float64 array
        Between 0 and 1: Šidák's correction over the independent patches in the object.
    """
    patches = np.maximum(1.0, pixels / correlation_px)
    p = np.power(10.0, -np.asarray(peak, dtype=np.float64))
    return -np.expm1(patches * np.log1p(-np.minimum(p, 1.0 - 1e-12)))


def object_q_values(p: np.ndarray, tests: float) -> np.ndarray:
    """Benjamini-Hochberg q-values among all places where an object could have been found.

    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57:289 (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Parameters
    ----------
    p : (n,) array
        p-values of the objects that were found.
    tests : float
        Number of places looked at: independent patches in the observed area, not only objects
        found, since the others were tested too and did not reach the threshold.

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
