"""Which objects belong together."""

import numpy as np

from changedet.activity import interpret

from . import yard

TRACKS = yard.lines(("1", [(0, 60), (200, 60)]), ("2", [(0, 64.1), (200, 64.1)]))
ROAD = yard.lines(("road", [(0, 140), (200, 140)]))


def groups(things, **columns):
    changes = yard.table(things, **columns)
    found = interpret(changes, None, yard.grid(0.5, 500), tracks=TRACKS, roads=ROAD)
    return found["group"].tolist(), found


def test_coupled_wagons_are_one_train_and_a_gap_makes_two():
    first, second = yard.wagons(20, 60, 4), yard.wagons(90, 60, 3)
    names, _ = groups([*first, *second])
    assert names == ["train 1"] * 4 + ["train 2"] * 3


def test_trains_side_by_side_are_two():
    names, _ = groups([*yard.wagons(20, 60, 4), *yard.wagons(22, 64.1, 4)])
    assert names == ["train 1"] * 4 + ["train 2"] * 4


def test_a_wide_outline_between_two_tracks_does_not_join_their_trains():
    north, south = yard.wagons(20, 60, 4), yard.wagons(89.1, 64.1, 4)
    between = (75.6, 62.0, 12.0, 5.4, "appeared")
    names, found = groups([*north, between, *south])
    assert found["kind"].tolist() == ["railcar"] * 9
    assert names[:4] == ["train 1"] * 4
    assert len({*names[5:]}) == 1
    assert names[5] != names[0]


def test_a_wide_outline_in_the_line_of_a_train_belongs_to_it():
    first, second = yard.wagons(20, 60, 3), yard.wagons(75.6, 60, 3)
    wide = (61.7, 61.0, 12.8, 5.0, "appeared")
    names, _ = groups([*first, wide, *second])
    assert set(names) == {"train 1"}


def test_what_left_and_what_came_are_grouped_apart():
    gone, come = yard.wagons(20, 60, 3, "disappeared"), yard.wagons(62, 60, 3)
    names, _ = groups([*gone, *come])
    assert names == ["train 1"] * 3 + ["train 2"] * 3


def test_what_both_dates_hold_goes_with_what_came():
    there, come = yard.wagons(20, 60, 2, "modified"), yard.wagons(47.8, 60, 3)
    assert groups([*there, *come])[0] == ["train 1"] * 5


def test_what_both_dates_hold_goes_with_what_left_where_only_that_is_beside_it():
    left, there = yard.wagons(20, 60, 3, "disappeared"), yard.wagons(61.7, 60, 1, "modified")
    assert groups([*left, *there])[0] == ["train 1"] * 4


def test_of_a_part_of_a_wagon_the_rest_is_in_the_gap():
    whole = yard.wagons(20, 60, 3)
    # what is found of the fourth is its far half, and its outline holds a shadow as well
    part = (20 + 3 * 13.9 + 3.2, 60.4, 6.4, 3.8, "appeared")
    after = yard.wagons(20 + 4 * 13.9, 60, 2)
    assert groups([*whole, part, *after])[0] == ["train 1"] * 6


def test_outlines_that_are_turned_a_little_stay_in_line():
    turns = [0.0, 7.0, -7.0, 5.0, -6.0, 0.0]
    things = [(*t, turn) for t, turn in zip(yard.wagons(20, 60, 6), turns, strict=True)]
    assert groups(things)[0] == ["train 1"] * 6


def test_one_outline_over_several_wagons_is_a_train_by_itself():
    names, found = groups([(100, 60, 80.0, 3.2, "appeared"), (20, 60, 12.8, 3.16, "appeared")])
    assert found["kind"].tolist() == ["train", "railcar"]
    assert names == ["train 1", None]


def test_a_train_in_a_curve_hangs_together():
    angle = np.linspace(0, 0.5, 8)
    radius = 14.0 * 7 / 0.5
    things = [
        (30 + radius * np.sin(a), 30 + radius * (1 - np.cos(a)), 12.8, 3.16, "appeared",
         -np.degrees(a)) for a in angle
    ]  # fmt: skip
    found = interpret(yard.table(things), None, yard.grid(0.5, 500))
    assert set(found["kind"]) == {"railcar"}
    assert set(found["group"]) == {"train 1"}


def test_lorries_in_a_line_are_a_convoy_and_those_of_the_other_lane_are_not():
    ours = [(20 + 27 * k, 142, 16.5, 2.55, "appeared") for k in range(4)]
    theirs = [(33, 138, 16.5, 2.55, "appeared"), (165, 142, 16.5, 2.55, "appeared")]
    names, found = groups([*ours, *theirs])
    assert set(found["kind"]) == {"truck"}
    assert names == ["convoy 1"] * 4 + [None, None]


def test_containers_that_touch_are_a_stack():
    block = [
        (50 + 12.6 * i, 100 + 2.75 * k, 12.19, 2.44, "appeared") for i in (0, 1) for k in (0, 1)
    ]
    away = (50, 120, 12.19, 2.44, "appeared")
    names, found = groups([*block, away])
    assert set(found["kind"]) == {"container"}
    assert names == ["stack 1"] * 4 + [None]


def test_what_is_explained_away_joins_nothing():
    names, _ = groups(yard.wagons(20, 60, 3), explained_by=[None, "shadow", None])
    assert names == [None, None, None]


def test_a_fixed_name_does_not_depend_on_the_order_of_rows():
    things = [*yard.wagons(20, 60, 4), *yard.wagons(90, 60, 3)]
    order = np.random.default_rng(3).permutation(7)
    names, _ = groups([things[k] for k in order])
    back = np.array(names, dtype=object)[np.argsort(order)].tolist()
    assert back[:4] == [back[0]] * 4
    assert back[4:] == [back[4]] * 3
    assert names[0] == "train 1"
