"""Cuts laid on each other, and what was learnt of how they look."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from changedet.activity.things.chains import find_links
from changedet.activity.things.cuts import (
    COLUMNS as CUT_COLUMNS,
)
from changedet.activity.things.cuts import TURNED, best_run, cut_columns, lay_cuts, stand_in_rows
from changedet.activity.things.interpreting import movable
from changedet.activity.things.likeness import COLUMNS, Sight, compare, look_closely, one_way
from changedet.activity.things.pairing import LEAST, Hypotheses, pair_cuts
from changedet.activity.things.placing import place_objects
from changedet.activity.things.weighing import FILE, learnt
from changedet.model import Image, ImagePair, as_trees

from . import yard

COLOURS = np.log(
    [[0.4, 0.5, 1.2, 1.4], [1.6, 1.0, 0.6, 1.0], [2.4, 2.4, 2.3, 2.1], [0.6, 1.2, 0.7, 1.2],
     [0.7, 1.2, 2.0, 2.0], [1.4, 1.4, 1.3, 1.3], [0.35, 0.35, 0.4, 0.4], [1.0, 0.8, 0.5, 0.7]]
)  # fmt: skip


def placed(things):
    changes = yard.table(things)
    return place_objects(changes, yard.grid(0.5, 800), 1.0)


def seen(objects, colours, rng, noise=0.02):
    """Look of things of such colours, each the same from end to end but for marks of its paint."""
    marks = 0.15 * np.sin(np.arange(12) * (1 + colours[:, :1] % 1))
    along = colours[:, None, :] + marks[:, :, None] + rng.normal(0, noise, (len(colours), 12, 4))
    across = np.repeat(along.mean(axis=(1, 2))[:, None], 33, axis=1)
    return Sight(along, across, one_way(objects.along))


def rows_of(things, change):
    return np.array([k for k, t in enumerate(things) if t[4] == change])


def claimed(things, colours, kinds, rng, outlines=None):
    objects = placed(things)
    found = pair_cuts(
        objects, np.array(kinds, dtype=object), (find_links(objects),), seen(objects, colours, rng),
        rows_of(things, "disappeared"), rows_of(things, "appeared"), outlines or objects,
    )  # fmt: skip
    return dict(zip(found.departed.tolist(), found.arrived.tolist(), strict=True))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_a_train_is_found_again_as_a_whole(rng):
    things = [
        *yard.wagons(20, 50, 6, "disappeared"), *yard.wagons(200, 80, 5),
        *yard.wagons(30, 120, 6),
    ]  # fmt: skip
    order = np.array([0, 1, 1, 2, 0, 3])
    other = np.array([4, 5, 4, 4, 5])
    colours = COLOURS[np.concatenate([order, other, order])]
    assert claimed(things, colours, ["railcar"] * 17, rng) == {k: k + 11 for k in range(6)}


def test_a_part_of_a_train_is_found_again(rng):
    things = [*yard.wagons(20, 50, 8, "disappeared"), *yard.wagons(30, 120, 5)]
    order = np.array([0, 1, 4, 7, 0, 3, 5, 6])
    colours = COLOURS[np.concatenate([order, order[3:]])]
    assert claimed(things, colours, ["railcar"] * 13, rng) == {k + 3: k + 8 for k in range(5)}


def test_nothing_is_said_of_trains_of_other_wagons(rng):
    things = [*yard.wagons(20, 50, 6, "disappeared"), *yard.wagons(30, 120, 6)]
    colours = COLOURS[[0, 1, 1, 2, 0, 3, 4, 5, 6, 4, 7, 6]]
    assert claimed(things, colours, ["railcar"] * 12, rng) == {}


def test_lorries_are_never_paired(rng):
    things = [
        *[(30 + 40 * k, 40, 16.5, 2.55, "disappeared") for k in range(5)],
        *[(30 + 40 * k, 90, 16.5, 2.55, "appeared") for k in range(5)],
    ]
    colours = COLOURS[[0, 1, 2, 3, 4] * 2]
    assert claimed(things, colours, ["truck"] * 10, rng) == {}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [(12.2, 12.4, True), (12.2, 13.7, False), (12.2, 6.1, False), (6.1, 6.1, False)],
)
def test_boxes_are_paired_only_if_long_and_equally_long(before, after, same, rng):
    things = [
        (40, 40, before, 2.44, "disappeared"), (300, 60, after, 2.44, "appeared"),
        *[(60 + 30 * k, 200, 12.2, 2.44, "disappeared") for k in range(5)],
    ]  # fmt: skip
    colours = COLOURS[[0, 0, 1, 2, 3, 4, 5]]
    found = claimed(things, colours, ["container"] * 7, rng)
    assert found == ({0: 1} if same else {})


@pytest.mark.parametrize(
    ("row", "column", "metres", "same"),
    [(0, "length", 12.2, True), (0, "length", 14.0, False), (1, "length", 10.0, False),
     (0, "width", 3.1, True), (1, "width", 4.0, False)],
)  # fmt: skip
def test_a_box_whose_outline_holds_something_else_is_not_paired(row, column, metres, same, rng):
    things = [
        (40, 40, 12.2, 2.44, "disappeared"), (300, 60, 12.2, 2.44, "appeared"),
        *[(60 + 30 * k, 200, 12.2, 2.44, "disappeared") for k in range(5)],
    ]  # fmt: skip
    outlines = placed(things)
    size = getattr(outlines, column).copy()
    size[row] = metres
    outlines = replace(outlines, **{column: size})
    found = claimed(things, COLOURS[[0, 0, 1, 2, 3, 4, 5]], ["container"] * 7, rng, outlines)
    assert found == ({0: 1} if same else {})


def test_of_boxes_only_sure_bodies_may_move_and_of_wagons_likely_ones():
    things = [(40 + 30 * k, 40, 13.0, 2.9, "appeared") for k in range(6)]
    kinds = np.array(["railcar"] * 3 + ["container"] * 3, dtype=object)
    body = np.array([0.45, 0.55, np.nan, 0.55, 0.85, np.nan])
    free = movable(placed(things), kinds, 0.5, body)
    assert free.tolist() == [False, True, True, False, True, True]


def test_a_piece_beside_a_wagon_does_not_part_its_row():
    wagons = yard.wagons(20, 50, 6, "disappeared")
    x, y, length, _, change = wagons[2]
    # what was left of the third one lies along its end, nearer to the fourth
    piece = (x + 0.5 * length - 2.5, y + 1.0, 6.0, 2.0, change)
    objects = placed([*wagons, piece])
    links = find_links(objects, mutual=False)
    row = stand_in_rows(objects, one_way(objects.along), links, np.arange(6))
    assert row.size.tolist() == [6]
    # where only what is next to each other is linked, it does
    parted = stand_in_rows(objects, one_way(objects.along), find_links(objects), np.arange(6))
    assert parted.size.max() < 6


def test_a_train_with_a_piece_beside_one_wagon_is_paired_whole(rng):
    before, after = yard.wagons(20, 50, 6, "disappeared"), yard.wagons(60, 120, 6)
    x, y, length, _, change = before[2]
    piece = (x + 0.5 * length - 2.5, y + 1.0, 6.0, 2.0, change)
    things = [*before, *after, piece]
    objects = placed(things)
    colours = COLOURS[[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6]]
    found = pair_cuts(
        objects, np.array(["railcar"] * 13, dtype=object),
        tuple(find_links(objects, mutual=mutual) for mutual in (True, False)),
        seen(objects, colours, rng), np.arange(6), np.arange(6, 12), objects,
    )  # fmt: skip
    assert found.departed.tolist() == list(range(6))
    assert found.arrived.tolist() == list(range(6, 12))


def test_a_train_that_seems_turned_needs_more_to_speak_for_it():
    objects, old, new = turned_train()
    i, j = np.repeat(np.arange(5), 5), np.tile(np.arange(5, 10), 5)
    cuts = lay_cuts(old, new, i, j)
    cuts, alike = best_run(cuts, old, new, np.zeros(cuts.inside.shape))
    both = Hypotheses(cuts, cut_columns(cuts, alike, objects), 1)
    several = cuts.inside.sum(axis=1) > 1
    straight = Hypotheses(replace(cuts, turned=np.zeros_like(cuts.turned)), both.columns, 1)
    trees = learnt()["wagon"].cut

    def odds(of):
        chance = of.probability(trees)
        return np.log(chance / (1 - chance))

    assert (cuts.turned & several).any()
    rarer = odds(straight) - odds(both)
    assert rarer == pytest.approx(np.where(cuts.turned & several, TURNED, 0.0))


def turned_train():
    """Five wagons before; the same five the other way round."""
    things = [*yard.wagons(20, 50, 5, "disappeared"), *yard.wagons(30, 120, 5)]
    objects = placed(things)
    axis = one_way(objects.along)
    links = find_links(objects)
    old, new = (stand_in_rows(objects, axis, links, rows_of(things, c)) for c in
                ("disappeared", "appeared"))  # fmt: skip
    return objects, old, new


def test_a_train_that_was_turned_is_laid_the_other_way_round():
    objects, old, new = turned_train()
    i, j = np.repeat(np.arange(5), 5), np.tile(np.arange(5, 10), 5)
    cuts = lay_cuts(old, new, i, j)
    # thing k came to stand where the order runs backwards
    alike = np.where(cuts.inside & (cuts.departed + cuts.arrived == 9), 2.0, -2.0)
    alike = np.where(cuts.turned[:, None], alike, -2.0)
    run, kept = best_run(cuts, old, new, alike)
    top = int(kept.sum(axis=1).argmax())
    assert run.turned[top]
    assert run.departed[top].tolist() == [0, 1, 2, 3, 4]
    assert run.arrived[top].tolist() == [9, 8, 7, 6, 5]
    assert run.open_departed[top] == run.open_arrived[top] == 0
    columns = cut_columns(run, kept, objects)
    assert columns.shape == (len(run), len(CUT_COLUMNS))
    assert columns[top, CUT_COLUMNS.index("span")] == pytest.approx(0.0, abs=1e-6)
    assert columns[top, CUT_COLUMNS.index("things")] == 5


def test_the_run_that_most_speaks_for_is_kept():
    _, old, new = turned_train()
    i, j = np.arange(5), np.arange(5, 10)
    cuts = lay_cuts(old, new, i, j)
    straight = ~cuts.turned & (cuts.inside.sum(axis=1) == 5)
    alike = np.zeros(cuts.inside.shape)
    alike[straight] = [-5.0, 3.0, 3.0, 3.0, 3.0]
    run, kept = best_run(cuts, old, new, alike)
    top = int(kept.sum(axis=1).argmax())
    # breaking a coupling where both rows go on costs three
    assert run.departed[top][run.inside[top]].tolist() == [1, 2, 3, 4]
    assert (run.open_departed[top], run.open_arrived[top]) == (1, 1)
    alike[straight] = [-2.0, 3.0, 3.0, 3.0, 3.0]
    run, kept = best_run(cuts, old, new, alike)
    top = int(kept.sum(axis=1).argmax())
    assert run.departed[top].tolist() == [0, 1, 2, 3, 4]


def test_of_one_thing_read_from_its_other_end_nothing_differs(rng):
    things = [(40, 50, 14, 3, "disappeared"), (90, 80, 14, 3, "appeared")]
    objects = placed(things)
    sight = seen(objects, COLOURS[[0, 0]], rng, 0.0)
    along = sight.along.copy()
    along[1] = along[0, ::-1]
    sight = Sight(along, sight.across, sight.axis)
    i, j = np.array([0]), np.array([1])
    away, back = compare(objects, sight, i, j), compare(objects, sight, i, j, turned=True)
    assert away.shape == (1, len(COLUMNS))
    for name in ("course", "colour along", "halves", "least like part"):
        k = COLUMNS.index(name)
        assert back[0, k] == pytest.approx(0.0, abs=1e-9)
    assert away[0, COLUMNS.index("course")] > 0.01
    assert back[0, COLUMNS.index("steps alike")] > 0.5


def test_things_are_read_in_one_direction_at_their_own_date():
    grid = yard.grid(0.5, 200)
    _, c = np.mgrid[0:200, 0:200]
    ramp = np.stack([1.0 + c * 0.01, 2.0 + c * 0.01]).astype(np.float32)

    class Pair:
        def __init__(self):
            self.grid, self.roles = grid, ("red", "nir")

        def read(self, window):
            images = [
                Image(
                    factor * ramp[:, *window.slices], np.ones(window.shape, dtype=bool),
                    grid.subset(window), self.roles,
                ) for factor in (1.0, 3.0)
            ]  # fmt: skip
            return ImagePair(*images)

    things = [
        (40, 50, 16, 4, "disappeared"), (60, 30, 16, 4, "appeared", 180.0),
        (40, 70, 16, 4, "appeared"),
    ]  # fmt: skip
    sight = look_closely(placed(things), Pair(), lambda before: 3.0 * before)
    assert sight.known.all()
    # brought to one radiometry, the first and the last look the same
    assert np.allclose(sight.along[0], sight.along[2], atol=1e-6)
    step = np.diff(sight.along, axis=1)
    assert ((step > 0).all(axis=(1, 2)) | (step < 0).all(axis=(1, 2))).all()
    assert len(set(np.sign(step[:, 0, 0]))) == 1


def test_trees_lead_where_they_should():
    trees = as_trees(
        {"constant": 1.0, "column": [[0, 1, 1]], "limit": [[2.0, 5.0, None]],
         "leaf": [[0.1, 0.2, 0.4, 0.8]]}
    )  # fmt: skip
    columns = np.array([[1.0, 4.0], [1.0, 5.0], [2.0, 9.0], [np.nan, np.nan]])
    assert trees.log_odds(columns) == pytest.approx([1.1, 1.2, 1.4, 1.1])


def test_what_is_shipped_is_small_and_says_how_it_was_made():
    text = (resources.files("changedet.activity.things") / FILE).read_text("utf-8")
    assert len(text) < 150_000
    assert json.loads(text)["made by"].startswith("python tests/benchmarks/learn_moves.py")
    assert set(learnt()) == set(LEAST)
