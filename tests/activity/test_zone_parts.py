"""Kinds, moves, cuts, weights of kinds, intervals and the control: planted and recovered."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from changedet.activity import (
    activity_score,
    assign_zones,
    check_kind_weights,
    zone_activity,
    zone_occupancy,
)
from changedet.activity.zones.control import control_ground, control_share
from changedet.errors import ConfigError, CoverageWarning, MetadataWarning
from changedet.model import ChangeTable, Grid, Places

GRID = Grid.pixels(100, 100)


def table(boxes, **columns):
    geometry = np.array([*(shapely.box(*b) for b in boxes), None], dtype=object)[:-1]
    columns.setdefault("change", ["appeared"] * len(geometry))
    columns.setdefault("area_m2", shapely.area(geometry))
    columns.setdefault("q_value", np.zeros(len(geometry)))
    return ChangeTable(geometry, columns)


def places(**boxes):
    return Places(tuple(boxes), np.array([shapely.box(*b) for b in boxes.values()], dtype=object))


@pytest.fixture
def seen(array_raster):
    """Everything could be observed and nothing changed."""
    return array_raster(np.zeros(GRID.shape, dtype=np.uint8))


class TestCounts:
    def test_by_kind(self, seen):
        changes = table(
            [(10, 10, 20, 14), (30, 10, 40, 14), (10, 30, 14, 32), (70, 70, 80, 74)],
            change=["appeared", "appeared", "disappeared", "appeared"],
            kind=["railcar", "railcar", "truck", None],
        )
        yard, site = zone_activity(changes, places(yard=(0, 0, 50, 50)), GRID, seen)
        assert yard.by_kind == {"railcar": {"appeared": 2}, "truck": {"disappeared": 1}}
        assert site.by_kind == yard.by_kind, "what has no kind is counted by none"
        assert (site.arrivals, site.departures, site.cut) == (3, 1, 0)

    def test_cut_objects_are_flagged_and_not_counted_as_whole(self, seen):
        changes = table(
            [(0, 10, 10, 14), (30, 10, 40, 14), (0, 40, 4, 44)],
            kind=["railcar"] * 3,
            cut_by=["image edge", None, "not observable"],
            explained_by=[None, None, "shadow"],
        )
        (site,) = zone_activity(changes, None, GRID, seen)
        assert site.by_kind == {"railcar": {"appeared": 1}}
        assert (site.cut, site.appeared) == (1, 2)
        assert (site.area_appeared_m2, site.parts["cut_area_m2"]) == (80, 40)

    def test_a_move_from_zone_to_zone_is_a_departure_and_an_arrival(self, seen):
        changes = table(
            [(10, 10, 20, 14), (60, 10, 70, 14), (60, 30, 70, 34), (80, 30, 90, 34)],
            change=["moved"] * 4,
            moved_to=[2, -1, 4, -1],
            moved_from=[-1, 1, -1, 3],
        )
        zones = places(west=(0, 0, 50, 100), east=(50, 0, 100, 100))
        west, east, site = zone_activity(changes, zones, GRID, seen)
        assert [a.moved for a in (west, east, site)] == [0, 2, 2]
        assert [a.arrivals for a in (west, east, site)] == [0, 1, 0]
        assert [a.departures for a in (west, east, site)] == [1, 0, 0]
        assert [a.area_modified_m2 for a in (west, east, site)] == [40, 120, 160]
        assert west.parts["departed_area_m2"] == east.parts["arrived_area_m2"] == 40
        assert site.parts["churn_high"] == 0

    def test_two_dates_bound_what_was_there(self, seen):
        """40 arrived, 20 left, 10 stand at both dates; of what is unchanged nothing is known."""
        changes = table(
            [(10, 10, 20, 14), (30, 10, 32, 20), (10, 30, 15, 32)],
            change=["appeared", "disappeared", "modified"],
        )
        (site,) = zone_activity(changes, None, GRID, seen)
        assert site.parts["occupied_before_at_least_m2"] == 30
        assert site.parts["occupied_after_at_least_m2"] == 50
        assert site.parts["churn_high"] == pytest.approx(60 / 80)
        assert site.parts["churn_low"] == pytest.approx(60 / 20_000)
        assert (site.churn, site.occupancy_before) == (None, None)
        assert "without tracks" in site.parts["occupancy_reason"]


class TestKindWeights:
    changes = table(
        [(10, 10, 20, 14), (30, 10, 40, 14)], kind=["railcar", "vehicle"], q_value=[0.0, 0.5]
    )

    def test_they_weigh_the_score_and_not_the_areas(self, seen):
        plain, heavy = (
            zone_activity(self.changes, None, GRID, seen, kind_weights=w)[0]
            for w in (None, {"railcar": 3.0})
        )
        assert heavy.parts["kind_weight"] == pytest.approx((3 * 40 + 20) / 60)
        assert heavy.score == pytest.approx(activity_score(60e-4, (3 * 40 + 20) / 60))
        assert (plain.turnover, plain.by_kind) == (heavy.turnover, heavy.by_kind)

    def test_a_zone_has_its_own(self, seen):
        zones = replace(
            places(yard=(0, 0, 50, 50), pad=(0, 0, 50, 50.1)),
            kind_weights=({"railcar": 0.0}, {}),
        )
        yard, pad, _ = zone_activity(
            self.changes, zones, GRID, seen, kind_weights={"railcar": 2, "vehicle": 0}
        )
        assert yard.score == 0
        assert pad.parts["kind_weights"] == {"railcar": 2, "vehicle": 0}
        assert pad.score > 0

    def test_points_of_objects_add_up_to_the_score(self, seen):
        activity = zone_activity(self.changes, None, GRID, seen, kind_weights={"railcar": 3.0})
        points = assign_zones(self.changes, None, activity)["activity"]
        assert points.sum() == pytest.approx(activity[0].score)
        assert points[0] == pytest.approx(6 * points[1])

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            (
                {"waggon": 2},
                r"weight is given for the kind 'waggon', which is not known: kinds are",
            ),
            ({"railcar": -1}, "The weight -1 of the kind 'railcar' is not usable: give 0 or more"),
            ({"railcar": math.nan}, "The weight nan of the kind 'railcar' is not usable"),
        ],
    )
    def test_refusals(self, weights, message):
        with pytest.raises(ConfigError, match=message):
            check_kind_weights(weights)


class TestInterval:
    def test_outlines_that_are_a_pixel_off(self, seen):
        """Of 10 by 4 pixels, a rim of one pixel is 28 of 40."""
        (site,) = zone_activity(table([(10, 10, 20, 14)]), None, GRID, seen)
        assert site.score_low == pytest.approx(activity_score(12e-4))
        assert site.score_high == pytest.approx(activity_score(68e-4))

    def test_doubtful_objects_widen_it(self, seen):
        sure, doubtful = (
            zone_activity(table([(10, 10, 20, 20)], q_value=[q]), None, GRID, seen)[0]
            for q in (0.0, 0.2)
        )
        assert doubtful.score_low < sure.score_low < doubtful.score_high
        assert doubtful.score_low <= doubtful.score <= doubtful.score_high

    def test_nothing_found_gives_none(self, seen):
        """It would be one from 0 to 0, which is more than can be known."""
        (site,) = zone_activity(table([]), None, GRID, seen, expected_false_per_km2=2)
        assert (site.score, site.score_low, site.score_high) == (0, None, None)

    def test_nothing_to_go_by_gives_none(self, seen):
        (site,) = zone_activity(table([(10, 10, 20, 20)], q_value=[np.nan]), None, GRID, seen)
        assert (site.score_low, site.score_high) == (None, None)
        assert site.parts["chance_real"] is None

    def test_how_many_are_real_holds_at_a_rate_that_is_off(self, seen):
        """Objects drawn as real with chance 1 - q, and with q off by the factor either way."""
        rng = np.random.default_rng(4)
        hits = 0
        for _ in range(200):
            q = rng.uniform(0, 0.2, 12)
            true_q = np.clip(q * rng.choice([0.5, 1, 2]), 0, 1)
            (site,) = zone_activity(
                table([(i, i, i + 2, i + 2) for i in range(12)], q_value=q), None, GRID, seen
            )
            real = int((rng.uniform(size=12) >= true_q).sum())
            low, high = site.parts["real_objects_low"], site.parts["real_objects_high"]
            hits += math.floor(low) <= real <= math.ceil(high)
        assert hits >= 180

    @given(
        st.lists(st.tuples(st.floats(0, 1), st.integers(1, 400)), min_size=1, max_size=8),
        st.floats(0, 200),
    )
    def test_the_score_lies_in_it(self, objects, rate):
        class Seen:
            grid, dtype = GRID, np.dtype(np.uint8)

            def read(self, window):
                return np.zeros(window.shape, dtype=np.uint8)

        changes = table([(0, 0, 1, a) for _, a in objects], q_value=[q for q, _ in objects])
        (site,) = zone_activity(changes, None, GRID, Seen(), expected_false_per_km2=rate)
        assert 0 <= site.score_low <= site.score <= site.score_high <= 100


class TestControl:
    @staticmethod
    def spread(share):
        """Squares all over the site that cover a share of it, and one more in the yard."""
        side = 10 * math.sqrt(share)
        boxes = [(x, y, x + side, y + side) for x in range(1, 100, 10) for y in range(1, 100, 10)]
        return table([*boxes, (42, 42, 52, 46)])

    def test_what_is_everywhere_is_taken_off(self, seen):
        """4 % of all ground changed by the light, and 40 of 400 pixels in the yard in earnest."""
        zones = places(yard=(40, 40, 60, 60))
        raw, net = (
            zone_activity(self.spread(0.04), zones, GRID, seen, control=c)[0]
            for c in (None, "outside")
        )
        assert raw.parts["share_before_control"] == pytest.approx(0.14)
        assert net.parts["control_share"] == pytest.approx(0.04, abs=0.004)
        assert net.parts["net_share"] == pytest.approx(0.1, abs=0.004)
        assert net.parts["score_before_control"] == raw.score > net.score
        assert net.score_low <= net.score <= net.score_high
        assert (raw.parts["control"], raw.parts["control_subtracted"]) == (
            "outside all zones",
            False,
        )

    def test_an_event_in_the_control_is_not_everywhere(self, seen):
        changes = table([(42, 42, 52, 46), (70, 70, 95, 95)])
        yard, _ = zone_activity(
            changes, places(yard=(40, 40, 60, 60)), GRID, seen, control="outside"
        )
        assert yard.parts["control_share"] == 0
        assert yard.parts["control_share_high"] == 0
        assert yard.score == yard.parts["score_before_control"]

    def test_polygons_or_a_zone_that_says_so(self, seen):
        ring = places(ring=(20, 20, 80, 80))
        yard = places(yard=(40, 40, 60, 60))
        both = replace(places(yard=(40, 40, 60, 60), ring=(20, 20, 80, 80)), control=(False, True))
        given_, flagged = (
            zone_activity(self.spread(0.04), z, GRID, seen, control=c)
            for z, c in ((yard, ring), (both, None))
        )
        assert given_[0].parts["control"] == "given"
        assert flagged[0].parts["control"] == "zone"
        assert given_[0].score == flagged[0].score < flagged[0].parts["score_before_control"]
        assert "control" not in flagged[1].parts, "the control is not compared with itself"

    def test_what_zones_cover_is_no_part_of_it(self):
        parts, _, asked = control_ground(
            places(yard=(40, 40, 60, 60)), places(ring=(20, 20, 80, 80)), GRID
        )
        assert asked
        assert shapely.union_all(parts.geometry).area == pytest.approx(3600 - 400)

    def test_no_zones_no_control(self, seen):
        (site,) = zone_activity(table([]), None, GRID, seen)
        assert "control" not in site.parts

    def test_a_control_that_was_not_seen(self, array_raster):
        blind = np.zeros(GRID.shape, dtype=np.uint8)
        blind[:20] = 255
        with pytest.warns(CoverageWarning, match="Nothing of the control could be observed: no"):
            zone_activity(
                table([]), None, GRID, array_raster(blind), control=places(c=(0, 0, 100, 20))
            )

    @pytest.mark.parametrize(("n", "low", "high"), [(9, 1, 7), (5, 0, 4), (3, 0, 2), (1, 0, 0)])
    def test_interval_of_the_median(self, n, low, high):
        shares = control_share(np.arange(n) / 10, [1.0] * n, "given", True)
        assert (shares.low, shares.high) == (low / 10, high / 10)
        assert shares.share == pytest.approx((n - 1) / 20)

    def test_parts_with_little_ground_do_not_count(self):
        share = control_share([0.0, 0.0, 0.9], [100.0, 100.0, 5.0], "given", True)
        assert (share.share, share.parts) == (0.0, 2)
        assert control_share([0.0], [0.0], "given", True) is None


class TestNotes:
    def test_overlaps_and_what_lies_outside_are_told(self, seen):
        zones = places(yard=(0, 0, 50, 50), pad=(40, 40, 60, 60), next=(50, 0, 150, 40))
        yard, pad, beyond, _ = zone_activity(table([]), zones, GRID, seen)
        assert (yard.parts["overlaps"], pad.parts["overlaps"]) == (["pad"], ["yard"])
        assert beyond.parts["overlaps"] == [], "a border in common is no overlap"
        assert beyond.parts["outside_share"] == 0.5
        assert yard.parts["outside_share"] == 0

    def test_the_same_outline_twice(self, seen):
        zones = places(yard=(0, 0, 50, 50), again=(0, 0, 50, 50))
        with pytest.warns(
            MetadataWarning, match=r"Zones 'yard' and 'again' have the same outline: each is scored"
        ):
            one, two, _ = zone_activity(table([(0, 0, 10, 10)]), zones, GRID, seen)
        assert one.score == two.score > 0


class TestOccupancy:
    tracks = Places(
        ("1", "2"),
        np.array(
            [shapely.LineString([(0, 10), (100, 10)]), shapely.LineString([(0, 20), (100, 20)])]
        ),
    )
    rows = (
        {"id": "1", "length_m": 100.0, "occupied_m_before": 40.0, "occupied_m_after": 60.0},
        {"id": "2", "length_m": 100.0, "occupied_m_before": 0.0, "occupied_m_after": 0.0,
         "observable_m_before": 50.0, "observable_m_after": 20.0},
    )  # fmt: skip

    def filled(self, rows, seen, **boxes):
        zones = places(**boxes)
        activity = zone_activity(table([]), zones, GRID, seen)
        return zone_occupancy(activity, zones, self.tracks, rows)

    def test_tracks_count_with_the_length_inside(self, seen):
        west, site = self.filled(self.rows, seen, west=(0, 0, 50, 15))
        assert (west.occupancy_before, west.occupancy_after) == (0.4, 0.6)
        assert west.parts["occupancy_from"] == ["1"]
        assert (site.occupancy_before, site.occupancy_after) == (40 / 150, 60 / 120)
        assert site.churn is None
        assert site.parts["churn_low"] == 0.2

    def test_churn_where_arrivals_are_known(self, seen):
        rows = [{**r, "arrived_m": 30.0, "departed_m": 10.0} for r in self.rows[:1]]
        (_, site) = self.filled(rows, seen, west=(0, 0, 50, 15))
        assert site.churn == pytest.approx(0.4)

    def test_what_is_not_known_stays_null(self, seen):
        empty, site = self.filled(
            [{"id": "1", "length_m": 100.0, "occupied_m_before": None, "occupied_m_after": 3.0}],
            seen, empty=(0, 50, 50, 90),
        )  # fmt: skip
        assert (empty.occupancy_after, site.occupancy_after) == (None, None)
        assert empty.parts["occupancy_reason"] == "no track in it"
        assert site.parts["occupancy_reason"] == "its tracks could not be measured"
