"""Filters: the textbook result, blind to what is not valid, the same wherever the window lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from changedet.differencing.ground.filters import (
    GUARD,
    ValidSmoother,
    compress,
    convolve,
    gaussian_kernel,
    gaussian_radius,
    gradient,
    opened,
    smooth,
)


def _reference(values, valid, sigma):
    """Normalised convolution in double precision."""
    kernel = gaussian_kernel(sigma).astype(np.float64)

    def blur(array):
        for axis in (0, 1):
            array = ndimage.correlate1d(array, kernel, axis=axis, mode="nearest")
        return array

    weight = blur(valid.astype(np.float64))
    return blur(np.where(valid, values, 0.0).astype(np.float64)) / np.maximum(weight, 1e-6)


@pytest.mark.parametrize("sigma", [0.7, 1.5, 4.0])
def test_normalised_convolution_is_that_of_scipy(sigma):
    rng = np.random.default_rng(1)
    values = rng.normal(100, 20, (60, 75)).astype(np.float32)
    valid = rng.random(values.shape) > 0.3
    near = ndimage.binary_dilation(valid, iterations=gaussian_radius(sigma))
    found = ValidSmoother(valid, sigma)(values)
    np.testing.assert_allclose(found[near], _reference(values, valid, sigma)[near], rtol=2e-5)


@pytest.mark.parametrize("garbage", [0.0, -9999.0, 1e6])
def test_what_stands_in_an_invalid_pixel_does_not_matter(garbage):
    rng = np.random.default_rng(2)
    values = rng.normal(10, 2, (50, 50)).astype(np.float32)
    valid = np.ones(values.shape, dtype=bool)
    valid[10:25, 5:40] = False
    smoother = ValidSmoother(valid, 1.5)
    np.testing.assert_array_equal(
        smoother(np.where(valid, values, np.float32(garbage))), smoother(values)
    )


def test_a_constant_stays_constant_beside_a_hole():
    valid = np.ones((40, 40), dtype=bool)
    valid[15:25, 15:25] = False
    found = ValidSmoother(valid, 2.0)(np.full(valid.shape, 7.0, dtype=np.float32))
    np.testing.assert_allclose(found[valid], 7.0, rtol=1e-6)


def test_far_from_any_valid_pixel_there_is_nothing():
    valid = np.zeros((40, 40), dtype=bool)
    valid[0, 0] = True
    found = ValidSmoother(valid, 1.0)(np.full(valid.shape, 7.0, dtype=np.float32))
    assert found[20, 20] == 0
    assert np.isfinite(found).all()


def test_no_width_means_no_filter():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    valid = values != 5
    assert smooth(values, 0.0) is values
    np.testing.assert_array_equal(ValidSmoother(valid, 0.0)(values), values * valid)


@pytest.mark.parametrize("sigma", [0.3, 0.8, 1.0, 2.5, 4.0])
def test_the_kernel_is_symmetric_of_unit_sum_and_as_wide_as_said(sigma):
    kernel = gaussian_kernel(sigma)
    assert len(kernel) == 2 * gaussian_radius(sigma) + 1
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(kernel, kernel[::-1])
    with pytest.raises(ValueError, match="read-only"):
        kernel[0] = 0


def test_row_and_column_kernels_are_not_mixed_up():
    values = np.zeros((9, 9), dtype=np.float32)
    values[4, 4] = 1
    ahead = np.array([0, 0, 1], dtype=np.float32)
    still = np.array([0, 1, 0], dtype=np.float32)
    assert convolve(values, ahead, still)[4, 3] == 1
    assert convolve(values, still, ahead)[3, 4] == 1


def test_gradient_of_a_plane():
    rows, cols = np.mgrid[:20, :30].astype(np.float32)
    dy, dx = gradient(3 * rows - 2 * cols)
    np.testing.assert_allclose(dy[1:-1], 3)
    np.testing.assert_allclose(dx[:, 1:-1], -2)


@given(st.floats(0, 1e6, width=32), st.floats(0, 1e6, width=32))
def test_compression_keeps_order_and_is_linear_near_zero(a, b):
    low, high = sorted((a, b))
    x = np.array([low, high], dtype=np.float32)
    y = compress(x)
    assert y[0] <= y[1] * (1 + 1e-6)
    assert (y <= x * (1 + 1e-6)).all()
    small = np.float32(0.01)
    assert compress(small) == pytest.approx(small, rel=1e-2)


SIGMAS = (0.8, 1.5, 4.0)
_RNG = np.random.default_rng(3)
_IMAGE = _RNG.normal(200, 60, (150, 170)).astype(np.float32)
_VALID = ndimage.gaussian_filter(_RNG.standard_normal(_IMAGE.shape), 2) > -0.12


@given(
    st.sampled_from(SIGMAS), st.integers(0, 149), st.integers(0, 169), st.integers(1, 90),
    st.integers(1, 90),
)  # fmt: skip
def test_a_window_with_halo_gives_the_bits_of_the_whole(sigma, row, col, height, width):
    halo = gaussian_radius(sigma) + GUARD
    margin = 8 * halo
    image, valid = np.pad(_IMAGE, margin), np.pad(_VALID, margin)
    whole = ValidSmoother(valid, sigma)(image)
    height, width = min(height, 150 - row), min(width, 170 - col)
    core = np.s_[margin + row : margin + row + height, margin + col : margin + col + width]
    padded = np.s_[
        core[0].start - halo : core[0].stop + halo, core[1].start - halo : core[1].stop + halo
    ]
    part = ValidSmoother(np.ascontiguousarray(valid[padded]), sigma)(
        np.ascontiguousarray(image[padded])
    )
    np.testing.assert_array_equal(part[halo:-halo, halo:-halo], whole[core])


def test_opening_takes_away_what_is_narrow_and_leaves_the_rest():
    values = np.zeros((30, 40), np.float32)
    values[5:7, 3:35] = 4.0
    values[12:15, 10:20] = 5.0
    values[20:26, 20:31] = 6.0
    found = opened(values, np.ones(values.shape, bool), 1)
    expected = values.copy()
    expected[5:7] = 0
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(opened(values, np.ones(values.shape, bool), 0), values)


def test_opening_is_not_narrowed_by_invalid_pixels():
    values = np.full((20, 20), 3.0, np.float32)
    valid = np.ones(values.shape, bool)
    valid[:, 10] = valid[4, :] = False
    values[~valid] = np.nan
    found = opened(values, valid, 1)
    np.testing.assert_array_equal(found, np.where(valid, np.float32(3.0), np.float32(0.0)))
