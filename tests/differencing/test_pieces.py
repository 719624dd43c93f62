"""Pieces of one body become one row, bodies stay apart, and windows leave no trace."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest

from changedet.differencing.objects import refining
from changedet.differencing.objects.bodies import FILE, learnt
from changedet.differencing.objects.gaps import COLUMNS as GAP_COLUMNS
from changedet.differencing.objects.joining import join
from changedet.differencing.objects.pieces import COLUMNS, Pieces

from . import boxes

SIZE = 0.5
DARK, BRIGHT, RED, WHITE = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.4, 0.6, 1.2), (1.5, 1.5, 1.5)
SHAPE = (60, 140)


def scene(*boxes, ground=(), gone=False):
    """Ground, and boxes of (rows, cols, colour) that came; some of the ground is of other colours.

    Returns (date, band, y, x) colours.
    """
    rng = np.random.default_rng(7)
    dates = np.empty((2, 3, *SHAPE))
    dates[:] = np.array(DARK)[:, None, None]
    for where, colour in ground:
        dates[(slice(None), slice(None), *where)] = np.array(colour)[:, None, None]
    for where, colour in boxes:
        dates[(1, slice(None), *where)] = np.array(colour)[:, None, None]
    dates += rng.normal(0, 0.03, dates.shape)
    return (dates[::-1] if gone else dates).astype(np.float32)


def numbered(*pieces):
    """Pieces numbered from 1 on, and their place."""
    parts = np.zeros(SHAPE, dtype=np.int64)
    for number, where in enumerate(pieces, start=1):
        parts[where] = number
    return parts, np.where(parts > 0, 5, 0)


def joined(parts, places, dates):
    """For each piece the number of the row that it is in."""
    pieces, number = Pieces.of(parts, places, dates, np.ones(SHAPE, dtype=bool), SIZE)
    rows = join(pieces, learnt().pieces.log_odds)
    return [int(rows[number[tuple(np.argwhere(parts == k)[0])] - 1]) for k in np.unique(parts)[1:]]


LEFT, RIGHT = np.s_[20:26, 40:50], np.s_[20:26, 50:67]
"""A wagon of 13.5 m in two pieces."""


@pytest.mark.parametrize("gone", [False, True])
def test_a_wagon_that_stands_on_two_kinds_of_ground_is_one_row(gone):
    dates = scene((np.s_[20:26, 40:67], RED), ground=[(np.s_[10:36, 50:90], BRIGHT)], gone=gone)
    assert len(set(joined(*numbered(LEFT, RIGHT), dates))) == 1


@pytest.mark.parametrize("gone", [False, True])
def test_wagons_with_a_gap_between_them_stay_apart(gone):
    wagons = np.s_[20:26, 20:47], np.s_[20:26, 49:76], np.s_[20:26, 78:105]
    dates = scene(*((w, RED) for w in wagons), gone=gone)
    assert len(set(joined(*numbered(*wagons), dates))) == 3


@pytest.mark.parametrize("gone", [False, True])
def test_two_short_containers_in_a_long_slot_stay_two(gone):
    short = np.s_[20:25, 40:52], np.s_[20:25, 52:64]
    dates = scene((short[0], RED), (short[1], WHITE), gone=gone)
    assert len(set(joined(*numbered(*short), dates))) == 2


def test_what_lies_in_two_places_is_not_compared():
    dates = scene((np.s_[20:26, 40:67], RED), ground=[(np.s_[10:36, 50:90], BRIGHT)])
    parts, places = numbered(LEFT, RIGHT)
    assert len(set(joined(parts, places, dates))) == 1
    places[RIGHT] = 6
    assert len(set(joined(parts, places, dates))) == 2


THREE = np.s_[20:26, 40:50], np.s_[20:26, 50:60], np.s_[20:26, 61:70]


def test_sums_of_what_was_joined_are_those_of_one():
    dates = scene((np.s_[20:26, 40:60], RED), (THREE[2], WHITE))
    parts, places = numbered(*THREE)
    valid = np.ones(SHAPE, dtype=bool)
    pieces, _ = Pieces.of(parts, places, dates, valid, SIZE)
    assert (pieces.one.tolist(), pieces.other.tolist()) == ([0, 1], [1, 2])
    merged, new = pieces.merged(np.array([0, 0, 2]))
    assert new.tolist() == [0, 0, 1]
    parts[parts == 2] = 1
    whole, _ = Pieces.of(parts, places, dates, valid, SIZE)
    np.testing.assert_array_equal(merged.moments, whole.moments)
    for name in ("colour", "outline", "one", "other", "border"):
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), rtol=1e-12)


def test_a_pair_is_compared_alike_whichever_date_holds_it():
    wagon = np.s_[20:26, 40:67], RED
    ground = [(np.s_[10:36, 50:90], BRIGHT)]
    columns = [
        Pieces.of(
            *numbered(LEFT, RIGHT), scene(wagon, ground=ground, gone=gone),
            np.ones(SHAPE, dtype=bool), SIZE,
        )[0].compare()
        for gone in (False, True)
    ]  # fmt: skip
    assert columns[0].shape == (1, len(COLUMNS))
    np.testing.assert_array_equal(*columns)
    told = dict(zip(COLUMNS, columns[0][0], strict=False))
    assert told["length of both"] == pytest.approx(13.5, abs=0.1)
    assert told["colours then"] < 0.05 < 0.4 < told["colours else"]


def test_windows_and_other_places_leave_no_trace():
    dates = scene((np.s_[20:26, 40:67], RED), ground=[(np.s_[10:36, 50:90], BRIGHT)])
    parts, places = numbered(LEFT, RIGHT)
    places[17:29, 37:70] = 5
    # another place close by, whose parts are not looked at in the other window
    beside = np.s_[31:35, 40:60]
    places[beside] = 6
    every = parts.copy()
    every[31:35, 40:50], every[31:35, 50:60] = 8, 9
    valid = np.ones(SHAPE, dtype=bool)
    window = np.s_[5:45, 22:90]
    alone, _ = Pieces.of(parts[window], places[window], dates[(..., *window)], valid[window], SIZE)
    among, number = Pieces.of(every, places, dates, valid, SIZE)
    mine = np.flatnonzero(np.isin(among.one, number[LEFT] - 1))
    np.testing.assert_array_equal(among.compare()[mine], alone.compare())


def test_ground_that_is_not_seen_counts_for_nothing():
    dates = scene((np.s_[20:26, 40:67], RED))
    valid = np.ones(SHAPE, dtype=bool)
    valid[26:] = False
    dates[:, :, 26:] = np.nan
    columns = Pieces.of(*numbered(LEFT, RIGHT), dates, valid, SIZE)[0].compare()
    assert np.isfinite(columns).all()


LOCOMOTIVE = np.s_[60:66, 50:82]


def engine(gone):
    """A locomotive of 16 m with a cab of another colour, across blocks of 32 and 64 pixels."""
    things = [(np.s_[60:66, 50:75], boxes.RED), (np.s_[60:66, 75:82], boxes.WHITE)]
    return boxes.scene(*(((), things) if gone else (things, ())))


@pytest.mark.parametrize("gone", [False, True])
def test_a_locomotive_and_its_cab_are_one_row(gone, monkeypatch):
    table, raster = boxes.find(engine(gone))
    k, share = boxes.agreement(raster, LOCOMOTIVE)
    assert share > 0.95
    assert table["length_m"][k] == pytest.approx(16.0, abs=0.5)
    assert table["change"][k] == ("disappeared" if gone else "appeared")
    monkeypatch.setattr(refining, "join_pieces", lambda parts, *others: parts)
    assert boxes.agreement(boxes.find(engine(gone))[1], LOCOMOTIVE)[1] < 0.85


@pytest.mark.parametrize("block", [32, 64])
def test_what_is_joined_across_blocks_is_the_same_to_the_last_bit(block):
    table, raster = boxes.find(engine(False))
    again, cut = boxes.find(engine(False), block=block)
    np.testing.assert_array_equal(cut, raster)
    assert [g.wkb for g in again.geometry] == [g.wkb for g in table.geometry]
    for name in ("change", "score", "area_m2", "length_m", "width_m"):
        assert again[name].tolist() == table[name].tolist()


def test_what_was_learnt_is_of_the_columns_there_are():
    text = (resources.files("changedet.differencing.objects") / FILE).read_text("utf-8")
    assert json.loads(text)["made by"].startswith("python tests/benchmarks/learn_bodies.py")
    for trees, names in ((learnt().gaps, GAP_COLUMNS), (learnt().pieces, COLUMNS)):
        assert trees.column.max() < len(names)
        assert np.isfinite(trees.leaf).all()
