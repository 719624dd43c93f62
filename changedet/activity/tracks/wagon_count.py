"""How many wagons a stretch of occupied track holds.

Couplers hold wagons together, so a train is as long as its wagons over couplers add up to. Freight
wagons are 12.0 m (tank wagons) to 15.4 m (covered wagons) long, and a train is mostly of one kind:
that is why the count of one train is uncertain by some 7 % even if its length is known exactly.
Where pixels are fine enough, the gaps between wagons show as a narrow stripe across the train. All
ways to divide the train into wagons of possible lengths are then weighed by how well their ends
fall on such stripes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedet.activity.tracks.doubt import CERTAIN, Doubt

PITCH_M = (12.0, 15.4)
"""Length over couplers of freight wagons, shortest and longest common kind: a tank wagon of type
15-1443 has 12.02 m, a gondola of type 12-132 13.92 m, a covered wagon of type 12-C101 15.35 m."""
INVERSE = math.log(PITCH_M[1] / PITCH_M[0]) / (PITCH_M[1] - PITCH_M[0])
"""Mean of 1 / length if all lengths in between are as likely: wagons a metre."""
INVERSE_SPREAD = math.sqrt(1 / (PITCH_M[0] * PITCH_M[1]) - INVERSE**2)
"""Its standard deviation."""

PITCH_STEP_M = 0.1
SAME_KIND = 0.85
"""Share of wagons of a train that are of its one kind,"""
KIND_SPREAD_M = 0.3
"""whose lengths then differ so little (and are rounded to samples),"""
ANY_LENGTH_M = (11.5, 20.2)
"""and lengths of the others: locomotives have 17 m, long flat wagons 19.6 m."""
NEW_KIND = 0.03
"""Chance that a wagon begins a stretch of another kind."""
STRIPE_M = 1.5
"""A stripe is told against the train so far to either side."""
STRIPE_POWER = 6.0
"""Gaps rank among the stripes of a train as the largest of so many would,"""
NO_STRIPE = -2.5
"""and rank at the lower end at no less than this log-likelihood."""
END_SPREAD_M = 0.8
"""Standard deviation with which the ends of a run are known."""
SHOWING = 0.8
"""Chance that the gaps of a train show at all."""
FLOOR_VARIANCE = 0.02
"""Variance of the count of a run at least: it may hold something that is no wagon."""


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


def count_by_gaps(profile: np.ndarray, step: float, cut: tuple[bool, bool]) -> Count:
    """Count a run by the gaps between its wagons, as far as they show.

    Parameters
    ----------
    profile : (n, feature) float array
        What the train looks like along the run, such as logarithms of brightness by band and
        third of its width.
    step : float
        Distance between samples, metres.
    cut : (bool, bool)
        Whether the run goes on beyond its first, its last sample, unseen.

    Returns
    -------
    Count
    """
    pad = int(np.ceil(ANY_LENGTH_M[1] / 2 / step))
    scores = np.zeros((2, len(profile) + 2 * pad))
    inner = slice(pad + int(2 / step), len(scores[0]) - pad - int(2 / step))
    ranked = _stripe_scores(profile, step)
    if inner.stop > inner.start:
        scores[0, inner] = ranked[inner.start - pad : inner.stop - pad]
    ends = [_end_weights(len(profile), pad, step, c) for c in cut]
    moments, shows = _divide(scores, ends[0], ends[1][::-1], step)
    odds = shows + np.log(SHOWING / (1 - SHOWING))
    chance = np.array([1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))])
    mean = float(chance @ moments[:, 0])
    square = float(chance @ (moments[:, 1] + moments[:, 0] ** 2))
    return Count(mean, max(square - mean**2, 0.0) + FLOOR_VARIANCE)


def _stripe_scores(profile: np.ndarray, step: float) -> np.ndarray:
    """(n,) log-likelihood ratio of a gap at each sample, from the rank of its stripe in the run."""
    k = max(1, round(STRIPE_M / step))
    wide = np.pad(profile, ((k, k), (0, 0)), mode="edge")
    stripe = profile - (wide[2 * k :] + wide[: -2 * k]) / 2
    strength = np.sqrt((stripe**2).mean(axis=1))
    rank = (np.argsort(np.argsort(strength, kind="stable"), kind="stable") + 0.5) / len(profile)
    return np.maximum(np.log(STRIPE_POWER) + (STRIPE_POWER - 1) * np.log(rank), NO_STRIPE)


def _end_weights(n: int, pad: int, step: float, cut: bool) -> np.ndarray:
    """(n + 2 pad,) probability that the first coupler lies at a sample.

    Where the run is cut off, the wagon counts whose middle is still inside: its coupler lies up to
    half a wagon outside, or as far inside.
    """
    # a wagon's body begins half a gap after its coupler
    metres = (np.arange(n + 2 * pad) - pad) * step + (0.0 if cut else 0.57)
    if cut:
        weight = (np.abs(metres) <= sum(PITCH_M) / 4).astype(np.float64)
    else:
        weight = np.exp(-0.5 * (metres / END_SPREAD_M) ** 2)
    return np.asarray(weight / weight.sum())


def _lengths(step: float) -> tuple[np.ndarray, np.ndarray]:
    """Lengths of wagons in samples, and their (kind, length) probabilities in a train of a kind."""
    steps = np.arange(int(ANY_LENGTH_M[0] / step), int(ANY_LENGTH_M[1] / step) + 2)
    kinds = np.arange(PITCH_M[0] - 0.1, PITCH_M[1] + 0.2, PITCH_STEP_M)
    spread = np.hypot(KIND_SPREAD_M, step / 3)
    own = np.exp(-0.5 * ((steps * step - kinds[:, None]) / spread) ** 2)
    own /= own.sum(axis=1, keepdims=True)
    return steps, SAME_KIND * own + (1 - SAME_KIND) / len(steps)


def _divide(
    scores: np.ndarray, first: np.ndarray, last: np.ndarray, step: float
) -> tuple[np.ndarray, float]:
    """Sum over all divisions of a run into wagons, with and without regard to the gaps.

    Returns
    -------
    moments : (2, 2) float array
        Mean and variance of the number of wagons, by the first and the second row of scores.
    shows : float
        Log-likelihood of the first row of scores against the second.
    """
    steps, chance = _lengths(step)
    n, kinds = scores.shape[1], len(chance)
    # weight of all divisions that end at a sample, and its first two moments of the number
    sums = np.zeros((2, 3, kinds, n))
    sums[:, 0] = first / kinds
    scale = np.zeros(2)
    for i in range(int(steps[0]), n):
        back = i - steps
        inside = back >= 0
        reached = np.einsum("mskl,kl->msk", sums[..., back[inside]], chance[:, inside])
        reached *= np.exp(scores[:, i])[:, None, None]
        reached = (1 - NEW_KIND) * reached + NEW_KIND * reached.mean(axis=2, keepdims=True)
        zero, one, two = reached[:, 0], reached[:, 1], reached[:, 2]
        sums[:, 0, :, i] += zero
        sums[:, 1, :, i] += one + zero
        sums[:, 2, :, i] += two + 2 * one + zero
        for m in range(2):
            top = sums[m, 0, :, max(0, i - int(steps[-1])) : i + 1].max()
            if not 1e-60 < top < 1e60 and top > 0:
                sums[m] /= top
                scale[m] += np.log(top)
    total = (sums * last).sum(axis=(2, 3))
    weight = np.maximum(total[:, 0], 1e-300)
    mean = total[:, 1] / weight
    moments = np.stack([mean, np.maximum(total[:, 2] / weight - mean**2, 0.0)], axis=1)
    return moments, float(np.log(weight[0] / weight[1]) + scale[0] - scale[1])


def add_up(
    counts: Sequence[Count], doubt: Doubt = CERTAIN
) -> tuple[tuple[float, float, float], float]:
    """Sum over runs, with an interval that holds the truth in about 95 of 100 cases.

    Runs are taken for trains of their own, whose mixes have nothing to do with each other.

    Parameters
    ----------
    counts : sequence of Count
        One a run.
    doubt : Doubt
        Metres that may be occupied beyond the runs, or that may not be.

    Returns
    -------
    (float, float, float)
        Whole numbers: estimate, lower and upper bound.
    float
        Standard deviation.
    """
    mean, variance = sum(c.mean for c in counts), sum(c.variance for c in counts)
    value = float(round(mean))
    low, high = doubt.bounds(mean, math.sqrt(variance), INVERSE)
    ends = float(max(0, math.floor(low + 0.5))), float(math.floor(high + 0.5))
    deviation = math.sqrt(variance + doubt.variance * INVERSE**2)
    return (value, min(value, ends[0]), max(value, ends[1])), deviation


def runs_of(occupied: np.ndarray) -> list[tuple[int, int]]:
    """First step and step after the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], occupied.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
