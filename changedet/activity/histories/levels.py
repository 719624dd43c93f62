"""Where a value lies among earlier ones: robust z, rank, and levels relative to one reference."""

from __future__ import annotations

import numpy as np


def robust_z(value: float, earlier: np.ndarray) -> float | None:
    """How many robust standard deviations a value lies above the median of earlier ones.

    ``(value - median) / (1.4826 MAD)``. Where more than half of the earlier values are alike, the
    median absolute deviation is 0 and the mean absolute deviation, times 1.2533, takes its place
    (Iglewicz and Hoaglin 1993, *How to Detect and Handle Outliers*).

    Parameters
    ----------
    value : float
        Of the date.
    earlier : (n,) array
        Values of earlier dates, none missing.

    Returns
    -------
    float or None
        None where all earlier values are alike, or there are fewer than two.
    """
    if len(earlier) < 2:
        return None
    middle = float(np.median(earlier))
    off = np.abs(earlier - middle)
    scale = 1.4826 * float(np.median(off)) or 1.2533 * float(off.mean())
    return (value - middle) / scale if scale > 0 else None


def exceedance_p(value: float, earlier: np.ndarray) -> float | None:
    """Share of dates on which at least as much was seen, this one among them.

    ``(1 + earlier values that are as large) / (T + 1)``: nothing is assumed of the distribution,
    and with ``T`` earlier dates it cannot fall below ``1 / (T + 1)``.

    Parameters
    ----------
    value : float
        Of the date.
    earlier : (n,) array
        Values of earlier dates, none missing.

    Returns
    -------
    float or None
        None without earlier dates.
    """
    if len(earlier) == 0:
        return None
    return (1 + int(np.count_nonzero(earlier >= value))) / (len(earlier) + 1)


def levels(arrived: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """How much was there on each date, from what each has more and less than one reference.

    With one reference for all dates, the difference of two dates is exactly the difference of
    their ``arrived - gone``. How much the reference itself held is not known from that; it held at
    least what was ever missing from it, and that is taken: ``arrived - gone + max(gone)``. So no
    level is negative, and what never moves counts for nothing.

    Parameters
    ----------
    arrived, gone : (n,) arrays
        What a date has and the reference lacks, and the other way round; NaN where not seen.

    Returns
    -------
    (n,) array
        NaN where either is.
    """
    seen = gone[np.isfinite(gone)]
    return arrived - gone + (float(seen.max()) if len(seen) else 0.0)
