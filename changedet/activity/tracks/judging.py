"""A second look at every step of track: how often such a step turns out to be occupied.

The two explanations of :mod:`changedet.activity.tracks.likelihood` are simple, and their errors go
together along the track: a stain, a patch of other ground or the shadow of the next train is as
unlike plain ground at every one of its steps, and multiplying up what each of them says makes a
mistake near certain. So their verdict is only one of the things that are weighed here, beside the
look of the step itself, its surroundings along the track and the other date. The weights are those
of a logistic regression on simulated yards, whose occupation is known (``tests/benchmarks/
learn_tracks.py``): what it gives are frequencies, not products of densities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from changedet.activity.tracks.bands import TrackSamples
from changedet.activity.tracks.occupancy import Occupation
from changedet.model import read_learnt

FILE = "learnt.json"
AROUND_M = (5.0, 15.0, 45.0)
"""Lengths of track over which the same things are averaged."""
PIXELS = {"fine": 0.62, "middle": 1.25, "coarse": 3.5, "coarsest": 20.0}
"""Largest ground sample distance of each set of weights, metres."""
MOST = 4.0
"""No column counts for more than so many of its standard deviations."""
DARK, BRIGHT = -2.2, 1.5
"""Bounds of the logarithm of brightness against the ground."""
SURE = 7.0
"""Bound of the log odds that the two explanations give,"""
TELLING = 15.0
"""and of what one step says for itself."""
TOGETHER = 0.75
"""How far both dates are right or wrong together: 0 not at all, 1 altogether."""


@dataclass(frozen=True, eq=False)
class Weights:
    """A logistic regression for one range of pixel sizes."""

    mean: np.ndarray
    """(k,) of each column,"""
    spread: np.ndarray
    """(k,) and its standard deviation."""
    weight: np.ndarray
    """(1 + lengths, k): of the step itself and of its surroundings."""
    constant: float

    def log_odds(self, columns: np.ndarray, samples: TrackSamples) -> np.ndarray:
        """(n,) logarithm of the odds that a step is occupied."""
        scaled = standard(columns, self.mean, self.spread)
        out = scaled @ self.weight[0] + self.constant
        for metres, weight in zip(AROUND_M, self.weight[1:], strict=True):
            out += averaged(scaled @ weight, samples, metres)
        return np.asarray(out)


@cache
def weights() -> dict[str, Weights]:
    """Read what was learnt, by range of pixel sizes."""
    return {
        name: Weights(
            np.array(row["mean"]), np.array(row["spread"]), np.array(row["weight"]), row["constant"]
        )
        for name, row in read_learnt("changedet.activity.tracks", FILE).items()
    }


def judge(samples: TrackSamples, found: Occupation) -> Occupation:
    """Replace the probabilities of the states by what such steps turn out to be.

    Parameters
    ----------
    samples : TrackSamples
        All tracks of a yard.
    found : Occupation
        From :func:`changedet.activity.tracks.occupancy.find_occupation`.

    Returns
    -------
    Occupation
        The same with other ``states``.
    """
    learnt = weights()[range_of(samples.gsd)]
    odds = [learnt.log_odds(step_columns(samples, found, date), samples) for date in range(2)]
    before, after = (1 / (1 + np.exp(-np.clip(o, -30, 30))) for o in odds)
    apart = before * (1 - after) + after * (1 - before)
    net = after - before
    # what cannot be told from a wagon at one date mostly looks the same at the other
    changed = TOGETHER * np.abs(net) + (1 - TOGETHER) * apart
    arrived, departed = (changed + net) / 2, (changed - net) / 2
    stayed = before - departed
    states = np.stack([1 - stayed - changed, arrived, departed, stayed], axis=1)
    return replace(found, states=np.clip(states, 0.0, 1.0))


def range_of(gsd: float) -> str:
    """Name of the weights for pixels of this size."""
    return next((name for name, most in PIXELS.items() if gsd <= most), "coarsest")


def standard(columns: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Columns in standard deviations, within bounds; what is not known is ordinary."""
    return np.nan_to_num(np.clip((columns - mean) / spread, -MOST, MOST), nan=0.0)


