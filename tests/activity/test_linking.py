"""Lagged correlation: a planted lag, chance, and too little to say."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.activity import lagged_correlation
from changedet.errors import ConfigError


def series(seed, dates=50):
    rng = np.random.default_rng(seed)
    days = np.cumsum(rng.integers(5, 12, dates)).astype(float)
    return days, rng.gamma(4.0, 5.0, dates)


def test_a_planted_lag_is_found_with_its_sign():
    rng = np.random.default_rng(1)
    daily = rng.gamma(3.0, 4.0, 700)
    busy = np.convolve(daily, np.ones(10) / 10, "same")
    first, second = np.sort(rng.choice(np.arange(40, 600), (2, 70), replace=False))
    first.sort()
    second.sort()
    a, b = busy[first], busy[second - 21] + rng.normal(0, 0.4, 70)
    found = lagged_correlation(first, a, second, b, step_days=7.0)
    assert found.best_lag_days == 21
    assert found.best_correlation > 0.5
    assert found.p_value <= 0.01
    back = lagged_correlation(second, b, first, a, step_days=7.0)
    assert back.best_lag_days == -21


def test_strangers_are_called_linked_as_seldom_as_the_p_value_says():
    p = []
    for seed in range(60):
        (da, va), (db, vb) = series(seed), series(seed + 1000)
        p.append(lagged_correlation(da, va, db, vb, permutations=99, seed=seed).p_value)
    assert np.mean(np.array(p) <= 0.1) < 0.22
    assert np.mean(np.array(p) <= 0.5) > 0.25


def test_growth_in_common_is_no_link_unless_asked_for():
    (days, a), (_, b) = series(1), series(2)
    a, b = a / 10 + days, b / 10 + days
    options = {"max_lag_days": 0.0, "permutations": 199}
    assert lagged_correlation(days, a, days, b, **options).p_value > 0.05
    trending = lagged_correlation(days, a, days, b, detrend=False, **options)
    assert trending.best_correlation > 0.95


def test_missing_dates_are_left_out_and_the_seed_decides():
    days, a = series(3)
    b = a.copy()
    a[[3, 7]] = np.nan
    one, two = (lagged_correlation(days, a, days, b, max_lag_days=0) for _ in range(2))
    assert one == two
    assert one.pairs == (48,)
    assert one.best_correlation > 0.97


def test_dates_that_never_meet_give_nothing():
    days, a = series(4, 20)
    found = lagged_correlation(days, a, days + 4000, a, max_lag_days=30)
    assert found.best_lag_days is found.p_value is None
    assert "too few dates in common" in str(found)
    assert found.describe()["correlation"] == [None] * len(found.lags_days)


def test_bad_input():
    days, a = series(5, 20)
    with pytest.raises(ConfigError, match=r"second series has 5 dates with a value.*at least 8"):
        lagged_correlation(days, a, days[:5], a[:5])
    with pytest.raises(ConfigError, match="max_lag_days=-1 with permutations=999 is not usable"):
        lagged_correlation(days, a, days, a, max_lag_days=-1)
    with pytest.raises(ConfigError, match="step_days=0 is not usable"):
        lagged_correlation(days, a, days, a, step_days=0)
