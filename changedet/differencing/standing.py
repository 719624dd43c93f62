"""Which date holds an object: at which one its outline stands out and it casts a shadow.

Where ground lies, colours run on across the outline of what stood or will stand there; where a
thing stands they step. Steps are taken pixel by pixel along the outline, so that it does not matter
whether the thing is darker or brighter than what surrounds it, nor that a part of the surroundings
changed as well or holds neighbours: their edges are a part of the outline only. The geometric mean
keeps the steepest from speaking for all. A thing has height: the side that lies away from the sun
borders on its shadow at the date that holds it. Each of the two is wrong where the other is not.

Fails where a thing covers just another one (rightly ``modified``), where the ground is as
patterned as the outline, and for the shadow where it falls on what is dark already.
"""

from __future__ import annotations

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.explaining import LOOSE
from changedet.differencing.measuring import Measures
from changedet.differencing.shadow import ShadowModel
from changedet.differencing.vector import ChangeVector, colours
from changedet.model import ImagePair, Window

STEP_FLOOR = 0.05
"""Smaller steps of the logarithm of brightness are noise."""
SHADE_FLOOR = 0.3
"""Smaller shares of shade beside an object say nothing."""
STANDS = 0.15
"""Step at which an outline stands out,"""
BOTH = 0.8
"""and share of it that must do so at both dates for an object that stands at both, where the
shadow says nothing;"""
SHADE_WEIGHT = 0.1
"""so much more for each unit of the logarithm of the ratio of shade."""
UNDECIDED = 0.02
"""Smaller logarithms of the ratio of the two dates decide nothing."""
AWAY_PX = (2, 3, 4)
"""Where shade is looked for beside the outline, pixels; two of them must show it."""


def count_standing(
    measures: Measures,
    labels: np.ndarray,
    pair: ImagePair,
    window: Window,
    core: Window,
    detection: Detection,
) -> None:
    """Count in one block what :func:`held_by` will be asked of each object.

    Parameters
    ----------
    measures : Measures
        Sums to add to.
    labels, pair, window, core
        As for :meth:`Measures.add`; five pixels of margin are needed.
    detection : Detection
        Knows the radiometry and, perhaps, how shadows look.
    """
    if not isinstance(detection.detector, ChangeVector):
        return
    dates = colours(pair, detection.detector, detection.contrast[1])
    here = np.zeros(labels.shape, dtype=bool)
    here[core.within(window)] = True
    here &= labels > 0
    n = len(measures.outline)
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
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
        measures.outline += np.bincount(own, minlength=n)
        measures.stands += np.bincount(own, np.minimum(*steps) >= STANDS, minlength=n)
        for date, step in enumerate(steps):
            logs = np.log(step.astype(np.float64) + STEP_FLOOR)
            measures.steps[date] += np.bincount(own, logs, minlength=n)
    if detection.shadow is not None:
        _count_shade(measures, labels, pair, here, detection, detection.shadow)


def _count_shade(
    measures: Measures,
    labels: np.ndarray,
    pair: ImagePair,
    here: np.ndarray,
    detection: Detection,
    shadow: ShadowModel,
) -> None:
    """Pixels of the outline on the side away from the sun, and those with shade beside them."""
    import cv2

    before, after = detection.detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
    coloured = shadow.coloured(before, after, LOOSE) & (labels == 0)
    darker = (after[:3] - before[:3]).mean(axis=0) < 0
    square = np.ones((3, 3), np.uint8)
    numbers = labels.astype(np.float32)
    rows, cols = np.nonzero(here & (cv2.erode(numbers, square) != cv2.dilate(numbers, square)))
    own, n = labels[rows, cols], len(measures.outline)
    for date, shade in enumerate((coloured & ~darker, coloured & darker)):
        away = np.array(shadow.away[date])
        unit = away / max(float(np.hypot(*away)), 1e-6)
        beside = [
            (
                np.rint(rows + k * unit[0]).astype(np.int64),
                np.rint(cols + k * unit[1]).astype(np.int64),
            )
            for k in AWAY_PX
        ]
        facing = labels[beside[0]] != own
        votes = np.add.reduce([shade[b].astype(np.int64) for b in beside]) >= 2
        measures.facing[date] += np.bincount(own[facing] - 1, minlength=n)
        measures.shade[date] += np.bincount(own[facing] - 1, votes[facing], minlength=n)


def held_by(measures: Measures) -> np.ndarray:
    """``appeared``, ``disappeared`` or ``modified`` of each object, (n,) object array."""
    outline = np.maximum(measures.outline, 1)
    step = measures.steps / outline
    share = measures.shade / np.maximum(measures.facing, 1)
    shade = np.log(share + SHADE_FLOOR)
    shade = shade[1] - shade[0]
    evidence = step[1] - step[0] + shade
    both = measures.stands / outline >= BOTH + SHADE_WEIGHT * np.abs(shade)
    out = np.full(len(outline), "modified", dtype=object)
    out[~both & (evidence > UNDECIDED)] = "appeared"
    out[~both & (evidence < -UNDECIDED)] = "disappeared"
    return out
