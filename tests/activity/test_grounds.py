"""The ground that things share: a row of boxes on a pad is no train, though it looks like one."""

import numpy as np
import pytest

from changedet.activity import interpret, place_objects
from changedet.activity.things import interpreting, profiling
from changedet.activity.things.grounds import LEAST, look_around, same_ground

from . import yard
from .test_tracing import Pair, X, Y, pair

BALLAST, PAD = 60.0, 180.0
TRACKS, ROWS = (40.0, 44.8, 49.6), (120.0, 130.0)
WAGONS = [(30 + 14 * k, y, 12.6, 3.1, "appeared") for y in TRACKS for k in range(4)]
BOXES = [(30 + 12.6 * k, y, 12.2, 2.5, "appeared") for y in ROWS for k in range(4)]


def site(rails=1.3):
    """Three tracks in ballast, and a pad."""
    ground = np.full(Y.shape, 100.0)
    ground[(Y > 35) & (Y < 55)] = BALLAST
    for y in TRACKS:
        ground[np.abs(np.abs(Y - y) - 0.76) < 0.3] = rails * BALLAST
    ground[Y > 105] = PAD
    return ground


def placed(things):
    return place_objects(yard.table(things), yard.grid(), 1.0)


def test_the_colour_is_that_of_the_ground_and_not_of_what_stands_there():
    things = WAGONS[:1] + BOXES[:1]
    colour = np.exp(look_around(placed(things), pair(site(rails=1.0), things)))
    assert colour[0] == pytest.approx(BALLAST, rel=0.12)
    assert colour[1] == pytest.approx(PAD, rel=0.12)


def test_shadows_do_not_darken_it():
    ground = site()
    ground[(Y > 121.5) & (Y < 124.5)] *= 0.3
    colour = np.exp(look_around(placed(BOXES[:1]), pair(ground, BOXES[:1])))[0]
    assert colour == pytest.approx(PAD, rel=0.12)


def test_a_doubtful_thing_stands_where_others_stand_on_such_ground():
    things = WAGONS + BOXES
    colours = look_around(placed(things), pair(site(), things))
    where = np.full((len(things), 3), 1.0 / 3)
    where[:11], where[12:19] = (0.9, 0.05, 0.05), (0.05, 0.05, 0.9)
    said = same_ground(colours, where, np.arange(len(things)))
    assert said[11, 0] > 3 * said[11, 2]
    assert said[19, 2] > 3 * said[19, 0]


def test_a_chain_does_not_bear_itself_out():
    # four boxes of one row are taken for wagons; nothing else of wagons is known of that ground
    things = WAGONS + BOXES
    colours = look_around(placed(things), pair(site(), things))
    where = np.full((len(things), 3), 0.05)
    where[:12, 0], where[12:16, 0], where[16:, 2] = 0.9, 0.9, 0.9
    chain = np.repeat(np.arange(5), 4)
    said = same_ground(colours, where, chain)
    itself = same_ground(colours, where, np.arange(len(things)))
    against = [np.log(x[12:16, 2] / x[12:16, 0]) for x in (said, itself)]
    assert (against[0] > 1.0).all()
    assert (against[0] > against[1] + 0.3).all()


def test_where_little_is_known_any_ground_will_do():
    rng = np.random.default_rng(3)
    colours = rng.normal(0, 1, (3, 2))
    assert (same_ground(colours, np.full((3, 3), 1 / 3), np.arange(3)) == 1).all()
    colours = np.vstack([rng.normal(0, 0.3, (6, 2)), [[np.nan, 0.0]]])
    said = same_ground(colours, np.full((7, 3), 1 / 3), np.arange(7))
    assert np.allclose(said, 1.0)
    # ground that nothing was seen on is no proof for any place
    far = np.vstack([colours[:6], [[50.0, 50.0]]])
    where = np.tile([0.98, 0.01, 0.01], (7, 1))
    assert (same_ground(far, where, np.arange(7)) >= LEAST).all()


def test_places_keep_their_order_and_their_scale_does_not_matter():
    rng = np.random.default_rng(8)
    colours, where = rng.normal(0, 0.3, (30, 4)), rng.dirichlet((1, 1, 1), 30)
    chain = rng.integers(0, 9, 30)
    said = same_ground(colours, where, chain)
    order = rng.permutation(30)
    assert np.allclose(same_ground(colours[order], where[order], chain[order]), said[order])
    assert np.allclose(same_ground(colours + 3, where, chain), said)


def test_a_row_of_boxes_on_a_pad_is_no_train(monkeypatch):
    # as wide as wagons, coupled as wagons are, and along faint lines as rails are: the pad tells
    boxes = [(30 + 13.2 * k, 120.0, 12.4, 2.9, "appeared") for k in range(3)]
    ground = site()
    ground[np.abs(np.abs(Y - 120.0) - 0.76) < 0.3] = 1.02 * PAD
    others = [
        (30 + 6.5 * k, y, 6.1, 2.45, "appeared") for y in (110, 113, 132, 135) for k in range(5)
    ]
    things = WAGONS + others + boxes
    images, table = pair(ground, things), yard.table(things)
    found = interpret(table, None, yard.grid(), pair=images)
    assert set(found["kind"][:12]) == {"railcar"}
    assert set(found["kind"][-3:]) == {"container"}
    monkeypatch.setattr(interpreting, "same_ground", lambda colours, where, chain: where * 0 + 1)
    blind = interpret(table, None, yard.grid(), pair=images)
    assert set(blind["kind"][-3:]) == {"railcar"}


def test_the_blocks_of_reading_leave_no_trace(monkeypatch):
    things = WAGONS + BOXES
    images = pair(site(), things)
    whole = look_around(placed(things), images)
    monkeypatch.setattr(profiling, "BLOCK", 32)
    monkeypatch.setattr(profiling, "CHUNK", 3)
    assert np.allclose(look_around(placed(things), images), whole, rtol=1e-9)


def test_what_cannot_be_seen_says_nothing():
    blank = np.full(X.shape, np.nan)
    colours = look_around(placed(WAGONS), Pair(blank, blank))
    assert np.isnan(colours).all()
