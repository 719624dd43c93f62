"""From a statistic to a p-value: how the statistic is distributed where nothing changed.

One distribution for each kind of ground (:mod:`changedet.differencing.ground.strata`). With a
reference pair or a history all of theirs counts, since nothing changed there. From the pair alone
only its bulk can be taken, from pixels that a first threshold leaves on the side of no change: what
lies far out may be change. Beyond the bulk the tail is that of quiet pairs of the same kind
(:mod:`changedet.differencing.null.quiet`), or, for a detector of which none are known, the
logarithm of the survival function continued as a parabola (between an exponential and a Gaussian
tail).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from changedet.differencing.ground.strata import STRATA
from changedet.differencing.null.curves import Curve, Tails, bulk_and_tail
from changedet.errors import NotEnoughValidPixels

Source = Literal["pair", "reference", "history"]
ALL = -1
"""Number that stands for all ground together, beside those of the strata."""
BULK = 0.9
"""Quantile that tells how wide a bulk is."""
MINIMUM_STRATUM = 2000
"""Pixels of a stratum below which it is judged as all ground together."""
STANDS_OUT = 0.28
"""Where a larger share of the pixels (but not clearly most) lies above the first threshold it runs
through the middle of the noise, in which it ends up at 33 to 50 %: nothing stands out, and every
pixel belongs to the null. Unless it lies :data:`SKIRT_FLOOR` robust deviations off the median."""
EXCESS = 2.0
"""and so it is where not so many times as many pixels lie above it as the noise itself would put
there: smooth noise, as of single-look radar, forms patches too."""
SKIRT = 0.5
"""A change has a skirt: pixels connected to it belong to it down to this share of the way from
the median to the first threshold,"""
SKIRT_FLOOR = 1.5
"""but not below this many robust deviations above the median."""
COHERENT_PX = 12
"""Fewer connected pixels above the first threshold are noise, and stay in the null."""


class Bulk(NamedTuple):
    """Where the bulk of a statistic lies: what certainly did not change."""

    middle: float
    """Median."""
    upper: float
    """Quantile :data:`BULK`."""

    def wider(self, other: Bulk) -> float:
        """How many times as far as this one another bulk reaches above the middle of this one.

        Never less than 1.
        """
        own = self.upper - self.middle
        return max(1.0, (other.upper - self.middle) / own) if own > 0 else 1.0


@dataclass(frozen=True, eq=False)
class NullModel:
    """Distribution of the statistic where nothing changed, by stratum."""

    pooled: Curve
    """Of all ground together."""
    source: Source
    """Where it was taken from."""
    unchanged_fraction: float
    """Share of the sample from which it was estimated."""
    strata: dict[int, Curve] = field(default_factory=dict)
    """By the number of the stratum; those that are not there are judged as all ground together."""
    tail: str = "continued beyond the bulk as a parabola"
    """Where what lies far out was taken from, in words."""
    bulks: dict[int, Bulk] = field(default_factory=dict)
    """Bulk of each stratum and of :data:`ALL`, of a reference or history; empty: unknown."""

    def as_wide_as(self, bulks: Mapping[int, Bulk]) -> NullModel:
        """Return a null that is as wide as the bulk of another pair, never narrower than this one.

        Parameters
        ----------
        bulks : mapping of int to Bulk
            Of the other pair by stratum; one that is missing is as much wider as :data:`ALL`.
        """
        factors = self.stretch_to(bulks)
        rest = factors.get(ALL, 1.0)
        strata = {
            number: curve.stretched(self.bulks[number].middle, factors.get(number, rest))
            if number in self.bulks else curve
            for number, curve in self.strata.items()
        }  # fmt: skip
        pooled = self.pooled
        if ALL in self.bulks:
            pooled = pooled.stretched(self.bulks[ALL].middle, rest)
        return replace(self, pooled=pooled, strata=strata)

    def stretch_to(self, bulks: Mapping[int, Bulk]) -> dict[int, float]:
        """How many times as wide the bulk of another pair is, 1 or more, by stratum."""
        return {k: self.bulks[k].wider(b) for k, b in bulks.items() if k in self.bulks}

    def surprise(self, statistic: np.ndarray, strata: np.ndarray | None = None) -> np.ndarray:
        """−log10 of the p-value, float32, NaN stays NaN.

        Parameters
        ----------
        statistic : float32 array
            Any shape.
        strata : uint8 array of the same shape, optional
            Kind of ground of each pixel; all ground together without it.
        """
        log_p = self.pooled.log(statistic)
        if strata is not None:
            for number, curve in self.strata.items():
                here = strata == number
                log_p[here] = curve.log(statistic[here])
        out = np.maximum(log_p * np.float32(-1.0 / math.log(10.0)), np.float32(0.0))
        out[np.isnan(statistic)] = np.nan
        return out

    def value_at(self, p: float) -> float:
        """Statistic that is exceeded with probability ``p`` on all ground together."""
        return self.pooled.value_at(p)

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""

        def quantiles(curve: Curve) -> dict[str, float]:
            return {f"{p:g}": curve.value_at(p) for p in (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-6)}

        return {
            "source": self.source,
            "tail": self.tail,
            "unchanged_fraction": self.unchanged_fraction,
            "quantiles": quantiles(self.pooled),
            "strata": {STRATA[k]: quantiles(curve) for k, curve in sorted(self.strata.items())},
        }


def fit_null(
    blocks: Sequence[np.ndarray],
    level: float,
    margin: int = 3,
    *,
    strata: Sequence[np.ndarray] | None = None,
    tails: Tails | None = None,
) -> NullModel:
    """Null distribution from the blocks of the pair itself, without the changed places.

    Parameters
    ----------
    blocks : sequence of (y, x) float32 arrays
        The statistic, NaN where not observable.
    level : float
        From :func:`balanced_threshold`.
    margin : int
        Pixels around changed places that are left out as well.
    strata : sequence of (y, x) uint8 arrays, optional
        Kind of ground of each pixel.
    tails : dict, optional
        What quiet pairs of this kind look like far out.

    Raises
    ------
    NotEnoughValidPixels
        If nothing is left.
    """
    kept, ground, total = [], [], 0
    left_out = standing_out(blocks, level, margin)
    for i, block in enumerate(blocks):
        finite = np.isfinite(block)
        total += int(finite.sum())
        if left_out is not None:
            finite &= ~left_out[i]
        kept.append(block[finite])
        if strata is not None:
            ground.append(strata[i][finite])
    values = np.concatenate(kept).astype(np.float64)
    if values.size < 100:
        raise NotEnoughValidPixels(
            f"Only {values.size} of {total} sampled pixels look unchanged: a null distribution "
            "cannot be taken from this pair. The detectors assume that most of the scene did not "
            "change; compare a larger area."
        )
    known = tails or {}
    pooled = bulk_and_tail(values, known.get("all"))
    curves = {}
    for number, chosen in by_stratum(ground):
        curves[number] = bulk_and_tail(values[chosen], known.get(STRATA[number], known.get("all")))
    words = "of quiet pairs of this kind" if tails else NullModel.tail
    return NullModel(pooled, "pair", values.size / max(total, 1), curves, words)


def standing_out(
    blocks: Sequence[np.ndarray], level: float, margin: int = 3
) -> list[np.ndarray] | None:
    """Places that reach a first threshold, with their surroundings; None where it parts nothing.

    Parameters
    ----------
    blocks : sequence of (y, x) float32 arrays
        The statistic, NaN where not observable.
    level : float
        From :func:`balanced_threshold`.
    margin : int
        Pixels around the places that are taken with them.

    Returns
    -------
    list of (y, x) bool arrays, or None
        None where the threshold runs through the noise itself.
    """
    middle, spread = lower_spread(np.concatenate([b[np.isfinite(b)] for b in blocks]))
    above = sum(int(np.count_nonzero(np.nan_to_num(b, nan=-np.inf) > level)) for b in blocks)
    share = above / max(1, sum(int(np.isfinite(b).sum()) for b in blocks))
    # so much of the noise itself lies above, if it is as Gaussian above as below its middle
    bulk = 0.5 * math.erfc((level - middle) / max(spread, 1e-9) / math.sqrt(2.0))
    # half of a tight scene may have changed: its level lies clear of what is noise by any measure
    clear = abs(level - middle) > SKIRT_FLOOR * spread
    few = share <= 0.5 and (share <= STANDS_OUT or clear) and share > EXCESS * bulk
    if not few and not (share > 0.5 and level < middle and clear):
        return None
    skirt = max(middle + SKIRT * (level - middle), middle + SKIRT_FLOOR * spread)
    return [changed_places(block, level, min(skirt, level), margin) for block in blocks]


def by_stratum(ground: Sequence[np.ndarray]) -> list[tuple[int, np.ndarray]]:
    """Which pixels lie in each stratum that is large enough to be judged by itself."""
    if not ground:
        return []
    numbers = np.concatenate(ground)
    found = [(k, numbers == k) for k in range(len(STRATA))]
    return [(k, chosen) for k, chosen in found if np.count_nonzero(chosen) >= MINIMUM_STRATUM]


def lower_spread(values: np.ndarray) -> tuple[float, float]:
    """Median and robust deviation of the lower half, which change hardly reaches."""
    if not values.size:
        return 0.0, 0.0
    middle = float(np.median(values))
    below = values[values < middle]
    return middle, 1.4826 * float(np.median(middle - below)) if below.size else 0.0


def changed_places(block: np.ndarray, level: float, skirt: float, margin: int) -> np.ndarray:
    """Coherent places that reach the level, with what is connected to them, and a margin."""
    import cv2

    values = np.nan_to_num(block, nan=-np.inf)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        (values > np.float32(skirt)).astype(np.uint8), connectivity=8
    )
    reaches = np.zeros(len(stats), dtype=bool)
    reaches[labels[values > level]] = True
    coherent = reaches & (stats[:, cv2.CC_STAT_AREA] >= COHERENT_PX)
    coherent[0] = False
    kernel = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return cv2.dilate(coherent[labels].astype(np.uint8), kernel) > 0
