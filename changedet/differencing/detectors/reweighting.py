"""Weights of pixels that fade out what changed, for transforms estimated on the rest.

Two parts. A start on which both dates agree best, after the concentration steps that estimate a
covariance under contamination (Rousseeuw and Van Driessen, Technometrics 41:212 (1999),
doi:10.1080/00401706.1999.10485670): without it, a change of a third of the scene that is alike
everywhere (a flood) draws the transform to itself, and re-weighting then fades out the ground that
did not change. And the re-weighting itself, by the chance of a larger residual, which is taken over
a quantile of the residuals: taken as it comes, it narrows to the quietest surface, water.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

RIDGE = 1e-4
"""Variance added to each band, as a share of its own: bands that repeat each other or are the same
at both dates stay solvable, and no residual is taken for smaller than a hundredth of the band."""
ITERATIONS = 50
SCALE_QUANTILE = 0.25
"""Quantile of the residuals that is set to what it is where nothing changed: low enough that change
of almost half the scene hardly moves it."""
TOLERANCE = 1e-3
"""Relative change of the residuals' quartiles at which they stand still."""
START_PIXELS = 6_000
"""Pixels among which the start is looked for, at most."""
START_RUNS = 24
"""Starts from neighbouring pixels: of a change in one piece, many miss it altogether."""
RUN_SHARE = 0.02
"""Length of such a run, as a share of the pixels."""
AGREEING = 0.5
"""Share of the pixels that are taken not to have changed."""
FIRST_STEPS, LAST_STEPS, FINALISTS = 2, 10, 3
"""Concentration steps of all starts, those of the best, and how many those are."""


class Moments(NamedTuple):
    """Weighted means and covariances of the two dates; bands in units of their own spread."""

    mean_before: np.ndarray
    """(band,)"""
    mean_after: np.ndarray
    """(band,)"""
    before: np.ndarray
    """(band, band) covariance before, ridge included."""
    after: np.ndarray
    """(band, band) covariance after, ridge included."""
    cross: np.ndarray
    """(band, band) covariance of before with after."""


class Direction(NamedTuple):
    """A residual ``before @ (x - mean x) - after @ (y - mean y)`` of unit no-change variance."""

    before: np.ndarray
    """(component, band)"""
    after: np.ndarray
    """(component, band)"""


@dataclass(frozen=True)
class Solution:
    """What a method makes of the moments."""

    directions: tuple[Direction, ...]
    """The smallest residual counts."""
    details: dict[str, Any]
    """What was estimated, by name, as plain JSON values."""


Solve = Callable[[Moments], Solution]


@dataclass(frozen=True)
class Converged:
    """Where the re-weighting came to rest."""

    moments: Moments
    """Of the pixels that count."""
    solution: Solution
    """From these moments."""
    iterations: int
    """Rounds it took."""
    counted: float
    """Mean weight."""


