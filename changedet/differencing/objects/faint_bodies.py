"""Bodies as bright as the ground they stand on, told by the shadow that they cast.

A grey wagon on grey ballast hardly differs from it, but its shadow does: what is cut out of its
place is the shadow, and looks like a dark thing on bright ground. From a dark thing one comes,
towards the sun, to ground that did not change. From the shadow of a faint body one comes to that
body first: as wide as a thing, changed a little all over, bounded on the far side, and darker
beyond the near one. What is seen of both is put together by boosted trees, learnt on simulated
scenes (``tests/benchmarks/learn_faint.py`` writes ``faint.json``); where a body is likely enough
it takes the place of its shadow.

Needs to know where the sun stood. Fails where the body is as bright as the ground to the last per
cent: its shadow is then reported as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, colours, object_pixel_m
from changedet.differencing.objects.regions import Regions
from changedet.differencing.objects.standing import Means, counted, means
from changedet.model import ImagePair, Trees, Window, as_trees, read_learnt

FILE = "faint.json"
DARK_SHARE = 0.5
"""Share of a part's pixels that must be dark at one date with the colour of a shadow."""
WIDEST_M = 4.5
"""How far, towards the sun, a body is looked for from its shadow, metres."""
STEP_PX = 0.5
"""In steps of so many pixels."""
QUIET = 1.2
"""−log10 p above which a pixel speaks for a body rather than for quiet ground."""
BEYOND_M = 1.5
"""What lies beyond the body is looked at so far, metres."""
LEVEL = -1.0
"""Logarithm of the odds from which the body takes the place of the dark part: lower than even ones,
since a shadow that nothing was found to cast is worth little as a row."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What is known of the places of a window."""

    regions: Regions
    """What the parts were made of; no body reaches beyond their places."""
    surprise: np.ndarray
    """(y, x) −log10 p."""
    pair: ImagePair
    window: Window
    detection: Detection
    least: int
    """Smallest body, pixels."""

    @cached_property
    def dates(self) -> list[np.ndarray]:
        """Colours of both dates, (band, y, x) each."""
        detector = cast(ChangeVector, self.detection.detector)
        return colours(self.pair, detector, self.detection.contrast[1])


@dataclass(frozen=True, eq=False)
class Proposed:
    """Bodies that may have cast the dark parts of one date."""

    dark: np.ndarray
    """(y, x) int: pixels with the colour of a shadow, by part."""
    body: np.ndarray
    """(y, x) int: pixels of the body instead, by part."""
    asked: np.ndarray
    """(n,) bool, by part: whether there is such a body."""
    columns: np.ndarray
    """(n, column) what is seen of both."""


def faint_bodies(parts: np.ndarray, sight: Sight) -> np.ndarray:
    """Put bodies in the place of dark parts that are only their shadows.

    Parameters
    ----------
    parts : (y, x) int array
        Parts of places, 0 elsewhere.
    sight : Sight
        Of the places of the same window.

    Returns
    -------
    (y, x) int array
        Parts with the same numbers.
    """
    out = parts
    for date in (0, 1):
        seen = propose(out, sight, date)
        if seen is None:
            continue
        taken = np.zeros(len(seen.asked), dtype=bool)
        taken[seen.asked] = learnt().log_odds(seen.columns[seen.asked]) > LEVEL
        out = np.where(taken[seen.dark], 0, out)
        out = np.where(taken[seen.body], seen.body, out)
    return out


