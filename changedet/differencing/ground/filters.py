"""Neighbourhood filters that honour validity and do not depend on the tile.

Every filter here is a separable convolution with an explicit kernel. A pixel then comes from the
same multiplications and additions wherever it lies in the array, except for the last few columns,
which the vectorised loops treat apart: :data:`GUARD` columns of halo beyond the kernel's radius
keep those out of every tile's core, so that results are the same to the bit for any tiling.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

GUARD = 16
"""Columns beyond the kernel radius whose last bits may depend on where the array ends."""


COMPRESSION = 6.75
"""Ten medians of a half-normal: beyond this many deviations a compressed scale is logarithmic."""


def compress(deviations: np.ndarray) -> np.ndarray:
    """Deviations from the null on a scale that is linear near 0 and logarithmic far out.

    Noise keeps its shape, and the many strengths of real change fall close together, so that one
    threshold can part the two.
    """
    return np.float32(COMPRESSION) * np.log1p(deviations * np.float32(1.0 / COMPRESSION))


@lru_cache(maxsize=64)
def gaussian_kernel(sigma: float) -> np.ndarray:
    """Sampled Gaussian of unit sum, float32, cut at 3 sigma (at least one pixel)."""
    radius = max(1, math.ceil(3.0 * sigma))
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    kernel = np.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    kernel.flags.writeable = False
    return kernel


def gaussian_radius(sigma: float) -> int:
    """Pixels of neighbourhood that a Gaussian of this width needs (0 for no filter)."""
    return 0 if sigma <= 0 else max(1, math.ceil(3.0 * sigma))


def convolve(values: np.ndarray, row_kernel: np.ndarray, col_kernel: np.ndarray) -> np.ndarray:
    """Separable correlation of a (y, x) float32 array: ``row_kernel`` along x, then along y."""
    import cv2

    return cv2.sepFilter2D(
        values, cv2.CV_32F, row_kernel, col_kernel, borderType=cv2.BORDER_REPLICATE
    )


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian of a (y, x) float32 array without regard to validity; the array itself for 0."""
    if sigma <= 0:
        return values
    kernel = gaussian_kernel(sigma)
    return convolve(values, kernel, kernel)


class ValidSmoother:
    """Gaussian averages over valid pixels only (normalised convolution).

    Knutsson and Westin, CVPR 1993, doi:10.1109/CVPR.1993.341081.

    Parameters
    ----------
    valid : (y, x) bool array
        Which pixels count.
    sigma : float
        Width in pixels; 0 leaves values as they are.
    """

    def __init__(self, valid: np.ndarray, sigma: float) -> None:
        self.sigma = sigma
        self._weight = valid.astype(np.float32)
        if sigma > 0:
            # Always divided, even where all is valid: a tile without a hole must round exactly
            # as the same pixels do in a tile with one.
            self._scale = 1.0 / np.maximum(smooth(self._weight, sigma), np.float32(1e-6))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Average a (y, x) float32 array; pixels without any valid neighbour give 0."""
        if self.sigma <= 0:
            return values * self._weight
        return smooth(values * self._weight, self.sigma) * self._scale


def gradient(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences ``(d/dy, d/dx)`` of a (y, x) float32 array, per pixel."""
    derivative = np.array([-0.5, 0.0, 0.5], dtype=np.float32)
    identity = np.array([0.0, 1.0, 0.0], dtype=np.float32)
    return convolve(values, identity, derivative), convolve(values, derivative, identity)


def opened(values: np.ndarray, valid: np.ndarray, half_width: int) -> np.ndarray:
    """Morphological opening of a non-negative (y, x) array by a square of valid pixels.

    Takes away what is narrower than ``2 * half_width + 1`` pixels; invalid pixels take nothing
    away from their neighbours, and come out as 0. Needs a halo of twice ``half_width``.
    """
    import cv2

    if half_width < 1:
        return np.where(valid, values, np.float32(0.0))
    square = np.ones((2 * half_width + 1, 2 * half_width + 1), np.uint8)
    least = cv2.erode(np.where(valid, values, np.float32(np.inf)), square)
    most = cv2.dilate(np.where(valid, least, np.float32(0.0)), square)
    return np.where(valid, most, np.float32(0.0))
