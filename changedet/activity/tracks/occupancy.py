"""Which part of every track is occupied before and after.

Nobody says what empty track looks like in these images, nor how deep shadows are. Both are learnt
together with the occupation (expectation maximisation): from a first guess of what is empty, the
ground of every track and the depth of shadow are measured; from these every step's likelihoods; a
hidden Markov chain along the track makes runs of them; and what is then empty gives a better
ground. The two dates are taken together: a train that stayed looks the same at both, and so does
bare ground, so that a step whose look changed is neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.tracks.bands import TrackSamples
from changedet.activity.tracks.chain import smooth_states
from changedet.activity.tracks.likelihood import (
    STAINED,
    Ground,
    StepLikelihood,
    covariance,
    normal,
    step_likelihood,
)
from changedet.activity.tracks.shadows import ShadowPaths, shadow_paths

ROUNDS = 6
"""Rounds of learning."""
CORRELATED_M = 1.5
"""Steps nearer than this say the same thing twice."""
QUIET_SHARE = 0.3
"""The plainest share of the track is guessed to be empty at first,"""
PLAIN = 0.35
"""where the ground on both sides differs by less than this, natural logarithm."""
PLAIN_AT_ALL = (1.0, 0.3)
"""and its four zones by no more than this altogether (fine pixels, coarse pixels)."""
LEARNT_M = 20.0
"""A track's own ground counts in full where it is seen over much more than this."""
NEARBY_M = 50.0
"""Ground changes along the track over such lengths."""
SHADOW_START = -1.0
DARK = (-0.5, -0.3)
"""Ground beside a track darker than this against lit ground lies in shadow, natural logarithm
(fine pixels, coarse pixels)."""
DEEP = (0.15, 0.4)
"""Share of it that is deeper than shadow is taken to be (fine pixels, coarse pixels): much of it is
half in the sun."""
SHADOW_RANGE = (-2.2, -0.35)
"""Logarithm of the light left in shadow: first guess, and bounds."""
GROUND_START = (0.12, 0.05)
"""Spread of ground as long as none is known: brightness, and each band by itself."""
SAME = {"empty": 0.6, "occupied": 0.7}
"""Share of steps that look the same at both dates if they are empty, or occupied, at both."""
WEAKEST = -15.0
"""Log-likelihoods are cut here: no step says more than this."""


@dataclass(frozen=True, eq=False)
class Occupation:
    """What is known about every step."""

    states: np.ndarray
    """(n, 4) posterior probabilities of :data:`changedet.activity.tracks.chain.STATES`."""
    shaded: np.ndarray
    """(date, n) probability that an empty step lies wholly in shadow,"""
    explained: np.ndarray
    """(date, n) and that another train throws it."""
    shadow: np.ndarray
    """(date, band) logarithm of the light left in shadow."""
    fit: np.ndarray
    """(date, piece) mean log-likelihood of what is seen: the better the offset, the higher."""
    residual: np.ndarray
    """(date, n, zone, band) logarithms of brightness against the ground."""
    told: np.ndarray
    """(date, 2, n) log-likelihood of occupied against empty: all of a step, its inner zones."""
    shaded_zones: np.ndarray
    """(date, n, zone) probability that a train on another track shades a zone."""

    @property
    def occupied(self) -> np.ndarray:
        """(date, n) probability that a step is occupied."""
        s = self.states
        return np.stack([s[:, 2] + s[:, 3], s[:, 1] + s[:, 3]])

    @property
    def log_odds(self) -> np.ndarray:
        """(date, n) logarithm of the odds that a step is occupied."""
        p = np.clip(self.occupied, 1e-9, 1 - 1e-9)
        return np.asarray(np.log(p / (1 - p)))