def propose(parts: np.ndarray, sight: Sight, date: int) -> Proposed | None:
    """Which bodies may have cast what is dark at one date, and what is seen of them.

    None where nothing is dark or the sun not known.
    """
    detection, regions, surprise = sight.detection, sight.regions, sight.surprise
    shadow, size = detection.shadow, object_pixel_m(detection.context)
    if shadow is None or size is None:
        return None
    n = int(parts.max()) + 1
    dark = _dark(parts, regions.dark == date + 1, n)
    if not dark.any():
        return None
    steps = np.arange(STEP_PX, WIDEST_M / size + STEP_PX / 2, STEP_PX)
    away = np.array(shadow.away[date])
    length = max(float(np.hypot(*away)), 1e-6)
    offsets = np.rint(-steps[:, None] * away / length).astype(np.int64)
    reached, step, faced = _towards_sun(dark, parts, regions.places, offsets, n)
    last = _widths(reached, step, surprise, len(steps), n)
    body = np.where(step <= last[reached], reached, 0)
    pixels, shaded = _count(body, n), _count(dark, n)
    asked = (pixels >= sight.least) & (np.arange(n) > 0)
    if not asked.any():
        return None
    beyond = (step > last[reached]) & (step <= last[reached] + BEYOND_M / size / STEP_PX)
    columns = [
        pixels * size**2, shaded * size**2, shaded / np.maximum(_count(parts, n), 1),
        (last + 1) * STEP_PX * size, pixels / np.maximum(faced[last, np.arange(n)], 1),
        *(_mean(of, surprise, n) for of in (body, np.where(beyond, reached, 0), dark)),
        np.full(n, length * size),
    ]  # fmt: skip
    labels = np.where(body > 0, body + n - 1, parts)
    both = np.concatenate([asked, asked[1:]])
    measures = counted(
        labels, both, regions.places, sight.pair, sight.dates, sight.window, detection
    )
    columns += _looks(means(measures), n, (date, 1 - date))
    return Proposed(dark, body, asked, np.column_stack(columns))


def _looks(mean: Means, n: int, dates: tuple[int, int]) -> list[np.ndarray]:
    """(n,) columns of bodies and then of parts, at the date that holds them and at the other."""
    out = []
    for values in (mean.step, mean.ground, mean.drop, mean.shade, mean.fall, mean.grain):
        for of in (values[:, n - 1 :], values[:, : n - 1]):
            out += [np.concatenate([[np.nan], of[date]]) for date in dates]
    return out


def _count(labels: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(labels.ravel(), minlength=n)


def _mean(labels: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """(n,) mean over the pixels of each label, NaN where there are none."""
    count = _count(labels, n)
    total = np.bincount(labels.ravel(), values.ravel().astype(np.float64), minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _dark(parts: np.ndarray, shaded: np.ndarray, n: int) -> np.ndarray:
    """Pixels with the colour of a shadow of the parts that mostly have it, by part."""
    dark = np.where(shaded, parts, 0)
    share = _count(dark, n) / np.maximum(_count(parts, n), 1)
    share[0] = 0.0
    return np.where(share[dark] >= DARK_SHARE, dark, 0)


def _towards_sun(
    dark: np.ndarray, parts: np.ndarray, places: np.ndarray, offsets: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What lies on the side of the sun, by the dark part from which it is reached first.

    Returns that part and the number of the step, (y, x) each, of what is no part and in the same
    place; and (step, n) how many pixels each part faces up to a step, whatever they are.
    """
    rows, cols = np.nonzero(dark)
    own = dark[rows, cols]
    place = places[rows, cols]
    reached, step, facing = np.zeros((3, *dark.shape), dtype=np.int64)
    faced = np.zeros((len(offsets), n), dtype=np.int64)
    for k, (down, right) in enumerate(offsets):
        at = rows + down, cols + right
        new = (dark[at] != own) & (facing[at] != own)
        facing[at[0][new], at[1][new]] = own[new]
        faced[k] = np.bincount(own[new], minlength=n)
        free = new & (parts[at] == 0) & (reached[at] == 0) & (places[at] == place)
        reached[at[0][free], at[1][free]] = own[free]
        step[at[0][free], at[1][free]] = k
    return reached, step, np.cumsum(faced, axis=0)


def _widths(
    reached: np.ndarray, step: np.ndarray, surprise: np.ndarray, steps: int, n: int
) -> np.ndarray:
    """(n,) the step up to which most speaks for a body rather than for quiet ground; -1: none."""
    inside = reached > 0
    speaks = surprise[inside].astype(np.float64) - QUIET
    gain = np.bincount(step[inside] * n + reached[inside], speaks, minlength=steps * n)
    total = np.cumsum(gain.reshape(steps, n), axis=0)
    out: np.ndarray = np.where(total.max(axis=0) > 0, total.argmax(axis=0), -1)
    return out


@cache
def learnt() -> Trees:
    """The odds that a body cast a dark part, from what is seen of both."""
    return as_trees(read_learnt("changedet.differencing.objects", FILE)["trees"])
