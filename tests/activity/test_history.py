"""Robust z, empirical p and levels relative to a reference."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.activity import exceedance_p, levels, robust_z


def test_robust_z_is_in_standard_deviations_and_one_outlier_does_not_move_it():
    earlier = np.random.default_rng(0).normal(50, 4, 4000)
    assert robust_z(62.0, earlier) == pytest.approx(3, abs=0.1)
    with_outlier = np.append(earlier[:30], 1e6)
    assert robust_z(62.0, with_outlier) == pytest.approx(robust_z(62.0, earlier[:30]), rel=0.2)


def test_robust_z_where_most_are_alike():
    mostly = np.array([0.0] * 9 + [2.0])
    assert robust_z(2.0, mostly) == pytest.approx(2 / (1.2533 * 0.2))
    assert robust_z(2.0, np.zeros(9)) is None
    assert robust_z(2.0, np.zeros(1)) is None


def test_the_rank_counts_the_date_itself_and_ties():
    earlier = np.array([1.0, 5.0, 5.0, 9.0])
    assert exceedance_p(10.0, earlier) == 1 / 5
    assert exceedance_p(5.0, earlier) == 4 / 5
    assert exceedance_p(0.0, earlier) == 1
    assert exceedance_p(3.0, np.zeros(0)) is None


def test_levels_give_back_what_was_there_up_to_what_never_moves():
    """Things come and go at places; the level must follow their number whatever the reference."""
    rng = np.random.default_rng(4)
    there = rng.uniform(size=(12, 40)) < rng.uniform(0.2, 0.7, 12)[:, None]
    for reference in (0, 5):
        arrived = (there & ~there[reference]).sum(axis=1).astype(float)
        gone = (~there & there[reference]).sum(axis=1).astype(float)
        level = levels(arrived, gone)
        assert level.min() >= 0
        np.testing.assert_allclose(np.diff(level), np.diff(there.sum(axis=1)))


def test_a_date_that_was_not_seen_stays_so():
    level = levels(np.array([1.0, np.nan, 3.0]), np.array([0.0, np.nan, 2.0]))
    np.testing.assert_array_equal(level, [3.0, np.nan, 3.0])
