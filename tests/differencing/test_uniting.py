"""Parts become one thing where they are one at the date that holds them, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.config import Config
from changedet.differencing import fit_detection
from changedet.differencing.objects import refining
from changedet.differencing.objects.uniting import unite

from .boxes import AWAY, GREEN, GRID, RED, SHAPE, WHITE, agreement, find, scene

WAGONS = np.s_[70:76, 60:84], np.s_[70:76, 84:108]
CONTAINERS = np.s_[70:75, 60:84], np.s_[75:80, 60:84]
GAP, SEAM = np.s_[70:76, 84:85], np.s_[75:76, 60:84]
"""Beside the border of either pair; to the second of them they belong."""


def joined(pair, boxes):
    """Whether two boxes that were found as parts of one place become one."""
    parts, places = np.zeros(SHAPE, dtype=np.int64), np.zeros(SHAPE, dtype=np.int64)
    for number, (rows, cols) in enumerate(boxes, start=1):
        places[rows.start - 2 : rows.stop + 2, cols.start - 2 : cols.stop + 2] = 1
        parts[rows, cols] = number
    config = Config(method="change-vector", false_alarms_per_km2=200.0)
    detection = fit_detection(pair, pair.context(shadow_away=(AWAY, AWAY)), config)
    window = GRID.window
    out = unite(parts, parts.copy(), places, pair.read(window), window, detection, 1.0)
    np.testing.assert_array_equal(out > 0, parts > 0)
    return len(np.unique(out[out > 0])) == 1


def darker(pair, where, factor, date):
    """The same pair with a box of one image darker."""
    pair.pixels[date][(slice(None), *where)] *= factor
    return pair


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize(("boxes", "line"), [(WAGONS, GAP), (CONTAINERS, SEAM)])
def test_a_dark_line_keeps_things_of_one_colour_apart(boxes, line, gone):
    things = [(b, RED) for b in boxes]
    dates = ((), things) if gone else (things, ())
    assert joined(scene(*dates), boxes)
    assert not joined(darker(scene(*dates), line, 0.6, int(not gone)), boxes)


@pytest.mark.parametrize("gone", [False, True])
def test_things_of_two_colours_stay_apart_though_the_ground_is_one(gone):
    things = list(zip(WAGONS, (RED, GREEN), strict=True))
    assert not joined(scene(*(((), things) if gone else (things, ()))), WAGONS)


BUILDING, LEFT = np.s_[50:80, 90:140], np.s_[44:86, 80:115]
"""A building across blocks of 32 and 64 pixels, one half of it on dark ground."""


def halves(gone):
    things = [(BUILDING, WHITE)]
    return scene(*(((), things) if gone else (things, ())), dark=[LEFT])


def numbers_in(raster, where):
    """Rows that hold a tenth of a box or more."""
    counts = np.bincount(raster[where].ravel())
    counts[0] = 0
    return np.flatnonzero(counts >= 0.1 * raster[where].size)


@pytest.mark.parametrize("gone", [False, True])
def test_a_building_over_two_kinds_of_ground_is_one_row(gone, monkeypatch):
    table, raster = find(halves(gone))
    k, share = agreement(raster, BUILDING)
    assert share > 0.9
    assert table["change"][k] == ("disappeared" if gone else "appeared")
    monkeypatch.setattr(refining, "unite", lambda parts, *others: parts)
    _, apart = find(halves(gone))
    assert len(numbers_in(apart, BUILDING)) == 2


@pytest.mark.parametrize("block", [32, 64])
def test_what_is_united_across_blocks_is_the_same_to_the_last_bit(block):
    table, raster = find(halves(False))
    again, cut = find(halves(False), block=block)
    assert len(numbers_in(raster, BUILDING)) == 1
    np.testing.assert_array_equal(cut, raster)
    assert [g.wkb for g in again.geometry] == [g.wkb for g in table.geometry]
    for name in ("change", "score", "area_m2", "length_m", "width_m"):
        assert again[name].tolist() == table[name].tolist()
