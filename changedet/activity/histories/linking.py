"""Do two sites move together, and which of them first: correlation of two series by lag."""

from __future__ import annotations

import numpy as np

from changedet.errors import ConfigError
from changedet.model import LaggedCorrelation

LEAST_PAIRS = 8
"""Fewest pairs of dates that give a correlation."""


def lagged_correlation(
    days_a: np.ndarray,
    values_a: np.ndarray,
    days_b: np.ndarray,
    values_b: np.ndarray,
    *,
    max_lag_days: float = 60.0,
    step_days: float | None = None,
    detrend: bool = True,
    permutations: int = 999,
    seed: int = 0,
) -> LaggedCorrelation:
    """Correlate two irregular series at many lags, and say how often chance does as well.

    At a lag, each date of ``a`` is paired with the date of ``b`` that lies nearest to it plus the
    lag, if one lies within half a step. The correlation is that of ranks (Spearman). The p-value
    is that of the best lag: the values of ``b`` are shuffled in blocks of neighbouring dates, all
    lags are searched again, and the best one found so is compared.

    Parameters
    ----------
    days_a, days_b : (n,), (m,) arrays
        Times in days, rising.
    values_a, values_b : (n,), (m,) arrays
        NaN where missing.
    max_lag_days : float
        Longest lag, either way, days.
    step_days : float, optional
        Between lags; the median spacing of the more widely spaced series by default.
    detrend : bool
        Take a line out of each series first. Two sites that both grow are no evidence of a link.
    permutations : int
        Number of shuffles; p cannot fall below ``1 / (permutations + 1)``.
    seed : int
        Of the shuffles.

    Returns
    -------
    LaggedCorrelation
        A positive lag: ``b`` follows ``a``.

    Raises
    ------
    ConfigError
        If a series is too short, or a setting makes no sense.

    Notes
    -----
    Shuffling in blocks keeps what neighbouring dates share (Künsch 1989,
    doi:10.1214/aos/1176347265). Common seasons are not taken out: two sites with one harvest are
    correlated. Correlation says nothing of cause.
    """
    if max_lag_days < 0 or permutations < 99:
        raise ConfigError(
            f"max_lag_days={max_lag_days!r} with permutations={permutations!r} is not usable: give "
            "a lag of at least 0 days and at least 99 permutations."
        )
    a, b = _seen(days_a, values_a, "first", detrend), _seen(days_b, values_b, "second", detrend)
    step = step_days
    if step is None:
        step = max(1.0, *(float(np.median(np.diff(days))) for days, _ in (a, b)))
    if step <= 0:
        raise ConfigError(f"step_days={step_days!r} is not usable: give days greater than 0.")
    reach = int(max_lag_days // step)
    lags = np.arange(-reach, reach + 1) * step
    pairs = [_pairs(a[0], b[0], lag, step / 2) for lag in lags]
    found = np.array([_correlation(a[1], b[1][None], p)[0] for p in pairs])
    counts = np.array([len(p[0]) for p in pairs])
    strength = np.abs(found) * np.sqrt(np.maximum(counts - 1, 0))
    if not np.isfinite(strength).any():
        return LaggedCorrelation(
            tuple(lags.tolist()), (None,) * len(lags), tuple(counts.tolist()), None, None, None,
            detrend, permutations, seed,
        )  # fmt: skip
    best = int(np.nanargmax(strength))
    shuffled = b[1][_shuffles(len(b[1]), permutations, seed)]
    chance = np.zeros(permutations)
    for p, count in zip(pairs, counts, strict=True):
        by_chance = np.abs(_correlation(a[1], shuffled, p)) * np.sqrt(max(count - 1, 0))
        chance = np.fmax(chance, by_chance)
    as_good = int(np.count_nonzero(chance >= strength[best] - 1e-12))
    return LaggedCorrelation(
        tuple(lags.tolist()),
        tuple(None if np.isnan(r) else float(r) for r in found),
        tuple(counts.tolist()),
        float(lags[best]),
        float(found[best]),
        (1 + as_good) / (permutations + 1),
        detrend, permutations, seed,
    )  # fmt: skip


def _seen(
    days: np.ndarray, values: np.ndarray, which: str, detrend: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Dates that were seen, and the ranks of their values, centred."""
    days, values = np.asarray(days, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    days, values = days[known], values[known]
    if len(days) < LEAST_PAIRS:
        raise ConfigError(
            f"The {which} series has {len(days)} dates with a value: a lagged correlation needs at "
            f"least {LEAST_PAIRS}."
        )
    if detrend:
        x = days - days.mean()
        values = values - x * float(x @ values / (x @ x))
    from scipy.stats import rankdata

    # differences in the last bit are no order
    ranks = rankdata(np.round(values, 9))
    return days, ranks


def _pairs(
    days_a: np.ndarray, days_b: np.ndarray, lag: float, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the dates that belong together at a lag."""
    wanted = days_a + lag
    right = np.clip(np.searchsorted(days_b, wanted), 1, len(days_b) - 1)
    nearest = np.where(wanted - days_b[right - 1] <= days_b[right] - wanted, right - 1, right)
    near = np.abs(days_b[nearest] - wanted) <= tolerance
    return np.flatnonzero(near), nearest[near]


def _correlation(a: np.ndarray, b: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Correlation of the pairs, for each row of ``b``; NaN with too few, or nothing that varies."""
    if len(pairs[0]) < LEAST_PAIRS:
        return np.full(len(b), np.nan)
    x, y = a[pairs[0]], b[:, pairs[1]]
    x, y = x - x.mean(), y - y.mean(axis=1, keepdims=True)
    scale = np.sqrt((x @ x) * (y**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(scale > 0, (y @ x) / scale, np.nan))


def _shuffles(count: int, permutations: int, seed: int) -> np.ndarray:
    """(permutations, count) orders that keep blocks of neighbours together."""
    rng = np.random.default_rng(seed)
    length = int(np.ceil(count ** (1 / 3)))
    out = np.empty((permutations, count), dtype=np.int64)
    for row in out:
        rolled = np.roll(np.arange(count), int(rng.integers(count)))
        blocks = [rolled[i : i + length] for i in range(0, count, length)]
        row[:] = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
    return out
