"""How much speaks for a place, and for all that are as significant."""

from __future__ import annotations

import numpy as np

GATHERED = 0.5
"""Power to which 1 / p is raised before it is averaged over a place: with 1, as in the harmonic
mean, little but the smallest p counts; the closer to 0, the more do many weak ones count."""
THING_M2 = 14.9
"""Ground that the smallest thing asked for covers, a 20-foot container: a place of this size has
the mean of its pixels, a larger one more."""


def weights_of(score: np.ndarray) -> np.ndarray:
    """What each pixel adds to the sum over its place, float64, from its −log10 p."""
    out: np.ndarray = 10.0 ** (GATHERED * score.astype(np.float64))
    return out


def evidence_of(peak: np.ndarray, weights: np.ndarray, thing_px: float) -> np.ndarray:
    """How much speaks for places, on the scale of −log10 p, float32.

    The most surprising pixel or what all say together, whichever is more: a small thing shows by
    few strong pixels, a faint one by its size. The latter is, up to the number of pixels, a
    generalised mean of p-values (Vovk and Wang, Biometrika 107:791 (2020),
    doi:10.1093/biomet/asaa027), of which the harmonic mean is the best known; such means hold up
    where p-values depend on each other. It is no p-value: what it is worth follows from the places
    of quiet ground, which are measured by the same.

    Parameters
    ----------
    peak : (n,) array
        Largest −log10 p.
    weights : (n,) array
        Sums of :func:`weights_of`.
    thing_px : float
        Pixels of :data:`THING_M2`.
    """
    together = np.log10(np.maximum(weights / thing_px, 1.0)) / GATHERED
    return np.maximum(peak, together).astype(np.float32)


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
