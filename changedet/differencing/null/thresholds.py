"""Where change begins: a first level, and the two levels of the hysteresis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import is_fine
from changedet.differencing.null.null_model import NullModel
from changedet.differencing.null.object_null import CANDIDATE, SMALLEST_P, ObjectNull

START_QUANTILES = (0.97, 0.75)
"""Where the level may be looked for from: change that is rare, and change of up to half the scene.
"""
DEFAULT_FALSE_ALARMS = 2.0
"""False objects per square kilometre, unless asked otherwise (per million pixels without
georeferencing),"""
DEFAULT_PER_MPX = 20.0
"""but not more than this per million pixels: a square kilometre is few pixels of 30 m."""
MAP_P = {"optical": 1e-3, "radar": 1e-5}
"""Chance that a pixel of the pair's own noise reaches the seed of a map. Filtered speckle is
smooth, and its peaks are places; peaks of optical noise are single pixels, too small to be one."""
MAP_SHARE = 0.8
"""Outlines of a map go no higher than this share of its seed, both in −log10 of noise."""


@dataclass(frozen=True)
class Threshold:
    """Two levels for hysteresis, as −log10 of p."""

    seed: float
    """A changed object holds at least one pixel above this or, where all its pixels speak for it,
    this much evidence."""
    support: float
    """and consists of connected pixels above this."""
    p_seed: float
    """p-value of a pixel that alone would do."""
    nominal_false_per_km2: float | None
    """The rate that was asked for; None for a map."""
    expected_false_per_km2: float | None
    """False objects to expect per square kilometre of unchanged ground; None without metres."""
    rule: str
    """How the level was found, in words."""
    is_map: bool = False
    """Whether it parts changed from other ground, and does not keep to a rate."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "seed": self.seed,
            "support": self.support,
            "p_seed": self.p_seed,
            "nominal_false_per_km2": self.nominal_false_per_km2,
            "expected_false_per_km2": self.expected_false_per_km2,
            "rule": self.rule,
        }


def balanced_threshold(blocks: Sequence[np.ndarray], rounds: int = 20) -> float:
    """Level that parts changed places from their own surroundings.

    Otsu's threshold fails where change is rare: the histogram is all background. Here it is taken
    over the places above the present level and as much ground right around them, so that both
    classes are equally large, and repeated until it stands still. After the split-based idea of
    Bovolo and Bruzzone, IEEE TGRS 45:1658 (2007), doi:10.1109/TGRS.2007.895835. It stands still
    at several levels where there are several kinds of change: from a start among the changed it
    would part bright things from brighter ones, and leave most of what changed on the side of no
    change. So it is looked for from more than one start, and the level whose classes lie farthest
    apart is taken.

    Parameters
    ----------
    blocks : sequence of (y, x) float32 arrays
        The statistic in blocks of the image, NaN where not observable.
    rounds : int
        At most.

    Returns
    -------
    float
        The level; where nothing changed it lies in the tail of the noise, and says nothing.
    """
    pooled = np.concatenate([b[np.isfinite(b)] for b in blocks])
    best, widest = 0.0, -1.0
    for level in np.quantile(pooled, START_QUANTILES):
        found, apart = _stand_still(blocks, float(level), rounds)
        if apart > widest:
            best, widest = found, apart
    return best


def _stand_still(blocks: Sequence[np.ndarray], level: float, rounds: int) -> tuple[float, float]:
    """Level that no longer moves, from a first one, and how far apart the two classes lie."""
    apart = 0.0
    for _ in range(rounds):
        chosen = _balanced_values(blocks, level)
        if chosen is None:
            break
        new = _otsu(chosen)
        above = chosen > new
        if above.any() and not above.all():
            apart = float(chosen[above].mean() - chosen[~above].mean())
        still = abs(new - level) <= 1e-3 * max(abs(level), 1e-6)
        level = new
        if still:
            break
    return level, apart


