"""What two dates have in common: edge features that do not care about gain, offset or haze.

Each image becomes one complex field. ``contrast`` is the gradient direction, softly normalised by
the gradient strength around it: a strong roof edge and a faint furrow count nearly alike, and a
change of gain, offset or haze drops out. ``edges`` keeps only how strong the gradient is beside
its surroundings, so that it also survives a reversal of contrast (fields green at one date and
bare at the other, another band, another sensor). Which one serves best is measured, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from changedet.model import ImageInfo

_SURROUNDINGS = 31
"""Side of the neighbourhood (pixels) whose mean gradient softens the normalisation."""
_SMOOTHING = {"optical": 0.7, "sar": 1.5}
"""Gaussian smoothing before the gradient, pixels: speckle wants more."""


@dataclass(frozen=True)
class Recipe:
    """How pixels become a feature field."""

    kind: Literal["contrast", "edges"]
    """Gradient direction, or gradient strength alone."""
    bands: tuple[int, ...]
    """Bands that are used."""
    smoothing: float
    """Standard deviation of the Gaussian before the gradient, pixels."""
    log: tuple[bool, bool]
    """Whether before and after pixels are multiplicative (SAR amplitude or intensity)."""
    name: str
    """For the report."""

    @property
    def optical(self) -> bool:
        """Whether shadows and haze are what to expect, rather than speckle."""
        return self.smoothing <= _SMOOTHING["optical"]

    @property
    def reach(self) -> int:
        """Pixels around a pixel that its feature depends on."""
        return int(np.ceil(4 * self.smoothing)) + 2 + _SURROUNDINGS // 2


def recipes(roles: tuple[str, ...], infos: tuple[ImageInfo, ImageInfo]) -> list[Recipe]:
    """Ways worth trying: all bands together, each band alone, and edges without their sign."""
    sar = tuple(info.domain != "optical" for info in infos)
    log = tuple(info.domain in ("sar-amplitude", "sar-intensity") for info in infos)
    smoothing = _SMOOTHING["sar" if any(sar) else "optical"]
    every = tuple(range(len(roles)))
    pair = (log[0], log[1])
    out = [
        Recipe("contrast", every, smoothing, pair, "contrast"),
        Recipe("edges", every, smoothing, pair, "edges"),
    ]
    if len(every) > 1:
        out += [
            Recipe("contrast", (i,), smoothing, pair, f"contrast {role}")
            for i, role in enumerate(roles[:8])
        ]
    return out


def _filled(band: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Replace invalid pixels by the mean of valid ones around them, so that no edge appears."""
    import cv2

    if valid.all():
        return band.astype(np.float32, copy=False)
    mask = valid.astype(np.float32)
    size = (_SURROUNDINGS, _SURROUNDINGS)
    weight = cv2.blur(mask, size)
    mean = cv2.blur(np.where(valid, band, 0).astype(np.float32), size)
    overall = float(band[valid].mean()) if valid.any() else 0.0
    near = np.where(weight > 1e-6, mean / np.maximum(weight, 1e-6), overall)
    return np.where(valid, band, near).astype(np.float32)


def _gradient(band: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    smooth = cv2.GaussianBlur(band, (0, 0), smoothing, borderType=cv2.BORDER_REFLECT)
    gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1, scale=0.5, borderType=cv2.BORDER_REFLECT)
    gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1, scale=0.5, borderType=cv2.BORDER_REFLECT)
    return gx, gy


def _softness(strength: np.ndarray, valid: np.ndarray, level: float = 0.0) -> np.ndarray:
    """Mean gradient strength around each pixel, never below what rounding makes."""
    import cv2

    size = (_SURROUNDINGS, _SURROUNDINGS)
    if valid.all():
        around = cv2.blur(strength, size)
    else:
        mask = valid.astype(np.float32)
        around = cv2.blur(strength * mask, size) / np.maximum(cv2.blur(mask, size), 1e-3)
    floor = 0.05 * cv2.mean(strength, np.ascontiguousarray(valid).view(np.uint8))[0]
    return np.maximum(around, max(floor, 1e-5 * level, 1e-12))


def usable(valid: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Pixels whose feature rests on valid pixels only."""
    import cv2

    if valid.all():
        return valid
    reach = int(np.ceil(2 * recipe.smoothing)) + 1
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    border = cv2.BORDER_REPLICATE
    return cv2.erode(valid.astype(np.uint8), kernel, borderType=border).astype(bool)


def feature(pixels: np.ndarray, valid: np.ndarray, recipe: Recipe, date: int) -> np.ndarray:
    """Turn one image into its feature field.

    Parameters
    ----------
    pixels : (band, y, x) float32 array
    valid : (y, x) bool array
    recipe : Recipe
    date : int
        0 = before, 1 = after.

    Returns
    -------
    (y, x) complex64 array
        0 where nothing is known; of magnitude at most about 1.

    Notes
    -----
    The soft normalisation g / (|g| + mean |g| around) lies between correlation of gradients and
    orientation correlation (Fitch, Kadyrov, Christmas and Kittler 2002, BMVC,
    doi:10.5244/C.16.11). It fails where all texture changed between the dates.
    """
    import cv2

    good = usable(valid, recipe)
    if not good.any():
        return np.zeros(valid.shape, np.complex64)
    bands = [pixels[i] for i in recipe.bands]
    if recipe.log[date]:
        bands = [np.log(np.maximum(b, 0) + _offset(b, valid)) for b in bands]
    if recipe.kind == "contrast":
        mixed = _filled(bands[0] if len(bands) == 1 else _mixed(bands, valid), valid)
        gx, gy = _gradient(mixed, recipe.smoothing)
        strength = cv2.magnitude(gx, gy)
        soft = strength + _softness(strength, good, _level(mixed))
        out = np.empty(valid.shape, np.complex64)
        out.real, out.imag = gx / soft, gy / soft
    else:
        total = np.zeros(valid.shape, np.float32)
        for band in (_filled(b, valid) for b in bands):
            strength = cv2.magnitude(*_gradient(band, recipe.smoothing))
            total += strength / (strength + _softness(strength, good, _level(band)))
        out = ((total - _softness(total, good)) / len(bands)).astype(np.complex64)
    out[~good] = 0
    return out


def _offset(band: np.ndarray, valid: np.ndarray) -> float:
    """Return a small positive number that keeps the logarithm finite and quiet near zero."""
    return 0.02 * float(np.abs(band[valid]).mean()) + 1e-9


def _level(band: np.ndarray) -> float:
    """Largest absolute value: rounding errors grow with it."""
    return float(np.abs(band).max())


def _mixed(bands: list[np.ndarray], valid: np.ndarray) -> np.ndarray:
    """Sum of the bands, each in units of its own spread; anything where not valid."""
    import cv2

    total = np.zeros(valid.shape, np.float32)
    mask = np.ascontiguousarray(valid).view(np.uint8)
    for band in bands:
        mean, spread = (float(v[0, 0]) for v in cv2.meanStdDev(band, mask=mask))
        # what a constant band has is rounding
        if spread > 1e-6 * abs(mean):
            total += band * np.float32(1 / spread)
    return total
