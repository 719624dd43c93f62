"""Chances to exceed a value: by ranks, from quantiles, and how they go on beyond what was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

TAIL_QUANTILES = (0.6, 0.995)
"""Part of the null distribution from which a tail that is not known is continued."""
JOIN = 0.95
"""Quantile of the pair's own bulk at which the tail of quiet pairs is joined."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A survival function: the chance to exceed a value."""

    values: np.ndarray
    """(n,) increasing values."""
    log_survival: np.ndarray
    """(n,) natural logarithm of the chance to exceed them."""
    slope: float
    """Beyond the last value the logarithm falls by ``slope * d + curvature * d**2``."""
    curvature: float = 0.0
    """Not negative: 0 is an exponential tail."""

    def log(self, value: np.ndarray) -> np.ndarray:
        """Natural logarithm of the chance to exceed values, float32."""
        inside = np.interp(value, self.values, self.log_survival).astype(np.float32)
        beyond = np.maximum(value - np.float32(self.values[-1]), np.float32(0.0))
        fall = np.float32(self.slope) + np.float32(self.curvature) * beyond
        out: np.ndarray = inside - fall * beyond
        return out

    def stretched(self, middle: float, factor: float) -> Curve:
        """The same curve with what lies above a value so many times as far above it."""
        away = np.maximum(self.values - middle, 0.0)
        return Curve(
            self.values + (factor - 1.0) * away, self.log_survival,
            self.slope / factor, self.curvature / factor**2,
        )  # fmt: skip

    def value_at(self, p: float) -> float:
        """Value that is exceeded with probability ``p``."""
        target = math.log(p)
        if target < self.log_survival[-1]:
            fall, b, c = self.log_survival[-1] - target, self.slope, self.curvature
            beyond = fall / b if c == 0 else (math.sqrt(b * b + 4 * c * fall) - b) / (2 * c)
            return float(self.values[-1] + beyond)
        return float(np.interp(-target, -self.log_survival, self.values))


Tails = dict[str, Curve]
"""Tails of quiet pairs by the name of the stratum, and ``all``."""


def ranks(values: np.ndarray, last: int = 30, knots: int = 400) -> Curve:
    """Survival function by ranks, with an exponential tail where ranks run out.

    Parameters
    ----------
    values : (n,) array
        All count.
    last : int
        So many largest values make the tail: the ranks end there.
    knots : int
        Values kept at most.
    """
    ordered = np.sort(values)
    n = len(ordered)
    top = min(last, max(1, n // 4))
    end = math.log(top / n)
    log_survival = np.linspace(0.0, end, knots)
    position = np.clip(np.round(n * -np.expm1(log_survival)).astype(np.int64), 0, n - 1)
    grid, index = np.unique(ordered[position], return_index=True)
    excess = float(np.mean(ordered[n - top :] - grid[-1]))
    if not excess > 0:
        return Curve(grid, log_survival[index], 1e3)
    return Curve(grid, log_survival[index], 1.0 / excess)


def continued(curve: Curve, tail: Curve | None) -> Curve:
    """A curve that beyond its last value falls as another does there (unchanged without one)."""
    if tail is None:
        return curve
    join = curve.values[-1]
    start = float(tail.log(np.array([join], dtype=np.float32))[0])
    beyond = tail.values > join
    return Curve(
        np.concatenate([curve.values, tail.values[beyond]]),
        np.concatenate(
            [curve.log_survival, curve.log_survival[-1] + tail.log_survival[beyond] - start]
        ),
        tail.slope,
        tail.curvature,
    )


def bulk_and_tail(values: np.ndarray, tail: Curve | None) -> Curve:
    """Empirical bulk, and a tail: a known one, or a parabola of the log survival."""
    ordered = np.sort(values)
    low, high = (float(np.quantile(ordered, q)) for q in TAIL_QUANTILES)
    if not high > low:
        # No spread at all (identical images): anything larger than what was seen is a surprise.
        top = float(ordered[-1])
        return Curve(np.array([top - 1e-3, top]), np.array([0.0, -1e-9]), 1e3)
    if tail is not None:
        return _joined(ordered, tail)
    first, last = (math.log1p(-q) for q in TAIL_QUANTILES)
    log_survival = np.linspace(first, last, 40)
    slope, curvature = _parabola(np.quantile(ordered, -np.expm1(log_survival)) - high, log_survival)
    quantiles = np.linspace(0.0, TAIL_QUANTILES[1], 200)
    grid, index = np.unique(np.quantile(ordered, quantiles), return_index=True)
    return Curve(grid, np.log1p(-quantiles)[index], slope, curvature)


def _joined(ordered: np.ndarray, tail: Curve) -> Curve:
    """The pair's own bulk, and beyond it a tail that falls as the known one does there."""
    quantiles = np.linspace(0.0, JOIN, 100)
    grid, index = np.unique(np.quantile(ordered, quantiles), return_index=True)
    return continued(Curve(grid, np.log1p(-quantiles)[index], 1.0), tail)


def _parabola(distance: np.ndarray, log_survival: np.ndarray) -> tuple[float, float]:
    """Slope and curvature, at distance 0, of a parabola through the fitted part."""
    fall = log_survival[-1] - log_survival
    design = np.column_stack([distance, distance**2])
    (slope, curvature), *_ = np.linalg.lstsq(design, fall, rcond=None)
    if curvature < 0 or slope <= 0:
        slope, curvature = float(distance @ fall / (distance @ distance)), 0.0
    return float(slope), float(curvature)
