"""How much speaks for a place, and for all that are as significant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.differencing.ground.filters import opened

GATHERED = 0.5
"""Power to which 1 / p is raised before it is averaged over a place: with 1, as in the harmonic
mean, little but the smallest p counts; the closer to 0, the more do many weak ones count."""
THING_M2 = 14.9
"""Ground that the smallest thing asked for covers, a 20-foot container: a place of this size has
the mean of its pixels, a larger one more."""
THING_WIDTH_M = 8.0
"""What is wider in every direction is no thing with its shadow but ground, and its size says
nothing."""


@dataclass(frozen=True)
class ThingSize:
    """How large things are that are asked for."""

    pixels: float
    """Of the smallest."""
    half_width: int
    """Of the widest, with its shadow, pixels."""

    @classmethod
    def at(cls, gsd_m: float) -> ThingSize:
        """In pixels of this size."""
        return cls(max(1.0, THING_M2 / gsd_m**2), max(1, round(0.5 * THING_WIDTH_M / gsd_m)))

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`weights` needs."""
        return 2 * self.half_width + 1

    def weights(self, score: np.ndarray, support: float) -> np.ndarray:
        """What each pixel adds to the sum over its place, from its −log10 p, (y, x) float64.

        Nothing below the support, nor where what lies above it is too wide for a thing.
        """
        valid = np.nan_to_num(score, nan=-1.0) >= 0
        above = valid & (np.nan_to_num(score, nan=-1.0) >= np.float32(support))
        wide = opened(above.astype(np.float32), valid, self.half_width) > 0
        out = np.zeros(score.shape)
        counted = above & ~wide
        out[counted] = 10.0 ** (GATHERED * score[counted].astype(np.float64))
        return out


def evidence_of(peak: np.ndarray, weights: np.ndarray, thing: ThingSize) -> np.ndarray:
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
        Sums of :meth:`ThingSize.weights`.
    thing : ThingSize
        How large things are.
    """
    together = np.log10(np.maximum(weights / thing.pixels, 1.0)) / GATHERED
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
