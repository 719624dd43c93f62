"""Objects compared with the objects of quiet ground."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.differencing import CANDIDATE, candidate_peaks, from_pair, from_reference
from changedet.differencing.object_null import SMALLEST_P


def peaks(n, seed=0, scale=0.5):
    return CANDIDATE + np.random.default_rng(seed).exponential(scale, n)


@pytest.mark.parametrize("n", [99, 2000])
def test_conformal_p_values_are_valid(n):
    """Over many references the chance of p <= alpha is at most alpha, and close to it."""
    alphas = np.array([0.05, 0.1, 0.5])
    found = np.zeros(3)
    for seed in range(60):
        null = from_reference(peaks(n, seed), 1_000_000, "reference")
        p = null.p_value(peaks(400, 1000 + seed))
        found += (p[:, None] <= alphas).mean(axis=0) / 60
    assert (found <= alphas * 1.15).all()
    assert (found >= alphas * 0.8).all()


@given(st.integers(1, 50), st.floats(0, 30))
def test_a_rank_never_says_more_than_the_reference_can(n, peak):
    p = from_reference(peaks(n), 10_000, "history").p_value(np.array([peak]))
    assert 1 / (n + 1) <= p[0] <= 1


def test_no_quiet_object_is_a_reference_too():
    null = from_reference(np.zeros(0), 1_000_000, "reference")
    assert null.p_value(np.array([3.0])) == 1.0
    assert null.per_mpx == 1.0
    assert null.peak_at(0.1) > CANDIDATE
    json.dumps(null.describe())


@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0])
def test_the_peak_of_a_rate_is_the_inverse_of_the_rate_of_a_peak(rate):
    null = from_reference(peaks(3000), 10_000_000, "reference")
    assert null.expected_per_mpx(null.peak_at(rate)) == pytest.approx(rate, rel=0.02)


def test_rates_hold_beyond_the_ranks_where_the_tail_is_exponential():
    """A rate a thousandth of what the reference holds: right on average, not for each."""
    fresh, found = np.sort(peaks(1_000_000, 4)), []
    for seed in range(12):
        null = from_reference(peaks(500, 100 + seed), 1_000_000, "reference")
        above = len(fresh) - np.searchsorted(fresh, null.peak_at(0.5))
        found.append(max(above, 1) / 2000)
    assert 0.5 / 2 < np.exp(np.mean(np.log(found))) < 0.5 * 2


def test_a_pair_by_itself_is_not_led_by_its_changes():
    quiet, real = peaks(300, 5), np.full(60, 25.0)
    alone, with_change = from_pair(quiet, 10**6), from_pair(np.append(quiet, real), 10**6)
    assert alone.peak_at(1.0) == pytest.approx(CANDIDATE + 0.5 * np.log(301), rel=0.15)
    assert with_change.peak_at(1.0) < 1.35 * alone.peak_at(1.0)
    assert with_change.p_value(np.array([25.0]))[0] == SMALLEST_P


def test_candidates_are_connected_places_that_are_large_enough():
    block = np.zeros((40, 40), dtype=np.float32)
    block[2:5, 2:5] = 3.0
    block[3, 3] = 7.5
    block[20, 20] = 9.0
    block[30:32, 30:32] = 2.5
    block[32:34, 32:34] = 4.0  # touches the one above at a corner
    block[10, 10:20] = np.nan
    np.testing.assert_array_equal(np.sort(candidate_peaks(block, 4)), [4.0, 7.5])
    np.testing.assert_array_equal(np.sort(candidate_peaks(block, 1)), [4.0, 7.5, 9.0])
