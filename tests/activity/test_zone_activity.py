from __future__ import annotations

import json
import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from changedet.activity import (
    activity_score,
    assign_zones,
    check_zones,
    object_weights,
    share_objects,
    zone_activity,
)
from changedet.errors import CoverageWarning, GeometryError, GridError
from changedet.model import ChangeTable, Grid, Places

GRID = Grid.pixels(100, 100)
NOT_OBSERVABLE = 255


def table(boxes, **columns):
    geometry = np.array([shapely.box(*b) for b in boxes], dtype=object)
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


def test_parts_of_a_zone_with_one_of_each(seen):
    changes = table(
        [(10, 10, 20, 14), (30, 10, 32, 20), (10, 30, 15, 32), (60, 60, 61, 63), (40, 40, 45, 45)],
        change=["appeared", "disappeared", "modified", "moved", "appeared"],
        explained_by=[None, None, None, None, "shadow"],
    )
    yard, site = zone_activity(changes, places(yard=(0, 0, 50, 50)), GRID, seen)
    assert (yard.appeared, yard.disappeared, yard.modified, yard.moved) == (1, 1, 1, 0)
    assert (yard.explained, site.explained) == (1, 1)
    assert (yard.area_appeared_m2, yard.area_disappeared_m2, yard.area_modified_m2) == (40, 20, 10)
    assert site.area_modified_m2 == 13
    assert site.moved == 1
    assert (yard.area_m2, site.area_m2) == (2500, 10_000)
    assert yard.turnover == yard.weighted_share == 70 / 2500
    assert yard.score == pytest.approx(100 * (1 - math.exp(-70 / 2500 / 0.05)))
    assert yard.parts["explained_area_m2"] == 25
    assert yard.parts["net_area_m2"] == 20
    assert site.zone == "site"
    assert json.loads(json.dumps(yard.describe()))["parts"]["share"] == 70 / 2500


def test_a_straddling_object_is_divided_by_area_and_counted_once(seen):
    changes = table([(45, 10, 52, 20)])
    zones = places(west=(0, 0, 50, 50), east=(50, 0, 100, 50))
    west, east, site = zone_activity(changes, zones, GRID, seen)
    assert (west.area_appeared_m2, east.area_appeared_m2, site.area_appeared_m2) == (50, 20, 70)
    assert (west.appeared, east.appeared, site.appeared) == (1, 0, 1)


def test_overlapping_zones_both_count_and_the_site_counts_once(seen):
    changes = table([(10, 10, 20, 20)])
    zones = places(yard=(0, 0, 50, 50), pad=(5, 5, 30, 30))
    yard, pad, site = zone_activity(changes, zones, GRID, seen)
    assert [a.appeared for a in (yard, pad, site)] == [1, 1, 1]
    assert [a.area_appeared_m2 for a in (yard, pad, site)] == [100, 100, 100]
    assert pad.score > yard.score > site.score


def test_touching_a_zone_is_not_being_in_it(seen):
    changes = table([(50, 10, 60, 20)])
    yard, site = zone_activity(changes, places(yard=(0, 0, 50, 50)), GRID, seen)
    assert (yard.appeared, yard.score, site.appeared) == (0, 0.0, 1)


def test_the_score_is_normalised_by_what_could_be_observed(array_raster):
    half = np.zeros(GRID.shape, dtype=np.uint8)
    half[:, 25:50] = NOT_OBSERVABLE
    changes = table([(10, 10, 20, 15)])
    zones = places(yard=(0, 0, 50, 50))
    yard, site = zone_activity(changes, zones, GRID, array_raster(half))
    assert yard.observable_fraction == 0.5
    assert yard.turnover == 50 / 1250
    assert site.observable_fraction == 0.75


def test_nothing_observable_gives_no_score(array_raster):
    blind = np.zeros(GRID.shape, dtype=np.uint8)
    blind[:50, :50] = NOT_OBSERVABLE
    (yard, site) = zone_activity(
        table([]), places(yard=(0, 0, 50, 50)), GRID, array_raster(blind), expected_false_per_km2=9
    )
    assert (yard.score, yard.turnover, yard.weighted_share) == (None, None, None)
    assert (yard.observable_fraction, yard.area_m2) == (0.0, 2500)
    assert yard.expected_false_objects == 0
    assert site.score == 0.0


def test_a_zone_outside_the_image_is_said_to_be_so(seen):
    with pytest.warns(CoverageWarning, match="Zone 'far' covers no pixel of the image: it gets no"):
        far, _ = zone_activity(table([]), places(far=(200, 200, 300, 300)), GRID, seen)
    assert (far.score, far.area_m2, far.observable_fraction) == (None, 0.0, None)


def test_without_zones_there_is_the_site(seen):
    (site,) = zone_activity(table([(0, 0, 10, 10)]), None, GRID, seen)
    assert (site.zone, site.appeared, site.turnover) == ("site", 1, 0.01)


