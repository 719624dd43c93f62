"""The ground that objects stand on: a road runs on as an even band between two verges.

A road is one band of even ground, some metres wide, that runs on beyond the lorries on it and
differs from what lies on both its sides. A track is narrower and shows its bed and rails; a pad has
no edges near most of what stands on it, and what stands on it shows no even ground at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.things.placing import Placed
from changedet.activity.things.profiling import sample_strips
from changedet.activity.things.tracing import SLENDER, WIDEST_M, log_brightness
from changedet.model import PairReader

REACH_M, STEP_M = 60.0, 2.0
"""How far a band is followed to either side of the middle of an object, and the step, metres."""
ACROSS_M, ACROSS_STEP_M = 14.0, 0.5
"""How far to either side profiles reach, and their step, metres."""
LEAST_M, MOST_M = 5.0, 10.5
"""Width of a road, metres."""
INSIDE_M = 1.0
"""How far the axis of an object is inside its road at least, metres."""
VERGE_M, EDGE_M = 2.5, 0.5
"""Width of what is looked at beyond each edge, and of the edge itself, metres."""
LIT = 0.7
"""Which quantile of ln brightness along a line of ground is that of the ground itself: trees, poles
and what stands on it cast shadows."""
UNEVEN = 0.03
"""Standard deviation of ln brightness of the evenest ground."""
PERIODS_M = {"boxes": (2.5, 3.0), "tracks": (4.0, 5.5), "lanes": (6.0, 7.0)}
"""At which distance across the ground may look the same again: from box to box of a block, from
track to track of a yard, from one edge of a road to the other."""
NOISE = 1e-3
"""Variance of ln brightness across below which a profile is flat."""
ENOUGH = 0.3
"""Share of a line of ground that must be seen at either date."""
FEATURES = ("contrast", "uneven", *PERIODS_M)

WEIGHTS = np.array(
    [
        [1.19, 0.53, -0.88, 1.62, -0.81, 2.68, 1.93],
        [0.14, 1.18, 0.66, 0.27, 4.34, 0.68, 6.21],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
CONSTANT = np.array([4.11, -0.08, 0.0])
"""Of the logistic model, for the logarithms of the likelihoods of track and road against neither,
and :data:`FEATURES`."""


@dataclass(frozen=True, eq=False)
class Bands:
    """What the ground looks like across the axis of each object, at both dates together."""

    features: np.ndarray
    """(n, 5) of :data:`FEATURES`: ln of how much the band differs from both sides over how uneven
    it is across; ln of how uneven; and the largest autocorrelation of brightness across, at each of
    :data:`PERIODS_M`. NaN where unknown."""


def ground_likelihood(line: np.ndarray, bands: Bands) -> np.ndarray:
    """How likely what is seen along each object is where a track, a road, neither runs there.

    A logistic model of :func:`line_likelihood` and of the ground across
    (``tests/benchmarks/learn_kinds.py``).

    Parameters
    ----------
    line : (n, 3) array
        From :func:`changedet.activity.line_likelihood`.
    bands : Bands
        From :func:`find_bands`.

    Returns
    -------
    (n, 3) float64 array
        Up to a factor; ``line`` where no band was looked for.
    """
    known = np.isfinite(bands.features).all(axis=1)
    ratio = np.log(line[:, :2]) - np.log(line[:, 2:])
    weight = np.column_stack([ratio, np.nan_to_num(bands.features)]) @ WEIGHTS.T + CONSTANT
    weight = np.exp(weight - np.logaddexp.reduce(weight, axis=1)[:, None])
    return np.where(known[:, None], weight, line)


def find_bands(objects: Placed, pair: PairReader) -> Bands:
    """Look at the ground across the axis of each object, for the road or yard it stands on.

    Parameters
    ----------
    objects : Placed
        In ground metres, with common directions
        (:func:`changedet.activity.things.placing.straightened`).
    pair : PairReader
        The aligned pair.
    """
    out = np.full((len(objects), len(FEATURES)), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        slender = objects.length / objects.width > SLENDER
    slender &= (objects.width < WIDEST_M) & np.isfinite(objects.along).all(axis=1)
    usable = np.flatnonzero(slender & np.isfinite(objects.x))
    u = np.arange(-REACH_M + STEP_M / 2, REACH_M, STEP_M)
    v = np.arange(-ACROSS_M, ACROSS_M + ACROSS_STEP_M / 2, ACROSS_STEP_M)
    for mine, bright in sample_strips(objects, usable, u, v, pair, log_brightness, True):
        out[mine] = band_features(bright, v)
    return Bands(out)


def band_features(bright: np.ndarray, v: np.ndarray) -> np.ndarray:
    """What :class:`Bands` holds, of strips of ln brightness (date, n, along, across)."""
    known = np.isfinite(bright)
    hidden = ~(known.mean(axis=2) >= ENOUGH).any(axis=0)
    usual = _middle(np.where(known, bright, np.nan).reshape(*bright.shape[:2], -1))
    both = np.concatenate(list(bright - usual[:, :, None, None]), axis=1)
    both = np.sort(np.where(hidden[:, None], 0.0, both), axis=1)
    lit, typical = _quantiles(both, LIT), _quantiles(both, 0.5)
    band = _clearest_band(lit, hidden, v)
    out = np.column_stack([band, _repetition(typical, v[1] - v[0])])
    return np.where(hidden.any(axis=1)[:, None] | ~np.isfinite(band[:, :1]), np.nan, out)


def _clearest_band(level: np.ndarray, hidden: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Contrast and unevenness of the clearest band of each profile across, (n, 2)."""
    step, place = v[1] - v[0], np.arange(len(v) + 1)
    a, b = (k.ravel() for k in np.meshgrid(place[:-1], place, indexing="ij"))
    verge, edge = round(VERGE_M / step), round(EDGE_M / step)
    width, start, stop = (b - a) * step, v[0] + a * step, v[0] + b * step
    good = (width >= LEAST_M) & (width <= MOST_M) & (start <= -INSIDE_M) & (stop >= INSIDE_M)
    good &= (a >= edge + verge) & (b + edge + verge <= len(v))
    a, b = a[good], b[good]
    first, second = _sums(level), _sums(level**2)
    inside = _mean(first, a, b)
    uneven = np.sqrt(np.maximum(_mean(second, a, b) - inside**2, 0.0))
    left = inside - _mean(first, a - edge - verge, a - edge)
    right = inside - _mean(first, b + edge, b + edge + verge)
    # brighter than both sides, or darker than both
    differs = np.where(left * right > 0, np.minimum(np.abs(left), np.abs(right)), 0.0)
    contrast = differs / (uneven + UNEVEN)
    best = contrast.argmax(axis=1)[:, None]
    top, rough = (np.take_along_axis(x, best, axis=1)[:, 0] for x in (contrast, uneven))
    return np.column_stack([np.log(top + 0.3), np.log(rough + 0.02)])


