"""How many wagons a stretch of occupied track holds.

Couplers hold wagons together, so a train is as long as its wagons over couplers add up to. Freight
wagons are 12.0 m (tank wagons) to 15.4 m (covered wagons) long, and a train is mostly of one kind:
that is why the count of one train is uncertain by some 7 % even if its length is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PITCH_M = (12.0, 15.4)
"""Length over couplers of freight wagons, shortest and longest common kind: a tank wagon of type
15-1443 has 12.02 m, a gondola of type 12-132 13.92 m, a covered wagon of type 12-C101 15.35 m."""
INVERSE = math.log(PITCH_M[1] / PITCH_M[0]) / (PITCH_M[1] - PITCH_M[0])
"""Mean of 1 / length if all lengths in between are as likely: wagons a metre."""
INVERSE_SPREAD = math.sqrt(1 / (PITCH_M[0] * PITCH_M[1]) - INVERSE**2)
"""Its standard deviation."""
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Count:
    """Wagons of one run, as mean and variance."""

    mean: float
    """Expected number."""
    variance: float
    """Of that number."""


def count_by_length(length: float, spread: float) -> Count:
    """Count a run by the length it takes up.

    Parameters
    ----------
    length : float
        Of the run, metres over couplers.
    spread : float
        Standard deviation of that length, metres.
    """
    mean = length * INVERSE
    variance = (length * INVERSE_SPREAD) ** 2 + (spread * INVERSE) ** 2
    return Count(mean, variance)


def add_up(counts: Sequence[Count]) -> tuple[float, float, float]:
    """Sum over runs, with an interval that holds the truth in about 95 of 100 cases.

    Runs are taken for trains of their own, whose mixes have nothing to do with each other.

    Returns
    -------
    (float, float, float)
        Whole numbers: estimate, lower and upper bound.
    """
    if not counts:
        return 0.0, 0.0, 0.0
    mean = sum(c.mean for c in counts)
    half = NORMAL_95 * math.sqrt(sum(c.variance for c in counts))
    value = float(round(mean))
    low = float(max(0, math.floor(mean - half + 0.5)))
    return value, min(value, low), max(value, float(math.floor(mean + half + 0.5)))


def runs_of(occupied: np.ndarray) -> list[tuple[int, int]]:
    """First step and step after the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], occupied.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
