"""Outlined wagons by track."""

import numpy as np
import pytest

from changedet.activity import outlined_wagons
from changedet.model import TrackActivity

from .yard import grid, lines, table, wagons

TRACKS = lines(("1", [(0, 50), (180, 50)]), ("2", [(0, 55), (180, 55)]))


def row(name, offset=0.0, cars=(0.0, 0.0, 0.0)):
    metres = (0.0, 0.0, 0.0)
    return TrackActivity(
        name, 180.0, 180.0, 180.0, 180.0, *[metres] * 4, *[cars] * 4, (offset, offset),
        "single wagons",
    )  # fmt: skip


def outlined(things, kinds, rows=None, gsd=0.5, **columns):
    found = table(things, kind=np.array(kinds, dtype=object), **columns)
    rows = rows or (row("1"), row("2"))
    out = outlined_wagons(rows, TRACKS, found, grid(gsd))
    return [(r.outlined_arrived, r.outlined_departed) for r in out]


def test_wagons_count_on_their_track_and_trains_by_their_length():
    things = [
        *wagons(20, 50, 3), *wagons(20, 55, 2, "disappeared"),
        (120, 55, 69.5, 3.1, "appeared"), (60, 80, 12.8, 3.1, "appeared"),
    ]  # fmt: skip
    kinds = [*["railcar"] * 5, "train", "railcar"]
    assert outlined(things, kinds) == [(3, 0), (5, 2)]


def test_what_is_explained_or_no_wagon_does_not_count():
    things = wagons(20, 50, 3)
    why = np.array([None, "shadow", None], dtype=object)
    assert outlined(things, ["railcar", "railcar", "truck"], explained_by=why)[0] == (1, 0)


def test_moved_wagons_left_one_track_and_arrived_at_the_other():
    things = [(20, 50, 12.8, 3.1, "moved"), (60, 55, 12.8, 3.1, "moved")]
    moves = {"moved_to": np.array([2, -1]), "moved_from": np.array([-1, 1])}
    assert outlined(things, ["railcar"] * 2, **moves) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("offset", [2.5, -2.5])
def test_lines_that_are_off_take_their_wagons_along(offset):
    # lines run east: right of them is south
    things = wagons(20, 50 + offset, 3)
    assert outlined(things, ["railcar"] * 3, (row("1", offset), row("2", offset)))[0] == (3, 0)


def test_where_no_single_wagons_show_nothing_is_told():
    assert outlined(wagons(20, 50, 3), ["railcar"] * 3, gsd=3.0) == [(None, None)] * 2
    rows = (row("1", cars=None), row("2"))
    assert outlined(wagons(20, 50, 3), ["railcar"] * 3, rows)[0] == (None, None)
    assert outlined([], []) == [(0, 0), (0, 0)]
