"""Clouds and their shadows over a fine raster."""

from __future__ import annotations

import math

import numpy as np

from changedet.simulation.canvas import Frame
from changedet.simulation.noise import fractal_noise


def clouds(rng: np.random.Generator, frame: Frame, share: float,
           sun: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Opacity of clouds, and share of sunlight their shadows take, 0 to 1, float32.

    They float as high as makes a shadow fall a quarter of the site away, so that both are seen.
    """
    reach = 0.25 * min(frame.height, frame.width)
    azimuth = math.radians(sun[0])
    d_row, d_col = round(math.cos(azimuth) * reach), round(-math.sin(azimuth) * reach)
    shape = (frame.height + abs(d_row), frame.width + abs(d_col))
    steps = tuple(max(2.0, min(shape) * s) for s in (0.4, 0.16, 0.06, 0.02))
    field = fractal_noise(rng, shape, steps, (1.0, 0.6, 0.3, 0.12))
    row, col = max(0, d_row), max(0, d_col)
    over = field[row : row + frame.height, col : col + frame.width]
    row, col = row - d_row, col - d_col
    lit_by = field[row : row + frame.height, col : col + frame.width]
    # opacity 0.5 marks the edge of the share that was asked for
    edge = np.float32(np.quantile(over[::4, ::4], 1 - share))
    return _opacity(over, edge), np.float32(0.75) * _opacity(lit_by, edge)


def _opacity(field: np.ndarray, edge: np.float32) -> np.ndarray:
    return np.clip((field - edge) * np.float32(1.8) + np.float32(0.5), 0, 1).astype(np.float32)
