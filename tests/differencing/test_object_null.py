"""Objects compared with the objects of quiet ground."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.differencing import (
    CANDIDATE,
    ObjectNull,
    candidate_peaks,
    from_pair,
    from_reference,
)
from changedet.differencing.null.curves import Curve
from changedet.differencing.null.object_null import PEAKS_ALIKE, SITES_ALIKE, SMALLEST_P


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


def pool(per_mpx=50.0, scale=0.5):
    """Quiet pairs of this kind: so many candidates, of which peaks fall exponentially."""
    curve = Curve(
        np.array([CANDIDATE, CANDIDATE + 1.0]), np.array([0.0, -1.0 / scale]), 1.0 / scale
    )
    return ObjectNull(per_mpx, curve, 5000, "pair")


def sites(count, seed=0):
    """Rate and scale of sites that differ from what quiet pairs are like on average."""
    rng = np.random.default_rng(seed)
    return zip(rng.gamma(SITES_ALIKE, 50.0 / SITES_ALIKE, count), rng.uniform(0.35, 0.65, count),
               strict=True)  # fmt: skip


def test_a_small_reference_with_what_is_known_keeps_rates_and_p_values():
    """A dozen candidates a site, and each visit another draw of it."""
    rng, mpx = np.random.default_rng(1), 0.25
    levels, rates = (0.1, 0.01, 0.001), (0.2, 1.0, 4.0)
    small, total, above, smallest = np.zeros(3), 0, np.zeros(3), []
    for per_mpx, scale in sites(3000):
        reference, judged = (
            CANDIDATE + rng.exponential(scale, rng.poisson(per_mpx * mpx)) for _ in range(2)
        )
        null = from_reference(reference, int(1e6 * mpx), "reference", pool())
        p = null.p_value(judged)
        small += [(p <= level).sum() for level in levels]
        above += [(judged >= null.peak_at(rate)).sum() for rate in rates]
        total += len(p)
        smallest.append(null.p_value(np.array([12.0]))[0])
    assert (small / total / levels < 1.6).all()
    assert (small / total / levels > 0.6).all()
    found = above / (3000 * mpx) / rates
    assert (found < 1.6).all()
    assert (found > 0.6).all()
    # far out something can be found at all, though a dozen were seen
    assert max(smallest) < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_with_enough_ground_a_noisy_site_wins_over_what_is_known(seed):
    """Ten times as many candidates as quiet pairs have, that peak four times as far out."""
    fresh = peaks(100_000, 50 + seed, 2.0)
    little, much = (
        from_reference(peaks(500 * mpx, seed, 2.0), 1_000_000 * mpx, "history", pool())
        for mpx in (1, 10)
    )
    for null, p, off in ((little, 0.1, 1.5), (much, 0.1, 1.15), (much, 0.01, 1.5)):
        assert null.per_mpx == pytest.approx(500, rel=0.1)
        assert 1 / off < (null.p_value(fresh) <= p).mean() / p < off
    assert 500 * (fresh >= much.peak_at(5.0)).mean() == pytest.approx(5.0, rel=0.5)
    assert much.known_share < 0.01 < little.known_share < 0.1
    # what is known alone would have called this certain
    assert pool().p_value(np.array([8.0]))[0] < 1e-4 < much.p_value(np.array([8.0]))[0]


def test_with_many_candidates_the_combined_p_value_is_the_conformal_rank():
    quiet, asked = peaks(20_000, 6, 0.8), np.linspace(CANDIDATE, 6.0, 50)
    alone = from_reference(quiet, 10**7, "reference").p_value(asked)
    both = from_reference(quiet, 10**7, "reference", pool()).p_value(asked)
    np.testing.assert_allclose(both, alone, atol=PEAKS_ALIKE / 20_000)


def test_without_a_candidate_the_reference_still_counts_as_quiet_ground():
    known = pool()
    null = from_reference(np.zeros(0), 10**6, "reference", known)
    assert null.per_mpx == pytest.approx(SITES_ALIKE / (SITES_ALIKE / 50.0 + 1.0))
    np.testing.assert_allclose(
        null.p_value(np.array([2.5, 4.0])), known.p_value(np.array([2.5, 4.0])), rtol=1e-5
    )
    described = null.describe()
    assert described["combined_with"] == "quiet pairs of this kind"
    assert described["weight_of_quiet_pairs"] == 1.0
    json.dumps(described)


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
