"""Rectangles of known size and bearing come back; things stand out at the date that holds them."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from changedet.differencing.objects.extents import on_the_ground, shape_of
from changedet.differencing.objects.measuring import Measures, contrasts, directions
from changedet.model import Grid, Window

from .builders import UTM, MemoryPair, turned_rectangle, utm_grid

HALO = 24


def moments_of(mask, origin=None):
    rows, cols = np.nonzero(mask)
    first = np.array([[rows[0], cols[0]]] if origin is None else [origin])
    r, c = rows - first[0, 0], cols - first[0, 1]
    sums = [len(r), r.sum(), c.sum(), (r * r).sum(), (c * c).sum(), (r * c).sum()]
    return np.array([sums]), first


def angle_between(one, other):
    return abs((one - other + 90) % 180 - 90)


@settings(max_examples=40)
@given(st.floats(0, 180), st.floats(20, 60), st.floats(4, 12))
def test_a_turned_rectangle_comes_back(angle, length, width):
    mask = turned_rectangle((90, 90), (44.3, 45.2), length, width, angle)
    shape = shape_of(*moments_of(mask))
    assert shape.length_px[0] == pytest.approx(length, abs=1.5)
    assert shape.width_px[0] == pytest.approx(width, abs=1.5)
    row, col = shape.direction[0]
    assert np.hypot(row, col) == pytest.approx(1)
    assert angle_between(np.rad2deg(np.arctan2(row, col)), angle) < 4
    assert shape.row[0] == pytest.approx(44.3, abs=0.8)
    assert shape.col[0] == pytest.approx(45.2, abs=0.8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 20), (7, 3), (30, 31)])
def test_an_upright_rectangle_is_exact(height, width):
    mask = np.zeros((60, 60), dtype=bool)
    mask[10 : 10 + height, 20 : 20 + width] = True
    shape = shape_of(*moments_of(mask))
    assert shape.length_px[0] == pytest.approx(max(height, width))
    assert shape.width_px[0] == pytest.approx(min(height, width))
    assert (shape.row[0], shape.col[0]) == (10 + (height - 1) / 2, 20 + (width - 1) / 2)


def test_far_from_the_origin_nothing_is_lost():
    mask = turned_rectangle((90, 90), (44.3, 45.2), 40, 6, 30)
    moments, first = moments_of(mask)
    near = shape_of(moments, first)
    far = shape_of(moments, first + 1_000_000)
    np.testing.assert_array_equal(far.length_px, near.length_px)
    np.testing.assert_allclose(far.row - 1_000_000, near.row)


def _ground_truth(grid, mask_angle, length, centre):
    """Length and bearing of a segment of the grid on the ellipsoid."""
    a = np.deg2rad(mask_angle)
    half = length / 2 * np.array([np.sin(a), np.cos(a)])
    rows, cols = (
        [centre[0] - half[0], centre[0] + half[0]],
        [centre[1] - half[1], centre[1] + half[1]],
    )
    lon, lat = Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(*grid.xy(rows, cols))
    azimuth, _, distance = Geod(ellps="WGS84").inv(lon[0], lat[0], lon[1], lat[1])
    return distance, azimuth % 180


GRIDS = {
    "north-up": utm_grid(90, 90),
    "turned": utm_grid(90, 90, turn=33.0),
    "south-up": Grid(Affine(0.5, 0, 635_000, 0, 0.5, 4_697_000), 90, 90, UTM),
    "mirrored": Grid(Affine(-0.5, 0, 635_000, 0, -0.5, 4_697_000), 90, 90, UTM),
    "mercator": Grid(Affine(2, 0, 1_500_000, 0, -2, 9_000_000), 90, 90, CRS.from_epsg(3857)),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("angle", [0, 20, 75, 90, 140])
def test_size_and_bearing_on_the_ground(name, angle):
    grid, centre = GRIDS[name], (44.3, 45.2)
    mask = turned_rectangle((90, 90), centre, 40, 8, angle)
    length, width, bearing = on_the_ground(shape_of(*moments_of(mask)), grid)
    true_length, true_bearing = _ground_truth(grid, angle, 40, centre)
    assert length[0] == pytest.approx(true_length, rel=0.04)
    assert width[0] == pytest.approx(true_length / 5, rel=0.12)
    assert angle_between(bearing[0], true_bearing) < 2
    assert 0 <= bearing[0] <= 180


def test_a_track_that_runs_north_has_bearing_zero_less_the_convergence():
    grid = utm_grid(90, 90)
    mask = turned_rectangle((90, 90), (45, 45), 60.5, 4.5, 90)
    _, _, bearing = on_the_ground(shape_of(*moments_of(mask)), grid)
    # Grid north lies east of true north on the eastern side of a zone.
    assert 0.5 < bearing[0] < 2.0


def test_without_georeferencing_sizes_are_pixels_and_there_is_no_bearing():
    mask = turned_rectangle((90, 90), (45, 45), 40, 8, 20)
    shape = shape_of(*moments_of(mask))
    length, width, bearing = on_the_ground(shape, Grid.pixels(90, 90))
    np.testing.assert_array_equal(length, shape.length_px)
    np.testing.assert_array_equal(width, shape.width_px)
    assert np.isnan(bearing).all()


def measure(pair, labels, scale=None, block=None, halo=HALO):
    """Measures of labelled objects, in one piece or in blocks."""
    n = int(labels.max())
    first = np.array([np.argwhere(labels == k + 1)[0] for k in range(n)])
    scale = np.ones((2, len(pair.roles))) if scale is None else scale
    measures = Measures.zeros(n, len(pair.roles))
    for core in pair.grid.tiles(block or 10_000):
        window = core.pad(halo)
        inner = window.intersect(pair.grid.window)
        numbers = np.zeros(window.shape, dtype=np.int64)
        numbers[inner.within(window)] = labels[inner.slices]
        partial = Measures.zeros(n, len(pair.roles))
        partial.add(numbers, pair.read(window), window, core, first, scale)
        measures.merge(partial)
    return measures, first


def yard(seed=1, shape=(80, 90), bands=3):
    rng = np.random.default_rng(seed)
    return (100 + rng.normal(0, 3, (2, bands, *shape))).astype(np.float32)


@pytest.mark.parametrize("block", [16, 37])
def test_sums_do_not_depend_on_blocks(block):
    before, after = yard()
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[10:30, 12:50] = 1
    labels[50:70, 20:24] = 2
    labels[31:40, 30:33] = 3
    residual = np.random.default_rng(2).random((80, 90)).astype(np.float32)
    pair = MemoryPair(before, after, residual=residual)
    whole, _ = measure(pair, labels)
    cut, _ = measure(pair, labels, block=block)
    np.testing.assert_array_equal(cut.moments, whole.moments)
    for name in ("inside", "ring", "ring_pixels", "edge", "rim_pixels", "residual"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), rtol=1e-9)
    np.testing.assert_array_equal(whole.moments[:, 0], np.bincount(labels.ravel())[1:])
    expected, _ = moments_of(labels == 2)
    np.testing.assert_array_equal(whole.moments[1], expected[0])
    np.testing.assert_allclose(whole.residual[0], residual[labels == 1].sum(), rtol=1e-5)
    np.testing.assert_allclose(
        whole.inside[0, 0], before[:, labels == 1].sum(axis=1, dtype=float), rtol=1e-6
    )


@pytest.mark.parametrize("ground", [60, 200])
@pytest.mark.parametrize("thing", [20, 130, 300])
def test_things_appear_and_disappear_on_any_ground(ground, thing):
    """A dark truck on bright concrete appears, and so does a bright one on asphalt."""
    rng = np.random.default_rng(3)
    empty = ground + rng.normal(0, 3, (3, 80, 90))
    full = ground + rng.normal(0, 3, (3, 80, 90))
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[30:36, 30:55] = 1
    full[:, labels == 1] = thing + rng.normal(0, 3, (3, 6 * 25))
    scale = np.full((2, 3), 20.0)
    arrived, _ = measure(MemoryPair(empty, full), labels, scale)
    left, _ = measure(MemoryPair(full, empty), labels, scale)
    assert directions(contrasts(arrived, scale)).tolist() == ["appeared"]
    assert directions(contrasts(left, scale)).tolist() == ["disappeared"]


def test_another_thing_at_the_same_place_is_modified():
    before, after = yard(4)
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[30:36, 30:55] = 1
    before[:, labels == 1] += 60
    after[:, labels == 1] -= 60
    scale = np.full((2, 3), 20.0)
    measures, _ = measure(MemoryPair(before, after), labels, scale)
    assert directions(contrasts(measures, scale)).tolist() == ["modified"]


def test_a_season_that_turns_all_the_ground_does_not_turn_the_direction():
    """The whole of after is brighter; the object still stands out in after only."""
    before, after = yard(5)
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[30:36, 30:55] = 1
    after += 80
    after[:, labels == 1] += 60
    scale = np.full((2, 3), 20.0)
    measures, _ = measure(MemoryPair(before, after), labels, scale)
    assert directions(contrasts(measures, scale)).tolist() == ["appeared"]


def test_several_objects_keep_their_own_direction():
    before, after = yard(6)
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[10:16, 10:40] = 1
    labels[40:46, 10:40] = 2
    after[:, labels == 1] -= 50
    before[:, labels == 2] += 50
    scale = np.full((2, 3), 20.0)
    measures, _ = measure(MemoryPair(before, after), labels, scale)
    assert directions(contrasts(measures, scale)).tolist() == ["appeared", "disappeared"]


@pytest.mark.parametrize("garbage", [1e6, -9999.0])
def test_what_stands_beside_a_hole_or_the_border_does_not_matter(garbage):
    before, after = yard(7)
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[30:36, 30:55] = 1
    labels[0:6, 60:85] = 2
    after[:, labels > 0] += 60
    valid = np.ones((80, 90), dtype=bool)
    valid[36:50, 20:60] = False
    scale = np.full((2, 3), 20.0)
    found = []
    for value in (100.0, garbage):
        pair = MemoryPair(before, after, valid=valid, garbage=value)
        found.append(contrasts(measure(pair, labels, scale)[0], scale))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


def test_an_object_beside_a_hole_keeps_its_direction():
    before, after = yard(8)
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[30:36, 30:55] = 1
    after[:, labels > 0] += 60
    valid = np.ones((80, 90), dtype=bool)
    valid[36:50, 20:60] = False
    scale = np.full((2, 3), 20.0)
    measures, _ = measure(MemoryPair(before, after, valid=valid), labels, scale)
    assert directions(contrasts(measures, scale)).tolist() == ["appeared"]


def test_an_object_without_surroundings_is_measured_without_warning():
    before, after = yard(9)
    labels = np.ones((80, 90), dtype=np.int64)
    measures, first = measure(MemoryPair(before, after), labels)
    assert np.isfinite(contrasts(measures, np.ones((2, 3)))).all()
    assert shape_of(measures.moments, first).length_px[0] == pytest.approx(90)


def test_the_window_of_a_block_may_reach_beyond_the_grid():
    before, after = yard(10)
    labels = np.zeros((80, 90), dtype=np.int64)
    labels[0:5, 0:9] = 1
    pair = MemoryPair(before, after)
    measures, _ = measure(pair, labels)
    assert measures.moments[0, 0] == 45
    assert measures.ring_pixels[0] == 9 * 13 - 45
    assert pair.read(Window(-5, -5, 10, 10)).valid.sum() == 25
