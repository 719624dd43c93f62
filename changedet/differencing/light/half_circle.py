"""Histograms of directions that fill half a circle."""

from __future__ import annotations

import math

import numpy as np


def half_circle(counts: np.ndarray) -> tuple[float, float]:
    """Middle of the half circle on which a histogram of directions lies, and how well it fits.

    Parameters
    ----------
    counts : (n,) int array
        By direction, from 0 to 360 degrees.

    Returns
    -------
    angle : float
        Radians.
    fit : float
        Correlation of the logarithm of the histogram with the half circle, 0 to 1.
    """
    n = len(counts)
    smooth = 0.25 * np.roll(counts, 1) + 0.5 * counts + 0.25 * np.roll(counts, -1)
    height = np.log(smooth + 0.1 * float(np.median(smooth)) + 1.0)
    height = height - height.mean()
    middles = np.arange(360.0)
    apart = np.abs((np.arange(n) + 0.5) * (360.0 / n) - middles[:, None])
    apart = np.minimum(apart % 360.0, -apart % 360.0)
    shape = np.clip((92.5 - apart) / 5.0, -1.0, 1.0)
    shape -= shape.mean(axis=1, keepdims=True)
    norm = np.sqrt((shape * shape).sum(axis=1) * float((height * height).sum()) + 1e-12)
    fit = (shape * height).sum(axis=1) / norm
    best = float(fit.max())
    close = np.deg2rad(middles[fit > best - 0.01])
    return math.atan2(float(np.sin(close).sum()), float(np.cos(close).sum())), best


def one_sided(counts: np.ndarray, angle: float) -> float:
    """Edges that face away from the sun over those that face it."""
    n = len(counts)
    apart = np.cos((np.arange(n) + 0.5) * (2 * math.pi / n) - angle)
    front, back = counts[apart > 0.17].sum(), counts[apart < -0.17].sum()
    return float(front) / max(float(back), 1.0)
