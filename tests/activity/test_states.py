"""States of dates: planted spikes, shifts and drifts, and quiet."""

from __future__ import annotations

from collections import Counter
from datetime import date

import numpy as np
import pytest

from changedet.activity import HistoryRules, judge_dates, season_groups
from changedet.errors import ConfigError

DAYS = 738_000.0 + 20.0 * np.arange(40)


def draw(seed, expected, size=30):
    expected = np.broadcast_to(expected, 40).astype(float)
    return np.random.default_rng(seed).negative_binomial(size, size / (size + expected))


def judge(counts, **rules):
    return judge_dates(DAYS[: len(counts)], counts, HistoryRules(**rules))


def test_too_few_dates_before_is_said_and_nothing_else():
    verdicts = judge(draw(0, 20)[:9])
    assert [v.state for v in verdicts[:8]] == ["insufficient_baseline"] * 8
    assert all(v.p is None and v.first_seen is None for v in verdicts[:8])
    assert verdicts[8].state == "normal"


def test_a_spike_is_found_on_its_date_and_over_after_it():
    counts = draw(1, 20)
    counts[25] = 75
    verdicts = judge(counts)
    assert [v.state for v in verdicts[25:28]] == ["spike", "normal", "normal"]
    assert (verdicts[25].first_seen, verdicts[25].direction) == (25, "up")
    assert 25 not in verdicts[30].baseline


def test_later_dates_do_not_change_what_was_said():
    counts = draw(2, np.where(np.arange(40) < 30, 20, 60))
    short, whole = judge(counts[:33]), judge(counts)
    assert [v.state for v in short] == [v.state for v in whole[:33]]


def test_a_level_shift_is_a_spike_first_and_dated_back_to_its_beginning():
    right = spikes = 0
    for seed in range(12):
        verdicts = judge(draw(seed, np.where(np.arange(40) < 30, 15, 45)))
        spikes += verdicts[30].state == "spike"
        last = verdicts[-1]
        assert last.direction == "up"
        right += last.state == "level shift" and abs(last.first_seen - 30) <= 1
    assert right >= 10
    assert spikes >= 10


def test_a_slow_rise_is_a_drift_from_about_where_it_began():
    drifts = [
        judge(draw(seed, 12 * np.clip(np.linspace(0, 4, 40), 1, 4)))[-1] for seed in range(12)
    ]
    assert sum(v.state == "drift" for v in drifts) >= 8
    # it rises from the 11th date on
    assert 3 <= np.median([v.first_seen for v in drifts if v.state == "drift"]) <= 18


def test_a_fall_that_lasts_has_its_direction():
    last = judge(draw(3, np.where(np.arange(40) < 28, 40, 8)))[-1]
    assert (last.state, last.direction) == ("level shift", "down")
    assert abs(last.first_seen - 28) <= 1


def test_quiet_histories_are_quiet():
    called = Counter(
        v.state for seed in range(30) for v in judge(draw(seed, 15, size=6)) if v.model is not None
    )
    share = {state: count / called.total() for state, count in called.items()}
    assert share["spike"] < 0.025
    assert share.get("level shift", 0) + share.get("drift", 0) < 0.02


def test_one_glaring_date_is_no_level():
    counts = draw(5, 20)
    counts[-3] = 2000
    assert judge(counts)[-1].state == "normal"


def test_a_season_is_not_unusual_once_it_is_known():
    days = 738_000.0 + 15.0 * np.arange(80)
    summer = np.cos(2 * np.pi * (days - days[-1] + 183) / 365.2425)
    expected = 18.0 * np.exp(0.8 * summer)
    counts = np.random.default_rng(0).negative_binomial(30, 30 / (30 + expected))
    known, unknown = (
        judge_dates(days, counts, HistoryRules(seasonal=s))[60:] for s in (True, False)
    )
    assert all(v.seasonal for v in known)
    assert not any(v.seasonal for v in unknown)
    assert sum(v.state != "normal" for v in known) <= 1
    assert sum(v.state != "normal" for v in unknown) >= 3
    # four times what is usual in winter, which is what is usual in summer
    assert expected[-1] < 9
    counts[-1] = 34
    assert judge_dates(days, counts)[-1].state == "spike"


def test_the_baseline_can_end_on_a_day():
    until = date.fromordinal(int(DAYS[19]))
    verdicts = judge(draw(7, 20), baseline_until=until)
    assert all(v.baseline.max() <= 19 for v in verdicts[20:])


def test_quarters_lie_around_the_date_in_every_year():
    day = date(2023, 1, 10).toordinal()
    others = [
        (2020, 1, 10),
        (2021, 12, 1),
        (2022, 2, 20),
        (2022, 3, 1),
        (2022, 7, 10),
        (2021, 11, 1),
    ]
    days = np.array([date(*d).toordinal() for d in others], dtype=float)
    assert list(season_groups(days, float(day))) == [0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"level": 0.5}, "level=0.5 is not usable: give a number above 0 to 0.2"),
        ({"level": None}, "level=None is not usable"),
        ({"least_observable": 0}, "least_observable=0 is not usable: give a number above 0 to 1"),
        ({"least_baseline": 3}, "least_baseline=3 is not usable: .* at least 5; fewer dates say"),
    ],
)
def test_rules_that_make_no_sense(rules, message):
    with pytest.raises(ConfigError, match=message):
        HistoryRules(**rules)