def test_area_on_the_ground_comes_from_the_table_and_the_grid(utm_grid, array_raster):
    x, y = 635_100, 4_697_900
    shape = shapely.box(x, y, x + 20, y + 10)
    changes = ChangeTable(
        np.array([shape], dtype=object),
        {"change": ["appeared"], "area_m2": [200.2], "q_value": [0.0]},
        utm_grid.crs,
    )
    zones = Places(("yard",), np.array([shapely.box(x, y, x + 10, y + 10)]), utm_grid.crs)
    raster = array_raster(np.zeros(utm_grid.shape, dtype=np.uint8), utm_grid)
    yard, site = zone_activity(changes, zones, utm_grid, raster)
    assert yard.area_appeared_m2 == pytest.approx(100.1)
    assert yard.area_m2 == pytest.approx(25 * utm_grid.pixel_area_m2)
    assert site.area_m2 == pytest.approx(200 * 300 * utm_grid.pixel_area_m2)


def test_a_zone_weight_weighs_its_score_and_not_its_areas(seen):
    changes = table([(10, 10, 20, 14)])
    plain = places(yard=(0, 0, 50, 50))
    heavy = Places(plain.names, plain.geometry, weights=(2.0,))
    one, two = (zone_activity(changes, z, GRID, seen)[0] for z in (plain, heavy))
    assert two.score == pytest.approx(activity_score(2 * one.parts["net_share"]))
    assert (one.turnover, one.area_appeared_m2) == (two.turnover, two.area_appeared_m2)


class TestFalseAlarms:
    def test_as_many_as_expected_is_no_activity(self, seen):
        """Four objects where four false ones are expected: the zone is quiet."""
        changes = table([(i * 10, 5, i * 10 + 2, 7) for i in range(4)])
        (site,) = zone_activity(changes, None, GRID, seen, expected_false_per_km2=400)
        assert site.expected_false_objects == pytest.approx(4)
        assert site.parts["net_share"] == 0
        assert site.score == 0
        assert site.turnover > 0
        assert site.parts["chance_of_count"] == pytest.approx(0.567, abs=1e-3)

    def test_the_lower_of_the_two_estimates_counts(self, seen):
        sure = table([(10, 10, 20, 20)], q_value=[0.0])
        doubtful = table([(10, 10, 20, 20)], q_value=[0.9])
        sure_site, doubtful_site = (
            zone_activity(t, None, GRID, seen, expected_false_per_km2=10, false_object_area_m2=4)[0]
            for t in (sure, doubtful)
        )
        assert sure_site.parts["net_share"] == pytest.approx(0.01 - 0.1 * 4 / 10_000)
        assert doubtful_site.parts["net_share"] == pytest.approx(0.001)

    def test_unknown_rate_takes_nothing_off(self, seen):
        (site,) = zone_activity(table([(10, 10, 20, 20)]), None, GRID, seen)
        assert site.expected_false_objects is None
        assert site.parts["chance_of_count"] is None
        assert site.parts["net_share"] == site.turnover


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 400)), min_size=1, max_size=12),
    st.floats(0, 50),
)
def test_one_more_object_never_lowers_the_score(objects, rate):
    """At a stated size of false objects; q-values of the others as they were."""

    class Seen:
        grid, dtype = GRID, np.dtype(np.uint8)

        def read(self, window):
            return np.zeros(window.shape, dtype=np.uint8)

    boxes = [(0, 0, 1, area) for _, area in objects]
    q = [q for q, _ in objects]
    few, many = (
        zone_activity(
            table(boxes[:n], q_value=q[:n], area_m2=[float(b[3]) for b in boxes[:n]]),
            None, GRID, Seen(), expected_false_per_km2=rate, false_object_area_m2=5.0,
        )[0].score
        for n in (len(boxes) - 1, len(boxes))
    )  # fmt: skip
    assert 0 <= few <= many <= 100


@pytest.mark.parametrize(("cars", "score"), [(0, 0), (5, 7), (20, 25), (73, 65)])
def test_the_case_that_sets_the_scale(cars, score):
    """Freight cars of 13.92 m by 3.1 m in a yard of 6 ha, as the documentation says."""
    assert activity_score(cars * 13.92 * 3.1 / 60_000) == pytest.approx(score, abs=0.6)


