"""What a self-test says of its targets."""

from __future__ import annotations

import json

import pytest

from changedet.errors import ConfigError
from changedet.model import DetectionRate, PlantedTarget, SelfTest, TargetType
from changedet.model.selftest import wilson


def target(type: str, contrast: float, seen: bool, change="appeared", missed=None):
    return PlantedTarget(type, contrast, contrast, 0.2, 5.0, 6.0, 12.0, 50, 1, 0.9 if seen else 0.1,
                         seen, change, missed)  # fmt: skip


@pytest.fixture
def test() -> SelfTest:
    types = (TargetType("12 m container", "container", 12.2, 2.4, 2.6),
             TargetType("2 m patch", "other", 2, 2))  # fmt: skip
    targets = [target("12 m container", 0.4, i < 47) for i in range(50)]
    targets += [target("12 m container", 0.1, False, None, "not significant")] * 3
    targets += [target("2 m patch", 0.4, False, "modified", "explained: shadow")] * 2
    return SelfTest(types, (0.1, 0.4), "share", "m", tuple(targets), (), 4, 2.0, 30.0, 3, 0.1,
                    "at most 2 false objects per km2")  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(47, 50, 0.838, 0.979), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (5, 10, 0.237, 0.763)],
)
def test_wilson_intervals_as_tabulated(hits, trials, low, high):
    share, below, above = wilson(hits, trials)
    assert share == hits / trials
    assert (below, above) == pytest.approx((low, high), abs=1e-3)


def test_nothing_planted_is_null_and_not_zero():
    rate = DetectionRate.of("x", 0.1, [])
    assert (rate.planted, rate.probability, rate.low, rate.high) == (0, None, None, None)


def test_rates_by_type_and_contrast(test):
    assert test.rate("12 m container", 0.4).probability == pytest.approx(0.94)
    assert test.rate("12 m container").planted == 53
    assert test.rate("2 m patch", 0.1).probability is None
    assert len(list(test.rates())) == 4
    assert test.direction_right.probability == 1.0
    assert test.missed_by == {"not significant": 3, "explained: shadow": 2}


def test_what_was_not_planted_is_refused(test):
    with pytest.raises(ConfigError, match=r"No 'bus' of contrast 0.4 was planted: there are '12 m"):
        test.rate("bus", 0.4)
    with pytest.raises(ConfigError, match=r"contrast 0.3 was planted: .* at 0.1, 0.4"):
        test.rate("2 m patch", 0.3)


def test_it_describes_itself_as_json(test):
    value = json.loads(json.dumps(test.describe(), allow_nan=False))
    assert value["false_objects"]["expected_per_km2"] == 2.0
    assert value["planted"] == 55
    assert value["types"][0]["length"] == 12.2
    assert repr(test) == "<SelfTest: 47 of 55 planted targets seen>"
