"""Lines found in the image: whether a track or a road runs along an object.

A track and a road run on beyond what stands on them. So brightness is looked at along the axis of
each object, far beyond its ends, at both dates: where a line runs, the profile across the axis
repeats itself; that of a track is also its own mirror image about the middle of what stands on it
(rails, sleepers and ballast lie evenly on both sides, and so do other wagons). A lane is even along
its length, and has the rest of its road on one side only. On a pad or among buildings nothing of
this holds for long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.things.placing import Placed
from changedet.activity.things.profiling import sample_strips
from changedet.model import PairReader

FINE_GSD_M = 1.0
"""At coarser pixels rails and lanes do not show."""
REACH_M = 60.0
"""How far a line is followed to either side of the middle of an object, metres."""
PIECE_M = 10.0
"""Lengths over which a profile is averaged, metres."""
STEP_M = 1.0
"""Between samples along the axis, metres."""
ACROSS_M, ACROSS_STEP_M = 8.0, 0.25
"""How far to either side profiles reach, and their step, metres."""
CORE_M = 2.0
"""Half the width of what belongs to one track: the next is 4.1 m or more away, metres."""
ASIDE_M = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""By how much the middle of an outline may lie beside the middle of its line, metres."""
TURN_DEG = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""By how much its direction may be off, degrees."""
LANE_M = 5.0
"""Width of an even band that is looked for on either side, metres."""
SLENDER, WIDEST_M = 1.2, 9.0
"""Things that tracks and roads carry are at least so many times as long as wide, and not wider."""
FEWEST = 4
"""Pieces of a line that must be seen."""
EVEN = 0.08
"""Standard deviation of ln brightness along an even band."""
LINE_REACH_M, LINE_ASIDE_M, LINE_TURN_DEG = 80.0, 1.5, 3.0
"""Objects at most so far apart, aside of each other and turned stand on one line."""
NOISE = 1e-4
"""Variance of ln brightness across below which a profile is flat."""
FEATURES = ("repeats", "mirrored", "repeats widely", "even", "relief")
DARKEST = 0.02
"""Darker places, against the mean of a strip, count as this."""
RELIEF = (-2.5, -0.7)
"""Least and largest relief that still tell something."""


@dataclass(frozen=True, eq=False)
class Strips:
    """How the surroundings of each object run on along its axis, at the clearer of both dates."""

    features: np.ndarray
    """(n, 5) of :data:`FEATURES`: how much the profiles across have in common (0 to 1) within a
    track's width, how much their mean is its own mirror image (-1 to 1), what they have in common
    within 8 m, how even the evenest band along the axis is (0 to 1), and the natural logarithm of
    how much brightness varies across within a track's width. NaN where unknown."""


WEIGHTS = np.array(
    [[3.9, 5.6, 3.3, 3.9, 2.1], [5.1, 1.0, 2.2, 0.0, -1.9], [0.0, 0.0, 0.0, 0.0, 0.0]]
)
CONSTANT = np.array([-6.0, -8.8, 0.0])
SHARE = np.array([0.35, 0.065, 0.585])
"""A logistic model of track, road and neither, given the features, and the share of each among the
things on which it was fitted (12 simulated yards, and 6 towns and fields without wagons)."""


def line_likelihood(strips: Strips) -> np.ndarray:
    """How likely what is seen along each object is where a track, a road, neither runs there.

    Returns
    -------
    (n, 3) float64 array
        Up to a factor; 1 where nothing was seen.
    """
    known = np.isfinite(strips.features).all(axis=1)
    features = np.nan_to_num(strips.features)
    # beyond what was met when it was fitted nothing more is known
    features[:, 4] = np.clip(features[:, 4], *RELIEF)
    weight = features @ WEIGHTS.T + CONSTANT
    weight = np.exp(weight - np.logaddexp.reduce(weight, axis=1)[:, None]) / SHARE
    return np.where(known[:, None], weight, 1.0)


def look_along(objects: Placed, pair: PairReader) -> Strips:
    """Look along the axis of each object at both dates.

    Parameters
    ----------
    objects : Placed
        In ground metres, with common directions (:func:`straightened`).
    pair : PairReader
        The aligned pair.
    """
    n = len(objects)
    out = np.full((n, len(FEATURES)), np.nan)
    along = objects.along
    with np.errstate(divide="ignore", invalid="ignore"):
        slender = objects.length / objects.width > SLENDER
    slender &= objects.width < WIDEST_M
    usable = np.flatnonzero(np.isfinite(along).all(axis=1) & np.isfinite(objects.x) & slender)
    u = np.arange(-REACH_M + STEP_M / 2, REACH_M, STEP_M)
    count = round(2 * ACROSS_M / ACROSS_STEP_M) + 1
    v = np.linspace(-ACROSS_M, ACROSS_M, count)
    for mine, bright in sample_strips(objects, usable, u, v, pair, log_brightness, True):
        out[mine] = strip_features(bright, u, v)
    return Strips(_shared(objects, along, out))


