"""Departed and arrived objects in pairs."""

import time
from dataclasses import replace

import numpy as np
import pytest

from changedet.activity import interpret, zone_activity
from changedet.activity.things.placing import place_objects
from changedet.activity.things.profiling import sample_profiles
from changedet.model import Image, ImagePair

from . import yard


def dates_of(things):
    known = {"disappeared": 1, "appeared": 2, "modified": 3}
    return np.array([known[t[4]] for t in things])


def pairs(things, colours, crs=yard.UTM, size=800, columns=None, **light):
    look = yard.looks(colours, dates=dates_of(things), **light)
    changes = yard.table(things, crs, **(columns or {}))
    found = interpret(changes, look, yard.grid(0.5 if crs else 1.0, size, crs))
    moved = np.flatnonzero(found["moved_to"] >= 0)
    return {int(found["id"][k]): int(found["moved_to"][k]) for k in moved}, found


def scattered(n, change, rng, x0=20):
    """Containers that stand alone."""
    return [
        (x0 + 40 * (k % 8), 30 + 25 * (k // 8) + (0 if change == "appeared" else 12), 12.19, 2.44,
         change) for k in range(n)
    ]  # fmt: skip


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_distinct_things_are_found_again(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:13] = colours[:5][::-1] * rng.normal(1, 0.01, (5, 4))
    found, table = pairs(things, colours)
    assert found == {5: 9, 4: 10, 3: 11, 2: 12, 1: 13}
    assert table["change"].tolist() == (
        ["moved"] * 5 + ["disappeared"] * 3 + ["moved"] * 5 + ["appeared"] * 3
    )
    assert table["moved_from"][8] == 5
    a, b = things[4], things[8]
    assert table["moved_m"][8] == pytest.approx(np.hypot(a[0] - b[0], a[1] - b[1]), abs=0.2)
    assert table["moved_m"][4] == table["moved_m"][8]


def test_other_light_at_the_second_date_does_not_matter(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:12] = colours[:4]
    assert pairs(things, colours, gain=1.3, offset=0.1)[0] == {1: 9, 2: 10, 3: 11, 4: 12}


def test_nothing_is_claimed_of_like_things(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = np.full((16, 4), 0.7) * rng.normal(1, 0.02, (16, 1))
    assert pairs(things, colours)[0] == {}


def test_nothing_is_claimed_of_parts_and_of_cars(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:12] = colours[:4]
    assert pairs(things, colours)[0] == {1: 9, 2: 10, 3: 11, 4: 12}
    # of the first pair a part of the box is found, of the second a car
    for k, length, width in ((0, 4.6, 2.44), (8, 4.6, 2.44), (1, 4.6, 1.8), (9, 4.6, 1.8)):
        x, y, _, _, change = things[k]
        things[k] = (x, y, length, width, change)
    assert pairs(things, colours)[0] == {3: 11, 4: 12}


def test_unrelated_things_are_not_paired(rng):
    things = [*scattered(10, "disappeared", rng), *scattered(10, "appeared", rng)]
    assert pairs(things, rng.uniform(0.1, 1.5, (20, 4)))[0] == {}


def test_of_two_possible_partners_none_is_claimed(rng):
    things = [*scattered(6, "disappeared", rng), *scattered(6, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (12, 4))
    colours[[6, 7]] = colours[0]
    assert 1 not in pairs(things, colours)[0]


def test_a_train_is_known_by_the_order_of_its_wagons(rng):
    # two colours alone, as in the other train
    pattern = np.array([0, 1, 1, 0, 1, 0, 0, 1])
    other = np.array([1, 0, 1, 1, 0, 0, 1, 1])
    kinds = np.array([[0.3, 0.35, 0.5, 0.6], [0.9, 0.85, 0.8, 0.9]])
    things = [
        *yard.wagons(20, 50, 8, "disappeared"), *yard.wagons(200, 80, 8),
        *yard.wagons(30, 120, 8),
    ]  # fmt: skip
    colours = kinds[np.concatenate([pattern, other, pattern])] * rng.normal(1, 0.01, (24, 1))
    found, table = pairs(things, colours)
    assert found == {k: k + 16 for k in range(1, 9)}
    assert set(table["kind"]) == {"railcar"}


def test_size_must_agree(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    things[8] = (*things[8][:2], 6.06, 2.44, "appeared")
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:10] = colours[:2]
    assert pairs(things, colours)[0] == {2: 10}


def test_what_is_cut_explained_or_rooted_does_not_move(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:11] = colours[:3]
    columns = {
        "cut_by": ["image edge"] + [None] * 15, "explained_by": [None, "shadow"] + [None] * 14,
    }  # fmt: skip
    assert pairs(things, colours, columns=columns)[0] == {3: 11}


def test_without_georeferencing_things_move_but_no_metres(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:12] = colours[:4]
    found, table = pairs(things, colours, crs=None)
    assert len(found) >= 3
    assert all(b == a + 8 for a, b in found.items())
    assert np.isnan(table["moved_m"]).all()


def test_the_order_of_rows_does_not_matter(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:12] = colours[:4]
    order = rng.permutation(16)
    found, _ = pairs([things[k] for k in order], colours[order])
    assert {order[a - 1] + 1: order[b - 1] + 1 for a, b in found.items()} == {
        1: 9, 2: 10, 3: 11, 4: 12
    }  # fmt: skip


def test_ten_thousand_objects_stay_cheap(rng):
    n = 5000
    x, y = rng.uniform(50, 9950, (2, 2 * n))
    things = [
        (x[k], y[k], 12.19, 2.44, "disappeared" if k < n else "appeared") for k in range(2 * n)
    ]
    colours = rng.uniform(0.1, 3.0, (2 * n, 4))
    colours[n : n + 500] = colours[:500]
    start = time.process_time()
    found, _ = pairs(things, colours, size=20_000)
    assert time.process_time() - start < 20
    good = sum(b == a + n for a, b in found.items())
    assert good / max(len(found), 1) > 0.9


def test_colours_are_taken_from_end_to_end():
    grid = yard.grid(0.5, 200)
    r, c = np.mgrid[0:200, 0:200]
    ramp = np.stack([c * 1.0, r * 2.0]).astype(np.float32)
    valid = np.ones((200, 200), dtype=bool)

    class Pair:
        def __init__(self):
            self.grid, self.roles = grid, ("red", "nir")

        def read(self, window):
            assert window.row >= 0
            image = Image(
                ramp[:, *window.slices], valid[window.slices], grid.subset(window), self.roles
            )
            return ImagePair(image, replace(image, pixels=image.pixels + 1))

    changes = yard.table([(40, 50, 16.0, 4.0, "appeared"), (60, 30, 12.0, 3.0, "appeared", 90.0)])
    profile = sample_profiles(place_objects(changes, grid, 1.0), Pair())
    step = 16.0 * 0.92 / 8
    along = 40 + step * (np.arange(8) - 3.5)
    assert np.allclose(profile[0, 0, :, 0], along / 0.5 - 0.5, atol=0.02)
    assert np.allclose(profile[0, 0, :, 1], 2 * (50 / 0.5 - 0.5), atol=0.2)
    assert np.allclose(profile[1], profile[0] + 1)
    # the second one runs north
    assert np.allclose(np.diff(profile[0, 1, :, 1]), -2 * 12.0 * 0.92 / 8 / 0.5, atol=0.02)


class Seen:
    def __init__(self, grid):
        self.grid, self.dtype = grid, np.dtype(np.uint8)

    def read(self, window):
        return np.zeros(window.shape, dtype=np.uint8)


def test_a_moved_thing_counts_once_and_both_places_have_area(rng):
    things = [*scattered(8, "disappeared", rng), *scattered(8, "appeared", rng)]
    colours = rng.uniform(0.1, 1.5, (16, 4))
    colours[8:12] = colours[:4]
    _, table = pairs(things, colours)
    site = zone_activity(table, None, yard.grid(0.5, 800), Seen(yard.grid(0.5, 800)))[-1]
    assert (site.moved, site.appeared, site.disappeared) == (4, 4, 4)
    assert site.area_modified_m2 == pytest.approx(8 * 12.19 * 2.44)
