"""From observations to series: what is missing, what counts, which places there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from changedet.activity import HistoryRules, site_histories
from changedet.activity.histories.place_values import PlaceValue
from changedet.activity.histories.track_histories import together
from changedet.errors import HistoryWarning
from changedet.model import ALL_TRACKS, COMPARED_WITH, Observation

START = datetime(2022, 1, 1, 2, tzinfo=UTC)


def row(zone="site", appeared=0, disappeared=0, seen=1.0, size=40.0):
    return {
        "zone": zone, "observable_fraction": seen, "appeared": appeared,
        "disappeared": disappeared, "area_appeared_m2": size * appeared,
        "area_disappeared_m2": size * disappeared,
    }  # fmt: skip


def track(name, before, after, cars=None):
    return {
        "id": name, "length_m": 400.0, "occupied_m_before": before, "occupied_m_after": after,
        "occupied_m_after_low": None if after is None else after - 5,
        "occupied_m_after_high": None if after is None else after + 5,
        "cars_before": None, "cars_after": cars, "cars_after_low": cars, "cars_after_high": cars,
    }  # fmt: skip


def on(day, *rows, **more):
    when = START + timedelta(days=day)
    return Observation(when, more.pop("name", f"{day}.tif"), tuple(rows), **more)


def of(histories, place, measure):
    (found,) = [h for h in histories if (h.place, h.measure) == (place, measure)]
    return found


def test_zones_then_site_then_tracks_each_with_its_leading_measure_first():
    days = [
        on(10 * i, row("site", 3), row("pad", 1), tracks=(track("2", 50.0, 60.0, 4),))
        for i in range(3)
    ]
    found = [(h.place, h.kind, h.measure) for h in site_histories(days)]
    assert found == [
        ("pad", "zone", "objects"), ("pad", "zone", "area_m2"), ("site", "zone", "objects"),
        ("site", "zone", "area_m2"), ("2", "track", "occupied_m"), ("2", "track", "cars"),
    ]  # fmt: skip


def test_cloud_is_missing_and_never_zero():
    days = [on(10 * i, row("site", 20 + i % 3)) for i in range(12)]
    days[4] = on(40, reason="it cannot be compared (cloud)")
    days[6] = on(60, row("site", 0, seen=0.4))
    history = of(site_histories(days), "site", "objects")
    assert [d.missing for d in history.dates if d.value is None] == [
        "it cannot be compared (cloud)", "only 40% of it could be seen",
    ]  # fmt: skip
    assert history.dates[6].observable == 0.4
    assert history.dates[6].state is history.dates[6].nb_p is None
    assert history.latest.baseline_dates == 9
    assert history.latest.state == "normal"
    assert np.nanmin(history.values) == 20
    least = HistoryRules(least_observable=0.3)
    assert of(site_histories(days, least), "site", "objects").dates[6].value == 0


def test_the_reference_has_no_level_but_its_tracks_were_measured_each_time():
    days = [on(0, reference=True)] + [
        on(10 * i, row("site", 3 + i, 2), tracks=(track("2", 40.0 + i, 100.0),)) for i in (1, 2, 3)
    ]
    histories = site_histories(days)
    site = of(histories, "site", "objects")
    assert site.dates[0].missing == COMPARED_WITH
    # it has no value, and is not missing
    assert site.describe()["missing_dates"] == sum(d.value is None for d in site.dates[1:])
    assert [d.value for d in site.dates[1:]] == [4, 5, 6]
    metres = of(histories, "2", "occupied_m")
    assert [d.value for d in metres.dates] == [42.0, 100.0, 100.0, 100.0]
    assert (metres.dates[1].value_low, metres.dates[1].value_high) == (95.0, 105.0)


def test_a_track_that_was_hardly_seen_has_no_value():
    days = [on(0, reference=True)]
    for i, metres in enumerate([400.0, 390.0, 100.0, None]):
        one = {**track("2", 40.0, 50.0), "observable_m_after": metres, "observable_m_before": 380.0}
        days.append(on(10 + 10 * i, row(), tracks=(one,)))
    history = of(site_histories(days), "2", "occupied_m")
    assert [d.value for d in history.dates] == [40.0, 50.0, 50.0, None, 50.0]
    assert history.dates[3].missing == "only 25% of it could be seen"
    assert [d.observable for d in history.dates] == [0.95, 1.0, 0.975, 0.25, None]


def test_a_track_that_was_hardly_seen_on_any_date_is_told_of():
    one = {**track("2", 40.0, 50.0), "observable_m_after": 312.0, "observable_m_before": 312.0}
    days = [on(10 * i, row(), tracks=(one,)) for i in range(3)]
    with pytest.warns(HistoryWarning, match=r"No more than 78% of track '2'.*least_observable"):
        histories = site_histories(days)
    assert "2" not in {h.place for h in histories}
    rules = HistoryRules(least_observable=0.7)
    assert "2" in {h.place for h in site_histories(days, rules)}


def test_what_is_gone_lowers_the_level():
    counts = [(0, 5), (2, 3), (4, 0)]
    days = [on(10 * i, row("site", a, d)) for i, (a, d) in enumerate(counts)]
    assert list(of(site_histories(days), "site", "objects").values) == [0, 4, 9]
    area = of(site_histories(days), "site", "area_m2")
    assert list(area.values) == [0, 160, 360]
    assert area.unit == 40


def test_reports_with_images_of_their_own_give_flows():
    days = [on(10 * i, row("site", 3, 1)) for i in range(3)]
    found = site_histories(days, one_reference=False)
    assert [h.measure for h in found] == ["appeared", "disappeared"]


def test_two_images_of_a_day_are_one_date_by_place():
    days = [on(10 * i, row("site", 5), row("pad", 2)) for i in range(3)]
    left = on(30, row("site", 7, seen=0.9), row("pad", 0, seen=0.1), name="left.tif")
    right = on(30.2, row("site", 1, seen=0.85), row("pad", 4, seen=1.0), name="right.tif")
    cloudy = on(30.1, reason="cloud", name="cloudy.tif")
    histories = site_histories([*days, left, cloudy, right])
    for place, value, image in (("site", 7, "left.tif"), ("pad", 4, "right.tif")):
        history = of(histories, place, "objects")
        assert len(history.dates) == 4
        assert (history.dates[-1].value, history.dates[-1].image) == (value, image)


def test_a_measure_that_was_never_taken_is_left_out():
    days = [
        on(10 * i, row(), tracks=(track("2", 1.0, 2.0), track("5", None, None))) for i in (1, 2)
    ]
    assert [(h.place, h.measure) for h in site_histories(days) if h.kind == "track"] == [
        ("2", "occupied_m")
    ]


def test_a_planted_rise_with_everything_beside_it():
    rng = np.random.default_rng(0)
    counts = rng.negative_binomial(20, 20 / 40, 20)
    days = [on(12 * i, row("site", int(n))) for i, n in enumerate([*counts, 90])]
    days[19] = on(12 * 19, reason="cloud")
    history = of(site_histories(days), "site", "objects")
    last = history.latest
    assert (last.state, last.direction) == ("spike", "up")
    assert last.first_seen == days[20].acquired
    assert last.last_not_seen == days[18].acquired
    assert last.rank_p == 1 / 20
    assert last.robust_z > 5
    assert last.nb_p_low <= last.nb_p <= last.nb_p_high < 0.01
    assert last.dispersion_low <= last.dispersion <= last.dispersion_high
    assert last.band_low < last.expected < last.band_high < 90
    assert history.state == "spike"
    assert "first seen 2022-08-29, not yet on 2022-08-05" in str(history)
    assert history.describe()["missing_dates"] == 1


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_metres_are_counted_in_cars(scale):
    rng = np.random.default_rng(1)
    metres = [*rng.gamma(20, 10 * scale, 20), 700.0 * scale]
    days = [on(12 * i, tracks=(track("1", 0.0, m),)) for i, m in enumerate(metres)]
    last = of(site_histories(days), "1", "occupied_m").latest
    assert last.state == "spike"
    assert 200 * scale < last.band_high < 500 * scale


def test_all_tracks_together_are_a_series_with_an_interval():
    days = [
        on(10 * i, row(), tracks=(track("1", 0.0, 30.0, 2), track("2", 0.0, 40.0 + i, 3 + i)))
        for i in range(3)
    ]
    days.append(on(40, row(), tracks=(track("1", 0.0, 30.0, 2), track("2", 0.0, None))))
    histories = site_histories(days)
    assert [h.place for h in histories if h.measure == "cars"] == ["1", "2", ALL_TRACKS]
    cars = of(histories, ALL_TRACKS, "cars")
    assert [d.value for d in cars.dates] == [5, 6, 7, None]
    assert cars.dates[3].missing == "not measured"
    metres = of(histories, ALL_TRACKS, "occupied_m").dates[2]
    # two tracks that are known to 5 m each, with a tenth of the variance in common
    half = (0.9 * 50 + 0.1 * 10**2) ** 0.5
    assert (metres.value, metres.value_high - metres.value) == (72, pytest.approx(half))
    assert metres.value - metres.value_low == pytest.approx(half)


def test_the_interval_of_a_sum_of_wagons_is_of_whole_wagons():
    one = [[PlaceValue(4.0, 3.0, 6.0, 1.0)]]
    two = [[PlaceValue(1.0, 0.0, 2.0, 0.5)]]
    ((whole,),) = together({"1": one, "2": two}, {"1": 300.0, "2": 100.0}, whole=True)
    # 3.5 to 7.3, and whole numbers count up to a half beyond them
    assert whole == PlaceValue(5.0, 4.0, 7.0, 0.875)


def test_many_tracks_that_are_each_nearly_sure_are_not_sure_together():
    """Each interval is the value itself; one of ten is wrong now and then."""
    sure = {str(k): [[PlaceValue(1.0, 1.0, 1.0, 1.0, deviation=0.2)]] for k in range(10)}
    ((whole,),) = together(sure, dict.fromkeys(sure, 100.0), whole=True)
    half = 1.96 * 0.2 * (0.9 * 10 + 0.1 * 100) ** 0.5
    assert (whole.low, whole.value, whole.high) == (8.0, 10.0, 12.0)
    assert 1.5 < half < 2.5


def test_what_another_track_counts_is_not_missing():
    one = {**track("2", 40.0, 50.0), "observable_m_after": 312.0, "observable_m_before": 312.0}
    days = [on(10 * i, row(), tracks=({**one, "shared_m": 88.0},)) for i in range(3)]
    history = of(site_histories(days), "2", "occupied_m")
    assert [d.observable for d in history.dates] == [1.0, 1.0, 1.0]


def test_the_sum_of_tracks_that_were_hardly_seen_is_missing():
    hidden = {**track("2", 0.0, 40.0, 3), "observable_m_after": 100.0}
    seen = {**track("1", 0.0, 30.0, 2), "observable_m_after": 400.0}
    history = of(site_histories([on(0, tracks=(seen, hidden)),
        on(10, tracks=({**seen}, {**hidden, "observable_m_after": 400.0}))
    ]), ALL_TRACKS, "cars")  # fmt: skip
    assert [d.value for d in history.dates] == [None, 5]
    assert history.dates[0].missing == "only 62% of it could be seen"


def test_one_track_has_no_sum():
    days = [on(10 * i, row(), tracks=(track("1", 0.0, 30.0, 2),)) for i in range(3)]
    assert ALL_TRACKS not in {h.place for h in site_histories(days)}
