"""The ground across: roads, tracks side by side, and blocks of boxes, in planted images."""

import numpy as np
import pytest

from changedet.activity import interpret, place_objects
from changedet.activity.things.bands import FEATURES, find_bands, ground_likelihood

from . import yard
from .test_tracing import X, Y, pair

THING = (100, 101.8, 13.4, 2.6, "appeared")


def road(width=7.4, y0=100.0):
    """A dark lane between bright verges, in shade here and there."""
    ground = np.full(Y.shape, 100.0)
    ground[np.abs(Y - y0) < width / 2 + 1.2] = 140.0
    ground[np.abs(Y - y0) < width / 2] = 75.0
    shade = np.hypot((X % 14.0) - 7, Y - y0 + 3) < 2.5
    ground[shade] *= 0.4
    return ground


def yard_of_tracks(y0=101.8, spacing=4.8):
    ground = np.full(Y.shape, 80.0)
    for k in range(-3, 4):
        ground[np.abs(Y - y0 - k * spacing) < 1.5] = 120.0
        ground[np.abs(np.abs(Y - y0 - k * spacing) - 0.76) < 0.3] = 90.0
    return ground


def features(ground, thing=THING):
    objects = place_objects(yard.table([thing]), yard.grid(), 1.0)
    values = find_bands(objects, pair(ground, [thing])).features[0]
    return dict(zip(FEATURES, values, strict=True))


def test_a_road_is_even_and_differs_from_both_its_sides():
    lane, tracks = features(road()), features(yard_of_tracks())
    assert lane["contrast"] > tracks["contrast"] + 0.5
    assert lane["uneven"] < tracks["uneven"] - 0.5


@pytest.mark.parametrize("spacing", [4.2, 4.8, 5.3])
def test_tracks_side_by_side_repeat_at_their_spacing(spacing):
    tracks = features(yard_of_tracks(spacing=spacing))
    assert tracks["tracks"] > 0.4
    assert tracks["tracks"] > tracks["boxes"] + 0.5


def test_road_and_tracks_are_told_apart_where_the_line_does_not_tell():
    nothing = np.ones((1, 3))
    objects = place_objects(yard.table([THING]), yard.grid(), 1.0)
    on = {
        name: ground_likelihood(nothing, find_bands(objects, pair(ground, [THING])))[0]
        for name, ground in (("road", road()), ("tracks", yard_of_tracks()))
    }
    assert on["road"][1] > 5 * on["road"][0]
    assert on["tracks"][0] > 5 * on["tracks"][1]


def test_a_trailer_on_a_road_that_nobody_drew_is_a_lorry():
    things = [(60 + 24 * k, 101.8, 13.5, 2.8, "appeared") for k in range(3)]
    found = interpret(yard.table(things), None, yard.grid(), pair=pair(road(), things))
    assert set(found["kind"]) == {"truck"}


def test_ground_that_is_not_seen_says_nothing():
    images = pair(road(), [THING])
    images.images = tuple(np.full_like(i, np.nan) for i in images.images)
    objects = place_objects(yard.table([THING]), yard.grid(), 1.0)
    bands = find_bands(objects, images)
    assert np.isnan(bands.features).all()
    line = np.array([[0.2, 0.3, 0.5]])
    assert np.array_equal(ground_likelihood(line, bands), line)


def test_one_date_is_enough():
    images = pair(road(), [THING])
    objects = place_objects(yard.table([THING]), yard.grid(), 1.0)
    both = find_bands(objects, images).features
    images.images = (images.images[0], np.full_like(images.images[1], np.nan))
    alone = find_bands(objects, images).features
    assert np.allclose(alone, both, atol=0.6)


def test_the_blocks_of_reading_leave_no_trace(monkeypatch):
    from changedet.activity.things import profiling

    things = [(60 + 14 * k, 101.8, 12.5, 2.8, "appeared") for k in range(5)]
    objects = place_objects(yard.table(things), yard.grid(), 1.0)
    images = pair(road(), things)
    whole = find_bands(objects, images).features
    monkeypatch.setattr(profiling, "BLOCK", 32)
    monkeypatch.setattr(profiling, "CHUNK", 2)
    assert np.allclose(find_bands(objects, images).features, whole, rtol=1e-9, equal_nan=True)
