"""Sampling blocks: inside the grid, apart, the same for the same seed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.differencing import Sample, sample_windows
from changedet.errors import NotEnoughValidPixels
from changedet.model import Grid

from .builders import MemoryPair, landscape, noisy_pair

sides = st.integers(1, 40_000)


@given(sides, sides, st.integers(0, 5))
def test_blocks_lie_inside_the_grid_and_apart(height, width, seed):
    grid = Grid.pixels(height, width)
    windows = sample_windows(grid, seed)
    assert windows
    for w in windows:
        assert not w.empty
        assert w.intersect(grid.window) == w
    assert len({(w.row, w.col) for w in windows}) == len(windows)
    # Row by row, blocks of one row of cells side by side: compare each with its neighbours.
    for i, one in enumerate(windows):
        for other in windows[i + 1 : i + 1 + 200]:
            assert one.intersect(other).empty


@given(st.integers(1, 900), st.integers(1, 900))
def test_a_small_grid_is_covered_exactly_once(height, width):
    count = np.zeros((height, width), dtype=np.int64)
    for window in sample_windows(Grid.pixels(height, width), 0):
        count[window.slices] += 1
    assert (count == 1).all()


def test_the_same_seed_gives_the_same_blocks():
    grid = Grid.pixels(9000, 7000)
    assert sample_windows(grid, 3) == sample_windows(grid, 3)
    assert sample_windows(grid, 3) != sample_windows(grid, 4)


@pytest.mark.parametrize("shape", [(4000, 4000), (2000, 20_000), (20_000, 2000), (300, 100_000)])
def test_a_large_grid_is_sampled_everywhere_within_budget(shape):
    windows = sample_windows(Grid.pixels(*shape), 0)
    assert sum(w.height * w.width for w in windows) <= 2_600_000
    for axis, size in zip(("row", "col"), shape, strict=True):
        starts = [getattr(w, axis) for w in windows]
        assert min(starts) < max(size / 4, 1)
        assert max(starts) + 256 > 3 * size / 4


def test_a_tall_narrow_grid_stays_within_budget():
    windows = sample_windows(Grid.pixels(1_000_000, 300), 0)
    assert sum(w.height * w.width for w in windows) <= 2_600_000


def test_pixels_are_the_jointly_valid_ones():
    ground = landscape(1, 2, (70, 300))
    valid = np.zeros(ground.shape[1:], dtype=bool)
    valid[10:60, 30:290] = True
    pair = MemoryPair(ground, ground + 1, valid=valid, garbage=1e6)
    before, after = Sample(pair, sample_windows(pair.grid, 0)).pixels()
    assert before.shape == (2, valid.sum())
    assert before.dtype == np.float32
    np.testing.assert_array_equal(np.sort(before, axis=1), np.sort(ground[:, valid], axis=1))
    np.testing.assert_allclose(after - before, 1, atol=1e-4)


def test_thinning_is_even_and_keeps_dates_together():
    ground = landscape(1, 1, (128, 128))
    pair = MemoryPair(ground, ground + 1)
    before, after = Sample(pair, sample_windows(pair.grid, 0)).pixels(limit=1000)
    assert 900 <= before.shape[1] <= 1000
    np.testing.assert_allclose(after - before, 1, atol=1e-4)


@pytest.mark.parametrize("count", [0, 999])
def test_too_few_valid_pixels_are_refused_with_a_cure(count):
    ground = landscape(1, 2, (100, 100))
    valid = np.zeros(10_000, dtype=bool)
    valid[:count] = True
    pair = MemoryPair(ground, ground, valid=valid.reshape(100, 100))
    said = f"Only {count} pixels ({count / 10_000:.1%} of those sampled) are valid in both images"
    with pytest.raises(NotEnoughValidPixels, match=re.escape(said)) as caught:
        Sample(pair, sample_windows(pair.grid, 0)).pixels()
    assert "at least 1000 are needed" in str(caught.value)
    assert "Check nodata values and masks" in str(caught.value)


@pytest.mark.parametrize("halo", [0, 5, 12])
def test_places_left_out_are_not_valid_on_any_halo(halo):
    """They are known 5 pixels beyond the blocks: farther out nothing is left out."""
    pair = noisy_pair(7, 2, (300, 280))
    sample = Sample(pair, sample_windows(pair.grid, 0))
    everywhere = np.zeros(pair.grid.shape, dtype=bool)
    everywhere[100:140, 240:275] = True
    known = [np.zeros((w.height + 10, w.width + 10), dtype=bool) for w in sample.windows]
    for places, window in zip(known, sample.windows, strict=True):
        inner = window.pad(5).intersect(pair.grid.window)
        places[inner.within(window.pad(5))] = everywhere[inner.slices]
    for window, block in sample.without(known).pairs(halo):
        inner = window.pad(min(halo, 5)).intersect(pair.grid.window)
        seen = block.valid[inner.within(window.pad(halo))]
        np.testing.assert_array_equal(seen, ~everywhere[inner.slices])
    assert sample.without(known).pixels()[0].shape[1] == int((~everywhere).sum())
