"""What may have been taken for the wrong thing along a track, and the interval it makes."""

import numpy as np
import pytest

from changedet.activity.tracks.doubt import CERTAIN, doubt_of
from changedet.activity.tracks.wagon_count import Count, add_up

EVERYWHERE = np.ones(600, dtype=bool)


def doubt(chance, runs, step=1.0, judged=EVERYWHERE):
    return doubt_of(chance, judged[: len(chance)], runs, step)


def test_where_nothing_is_in_doubt_the_ends_alone_count():
    low, high = CERTAIN.bounds(100.0, 1.0)
    assert (low, high) == pytest.approx((98.04, 101.96), abs=0.01)
    assert CERTAIN.variance == 0


def test_an_empty_track_may_hold_a_wagon_and_never_less_than_none():
    chance = np.full(600, 1e-9)
    chance[100:114] = 0.2
    found = doubt(chance, [])
    assert found.metres.min() == 0
    low, high = found.bounds(0.0, 0.0)
    assert low == pytest.approx(0.0, abs=0.01)
    assert 13 <= high <= 20
    chance[100:114] = 0.001
    assert doubt(chance, []).bounds(0.0, 0.0)[1] == pytest.approx(0.0, abs=0.01)


def test_a_doubtful_run_may_be_none():
    chance = np.full(600, 1e-9)
    chance[200:214], chance[300:440] = 0.8, 1 - 1e-9
    found = doubt(chance, [(200, 214), (300, 440)])
    low, high = found.bounds(154.0, 0.5)
    assert 138 <= low <= 142
    assert high == pytest.approx(155, abs=1)
    (value, least, most), deviation = add_up([Count(1.0, 0.0), Count(10.0, 0.0)], found)
    assert (value, least, most) == (11.0, 10.0, 11.0)
    assert deviation == pytest.approx((0.2 * 14**2) ** 0.5 * 0.0734, rel=0.05)


@pytest.mark.parametrize(("step", "wrong"), [(1.0, 0.05), (1.0, 0.3), (3.0, 0.1)])
def test_intervals_hold_the_truth_as_often_as_they_say(step, wrong):
    """Stretches are wrong independently, as often as their probability says."""
    rng = np.random.default_rng(5)
    length = round((14.0 if step == 1 else 45.0) / step)
    chance = np.full(10 * length, wrong)
    told = rng.uniform(size=10) < 0.5
    runs = [(k * length, (k + 1) * length) for k in range(10) if told[k]]
    chance = np.where(np.repeat(told, length), 1 - wrong, wrong)
    value = told.sum() * length * step
    low, high = doubt(chance, runs, step).bounds(value, 1.0)
    flips = rng.uniform(size=(4000, 10)) < wrong
    truth = ((told ^ flips).sum(axis=1)) * length * step + rng.normal(0, 1.0, 4000)
    held = ((low <= truth) & (truth <= high)).mean()
    assert 0.93 <= held <= 0.999


def test_what_is_not_judged_is_in_no_doubt():
    chance = np.full(100, 0.4)
    judged = np.zeros(100, dtype=bool)
    assert doubt(chance, [], judged=judged).metres.tolist() == [0.0]
