"""Pieces of one body joined: a wagon that came in parts is one thing.

A wagon of two colours, or one that stands half on what was dark and half on what was bright, falls
into pieces. Pieces of one body lie close together, make a rectangle of a size that bodies have, go
on in one colour and have no gap in between at the date that holds them. How much each of that says
was learnt on simulated yards (``tests/benchmarks/learn_bodies.py``): boosted decision trees make of
it the logarithm of the odds that two pieces are one thing. The surest pairs, each other's surest,
are joined first, and what they became is compared anew.

Fails where pieces of one body lie in two places, and where two short things of one colour, end to
end, are as long as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, colours, object_pixel_m
from changedet.differencing.objects.bodies import learnt
from changedet.differencing.objects.coupled import COARSEST_M
from changedet.differencing.objects.pieces import Pieces
from changedet.model import ImagePair

LEVEL = -1.4
"""Pieces are joined whose log odds are larger: a right join ends two wrong rows, a wrong one spoils
one thing at most."""


def join_pieces(
    parts: np.ndarray, places: np.ndarray, pair: ImagePair, detection: Detection
) -> np.ndarray:
    """Join parts that are pieces of one body.

    Parameters
    ----------
    parts : (y, x) int array
        Parts of places that do not touch, 0 elsewhere.
    places : (y, x) int array
        Places with their margins, also those whose parts are not there, 0 elsewhere.
    pair, detection
        The pixels, and how to look at them.

    Returns
    -------
    (y, x) int array
        Parts numbered by their first pixel.
    """
    size = object_pixel_m(detection.context)
    if size is None or size > COARSEST_M or not parts.any():
        return parts
    dates = colours(pair, cast(ChangeVector, detection.detector), detection.contrast[1])
    pieces, number = Pieces.of(parts, places, np.stack(dates), pair.valid, size)
    joined = join(pieces, learnt().pieces.log_odds)
    out: np.ndarray = np.concatenate([[0], joined + 1])[number]
    return out


def join(pieces: Pieces, odds: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """(n,) for each piece the number of what it became a part of, by first pixel."""
    number = np.arange(len(pieces.moments))
    while len(pieces.one):
        likely = odds(pieces.compare())
        target = pieces.surest(likely, LEVEL)
        if (target == np.arange(len(target))).all():
            break
        pieces, new = pieces.merged(target)
        number = new[number]
    return number