def averaged(values: np.ndarray, samples: TrackSamples, metres: float) -> np.ndarray:
    """Mean along every piece of track over so many metres; other axes stay."""
    from scipy.ndimage import uniform_filter1d

    # an odd number of steps: an even one would not be centred
    width = 2 * round((metres / samples.step - 1) / 2) + 1
    width = max(1, width)
    pieces = [uniform_filter1d(values[p], width, axis=0, mode="nearest") for p in samples.parts]
    return np.concatenate(pieces)


def step_columns(samples: TrackSamples, found: Occupation, date: int) -> np.ndarray:
    """(n, k) what is weighed of every step at one date; NaN is not known.

    Brightness and colour of the four zones against the ground, how much of it shadow explains,
    whether other trains would shade it, what the two explanations say, and the other date.
    """
    own, other = _look(samples, found, date), _look(samples, found, 1 - date)
    change = np.sqrt(((own[:, 1:3] - other[:, 1:3]) ** 2).mean(axis=(1, 2)))
    bright, then = own.mean(axis=2), other.mean(axis=2)
    colour, colour_then = (_colour(look) for look in (own, other))
    depth = min(-0.35, float(found.shadow[date].mean()))
    dark = np.clip(bright / depth, -1.0, 1.5)
    shaded = found.shaded_zones[date]
    said = np.clip(found.log_odds, -SURE, SURE)
    told = np.clip(found.told[date], -TELLING, TELLING)
    beside = np.clip(dark[:, 3], 0, 1) * (1 - np.clip(dark[:, 0], 0, 1))
    reach = np.log(np.maximum(samples.reach[date], 0.05))
    elsewhere = [
        np.clip(found.told[1 - date, 0], -TELLING, TELLING), said[1 - date],
        said[date] * said[1 - date] / SURE, change, change**2, np.abs(then), then[:, 1:3],
        (then[:, 1] + then[:, 2]) * (bright[:, 1] + bright[:, 2]), colour_then[:, 1:3],
    ]  # fmt: skip
    unknown = ~samples.seen[1 - date, :, 1:3].all(axis=1)
    columns = [
        bright, np.abs(bright), bright**2, colour, colour**2,
        np.abs(bright[:, 1] - bright[:, 2]), np.sqrt(((own[:, 1] - own[:, 2]) ** 2).mean(axis=1)),
        bright[:, 3] - bright[:, 0], np.abs(bright[:, 3] - bright[:, 0]),
        bright[:, 1] * bright[:, 2], bright[:, 2] * bright[:, 3], bright[:, 1] * bright[:, 3],
        bright[:, 0] * bright[:, 1], bright[:, 0] * bright[:, 3],
        bright.max(axis=1), bright.min(axis=1), np.ptp(bright, axis=1), dark.min(axis=1), beside,
        shaded, shaded[:, 1:3] * dark[:, 1:3], shaded[:, 3] * dark.min(axis=1),
        told.T, said[date], np.full(len(samples), depth), reach, reach * dark[:, 3],
        np.full(len(samples), np.log(samples.gsd)),
        *(np.where(unknown.reshape(-1, *[1] * (x.ndim - 1)), np.nan, x) for x in elsewhere),
    ]  # fmt: skip
    return np.concatenate([x.reshape(len(samples), -1) for x in columns], axis=1)


def _look(samples: TrackSamples, found: Occupation, date: int) -> np.ndarray:
    """(n, zone, band) logarithms against the ground within bounds; as the ground where not seen."""
    residual = np.clip(found.residual[date], DARK, BRIGHT)
    return np.where(samples.seen[date][:, :, None], residual, 0.0)


def _colour(look: np.ndarray) -> np.ndarray:
    """(n, zone) by how much bands differ from each other; not known of one band."""
    if look.shape[2] < 2:
        return np.full(look.shape[:2], np.nan)
    return np.asarray(look.std(axis=2))
