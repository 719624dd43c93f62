"""Intervals of what stands on a track: each stretch may have been taken for the wrong thing.

The probability of a step is shared by its neighbours: a wagon's length of track is right or wrong
as a whole. So the track is cut into such stretches, each of them is wrong with its own probability,
and the sum of all that may be wrong has a distribution of its own, which is skewed: an empty track
holds nothing, or perhaps one wagon, and never less than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from changedet.activity.tracks.profile import FINE_GSD_M

BLOCK_M = (14.0, 75.0)
"""Track that is right or wrong as a whole: a wagon, and in coarse pixels, where none shows by
itself, some of them."""
SHARE = 0.025
"""What an interval leaves out at either end."""
NEGLIGIBLE = 1e-7


@dataclass(frozen=True, eq=False)
class Doubt:
    """Distribution of the metres that are occupied beyond those that were told."""

    metres: np.ndarray
    """(k,) negative where less is occupied than was told."""
    chance: np.ndarray
    """(k,) probabilities; they add up to 1."""

    @property
    def variance(self) -> float:
        """Mean square of the metres: what is expected to be off counts as well."""
        return float(self.chance @ self.metres**2)

    def bounds(self, value: float, deviation: float, unit: float = 1.0) -> tuple[float, float]:
        """Interval of the true value.

        Parameters
        ----------
        value : float
            Estimate, if everything was taken for what it is.
        deviation : float
            Its standard deviation then.
        unit : float
            What one metre counts.

        Returns
        -------
        (float, float)
            Lower and upper bound; each leaves out a share of 0.025.
        """
        from scipy.special import ndtr

        at = value + unit * self.metres
        width = max(deviation, 1e-6)
        low, high = at.min() - 6 * width, at.max() + 6 * width
        ends = []
        for share in (SHARE, 1 - SHARE):
            below, above = low, high
            for _ in range(50):
                middle = (below + above) / 2
                if float(self.chance @ ndtr((middle - at) / width)) < share:
                    below = middle
                else:
                    above = middle
            ends.append((below + above) / 2)
        return ends[0], ends[1]


CERTAIN = Doubt(np.zeros(1), np.ones(1))
"""Nothing is taken for anything else."""


def doubt_of(
    chance: np.ndarray, judged: np.ndarray, runs: list[tuple[int, int]], step: float
) -> Doubt:
    """Add up what may be wrong along one track.

    Parameters
    ----------
    chance : (n,) float array
        Probability that a step is occupied.
    judged : (n,) bool array
        Steps that count.
    runs : list of (int, int)
        Steps that were told to be occupied, first and after the last.
    step : float
        Metres.
    """
    coarse = step > FINE_GSD_M
    block = BLOCK_M[coarse]
    # where a run ends is told to a step in fine pixels, and that is another matter
    typical = np.mean if coarse else np.median
    told = np.zeros(len(chance), dtype=bool)
    for a, b in runs:
        told[a:b] = True
    less, more = int(told.sum()), int((judged & ~told).sum())
    weights = np.zeros(less + more + 1)
    weights[less] = 1.0
    edges = [0, *np.flatnonzero((np.diff(told) != 0) | (np.diff(judged) != 0)) + 1, len(chance)]
    for a, b in pairwise(edges):
        if not judged[a]:
            continue
        cuts = np.linspace(a, b, 1 + int(np.ceil((b - a) * step / block))).round().astype(int)
        for start, stop in pairwise(cuts):
            wrong = float(typical(chance[start:stop]))
            wrong = 1 - wrong if told[a] else wrong
            if wrong > NEGLIGIBLE:
                by = (start - stop) if told[a] else (stop - start)
                weights = (1 - wrong) * weights + wrong * np.roll(weights, by)
    kept = weights > NEGLIGIBLE
    return Doubt((np.flatnonzero(kept) - less) * step, weights[kept] / weights[kept].sum())
