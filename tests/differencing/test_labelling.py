"""Components over blocks are those of the whole image, wherever the seams lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from changedet.differencing.null.significance import ThingSize
from changedet.differencing.objects import labelling
from changedet.differencing.objects.labelling import find_components, touched_windows
from changedet.model import Window

from .builders import Scratch, smooth_field

EIGHT = np.ones((3, 3))
SUPPORT, SEED = 2.0, 5.0


def components(score, block, explained=None, support=SUPPORT, seed=SEED, thing=None):
    """Found components and the raster of their numbers, with blocks of a size."""
    raster = Scratch(np.zeros(score.shape, dtype=np.int32))
    away = None if explained is None else Scratch(explained.astype(np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelling, "LABEL_BLOCK", block)
        found = find_components(Scratch(score), support, seed, raster.write, away, thing=thing)
    return found, found.lookup[raster.array]


def reference(score, support=SUPPORT, seed=SEED):
    """Components of the whole image that hold a seed, by first pixel."""
    labels, n = ndimage.label(np.nan_to_num(score, nan=-1) >= support, EIGHT)
    peak = ndimage.maximum(np.nan_to_num(score, nan=-1), labels, np.arange(1, n + 1))
    keep = np.flatnonzero(np.atleast_1d(peak) >= seed) + 1
    lookup = np.zeros(n + 1, dtype=np.int64)
    lookup[keep] = np.arange(1, len(keep) + 1)
    return lookup[labels], len(keep)


def check(score, block):
    found, raster = components(score, block)
    expected, n = reference(score)
    np.testing.assert_array_equal(raster, expected)
    assert len(found) == n
    if not n:
        return
    index = np.arange(1, n + 1)
    np.testing.assert_array_equal(found.pixels, np.bincount(expected.ravel())[1:])
    peaks = ndimage.maximum(np.nan_to_num(score), expected, index)
    np.testing.assert_array_equal(found.peak, peaks)
    for k, (rows, cols) in enumerate(ndimage.find_objects(expected)):
        where = np.argwhere(expected == k + 1)
        np.testing.assert_array_equal(found.first[k], where[0])
        box = [rows.start, cols.start, rows.stop - 1, cols.stop - 1]
        np.testing.assert_array_equal(found.box[k], box)
    assert not found.explained.any()


@settings(max_examples=80)
@given(
    st.integers(0, 10_000), st.integers(1, 45), st.integers(1, 45), st.integers(3, 64),
    st.sampled_from([0.2, 0.35, 0.5, 0.65]),
)  # fmt: skip
def test_random_masks(seed, height, width, block, density):
    rng = np.random.default_rng(seed)
    score = rng.uniform(2, 5.3, (height, width)) * (rng.random((height, width)) < density)
    score[rng.random(score.shape) < 0.03] = np.nan
    check(score.astype(np.float32), block)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([7, 16, 31, 64]))
def test_smooth_shapes_across_many_seams(seed, block):
    score = 3 + 2 * smooth_field(np.random.default_rng(seed), (130, 110), 3.0)
    check(score.astype(np.float32), block)


@pytest.mark.parametrize("block", [4, 8])
@pytest.mark.parametrize("turn", [False, True])
def test_a_touch_across_the_corner_of_four_blocks_joins(block, turn):
    score = np.zeros((3 * block, 3 * block), dtype=np.float32)
    score[block - 1, block - 1] = 6
    score[block, block] = 3
    score = score[:, ::-1].copy() if turn else score
    check(score, block)
    found, _ = components(score, block)
    assert len(found) == 1
    assert found.pixels[0] == 2


def test_a_chessboard_is_one_component():
    score = (np.indices((40, 40)).sum(axis=0) % 2 * 6).astype(np.float32)
    check(score, 7)
    assert len(components(score, 7)[0]) == 1


def test_a_spiral_through_all_blocks_is_one_component():
    score = np.zeros((33, 33), dtype=np.float32)
    for ring in range(0, 16, 2):
        score[ring, ring : 33 - ring] = score[32 - ring, ring : 33 - ring] = 3
        score[ring : 33 - ring, ring] = score[ring : 33 - ring, 32 - ring] = 3
        score[ring + 1, ring] = 0
        score[ring + 2, ring + 1] = 3
    score[16, 16] = 9
    check(score, 5)


def test_a_seed_far_away_carries_its_whole_component():
    score = np.zeros((10, 60), dtype=np.float32)
    score[5, 2:58] = 3
    score[5, 57] = 6
    score[1, 2:30] = 3
    found, raster = components(score, 8)
    assert len(found) == 1
    assert found.pixels[0] == 56
    assert raster[5, 2] == 1
    assert raster[1, 2] == 0


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_nothing_found(value):
    found, raster = components(np.full((20, 20), value, dtype=np.float32), 8)
    assert len(found) == 0
    assert not raster.any()
    assert touched_windows(Scratch(raster).grid, found) == []


def test_levels_are_inclusive():
    score = np.zeros((5, 5), dtype=np.float32)
    score[1, 1], score[1, 2] = SEED, SUPPORT
    assert components(score, 8)[0].pixels[0] == 2


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 40))
def test_explained_pixels_are_components_of_their_own(seed, block):
    rng = np.random.default_rng(seed)
    shape = (36, 41)
    score = (rng.uniform(2, 5.5, shape) * (rng.random(shape) < 0.5)).astype(np.float32)
    away = smooth_field(rng, shape, 2.0) > 0.3
    found, raster = components(score, block, away)
    ordinary, n = reference(np.where(away, 0, score))
    shaded, m = reference(np.where(away, score, 0))
    assert (~found.explained).sum() == n
    assert found.explained.sum() == m
    for mask, expected in ((~found.explained, ordinary), (found.explained, shaded)):
        new = np.concatenate([[0], np.cumsum(mask) * mask])
        np.testing.assert_array_equal(new[raster], expected)


def test_keep_renumbers_and_drops_the_rest():
    score = np.zeros((30, 30), dtype=np.float32)
    for k in range(4):
        score[2 + 7 * k : 4 + 7 * k, 5 : 10 + k] = 6 + k
    found, _ = components(score, 8)
    raster = Scratch(np.zeros(score.shape, dtype=np.int32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelling, "LABEL_BLOCK", 8)
        find_components(Scratch(score), SUPPORT, SEED, raster.write)
    kept = found.keep(np.array([False, True, False, True]))
    assert len(kept) == 2
    np.testing.assert_array_equal(kept.pixels, found.pixels[[1, 3]])
    np.testing.assert_array_equal(kept.peak, [7, 9])
    numbers = kept.lookup[raster.array]
    assert set(np.unique(numbers)) == {0, 1, 2}
    np.testing.assert_array_equal(numbers == 2, score == 9)


def test_touched_windows_hold_every_component():
    score = np.zeros((40, 50), dtype=np.float32)
    score[3:20, 3] = 6
    score[3, 3:30] = 6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelling, "LABEL_BLOCK", 10)
        raster = Scratch(np.zeros(score.shape, dtype=np.int32))
        found = find_components(Scratch(score), SUPPORT, SEED, raster.write)
        windows = touched_windows(raster.grid, found)
    covered = np.zeros(score.shape, dtype=bool)
    for window in windows:
        covered[window.slices] = True
    assert covered[score > 0].all()
    assert Window(30, 0, 10, 10) not in windows


@pytest.mark.parametrize("block", [5, 8, 64])
def test_a_large_faint_place_is_found_and_a_small_one_is_not(block):
    """Neither has a pixel that reaches the seed; one that has is found whatever its size."""
    score = np.zeros((40, 60), dtype=np.float32)
    score[3:15, 2:32] = 2.5  # 360 pixels
    score[20:23, 5:8] = 2.5  # 9 pixels
    score[30, 40] = 8.0
    seed, thing = 3.5, ThingSize(60.0, 8)
    found, raster = components(score, block, seed=seed, thing=thing)
    expected = score.copy()
    expected[20:23, 5:8] = 0
    np.testing.assert_array_equal(raster > 0, expected > 0)
    np.testing.assert_allclose(found.peak, [2.5 + 2 * np.log10(360 / 60.0), 8.0], rtol=1e-6)
    assert len(components(score, block, seed=seed)[0]) == 1


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([7, 16, 40]))
def test_evidence_is_that_of_the_whole_image(seed, block):
    score = (3.0 * smooth_field(np.random.default_rng(seed), (48, 64), 2.0)).astype(np.float32)
    thing = ThingSize(10.0, 2)
    found, raster = components(score, block, seed=4.0, thing=thing)
    whole, same = components(score, 64, seed=4.0, thing=thing)
    np.testing.assert_array_equal(raster, same)
    np.testing.assert_allclose(found.peak, whole.peak, rtol=1e-6)
