"""What speaks for a thing at a date: its outline stands out, it casts a shadow, it is no ground.

Where ground lies, colours run on across the outline of what stood or will stand there; where a
thing stands they step. Steps are taken pixel by pixel along the outline, so that it does not matter
whether the thing is darker or brighter than what surrounds it, nor that a part of the surroundings
changed as well or holds neighbours: their edges are a part of the outline only. The geometric mean
keeps the steepest from speaking for all. A thing has height: on the side that lies away from the
sun it gets darker from its lit top to its shadow at the date that holds it. Where it is gone,
ground of one brightness lies on both sides; where another stands in its place there is a shadow
again.

Among neighbours bare ground has an outline as well: theirs. But its colours are common around,
those of ground in their shadow included, and a thing's mostly are not. So the pixels of each object
are looked for, at each date, among those around that belong to no object. Parts of one thing are
compared by the sum of these; which date holds a thing is told in
:mod:`changedet.differencing.objects.holding`.

Fails where a thing has the colour of ground or shade around (dark wagons on dark track), where no
ground like that below lies around, and for the shadow where it falls on what is dark already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.objects.explaining import LOOSE
from changedet.differencing.objects.measuring import Measures
from changedet.model import ImagePair, Window

STEP_FLOOR = 0.05
"""Smaller steps of the logarithm of brightness are noise."""
SHADE_FLOOR = 0.3
"""Smaller shares of shade beside an object say nothing."""
GROUND_PX = 15
"""How far around each pixel ground is looked at: a few widths of a wagon, beyond which another
surface begins,"""
GROUND_STRIDE = 3
"""every so many pixels."""
LEAST_GROUND = 6
"""Pixels with less ground around say nothing: those in the middle of large things."""
GROUND_ALIKE = 0.05
"""Root mean square over bands of the difference of two pixels of one surface, as the logarithm of
brightness."""
GROUND_FLOOR = 0.01
"""Smaller shares of the ground are no surface."""
STEP_WEIGHT = 2.0
SHADE_WEIGHT = 1.5
GROUND_WEIGHT = 6.0
DROP_WEIGHT = 6.0
LEVEL = 25.0
"""Log odds of a thing at one date: weights of the logarithm of its steps, of that of the ratio of
shade, of that of the share of the ground around that looks the same, and of how much darker it gets
across its outline away from the sun, less a level. Fitted by maximum likelihood to three outcomes,
a thing before, after, or at both dates, each date by itself."""
SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""Rows and columns by which each side of an outline looks out."""
AWAY_PX = (2, 3, 4)
"""Where shade is looked for beside the outline, pixels; two of them must show it,"""
WITHIN_PX = (0, -1, -2)
"""and where the thing itself is."""
ALONG_PX = (-6, 9)
"""From where to where, across the outline, it may get darker where a thing leans, pixels."""


def count_standing(
    measures: Measures,
    labels: np.ndarray,
    pair: ImagePair,
    dates: list[np.ndarray],
    window: Window,
    core: Window,
    detection: Detection,
    asked: np.ndarray | None = None,
    places: np.ndarray | None = None,
) -> None:
    """Count in one block what speaks for each object, at either date.

    Parameters
    ----------
    measures : Measures
        Sums to add to.
    labels, pair, window, core
        As for :meth:`Measures.add`; :data:`GROUND_PX` pixels of margin are needed.
    dates : list of two (band, y, x) arrays
        From :func:`changedet.differencing.detectors.vector.colours`, of the pair.
    detection : Detection
        Knows, perhaps, how shadows look.
    asked : (n + 1,) bool array, optional
        By label: whether it is counted; by default every one.
    places : (y, x) int array, optional
        Places of the labels, 0 elsewhere; what lies in another place is then no ground.
    """
    here = np.zeros(labels.shape, dtype=bool)
    here[core.within(window)] = True
    n = len(measures.sighted)
    here &= labels > 0
    if asked is not None:
        here &= asked[labels]
    if places is None:
        places = np.zeros(labels.shape, dtype=np.int64)
    for side, (down, right) in enumerate(SIDES):
        rows, cols = np.nonzero(here)
        own = labels[rows, cols]
        far, near = (rows + 2 * down, cols + 2 * right), (rows - down, cols - right)
        rim = (labels[rows + down, cols + right] != own) & (labels[near] == own)
        rim &= pair.valid[far] & pair.valid[near]
        own, far, near = own[rim] - 1, (far[0][rim], far[1][rim]), (near[0][rim], near[1][rim])
        steps = [
            np.sqrt(((date[:, far[0], far[1]] - date[:, near[0], near[1]]) ** 2).mean(axis=0))
            for date in dates
        ]
        measures.outline[side] += np.bincount(own, minlength=n)
        for date, step in enumerate(steps):
            logs = np.log(step.astype(np.float64) + STEP_FLOOR)
            measures.steps[date, side] += np.bincount(own, logs, minlength=n)
    _count_grain(measures, labels, dates, here)
    _count_ground(measures, labels, places, dates, here, pair.valid)
    if detection.shadow is not None:
        _count_shade(measures, labels, places, pair, dates, here, detection)


