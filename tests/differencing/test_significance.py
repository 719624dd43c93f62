"""p-values of objects and their false discovery rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from changedet.differencing.significance import object_p_values, object_q_values

p_values = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(1e-12, 1.0))


def _benjamini_hochberg(p):
    """The definition: the smallest level at which each would be rejected."""
    m = len(p)
    return np.array([
        min(min(q * m / np.sum(p <= q) for q in p[p >= one]), 1.0) for one in p
    ])  # fmt: skip


@given(p_values)
def test_q_values_are_those_of_the_definition(p):
    np.testing.assert_allclose(object_q_values(p, len(p)), _benjamini_hochberg(p), rtol=1e-9)


@given(p_values, st.floats(1, 1e6))
def test_q_values_with_places_where_nothing_was_found(p, tests):
    """Places without an object count as tests of p = 1."""
    total = int(max(tests, len(p)))
    padded = np.concatenate([p, np.ones(min(total, 2000) - len(p) if total > len(p) else 0)])
    if total <= 2000:
        expected = _benjamini_hochberg(padded)[: len(p)]
        np.testing.assert_allclose(object_q_values(p, total), expected, rtol=1e-9)
    q = object_q_values(p, tests)
    assert (q >= p * (1 - 1e-12)).all()
    assert (q <= 1).all()


@given(p_values)
def test_q_values_keep_the_order_of_p(p):
    order = np.argsort(p, kind="stable")
    assert (np.diff(object_q_values(p, 100.0)[order]) >= 0).all()


def test_no_object_has_no_q_value():
    assert object_q_values(np.zeros(0), 1000.0).shape == (0,)


def test_the_false_discovery_rate_is_kept():
    rng = np.random.default_rng(1)
    share = []
    for _ in range(200):
        p = np.concatenate([rng.uniform(0, 1, 180), rng.uniform(0, 1e-4, 20)])
        found = object_q_values(p, len(p)) <= 0.1
        share.append(found[:180].sum() / max(found.sum(), 1))
    assert np.mean(share) < 0.12


@pytest.mark.parametrize("pixels", [4, 50])
def test_p_values_of_noise_are_uniform(pixels):
    """Peaks of quiet patches of independent noise."""
    rng = np.random.default_rng(2)
    peak = -np.log10(rng.uniform(0, 1, (4000, pixels)).min(axis=1))
    p = object_p_values(peak, np.full(4000, pixels), 1.0)
    np.testing.assert_allclose(np.quantile(p, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)


@given(st.floats(0, 30), st.floats(0, 5), st.integers(1, 10_000), st.floats(1, 50))
def test_a_higher_peak_is_more_significant_and_a_larger_object_less(peak, more, pixels, patch):
    p = object_p_values(np.array([peak, peak + more]), np.array([pixels, pixels]), patch)
    assert p[1] <= p[0]
    q = object_p_values(np.array([peak, peak]), np.array([pixels, 2 * pixels]), patch)
    assert q[0] <= q[1]
    for value in (*p, *q):
        assert 0 <= value <= 1


def test_an_object_within_one_patch_has_the_p_of_its_peak():
    p = object_p_values(np.array([3.0, 12.0, 25.0]), np.array([4, 4, 4]), 9.0)
    np.testing.assert_allclose(p, [1e-3, 1e-12, 1e-25], rtol=1e-6)
