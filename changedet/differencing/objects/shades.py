"""Parts that hold a body, told from those that are only its shadow.

What is cut out of a place is a wagon, a box or a house, or the shadow that it casts or took away
with it; dark ground looks like the one and like the other. A body is lit on the side of the sun and
ends, away from it, in its own shadow; a shadow begins at what casts it and ends in lit ground. It
is bluer than what it falls on, evenly dark, and has no edges but those two. None of that is certain
by itself. All of it is put together by boosted trees, learnt on simulated yards, towns and fields
(``tests/benchmarks/learn_shades.py`` writes ``shades.json``), and only what is hardly ever a body
is called a shadow.

Needs to know where the sun stood. Fails for dark things in the shade of others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.objects.extents import Shape
from changedet.differencing.objects.measuring import Measures
from changedet.differencing.objects.standing import means, stepped
from changedet.model import ImagePair, Trees, Window, as_trees, read_learnt

FILE = "shades.json"
BEYOND_PX = (2, 3, 4)
"""What lies beside the outline, pixels, towards the sun and away from it,"""
WITHIN_PX = (0, -1, -2)
"""and what lies within."""
TOUCH_PX = (1, 2, 3)
"""How near another part is a neighbour, pixels."""
SIDES = (-1, 1)
"""Towards the sun, and away from it."""
LARGEST_M2 = 500.0
"""Larger parts are never called shadows: floods are as dark and as even."""
BANDS = 4
"""Blue, green, red and near infrared, as far as they are there."""
FAINTEST = 0.01
"""Means below this share of the contrast count as this."""


@dataclass(eq=False)
class SideSums:
    """Sums over the pixels of each part, and over its rim, added up block by block."""

    bright: np.ndarray
    """(date, 2, n) of the softened logarithm of brightness, and of its square."""
    rim: np.ndarray
    """(date, side, n) pixels that look out on the side of the sun, and on the other."""
    rise: np.ndarray
    """(date, side, n) over those: how much brighter the brightest beyond is than the darkest
    within,"""
    step: np.ndarray
    """(date, side, n) how much brighter the mean beyond is than the median within,"""
    beside: np.ndarray
    """(date, side, n) and whether another part lies there."""

    @classmethod
    def zeros(cls, n: int) -> SideSums:
        """Nothing counted yet, for ``n`` parts."""
        sides = [np.zeros((2, len(SIDES), n)) for _ in range(4)]
        return cls(np.zeros((2, 2, n)), *sides)

    def merge(self, other: SideSums) -> None:
        """Add another block's sums."""
        for name in ("bright", "rim", "rise", "step", "beside"):
            total = getattr(self, name)
            total += getattr(other, name)


def count_sides(
    sums: SideSums,
    labels: np.ndarray,
    pair: ImagePair,
    dates: list[np.ndarray],
    window: Window,
    core: Window,
    detection: Detection,
) -> None:
    """Count in one block what :func:`side_columns` will ask for.

    Parameters
    ----------
    sums : SideSums
        To add to.
    labels, pair, window, core
        As for :meth:`Measures.add`; a few pixels of margin are needed.
    dates : list of two (band, y, x) arrays
        From :func:`changedet.differencing.detectors.vector.colours`, of the pair.
    detection : Detection
        Knows where the sun stood.
    """
    shadow = cast(ShadowModel, detection.shadow)
    here = np.zeros(labels.shape, dtype=bool)
    cut = core.within(window)
    here[cut] = labels[cut] > 0
    rows, cols = np.nonzero(here)
    own, n = labels[rows, cols], sums.rim.shape[2]
    for date, bands in enumerate(dates):
        bright = bands.mean(axis=0)
        mine = bright[rows, cols].astype(np.float64)
        sums.bright[date, 0] += np.bincount(own - 1, mine, minlength=n)
        sums.bright[date, 1] += np.bincount(own - 1, mine * mine, minlength=n)
        away = np.array(shadow.away[date])
        unit = away / max(float(np.hypot(*away)), 1e-6)
        for k, side in enumerate(SIDES):
            out, inner, touch = (
                [stepped(rows, cols, side * px * unit) for px in reach]
                for reach in (BEYOND_PX, WITHIN_PX, TOUCH_PX)
            )
            rim = (labels[out[0]] != own) & np.all([pair.valid[at] for at in out + inner], axis=0)
            there = np.stack([bright[at][rim] for at in out]).astype(np.float64)
            within = np.stack([bright[at][rim] for at in inner]).astype(np.float64)
            others = [labels[at][rim] for at in touch]
            which = own[rim] - 1
            near = np.any([(o > 0) & (o != own[rim]) for o in others], axis=0)
            for total, values in (
                (sums.rim, np.ones(len(which))),
                (sums.rise, there.max(axis=0) - within.min(axis=0)),
                (sums.step, there.mean(axis=0) - np.median(within, axis=0)),
                (sums.beside, near.astype(np.float64)),
            ):
                total[date, k] += np.bincount(which, values, minlength=n)


