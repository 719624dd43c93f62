"""A body as bright as the ground is outlined where its shadow says that it stands."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.objects import faint_bodies

from .boxes import SHAPE, WHITE, agreement, find, scene

BOX, SHADOW = np.s_[60:66, 50:76], np.s_[66:76, 50:76]
"""A wagon of 3 by 13 m with its shadow to the south: the sun stands in the north."""


def faint(by):
    """The colour of the ground, brighter by a share."""
    return tuple(by * v for v in (100.0, 110.0, 120.0))


def overlap(raster, where):
    return (raster[where] > 0).mean()


def test_the_body_takes_the_place_of_its_shadow(monkeypatch):
    pair = scene([(BOX, faint(1.16))], shade=[SHADOW])
    table, raster = find(pair)
    k, share = agreement(raster, BOX)
    assert share > 0.6
    assert overlap(raster, SHADOW) < 0.2
    assert table["change"][k] == "appeared"
    # and that is what did it
    monkeypatch.setattr(faint_bodies, "propose", lambda *given: None)
    _, raster = find(pair)
    assert overlap(raster, SHADOW) > 0.4
    assert overlap(raster, BOX) < 0.1


def test_a_dark_thing_on_unchanged_ground_stays_where_it_is():
    pair = scene(shade=[SHADOW])
    _, raster = find(pair)
    # the far end may be a shadow that it casts itself
    assert overlap(raster, SHADOW) > 0.4
    assert overlap(raster, BOX) < 0.1


def test_the_shadow_of_a_thing_that_shows_is_left_out_as_before():
    pair = scene([(BOX, WHITE)], shade=[SHADOW])
    _, raster = find(pair)
    assert agreement(raster, BOX)[1] > 0.85
    assert overlap(raster, SHADOW) < 0.1


@pytest.mark.parametrize(("down", "right"), [(-1, 0), (0, 1), (-1, 1)])
def test_what_lies_towards_the_sun_is_reached_from_the_nearest_part(down, right):
    parts = np.zeros(SHAPE, dtype=np.int64)
    parts[60:70, 50:60], parts[60:70, 100:110] = 1, 2
    near = np.where(np.arange(SHAPE[1]) < 80, 1, 2) * np.ones(SHAPE, dtype=np.int64)
    offsets = np.array([[k * down, k * right] for k in range(1, 6)])
    reached, step, faced = faint_bodies._towards_sun(parts, parts, near, offsets, 3)
    assert not reached[parts > 0].any()
    for part, box in ((1, np.s_[60:70, 50:60]), (2, np.s_[60:70, 100:110])):
        rows, cols = np.nonzero(reached == part)
        # five steps: each is as long as the sides that look there, less the corner between two
        each = 10 * (abs(down) + abs(right)) - abs(down * right)
        assert len(rows) == 5 * each
        assert faced[-1, part] == len(rows)
        there = np.zeros(SHAPE, dtype=bool)
        there[box] = True
        for r, c in zip(rows[::7], cols[::7], strict=True):
            k = step[r, c] + 1
            assert there[r - k * down, c - k * right]


def test_no_body_reaches_into_another_place():
    parts = np.zeros(SHAPE, dtype=np.int64)
    parts[60:70, 50:60] = 1
    near = np.where(np.arange(SHAPE[0]) < 57, 2, 1)[:, None] * np.ones(SHAPE, dtype=np.int64)
    offsets = np.array([[-k, 0] for k in range(1, 9)])
    reached, _, faced = faint_bodies._towards_sun(parts, parts, near, offsets, 2)
    assert (np.nonzero(reached)[0].min(), np.count_nonzero(reached)) == (57, 30)
    assert faced[-1, 1] == 80


def test_a_body_is_as_wide_as_what_speaks_for_it():
    reached = np.ones((8, 4), dtype=np.int64)
    step = np.repeat(np.arange(8), 4).reshape(8, 4)
    surprise = np.where(step < 5, 3.0, 0.3)
    assert faint_bodies._widths(reached, step, surprise, 8, 2)[1] == 4
    assert faint_bodies._widths(reached, step, 0.1 * surprise, 8, 2)[1] == -1
