"""Outlines: every pixel once, valid, and the same wherever the seams lie."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from changedet.differencing.objects.polygonise import outlines, unite
from changedet.model import Grid, Window

from .builders import smooth_field


def polygons_of(labels, block=10_000):
    """One geometry a label, outlined in blocks."""
    grid = Grid.pixels(*labels.shape)
    ids, pieces = [], []
    for window in grid.tiles(block):
        found, polygons = outlines(labels[window.slices], window)
        ids.append(found)
        pieces.append(polygons)
    return unite(np.concatenate(ids), np.concatenate(pieces), int(labels.max()))


def burn(geometry, shape):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return shapely.contains_xy(geometry, cols + 0.5, rows + 0.5)


def random_labels(seed, shape=(30, 34), density=0.5):
    mask = np.random.default_rng(seed).random(shape) < density
    return ndimage.label(mask, np.ones((3, 3)))[0]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([0.15, 0.35, 0.5, 0.7, 0.9]))
def test_outlines_cover_exactly_the_pixels_and_are_valid(seed, density):
    labels = random_labels(seed, density=density)
    polygons = polygons_of(labels)
    assert shapely.is_valid(polygons).all()
    np.testing.assert_allclose(shapely.area(polygons), np.bincount(labels.ravel())[1:])
    for k in range(min(len(polygons), 5)):
        np.testing.assert_array_equal(burn(polygons[k], labels.shape), labels == k + 1)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 20), st.sampled_from([0.35, 0.5, 0.7]))
def test_seams_leave_no_trace(seed, block, density):
    labels = random_labels(seed, density=density)
    whole, cut = polygons_of(labels), polygons_of(labels, block)
    assert [g.wkb for g in whole] == [g.wkb for g in cut]


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([7, 16, 33]))
def test_seams_leave_no_trace_in_large_shapes(seed, block):
    mask = smooth_field(np.random.default_rng(seed), (90, 100), 4.0) > 0.2
    labels = ndimage.label(mask, np.ones((3, 3)))[0]
    whole, cut = polygons_of(labels), polygons_of(labels, block)
    assert [g.wkb for g in whole] == [g.wkb for g in cut]


def test_a_straight_side_has_no_vertex_but_its_ends():
    labels = np.zeros((12, 20), dtype=int)
    labels[2:9, 3:17] = 1
    for block in (4, 5, 100):
        (polygon,) = polygons_of(labels, block)
        assert polygon.equals(shapely.box(3, 2, 17, 9))
        assert len(polygon.exterior.coords) == 5


def test_holes_stay_holes_and_their_islands_islands():
    labels = np.zeros((20, 20), dtype=int)
    labels[2:18, 2:18] = 1
    labels[5:15, 5:15] = 0
    labels[8:12, 8:12] = 2
    for block in (3, 7, 100):
        ring, island = polygons_of(labels, block)
        assert len(ring.interiors) == 1
        assert ring.area == 256 - 100
        assert island.equals(shapely.box(8, 8, 12, 12))


def test_two_holes_that_touch_at_a_corner_are_valid():
    labels = np.ones((6, 6), dtype=int)
    labels[2, 2] = labels[3, 3] = 0
    for block in (2, 3, 100):
        (polygon,) = polygons_of(labels, block)
        assert polygon.is_valid
        assert polygon.area == 34


def test_diagonal_contact_makes_a_multipolygon():
    labels = np.zeros((6, 6), dtype=int)
    labels[1:3, 1:3] = labels[3:5, 3:5] = 1
    for block in (2, 3, 100):
        (geometry,) = polygons_of(labels, block)
        assert geometry.geom_type == "MultiPolygon"
        assert geometry.is_valid
        assert len(geometry.geoms) == 2


def test_a_block_without_labels_gives_nothing():
    ids, polygons = outlines(np.zeros((5, 5), dtype=int), Window(0, 0, 5, 5))
    assert len(ids) == len(polygons) == 0


@pytest.mark.parametrize(("row", "col"), [(0, 0), (30, 70), (100_000, 90_000)])
def test_outlines_lie_where_the_block_lies(row, col):
    labels = np.zeros((5, 6), dtype=int)
    labels[1:3, 2:5] = 7
    ids, polygons = outlines(labels, Window(row, col, 5, 6))
    assert ids.tolist() == [7]
    assert polygons[0].equals(shapely.box(col + 2, row + 1, col + 5, row + 3))


def test_neighbours_share_their_border():
    labels = np.zeros((4, 8), dtype=int)
    labels[:, :4], labels[:, 4:] = 1, 2
    one, other = polygons_of(labels, 3)
    assert one.intersection(other).length == 4
    assert one.intersection(other).area == 0
