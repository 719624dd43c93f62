"""Tall things seen from two sides: what stands at both dates, displaced by its lean.

Seen from ``off_nadir`` degrees beside the vertical, a point at height h lies ``h tan(off_nadir)``
away from the sensor of where it stands. From one date to the other the top of a building therefore
moves by its height times the difference of the two displacements, and leaves slivers along its
sides: ground that is covered now, and ground that is uncovered. In a sliver what shows now showed
before a step against that motion, and what showed before shows now a step along it: it is the edge
of a thing that moved past. Something that arrived has no such source, something that left no such
target, and both must lie one and the same step away. Either comparison is the detector's own, of
one date displaced by a step.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from changedet.differencing.detector import DetectionContext, FittedDetector
from changedet.differencing.ground.strata import Strata
from changedet.differencing.null.null_model import NullModel
from changedet.model import Image, ImagePair

TALLEST_M = 25.0
"""Tallest thing whose lean is looked for, metres."""
LONGEST_PX = 32
"""Longest displacement, pixels."""
LEAST_PX = 1.0
"""No lean is looked for where the tallest thing moves by less."""
ROUNDING_PX = 0.35
"""Misregistration that steps of whole pixels add: standard deviation along either axis."""


def relative_lean(context: DetectionContext) -> tuple[float, float] | None:
    """How the top of a thing one metre tall moves between the dates, (rows, columns).

    None where the views are not known, or so alike that nothing moves by a pixel.
    """
    if context.lean_away is None:
        return None
    (r0, c0), (r1, c1) = context.lean_away
    motion = (r1 - r0, c1 - c0)
    return motion if TALLEST_M * math.hypot(*motion) >= LEAST_PX else None


def lean_reach(context: DetectionContext) -> int:
    """Pixels by which the tallest thing moves; 0 where lean is not looked for."""
    motion = relative_lean(context)
    return 0 if motion is None else min(math.ceil(TALLEST_M * math.hypot(*motion)), LONGEST_PX)


def leaning(
    pair: ImagePair,
    asked: np.ndarray,
    detector: FittedDetector,
    null: NullModel,
    strata: Strata,
    support: float,
    context: DetectionContext,
) -> np.ndarray | None:
    """Pixels whose change is the edge of a thing that leans otherwise.

    Parameters
    ----------
    pair : ImagePair
        A window with a margin of :func:`lean_reach` pixels and the detector's halo.
    asked : (y, x) bool array
        Which pixels matter.
    detector, null, strata, support
        Compare the displaced dates.
    context : DetectionContext
        Knows the views.

    Returns
    -------
    (y, x) bool array or None
        None where lean is not looked for.
    """
    motion = relative_lean(context)
    if motion is None or not asked.any():
        return None
    length = math.hypot(*motion)
    ground = strata.labels(pair)
    out = np.zeros_like(asked)
    for step in range(1, lean_reach(context) + 1):
        by = (round(step * motion[0] / length), round(step * motion[1] / length))
        score = null.surprise(detector.statistic(_displaced(pair, by)), ground)
        alike = score < np.float32(support)  # False where not observable
        out |= alike & _shift(alike, (-by[0], -by[1]))
    return asked & out


def _displaced(pair: ImagePair, by: tuple[int, int]) -> ImagePair:
    """The pair with the before image displaced by whole pixels."""
    old = pair.before
    pixels = np.stack([_shift(band, by) for band in old.pixels])
    before = Image(pixels, _shift(old.valid, by), old.grid, old.roles)
    left = pair.residual_px
    rough = np.full(old.valid.shape, ROUNDING_PX, dtype=np.float32)
    residual = rough if left is None else np.hypot(left, rough)
    return replace(pair, before=before, residual_px=residual)


def _shift(values: np.ndarray, by: tuple[int, int]) -> np.ndarray:
    """What stands at (row - by[0], col - by[1]), zero beyond the edge."""
    out = np.zeros_like(values)
    (dr, dc), (n, m) = by, values.shape
    if abs(dr) < n and abs(dc) < m:
        out[max(dr, 0) : n + min(dr, 0), max(dc, 0) : m + min(dc, 0)] = values[
            max(-dr, 0) : n + min(-dr, 0), max(-dc, 0) : m + min(-dc, 0)
        ]
    return out
