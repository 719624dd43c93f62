"""How dark the shadows of the after image are, from those that moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from changedet.differencing import Detection
from changedet.differencing.detection import SHADOW_GUARD
from changedet.differencing.fitting import DOUBTFUL
from changedet.model import PairReader, Window
from changedet.simulation import ImageQuality

UMBRA_PX = (5, 3)
"""Side of the square around a pixel that must lie in the same shadow: the rim is mixed. The smaller
one where shadows are too narrow."""
LEAST = 200
"""Pixels needed."""
ROUNDS = 20
SENSIBLE = (0.02, 0.95)
"""Share of the light that a shadow leaves."""


def with_measured_shade(
    quality: ImageQuality, detection: Detection, pair: PairReader, windows: Sequence[Window]
) -> ImageQuality:
    """Put what the shadows of this image look like in place of typical values.

    Where a shadow came between the dates, the after image shows a line of what the before image
    predicts: value = light · predicted + (1 − light) · dark, in each band. Its slope is the light
    that is left, its zero the light of haze and offset. Fitted with Cauchy weights. Left as it is
    where shadows are not known or too few came.

    Parameters
    ----------
    quality : ImageQuality
        Of the after image.
    detection : Detection
        Knows what a moved shadow is, and what the before image predicts.
    pair : PairReader
        The pair without targets.
    windows : sequence of Window
        Where to look.
    """
    if detection.shadow is None:
        return quality
    for side in UMBRA_PX:
        lit, shaded = _in_shadow(detection, pair, windows, side)
        if lit.shape[1] >= LEAST:
            lines = [_line(x, y) for x, y in zip(lit, shaded, strict=True)]
            if all(SENSIBLE[0] < slope < SENSIBLE[1] for slope, _ in lines):
                return replace(
                    quality,
                    light=tuple(slope for slope, _ in lines),
                    dark=tuple(zero / (1 - slope) for slope, zero in lines),
                    light_source="measured",
                )
    return quality


def _in_shadow(
    detection: Detection, pair: PairReader, windows: Sequence[Window], side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and shown values of pixels well inside shadows that came, (band, n) each."""
    import cv2

    shadow, detector = detection.shadow, detection.detector
    if shadow is None:
        return np.zeros((0, 0)), np.zeros((0, 0))
    halo = max(shadow.halo + SHADOW_GUARD, detector.halo)
    lit, shown = [], []
    for core in windows:
        window = core.pad(halo)
        read, cut = pair.read(window), core.within(window)
        wanted = np.zeros(window.shape, dtype=bool)
        wanted[cut] = np.nan_to_num(detector.statistic(read)[cut]) > DOUBTFUL
        before, after = detector.shadow_logarithms(read)  # type: ignore[attr-defined]
        came = shadow.explains(before, after, wanted) & ((after - before)[:3].mean(axis=0) < 0)
        deep = cv2.erode(came.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        predicted = detector.radiometry.apply(read.before.pixels)  # type: ignore[attr-defined]
        lit.append(predicted[:, deep])
        shown.append(read.after.pixels[:, deep])
    return np.concatenate(lit, axis=1), np.concatenate(shown, axis=1)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and value at zero of a robust line."""
    design = np.column_stack([x, np.ones_like(x)]).astype(np.float64)
    weight = np.ones(len(x))
    found = np.array([1.0, 0.0])
    for _ in range(ROUNDS):
        found = np.linalg.lstsq(design * weight[:, None], y * weight, rcond=None)[0]
        off = y - design @ found
        scale = max(1.4826 * float(np.median(np.abs(off))), 1e-9)
        weight = np.sqrt(1 / (1 + (off / (2 * scale)) ** 2))
    return float(found[0]), float(found[1])
