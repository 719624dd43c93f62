"""A pixel's statistic is the same to the bit through whatever window it is computed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.config import Config
from changedet.differencing import Sample, fit_detection, get_method, sample_windows
from changedet.model import Window

from .builders import MemoryPair, landscape, smooth_field, speckled_pair

SHAPE = (170, 200)
METHODS = ("ir-mad", "change-vector", "log-ratio")


@lru_cache
def reader(method: str, garbage: float = 0.0) -> MemoryPair:
    """A pair with change, holes of every size and a residual that varies."""
    rng = np.random.default_rng(5)
    valid = smooth_field(rng, SHAPE, 3.0) > -1.2
    valid[:, :3] = False
    valid[70:100, 60:130] = False
    residual = (0.2 + 0.1 * smooth_field(rng, SHAPE, 20)).astype(np.float32)
    if method == "log-ratio":
        before, after = speckled_pair(6, SHAPE, bands=2)
        roles, domain = ("vv", "vh"), "sar-amplitude"
    else:
        before, after = (landscape(7, 4, SHAPE) + rng.normal(0, 2, (4, *SHAPE)) for _ in range(2))
        after = after * 1.3 - 20
        roles, domain = ("blue", "green", "red", "nir"), "optical"
    after[:, 120:135, 20:60] *= 1.8
    return MemoryPair(
        before, after, valid=valid, residual=np.abs(residual), roles=roles, domain=domain,
        garbage=garbage,
    )  # fmt: skip


@lru_cache
def fitted(method: str):
    pair = reader(method)
    return get_method(method).fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


@lru_cache
def whole(method: str) -> np.ndarray:
    detector, pair = fitted(method), reader(method)
    padded = pair.grid.window.pad(detector.halo)
    return detector.statistic(pair.read(padded))[pair.grid.window.within(padded)]


windows = st.builds(
    lambda row, col, height, width: Window(
        row, col, min(height, SHAPE[0] - row), min(width, SHAPE[1] - col)
    ),
    st.integers(0, SHAPE[0] - 1),
    st.integers(0, SHAPE[1] - 1),
    st.integers(1, 120),
    st.integers(1, 120),
)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=40)
@given(window=windows)
def test_any_window_gives_the_bits_of_the_whole_image(method, window):
    detector = fitted(method)
    padded = window.pad(detector.halo)
    part = detector.statistic(reader(method).read(padded))[window.within(padded)]
    np.testing.assert_array_equal(part, whole(method)[window.slices])


@pytest.mark.parametrize("method", METHODS)
def test_the_statistic_is_nan_exactly_where_not_observable(method):
    np.testing.assert_array_equal(np.isnan(whole(method)), ~reader(method).valid)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("garbage", [-1e6])
def test_fit_and_statistic_do_not_see_what_stands_in_invalid_pixels(method, garbage):
    pair = reader(method, garbage)
    detector = get_method(method).fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())
    assert detector.describe() == fitted(method).describe()
    padded = pair.grid.window.pad(detector.halo)
    found = detector.statistic(pair.read(padded))[pair.grid.window.within(padded)]
    np.testing.assert_array_equal(found, whole(method))


@pytest.mark.parametrize("method", METHODS)
def test_scores_of_any_tiling_are_the_same(method):
    pair = reader(method)
    detection = fit_detection(pair, pair.context(), Config(method=method))
    out = {}
    for size in (97, 256):
        score = np.full(SHAPE, -1.0, dtype=np.float32)
        for window in pair.grid.tiles(size):
            score[window.slices] = detection.score(pair, window)
        out[size] = score
    np.testing.assert_array_equal(out[97], out[256])


@pytest.mark.parametrize("method", METHODS)
def test_the_input_is_left_untouched(method):
    pair = reader(method)
    window = pair.grid.window.pad(fitted(method).halo)
    read = pair.read(window)
    copies = [image.pixels.copy() for image in (read.before, read.after)]
    fitted(method).statistic(read)
    for image, copy in zip((read.before, read.after), copies, strict=True):
        np.testing.assert_array_equal(image.pixels, copy)
