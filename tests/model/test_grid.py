from __future__ import annotations

import json
import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod

from changedet.errors import GridError, MissingCRSError
from changedet.model import Grid, Window

UTM = CRS.from_epsg(32652)
NUMBERS = st.floats(-1e6, 1e6)


@st.composite
def grids(draw):
    """Rotated, sheared, south-up and mirrored grids of all sizes."""
    size = st.floats(0.01, 1000)
    sign = st.sampled_from([1, -1])
    transform = (
        Affine.translation(draw(NUMBERS), draw(NUMBERS))
        @ Affine.rotation(draw(st.floats(0, 360)))
        @ Affine.shear(draw(st.floats(-30, 30)), 0)
        @ Affine.scale(draw(size) * draw(sign), draw(size) * draw(sign))
    )
    return Grid(transform, draw(st.integers(1, 5000)), draw(st.integers(1, 5000)))


@given(grids(), st.floats(-100, 5000), st.floats(-100, 5000))
def test_rowcol_is_the_inverse_of_xy(grid, row, col):
    back = grid.rowcol(*grid.xy(row, col))
    np.testing.assert_allclose(back, (row, col), atol=1e-3)


@given(grids(), st.integers(-50, 50), st.integers(-50, 50))
def test_a_subset_lies_where_it_lay(grid, row, col):
    part = grid.subset(Window(row, col, 7, 9))
    assert part.shape == (7, 9)
    np.testing.assert_allclose(part.xy(2.5, 3), grid.xy(row + 2.5, col + 3), rtol=1e-9, atol=1e-3)


def test_integers_are_pixel_centres(utm_grid):
    assert utm_grid.xy(0, 0) == (635_001, 4_697_999)
    assert utm_grid.xy(-0.5, -0.5) == (635_000, 4_698_000)
    assert utm_grid.rowcol(635_001, 4_697_999) == (0, 0)


def test_xy_works_elementwise():
    _, y = Grid.pixels(5, 5).xy([[0, 1], [2, 3]], [[2, 2], [2, 2]])
    np.testing.assert_array_equal(y, [[0.5, 1.5], [2.5, 3.5]])


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
def test_tiles_cover_every_pixel_once(height, width, size):
    covered = np.zeros((height, width), dtype=int)
    for window in Grid.pixels(height, width).tiles(size):
        assert 0 < window.height <= size
        assert 0 < window.width <= size
        covered[window.slices] += 1
    assert (covered == 1).all()


def test_ground_sizes_are_measured_on_the_ellipsoid():
    """A degree of longitude is shorter than one of latitude away from the equator."""
    grid = Grid(Affine(0.001, 0, 130.65, 0, -0.001, 42.42), 2, 2, CRS.from_epsg(4326))
    rows, cols = grid.pixel_size_m
    _, _, south = Geod(ellps="WGS84").inv(130.651, 42.4195, 130.651, 42.4185)
    assert rows == pytest.approx(south, rel=1e-9)
    assert cols == pytest.approx(82.4, abs=0.1)
    assert grid.pixel_area_m2 == pytest.approx(rows * cols, rel=1e-6)
    assert grid.gsd_m == pytest.approx(math.sqrt(rows * cols))


def test_utm_pixels_are_a_little_off_their_nominal_size(utm_grid):
    assert utm_grid.gsd_m == pytest.approx(2.0, rel=1e-3)
    assert utm_grid.gsd_m != 2.0


def test_a_sheared_pixel_has_the_area_of_its_parallelogram():
    sheared = Grid(Affine.translation(635_000, 4_698_000) @ Affine(10, 5, 0, 0, -10, 0), 3, 3, UTM)
    assert sheared.pixel_area_m2 == pytest.approx(100, rel=2e-3)


def test_without_a_crs_there_are_no_metres():
    grid = Grid.pixels(3, 4)
    assert (grid.is_georeferenced, grid.gsd_m, grid.pixel_size_m, grid.pixel_area_m2) == (
        False, None, None, None,
    )  # fmt: skip
    assert str(grid) == "4 x 3 px, no georeferencing"


