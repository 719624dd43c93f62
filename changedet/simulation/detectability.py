"""From seen and missed targets to a smooth detection probability."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from changedet.model import DetectionCurve, PlantedTarget, TargetType

STEPS = 25
"""Points of a curve."""
LEAST = 60
"""Fewer targets carry no curve."""
LEAST_FIT = 0.01
"""A curve that fits worse than so many by chance is not shown."""
ITERATIONS = 100
WANTED = 0.9
Z = 1.959963984540054


def detection_curves(
    types: Sequence[TargetType], targets: Sequence[PlantedTarget]
) -> tuple[DetectionCurve, ...]:
    """Logistic curves of detection against the logarithm of contrast, one a type.

    p = 1 / (1 + exp(−a − b ln c)), fitted with the penalty of Firth, Biometrika 80:27 (1993),
    doi:10.1093/biomet/80.1.27, which stays finite where everything or nothing is seen; the band is
    that of the linear predictor. Left out are types of which too few were planted, and those whose
    shares leave the curve (a deviance test against one share a contrast): where ground hides some
    targets whatever their contrast, no such curve ends below 1.

    Parameters
    ----------
    types : sequence of TargetType
    targets : sequence of PlantedTarget
    """
    curves = []
    for one in types:
        mine = [t for t in targets if t.type == one.name]
        contrast = np.array([t.contrast for t in mine])
        seen = np.array([t.seen for t in mine], dtype=np.float64)
        if len(mine) < LEAST or len(np.unique(contrast)) < 2:
            continue
        curve = _curve(one.name, contrast, seen)
        if curve is not None:
            curves.append(curve)
    return tuple(curves)


def _curve(name: str, contrast: np.ndarray, seen: np.ndarray) -> DetectionCurve | None:
    design = np.column_stack([np.ones_like(contrast), np.log(contrast)])
    fitted = logistic(design, seen)
    if fitted is None:
        return None
    weights, covariance = fitted
    if _misfit(contrast, seen, _share(design @ weights)) < LEAST_FIT:
        return None
    at = np.geomspace(contrast.min(), contrast.max(), STEPS)
    rows = np.column_stack([np.ones_like(at), np.log(at)])
    line = rows @ weights
    half = Z * np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows))
    low, middle, high = (
        tuple(float(v) for v in _share(x)) for x in (line - half, line, line + half)
    )
    reach = None
    if weights[1] > 0:
        wanted = float((math.log(WANTED / (1 - WANTED)) - weights[0]) / weights[1])
        if math.log(contrast.min()) <= wanted <= math.log(contrast.max()):
            reach = math.exp(wanted)
    return DetectionCurve(name, tuple(float(v) for v in at), middle, low, high, reach)


def _share(line: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(line, -30, 30)))


def logistic(design: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Firth's logistic regression.

    Parameters
    ----------
    design : (n, k) array
        Regressors, a column of ones among them.
    hits : (n,) array
        0 or 1.

    Returns
    -------
    (weights, covariance) or None
        None where the iteration does not end.
    """
    weights = np.zeros(design.shape[1])
    for _ in range(ITERATIONS):
        share = _share(design @ weights)
        spread = share * (1 - share)
        information = (design.T * spread) @ design
        try:
            covariance = np.linalg.inv(information)
        except np.linalg.LinAlgError:
            return None
        leverage = spread * np.einsum("ij,jk,ik->i", design, covariance, design)
        step = covariance @ (design.T @ (hits - share + leverage * (0.5 - share)))
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        weights = weights + step
        if float(np.abs(step).max()) < 1e-8:
            return weights, covariance
    return None


def _misfit(contrast: np.ndarray, seen: np.ndarray, share: np.ndarray) -> float:
    """Chance of shares by contrast that leave the curve so far, 1 where there is nothing to test.

    Pearson's sum over contrasts, against χ² with two parameters taken off.
    """
    from scipy.special import chdtrc

    levels = np.unique(contrast)
    if len(levels) < 3:
        return 1.0
    total = 0.0
    for level in levels:
        here = contrast == level
        expected, n = float(share[here].mean()), int(here.sum())
        # half a target of slack: counts are whole numbers
        off = max(abs(float(seen[here].sum()) - n * expected) - 0.5, 0.0)
        total += off**2 / max(n * expected * (1 - expected), 0.25)
    return float(chdtrc(len(levels) - 2, total))
