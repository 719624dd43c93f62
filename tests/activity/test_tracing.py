"""Tracks and roads that nobody drew, found along objects in the images."""

import numpy as np
import pytest

from changedet.activity import interpret, line_likelihood, look_along, place_objects
from changedet.model import Image, ImageInfo, ImagePair

from . import yard

ROWS, COLS = np.mgrid[0:400, 0:400]
Y, X = (ROWS + 0.5) * 0.5, (COLS + 0.5) * 0.5


class Pair:
    """Two images of one band on the grid of the tests."""

    roles = ("gray",)

    def __init__(self, before, after):
        self.images, self.grid = (before, after), yard.grid()
        self.infos = tuple(
            ImageInfo(name, self.grid, self.roles, "float32") for name in ("before", "after")
        )

    def read(self, window):
        part = window.intersect(self.grid.window)
        out = []
        for values in self.images:
            pixels, valid = np.zeros((1, *window.shape), np.float32), np.zeros(window.shape, bool)
            if not part.empty:
                at = part.within(window)
                pixels[:, at[0], at[1]], valid[at] = values[part.slices], True
            out.append(Image(pixels, valid, self.grid.subset(window), self.roles))
        return ImagePair(*out)

    def overview(self, factor):
        raise NotImplementedError


def pair(ground, things=()):
    """The ground at both dates, with things of one brightness after."""
    rng = np.random.default_rng(5)
    images = [ground * (1 + 0.05 * rng.standard_normal(ground.shape)) for _ in range(2)]
    for x, y, length, width, *_ in things:
        images[1][(np.abs(X - x) < length / 2) & (np.abs(Y - y) < width / 2)] = 400.0
    return Pair(*images)


def track(y0=100.0):
    """Even ground with a track: a light bed with two darker rails."""
    ground = np.full(Y.shape, 100.0)
    ground[np.abs(Y - y0) < 1.8] = 130.0
    ground[np.abs(np.abs(Y - y0) - 0.76) < 0.3] = 90.0
    return ground


def slabs():
    """A pad of slabs, no two of one brightness."""
    rng = np.random.default_rng(2)
    return (
        150 * np.exp(0.25 * rng.standard_normal((50, 50)))[(Y / 6).astype(int), (X / 4).astype(int)]
    )


THING = (100, 100, 12.5, 2.8, "appeared")


def seen(ground, thing=THING):
    objects = place_objects(yard.table([thing]), yard.grid(), 1.0)
    return line_likelihood(look_along(objects, pair(ground, [thing])))[0]


def test_a_track_that_runs_along_an_object_is_seen():
    on_rail, _, neither = seen(track())
    assert on_rail > 10 * neither
    on_rail, _, neither = seen(slabs())
    assert neither > 10 * on_rail


def test_a_track_that_an_object_stands_across_is_none_of_its_own():
    along, across = seen(track()), seen(track(), (*THING, 90.0))
    assert along[0] / along[2] > 10 * across[0] / across[2]


@pytest.mark.parametrize("turn", [-1.0, 1.0])
def test_an_outline_may_be_turned_and_aside_a_little(turn):
    on_rail, _, neither = seen(track(), (100, 100.5, 12.5, 2.8, "appeared", turn))
    assert on_rail > 5 * neither


def test_what_cannot_be_seen_says_nothing():
    images = pair(track(), [THING])
    images.images = tuple(np.full_like(i, np.nan) for i in images.images)
    objects = place_objects(yard.table([THING]), yard.grid(), 1.0)
    assert line_likelihood(look_along(objects, images)).tolist() == [[1.0, 1.0, 1.0]]


def test_a_track_in_the_image_makes_a_wagon_of_what_could_be_a_container():
    found = {
        name: interpret(yard.table([THING]), None, yard.grid(), pair=pair(ground, [THING]))
        for name, ground in (("track", track()), ("slabs", slabs()))
    }
    assert found["track"]["kind"][0] == "railcar"
    assert found["track"]["kind_reason"][0] == "12.5 m by 2.8 m, along a track found in the image"
    assert found["slabs"]["kind"][0] == "container"
    assert "track" not in found["slabs"]["kind_reason"][0]


def test_a_drawn_track_outweighs_what_the_image_shows():
    drawn = yard.lines(("4", [(0, 60), (200, 60)]))
    given = {"tracks": drawn, "roads": yard.lines(("r", [(0, 20), (200, 20)]))}
    images = pair(track(), [THING])
    found = interpret(yard.table([THING]), None, yard.grid(), pair=images, **given)
    plain = interpret(yard.table([THING]), None, yard.grid(), **given)
    assert found["kind_confidence"][0] == plain["kind_confidence"][0]


def test_the_blocks_of_reading_leave_no_trace(monkeypatch):
    from changedet.activity.things import profiling

    things = [(60 + 14 * k, 100, 12.5, 2.8, "appeared") for k in range(5)]
    objects = place_objects(yard.table(things), yard.grid(), 1.0)
    images = pair(track(), things)
    whole = look_along(objects, images).features
    monkeypatch.setattr(profiling, "BLOCK", 32)
    monkeypatch.setattr(profiling, "CHUNK", 2)
    assert np.allclose(look_along(objects, images).features, whole, rtol=1e-9, equal_nan=True)