def _balanced_values(blocks: Sequence[np.ndarray], level: float) -> np.ndarray | None:
    """Values above the level and about as many of the nearest ones around."""
    import cv2

    distances, above = [], 0
    counts = np.zeros(512, dtype=np.int64)
    for block in blocks:
        mask = np.nan_to_num(block, nan=-np.inf) > level
        above += int(mask.sum())
        distance = np.full(block.shape, np.inf, dtype=np.float32)
        if mask.any():
            distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
        distance[~np.isfinite(block)] = np.inf
        distances.append(distance)
        outside = distance[(distance > 0) & np.isfinite(distance)]
        counts += np.bincount(np.minimum(outside, 511).astype(np.int64), minlength=512)
    if above < 20:
        return None
    radius = max(2.0, float(np.searchsorted(np.cumsum(counts), above)))
    return np.concatenate([b[d <= radius] for b, d in zip(blocks, distances, strict=True)])


def _otsu(values: np.ndarray) -> float:
    from skimage.filters import threshold_otsu

    if np.ptp(values) <= 0:
        return float(values[0])
    return float(threshold_otsu(values))


def choose_threshold(
    null: NullModel,
    noise: NullModel,
    objects: ObjectNull,
    level: float,
    *,
    optical: bool,
    gsd_m: float | None,
    pixel_area_m2: float | None,
    false_alarms_per_km2: float | None = None,
    fdr: float | None = None,
) -> Threshold:
    """Levels of the hysteresis: for a rate of false objects, or to map what changed.

    Where a rate is asked for, where a reference tells what is quiet, and where pixels resolve
    single objects, the seed follows from the objects of quiet ground. Otherwise the question is a
    map: the outlines follow the level that parts changed places from their surroundings, wherever
    the pair's own noise does not reach, and the rate to expect is that of this level.

    Parameters
    ----------
    null : NullModel
        Distribution of the statistic where nothing changed.
    noise : NullModel
        The pair's own noise alone.
    objects : ObjectNull
        Objects on quiet ground.
    level : float
        From :func:`balanced_threshold`.
    optical : bool
        Whether the images are not radar.
    gsd_m : float or None
        Ground sample distance, metres.
    pixel_area_m2 : float or None
        Ground area of a pixel; None without georeferencing: a square
        kilometre then stands for a million pixels.
    false_alarms_per_km2 : float or None
        False objects per square kilometre of unchanged ground to accept; None: the default.
    fdr : float, optional
        Every candidate is kept, to be sifted by its q-value later.
    """
    mpx_per_km2 = 1.0 if pixel_area_m2 is None else 1.0 / pixel_area_m2
    unit = "km2" if pixel_area_m2 is not None else "million pixels"
    asked = false_alarms_per_km2
    counted = null.source != "pair" or is_fine(gsd_m)
    if asked is None and counted:
        asked = min(DEFAULT_FALSE_ALARMS, DEFAULT_PER_MPX * mpx_per_km2)
    is_map = fdr is None and asked is None
    if is_map:
        # in terms of the pair's own noise, which does not reach what is mapped
        reached = -np.log10(MAP_P["optical" if optical else "radar"])
        outline = float(noise.surprise(np.array([level], dtype=np.float32))[0])
        outline = float(np.clip(outline, CANDIDATE, MAP_SHARE * reached))
        levels = [noise.value_at(10.0**-v) for v in (reached, outline)]
        seed, support = (float(v) for v in null.surprise(np.array(levels, dtype=np.float32)))
        rule = "map: what parts from its surroundings, beyond the noise of the pair"
    else:
        seed, rule = CANDIDATE, f"every candidate, sifted by q <= {fdr}"
        if fdr is None and asked is not None:
            seed = objects.peak_at(asked / mpx_per_km2)
            rule = f"at most {asked:.3g} false objects per {unit}"
        # as the objects of quiet ground were outlined, with which they are compared
        support = CANDIDATE
    support = min(support, seed)
    expected = objects.expected_per_mpx(seed) * mpx_per_km2
    return Threshold(
        seed,
        support,
        max(10.0**-seed, SMALLEST_P),
        asked,
        None if pixel_area_m2 is None else expected,
        rule,
        is_map,
    )
