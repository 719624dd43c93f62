"""How sharp and how noisy an image is, so that what is planted looks as if it were there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.model import Image
from changedet.simulation.materials import SHADOW_LIGHT

NARROW, WIDE = 0.6, 1.5
"""Widths at which edges are compared, pixels."""
SLOPE = 1 / 6
"""What a central difference adds to the variance of either width, square pixels."""
STEEPEST = 0.97
"""Only gradients above this quantile are edges."""
LEAST_EDGES = 100
LEAST_BLUR = math.sqrt(1 / 12)
"""The pixel's own area alone."""
USUAL_BLUR = 0.6
"""Where no edge can be measured."""
MOST_BLUR = 4.0
CELL = 32
"""Side of the places in which noise is measured, pixels,"""
QUIET = 0.25
"""of which the quietest share tells it."""
_SIX = ("blue", "green", "red", "nir", "swir16", "swir22")
CLEAR_SKY = dict(zip(_SIX, SHADOW_LIGHT, strict=True))
"""Light left in a shadow by band under a clear sky, which is blue,"""
OTHER_BAND = 0.34
"""and in other bands."""
DARKEST = 0.001
"""Quantile that stands for a surface that reflects nothing: haze and offset."""


@dataclass(frozen=True)
class ImageQuality:
    """Blur, noise and darkest level of one image on the common grid."""

    blur_px: float
    """Standard deviation of the point spread, pixel area and resampling included."""
    blur_source: str
    """``measured``, ``given`` or ``assumed``."""
    noise: tuple[float, ...]
    """(band,) standard deviation of the noise on flat ground, in pixel values."""
    dark: tuple[float, ...]
    """(band,) pixel value of a surface that reflects nothing: haze and offset."""
    light: tuple[float, ...]
    """(band,) light left in a shadow, as a share."""
    light_source: str = "clear sky"
    """``clear sky`` (typical values) or ``measured``."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "blur_px": self.blur_px,
            "blur_source": self.blur_source,
            "noise": list(self.noise),
            "dark_value": list(self.dark),
            "light_in_shadow": list(self.light),
            "light_source": self.light_source,
        }


def measure_quality(images: Sequence[Image], blur_px: float | None = None) -> ImageQuality:
    """Measure blur and noise of an image from some windows of it.

    Blur: the gradient of an edge falls when the image is smoothed, the more the sharper it was.
    With s₁ and s₂ the two widths of smoothing and R the ratio of the gradients on an edge,
    σ² = (s₂² − R² s₁²) / (R² − 1), after Zhuo and Sim, Pattern Recognition 44:1852 (2011),
    doi:10.1016/j.patcog.2011.03.009. The median over edges is given. Noise: the Laplacian mask of
    Immerkaer, Computer Vision and Image Understanding 64:300 (1996), doi:10.1006/cviu.1996.0060,
    in the quietest places.

    Parameters
    ----------
    images : sequence of Image
        Windows of the image on the common grid.
    blur_px : float, optional
        The blur, where it is known.

    Returns
    -------
    ImageQuality
        Where much of what is seen is narrower than two pixels, its blur is too small: by 0.2
        pixels on yards of 1 m pixels, less than 0.1 on finer ones and on towns of 10 m pixels.
    """
    bands = len(images[0].roles)
    ratios: list[np.ndarray] = []
    noise: list[list[float]] = [[] for _ in range(bands)]
    for image in images:
        for k in range(bands):
            ratios.append(_edge_ratios(image.pixels[k], image.valid))
            noise[k] += _cell_noise(image.pixels[k], image.valid)
    values = [
        np.concatenate([i.pixels[k][i.valid] for i in images] or [np.zeros(0)])
        for k in range(bands)
    ]
    dark = tuple(float(np.quantile(v, DARKEST)) if v.size else 0.0 for v in values)
    levels = tuple(float(np.quantile(n, QUIET)) if n else 0.0 for n in noise)
    light = tuple(CLEAR_SKY.get(role, OTHER_BAND) for role in images[0].roles)
    together = np.concatenate(ratios) if ratios else np.zeros(0)
    blur, source = USUAL_BLUR, "assumed"
    if blur_px is not None:
        blur, source = float(blur_px), "given"
    elif together.size >= LEAST_EDGES:
        blur, source = _blur_of(float(np.median(together))), "measured"
    return ImageQuality(blur, source, levels, dark, light)


def _blur_of(ratio: float) -> float:
    narrow, wide = NARROW**2 + SLOPE, WIDE**2 + SLOPE
    if ratio <= 1:
        return MOST_BLUR
    square = (wide - ratio**2 * narrow) / (ratio**2 - 1)
    return float(np.clip(math.sqrt(max(square, 0.0)), LEAST_BLUR, MOST_BLUR))


def _edge_ratios(band: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Gradient of the little over that of the much smoothed band, on edges, (n,)."""
    import cv2

    if min(band.shape) < 16:
        return np.zeros(0)
    steep = []
    for width in (NARROW, WIDE):
        smooth = cv2.GaussianBlur(band, (0, 0), width)
        down, right = np.gradient(smooth)
        steep.append((down, right))
    length = np.hypot(*steep[0])
    inner = (slice(2, -2), slice(2, -2))
    safe = cv2.erode(valid.astype(np.uint8), np.ones((11, 11), np.uint8))[inner] > 0
    here = length[inner]
    if np.count_nonzero(safe) < LEAST_EDGES:
        return np.zeros(0)
    # thinned to the crest of each edge, across its nearest axis
    flat = np.abs(steep[0][1])[inner] >= np.abs(steep[0][0])[inner]
    beside = np.where(flat, length[2:-2, 1:-3], length[1:-3, 2:-2])
    beyond = np.where(flat, length[2:-2, 3:-1], length[3:-1, 2:-2])
    crest = safe & (here >= beside) & (here > beyond)
    crest &= here > np.quantile(here[safe], STEEPEST)
    return np.asarray(here[crest] / np.maximum(np.hypot(*steep[1])[inner][crest], 1e-12))


def _cell_noise(band: np.ndarray, valid: np.ndarray) -> list[float]:
    """Standard deviation of the noise in each wholly valid cell."""
    mask = (
        band[:-2, :-2] + band[:-2, 2:] + band[2:, :-2] + band[2:, 2:] + 4 * band[1:-1, 1:-1]
        - 2 * (band[:-2, 1:-1] + band[2:, 1:-1] + band[1:-1, :-2] + band[1:-1, 2:])
    )  # fmt: skip
    good = valid[1:-1, 1:-1]
    rows, cols = (n // CELL for n in mask.shape)
    if rows == 0 or cols == 0:
        return []

    def cells(array: np.ndarray) -> np.ndarray:
        cut = array[: rows * CELL, : cols * CELL]
        return cut.reshape(rows, CELL, cols, CELL).swapaxes(1, 2).reshape(rows * cols, -1)

    whole = cells(good).all(axis=1)
    strength = np.abs(cells(mask)[whole]).mean(axis=1) * math.sqrt(math.pi / 2) / 6
    return [float(v) for v in strength]
