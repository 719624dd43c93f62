"""How two things look beside each other in the images, as numbers that can be weighed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from changedet.activity.things.placing import Placed
from changedet.activity.things.profiling import sample_places
from changedet.model import PairReader

STATIONS, ENDS = 12, 0.94
"""Places along a thing, and the share of its length over which they lie."""
ACROSS_M, ACROSS_STEP_M = 8.0, 0.5
"""How far to either side is looked, for walls and shadows, and the step, metres."""
CORE = 0.25
"""Half the width, in widths, of the middle in which colours are taken,"""
CORE_M = (0.5, 1.0)
"""within these bounds, metres."""
INSIDE_M, SHADE_M = 1.26, 1.8
"""What is nearer than the first is the thing, farther than the second what is beside it."""
DARKEST = 0.03
"""Darker places, against what is usual in the scene, count as this."""
SHADE = (0.2, 0.8)
"""Logarithm of brightness below what is usual where shade begins, and where it is full."""
FLAT = 0.02
"""Standard deviation of ln brightness of what has no relief of its own."""
CHUNK = 256
"""Things whose samples are held in memory at once; never changes a result."""
BLOCKS = 6
"""Parts of the length that are compared one by one: a shadow falls across some of them."""
BRIGHTEST = 4
"""Stations that are taken as lit, if any are."""
COLUMNS = (
    "brightness", "bands", "colour 1", "colour 2", "colour 3", "colour 4", "colour",
    "course", "course turned", "course alike", "steps alike", "colour along",
    "roughness", "relief", "length", "width", "shorter", "across",
    "shade left", "shade right", "both shaded left", "both shaded right",
    "bright", "own colour 1", "own colour 2", "own colour 3", "own colour 4",
    "most like part", "second part", "middle parts", "least like part",
    "most like colour", "middle colours", "least like colour",
    "lit bands", "lit colour", "halves", "one half and the other",
)  # fmt: skip
BANDS = 4
"""Bands that are weighed; the first ones of more, and of fewer the rest is not known."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What the image of the date that holds them shows of some things.

    Natural logarithms of brightness against what is usual in the scene, all things read in one
    common direction.
    """

    along: np.ndarray
    """(n, station, band) the middle, from end to end."""
    across: np.ndarray
    """(n, across) from one side to the other, mean of bands and stations."""
    axis: np.ndarray
    """(n, 2) unit vector of the direction in which each is read."""

    @property
    def known(self) -> np.ndarray:
        """(n,) bool: seen from end to end."""
        return np.asarray(np.isfinite(self.along).all(axis=(1, 2)))


def one_way(along: np.ndarray) -> np.ndarray:
    """Unit vectors turned to the side of the direction that most have in common."""
    known = np.isfinite(along).all(axis=1)
    double = 2 * np.arctan2(along[known, 1], along[known, 0])
    middle = 0.5 * np.arctan2(np.sin(double).sum(), np.cos(double).sum())
    back = along @ np.array([np.cos(middle), np.sin(middle)]) < 0
    return np.where(back[:, None], -along, along)


def look_closely(
    objects: Placed, pair: PairReader, match: Callable[[np.ndarray], np.ndarray]
) -> Sight:
    """Look at each object at the date that holds it (the after image, where both do).

    Parameters
    ----------
    objects : Placed
        In ground metres.
    pair : PairReader
        The aligned pair.
    match : function
        Brings before values (..., band) to the radiometry of the after image.
    """
    row_m, col_m = pair.grid.pixel_size_m or (1.0, 1.0)
    v = np.arange(-ACROSS_M, ACROSS_M + 1e-9, ACROSS_STEP_M)
    u = ((np.arange(STATIONS) + 0.5) / STATIONS - 0.5) * ENDS
    axis = one_way(objects.along)
    half = np.clip(CORE * objects.width, *CORE_M)
    n = len(objects)
    along = np.full((n, STATIONS, min(len(pair.roles), BANDS)), np.nan)
    across = np.full((n, len(v)), np.nan)
    usable = np.flatnonzero(np.isfinite(axis).all(axis=1) & np.isfinite(objects.x))
    for start in range(0, len(usable), CHUNK):
        mine = usable[start : start + CHUNK]
        dx, dy = axis[mine, 0, None, None], axis[mine, 1, None, None]
        far = objects.length[mine, None, None] * u[None, :, None]
        x = objects.x[mine, None, None] + far * dx - v[None, None, :] * dy
        y = objects.y[mine, None, None] + far * dy + v[None, None, :] * dx
        before, now = sample_places(-y / row_m, x / col_m, pair, lambda values: values)
        after = ((objects.dates[mine] & 2) > 0)[:, None, None, None]
        value = np.where(after, now, match(before))[..., :BANDS]
        core = (np.abs(v) <= half[mine, None] + 1e-9)[:, None, :, None]
        along[mine] = mean_known(np.where(core, value, np.nan), 2)
        across[mine] = mean_known(mean_known(value, 3), 1)
    usual = np.nanmedian(across) if np.isfinite(across).any() else 1.0
    return Sight(_log(along, usual), _log(across, usual), axis)


def mean_known(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is known."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _log(values: np.ndarray, usual: float) -> np.ndarray:
    return np.asarray(np.log(np.maximum(values / usual, DARKEST)))


def compare(
    objects: Placed, sight: Sight, i: np.ndarray, j: np.ndarray, turned: bool = False
) -> np.ndarray:
    """Compare things in pairs.

    Parameters
    ----------
    objects : Placed
        All things.
    sight : Sight
        Theirs.
    i, j : (m,) int arrays
        Rows.
    turned : bool
        The second of each pair is read from its other end.

    Returns
    -------
    (m, column) float64 array
        What :data:`COLUMNS` names: differences in brightness and colour of the middle, in how
        brightness and colour run from end to end and across, in size (by the error of an outline)
        and in how dark it is on either side; and what both are like.
    """
    way = -1 if turned else 1
    mean = sight.along.mean(axis=1)
    bright = mean.mean(axis=1)
    colour = mean - bright[:, None]
    unknown = [np.full(len(i), np.nan)] * (BANDS - mean.shape[1])
    error = objects.error_m
    columns = [
        np.abs(bright[i] - bright[j]),
        _rms(mean[i] - mean[j]),
        *np.abs(colour[i] - colour[j]).T, *unknown,
        _far(colour[i] - colour[j]),
        *_courses(sight, mean, i, j, way),
        np.abs(objects.length[i] - objects.length[j]) / error,
        np.abs(objects.width[i] - objects.width[j]) / error,
        np.minimum(objects.length[i], objects.length[j]),
        *_sides(sight, i, j),
        bright[j], *colour[j].T, *unknown,
        *_parts(sight, i, j, way),
    ]  # fmt: skip
    return np.column_stack(columns)


def _courses(
    sight: Sight, mean: np.ndarray, i: np.ndarray, j: np.ndarray, way: int
) -> list[np.ndarray]:
    """How brightness and colour run from end to end."""
    run = sight.along - mean[:, None]
    course = run.mean(axis=2)
    tint = run - course[:, :, None]
    rough = course.std(axis=1) + FLAT
    steps = np.diff(course, axis=1)
    steps /= steps.std(axis=1, keepdims=True) + FLAT
    return [
        _rms(course[i] - course[j][:, ::way]),
        _rms(course[i] - course[j][:, ::-way]),
        (course[i] * course[j][:, ::way]).mean(axis=1) / (rough[i] * rough[j]),
        # of what was turned round the steps go down instead of up
        (steps[i] * way * steps[j][:, ::way]).mean(axis=1),
        np.sqrt(((tint[i] - tint[j][:, ::way]) ** 2).mean(axis=(1, 2))),
        np.abs(np.log(rough[i] / rough[j])),
        np.log(rough[i] + rough[j]),
    ]


def _sides(sight: Sight, i: np.ndarray, j: np.ndarray) -> list[np.ndarray]:
    """How brightness runs across, and how dark it is on either side."""
    v = np.arange(-ACROSS_M, ACROSS_M + 1e-9, ACROSS_STEP_M)
    wall = sight.across[:, np.abs(v) <= INSIDE_M]
    wall = wall - wall.mean(axis=1, keepdims=True)
    depth = np.clip((-sight.across - SHADE[0]) / (SHADE[1] - SHADE[0]), 0.0, 1.0)
    left, right = (depth[:, s].sum(axis=1) * ACROSS_STEP_M for s in (v > SHADE_M, v < -SHADE_M))
    return [
        _rms(wall[i] - wall[j]),
        np.abs(left[i] - left[j]), np.abs(right[i] - right[j]),
        np.minimum(left[i], left[j]), np.minimum(right[i], right[j]),
    ]  # fmt: skip


def _parts(sight: Sight, i: np.ndarray, j: np.ndarray, way: int) -> list[np.ndarray]:
    """How alike their parts are, from the most to the least, and what of them is lit."""
    n, _, bands = sight.along.shape
    block = sight.along.reshape(n, BLOCKS, STATIONS // BLOCKS, bands).mean(axis=2)
    tint = block - block.mean(axis=2, keepdims=True)
    off = np.sort(np.sqrt(((block[i] - block[j][:, ::way]) ** 2).mean(axis=2)), axis=1)
    tinted = np.sort(np.sqrt(((tint[i] - tint[j][:, ::way]) ** 2).sum(axis=2)), axis=1)
    lit = np.argsort(sight.along.mean(axis=2), axis=1)[:, -BRIGHTEST:, None]
    top = np.take_along_axis(sight.along, lit, axis=1).mean(axis=1)
    hue = top - top.mean(axis=1, keepdims=True)
    half = block.reshape(n, 2, BLOCKS // 2, bands).mean(axis=2)
    step = half[:, 0] - half[:, 1]
    middle = slice(BLOCKS // 2 - 1, BLOCKS // 2 + 1)
    return [
        off[:, 0], off[:, 1], off[:, middle].mean(axis=1), off[:, -1],
        tinted[:, 0], tinted[:, middle].mean(axis=1), tinted[:, -1],
        _rms(top[i] - top[j]), _far(hue[i] - hue[j]),
        np.abs(step[i] - way * step[j]).mean(axis=1), np.abs(step[i]).mean(axis=1),
    ]  # fmt: skip


def _far(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt((values**2).sum(axis=1)))


def _rms(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt((values**2).mean(axis=1)))
