"""Shadows that changed things cast, told from dark things.

What comes brings its shadow, what goes takes it away: both changed, and neither is a thing. A cast
shadow has the colour of a shadow (:mod:`changedet.differencing.light.shadow`), and from it one
comes, towards the sun, to what casts it; from a dark thing one comes to ground. Fails where a dark
thing stands close behind another that changed: it is taken for its shadow.
"""

from __future__ import annotations

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.light.casters import NOTHING
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.objects.regions import Regions
from changedet.model import ImagePair

SHADOW_SHARE = 0.5
"""Share of a region's pixels that must have the colour of a shadow, and then look towards a thing
that casts it."""
ENCLOSED = 0.5
"""Thin regions that changed parts enclose by this share belong to them: stripes of a thing."""
LOWEST_M = 2.5
"""Height that wagons, containers and trucks have at least, metres."""
LEFT = 0.5
"""Share of a dark region that must be left without its shadow."""


def shadow_coloured(
    pair: ImagePair, detection: Detection, shadow: ShadowModel, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels with the colour of a shadow of either date, and those whose shadow moved."""
    before, after = detection.detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
    colour = shadow.coloured(before, after)
    darker = shadow.darker(before, after)
    moved = np.zeros(inside.shape, dtype=np.float32)
    rows, cols = np.nonzero(colour & inside)
    moved[rows, cols] = shadow.counterparts(before, after, rows, cols) != NOTHING
    return np.stack([colour & ~darker, colour & darker]).astype(np.float32), moved


def without_cast(regions: Regions, shadow: ShadowModel, least: int) -> np.ndarray:
    """Kinds where cast shadows are 0 and dark things 1.

    From most pixels of a cast shadow one comes, towards the sun, to the thing that casts it, before
    one comes to ground; a dark thing has ground there.
    """
    kind = regions.kind.copy()
    doubtful = kind >= 2
    rows, cols = np.nonzero(doubtful[regions.owner])
    region = regions.owner[rows, cols]
    date = np.where(kind == 3, 1, 0)[region]
    solid = ~regions.thin() & (regions.pixels >= least)
    met = _towards_sun(regions, solid, (rows, cols), date, shadow)
    n, needed = len(kind), SHADOW_SHARE * regions.pixels
    explained = regions.mean(regions.colours + 3) * regions.pixels
    for _ in range(4):
        casts = np.bincount(region[(kind == 1)[met]], minlength=n) + explained
        ground = np.bincount(region[(kind == 0)[met]], minlength=n)
        cast = doubtful & (casts >= needed) & (regions.enclosed(kind == 1) < ENCLOSED)
        # what has ground towards the sun is a thing, and may cast shadows itself
        thing = doubtful & ~cast & (ground >= needed)
        kind[cast], kind[thing] = -1, 1
        if not (cast | thing).any():
            break
        doubtful &= ~(cast | thing)
    kind[doubtful] = 1
    return np.maximum(kind, 0)


def _towards_sun(
    regions: Regions,
    solid: np.ndarray,
    at: tuple[np.ndarray, np.ndarray],
    date: np.ndarray,
    shadow: ShadowModel,
) -> np.ndarray:
    """The first other region on the way from pixels towards the sun, (n,) int; 0: none.

    Regions that are not ``solid`` are passed; what belongs to another place is ground.
    """
    rows, cols = at
    owner, places = regions.owner, regions.places
    own, place = owner[rows, cols], places[rows, cols]
    away = np.array(shadow.away)
    length = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-6)
    towards = (-away / length[:, None])[date]
    met = np.zeros(len(rows), dtype=np.int64)
    active = np.arange(len(rows))
    for step in range(1, shadow.halo):
        r = np.rint(rows[active] + step * towards[active, 0]).astype(np.int64)
        c = np.rint(cols[active] + step * towards[active, 1]).astype(np.int64)
        there = np.where(places[r, c] == place[active], owner[r, c], 0)
        left = (there != own[active]) & (solid[there] | (there == 0))
        met[active[left]] = there[left]
        active = active[~left]
        if not active.size:
            break
    return met


def trim(regions: Regions, kind: np.ndarray, shadow: ShadowModel) -> None:
    """Take from dark things what must be their own shadow: the far end, as long as a low one's.

    ``kind`` is what regions were before it was known which of them are cast shadows.
    """
    thing = (kind >= 2) & (regions.kind > 0)
    rows, cols = np.nonzero(thing[regions.owner])
    region = regions.owner[rows, cols]
    away = np.array(shadow.away)
    length = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-6)
    reach = np.minimum(LOWEST_M, shadow.halo / length)
    offset = np.rint(reach[:, None] * away)[kind[region] - 2].astype(np.int64)
    there = rows + offset[:, 0], cols + offset[:, 1]
    stays = kind[regions.owner[there]] == kind[region]
    stays &= regions.places[there] == regions.places[rows, cols]
    left = np.bincount(region[stays], minlength=len(kind))
    enough = (left >= LEFT * regions.pixels)[region]
    regions.trimmed[rows[enough & ~stays], cols[enough & ~stays]] = True
