from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from changedet.activity import observable_area, zone_mask
from changedet.activity.zones import areas
from changedet.model import Grid, Places, Window

OUTSIDE = 255


def centres_inside(polygon, grid):
    rows, cols = np.mgrid[: grid.height, : grid.width]
    x, y = grid.xy(rows, cols)
    return shapely.contains_xy(polygon, x, y)


HUNDREDTHS = st.integers(-970, 3930).map(lambda n: n / 100)


@given(points=st.lists(st.tuples(HUNDREDTHS, HUNDREDTHS), min_size=3, max_size=9))
def test_mask_is_the_pixel_centre_rule(points):
    """Off the outlines themselves, the same answer as asking shapely about each centre."""
    grid = Grid.pixels(20, 30)
    polygon = shapely.make_valid(shapely.Polygon(points)).buffer(0)  # polygons only
    mask = zone_mask(polygon, grid, grid.window)
    rows, cols = np.mgrid[:20, :30]
    away = shapely.distance(shapely.boundary(polygon), shapely.points(cols + 0.5, rows + 0.5))
    clear = ~(away <= 1e-6)
    np.testing.assert_array_equal(mask[clear], centres_inside(polygon, grid)[clear])


@pytest.mark.parametrize("size", [7, 10, 64])
def test_mask_does_not_depend_on_the_window(size):
    turned = Grid(Affine.translation(5, 40) @ Affine.rotation(30) @ Affine.scale(1, -1), 33, 41)
    shape = shapely.Point(25, 35).buffer(16).difference(shapely.Point(25, 35).buffer(5.1))
    whole = zone_mask(shape, turned, turned.window)
    np.testing.assert_array_equal(whole, centres_inside(shape, turned))
    assert whole.any()
    for window in turned.tiles(size):
        np.testing.assert_array_equal(zone_mask(shape, turned, window), whole[window.slices])


def test_neighbours_share_no_pixel_and_leave_none_out():
    """Also where the border runs exactly through pixel centres."""
    grid = Grid.pixels(12, 12)
    left = shapely.Polygon([(0.5, 0.5), (5.5, 0.5), (5.5, 10.5), (0.5, 10.5)])
    right = shapely.Polygon([(5.5, 0.5), (11.5, 0.5), (11.5, 10.5), (5.5, 10.5)])
    one, two = (zone_mask(p, grid, grid.window) for p in (left, right))
    assert not (one & two).any()
    assert (one | two).sum() == 11 * 10


@pytest.mark.parametrize(
    "geometry",
    [None, shapely.Point(3, 3), shapely.LineString([(0, 0), (9, 9)]), shapely.Polygon()],
)
def test_what_has_no_area_covers_no_pixel(geometry):
    grid = Grid.pixels(8, 8)
    assert not zone_mask(geometry, grid, grid.window).any()


def test_only_the_polygons_of_a_collection_count():
    grid = Grid.pixels(8, 8)
    both = shapely.GeometryCollection([shapely.box(0, 0, 2, 2), shapely.Point(6.5, 6.5)])
    assert zone_mask(both, grid, grid.window).sum() == 4


def test_observable_area_counts_pixels(monkeypatch, array_raster):
    monkeypatch.setattr(areas, "BLOCK", 16)
    changed = np.zeros((40, 50), dtype=np.uint8)
    changed[:, 25:] = OUTSIDE
    changed[5, 5] = 1
    zones = Places(
        ("inside", "half", "beyond", "overlapping", "partly"),
        np.array(
            [
                shapely.box(2, 2, 12, 12),
                shapely.box(20, 0, 30, 40),
                shapely.box(100, 100, 110, 110),
                shapely.box(2, 2, 12, 12),
                shapely.box(-5, -5, 5, 5),
            ]
        ),
    )
    raster = array_raster(changed)
    inside, observable = observable_area(zones, raster)
    assert inside.tolist() == [100, 400, 0, 100, 25, 2000]
    assert observable.tolist() == [100, 200, 0, 100, 25, 1000]
    assert len(raster.reads) == len(list(raster.grid.tiles(16)))


def test_observable_area_of_the_site_alone(array_raster):
    changed = np.full((30, 30), OUTSIDE, dtype=np.uint8)
    changed[:3] = 0
    inside, observable = observable_area(None, array_raster(changed))
    assert (inside.tolist(), observable.tolist()) == ([900], [90])


def test_far_away_coordinates_do_not_overflow():
    grid = Grid.pixels(4, 4)
    far = shapely.Polygon([(1, -1), (1e30, -1), (1e30, 9), (1, 9)])
    assert zone_mask(far, grid, Window(0, 0, 4, 4)).sum() == 12