def find_occupation(
    samples: TrackSamples, rounds: int = ROUNDS, paths: ShadowPaths | None = None
) -> Occupation:
    """Learn ground and shadow, and tell occupied from empty track.

    Parameters
    ----------
    samples : TrackSamples
        All tracks of a yard: one that is full is told by the ground of the others.
    rounds : int
        Rounds of learning.
    paths : ShadowPaths, optional
        Where trains shade other tracks, if that is known already.

    Returns
    -------
    Occupation
    """
    paths = paths or shadow_paths(samples)
    known = np.asarray(samples.seen[:, :, 1:3].all(axis=2))
    lit = np.stack([_first_guess(samples, date) for date in range(2)])
    occupied = 0.3 * (1 - lit[:, :, 1])
    shadow = np.full((2, samples.logs.shape[3]), SHADOW_START)
    for _ in range(rounds):
        pairs = [_at_date(samples, date, lit, shadow, paths, occupied) for date in range(2)]
        residual, steps, shaded = (list(v) for v in zip(*pairs, strict=True))
        evidence = _joint(residual, steps, lit, known)
        evidence = np.maximum(evidence - evidence.max(axis=1, keepdims=True), WEAKEST)
        evidence *= min(1.0, samples.step / CORRELATED_M)
        states = smooth_states(evidence, samples.parts, samples.step)
        occupied = np.stack([states[:, 2] + states[:, 3], states[:, 1] + states[:, 3]])
        for date in range(2):
            lit[date] = (1 - occupied[date])[:, None] * steps[date].lit * samples.seen[date]
            shadow[date] = _depth(residual[date], samples.seen[date], samples)
    fit = np.array([[_fit(s, known[d], p) for p in samples.parts] for d, s in enumerate(steps)])
    return Occupation(
        states,
        np.stack([s.wholly_shaded for s in steps]),
        np.stack([s[:, 2] for s in shaded]),
        shadow,
        fit,
        np.stack(residual),
        np.stack([(s.occupied - s.empty, s.occupied_body - s.empty_body) for s in steps]),
        np.stack(shaded),
    )


def _first_guess(samples: TrackSamples, date: int) -> np.ndarray:
    """(n, zone) weight: 1 where the four zones are most alike, so that no wagon stands there."""
    x = samples.logs[date]
    beside = _size(x[:, 3] - x[:, 0])
    contrast = _size(x[:, 1] - x[:, 0]) + _size(x[:, 2] - x[:, 3]) + _size(x[:, 1] - x[:, 2])
    contrast = _along(contrast + beside, samples, 5.0)
    beside = _along(beside, samples, 5.0)
    seen = samples.seen[date].all(axis=1)
    plain = seen & (beside < PLAIN)
    if not plain.any():
        return np.zeros(x.shape[:2])
    limit = np.full(len(x), np.quantile(contrast[seen], QUIET_SHARE))
    for p in samples.parts:
        if seen[p].any():
            # a track with a bed of its own has to be learnt from its own plainest part
            own = float(np.quantile(contrast[p][seen[p]], QUIET_SHARE))
            limit[p] = np.maximum(limit[p], min(own, PLAIN_AT_ALL[samples.coarse]))
    return np.repeat((plain & (contrast <= limit))[:, None], x.shape[1], axis=1).astype(float)


def _size(difference: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt((difference**2).mean(axis=-1)))


def _along(values: np.ndarray, samples: TrackSamples, metres: float) -> np.ndarray:
    """Running mean along every piece; other axes stay."""
    from scipy.ndimage import uniform_filter1d

    width = max(1, round(metres / samples.step))
    pieces = [uniform_filter1d(values[p], width, axis=0, mode="nearest") for p in samples.parts]
    return np.concatenate(pieces)


def _at_date(
    samples: TrackSamples,
    date: int,
    lit: np.ndarray,
    shadow: np.ndarray,
    paths: ShadowPaths,
    occupied: np.ndarray,
) -> tuple[np.ndarray, StepLikelihood, np.ndarray]:
    """Residuals against the ground, likelihoods, and where other trains throw shadows."""
    residual = samples.logs[date] - _ground(samples, date, lit[date])
    spread = np.stack([_spread(residual[:, z], lit[date][:, z]) for z in range(lit.shape[2])])
    shaded = paths.shaded(occupied[date], date)
    likelihood = step_likelihood(
        residual, samples.seen[date], Ground(spread, shadow[date]), shaded, samples.reach[date],
        STAINED[samples.coarse],
    )  # fmt: skip
    return residual, likelihood, shaded


