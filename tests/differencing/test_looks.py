"""Equivalent number of looks, recovered from ratios with and without change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from changedet.differencing.detectors.looks import (
    log_ratio_variance,
    looks_from_ratio,
    looks_from_variance,
    trigamma,
)
from changedet.errors import NotEnoughValidPixels


def ratios(looks, n=60_000, seed=1):
    rng = np.random.default_rng(seed)
    return np.log(rng.gamma(looks, size=n) / rng.gamma(looks, size=n))


@pytest.mark.parametrize("looks", [1.0, 2.5, 4.4, 20.0, 300.0])
def test_looks_are_recovered(looks):
    values = ratios(looks)
    assert looks_from_ratio(values) == pytest.approx(looks, rel=0.04)
    assert looks_from_variance(values.var()) == pytest.approx(looks, rel=0.04)


@pytest.mark.parametrize("gain", [-3.0, 2.0])
def test_gain_does_not_matter(gain):
    values = ratios(4.0)
    assert looks_from_ratio(values + gain) == pytest.approx(looks_from_ratio(values), rel=1e-3)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.2])
def test_change_hardly_counts(share):
    values = ratios(30.0)
    values[: int(share * values.size)] += 1.5
    assert looks_from_ratio(values) == pytest.approx(30.0, rel=0.06)
    assert looks_from_variance(values.var()) < 24


def test_correlated_speckle_is_worth_fewer_looks_than_pixels():
    rng = np.random.default_rng(2)
    logs = []
    for _ in range(2):
        single = uniform_filter(rng.standard_gamma(1.0, (300, 300)), 2, mode="wrap")
        logs.append(np.log(uniform_filter(single, 5, mode="wrap")))
    found = looks_from_ratio(logs[1] - logs[0])
    # 25 pixels of 4 looks each would be 100; the sum of squared weights of both filters says 31.
    line = np.convolve([0.5, 0.5], np.full(5, 0.2))
    assert found == pytest.approx(1 / (line @ line) ** 2, rel=0.06)


def test_variance_is_that_of_the_log_ratio():
    assert log_ratio_variance(1, 1) == pytest.approx(np.pi**2 / 3)
    rng = np.random.default_rng(3)
    values = np.log(rng.gamma(1.0, size=200_000) / rng.gamma(4.0, size=200_000))
    assert log_ratio_variance(1, 4) == pytest.approx(values.var(), rel=0.03)
    assert trigamma(1.0) == pytest.approx(np.pi**2 / 6)


@pytest.mark.parametrize("values", [np.zeros(100), np.array([1e-9, -1e-9] * 50)])
def test_no_noise_gives_the_largest_number(values):
    assert looks_from_ratio(values) == 1e4
    assert looks_from_variance(0.0) == 1e4


def test_hopeless_noise_gives_the_smallest_number():
    assert looks_from_ratio(np.linspace(-500, 500, 101)) == 0.2
    assert looks_from_variance(1e6) == 0.2


def test_no_values_are_refused():
    with pytest.raises(NotEnoughValidPixels, match="no log-ratios"):
        looks_from_ratio(np.zeros(0))