def _repetition(level: np.ndarray, step: float) -> np.ndarray:
    """Largest autocorrelation of each profile across, less its slope, at :data:`PERIODS_M`."""
    slope = np.linspace(-1.0, 1.0, level.shape[1])
    rest = level - level.mean(axis=1, keepdims=True)
    rest = rest - ((rest @ slope) / (slope @ slope))[:, None] * slope
    power = (rest**2).mean(axis=1) + NOISE
    out = []
    for low, high in PERIODS_M.values():
        lags = range(round(low / step), round(high / step) + 1)
        out.append(np.max([(rest[:, k:] * rest[:, :-k]).mean(axis=1) for k in lags], axis=0))
    return np.stack(out, axis=1) / power[:, None]


def _middle(values: np.ndarray) -> np.ndarray:
    """Median along the last axis; 0 where nothing is known."""
    some = np.isfinite(values).any(axis=-1)
    return np.asarray(np.nanmedian(np.where(some[..., None], values, 0.0), axis=-1))


def _quantiles(ordered: np.ndarray, share: float) -> np.ndarray:
    """Quantile along the second axis of values in order, NaN last, of which some are known."""
    place = share * (np.isfinite(ordered).sum(axis=1, keepdims=True) - 1)
    low = np.floor(place).astype(np.int64)
    below, above = (
        np.take_along_axis(ordered, k, axis=1) for k in (low, np.ceil(place).astype(int))
    )
    return np.asarray((below + (place - low) * (above - below))[:, 0])


def _sums(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _mean(sums: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    return np.asarray((sums[:, stop] - sums[:, start]) / (stop - start))
