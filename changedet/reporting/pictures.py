"""Pictures of a pair that people can look at: one stretch for both dates."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from changedet.errors import OutputError
from changedet.model import SAR_ROLES, Image, ImagePair, PairReader

PERCENTILES = (1.0, 99.0)
"""Pixel values between these are spread over the greys."""
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
    bands = picture_bands(before.roles)
    pictures = [np.empty((*before.grid.shape, 3), dtype=np.uint8) for _ in range(2)]
    for channel in range(3):
        if channel and bands[channel] == bands[0]:
            for picture in pictures:
                picture[..., channel] = picture[..., 0]
            continue
        layers = [_perceived(i.pixels[bands[channel]], domain) for i in (before, after)]
        low, high = _limits(layers, (before.valid, after.valid))
        for picture, layer in zip(pictures, layers, strict=True):
            scaled = (layer - low) * (255 / (high - low))
            picture[..., channel] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    for picture, image in zip(pictures, (before, after), strict=True):
        _hatch(picture, ~image.valid)
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


def _limits(layers: list[np.ndarray], valid: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Percentiles over both dates, each date with the same weight per pixel."""
    seen = [layer[mask] for layer, mask in zip(layers, valid, strict=True)]
    values = np.concatenate([v[:: 1 + v.size // SAMPLE] for v in seen])
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, PERCENTILES))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 1.0, low + 1.0)


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
