"""Wagons by the length they take up, and by the gaps between them."""

import numpy as np
import pytest

from changedet.activity.tracks.wagon_count import (
    Count,
    add_up,
    count_by_gaps,
    count_by_length,
    runs_of,
)

WHOLE = (False, False)


def train(lengths, step=0.5, gap=1.1, contrast=0.5, noise=0.03, seed=1):
    """What wagons of some lengths over couplers look like: (n, 2), bodies only."""
    rng = np.random.default_rng(seed)
    couplers = np.concatenate([[0.0], np.cumsum(lengths)])
    at = np.arange(gap / 2, couplers[-1] - gap / 2, step) + step / 2
    wagon = np.searchsorted(couplers, at) - 1
    colour = rng.normal(0, 0.1, (len(lengths), 2))[wagon]
    near = np.abs(at[:, None] - couplers).min(axis=1) < gap / 2
    return colour - contrast * near[:, None] + rng.normal(0, noise, (len(at), 2))


@pytest.mark.parametrize("pitch", [12.02, 13.92, 14.73, 15.35])
@pytest.mark.parametrize("number", [1, 4, 11, 25])
def test_wagons_of_one_kind_are_counted_by_their_gaps(pitch, number):
    found = count_by_gaps(train([pitch] * number), 0.5, WHOLE)
    assert round(found.mean) == number
    assert found.variance < 0.25


def test_a_locomotive_and_a_change_of_kind_are_no_trouble():
    lengths = [17.2, *[12.02] * 8, *[14.73] * 6]
    assert round(count_by_gaps(train(lengths), 0.5, WHOLE).mean) == 15


@pytest.mark.parametrize("seed", range(4))
def test_without_gaps_the_length_counts_and_the_interval_says_so(seed):
    rng = np.random.default_rng(seed)
    found = count_by_gaps(rng.normal(0, 0.1, (560, 8)), 0.5, WHOLE)
    plain = count_by_length(280.0, 1.0)
    assert found.mean == pytest.approx(plain.mean, abs=2.5)
    (value, low, high), _ = add_up([found])
    assert low < value < high


def test_a_run_that_goes_on_unseen_counts_wagons_by_their_middles():
    profile = train([13.92] * 10)
    cut = round(6 * 13.92 / 0.5)  # after four of ten wagons have gone by
    for extra, expected in ((-4.0, 6), (4.0, 6)):
        part = profile[: cut + round(extra / 0.5)]
        assert round(count_by_gaps(part, 0.5, (False, True)).mean) == expected


def test_the_interval_of_a_length_spans_the_mix_of_wagons():
    (value, low, high), deviation = add_up([count_by_length(20 * 13.6, 0.7)])
    assert deviation == pytest.approx((high - low) / 2 / 1.96, abs=0.3)
    assert value == pytest.approx(20, abs=1)
    # 272 m are 22.6 tank wagons or 17.7 covered ones
    assert low in (17, 18)
    assert high in (22, 23)


def test_runs_add_up_and_nothing_is_nothing():
    assert add_up([]) == ((0.0, 0.0, 0.0), 0.0)
    (value, low, high), deviation = add_up([Count(5.0, 0.02), Count(3.0, 0.02)])
    assert (value, low, high) == (8.0, 8.0, 8.0)
    assert deviation == pytest.approx(0.2)
    assert runs_of(np.array([1, 1, 0, 1, 0], dtype=bool)) == [(0, 2), (3, 4)]
    assert runs_of(np.zeros(3, dtype=bool)) == []
