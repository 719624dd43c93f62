"""How well two objects agree in size and look, if they were one thing."""

from __future__ import annotations

import numpy as np

from changedet.activity.things.looking import SHADED_FLAT, Looks
from changedet.activity.things.placing import Placed

MIXED, OWN = 0.15, 0.05
"""Standard deviations of what changes in the mean colour of one thing: the share of ground mixed in
by an inexact outline, and the rest in units of typical contrast."""
TINT_OWN, TINT_SHADED = 0.03, 0.025
"""Standard deviations of the tint of the middle: in units of contrast, and relative."""
CURVED = 2.0
"""How many times larger these are for wagons, with walls and heaps that shade a part of them."""
STATION_OWN, STATION_SHADED = 0.05, 0.05
"""Standard deviations of a colour at one place of a thing: in units of contrast, and relative."""
STATION_DOF = 3.0
"""How many independent numbers the colours from end to end are worth."""
OUTLIER = 5.0
"""Larger differences, in standard deviations, count as this: shadows fall across things."""
TAIL = 4.0
"""Degrees of freedom of the distribution of these errors: shadows make outliers."""


def resemblance(objects: Placed, looks: Looks, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """How well the differences in size and look agree with those of one thing: a logarithm.

    A t-like kernel of their Mahalanobis distance: 0 for equals, whatever the errors are.
    """
    along = _like_profiles(looks, i, j)
    out = np.where(np.isfinite(along), along, _like_means(looks, i, j))
    for size in (np.maximum(objects.length, 1e-3), np.maximum(objects.width, 1e-3)):
        sigma = np.hypot(objects.error_m / size[i], objects.error_m / size[j])
        out -= 0.5 * np.minimum((np.log(size[j] / size[i]) / sigma) ** 2, 40.0)
    return np.asarray(out)


def _like_means(looks: Looks, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Kernel of the mean colours, allowing for mixed-in ground and for brightness."""
    step = looks.value[j] - looks.value[i]
    bands = step.shape[1]
    level = 0.5 * (looks.value[i] + looks.value[j])
    covariance = np.broadcast_to(OWN**2 * np.eye(bands), (len(i), bands, bands)).copy()
    for vector in (
        MIXED * looks.contrast[i], MIXED * looks.contrast[j], looks.shaded[i, None] * level,
    ):  # fmt: skip
        covariance += vector[:, :, None] * vector[:, None, :]
    distance = (step * np.linalg.solve(covariance, step[:, :, None])[:, :, 0]).sum(axis=1)
    return np.asarray(-0.5 * (TAIL + bands) * np.log1p(distance / TAIL))


def _like_profiles(looks: Looks, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Kernel of the colours along the middle; NaN where not sampled.

    Their mean is known well, but for a common brightness; how they run from end to end is known
    less well, and either way round is allowed.
    """
    profile = looks.profile
    if profile is None:
        return np.full(len(i), np.nan)
    known = np.isfinite(profile)
    count = known.sum(axis=1)
    total = np.where(known, profile, 0.0).sum(axis=1)
    middle = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    step, level = middle[j] - middle[i], 0.5 * (middle[i] + middle[j])
    bands = step.shape[1]
    curved = np.where(looks.shaded[i] > SHADED_FLAT, CURVED, 1.0)[:, None]
    own = (curved * np.hypot(TINT_OWN, TINT_SHADED * level)) ** 2
    light = looks.shaded[i, None] * level
    z2, zv, vv = ((step * step / own).sum(axis=1), (step * light / own).sum(axis=1),
                  (light * light / own).sum(axis=1))  # fmt: skip
    out = -0.5 * (TAIL + bands) * np.log1p((z2 - zv * zv / (1 + vv)) / TAIL)
    run = profile - middle[:, None, :]
    spread = np.hypot(np.hypot(STATION_OWN, STATION_SHADED * profile), np.gradient(profile, axis=1))
    best = np.full(len(i), np.inf)
    for way in (1, -1):
        both = np.hypot(spread[i], spread[j][:, ::way]) / np.sqrt(2)
        z = np.clip((run[j][:, ::way] - run[i]) / both, -OUTLIER, OUTLIER)
        known = np.isfinite(z)
        total = np.where(known, z * z, 0.0).sum(axis=(1, 2))
        best = np.minimum(best, total / np.maximum(known.sum(axis=(1, 2)), 1))
    out -= 0.5 * (TAIL + STATION_DOF) * np.log1p(STATION_DOF * best / TAIL)
    return np.asarray(out)
