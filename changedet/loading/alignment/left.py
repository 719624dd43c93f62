"""How much misregistration is left, by place."""

from __future__ import annotations

import numpy as np

from changedet.loading.alignment.models import TERMS, Fitted
from changedet.loading.alignment.ties import Ties
from changedet.model import Lattice

_NODES = 17
"""Most nodes along the longer side."""
_FLOOR = 0.02
"""Pixels; nothing is known better."""
_FAR = {"local": 0.25, "second-order": 0.1}
"""Pixels added for every window's length away from the nearest tie point; 0.03 for others."""
_KERNEL = 1.5
"""Standard deviation of the neighbourhood, window sides."""


def left_over(ties: Ties, fitted: Fitted, believed: np.ndarray, size: int) -> Lattice:
    """Standard deviation of what is left (per axis), pixels, by place.

    Three parts: how far neighbouring tie points stand off the model by more than their own
    expected error; how well their mean is known; and the distance to the nearest of them.

    Parameters
    ----------
    ties : Ties
    fitted : Fitted
        Model through the believed ones.
    believed : (n,) bool array
    size : int
        Side of the windows.
    """
    shape, model = fitted.motion.shape, fitted.motion.model
    inlier = fitted.weights > 0
    if inlier.sum() < 2:
        return Lattice.constant(1.0)
    used = ties.take(believed).take(inlier)
    held = fitted.residual[inlier]
    off = used.shifts - fitted.motion.at(used.places[:, 0], used.places[:, 1])
    off = np.where(np.isfinite(held), held, off)
    square = (off**2).mean(1)
    from scipy.spatial import cKDTree

    longest = max(shape)
    counts = [int(np.clip(round(_NODES * n / longest), 2, _NODES)) for n in shape]
    steps = [max(n - 1, 1) / (k - 1) for n, k in zip(shape, counts, strict=True)]
    rows, cols = (np.arange(k) * s for k, s in zip(counts, steps, strict=True))
    nodes = np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).reshape(-1, 2)
    distance, _ = cKDTree(used.places).query(nodes)
    away = ((nodes[:, None] - used.places[None]) ** 2).sum(-1)
    near = np.exp(-0.5 * away / (_KERNEL * size) ** 2) + 1e-6
    near /= near.sum(1, keepdims=True)
    error = near @ square
    # each tie point's own error is not in the model: take the typical one out, not all of it
    own = near @ np.minimum(used.sigma**2, 2 * square.mean())
    effective = 1 / (near**2).sum(1)
    freedom = len(used) / TERMS[model] if model in TERMS else effective / 2
    known = error / np.maximum(freedom, 1)
    excess = np.maximum(error - own, 0.1 * error)
    far = _FAR.get(model, 0.03) * np.maximum(distance / size - 0.75, 0)
    sigma = np.sqrt(excess + known + far**2 + _FLOOR**2)
    return Lattice(0.0, 0.0, steps[0], steps[1], sigma.reshape(counts[0], counts[1]))
