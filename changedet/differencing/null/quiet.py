"""What quiet pairs look like: nulls learnt once from simulated pairs in which nothing changed.

From one pair alone nobody can tell a roof that the light made brighter from one that was painted.
What can be known is how often such things happen where nothing changed: other season, sun, haze and
misregistration leave a tail of false change that is far longer than that of noise. It is learnt for
each detector and kind of image on simulated quiet pairs (``tests/benchmarks/learn_quiet.py`` writes
``quiet.json`` again from its seeds) and used as the tail of a pair's own null. A reference pair or
a history of the site itself is better, and takes its place when it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext, FittedDetector, is_fine
from changedet.differencing.null.curves import Curve, Tails
from changedet.differencing.null.object_null import SITES_ALIKE, ObjectNull
from changedet.model import read_learnt

FILE = "quiet.json"
SWEEP = 0.45
"""Metres that the end of the shadow of a thing one metre tall lies apart between the dates, from
which the light is another."""
COARSE_M = 1.2
"""Pixels larger than this do not resolve wagons and trucks, metres."""
COLOURS = 3
"""Bands that it takes to know a shadow by its colour."""
LARGE_M2 = 25.0
"""Mean size of the places where a shadow moved from which houses and woods cast them."""
WEAK_BELOW = 4.0
"""Candidates that peak lower (−log10 p) are counted, to tell how restless the ground of a pair is.
What changed peaks higher, and must not speak for more quiet candidates against itself."""
ADAPTS = 4.0
"""A pair may have so many times more, or fewer, weak candidates than quiet pairs have."""


@dataclass(frozen=True, eq=False)
class QuietPairs:
    """What is known of one detector on one kind of image."""

    tails: Tails
    """Distribution of the statistic by stratum."""
    objects: ObjectNull
    """Objects that nothing explains."""
    weak_per_mpx: float
    """Weak candidates before anything is explained, per million pixels of the sample."""
    weak_below: float = math.inf
    """Candidates that peak lower were counted for that."""
    weak_power: float = 1.0
    """How much weak candidates say of strong ones: where there are k times as many of the weak,
    there are k to this power as many of the strong."""

    def objects_for(self, peaks: np.ndarray, sampled_pixels: int) -> ObjectNull:
        """Objects to expect in a pair that has candidates with these peaks itself.

        A small scene that happens to have none is not known to be calm: what quiet pairs have
        counts as :data:`changedet.differencing.null.object_null.SITES_ALIKE` candidates more.
        """
        ratio = 1.0
        if self.weak_per_mpx > 0:
            weak = SITES_ALIKE + np.count_nonzero(peaks < self.weak_below)
            ratio = weak / (SITES_ALIKE + self.weak_per_mpx * sampled_pixels / 1e6)
        factor = float(np.clip(ratio, 1.0 / ADAPTS, ADAPTS)) ** self.weak_power
        known = self.objects
        return ObjectNull(known.per_mpx * factor, known.curve, known.count, "pair")


def kind_of(detector: FittedDetector, context: DetectionContext, shade_px: float) -> str:
    """What kind of pair a detector compares, as far as false change differs by it.

    ``radar``; ``medium``; ``metres``, where pixels show houses but not what stands in a yard;
    ``picture``, where things are told by their structure, since nothing tells the sun and shadows
    cannot be explained; ``one band``, where they could not be told by their colour either; ``one
    band, sun known``, where shadows are told by where they fall alone; ``fine, no names``, where
    nobody says which band is which; ``fine``; ``fine, other light`` (the ends of shadows lie far
    apart, so that more slivers of them are left unexplained); ``fine, large shadows`` (the same
    over houses and woods rather than wagons).

    Parameters
    ----------
    detector : FittedDetector
        After its estimate.
    context : DetectionContext
        What it was told.
    shade_px : float
        Mean size of the places where a shadow moved, pixels.
    """
    if context.domain != "optical":
        return "radar"
    if getattr(detector, "structure", None) is not None:
        return "picture" if len(context.roles) >= COLOURS else "one band"
    size = context.gsd_m
    if size is None or not is_fine(size):
        return "medium"
    shadow = getattr(detector, "shadow", None)
    if shadow is not None and len(shadow.bands) == 1:
        return "one band, sun known"
    if size > COARSE_M:
        return "metres"
    if shadow is None:
        return "fine"
    if not shadow.colour.named:
        return "fine, no names"
    (r0, c0), (r1, c1) = shadow.away
    if size * math.hypot(r1 - r0, c1 - c0) < SWEEP:
        return "fine"
    return "fine, large shadows" if shade_px * size**2 >= LARGE_M2 else "fine, other light"


def quiet_pairs(
    detector: FittedDetector, context: DetectionContext, shade_px: float
) -> QuietPairs | None:
    """What is known of a detector on this kind of image; None where nothing is."""
    known = _all().get(detector.name, {}).get(kind_of(detector, context, shade_px))
    return None if known is None else from_json(known)


@lru_cache(maxsize=1)
def _all() -> dict[str, Any]:
    value: dict[str, Any] = read_learnt("changedet.differencing.null", FILE)
    return value


def from_json(value: dict[str, Any]) -> QuietPairs:
    """Read one entry of the file."""
    objects = value["objects"]
    return QuietPairs(
        {name: _curve(v) for name, v in value["tails"].items()},
        ObjectNull(objects["per_mpx"], _curve(objects), objects["count"], "pair"),
        value["weak_per_mpx"],
        value.get("weak_below", math.inf),
        value.get("weak_power", 1.0),
    )


def to_json(pairs: QuietPairs) -> dict[str, Any]:
    """Write one entry of the file."""
    objects = pairs.objects
    return {
        "tails": {name: _plain(curve) for name, curve in pairs.tails.items()},
        "objects": {
            "per_mpx": _short(objects.per_mpx), "count": objects.count, **_plain(objects.curve)
        },
        "weak_per_mpx": _short(pairs.weak_per_mpx),
        **({"weak_below": pairs.weak_below} if math.isfinite(pairs.weak_below) else {}),
        "weak_power": pairs.weak_power,
    }  # fmt: skip


def _curve(value: dict[str, Any]) -> Curve:
    return Curve(np.array(value["values"]), np.array(value["log_survival"]), value["slope"])


def _plain(curve: Curve, knots: int = 48) -> dict[str, Any]:
    """A curve as few knots, evenly spaced in the logarithm."""
    log = np.linspace(curve.log_survival[0], curve.log_survival[-1], knots)
    values = np.interp(-log, -curve.log_survival, curve.values)
    grid, index = np.unique(np.round(values, 4), return_index=True)
    return {
        "values": grid.tolist(),
        "log_survival": [_short(v) for v in log[index]],
        "slope": _short(curve.slope),
    }


def _short(value: float) -> float:
    return float(f"{value:.5g}")
