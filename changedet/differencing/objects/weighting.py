"""Weights of places: what looks like a thing that came or went is tested less strictly.

All places of quiet ground together may be found false no more often than was asked for, but they
need not all be held to one level. Where a place ends in steps of colour at one date and in none at
the other, as wide and as full as a wagon, little evidence is enough; a sliver along a wall that
stood at both dates needs more. Weights of p-values that do not rest on these themselves and are 1
in the mean over quiet places leave the number of false ones as it was and find more (Genovese,
Roeder and Wasserman, Biometrika 93:509 (2006), doi:10.1093/biomet/93.3.509). The best ones follow
the odds of a change given all but its evidence, as learnt by boosted trees on simulated pairs
(``tests/benchmarks/learn_weights.py`` writes ``weights.json``).

Evidence with its weight is what a place is tested by, in references as well, so that weights that
fit a scene badly cost power and no validity there. What is known of quiet pairs stays as it is: the
level of the weights leaves as many of their places above what is asked for as there were.

Needs to know where the sun stood, and pixels that show single things. Larger places, as of floods
and clearings, keep the evidence that they have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, object_pixel_m
from changedet.differencing.null.quiet import COARSE_M
from changedet.model import Trees, as_trees, read_learnt

FILE = "weights.json"
LEAST, MOST = -0.5, 0.8
"""What a weight takes from the evidence of a place and adds to it at most, as −log10 p. If it took
more, most candidates would be far less significant than they are; if it added more, more quiet
places would reach what 2 per km² reach without weights."""
LARGEST_M2 = 300.0
"""Larger places have no weight: no wagon, lorry or stack with its shadow is as large."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt of places."""

    trees: Trees
    """Logarithm of the odds of a change, beyond what the evidence says."""
    steepness: float
    """By so much the logarithm of the odds grows with each step in −log10 p of the evidence."""
    level: float
    """What is taken off, so that as many quiet places have the evidence that is asked for as
    without weights."""


@cache
def learnt() -> Learnt:
    """Read what was learnt."""
    value = read_learnt("changedet.differencing.objects", FILE)
    return Learnt(as_trees(value["trees"]), value["steepness"], value["level"])


def weighs(detection: Detection) -> bool:
    """Whether places of a pair have weights: single things show, and shadows are known."""
    size = object_pixel_m(detection.context)
    return (
        isinstance(detection.detector, ChangeVector)
        and detection.thing is not None
        and size is not None
        and size <= COARSE_M
    )


def weights_of(looks: np.ndarray, area_m2: np.ndarray) -> np.ndarray:
    """What is added to the evidence of places, as −log10 p, (n,) float32.

    Parameters
    ----------
    looks : (n, column) array
        Of whole places: :func:`changedet.differencing.objects.shades.side_columns`, and
        :func:`changedet.differencing.objects.holding.date_columns` of the date that holds them.
    area_m2 : (n,) array
        Of theirs, square metres.
    """
    known = learnt()
    weight = known.trees.log_odds(looks) / known.steepness - known.level
    weight = np.clip(weight, LEAST, MOST)
    return np.where(area_m2 <= LARGEST_M2, weight, 0.0).astype(np.float32)
