"""Seeds and smooth random fields.

Everything that reaches pixels is made from additions, multiplications, divisions and square roots
in a fixed order, which give the same bits on every processor; library filters do not.
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """Return a generator for one purpose, independent of those for every other purpose."""
    key = tuple(zlib.crc32(p.encode()) for p in purpose)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _stretch(values: np.ndarray, n: int, step: float, axis: int) -> np.ndarray:
    """Interpolate along an axis at ``i / step`` with a smooth (cubic Hermite) blend."""
    position = np.arange(n, dtype=np.float64) / step
    low = np.minimum(position.astype(np.int64), values.shape[axis] - 2)
    t = position - low
    w = (t * t * (3 - 2 * t)).astype(np.float32)
    w = w[:, None] if axis == 0 else w[None, :]
    first = np.take(values, low, axis=axis)
    second = np.take(values, low + 1, axis=axis)
    second -= first
    second *= w
    second += first
    return second


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], step: float) -> np.ndarray:
    """Noise of unit variance at the nodes of a lattice ``step`` pixels wide, float32."""
    m, n = (int(s / step) + 2 for s in shape)
    nodes = rng.standard_normal((m, n)).astype(np.float32)
    if step <= 1:
        return nodes[: shape[0], : shape[1]]
    return _stretch(_stretch(nodes, shape[0], step, 0), shape[1], step, 1)


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    steps: tuple[float, ...],
    weights: tuple[float, ...],
) -> np.ndarray:
    """Sum of smooth noises; the sum of squared weights is scaled to 1, float32."""
    total = np.zeros(shape, dtype=np.float32)
    norm = sum(w * w for w in weights) ** 0.5
    for step, weight in zip(steps, weights, strict=True):
        part = smooth_noise(rng, shape, max(1.0, step))
        part *= np.float32(weight / norm)
        total += part
    return total
