"""Resampling of blocks of pixels: one cubic convolution, validity that never bleeds.

The kernel is Keys' cubic convolution with a = -1/2 (Catmull-Rom; R. G. Keys, IEEE Transactions on
Acoustics, Speech, and Signal Processing 29:1153, 1981, doi:10.1109/TASSP.1981.1163711), which
reproduces straight ramps exactly, so that it does not shift what it interpolates. OpenCV's own
cubic has a = -3/4 and shifts ramps by up to 0.05 px; it is therefore not used. Instead

    cubic(f) = linear(f) of P - f (1 - f) / 2 * linear(f) of the second differences of P

in either direction, an identity that needs nothing but bilinear interpolation.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from changedet.errors import MissingDependencyError
from changedet.loading.reading.positions import UNITS

REACH = (1, 2)
"""Pixels that the kernel needs before and after the pixel at or before a position."""
_LANES = 16
"""Columns that a filter may treat in another way at the right end (rest of a SIMD loop)."""
_FOOTPRINT = REACH[0] + REACH[1] + 1


@cache
def check_opencv() -> None:
    """Refuse an OpenCV that rounds positions to 1/32 px, as all before version 5 do.

    Raises
    ------
    MissingDependencyError
        If it does.
    """
    ramp = np.tile(np.arange(16, dtype=np.float32), (4, 1))
    x = np.full((1, 32), 5 + 1 / UNITS, dtype=np.float32)
    got = cv2.remap(ramp, x, np.ones_like(x), cv2.INTER_LINEAR)
    if np.abs(got - x).max() > 1e-5:
        raise MissingDependencyError(
            f"OpenCV {cv2.__version__} interpolates between positions rounded to 1/32 pixel; "
            "images are laid on each other more exactly than that. Install a newer one with: "
            'python -m pip install "opencv-python-headless>=5.0"'
        )


def keys_weights(fraction: float) -> np.ndarray:
    """Weights (4,) float32 of the pixels at -1, 0, 1, 2 for a position ``fraction`` past 0."""
    f = float(fraction)
    weights = np.array(
        [
            ((-0.5 * f + 1.0) * f - 0.5) * f,
            (1.5 * f - 2.5) * f * f + 1.0,
            ((-1.5 * f + 2.0) * f + 0.5) * f,
            (0.5 * f - 0.5) * f * f,
        ]
    )
    return weights.astype(np.float32)


def shift_block(block: np.ndarray, row_fraction: float, col_fraction: float) -> np.ndarray:
    """Shift by a constant fraction of a pixel.

    Parameters
    ----------
    block : (band, y + 3, x + 3) float32 array
        With one pixel more before and two after on each axis.
    row_fraction, col_fraction : float
        In [0, 1).

    Returns
    -------
    (band, y, x) float32 array
    """
    rows, cols = keys_weights(row_fraction), keys_weights(col_fraction)
    count, high, wide = block.shape
    before, after = REACH
    out = np.empty((count, high - 3, wide - 3), dtype=np.float32)
    padded = np.zeros((high, wide + _LANES), dtype=np.float32)
    for band, result in zip(block, out, strict=True):
        padded[:, :wide] = band
        moved = cv2.sepFilter2D(
            padded, -1, cols, rows, anchor=(1, 1), borderType=cv2.BORDER_REPLICATE
        )
        result[:] = moved[before : high - after, before : wide - after]
    return out


def spread(bad: np.ndarray, rows: bool = True, cols: bool = True) -> np.ndarray:
    """Mark the pixels whose kernel touches a bad one (uint8, same shape)."""
    kernel = np.ones((_FOOTPRINT if rows else 1, _FOOTPRINT if cols else 1), dtype=np.uint8)
    anchor = (REACH[0] if cols else 0, REACH[0] if rows else 0)
    out: np.ndarray = cv2.dilate(bad, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return out


def _second_difference(block: np.ndarray) -> np.ndarray:
    """Second difference along rows; 0 in the first and the last row, which are never used.

    Not a filter of OpenCV, whose last columns are added up in another order than the rest.
    """
    out = np.zeros_like(block)
    first = block[1:] - block[:-1]
    np.subtract(first[1:], first[:-1], out=out[1:-1])
    return out


class Gather:
    """Interpolation at any positions, prepared once and used for each band.

    Parameters
    ----------
    y, x : (n, m) float32 arrays
        Positions in the block, all between 1 and size - 2, multiples of 1/1024.
    """

    def __init__(self, y: np.ndarray, x: np.ndarray) -> None:
        check_opencv()
        self._y, self._x = y, x
        self._floor_y, self._floor_x = np.floor(y), np.floor(x)
        fy, fx = y - self._floor_y, x - self._floor_x
        self._wy = (fy - fy * fy) * np.float32(0.5)
        self._wx = (fx - fx * fx) * np.float32(0.5)
        self._wyx = self._wy * self._wx

    def band(self, block: np.ndarray) -> np.ndarray:
        """Interpolate one (y, x) float32 band."""
        down, along = _second_difference(block), _second_difference(block.T).T
        stacked = cv2.merge([block, down, along, _second_difference(down.T).T])
        linear = cv2.remap(
            stacked, self._x, self._y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        out: np.ndarray = linear[..., 0] - self._wy * linear[..., 1]
        out -= self._wx * linear[..., 2]
        out += self._wyx * linear[..., 3]
        return out

    def touches(self, bad: np.ndarray) -> np.ndarray:
        """(n, m) bool: whether the kernel at each position touches a bad pixel."""
        reached = cv2.remap(
            spread(bad), self._floor_x, self._floor_y, cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        out: np.ndarray = reached != 0
        return out


def block_mean(pixels: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """Mean over ``rows`` x ``cols`` pixels, added up in a fixed order in float64.

    Parameters
    ----------
    pixels : (band, y, x) float32 array
        Height and width are multiples of ``rows`` and ``cols``.
    """
    if rows == cols == 1:
        return pixels
    down = pixels[:, 0::rows].astype(np.float64)
    for i in range(1, rows):
        down += pixels[:, i::rows]
    total = down[:, :, 0::cols].copy()
    for j in range(1, cols):
        total += down[:, :, j::cols]
    total /= rows * cols
    return total.astype(np.float32)


def block_all(valid: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """Whether all of ``rows`` x ``cols`` pixels are valid (y, x)."""
    if rows == cols == 1:
        return valid
    h, w = valid.shape
    return np.asarray(valid.reshape(h // rows, rows, w // cols, cols).all(axis=(1, 3)))


def block_max(values: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """Greatest of ``rows`` x ``cols`` values (y, x)."""
    if rows == cols == 1:
        return values
    h, w = values.shape
    return np.asarray(values.reshape(h // rows, rows, w // cols, cols).max(axis=(1, 3)))
