"""Ends of bodies, moved from where an outline has them to where the images show them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from changedet.activity.things import ends
from changedet.activity.things.ends import PLACES_M, find_ends, length_density
from changedet.activity.things.placing import place_objects
from changedet.model import Image, ImagePair

from . import yard

GSD = 0.5
CORNER = GSD / 2
"""The plane of ground metres begins in the middle of the first pixel."""
ROLES = ("blue", "green", "red", "nir")
GROUND = np.array([0.2, 0.2, 0.2, 0.25])
DARK = np.array([0.05, 0.04, 0.04, 0.05])
RED, WHITE = np.array([0.1, 0.1, 0.45, 0.4]), np.array([0.6, 0.6, 0.6, 0.6])


class Painted:
    """Bodies painted on even ground, with coverage of the pixels at their rims, and noise."""

    def __init__(self, bodies, turn=0.0, size=240):
        self.grid, self.roles = yard.grid(GSD, size), ROLES
        rng = np.random.default_rng(5)
        fine = (np.arange(size * 4) + 0.5) * GSD / 4
        x, y = np.meshgrid(fine, fine)
        dates = [np.broadcast_to(GROUND[:, None, None], (4, *x.shape)).copy() for _ in range(2)]
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        for east, south, length, width, change, colour in bodies:
            u = (x - east) * cos - (y - south) * sin
            v = (x - east) * sin + (y - south) * cos
            inside = (np.abs(u) <= length / 2) & (np.abs(v) <= width / 2)
            dates[change == "appeared"][:, inside] = np.asarray(colour)[:, None]
        self.images = []
        for date in dates:
            mean = date.reshape(4, size, 4, size, 4).mean(axis=(2, 4))
            noisy = mean + rng.normal(0, 0.004, mean.shape)
            self.images.append(noisy.astype(np.float32))

    def read(self, window):
        pad = 64
        rows = slice(window.row + pad, window.row + pad + window.height)
        cols = slice(window.col + pad, window.col + pad + window.width)
        images = [
            Image(
                np.pad(i, ((0, 0), (pad, pad), (pad, pad)), mode="edge")[:, rows, cols],
                np.ones(window.shape, dtype=bool), self.grid.subset(window), self.roles,
            ) for i in self.images
        ]  # fmt: skip
        return ImagePair(*images)


def found(bodies, outlines, kind, turn=0.0, **changes):
    """Ends of outlines (east, south, length, width, change) of painted bodies."""
    objects = place_objects(yard.table([(*o, turn) for o in outlines]), yard.grid(GSD, 240), 1.0)
    objects = replace(objects, **changes)
    kinds = np.array([kind] * len(outlines), dtype=object)
    return objects, find_ends(objects, kinds, Painted(bodies, turn), lambda v: v, 0.2)


@pytest.mark.parametrize("turn", [0.0, 20.0, 90.0])
@pytest.mark.parametrize("change", ["appeared", "disappeared"])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, -1.0), (-1.0, 3.0)])
def test_a_box_is_as_long_as_it_is_and_where_it_is(turn, change, shift):
    low, high = shift
    axis = np.array([np.cos(np.radians(turn)), -np.sin(np.radians(turn))])
    middle = np.array([60.0, 60.0]) + 0.5 * (high - low) * axis
    outline = (*middle, 12.192 + low + high, 3.0, change)
    _, out = found([(60, 60, 12.192, 2.438, change, RED)], [outline], "container", turn)
    assert out.length[0] == pytest.approx(12.192, abs=0.4)
    assert np.hypot(out.x[0] - 60 + CORNER, out.y[0] + 60 - CORNER) < 0.4
    assert np.hypot(*(out.ends[0, 1] - out.ends[0, 0])) == pytest.approx(out.length[0])


def test_a_wagon_ends_at_the_gap_before_the_next():
    train = [(30 + 14.0 * k, 60, 12.9, 3.1, "appeared", RED) for k in range(4)]
    train += [(37 + 14.0 * k, 60, 1.1, 3.1, "appeared", DARK) for k in range(3)]
    outline = (44 + 1.2, 60, 12.9 + 2.4, 3.5, "appeared")
    _, out = found(train, [outline], "railcar")
    assert out.length[0] == pytest.approx(12.9, abs=0.7)
    assert out.x[0] == pytest.approx(44.0 - CORNER, abs=0.4)


def test_half_a_box_is_taken_for_a_box_only_if_it_goes_on():
    half = (57.0, 60, 6.1, 2.6, "appeared")
    whole = [(60, 60, 12.192, 2.438, "appeared", RED)]
    pair = [(56.9, 60, 6.058, 2.438, "appeared", RED), (63.1, 60, 6.058, 2.438, "appeared", WHITE)]
    assert found(whole, [half], "container")[1].length[0] == pytest.approx(12.192, abs=0.5)
    assert found(pair, [half], "container")[1].length[0] == pytest.approx(6.058, abs=0.5)


def test_what_is_no_single_body_stays_as_it_is():
    bodies = [(60, 60, 12.192, 2.438, "appeared", RED)]
    outlines = [(60, 60, 14.0, 3.0, "appeared"), (60, 60, 40.0, 3.0, "appeared")]
    objects, out = found(bodies, outlines, "truck")
    assert np.array_equal(out.length, objects.length)
    assert np.array_equal(out.ends, objects.ends)
    objects, out = found(bodies, outlines[1:], "railcar")
    assert np.array_equal(out.length, objects.length)
    nowhere = np.full((2, 2), np.nan)
    objects, out = found(bodies, outlines, "container", along=nowhere)
    assert np.array_equal(out.length, objects.length)


def test_chunks_change_nothing(monkeypatch):
    bodies = [(20 + 25 * k, 30 + 20 * k, 12.192, 2.438, "appeared", RED) for k in range(4)]
    outlines = [(x + 0.7, y, 13.0, 2.9, c) for x, y, _, _, c, _ in bodies]
    whole = found(bodies, outlines, "container")[1]
    monkeypatch.setattr(ends, "CHUNK", 1)
    single = found(bodies, outlines, "container")[1]
    assert np.array_equal(whole.length, single.length)
    assert np.array_equal(whole.x, single.x)


@pytest.mark.parametrize("kind", ["railcar", "container"])
def test_lengths_are_those_that_are_built(kind):
    metres = np.arange(0.0, 40.0, 0.01)
    density = length_density(kind)(metres)
    assert 0.9 < density.sum() * 0.01 < 1.1
    usual = {"railcar": 12.9, "container": 12.19}[kind]
    assert density[np.searchsorted(metres, usual)] > 20 * density[np.searchsorted(metres, 9.0)]


def test_strips_reach_as_far_as_they_say():
    assert PLACES_M[0] == -PLACES_M[-1]
    assert np.allclose(np.diff(PLACES_M), ends.STEP_M)
    assert PLACES_M[-ends.EDGE - 1] == ends.REACH_M
