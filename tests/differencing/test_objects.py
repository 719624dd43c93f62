"""Objects: outlines, sizes and significance of planted things; no trace of blocks."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from changedet.config import Config
from changedet.differencing import find_objects, fit_detection, minimum_pixels
from changedet.differencing.objects import explaining
from changedet.differencing.objects import labelling as labelling_module
from changedet.model import Grid

from .builders import MemoryPair, Scratch, noisy_pair, turned_rectangle, utm_grid

SHAPE = (200, 220)
THINGS = {
    "dark": ((40, 60), 50, 9, 20.0, -60),
    "bright": ((120, 70), 40, 10, 110.0, +70),
    "gone": ((90, 160), 44, 9, 0.0, +60),
    "small": ((170, 180), 9, 8, 0.0, +80),
}


def planted(grid, seed=1):
    """Rectangles of known place, size and angle; what is gone stands in before."""
    pair = noisy_pair(seed, 3, SHAPE, noise=2.0)
    before, after = (p.copy() for p in pair.pixels)
    masks = {}
    for name, (centre, length, width, angle, step) in THINGS.items():
        masks[name] = turned_rectangle(SHAPE, centre, length, width, angle)
        (before if name == "gone" else after)[:, masks[name]] += step
    return MemoryPair(before, after, grid=grid, roles=("blue", "green", "red")), masks


def find(pair, block=None, rate=200.0, **more):
    rate = None if more.get("fdr") else rate
    config = Config(method="change-vector", false_alarms_per_km2=rate, fdr=more.get("fdr"))
    # the sun stands where it stood: things are told by colour, not by structure, which blurs them
    context = pair.context(shadow_away=((1.0, 0.0), (1.0, 0.0)))
    detection = fit_detection(pair, context, config)
    score = Scratch(detection.score(pair, pair.grid.window), pair.grid)
    labels = Scratch(np.zeros(SHAPE, dtype=np.int32), pair.grid)
    with pytest.MonkeyPatch.context() as patch:
        if block is not None:
            patch.setattr(labelling_module, "LABEL_BLOCK", block)
            patch.setattr(explaining, "LABEL_BLOCK", block)
        found = find_objects(
            score, labels, pair, detection,
            observed_pixels=int(np.isfinite(score.array).sum()), **more,
        )  # fmt: skip
    return found, found.lookup[labels.array]


GRID = utm_grid(*SHAPE)


@pytest.fixture(scope="module")
def whole():
    pair, masks = planted(GRID)
    return pair, masks, *find(pair)


def owner(raster, mask):
    """The object that holds most of a mask."""
    counts = np.bincount(raster[mask])
    counts[0] = 0
    assert counts.max() > 0.7 * mask.sum()
    return int(np.argmax(counts)) - 1


def test_a_large_faint_thing_is_found_though_no_pixel_of_it_stands_out():
    pair = noisy_pair(1, 3, SHAPE, noise=2.0)
    before, after = (p.copy() for p in pair.pixels)
    thing = turned_rectangle(SHAPE, (100, 110), 60, 14, 20.0)
    after[:, thing] += 10
    pair = MemoryPair(before, after, grid=GRID, roles=("blue", "green", "red"))
    found, raster = find(pair, rate=2.0)
    context = pair.context(shadow_away=((1.0, 0.0), (1.0, 0.0)))
    detection = fit_detection(
        pair, context, Config(method="change-vector", false_alarms_per_km2=2.0)
    )
    score = detection.score(pair, GRID.window)
    assert score[thing].max() < detection.threshold.seed
    (row,) = found.table
    assert row["properties"]["score"] > detection.threshold.seed
    assert (raster[thing] > 0).mean() > 0.9
    assert (raster > 0).sum() < 1.3 * thing.sum()


def test_planted_things_are_found_with_size_bearing_and_direction(whole):
    _, masks, found, raster = whole
    table = found.table
    rows = {name: owner(raster, mask) for name, mask in masks.items()}
    assert len(set(rows.values())) == len(THINGS)
    for name, (_, length, width, angle, _) in THINGS.items():
        k = rows[name]
        assert table["change"][k] == ("disappeared" if name == "gone" else "appeared")
        # Pooling lets strong change spill over its border by a pixel or two.
        assert length / 2 - 0.5 < table["length_m"][k] < length / 2 + 3
        assert width / 2 - 0.5 < table["width_m"][k] < width / 2 + 3
        # as quiet ground holds large places as well, the smallest is less rare than its peak was
        assert 0 <= table["p_value"][k] <= table["q_value"][k] < 0.02
        if length > 2 * width:
            # Rows grow to the south: an angle towards growing rows turns clockwise from east.
            assert abs((table["bearing_deg"][k] - (90 + angle) + 90) % 180 - 90) < 6


def test_geometry_lies_on_the_pixels_of_the_object(whole):
    pair, _, found, raster = whole
    table, grid = found.table, pair.grid
    assert table.crs == grid.crs
    assert shapely.is_valid(table.geometry).all()
    area = np.array([g.area for g in table.geometry])
    pixels = np.bincount(raster.ravel(), minlength=len(table) + 1)[1:]
    np.testing.assert_allclose(area, pixels * 0.25, rtol=1e-9)
    np.testing.assert_allclose(table["area_m2"], pixels * grid.pixel_area_m2, rtol=1e-9)
    rows, cols = np.nonzero(raster == 1)
    x, y = grid.xy(rows, cols)
    assert shapely.contains_xy(table.geometry[0], x, y).all()
    for k, (row, col) in enumerate(table.pixel):
        assert raster[row, col] == k + 1


def test_objects_come_by_falling_score_with_ids_from_one(whole):
    _, _, found, raster = whole
    table = found.table
    assert (np.diff(table["score"]) <= 0).all()
    np.testing.assert_array_equal(table["id"], np.arange(1, len(table) + 1))
    assert set(np.unique(raster)) == {0, *table["id"].tolist()}


@pytest.mark.parametrize("block", [19, 64])
def test_blocks_leave_no_trace(whole, block):
    pair, _, expected, raster = whole
    found, cut = find(pair, block)
    np.testing.assert_array_equal(cut, raster)
    assert [g.wkb for g in found.table.geometry] == [g.wkb for g in expected.table.geometry]
    for name, column in expected.table.columns.items():
        if column.dtype == object:
            assert found.table[name].tolist() == column.tolist(), name
        else:
            np.testing.assert_allclose(found.table[name], column, rtol=1e-9, err_msg=name)


# rasterio's own way of silencing this warning is not safe between threads.
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_blocks_in_any_order_of_work_give_the_same_bits(whole):
    from concurrent.futures import ThreadPoolExecutor

    pair, _, _, _ = whole
    expected, _ = find(pair, 32)
    with ThreadPoolExecutor(2) as pool:
        found, _ = find(pair, 32, run=pool.map)
    for name, column in expected.table.columns.items():
        np.testing.assert_array_equal(found.table[name], column)


def test_a_smallest_area_leaves_the_larger_ones(whole):
    pair, _, expected, _ = whole
    least = float(np.sort(expected.table["area_m2"])[:2].mean())
    found, _ = find(pair, min_area_m2=least)
    assert 0 < len(found.table) < len(expected.table)
    assert (found.table["area_m2"] >= least).all()
    kept = expected.table["area_m2"] >= least
    assert len(found.table) == kept.sum()


def test_a_false_discovery_rate_leaves_the_significant_ones(whole):
    pair, *_ = whole
    found, _ = find(pair, fdr=0.05)
    assert len(THINGS) <= len(found.table) <= len(THINGS) + 2
    assert (found.table["q_value"] <= 0.05).all()


def test_nothing_that_changed_is_an_empty_table(whole):
    pair, _, _, _ = whole
    detection = fit_detection(pair, pair.context(), Config(method="change-vector"))
    for value in (0.0, np.nan):
        score = Scratch(np.full(SHAPE, value, dtype=np.float32), GRID)
        labels = Scratch(np.zeros(SHAPE, dtype=np.int32), GRID)
        found = find_objects(score, labels, pair, detection, observed_pixels=0)
        assert len(found.table) == 0
        assert found.table.crs == GRID.crs
        assert not found.lookup[labels.array].any()


def test_without_georeferencing_everything_is_in_pixels():
    pair, masks = planted(None)
    found, raster = find(pair)
    k = owner(raster, masks["dark"])
    table = found.table
    assert table.crs is None
    assert np.isnan(table["bearing_deg"]).all()
    assert table["area_m2"][k] == (raster == k + 1).sum()
    assert table["length_m"][k] == pytest.approx(50, abs=4)
    assert table.geometry[k].area == (raster == k + 1).sum()


def test_the_residual_of_each_object_is_its_own():
    pair, masks = planted(GRID)
    residual = np.full(SHAPE, 0.1, dtype=np.float32)
    residual[:, 120:] = 0.3
    pair.residual = residual
    found, raster = find(pair)
    values = found.table["residual_shift_px"]
    assert values[owner(raster, masks["dark"])] == pytest.approx(0.1, rel=1e-5)
    assert values[owner(raster, masks["gone"])] == pytest.approx(0.3, rel=1e-5)


@pytest.mark.parametrize(
    ("grid", "area", "pixels"),
    [
        (utm_grid(50, 50, 2.0), 16.0, 4),
        (utm_grid(50, 50, 2.0), 17.0, 5),
        (utm_grid(50, 50, 2.0), 0.1, 1),
        (Grid.pixels(50, 50), 7.0, 7),
        (Grid.pixels(50, 50), 7.2, 8),
    ],
)
def test_areas_become_pixels(grid, area, pixels):
    # A UTM pixel is not exactly as large on the ground as it says.
    assert abs(minimum_pixels(grid, area) - pixels) <= (0 if grid.crs is None or area < 1 else 1)
    assert minimum_pixels(grid, None) >= 1
