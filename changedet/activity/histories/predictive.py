"""What the next count should be, from the counts so far: negative binomial, never Poisson alone.

Counts at a site vary more than chance alone: some weeks are busy. How much more is itself known
only roughly from a dozen dates, and it moves a tail probability by orders of magnitude; so the
dispersion is averaged over, and its interval is carried to the probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIZES = np.geomspace(0.1, 3000.0, 32)
"""Sizes k of the negative binomial that are weighed, evenly in log k; var = mean + mean² / k."""
_REACH, _NODES = 8.0, 31
"""Nodes of the integral over the mean: this many, to so many standard deviations."""
_ENDS = (0.01, 0.99)
"""Of the intervals: 98 %."""


@dataclass(frozen=True, eq=False)
class CountModel:
    """Predictive distribution of a count: gamma-mixed Poisson, dispersion and mean uncertain."""

    weights: np.ndarray
    """(k,) posterior weight of each of :data:`SIZES`."""
    dates: np.ndarray
    """(g,) dates behind each group (season; one group without seasons)."""
    totals: np.ndarray
    """(g,) sum of the counts of each group."""

    def exceedance(self, count: float, *, group: int = 0, dates: int = 1) -> float:
        """P(N >= count), where N is the count of one date, or the sum over several."""
        return self._mean(self._tails(count, group, dates))

    def shortfall(self, count: float, *, group: int = 0, dates: int = 1) -> float:
        """P(N <= count)."""
        return self._mean(1 - self._tails(np.floor(count) + 1, group, dates))

    def _mean(self, chances: np.ndarray) -> float:
        """Over the dispersions; weights that sum to a hair over 1 are no more than sure."""
        return min(1.0, float(self.weights @ chances))

    def exceedance_interval(self, count: float, *, group: int = 0) -> tuple[float, float]:
        """P(N >= count) at both ends of the 98 % interval of the dispersion, low end first.

        It always holds :meth:`exceedance`, which dispersions beyond the interval can lift.
        """
        ends = [int(np.searchsorted(SIZES, size)) for size in self.dispersion[1:]]
        tails = self._tails(count, group, 1)
        some = [self._mean(tails), *(float(tails[i]) for i in ends)]
        return min(some), max(some)

    def quantile(self, share: float, *, group: int = 0) -> int:
        """Smallest count that is not exceeded with at least this probability."""
        from scipy.special import ndtri

        def enough(count: int) -> bool:
            return self.exceedance(count + 1, group=group) <= 1 - share

        mean = self.mean(group)
        spread = np.sqrt(mean + mean**2 / self.dispersion[0]) + 1
        # a first guess, then twice as far each time until the answer lies between
        step = max(1, int(spread / 6))
        high = max(0, int(mean + spread * ndtri(share)))
        low = -1 if high == 0 else high
        while not enough(high):
            low, high, step = high, high + step, 2 * step
        while low >= 0 and enough(low):
            low, high, step = max(-1, low - step), low, 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    @property
    def dispersion(self) -> tuple[float, float, float]:
        """Size k of the negative binomial: median, and the ends of its 98 % interval."""
        below = np.cumsum(self.weights)
        low, median, high = (
            float(SIZES[min(int(np.searchsorted(below, q)), len(SIZES) - 1)])
            for q in (_ENDS[0], 0.5, _ENDS[1])
        )
        return median, low, high

    def mean(self, group: int = 0) -> float:
        """Mean count of a group."""
        return float(self.totals[group] / self.dates[group])

    def _tails(self, count: float, group: int, dates: int) -> np.ndarray:
        """(k,) P(N >= count) for each size, integrated over what the mean may be."""
        from scipy.special import betainc, digamma, polygamma

        wanted = np.ceil(count)
        if wanted <= 0:
            return np.ones(len(SIZES))
        a = (SIZES * self.dates[group])[:, None]
        b = self.totals[group] + 0.5
        # the logit of a beta variable is close to normal, and smooth: few nodes are exact
        middle = digamma(a) - digamma(b)
        spread = np.sqrt(polygamma(1, a) + polygamma(1, b))
        logit = middle + spread * np.linspace(-_REACH, _REACH, _NODES)
        log_p, log_q = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        density = a * log_p + b * log_q
        density = np.exp(density - density.max(axis=1, keepdims=True))
        tail = betainc(wanted, SIZES[:, None] * dates, np.exp(log_q))
        return (density * tail).sum(axis=1) / density.sum(axis=1)


def fit_counts(counts: np.ndarray, groups: Sequence[int] | np.ndarray | None = None) -> CountModel:
    """Estimate the predictive distribution of the next count.

    Each count is Poisson around a level of its own, the levels are gamma-distributed with shape
    ``k``: the counts are negative binomial with mean ``m`` and variance ``m + m² / k``. With
    ``p = k / (k + m)`` the likelihood is a beta distribution in ``p``, so that with Jeffreys' prior
    of a fixed ``k``, beta(0, 1/2), the posterior is ``beta(k T, sum + 1/2)``: closed, and closed
    for the sum over several dates. ``k`` has a flat prior in its logarithm and is summed over.

    Parameters
    ----------
    counts : (n,) array
        Counts of earlier dates, whole numbers, no missing ones, at least one.
    groups : (n,) array of int, optional
        Group (season) of each date, from 0. Each group has a mean of its own; they share ``k``.

    Returns
    -------
    CountModel

    Notes
    -----
    It fails where dates depend on each other (a busy week seen three times is one busy week), and
    it is cautious where counts are truly Poisson, because it never quite believes that. The prior
    of ``p`` is in Bernardo and Smith, *Bayesian Theory* (1994), section 5.4
    (doi:10.1002/9780470316870); the mixture goes back to Greenwood and Yule (1920,
    doi:10.2307/2341080).
    """
    from scipy.special import betaln, gammaln

    counts = np.round(np.asarray(counts, dtype=np.float64))
    groups = np.zeros(len(counts), dtype=int) if groups is None else np.asarray(groups)
    dates = np.bincount(groups).astype(np.float64)
    totals = np.bincount(groups, weights=counts)
    known = dates > 0
    log = (gammaln(counts[:, None] + SIZES) - gammaln(SIZES)).sum(axis=0)
    log = log + betaln(SIZES * dates[known, None], totals[known, None] + 0.5).sum(axis=0)
    weights = np.exp(log - log.max())
    return CountModel(weights / weights.sum(), dates, totals)