def test_bounds_of_a_turned_grid():
    grid = Grid(Affine.rotation(45), 10, 10)
    half = 10 / math.sqrt(2)
    np.testing.assert_allclose(grid.bounds, (-half, 0, half, 2 * half), atol=1e-9)


def test_corners_go_once_around_in_another_crs(utm_grid):
    outline = utm_grid.corners(CRS.from_epsg(4326), density=5)
    assert outline.shape == (20, 2)
    assert ((outline > (130.6, 42.4)) & (outline < (130.7, 42.45))).all()
    np.testing.assert_allclose(utm_grid.corners()[0], (635_000, 4_698_000))


@pytest.mark.parametrize("crs", [None, UTM, CRS.from_proj4("+proj=laea +lat_0=42 +lon_0=130")])
def test_description_round_trip(crs):
    grid = Grid(Affine(0.5, 0, 500_000, 0, -0.5, 4_698_000), 20, 30, crs)
    value = json.loads(json.dumps(grid.describe()))
    assert Grid.from_description(value) == grid


def test_text_of_a_georeferenced_grid(utm_grid):
    assert str(utm_grid) == "300 x 200 px at 2 m, WGS 84 / UTM zone 52N"


class TestRefusals:
    @pytest.mark.parametrize("shape", [(0, 5), (5, 0), (-1, 5)])
    def test_empty(self, shape):
        with pytest.raises(GridError, match="pixels is empty: both must be at least 1"):
            Grid(Affine.identity(), *shape)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_not_finite(self, value):
        with pytest.raises(GridError, match="holds a value that is not finite"):
            Grid(Affine(1, 0, value, 0, 1, 0), 1, 1)

    def test_no_area(self):
        with pytest.raises(GridError, match="has no area: give pixel sizes that are not zero"):
            Grid(Affine(1, 1, 0, 1, 1, 0), 1, 1)

    def test_corners_without_a_crs(self):
        with pytest.raises(MissingCRSError, match="the grid has no CRS: write one into the image"):
            Grid.pixels(2, 2).corners(UTM)

    def test_a_place_where_the_crs_is_not_defined(self):
        grid = Grid(Affine(1, 0, 1e12, 0, -1, 1e12), 2, 2, UTM)
        with pytest.raises(GridError, match="lies outside the area where WGS 84 / UTM zone 52N is"):
            _ = grid.gsd_m


boxes = st.builds(
    Window, st.integers(-9, 9), st.integers(-9, 9), st.integers(0, 12), st.integers(0, 12)
)


def pixels(window: Window) -> set[tuple[int, int]]:
    return {
        (r, c)
        for r in range(window.row, window.row + window.height)
        for c in range(window.col, window.col + window.width)
    }


class TestWindow:
    @given(boxes, boxes)
    def test_intersect_is_the_common_pixels(self, a, b):
        assert pixels(a.intersect(b)) == pixels(a) & pixels(b)

    @given(boxes, st.integers(0, 4))
    def test_within_cuts_it_out_of_what_surrounds_it(self, window, halo):
        outer = window.pad(halo)
        rows, cols = np.mgrid[
            outer.row : outer.row + outer.height, outer.col : outer.col + outer.width
        ]
        cut = window.within(outer)
        assert rows[cut].shape == window.shape
        assert set(zip(rows[cut].flat, cols[cut].flat, strict=True)) == pixels(window)

    @given(boxes, st.integers(0, 4))
    def test_padding_can_be_taken_back(self, window, halo):
        assert window.pad(halo).pad(-halo) == window

    def test_empty(self):
        assert Window(0, 0, 0, 5).empty
        assert not Window(0, 0, 1, 1).empty

    def test_of_a_whole_grid(self):
        assert Grid.pixels(3, 4).window == Window(0, 0, 3, 4)
