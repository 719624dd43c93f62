"""False discovery rate of objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from changedet.differencing.null.significance import (
    GATHERED,
    ThingSize,
    evidence_of,
    object_q_values,
)

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


scores = hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0.0, 12.0))


def evidence(score, thing_px):
    weight = (10.0 ** (GATHERED * score)).sum()
    return float(evidence_of(score.max(), weight, ThingSize(thing_px, 8)))


@given(scores, st.floats(0.0, 12.0), st.floats(1.0, 100.0))
def test_evidence_grows_with_every_pixel_from_that_of_the_most_surprising_one(score, one, thing):
    together = evidence(score, thing)
    assert together >= score.max() - 1e-5
    assert evidence(np.append(score, one), thing) >= together
    alike = score.max() + 2 * np.log10(max(len(score) / thing, 1.0))
    assert together <= alike + 1e-5


def test_a_place_as_large_as_a_thing_has_what_its_pixels_have():
    assert evidence(np.full(60, 2.5), 60.0) == pytest.approx(2.5)
    assert evidence(np.full(600, 2.5), 60.0) == pytest.approx(4.5)
    assert evidence(np.full(6, 4.5), 60.0) == pytest.approx(4.5)


def test_what_is_too_wide_for_a_thing_does_not_count():
    """A field and a train of as many pixels, at half a metre."""
    thing = ThingSize.at(0.5)
    score = np.full((120, 120), np.float32(np.nan))
    score[5:115, 5:115] = 0.0
    field, train = np.zeros((2, 120, 120), dtype=bool)
    field[10:40, 10:40] = train[60:70, 10:100] = True
    score[field | train] = 2.5
    weights = thing.weights(score, 2.0)
    assert weights[train].sum() == pytest.approx(900 * 10**1.25)
    assert weights[~train].sum() == 0
    score[~field & ~train] = np.nan
    np.testing.assert_array_equal(thing.weights(score, 2.0)[field], 0.0)
