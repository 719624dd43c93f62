"""Which date holds an object: planted things, dates that change places, yards seen aslant."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet.config import Config
from changedet.differencing import find_objects, fit_detection
from changedet.differencing.objects.holding import COLUMNS, held_by, learnt
from changedet.simulation import simulate

from .boxes import GREEN, RED, SHAPE, WHITE, agreement, find, scene
from .builders import Scratch

OPPOSITE = {"appeared": "disappeared", "disappeared": "appeared", "modified": "modified"}
BOX, LEANING = np.s_[60:68, 60:84], np.s_[60:68, 63:87]
"""A box, and one in its place that is seen from another side."""


def shaded(pair, date, box):
    """The same pair with the shadow of a box, south of it."""
    rows, cols = box
    where = (slice(None), slice(rows.stop, rows.stop + 8), cols)
    pair.pixels[date][where] *= np.float32(0.32)
    return pair


def test_the_trees_ask_for_columns_that_are_there():
    assert learnt().column.max() < len(COLUMNS)


def test_dates_that_change_places_change_only_the_name():
    columns = np.random.default_rng(0).normal(size=(2, 400, len(COLUMNS)))
    change = held_by(columns)
    assert len(set(change)) == 3
    assert held_by(columns[::-1]).tolist() == [OPPOSITE[c] for c in change]


def test_what_looks_the_same_at_both_dates_is_held_by_neither_alone():
    one = np.random.default_rng(1).normal(size=(200, len(COLUMNS)))
    assert set(held_by(np.stack([one, one]))) == {"modified"}


@pytest.mark.parametrize("gone", [False, True])
def test_a_thing_with_its_shadow_is_held_by_the_date_that_shows_it(gone):
    things = [(BOX, WHITE)]
    pair = shaded(scene(*(((), things) if gone else (things, ()))), int(not gone), BOX)
    table, raster = find(pair)
    k, share = agreement(raster, BOX)
    assert share > 0.8
    assert table["change"][k] == ("disappeared" if gone else "appeared")


def test_a_thing_that_leans_otherwise_than_the_one_before_is_a_modification():
    pair = scene([(LEANING, RED)], [(BOX, GREEN)])
    table, raster = find(shaded(shaded(pair, 0, BOX), 1, LEANING))
    k, _ = agreement(raster, np.s_[60:68, 63:84])
    assert table["change"][k] == "modified"


@pytest.mark.parametrize("gone", [False, True])
def test_without_the_sun_outline_and_ground_tell(gone):
    things = [(BOX, RED)]
    pair = scene(*(((), things) if gone else (things, ())))
    config = Config(method="change-vector", false_alarms_per_km2=200.0)
    detection = fit_detection(pair, pair.context(), config)
    assert detection.shadow is None
    score = Scratch(detection.score(pair, pair.grid.window), pair.grid)
    labels, parts = (Scratch(np.zeros(SHAPE, dtype=np.int32), pair.grid) for _ in range(2))
    found = find_objects(
        score, labels, pair, detection, observed_pixels=score.array.size, parts=parts
    )
    assert found.dates is None
    k, _ = agreement(found.lookup[labels.array], BOX)
    assert found.table["change"][k] == ("disappeared" if gone else "appeared")


@pytest.mark.slow
@pytest.mark.parametrize("lean", [False, True])
def test_directions_of_a_yard_are_right_also_where_things_lean(lean):
    views = {"off_nadir_before": 18.0, "off_nadir_after": 12.0, "view_azimuth_after": 140.0}
    right, every = 0, 0
    for seed in (31, 32):
        yard = simulate(
            "railyard", seed, gsd_before=0.5, change_fraction=0.3, **(views if lean else {})
        )
        suns = {"sun_before": yard.options.sun_before, "sun_after": yard.options.sun_after}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = cd.detect(yard.before, yard.after, **suns).changes
        table = table.take(~table.explained)
        for thing in yard.truth.changed:
            if thing.kind not in ("railcar", "container", "container_stack", "truck"):
                continue
            common = shapely.area(shapely.intersection(table.geometry, thing.geometry))
            row = int(common.argmax())
            if common[row] < 0.5 * thing.geometry.area:
                continue
            change = str(table["change"][row])
            if change == "moved":
                change = "disappeared" if table["moved_to"][row] >= 0 else "appeared"
            both = thing.before and thing.after
            right += change == (
                "modified" if both else "appeared" if thing.after else "disappeared"
            )
            every += 1
    assert every > 30
    assert right >= 0.92 * every, (right, every)
