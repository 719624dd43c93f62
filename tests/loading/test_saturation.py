"""Saturated pixels: found, counted, and taken out where both dates are."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.config import Config
from changedet.loading import observe, read_pair_sources
from changedet.loading.reading.saturation import at_top, measure_saturation
from changedet.loading.reading.sources import open_source

from .builders import north_up

GRID = north_up(10.0, 300, 320)


def bright(level: int, share: float, seed: int = 0, bands: int = 2, dtype: str = "uint16"):
    """Skewed brightness, cut off at a level that a share of the pixels reaches."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(4.0, 1.0, (bands, *GRID.shape))
    values *= level / np.quantile(values, 1 - share, axis=(1, 2), keepdims=True)
    return np.minimum(values, level).astype(dtype)


@pytest.mark.parametrize("level", [1023, 2047, 4095])
@pytest.mark.parametrize("share", [0.003, 0.05])
def test_a_sensor_that_cuts_off_is_found(level, share) -> None:
    found = measure_saturation(open_source((bright(level, share), GRID)))
    assert found.level == level
    assert found.share == pytest.approx(1 - (1 - share) ** 2, rel=0.15)


def test_no_cut_no_level() -> None:
    values = np.random.default_rng(1).gamma(4.0, 300.0, (2, *GRID.shape)).astype(np.uint16)
    found = measure_saturation(open_source((values, GRID)))
    assert found.level is None
    assert found.share == 0
    assert found.levels > 1000
    classes = np.random.default_rng(1).integers(0, 9, (1, *GRID.shape)).astype(np.uint16)
    assert measure_saturation(open_source((classes, GRID))).level is None
    floats = np.minimum(np.random.default_rng(1).random((1, *GRID.shape)), 0.9).astype(np.float32)
    assert measure_saturation(open_source((floats, GRID))).level is None


def test_one_band_that_cuts_off_below_the_others_says_nothing() -> None:
    values = bright(2047, 0.02)
    values[1] = np.random.default_rng(3).gamma(4.0, 900.0, GRID.shape).astype(np.uint16)
    assert measure_saturation(open_source((values, GRID))).level is None


def test_eight_bits_end_at_255() -> None:
    found = measure_saturation(open_source((bright(255, 0.01, dtype="uint8"), GRID)))
    assert found.level == 255
    assert at_top(np.array([254.4, 254.9, 255.0]), 255.0).tolist() == [False, True, True]


def test_only_what_is_saturated_twice_in_all_bands_is_taken_out() -> None:
    first, second = bright(2047, 0.004, 1), bright(2047, 0.004, 2)
    first[:, 10:20, 10:20] = 2047
    second[:, 15:25, 10:20] = 2047
    second[0, 15:25, 10:13] = 700  # one band still shows it
    pair = read_pair_sources((first, GRID, ("red", "nir")), (second, GRID, ("red", "nir")))
    pair, view = observe(pair)
    valid = pair.read(GRID.window).valid
    assert not valid[15:20, 13:20].any()
    assert valid[10:15, 10:20].all()
    assert valid[20:25, 10:20].all()
    assert valid[15:20, 10:13].all()
    lost = np.all((first == 2047) & (second == 2047), axis=0)
    assert np.array_equal(~valid, lost)
    assert view.saturated_twice == pytest.approx(lost.mean())
    assert view.observed == pytest.approx(1 - lost.mean())
    part = pair.read(type(GRID.window)(12, 11, 9, 7))
    assert np.array_equal(part.valid, valid[12:21, 11:18])


def test_radar_is_left_in() -> None:
    both = bright(255, 0.2, dtype="uint8", bands=1)
    pair = read_pair_sources((both, GRID), (both, GRID), config=Config(domain="sar-amplitude"))
    pair, view = observe(pair)
    assert pair.read(GRID.window).valid.all()
    assert view.saturated_twice == 0
    assert view.before.saturation.share == pytest.approx(0.2, abs=0.02)
