"""Tests of equality of radar covariance matrices: two dates, and any number of dates.

Multilooked polarimetric data are covariance matrices whose product with the number of looks is
complex Wishart distributed. Conradsen, Nielsen, Schou and Skriver, IEEE TGRS 41:4 (2003),
doi:10.1109/TGRS.2002.808066, test two of them for equality; Conradsen, Nielsen and Skriver, IEEE
TGRS 54:3007 (2016), doi:10.1109/TGRS.2015.2510160, any number of dates at once, and split the test
into independent ones that say between which dates the change came.

Two layouts, by what was measured:

* full covariance: ``(p, p, ...)`` complex and Hermitian for one date, ``(k, p, p, ...)`` for k;
* intensities alone (``independent=True``): ``(channel, ...)`` for one date, ``(k, channel, ...)``
  for k. The channels, as VV and VH of ground range products, are taken to be independent.

All functions work by pixel on whole arrays. Where a matrix is not positive definite, as where
nothing was observed, statistic and p-value are NaN.

The p-values hold as far as the number of looks does: with three tenths of it missing, seven to
nine in a thousand unchanged pixels have p below 0.001. Estimate it on the data, see
:mod:`changedet.differencing.detectors.looks`. They fail where speckle is correlated between the
dates (interferometric pairs of short baseline).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.errors import ConfigError


@dataclass(frozen=True, eq=False)
class EqualityTest:
    """Result of a likelihood ratio test, by pixel."""

    statistic: np.ndarray
    """−2 ρ ln Q, float64: about χ² with ``degrees`` degrees of freedom where nothing changed."""
    p_value: np.ndarray
    """Chance of a larger statistic where nothing changed, with the second-order correction."""
    degrees: int
    """Degrees of freedom."""


def wishart_test(
    before: Any,
    after: Any,
    looks: float,
    looks_after: float | None = None,
    *,
    independent: bool = False,
) -> EqualityTest:
    """Test whether two dates are equal.

    Parameters
    ----------
    before, after : arrays
        Covariance matrices (p, p, ...), or intensities (channel, ...) if ``independent``.
    looks : float
        Equivalent number of looks, at least p.
    looks_after : float, optional
        Of the after date; the same by default.
    independent : bool
        Whether these are intensities of independent channels.

    Returns
    -------
    EqualityTest
        With p² degrees of freedom, or one a channel.

    Raises
    ------
    ConfigError
        If shapes do not fit, or there are fewer looks than channels.
    """
    first, second = np.asarray(before), np.asarray(after)
    _check(first.shape == second.shape, f"before {first.shape} and after {second.shape} differ")
    stack, p, copies = _layout(np.stack([first, second]), independent)
    n, m = looks, looks if looks_after is None else looks_after
    _check_looks(min(n, m), p)
    x, y = stack
    pooled = (n * x + m * y) / (n + m)
    log_q = n * _log_det(x, p) + m * _log_det(y, p) - (n + m) * _log_det(pooled, p)
    rho = 1 - (2 * p**2 - 1) / (6 * p) * (1 / n + 1 / m - 1 / (n + m))
    squares = 1 / n**2 + 1 / m**2 - 1 / (n + m) ** 2
    return _result(log_q, p, copies, 1, rho, squares)


def omnibus_test(dates: Any, looks: float, *, independent: bool = False) -> EqualityTest:
    """Test whether all dates are equal.

    Parameters
    ----------
    dates : array
        Covariance matrices (k, p, p, ...), or intensities (k, channel, ...) if ``independent``.
    looks : float
        Equivalent number of looks of each date.
    independent : bool
        Whether these are intensities of independent channels.

    Returns
    -------
    EqualityTest
        With (k − 1) p² degrees of freedom, or k − 1 a channel.

    Raises
    ------
    ConfigError
        If shapes do not fit, or there are fewer looks than channels or fewer than two dates.
    """
    stack, p, copies = _layout(dates, independent)
    k, n = len(stack), looks
    _check_looks(n, p)
    log_q = -k * _log_det(stack.mean(axis=0), p)
    for date in stack:
        log_q += _log_det(date, p)
    rho = 1 - (2 * p**2 - 1) / (6 * (k - 1) * p) * (k / n - 1 / (n * k))
    return _result(n * log_q, p, copies, k - 1, rho, k / n**2 - 1 / (n * k) ** 2)


def successive_tests(
    dates: Any, looks: float, *, independent: bool = False
) -> tuple[EqualityTest, ...]:
    """Split the omnibus test into one of each date against all before it, which are taken as equal.

    The logarithms of these likelihood ratios add up to that of the omnibus test, and where nothing
    changed the tests are independent.

    Parameters
    ----------
    dates, looks, independent
        As for :func:`omnibus_test`.

    Returns
    -------
    tuple of EqualityTest
        k − 1 of them, with p² degrees of freedom or one a channel: the second date against the
        first, the third against the first two, and so on.

    Raises
    ------
    ConfigError
        As :func:`omnibus_test`.
    """
    stack, p, copies = _layout(dates, independent)
    n = looks
    _check_looks(n, p)
    tests = []
    total = stack[0]
    for j in range(2, len(stack) + 1):
        earlier, total = total, total + stack[j - 1]
        log_r = _log_det(stack[j - 1], p) - j * _log_det(total / j, p)
        log_r += (j - 1) * _log_det(earlier / (j - 1), p)
        rho = 1 - (2 * p**2 - 1) / (6 * p * n) * (1 + 1 / (j * (j - 1)))
        squares = (1 + (2 * j - 1) / (j * (j - 1)) ** 2) / n**2
        tests.append(_result(n * log_r, p, copies, 1, rho, squares))
    return tuple(tests)


def change_dates(
    dates: Any, looks: float, significance: float = 0.01, *, independent: bool = False
) -> np.ndarray:
    """Between which consecutive dates each pixel changed.

    From the first date on, the omnibus test of all dates that follow says whether anything
    changed; if so, the first of the successive tests that is significant says when, and the search
    starts anew from there.

    Parameters
    ----------
    dates, looks, independent
        As for :func:`omnibus_test`.
    significance : float
        Of each test.

    Returns
    -------
    (k − 1, ...) bool array
        True at ``i`` where a change came between date ``i`` and date ``i + 1``; False throughout
        where nothing can be said.

    Raises
    ------
    ConfigError
        As :func:`omnibus_test`, or if ``significance`` is no share.
    """
    stack, p, _ = _layout(dates, independent)
    _check(0 < significance < 1, f"significance={significance!r} is no share between 0 and 1")
    shape = stack.shape[2:] if p == 1 else stack.shape[3:]
    out = np.zeros((len(stack) - 1, *shape), dtype=bool)
    start = np.zeros(shape, dtype=np.intp)
    for first in range(len(stack) - 1):
        rest = stack[first:]
        searching = start == first
        searching &= omnibus_test(rest, looks, independent=independent).p_value < significance
        tests = successive_tests(rest, looks, independent=independent)
        for j, test in enumerate(tests, start=first):
            found = searching & (test.p_value < significance)
            out[j] |= found
            start = np.where(found, j + 1, start)
            searching &= ~found
    return out


def _result(
    log_q: np.ndarray, p: int, copies: int, comparisons: int, rho: float, squares: float
) -> EqualityTest:
    """p-value of the χ² approximation with its second-order term (Box's expansion)."""
    from scipy.special import chdtrc

    _check(rho > 0, "so few looks leave nothing to test: the approximation needs more")
    omega = p**2 * (p**2 - 1) / 24 * squares / rho**2
    omega -= comparisons * p**2 / 4 * (1 - 1 / rho) ** 2
    degrees = copies * comparisons * p**2
    # Rounding may leave equal matrices a little less than equal.
    z = np.maximum(-2.0 * rho * log_q, 0.0)
    tail = chdtrc(degrees, z)
    p_value = np.clip(tail + copies * omega * (chdtrc(degrees + 4, z) - tail), 0.0, 1.0)
    return EqualityTest(z, p_value, degrees)


def _log_det(c: np.ndarray, p: int) -> np.ndarray:
    """Logarithm of the determinant; NaN unless positive.

    Of (p, p, ...) Hermitian matrices, or, where ``p`` is 1, of (channel, ...) intensities, whose
    product is that of their diagonal matrix.
    """
    if p == 1:
        positive = np.asarray((c > 0).all(axis=0))
        return _nan_unless(positive, np.log(np.where(positive, c, 1.0)).sum(axis=0))
    if p > 3:
        with np.errstate(invalid="ignore", divide="ignore"):
            sign, log_det = np.linalg.slogdet(np.moveaxis(c, (0, 1), (-2, -1)))
        return _nan_unless(np.real(sign) > 0.5, log_det)
    a, b = c[0, 0].real, c[1, 1].real
    det = minor = a * b - np.abs(c[0, 1]) ** 2
    if p == 3:
        det = minor * c[2, 2].real - a * np.abs(c[1, 2]) ** 2 - b * np.abs(c[0, 2]) ** 2
        det = det + 2.0 * (c[0, 1] * c[1, 2] * c[2, 0]).real
    positive = (a > 0) & (minor > 0) & (det > 0)
    return _nan_unless(positive, np.log(np.where(positive, det, 1.0)))


def _nan_unless(good: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(good, values, np.nan)


def _layout(dates: Any, independent: bool) -> tuple[np.ndarray, int, int]:
    """Dates as an array, the size of a matrix, and how many independent ones there are."""
    array = np.asarray(dates)
    wanted = "(k, channel, ...)" if independent else "(k, p, p, ...)"
    square = array.ndim >= 3 and array.shape[1] == array.shape[2]
    _check(
        len(array.shape) >= 2 and len(array) >= 2 and (independent or square),
        f"dates has the shape {array.shape}; it must be {wanted} with two dates or more",
    )
    if independent:
        _check(not np.iscomplexobj(array), "intensities are real numbers; complex ones were given")
        return array.astype(np.float64), 1, array.shape[1]
    if array.shape[1] == 1:
        return array.real.astype(np.float64)[:, 0], 1, 1
    return array.astype(np.complex128), array.shape[1], 1


def _check_looks(looks: float, p: int) -> None:
    _check(
        bool(np.isfinite(looks)) and looks > 0 and (p == 1 or looks >= p),
        f"looks={looks:g} is not usable for {p} x {p} matrices; give a number of at least {p}, or "
        "test the intensities alone (independent=True)",
    )


def _check(good: bool, message: str) -> None:
    if not good:
        raise ConfigError(message + ".")
