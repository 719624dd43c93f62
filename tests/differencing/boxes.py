"""Pairs of images with boxes on smooth ground, and the rows that are found there."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.config import Config
from changedet.differencing import find_objects, fit_detection
from changedet.differencing.objects import explaining, labelling, refining

from .builders import MemoryPair, Scratch, smooth_field, utm_grid

SHAPE = (150, 210)
GRID = utm_grid(*SHAPE)
ROLES = ("blue", "green", "red")
RED, GREEN, WHITE = (90.0, 100.0, 260.0), (90.0, 260.0, 110.0), (300.0, 310.0, 320.0)
AWAY = (2.0, 0.0)
"""Shadows fall to the south, two pixels a metre."""


def scene(after=(), before=(), *, shade=(), dark=(), valid=None):
    """A pair with boxes of given colours at each date; dark ground and shade are factors."""
    rng = np.random.default_rng(3)
    ground = np.array([100.0, 110.0, 120.0])[:, None, None] * np.exp(
        0.04 * smooth_field(rng, SHAPE, 12.0)
    )
    ground[:, -20:] *= 0.1  # water: something is dark in every image
    images = [ground.copy(), ground.copy()]
    for where in dark:
        for image in images:
            image[(slice(None), *where)] *= 0.5
    for image, things in zip(images, (before, after), strict=True):
        for where, colour in things:
            image[(slice(None), *where)] = np.array(colour)[:, None, None]
    for where in shade:
        images[1][(slice(None), *where)] *= np.array([0.36, 0.28, 0.26])[:, None, None]
    images = [image + rng.normal(0.0, 1.0, image.shape) for image in images]
    return MemoryPair(*images, grid=GRID, roles=ROLES, valid=valid)


def find(pair, *, refined=True, block=None, change=None):
    config = Config(method="change-vector", false_alarms_per_km2=200.0)
    detection = fit_detection(pair, pair.context(shadow_away=(AWAY, AWAY)), config)
    if change is not None:
        detection = change(detection)
    score = Scratch(detection.score(pair, pair.grid.window), pair.grid)
    labels, parts = (Scratch(np.zeros(SHAPE, dtype=np.int32), pair.grid) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        for module in (labelling, explaining, refining):
            if block is not None:
                patch.setattr(module, "LABEL_BLOCK", block)
        found = find_objects(
            score, labels, pair, detection, observed_pixels=score.array.size,
            parts=parts if refined else None,
        )  # fmt: skip
    return found.table, found.lookup[labels.array]


def agreement(raster, where):
    """Row of the object that holds most of a box, and intersection over union."""
    box = np.zeros(SHAPE, dtype=bool)
    box[where] = True
    counts = np.bincount(raster[box])
    counts[0] = 0
    k = int(np.argmax(counts))
    return k - 1, (box & (raster == k)).sum() / (box | (raster == k)).sum()
