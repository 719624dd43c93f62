"""Pictures of a pair that people can look at: one stretch for both dates."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.errors import OutputError
from changedet.model import SAR_ROLES, Image, ImagePair, PairReader

PERCENTILES = (1.0, 99.0)
"""Pixel values between these are spread over the greys."""
MIDDLE = 0.4
"""The median is brightened towards this grey (0 black, 1 white)."""
MAX_APART = 0.25
"""How far the medians of the two dates may be apart, in shares of the common range of values, to
be stretched as one. (Not the percentiles: a few bright new objects move those.)"""
SAMPLE = 2_000_000
"""At most about as many pixels are looked at to find the percentiles."""


def quicklooks(pair: PairReader, max_size: int = 1600) -> tuple[np.ndarray, np.ndarray]:
    """Make pictures of the aligned pair, of at most about ``max_size`` pixels a side.

    Parameters
    ----------
    pair : PairReader
        Read whole when it is small enough, else through its overview.
    max_size : int
        Longer side of the pictures, pixels.

    Returns
    -------
    tuple of (y, x, 3) uint8 arrays
        Before and after, with one stretch (see :func:`stretch_pair`).
    """
    factor = max(1, -(-max(pair.grid.shape) // max_size))
    small: ImagePair = pair.read(pair.grid.window) if factor == 1 else pair.overview(factor)
    return stretch_pair(small.before, small.after, domain=pair.infos[0].domain)


def stretch_pair(
    before: Image, after: Image, *, domain: str = "optical"
) -> tuple[np.ndarray, np.ndarray]:
    """Turn two images into pictures with one common percentile stretch.

    Where the brightness of the two dates differs so much that one stretch would leave one of them
    dark (see :data:`MAX_APART`), each date has its own. Dark pictures are brightened by a power
    law, the same for all bands.

    Parameters
    ----------
    before, after : Image
        On one grid with the same bands.
    domain : str
        What pixel values are: SAR amplitudes are drawn by their square root, intensities by their
        logarithm.

    Returns
    -------
    tuple of (y, x, 3) uint8 arrays
        Red, green and blue bands where they are known, else the first three, else the first one
        in grey. Pixels that are not valid are hatched in grey.
    """
    images = (before, after)
    bands = list(dict.fromkeys(picture_bands(before.roles)))
    layers = [[_perceived(i.pixels[band], domain) for band in bands] for i in images]
    seen = [[_sample(x, i.valid) for x in own] for own, i in zip(layers, images, strict=True)]
    both = [np.concatenate(values) for values in zip(*seen, strict=True)]
    common = _Stretch.of(both)
    alike = common.suits(*seen)
    stretches = [common if alike else _Stretch.of(own) for own in seen]
    pictures = []
    for image, own, stretch in zip(images, layers, stretches, strict=True):
        picture = np.stack([stretch.apply(x, k) for k, x in enumerate(own)], axis=-1)
        picture = np.array(np.broadcast_to(picture, (*image.grid.shape, 3)))
        _hatch(picture, ~image.valid)
        pictures.append(picture)
    return pictures[0], pictures[1]


def picture_bands(roles: tuple[str, ...]) -> tuple[int, int, int]:
    """Choose the bands to show as red, green and blue, by their roles."""
    if all(role in roles for role in ("red", "green", "blue")):
        return roles.index("red"), roles.index("green"), roles.index("blue")
    for role in ("pan", *SAR_ROLES):
        if role in roles:
            return (roles.index(role),) * 3
    return (0, 1, 2) if len(roles) >= 3 else (0, 0, 0)


def _perceived(layer: np.ndarray, domain: str) -> np.ndarray:
    if domain == "sar-amplitude":
        return np.sqrt(np.maximum(layer, 0))
    if domain == "sar-intensity":
        positive = layer[layer > 0]
        if not positive.size:
            return layer
        floor = np.percentile(positive[:: 1 + positive.size // SAMPLE], 0.1)
        return np.log(np.maximum(layer, floor))
    return layer


def _sample(layer: np.ndarray, valid: np.ndarray) -> np.ndarray:
    values = layer[valid]
    return values[:: 1 + values.size // SAMPLE]


@dataclass(frozen=True)
class _Stretch:
    """Limits of each band, and the exponent that brightens."""

    limits: tuple[tuple[float, float], ...]
    gamma: float

    @classmethod
    def of(cls, bands: list[np.ndarray]) -> _Stretch:
        limits, middles = [], []
        for values in bands:
            if not values.size:
                return cls(((0.0, 1.0),) * len(bands), 1.0)
            low, middle, high = np.percentile(values, [PERCENTILES[0], 50, PERCENTILES[1]])
            if high <= low:
                low, high = values.min(), values.max()
            if high <= low:
                low, high = low - 1, low + 1
            limits.append((float(low), float(high)))
            middles.append((middle - low) / (high - low))
        middle = float(np.clip(np.mean(middles), 0.01, 0.99))
        return cls(tuple(limits), max(0.5, min(1.0, math.log(MIDDLE) / math.log(middle))))

    def suits(self, before: list[np.ndarray], after: list[np.ndarray]) -> bool:
        """Whether the bulk of both dates lies at much the same values in every band."""
        for a, b, (low, high) in zip(before, after, self.limits, strict=True):
            if a.size and b.size and abs(np.median(a) - np.median(b)) > MAX_APART * (high - low):
                return False
        return True

    def apply(self, layer: np.ndarray, band: int) -> np.ndarray:
        low, high = self.limits[band]
        scaled = np.clip((layer - low) / (high - low), 0, 1) ** self.gamma
        return np.rint(scaled * 255).astype(np.uint8)


def _hatch(picture: np.ndarray, where: np.ndarray) -> None:
    """Draw diagonal stripes, which no one takes for ground."""
    rows, cols = np.nonzero(where)
    picture[rows, cols] = np.where((rows + cols) // 4 % 2, 178, 206).astype(np.uint8)[:, None]


def encode(picture: np.ndarray, *, max_bytes: int = 450_000) -> tuple[bytes, str]:
    """Compress a picture as WebP, as good as fits into ``max_bytes``.

    Returns
    -------
    tuple
        The bytes, and their media type.
    """
    import cv2

    data = b""
    for scale in (1.0, 0.75, 0.5, 0.35):
        size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
        bgr: Any = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        small = bgr if scale == 1 else cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        for quality in (90, 80, 70, 60):
            done, buffer = cv2.imencode(".webp", small, [cv2.IMWRITE_WEBP_QUALITY, quality])
            if not done:
                raise OutputError(f"A picture of {picture.shape} pixels could not be compressed.")
            data = buffer.tobytes()
            if len(data) <= max_bytes:
                return data, "image/webp"
    return data, "image/webp"


def data_uri(data: bytes, media_type: str) -> str:
    """Bytes as a ``data:`` address."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
