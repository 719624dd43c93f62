"""Which pixels may vote: sunlit ground that looks alike at both dates.

Shadows move between dates, all of them the same way, so that even a robust mean of windows is
pulled along. Two weights together remove that: pixels next to something much darker than their
surroundings (shadows and their edges) do not vote, nor do pixels where the two feature fields,
laid on each other, disagree (changed, shaded otherwise, moved).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.model import ImagePair

_REACH = 4
"""Pixels from a dark place within which nothing votes."""
_COARSE = 4
_SURROUNDINGS = 25
"""Side of the neighbourhood whose median brightness a pixel is compared with, four pixels each."""
_DARK = (0.3, 0.6)
"""Shares of the median brightness at which the vote begins and is full."""
_BLUR = 1.5
"""Standard deviation of the neighbourhood over which features are compared, pixels."""
_AGREE = (0.8, 0.95)
"""Agreement at which the vote begins and is full, where the pair agrees well as a whole."""
_DOUBTFUL = 0.6
"""Usual agreement below which agreement says nothing about a pixel."""
_NOISE_RATIO = 0.04
"""Power of coarse over fine gradients; white noise has 0.03, single-look radar 0.06."""


@dataclass(frozen=True, eq=False)
class Tone:
    """Brightness of an image as a whole."""

    dark: np.ndarray
    """(band,) value of the darkest pixels: haze and offset."""
    spread: np.ndarray
    """(band,) mean above that."""


def tones(overview: ImagePair) -> tuple[Tone, Tone]:
    """Tone of before and after, from an overview."""
    out = []
    for image in (overview.before, overview.after):
        values = image.pixels[:, image.valid]
        if values.shape[1] == 0:
            values = np.zeros((len(image.pixels), 1), np.float32)
        dark = np.percentile(values, 0.5, axis=1).astype(np.float32)
        spread = np.maximum(values.mean(1) - dark, 1e-6 + 1e-6 * np.abs(dark))
        out.append(Tone(dark, spread.astype(np.float32)))
    return out[0], out[1]


def sunlit(pixels: np.ndarray, valid: np.ndarray, tone: Tone) -> np.ndarray:
    """(y, x) float32 in 0 to 1: 0 within reach of anything much darker than its surroundings."""
    import cv2

    bright = np.zeros(valid.shape, np.float32)
    for band, dark, spread in zip(pixels, tone.dark, tone.spread, strict=True):
        bright += np.maximum(band - dark, 0) / spread
    bright = np.where(valid, bright / len(pixels), 1.0).astype(np.float32)
    h, w = valid.shape
    small = cv2.resize(bright, (-(-w // _COARSE), -(-h // _COARSE)), interpolation=cv2.INTER_AREA)
    coarse = np.clip(small * 64, 0, 255).astype(np.uint8)
    usual = cv2.medianBlur(coarse, _SURROUNDINGS).astype(np.float32) / 64
    usual = cv2.resize(usual, (w, h), interpolation=cv2.INTER_LINEAR)
    kernel = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    darkest = cv2.erode(cv2.GaussianBlur(bright, (0, 0), 0.7), kernel)
    low, high = _DARK
    return np.clip((darkest / np.maximum(usual, 0.05) - low) / (high - low), 0, 1)


def agreement(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """(y, x) float32 in 0 to 1: whether two feature fields agree around each pixel.

    Where the pair as a whole agrees badly (speckle, other sensors) every pixel counts: there a
    choice by agreement would only confirm what was assumed.
    """
    import cv2

    def local(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values.astype(np.float32), (0, 0), _BLUR)

    product = f.real * g.real + f.imag * g.imag
    one, other = f.real**2 + f.imag**2, g.real**2 + g.imag**2
    strength = np.sqrt(local(one) * local(other))
    alike = local(product) / np.maximum(strength, 1e-9)
    known = strength > 1e-6
    usual = float(np.median(alike[known])) if known.any() else 0.0
    if usual < _DOUBTFUL:
        return np.ones(alike.shape, np.float32)
    low = min(_AGREE[0], usual - 0.1)
    high = min(_AGREE[1], usual + 0.08)
    return np.clip((alike - low) / (high - low), 0, 1)


def textured(overview: ImagePair) -> bool:
    """Whether both images show anything but noise.

    The gradient of white noise falls with the fourth power of the smoothing, that of a landscape
    much less. Fails for noise that was blurred by compression, which passes for texture.
    """
    return all(
        _gradient_ratio(image.pixels, image.valid) > _NOISE_RATIO
        for image in (overview.before, overview.after)
    )


def _gradient_ratio(pixels: np.ndarray, valid: np.ndarray) -> float:
    """Largest, over bands, of gradient power at coarse over that at fine smoothing."""
    import cv2

    inside = cv2.erode(valid.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    if not inside.any():
        return 0.0
    best = 0.0
    for band in pixels:
        level = float(band[inside].mean())
        filled = np.where(valid, band, level).astype(np.float32)
        power = []
        for sigma in (0.7, 2.0):
            smooth = cv2.GaussianBlur(filled, (0, 0), sigma)
            gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1)
            gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1)
            power.append(float((gx**2 + gy**2)[inside].astype(np.float64).mean()))
        dust = (1e-5 * (abs(level) + 1e-12)) ** 2
        if power[0] > dust:
            best = max(best, power[1] / power[0])
    return best