class TestWeights:
    def test_one_minus_q_and_nothing_for_what_is_explained(self):
        changes = table([(0, 0, 1, 1)] * 3, q_value=[0.1, 0.0, 0.3])
        changes = changes.with_columns(explained_by=[None, "shadow", None])
        weights, source = object_weights(changes)
        assert source == "q_value"
        np.testing.assert_allclose(weights, [0.9, 0, 0.7])

    def test_p_values_are_adjusted_for_their_number(self):
        p = [0.01, 0.04, 0.03, 0.5]
        changes = table([(0, 0, 1, 1)] * 4, q_value=[np.nan] * 4, p_value=p)
        weights, source = object_weights(changes)
        assert source == "p_value"
        np.testing.assert_allclose(1 - weights, [0.04, 0.16 / 3, 0.16 / 3, 0.5])

    def test_explained_objects_do_not_dilute_the_others(self):
        p = [0.01, 0.9, 0.9]
        changes = table([(0, 0, 1, 1)] * 3, q_value=[np.nan] * 3, p_value=p)
        changes = changes.with_columns(explained_by=[None, "shadow", "lean"])
        np.testing.assert_allclose(object_weights(changes)[0], [0.99, 0, 0])

    def test_a_score_alone_is_read_as_minus_log10_p(self):
        changes = table([(0, 0, 1, 1)] * 2, q_value=[np.nan] * 2, score=[2.0, 1.0])
        weights, source = object_weights(changes)
        assert source == "score"
        np.testing.assert_allclose(weights, [0.98, 0.9])

    def test_with_nothing_to_weigh_by_all_count_in_full(self):
        weights, source = object_weights(table([(0, 0, 1, 1)], q_value=[np.nan]))
        assert (weights.tolist(), source) == ([1.0], "none")


class TestAssignZones:
    def test_the_largest_share_names_the_zone(self):
        changes = table([(45, 10, 52, 20), (48, 10, 58, 20), (0, 80, 5, 85), (10, 10, 12, 12)])
        zones = places(west=(0, 0, 50, 50), east=(50, 0, 100, 50))
        assert assign_zones(changes, zones)["zone"].tolist() == ["west", "east", None, "west"]
        assert changes["zone"].tolist() == [None] * 4, "the table given stays as it was"

    def test_equal_shares_go_to_the_first(self):
        zones = places(one=(0, 0, 50, 50), two=(0, 0, 50, 50))
        changes = table([(10, 10, 20, 20)])
        assert assign_zones(changes, zones)["zone"].tolist() == ["one"]
        assert share_objects(changes, zones).main.tolist() == [True, False]

    def test_contributions_add_up_to_the_score_of_the_zone(self, seen):
        changes = table(
            [(10, 10, 20, 14), (30, 10, 32, 20), (70, 70, 80, 80), (40, 40, 44, 44)],
            q_value=[0.0, 0.2, 0.1, 0.0],
            explained_by=[None, None, None, "shadow"],
        )
        zones = places(yard=(0, 0, 50, 50))
        activity = zone_activity(changes, zones, GRID, seen, expected_false_per_km2=100)
        out = assign_zones(changes, zones, activity)
        assert out["activity"][:2].sum() == pytest.approx(activity[0].score)
        assert 0 < out["activity"][2] < activity[1].score
        assert np.isnan(out["activity"][3])
        assert out.row(3)["activity"] is None

    def test_no_zones_no_objects(self, seen):
        activity = zone_activity(table([]), None, GRID, seen)
        assert len(assign_zones(table([]), None, activity)) == 0
        assert assign_zones(table([(0, 0, 1, 1)]), None)["zone"].tolist() == [None]

    def test_an_invalid_outline_is_repaired_before_it_is_divided(self):
        bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
        changes = ChangeTable(np.array([bow], dtype=object), {"area_m2": [50.0]})
        shares = share_objects(changes, places(west=(0, 0, 5, 10)))
        assert shares.share.tolist() == [0.5]


class TestRefusals:
    def test_another_crs(self, utm_grid):
        zones = Places(
            ("a",), np.array([shapely.box(0, 0, 1, 1)]), CRS.from_epsg(4326), (), "z.json"
        )
        with pytest.raises(
            GridError, match=r"zones of z.json are in WGS 84 and the grid is in WGS"
        ):
            check_zones(zones, utm_grid)
        with pytest.raises(GridError, match=r"The zones are in pixels \(no CRS\)"):
            check_zones(places(a=(0, 0, 1, 1)), utm_grid)

    def test_objects_in_another_crs(self, utm_grid, array_raster):
        raster = array_raster(np.zeros(utm_grid.shape, dtype=np.uint8), utm_grid)
        with pytest.raises(GridError, match=r"The objects are in pixels \(no CRS\) and the grid"):
            zone_activity(table([]), None, utm_grid, raster)

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            (("a", "a"), "The zone name 'a' is taken twice: give it another name"),
            (("a", "site"), "The zone name 'site' is the name of the whole observed area"),
        ],
    )
    def test_names(self, names, message):
        zones = Places(names, np.array([shapely.box(0, 0, 1, 1)] * 2))
        with pytest.raises(GeometryError, match=message):
            check_zones(zones, GRID)

    @pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
    def test_weights(self, weight):
        zones = Places(("a",), np.array([shapely.box(0, 0, 1, 1)]), weights=(weight,))
        with pytest.raises(GeometryError, match="of zone 'a' is not usable: give 0 or more"):
            check_zones(zones, GRID)