def counted(
    labels: np.ndarray,
    asked: np.ndarray,
    places: np.ndarray,
    pair: ImagePair,
    dates: list[np.ndarray],
    window: Window,
    detection: Detection,
) -> Measures:
    """Count in a whole window what speaks for each label that is asked for, at either date.

    As :func:`count_standing`; the window has its margin, and what lies there is not counted.
    """
    measures = Measures.zeros(len(asked) - 1, len(pair.before.pixels))
    core = window.pad(-GROUND_PX)
    count_standing(measures, labels, pair, dates, window, core, detection, asked, places)
    return measures


def _count_grain(
    measures: Measures, labels: np.ndarray, dates: list[np.ndarray], here: np.ndarray
) -> None:
    """Steps of colour inside, from one neighbour to the opposite one."""
    inner = here.copy()
    for down, right in SIDES:
        inner &= labels == np.roll(labels, (down, right), axis=(0, 1))
    rows, cols = np.nonzero(inner)
    own, n = labels[rows, cols] - 1, len(measures.sighted)
    measures.inner += np.bincount(own, minlength=n)
    for date, colour in enumerate(dates):
        square = np.zeros(len(rows))
        for down, right in SIDES[::2]:
            there, back = (rows + down, cols + right), (rows - down, cols - right)
            step = colour[:, there[0], there[1]] - colour[:, back[0], back[1]]
            square += (step**2).mean(axis=0)
        logs = np.log(np.sqrt(square) + STEP_FLOOR)
        measures.grain[date] += np.bincount(own, logs, minlength=n)


