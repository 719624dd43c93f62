"""The predictive distribution of counts: against direct sums, simulation and its limits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import betaln, gammaln
from scipy.stats import nbinom, poisson

from changedet.activity.histories.predictive import SIZES, fit_counts


def draw(seed, mean, size, dates):
    return np.random.default_rng(seed).negative_binomial(size, size / (size + mean), dates)


def direct(counts, count, dates=1):
    """P(N >= count), summed term by term from the beta-negative-binomial distribution."""
    weights = fit_counts(counts).weights
    n, total = len(counts), counts.sum()
    j = np.arange(count)[:, None]
    a, b = SIZES * n, total + 0.5
    log = gammaln(j + SIZES * dates) - gammaln(SIZES * dates) - gammaln(j + 1)
    log = log + betaln(a + SIZES * dates, b + j) - betaln(a, b)
    return float(weights @ (1 - np.exp(log).sum(axis=0)))


@pytest.mark.parametrize("dates", [1, 5])
@pytest.mark.parametrize("count", [1, 7, 30, 90])
def test_the_integral_equals_the_sum(count, dates):
    counts = draw(0, 15, 4, 20)
    ours = fit_counts(counts).exceedance(count, dates=dates)
    assert ours == pytest.approx(direct(counts, count, dates), rel=2e-4)


def test_at_least_nothing_is_certain_and_both_tails_make_one():
    model = fit_counts(draw(0, 15, 4, 20))
    assert model.exceedance(0) == pytest.approx(1)
    assert model.exceedance(0) <= 1
    assert model.exceedance(13) + model.shortfall(12) == pytest.approx(1)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("mean", [0.3, 6.0, 300.0])
def test_quantiles_are_the_smallest_counts_that_are_enough(mean, share):
    model = fit_counts(draw(1, mean, 5, 25))
    q = model.quantile(share)
    assert model.shortfall(q) >= share - 1e-9
    assert q == 0 or model.shortfall(q - 1) < share


@pytest.mark.parametrize("size", [2, 8, 40])
def test_the_dispersion_lies_in_its_interval(size):
    inside = 0
    for seed in range(40):
        median, low, high = fit_counts(draw(seed, 30, size, 40)).dispersion
        assert low <= median <= high
        inside += low * 0.83 <= size <= high * 1.2  # the grid is that coarse
    assert inside >= 33


def test_a_published_case_depends_on_the_dispersion_and_says_so():
    """73 cars where 20 were usual: certain for Poisson, not so for a site that varies."""
    steady, restless = (draw(3, 20, size, 30) for size in (60, 2))
    p = [fit_counts(c).exceedance(73) for c in (steady, restless)]
    assert poisson.sf(72, 20) < 1e-17
    assert p[0] < 1e-4
    assert 1e-3 < p[1] < 0.1
    low, high = fit_counts(restless).exceedance_interval(73)
    assert low < p[1] < high
    assert high > 3 * low


@pytest.mark.parametrize(("mean", "size"), [(15, 2), (15, 10), (40, 30)])
def test_one_in_a_hundred_quiet_dates_lies_beyond_one_in_a_hundred(mean, size):
    rates = []
    for seed in range(100):
        model = fit_counts(draw(seed, mean, size, 20))
        limit = model.quantile(0.99)
        rates.append(nbinom.sf(limit, size, size / (size + mean)))
    assert 0.005 < np.mean(rates) < 0.02


def test_seasons_have_means_of_their_own_and_share_the_dispersion():
    counts = np.concatenate([draw(1, 5, 20, 15), draw(2, 50, 20, 15)])
    groups = np.repeat([0, 1], 15)
    apart, together = fit_counts(counts, groups), fit_counts(counts)
    assert apart.mean(0) == pytest.approx(counts[:15].mean())
    assert apart.exceedance(40, group=0) < 1e-4 < 0.5 < apart.exceedance(40, group=1)
    assert together.dispersion[0] < 4 < apart.dispersion[1]


def test_a_site_that_was_always_empty():
    model = fit_counts(np.zeros(12))
    assert 0.01 < model.exceedance(1) < 0.1
    assert model.exceedance(3) < 0.01


def test_the_far_tail_keeps_its_digits():
    model = fit_counts(draw(0, 15, 50, 40))
    p = [model.exceedance(n) for n in (200, 400, 800, 1600)]
    assert all(a > b > 0 for a, b in pairwise(p))
