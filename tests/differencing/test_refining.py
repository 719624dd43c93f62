"""Places are cut into things: by colour and gaps, without cast shadows, and whatever the blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from changedet.differencing.objects import refining
from changedet.differencing.objects.refining import can_refine

from .boxes import GREEN, GRID, RED, SHAPE, WHITE, agreement, find, scene

ONE, OTHER = np.s_[40:48, 40:64], np.s_[40:48, 64:88]


def test_things_of_two_colours_are_two_rows_with_the_significance_of_their_place():
    pair = scene([(ONE, RED), (OTHER, GREEN)])
    table, raster = find(pair)
    (i, first), (j, second) = agreement(raster, ONE), agreement(raster, OTHER)
    assert i != j
    assert min(first, second) > 0.85
    place, wide = find(pair, refined=False)
    k, _ = agreement(wide, ONE)
    assert agreement(wide, OTHER)[0] == k
    for name in ("score", "p_value", "q_value"):
        assert table[name][i] == table[name][j] == place[name][k]
    assert set(table["change"][[i, j]]) == {"appeared"}


def test_wagons_of_one_colour_are_parted_by_their_gaps():
    wagons = [np.s_[70:76, c : c + 27] for c in (20, 49, 78, 107)]
    table, raster = find(scene([(w, RED) for w in wagons]))
    found = [agreement(raster, w) for w in wagons]
    assert len({k for k, _ in found}) == 4
    assert min(share for _, share in found) > 0.85
    np.testing.assert_allclose(table["length_m"][[k for k, _ in found]], 13.5, atol=1.0)


def test_the_shadow_of_a_thing_is_no_part_of_it():
    box, shadow = np.s_[40:48, 40:70], np.s_[48:56, 40:70]
    pair = scene([(box, WHITE)], shade=[shadow])
    _, wide = find(pair, refined=False)
    assert (wide[shadow] > 0).mean() > 0.8
    table, raster = find(pair)
    k, share = agreement(raster, box)
    assert share > 0.9
    assert (raster[shadow] > 0).mean() < 0.1
    assert table["area_m2"][k] == pytest.approx(8 * 30 / 4, rel=0.1)


def test_a_faint_thing_is_cut_from_a_place_that_is_mostly_its_shadow():
    box, shadow = np.s_[40:48, 40:70], np.s_[48:63, 40:70]
    pair = scene([(box, (125.0, 137.5, 150.0))], shade=[shadow])
    place, wide = find(pair, refined=False)
    assert (wide[shadow] > 0).mean() > 0.8
    # as much as the place has, and more than its parts have
    seed = float(place["score"][0]) - 0.05

    def strict(detection):
        return replace(detection, threshold=replace(detection.threshold, seed=seed))

    _, raster = find(pair, change=strict)
    assert agreement(raster, box)[1] > 0.9
    assert (raster[shadow] > 0).mean() < 0.1


@pytest.mark.parametrize("gone", [False, True])
def test_ground_darker_than_its_surroundings_does_not_turn_the_direction(gone):
    """What lands there looks like the surroundings, and the bare ground stood out before."""
    box, dark = np.s_[60:68, 60:84], np.s_[56:72, 56:90]
    things = [(box, (115.0, 115.0, 125.0))]
    table, raster = find(scene(*(([], things) if gone else (things, [])), dark=[dark]))
    k, share = agreement(raster, box)
    assert share > 0.8
    assert table["change"][k] == ("disappeared" if gone else "appeared")


def test_another_thing_in_the_same_place_is_a_modification():
    box = np.s_[60:68, 60:84]
    table, raster = find(scene([(box, RED)], [(box, GREEN)]))
    k, _ = agreement(raster, box)
    assert table["change"][k] == "modified"


YARD = [
    (np.s_[60:68, 36:60], GREEN), (np.s_[60:68, 84:108], WHITE),
    (np.s_[52:60, 36:108], WHITE), (np.s_[68:76, 36:108], GREEN),
]  # fmt: skip
"""Boxes that stand all around a place and touch it: their edges are its outline."""


@pytest.mark.parametrize("gone", [False, True])
def test_bare_ground_among_neighbours_is_told_from_a_thing_by_its_colour(gone):
    box = np.s_[60:68, 60:84]
    bare, full = YARD, [*YARD, (box, RED)]
    table, raster = find(scene(bare, full) if gone else scene(full, bare))
    k, share = agreement(raster, box)
    assert share > 0.8
    assert table["change"][k] == ("disappeared" if gone else "appeared")


def test_another_thing_among_neighbours_is_a_modification():
    box = np.s_[60:68, 60:84]
    table, raster = find(scene([*YARD, (box, RED)], [*YARD, (box, (260.0, 120.0, 90.0))]))
    k, _ = agreement(raster, box)
    assert table["change"][k] == "modified"


@pytest.mark.parametrize("replaced", [False, True])
def test_where_it_gets_dark_away_from_the_sun_a_thing_stands_though_ground_has_its_colour(replaced):
    box, shadow, patch = np.s_[60:68, 60:84], np.s_[68:76, 60:84], np.s_[48:54, 64:80]
    pair = scene([(patch, WHITE), (box, WHITE)], [(patch, WHITE), (box, RED)])
    for date in (0, 1) if replaced else (0,):
        pair.pixels[date][(slice(None), *shadow)] *= np.float32(0.32)
    table, raster = find(pair)
    k, share = agreement(raster, box)
    assert share > 0.8
    assert table["change"][k] == ("modified" if replaced else "disappeared")


BUSY = [
    (np.s_[20:28, 20:60], RED), (np.s_[20:28, 60:100], GREEN), (np.s_[40:46, 10:37], RED),
    (np.s_[40:46, 39:66], RED), (np.s_[64:74, 55:75], WHITE), (np.s_[100:112, 120:170], GREEN),
    (np.s_[114:124, 120:170], RED),
]  # fmt: skip


@pytest.mark.parametrize("block", [32, 64])
def test_blocks_leave_no_trace(block):
    pair = scene(BUSY)
    table, raster = find(pair)
    again, cut = find(pair, block=block)
    np.testing.assert_array_equal(cut, raster)
    assert [g.wkb for g in again.geometry] == [g.wkb for g in table.geometry]
    assert again["change"].tolist() == table["change"].tolist()
    pixels = np.bincount(raster.ravel(), minlength=len(table) + 1)[1:]
    np.testing.assert_allclose(table["area_m2"], pixels * GRID.pixel_area_m2, rtol=1e-9)
    for k, (row, col) in enumerate(table.pixel):
        assert raster[row, col] == k + 1


@pytest.mark.parametrize("limit", ["LARGEST_PLACE", "LARGEST_WINDOW"])
def test_what_is_too_large_stays_whole(limit, monkeypatch):
    monkeypatch.setattr(refining, limit, 10)
    if limit == "LARGEST_WINDOW":
        monkeypatch.setattr(refining, "TOGETHER_PX", -10_000)
    pair = scene(BUSY)
    table, raster = find(pair)
    whole, wide = find(pair, refined=False)
    np.testing.assert_array_equal(raster, wide)
    assert [g.wkb for g in table.geometry] == [g.wkb for g in whole.geometry]


def test_maps_stay_as_they_are():
    def as_map(detection):
        assert can_refine(detection)
        detection = replace(detection, threshold=replace(detection.threshold, is_map=True))
        assert not can_refine(detection)
        return detection

    pair = scene(BUSY)
    table, raster = find(pair, change=as_map)
    whole, wide = find(pair, refined=False, change=as_map)
    np.testing.assert_array_equal(raster, wide)
    assert [g.wkb for g in table.geometry] == [g.wkb for g in whole.geometry]


def test_objects_say_what_cuts_them():
    edge, beside, free = np.s_[0:10, 40:70], np.s_[60:68, 80:100], np.s_[100:108, 100:130]
    valid = np.ones(SHAPE, dtype=bool)
    valid[50:80, 100:120] = False
    table, raster = find(scene([(w, WHITE) for w in (edge, beside, free)], valid=valid))
    said = [table["cut_by"][agreement(raster, w)[0]] for w in (edge, beside, free)]
    assert said == ["image edge", "not observable", None]