def _shared(objects: Placed, along: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Means over the objects that stand on one line: what runs along one runs along all."""
    from scipy.spatial import cKDTree

    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    out = features.copy()
    if len(known) < 2:
        return out
    points = np.column_stack([objects.x, objects.y])[known]
    i, j = cKDTree(points).query_pairs(LINE_REACH_M, output_type="ndarray").reshape(-1, 2).T
    own = np.arange(len(known))
    i, j = np.concatenate([i, j, own]), np.concatenate([j, i, own])
    step, axis = points[j] - points[i], along[known]
    aside = [np.abs(step[:, 0] * axis[k, 1] - step[:, 1] * axis[k, 0]) for k in (i, j)]
    turn = np.abs(axis[i, 0] * axis[j, 1] - axis[i, 1] * axis[j, 0])
    one = (np.maximum(*aside) < LINE_ASIDE_M) & (turn < np.sin(np.radians(LINE_TURN_DEG)))
    i, j = i[one], j[one]
    count = np.bincount(i, minlength=len(known))
    for k in range(features.shape[1]):
        total = np.bincount(i, features[known[j], k], minlength=len(known))
        out[known, k] = total / count
    return out


def log_brightness(values: np.ndarray) -> np.ndarray:
    """Logarithm of brightness along strips (date, n, along, across, 1)."""
    mean = values[..., 0]
    known = np.isfinite(mean)
    total = np.where(known, mean, 0.0).sum(axis=(2, 3), keepdims=True)
    usual = total / np.maximum(known.sum(axis=(2, 3), keepdims=True), 1)
    return np.log(np.maximum(mean, np.maximum(DARKEST * usual, 1e-6)))


def strip_features(bright: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """What :class:`Strips` holds, of strips of ln brightness (date, n, along, across)."""
    pieces = np.floor((u - u[0] + 1e-9) / PIECE_M).astype(np.int64)
    profile = np.stack(
        [bright[:, :, pieces == k].mean(axis=2) for k in range(pieces[-1] + 1)], axis=2
    )
    middle = np.array([u[pieces == k].mean() for k in range(pieces[-1] + 1)])
    step = v[1] - v[0]
    half = round(CORE_M / step)
    best = np.full(profile.shape[:2], -np.inf)
    repeats, mirrored = np.full(best.shape, np.nan), np.full(best.shape, np.nan)
    straight = profile
    for turn in TURN_DEG:
        shift = np.rint(np.tan(np.radians(turn)) * middle / step).astype(np.int64)
        turned = np.stack([np.roll(profile[:, :, k], -s, axis=-1) for k, s in enumerate(shift)], 2)
        for aside in ASIDE_M:
            at = len(v) // 2 + round(aside / step)
            again, mirror = _repetition(turned[..., at - half : at + half + 1])
            score = again + 0.5 * mirror
            better = score > best
            best = np.where(better, score, best)
            repeats, mirrored = np.where(better, again, repeats), np.where(better, mirror, mirrored)
            straight = np.where(better[:, :, None, None], turned, straight)
    widely, _ = _repetition(straight)
    even = _evenness(straight, v)
    relief = _relief(straight[..., len(v) // 2 - half : len(v) // 2 + half + 1])
    features = np.stack([repeats, mirrored, widely, even, relief], axis=-1)
    known = np.isfinite(features)
    top = np.where(known, features, -np.inf).max(axis=0)
    return np.where(known.any(axis=0), top, np.nan)


def _relief(profile: np.ndarray) -> np.ndarray:
    """Logarithm of the standard deviation of the typical profile across; NaN where unknown."""
    known = np.isfinite(profile).all(axis=-1)
    enough = known.sum(axis=-1) >= FEWEST
    values = np.where(enough[..., None, None], profile, 0.0)
    level = np.nanmedian(np.where(known[..., None] | ~enough[..., None, None], values, np.nan), -2)
    return np.where(enough, np.log(level.std(axis=-1) + 0.02), np.nan)


def _repetition(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How alike profiles across (..., piece, across) are, and how much like their mirror image."""
    known = np.isfinite(profile).all(axis=-1)
    centred = np.where(known[..., None], profile, 0.0)
    centred = centred - centred.mean(axis=-1, keepdims=True)
    size = np.sqrt((centred**2).mean(axis=-1) + NOISE)
    unit = centred / size[..., None]
    count = known.sum(axis=-1)
    mean = unit.sum(axis=-2) / np.maximum(count, 1)[..., None]
    energy = (mean**2).mean(axis=-1)
    mirror = (mean * mean[..., ::-1]).mean(axis=-1) / np.maximum(energy, 1e-3)
    enough = count >= FEWEST
    # of profiles that have nothing in common the mean still has one part in their number
    fair = (energy - 1 / np.maximum(count, 2)) / (1 - 1 / np.maximum(count, 2))
    return np.where(enough, fair, np.nan), np.where(enough, mirror, np.nan)


def _evenness(profile: np.ndarray, v: np.ndarray) -> np.ndarray:
    """How even the best band of :data:`LANE_M` is that holds the axis, 0 to 1."""
    known = np.isfinite(profile).all(axis=-1)
    enough = known.sum(axis=-1) >= FEWEST
    values = np.where(known[..., None] | ~enough[..., None, None], profile, np.nan)
    values = np.where(enough[..., None, None], values, 0.0)
    level = np.nanmedian(values, axis=-2, keepdims=True)
    spread = 1.48 * np.nanmedian(np.abs(values - level), axis=-2)
    calm = np.exp(-np.minimum((spread / EVEN) ** 2, 50.0))
    width = round(LANE_M / (v[1] - v[0]))
    total = np.cumsum(np.concatenate([np.zeros((*calm.shape[:-1], 1)), calm], axis=-1), axis=-1)
    start = np.arange(len(v) // 2 - width, len(v) // 2 + 1)
    bands = (total[..., start + width] - total[..., start]) / width
    return np.where(enough, bands.max(axis=-1), np.nan)
