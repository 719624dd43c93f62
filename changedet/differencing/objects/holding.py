"""Which date holds an object, or whether a thing stands there at both.

What speaks for a thing at a date (:mod:`changedet.differencing.objects.standing`) is not enough by
itself: seen from the side, a stack and the one that took its place lie a few pixels apart, so that
the outline of the one is not that of the other; neighbours and shade make outlines where nothing
stands; dark ground looks like a roof. What each date shows is therefore weighed beside what the
other shows: the outline all around and on its weakest side, the ground and the surroundings it
looks like, and how bright it is on both sides, towards the sun and away from it. Boosted trees,
learnt on simulated yards, towns and fields (``tests/benchmarks/learn_holding.py`` writes
``holding.json``), say how likely a thing stands there at one date. The same trees are asked of
either, so that dates that change places change nothing but the name of what is found.

Needs to know where the sun stood; elsewhere the sum of the evidence decides, date by date
(:func:`held_by_sum`): trees without shadows mistook things
on ground of another grain than that of the simulated scenes. Fails where a thing has the colour of
ground or shade around (dark wagons on dark track).
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, softened
from changedet.differencing.objects.measuring import Measures
from changedet.differencing.objects.shades import SideSums, brightness
from changedet.differencing.objects.standing import evidence, means
from changedet.model import Trees, as_trees, read_learnt

FILE = "holding.json"
UNDECIDED = 0.02
"""Smaller differences of the evidence at the two dates decide nothing."""
EDGE_FLOOR = 0.05
"""Less steep rims, in units of the contrast, are noise."""
COLUMNS = (
    *(f"{name}{of}" for name in
      ("step", "weakest", "strongest", "ground", "edge", "bare", "grain", "apart", "like",
       "brighter")
      for of in ("", " else", " more")),
    "changed", "around changed",
    *(f"{name}{of}" for name in
      ("drop", "fall", "shade", "evidence", "rough", "rise", "rise away", "beyond", "beyond away")
      for of in ("", " else", " more")),
    *(f"beside{side}{of}" for side in ("", " away") for of in ("", " else")),
)  # fmt: skip
"""What is weighed at each date: ``else`` of the other date, ``more`` how much more than that."""


def date_columns(measures: Measures, sums: SideSums, detection: Detection) -> np.ndarray:
    """What is weighed, by date.

    Parameters
    ----------
    measures, sums
        Of the objects.
    detection : Detection
        Knows the contrast, how bright the dates are, and where the sun stood.

    Returns
    -------
    (date, n, column) float64 array
        :data:`COLUMNS`; NaN is not known. No column has a unit of brightness or length.
    """
    mean = means(measures)
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = measures.steps / measures.outline
    seen = measures.outline > 0
    weakest = np.where(seen, sides, np.inf).min(axis=1)
    strongest = np.where(seen, sides, -np.inf).max(axis=1)
    weakest, strongest = (np.where(np.isfinite(v), v, np.nan) for v in (weakest, strongest))
    edge = measures.edge / np.maximum(measures.rim_pixels, 1)
    within, around = _colours(measures, detection)
    out = _compared(
        mean.step, weakest, strongest, mean.ground, np.log(edge + EDGE_FLOOR), mean.bare,
        mean.grain, _apart(within, around), _apart(within, around[::-1]),
        (within - around).mean(axis=-1),
    )  # fmt: skip
    out += [np.stack([_apart(v[0], v[1])] * 2) for v in (within, around)]
    rim = np.maximum(sums.rim, 1)
    rise, step, beside = (np.moveaxis(v / rim, 1, 0) for v in (sums.rise, sums.step, sums.beside))
    rough = brightness(measures, sums)[1]
    out += _compared(mean.drop, mean.fall, mean.shade, evidence(measures), rough, *rise, *step)
    out += [v for side in beside for v in (side, side[::-1])]
    return np.stack(out, axis=-1)


def _compared(*values: np.ndarray) -> list[np.ndarray]:
    """Each at the date itself, at the other, and the difference."""
    return [w for v in values for w in (v, v[::-1], v - v[::-1])]


def _colours(measures: Measures, detection: Detection) -> tuple[np.ndarray, np.ndarray]:
    """Colour of each object and of its surroundings as after shows them, (date, n, band) each."""
    detector = cast(ChangeVector, detection.detector)
    pixels = np.maximum(measures.moments[:, 0], 1)
    out = []
    for sums, count in ((measures.inside, pixels), (measures.ring, measures.ring_pixels)):
        with np.errstate(divide="ignore", invalid="ignore"):
            before, after = (sums / count[:, None]).transpose(0, 2, 1).astype(np.float32)
        dates = detector.radiometry.apply(before), after
        logs = [softened(d, detector, detection.contrast[1]).T for d in dates]
        out.append(np.stack(logs).astype(np.float64))
    return out[0], out[1]


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Root mean square difference of colours over bands."""
    out: np.ndarray = np.sqrt(((one - other) ** 2).mean(axis=-1))
    return out


@cache
def learnt() -> Trees:
    """Logarithm of the odds that a thing stands there at a date, as learnt."""
    return as_trees(read_learnt("changedet.differencing.objects", FILE)["trees"])


def held_by(columns: np.ndarray) -> np.ndarray:
    """``appeared``, ``disappeared`` or ``modified`` of each object, (n,) object array.

    Something stands there at one date or at both, so that a thing appeared is as likely as that
    none stood there before, and both dates hold one with what is left.

    Parameters
    ----------
    columns : (date, n, column) array
        From :func:`date_columns`.
    """
    trees = learnt()
    before, after = (1.0 / (1.0 + np.exp(-trees.log_odds(date))) for date in columns)
    both = before + after - 1.0
    out = np.full(len(both), "modified", dtype=object)
    out[1.0 - before > np.maximum(1.0 - after, both)] = "appeared"
    out[1.0 - after > np.maximum(1.0 - before, both)] = "disappeared"
    return out


def held_by_sum(measures: Measures) -> np.ndarray:
    """``appeared``, ``disappeared`` or ``modified`` where the sun is not known, (n,) object array.

    There is a thing at one date or at both, so both is most probable where the evidence speaks for
    it at both, and else the date for which it speaks more.
    """
    thing = evidence(measures)
    both = thing.min(axis=0) > 0
    more = thing[1] - thing[0]
    out = np.full(len(more), "modified", dtype=object)
    out[~both & (more > UNDECIDED)] = "appeared"
    out[~both & (more < -UNDECIDED)] = "disappeared"
    return out
