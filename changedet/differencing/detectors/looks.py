"""Equivalent number of looks: how many independent averages the speckle of a pair is worth.

Estimated from the ratio of the two dates and not from either image: what the ground looks like
cancels, and so does the need for a field that is truly homogeneous.
"""

from __future__ import annotations

import numpy as np

from changedet.errors import NotEnoughValidPixels

CENTRAL = 0.5
"""Share of the log-ratios, around their median, whose width is measured."""
KEPT = 0.95
"""Share of unchanged log-ratios that is kept; change lies beyond."""
ROUNDS = 30
"""At most, until the estimate stands still."""
LOOKS_RANGE = (0.2, 1e4)
"""Smallest and largest number of looks that is ever reported."""


def trigamma(looks: np.ndarray | float) -> np.ndarray:
    """Second derivative of log Γ: the variance of the logarithm of a gamma variable.

    Parameters
    ----------
    looks : array_like
        Shape of the gamma distribution.
    """
    from scipy.special import polygamma

    return np.asarray(polygamma(1, looks), dtype=np.float64)


def log_ratio_variance(looks_before: float, looks_after: float) -> float:
    """Variance of ln(I₂/I₁) of two independent intensities over equal ground.

    Parameters
    ----------
    looks_before, looks_after : float
        Equivalent number of looks of each.
    """
    return float(trigamma(looks_before) + trigamma(looks_after))


def looks_from_variance(variance: float) -> float:
    """Equal number of looks of both dates whose log-ratio has this variance: 2 ψ'(L) = variance.

    Anfinsen, Doulgeris and Eltoft, IEEE TGRS 47:3795 (2009), doi:10.1109/TGRS.2009.2019269, take
    the same moment, the second log-cumulant, of one date.
    """
    from scipy.optimize import brentq

    low, high = LOOKS_RANGE
    if not variance < 2.0 * trigamma(low):
        return low
    if not variance > 2.0 * trigamma(high):
        return high
    return float(brentq(lambda n: float(2.0 * trigamma(n)) - variance, low, high, rtol=1e-6))


def looks_from_ratio(log_ratio: np.ndarray) -> float:
    """Equivalent number of looks from log-ratios of intensity, of which some changed.

    The width of their central half is compared with that of the same part of the exact
    distribution, ln F(2L, 2L). What lies beyond the central :data:`KEPT` of that distribution is
    then left out of both, until the number stands still: change then hardly counts.

    Parameters
    ----------
    log_ratio : (n,) array
        Natural logarithm of intensity after over before; the gain between the dates need not be
        removed.

    Returns
    -------
    float
        Equivalent number of looks of each date, taken to be equal; between the two where they
        differ. Where the ground varies between the dates by itself, it is smaller than the number
        of looks of the speckle, and tests that use it stay on the safe side.

    Raises
    ------
    NotEnoughValidPixels
        If there are no values.
    """
    values = np.sort(np.asarray(log_ratio, dtype=np.float64).ravel())
    if not values.size:
        raise NotEnoughValidPixels(
            "There are no log-ratios to estimate the number of looks from: check nodata values "
            "and masks."
        )
    kept, share = values, 1.0
    looks = 0.0
    for _ in range(ROUNDS):
        tail = (1.0 - CENTRAL) / 2.0
        lower, upper = np.quantile(kept, [tail, 1.0 - tail])
        new = _looks_of_width(float(upper - lower) / 2.0, CENTRAL * share)
        if abs(new - looks) <= 1e-3 * looks:
            break
        looks, share = new, KEPT
        middle, reach = float(np.median(kept)), _log_odds(looks, KEPT)
        first, last = np.searchsorted(values, [middle - reach, middle + reach])
        kept = values[first : max(last, first + 1)]
    return looks


def _log_odds(looks: float, central: float) -> float:
    """Half the width of the central part of ln F(2L, 2L)."""
    from scipy.special import betaincinv

    share = float(betaincinv(looks, looks, 0.5 + central / 2.0))
    return float(np.log(share / (1.0 - share)))


def _looks_of_width(half_width: float, central: float) -> float:
    from scipy.optimize import brentq

    low, high = LOOKS_RANGE
    if not _log_odds(low, central) > half_width:
        return low
    if not _log_odds(high, central) < half_width:
        return high
    return float(brentq(lambda n: _log_odds(n, central) - half_width, low, high, rtol=1e-6))