def moments(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Moments:
    """Weighted moments of (band, n) arrays."""
    bands, z = len(x), np.concatenate([x, y])
    total = max(float(weight.sum()), 1e-12)
    mean = (z @ weight) / total
    centred = z - mean[:, None]
    covariance = (centred * weight) @ centred.T / total
    covariance[np.diag_indices_from(covariance)] += RIDGE
    return Moments(
        mean[:bands], mean[bands:], covariance[:bands, :bands], covariance[bands:, bands:],
        covariance[:bands, bands:],
    )  # fmt: skip


def residual_covariance(m: Moments, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Covariance of ``before @ x - after @ y``."""
    mixed = before @ m.cross @ after.T
    return before @ m.before @ before.T + after @ m.after @ after.T - mixed - mixed.T


def whitened(m: Moments, before: np.ndarray, after: np.ndarray) -> Direction:
    """The residual's components, uncorrelated and of unit variance."""
    value, vector = np.linalg.eigh(residual_covariance(m, before, after))
    rows = (vector / np.sqrt(np.maximum(value, RIDGE**2))).T
    return Direction(rows @ before, rows @ after)


def chi_square(x: np.ndarray, y: np.ndarray, m: Moments, solution: Solution) -> np.ndarray:
    """Smallest sum of squared components over the directions, (n,)."""
    cx, cy = x - m.mean_before[:, None], y - m.mean_after[:, None]
    sums = [np.sum((d.before @ cx - d.after @ cy) ** 2, axis=0) for d in solution.directions]
    out: np.ndarray = np.minimum.reduce(sums)
    return out


def reweight(x: np.ndarray, y: np.ndarray, solve: Solve, seed: int) -> Converged:
    """Solve under weights that fade out what looks changed, until the residuals stand still.

    Parameters
    ----------
    x, y : (band, n) float arrays
        Before and after, in units of each band's spread.
    solve : callable
        The method.
    seed : int
        Of the starts.
    """
    from scipy.special import chdtrc, chdtri

    bands = len(x)
    weight, middle = agreeing(x, y, seed), float(chdtri(bands, 1.0 - SCALE_QUANTILE))
    previous = None
    for iteration in range(1, ITERATIONS + 1):  # noqa: B007 - returned below
        m = moments(x, y, weight)
        solution = solve(m)
        residual = chi_square(x, y, m, solution)
        quartiles = np.maximum(np.quantile(residual, [0.25, SCALE_QUANTILE, 0.75]), 1e-9)
        if previous is not None and np.max(np.abs(np.log(quartiles / previous))) < TOLERANCE:
            break
        previous = quartiles
        weight = chdtrc(bands, residual * (middle / quartiles[1]))
    return Converged(m, solution, iteration, float(weight.mean()))


def agreeing(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """1 for the half of the pixels on which the dates agree best up to gain and offset, else 0.

    Agreement is the determinant of the residual of the standardised bands: unlike the residual of
    a regression it is large, not small, for changed ground that has the same colour everywhere.
    """
    step = -(-x.shape[1] // START_PIXELS)
    few = x[:, ::step], y[:, ::step]
    n = few[0].shape[1]
    starts = [np.ones(n), _best(_median_distance(*few))]
    generator, run = np.random.default_rng(seed), max(min(n, 64), int(RUN_SHARE * n))
    for first in generator.integers(0, n - run + 1, START_RUNS):
        starts.append(np.zeros(n))
        starts[-1][first : first + run] = 1.0
    tried = [_concentrate(*few, weight, FIRST_STEPS) for weight in starts]
    order = np.argsort([t[1] for t in tried], kind="stable")[:FINALISTS]
    last = [_concentrate(*few, tried[i][0], LAST_STEPS) for i in order]
    weight = last[int(np.argmin([t[1] for t in last]))][0]
    m = moments(*few, weight)
    return _best(chi_square(x, y, m, Solution((_agreement(m)[0],), {})))


def _best(distance: np.ndarray) -> np.ndarray:
    return (distance <= np.quantile(distance, AGREEING)).astype(np.float64)


def _median_distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared differences after matching medians and robust spreads."""

    def matched(z: np.ndarray) -> np.ndarray:
        deviation = z - np.median(z, axis=1, keepdims=True)
        spread = np.median(np.abs(deviation), axis=1, keepdims=True)
        out: np.ndarray = deviation / np.maximum(spread, 1e-3)
        return out

    out: np.ndarray = np.sum(matched(matched(x) - matched(y)) ** 2, axis=0)
    return out


def _agreement(m: Moments) -> tuple[Direction, float]:
    """Whitened residual of the standardised bands, and the logarithm of its determinant."""
    before, after = (np.diag(1.0 / np.sqrt(np.diag(c))) for c in (m.before, m.after))
    determinant = np.linalg.slogdet(residual_covariance(m, before, after))[1]
    return whitened(m, before, after), float(determinant)


def _concentrate(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, steps: int
) -> tuple[np.ndarray, float]:
    """Keep the half that agrees best, again and again."""
    for _ in range(steps):
        m = moments(x, y, weight)
        weight = _best(chi_square(x, y, m, Solution((_agreement(m)[0],), {})))
    return weight, _agreement(moments(x, y, weight))[1]