def side_columns(
    measures: Measures, sums: SideSums, shape: Shape, change: np.ndarray, detection: Detection
) -> np.ndarray:
    """What is weighed of each part.

    Parameters
    ----------
    measures, sums, shape
        Of the parts.
    change : (n,) object array
        Which date holds them.
    detection : Detection
        As in :func:`count_sides`.

    Returns
    -------
    (n, column) float64 array
        Of brightness, colour, outline and both sides at the date that holds a part and at the
        other; NaN is not known.
    """
    shadow = cast(ShadowModel, detection.shadow)
    pixels = np.maximum(measures.moments[:, 0], 1).astype(np.float64)
    gone = change == "disappeared"
    here, row = np.where(gone, 0, 1), np.arange(len(pixels))
    rim, mean = np.maximum(sums.rim, 1), means(measures)
    by_date = [
        *brightness(measures, sums), mean.step, mean.shade, mean.drop, mean.ground,
        measures.edge / np.maximum(measures.rim_pixels, 1),
        *(np.moveaxis(v / rim, 1, 0)[k] for v in (sums.rise, sums.step, sums.beside)
          for k in range(len(SIDES))),
    ]  # fmt: skip
    columns = [v[d, row] for v in by_date for d in (here, 1 - here)]
    bands = list(shadow.bands)
    unit = detection.contrast[:, None, bands]
    for sums_of, count in ((measures.inside, pixels), (measures.ring, measures.ring_pixels)):
        share = sums_of[:, :, bands] / np.maximum(count, 1)[:, None] / unit
        level = np.log(np.maximum(share, FAINTEST))[here, row]
        columns += [level.mean(axis=1), *_filled((level - level.mean(axis=1)[:, None]).T)]
    toward = np.where(gone, -1.0, 1.0)
    light = measures.light / pixels[:, None]
    columns += list((light[0] * toward[:, None]).T)
    spread = light[1, :, :3] - light[0, :, :3] ** 2
    columns.append(np.sqrt(np.maximum(spread.mean(axis=1), 0.0)))
    darker = np.where(gone, 1, 0)
    for count in np.moveaxis(measures.shaded / pixels, 1, 0):
        columns += [count[darker, row], count[1 - darker, row]]
    size = detection.context.gsd_m or 1.0
    length, width = shape.length_px, shape.width_px
    columns += [length * size, width * size, pixels / (length * width)]
    columns.append((change == "modified").astype(np.float64))
    return np.column_stack(columns)


def brightness(measures: Measures, sums: SideSums) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the pixels of each part, and how much they differ, (date, n) each."""
    pixels = np.maximum(measures.moments[:, 0], 1)
    mean = sums.bright[:, 0] / pixels
    return mean, np.sqrt(np.maximum(sums.bright[:, 1] / pixels - mean**2, 0.0))


def _filled(bands: np.ndarray) -> list[np.ndarray]:
    """As many bands as are weighed; what is not there is not known."""
    return [*bands, *[np.full(bands.shape[1], np.nan)] * (BANDS - len(bands))]


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt of parts."""

    trees: Trees
    """Logarithm of the odds of a body."""
    least: float
    """Below this a part is only a shadow: three bodies in a thousand are as unlikely."""


@cache
def learnt() -> Learnt:
    """Read what was learnt."""
    value = read_learnt("changedet.differencing.objects", FILE)
    return Learnt(as_trees(value["trees"]), value["least"])


def told(looks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chance that each part is a body, and whether it is hardly ever one, (n,) each."""
    known = learnt()
    odds = known.trees.log_odds(looks)
    return 1.0 / (1.0 + np.exp(-odds)), odds < known.least