def _ground(samples: TrackSamples, date: int, lit: np.ndarray) -> np.ndarray:
    """(n, zone, band) lit ground: of the yard, of the track, and of the surroundings."""
    x = samples.logs[date]
    least = LEARNT_M / samples.step
    if lit[:, 1:3].sum() < least:
        # nothing is empty: the ground beside the tracks, towards the sun, stands for all
        beside = x[samples.seen[date][:, 0], 0]
        level = np.median(beside, axis=0) if len(beside) else np.zeros(x.shape[2])
        return np.broadcast_to(level, x.shape)
    yard = np.stack([_median(x[:, z], lit[:, z]) for z in range(x.shape[1])])
    weight = lit[:, :, None]
    off = np.clip(x - yard, -0.6, 0.6)
    out = np.empty_like(x)
    for p in samples.parts:
        own = (off[p] * weight[p]).sum(axis=0) / (weight[p].sum(axis=0) + least)
        out[p] = yard + own
    local = _along((off - (out - yard)) * weight, samples, NEARBY_M)
    return out + local / (_along(np.broadcast_to(weight, x.shape), samples, NEARBY_M) + 0.3)


def _median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Median by column of the rows that weigh more than a half (of all that weigh, if none)."""
    rows = weights > min(0.5, 0.99 * float(weights.max()))
    return np.asarray(np.median(values[rows], axis=0)) if rows.any() else np.zeros(values.shape[1])


def _spread(residual: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Covariance of residuals whose outliers are drawn in; broad where there are few."""
    bands = residual.shape[1]
    start = covariance(GROUND_START, bands)
    total = float(weights.sum())
    if total < bands + 1:
        return start
    middle = _median(residual, weights)
    scale = 1.4826 * _median(np.abs(residual - middle), weights) + 1e-3
    drawn = np.clip(residual - middle, -2.5 * scale, 2.5 * scale)
    # 1.15: what drawing in takes off a normal spread
    found = 1.15 * (drawn * weights[:, None]).T @ drawn / total + 1e-4 * np.eye(bands)
    prior = 5.0 * (bands + 1)
    return np.asarray((total * found + prior * start) / (total + prior))


def _joint(
    residual: list[np.ndarray], steps: list[StepLikelihood], lit: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """(n, 4) log-likelihood of both dates together.

    Given the first date, what the second shows is either the same again or as good as unrelated.
    """
    before, after = steps
    bands = residual[0].shape[2]
    both = np.asarray(known.all(axis=0))
    change = residual[1][:, 1:3] - residual[0][:, 1:3]
    empty_same, occupied_same = np.zeros(len(both)), np.zeros(len(both))
    steady = (lit[0][:, 1:3] * lit[1][:, 1:3]).prod(axis=1)
    for z in range(2):
        spread = _spread(change[:, z], steady * both) + 0.05**2
        empty_same += normal(change[:, z], spread)
        looser = 2 * spread + covariance((0.08, 0.04), bands)
        occupied_same += normal(change[:, z], looser)
    p, q = SAME["empty"], SAME["occupied"]
    other_empty, other_body = after.empty_body, after.occupied_body
    empty_gain = np.logaddexp(np.log(p) + empty_same, np.log1p(-p) + other_empty) - other_empty
    body_gain = np.logaddexp(np.log(q) + occupied_same, np.log1p(-q) + other_body) - other_body
    return np.stack(
        [
            before.empty + after.empty + np.where(both, empty_gain, 0.0),
            before.empty + after.occupied,
            before.occupied + after.empty,
            before.occupied + after.occupied + np.where(both, body_gain, 0.0),
        ],
        axis=1,
    )


def _depth(residual: np.ndarray, seen: np.ndarray, samples: TrackSamples) -> np.ndarray:
    """(band,) logarithm of the light in shadow, from what is dark beside the tracks.

    No wagon stands between two tracks: what is much darker there than lit ground lies in shadow.
    """
    beside = np.concatenate([residual[seen[:, z], z] for z in (0, 3)])
    dark = beside[beside.mean(axis=1) < DARK[samples.coarse]]
    if len(dark) < 30 / samples.step:
        return np.full(residual.shape[2], SHADOW_START)
    return np.clip(np.quantile(dark, DEEP[samples.coarse], axis=0), *SHADOW_RANGE)


def _fit(steps: StepLikelihood, seen: np.ndarray, part: slice) -> float:
    known = seen[part]
    if not known.any():
        return 0.0
    either = np.logaddexp(np.log(0.65) + steps.empty[part], np.log(0.35) + steps.occupied[part])
    return float(either[known].mean())
