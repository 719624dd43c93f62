"""From a statistic to a p-value, and from a rate of false objects to a threshold.

The null distribution is taken from the pair itself: from pixels that a first, balanced threshold
leaves on the side of no change. Its bulk is empirical; beyond what the sample can show, the
logarithm of the survival function is continued as a parabola (between an exponential and a
Gaussian tail), fitted where the cut of the first threshold does not reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.errors import NotEnoughValidPixels

START_QUANTILE = 0.97
SMALLEST_P = 1e-9
"""A tail that was continued beyond the sample says nothing smaller; no smaller one is reported."""
MAXIMUM_P = 1e-3
"""A seed is never less surprising than this, however coarse the pixels."""
SUPPORT_SURPRISE = 2.0
"""A supporting pixel is never less surprising than this (−log10 p),"""
SUPPORT_SHARE = 0.65
"""nor need it be more surprising than this share of a seed."""
TAIL_QUANTILES = (0.6, 0.995)
"""Part of the null distribution from which its tail is continued."""
STANDS_OUT = 0.28
"""Where a larger share of the pixels (but not clearly most) lies above the first threshold it runs
through the middle of the noise, in which it ends up at 33 to 50 %: nothing stands out, and every
pixel belongs to the null."""
SKIRT = 0.5
"""A change has a skirt: pixels connected to it belong to it down to this share of the way from
the median to the first threshold,"""
SKIRT_FLOOR = 1.5
"""but not below this many robust deviations above the median."""
COHERENT_PX = 12
"""Fewer connected pixels above the first threshold are noise, and stay in the null."""


@dataclass(frozen=True, eq=False)
class NullModel:
    """Distribution of the statistic where nothing changed."""

    values: np.ndarray
    """(n,) increasing values of the statistic."""
    log_survival: np.ndarray
    """(n,) natural logarithm of the chance to exceed them."""
    slope: float
    """Beyond the last value the logarithm falls by ``slope * d + curvature * d**2``."""
    curvature: float
    """Not negative: 0 is an exponential tail."""
    source: str
    """``pair``: estimated from the pair itself."""
    unchanged_fraction: float
    """Share of the sample from which it was estimated."""

    def surprise(self, statistic: np.ndarray) -> np.ndarray:
        """−log10 of the p-value, float32, NaN stays NaN."""
        inside = np.interp(statistic, self.values, self.log_survival).astype(np.float32)
        beyond = np.maximum(statistic - np.float32(self.values[-1]), np.float32(0.0))
        fall = np.float32(self.slope) + np.float32(self.curvature) * beyond
        log_p = inside - fall * beyond
        out = np.maximum(log_p * np.float32(-1.0 / math.log(10.0)), np.float32(0.0))
        out[np.isnan(statistic)] = np.nan
        return out

    def value_at(self, p: float) -> float:
        """Statistic that is exceeded with probability ``p``."""
        target = math.log(p)
        if target < self.log_survival[-1]:
            fall, b, c = self.log_survival[-1] - target, self.slope, self.curvature
            beyond = fall / b if c == 0 else (math.sqrt(b * b + 4 * c * fall) - b) / (2 * c)
            return float(self.values[-1] + beyond)
        return float(np.interp(-target, -self.log_survival, self.values))

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "source": self.source,
            "unchanged_fraction": self.unchanged_fraction,
            "tail_slope": self.slope,
            "tail_curvature": self.curvature,
            "quantiles": {f"{p:g}": self.value_at(p) for p in (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-6)},
        }


@dataclass(frozen=True)
class Threshold:
    """Two levels for hysteresis, as −log10 of p."""

    seed: float
    """A changed object holds at least one pixel above this."""
    support: float
    """and consists of connected pixels above this."""
    p_seed: float
    """p-value of a seed."""
    nominal_false_per_km2: float
    """The rate that was asked for."""
    expected_false_per_km2: float | None
    """False objects to expect per square kilometre of unchanged ground; None without metres."""
    rule: str
    """How the level was found, in words."""

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
    Bovolo and Bruzzone, IEEE TGRS 45:1658 (2007), doi:10.1109/TGRS.2007.895835.

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
    level = float(np.quantile(pooled, START_QUANTILE))
    for _ in range(rounds):
        chosen = _balanced_values(blocks, level)
        if chosen is None:
            break
        new = _otsu(chosen)
        if abs(new - level) <= 1e-3 * max(abs(level), 1e-6):
            level = new
            break
        level = new
    return level


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


def fit_null(blocks: Sequence[np.ndarray], level: float, margin: int = 3) -> NullModel:
    """Null distribution from the blocks, without the changed places.

    Parameters
    ----------
    blocks : sequence of (y, x) float32 arrays
        The statistic, NaN where not observable.
    level : float
        From :func:`balanced_threshold`.
    margin : int
        Pixels around changed places that are left out as well.

    Raises
    ------
    NotEnoughValidPixels
        If nothing is left.
    """
    kept, total = [], 0
    middle, spread = lower_spread(np.concatenate([b[np.isfinite(b)] for b in blocks]))
    above = sum(int(np.count_nonzero(np.nan_to_num(b, nan=-np.inf) > level)) for b in blocks)
    share = above / max(1, sum(int(np.isfinite(b).sum()) for b in blocks))
    most = share > 0.5 and middle - level > SKIRT_FLOOR * spread
    stands_out = share <= STANDS_OUT or most
    skirt = max(middle + SKIRT * (level - middle), middle + SKIRT_FLOOR * spread)
    for block in blocks:
        finite = np.isfinite(block)
        total += int(finite.sum())
        if stands_out:
            finite &= ~_changed_places(block, level, min(skirt, level), margin)
        kept.append(block[finite])
    values = np.sort(np.concatenate(kept))
    if values.size < 100:
        raise NotEnoughValidPixels(
            f"Only {values.size} of {total} sampled pixels look unchanged: a null distribution "
            "cannot be taken from this pair. The detectors assume that most of the scene did not "
            "change; compare a larger area."
        )
    return _model(values.astype(np.float64), values.size / total)


def lower_spread(values: np.ndarray) -> tuple[float, float]:
    """Median and robust deviation of the lower half, which change hardly reaches."""
    if not values.size:
        return 0.0, 0.0
    middle = float(np.median(values))
    below = values[values < middle]
    return middle, 1.4826 * float(np.median(middle - below)) if below.size else 0.0


def _changed_places(block: np.ndarray, level: float, skirt: float, margin: int) -> np.ndarray:
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


def _model(values: np.ndarray, fraction: float) -> NullModel:
    """Empirical bulk, parabolic tail of the log survival."""
    low, high = (float(np.quantile(values, q)) for q in TAIL_QUANTILES)
    if not high > low:
        # No spread at all (identical images): anything larger than what was seen is a surprise.
        top = float(values[-1])
        return NullModel(
            np.array([top - 1e-3, top]), np.array([0.0, -1e-9]), 1e3, 0.0, "pair", fraction
        )
    first, last = (math.log1p(-q) for q in TAIL_QUANTILES)
    log_survival = np.linspace(first, last, 40)
    slope, curvature = _tail(np.quantile(values, -np.expm1(log_survival)) - high, log_survival)
    quantiles = np.linspace(0.0, TAIL_QUANTILES[1], 200)
    grid, index = np.unique(np.quantile(values, quantiles), return_index=True)
    return NullModel(grid, np.log1p(-quantiles)[index], slope, curvature, "pair", fraction)


def _tail(distance: np.ndarray, log_survival: np.ndarray) -> tuple[float, float]:
    """Slope and curvature, at distance 0, of a parabola through the fitted part."""
    fall = log_survival[-1] - log_survival
    design = np.column_stack([distance, distance**2])
    (slope, curvature), *_ = np.linalg.lstsq(design, fall, rcond=None)
    if curvature < 0 or slope <= 0:
        slope, curvature = float(distance @ fall / (distance @ distance)), 0.0
    return float(slope), float(curvature)


def choose_threshold(
    null: NullModel,
    level: float,
    *,
    correlation_px: float,
    pixel_area_m2: float | None,
    false_alarms_per_km2: float,
    bounds: tuple[float, float, float] | None = None,
) -> Threshold:
    """Levels of the hysteresis for a rate of false objects.

    Parameters
    ----------
    null : NullModel
        Distribution of the statistic where nothing changed.
    level : float
        From :func:`balanced_threshold`: outlines follow it where it is significant by itself.
    correlation_px : float
        Pixels in one independent patch of noise.
    pixel_area_m2 : float or None
        Ground area of a pixel; None without georeferencing: a square
        kilometre then stands for a million pixels.
    false_alarms_per_km2 : float
        False objects per square kilometre of unchanged ground to accept.
    bounds : (lowest seed, highest seed, highest support), optional
        In units of the statistic, where a detector knows what its noise model cannot (lowest) or
        need not (highest) be asked. The rate to expect is then that of the bound.
    """
    area = 1.0 if pixel_area_m2 is None else pixel_area_m2
    patches_per_km2 = 1e6 / (area * correlation_px)
    p = min(false_alarms_per_km2 / patches_per_km2, MAXIMUM_P)
    seed = null.value_at(p)
    rule = f"at most {false_alarms_per_km2:g} false objects per km2"
    if p == MAXIMUM_P:
        rule = f"p = {p:g} for a pixel"
    if bounds is not None and not bounds[0] <= seed <= bounds[1]:
        seed = min(max(seed, bounds[0]), bounds[1])
        rule += f"; held at {seed:g}, a bound of the detector"
    surprise = null.surprise(np.array([seed, level], dtype=np.float32)).astype(np.float64)
    support = float(np.clip(surprise[1], SUPPORT_SURPRISE, max(SUPPORT_SHARE * surprise[0], 0)))
    support = min(support, float(surprise[0]))
    if bounds is not None:
        support = min(support, float(null.surprise(np.array(bounds[2:], np.float32))[0]))
    p_seed = max(float(10.0 ** -float(surprise[0])), SMALLEST_P)
    rate = None if pixel_area_m2 is None else p_seed * patches_per_km2
    return Threshold(float(surprise[0]), support, p_seed, false_alarms_per_km2, rate, rule)