def _count_ground(
    measures: Measures,
    labels: np.ndarray,
    places: np.ndarray,
    dates: list[np.ndarray],
    here: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Share of the ground around that looks like each pixel, its logarithm summed by object."""
    ground = (labels == 0) & valid
    rows, cols = np.nonzero(here)
    place = places[rows, cols]
    own = [date[:, rows, cols] for date in dates]
    around = np.zeros(len(rows), dtype=np.int64)
    alike = np.zeros((2, len(rows)), dtype=np.int64)
    steps = range(-GROUND_PX, GROUND_PX + 1, GROUND_STRIDE)
    for down in steps:
        for right in steps:
            there = places[rows + down, cols + right]
            is_ground = ground[rows + down, cols + right] & ((there == 0) | (there == place))
            around += is_ground
            seen = np.flatnonzero(is_ground)
            at = rows[seen] + down, cols[seen] + right
            for date, colour in enumerate(dates):
                square = ((colour[:, at[0], at[1]] - own[date][:, seen]) ** 2).mean(axis=0)
                alike[date, seen] += square < GROUND_ALIKE**2
    owner, n = labels[rows, cols] - 1, len(measures.sighted)
    sees = around >= LEAST_GROUND
    measures.sighted += np.bincount(owner[sees], minlength=n)
    for date in range(2):
        logs = np.log(alike[date] / np.maximum(around, 1) + GROUND_FLOOR)
        measures.ground[date] += np.bincount(owner[sees], logs[sees], minlength=n)


def _count_shade(
    measures: Measures,
    labels: np.ndarray,
    places: np.ndarray,
    pair: ImagePair,
    dates: list[np.ndarray],
    here: np.ndarray,
    detection: Detection,
) -> None:
    """Pixels of the outline away from the sun, those with shade beside, how dark it gets there."""
    import cv2

    shadow = cast(ShadowModel, detection.shadow)
    before, after = detection.detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
    coloured = shadow.coloured(before, after, LOOSE) & (labels == 0)
    darker = shadow.darker(before, after)
    square = np.ones((3, 3), np.uint8)
    numbers = labels.astype(np.float32)
    rows, cols = np.nonzero(here & (cv2.erode(numbers, square) != cv2.dilate(numbers, square)))
    own, place, n = labels[rows, cols], places[rows, cols], len(measures.sighted)
    for date, shade in enumerate((coloured & ~darker, coloured & darker)):
        away = np.array(shadow.away[date])
        unit = away / max(float(np.hypot(*away)), 1e-6)
        within, beside = (
            [stepped(rows, cols, k * unit) for k in reach] for reach in (WITHIN_PX, AWAY_PX)
        )
        facing = labels[beside[0]] != own
        facing &= np.all([pair.valid[at] for at in within + beside], axis=0)
        votes = np.zeros(len(rows), dtype=np.int64)
        for at in beside:
            votes += shade[at] & ((places[at] == 0) | (places[at] == place))
        bright = dates[date].mean(axis=0)
        lit = np.max([bright[at] for at in within], axis=0)
        drop = lit - np.min([bright[at] for at in beside], axis=0)
        along = [stepped(rows[facing], cols[facing], k * unit) for k in range(*ALONG_PX)]
        # what lies behind the edge of the image or a hole is not known
        profile = np.stack([np.where(pair.valid[at], bright[at], np.nan) for at in along])
        fall = np.nanmax(np.fmax.accumulate(profile) - profile, axis=0)
        measures.fall[date] += np.bincount(own[facing] - 1, fall, minlength=n)
        measures.facing[date] += np.bincount(own[facing] - 1, minlength=n)
        measures.shade[date] += np.bincount(own[facing] - 1, votes[facing] >= 2, minlength=n)
        measures.drop[date] += np.bincount(own[facing] - 1, drop[facing], minlength=n)


def stepped(rows: np.ndarray, cols: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels so far from others, rounded, (row, column)."""
    return np.rint(rows + by[0]).astype(np.int64), np.rint(cols + by[1]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Means:
    """What was counted, by place of the outline, pixel or pixel of the rim; (date, n) each."""

    step: np.ndarray
    """Logarithm of the step across the outline."""
    ground: np.ndarray
    """Logarithm of the share of the ground around that looks the same."""
    drop: np.ndarray
    """How much darker it gets across the outline, away from the sun."""
    shade: np.ndarray
    """Share of that outline with shade beside."""
    fall: np.ndarray
    """How much darker it gets there, or farther within or beyond."""
    grain: np.ndarray
    """Logarithm of the step between neighbours inside, NaN where there are none."""

    @property
    def bare(self) -> np.ndarray:
        """What speaks for a thing, without the sun."""
        out: np.ndarray = STEP_WEIGHT * self.step - GROUND_WEIGHT * self.ground - LEVEL
        return out


def means(measures: Measures) -> Means:
    """Of each object, from the sums."""
    facing = np.maximum(measures.facing, 1)
    inner = np.where(measures.inner > 0, measures.inner, np.nan)
    return Means(
        measures.steps.sum(axis=1) / np.maximum(measures.outline.sum(axis=0), 1),
        measures.ground / np.maximum(measures.sighted, 1),
        measures.drop / facing,
        measures.shade / facing,
        measures.fall / facing,
        measures.grain / inner,
    )


def evidence(measures: Measures) -> np.ndarray:
    """How much speaks for a thing at each date, (date, n): one sum, to compare parts by."""
    mean = means(measures)
    shade = np.log(mean.shade + SHADE_FLOOR)
    out: np.ndarray = mean.bare + SHADE_WEIGHT * (shade - shade[::-1]) + DROP_WEIGHT * mean.drop
    return out
