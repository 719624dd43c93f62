"""How likely what a step of track shows is, if it is empty and if a wagon stands there.

All is told in natural logarithms of brightness against the empty, lit track. Then a shadow is one
fixed step down, whatever it falls on, and a wagon is anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BODY_SPREAD = (0.7, 0.25)
"""Standard deviation of wagons against the track: brightness, and each band by itself."""
HALVES_SPREAD = (0.25, 0.1)
"""The same of the difference between the two halves of a wagon."""
STRAY = np.log(np.array([0.003, 0.001, 0.001, 0.003]))
"""Share of empty track on which a zone shows neither lit nor shaded ground (litter, weeds)."""
STAINED = (0.03, 1e-6)
"""Share of empty track that is darker or lighter than the rest, of the same colour (oil, wet), in
fine pixels and in coarse ones, which mix such patches with what is around them,"""
STAIN = 0.35
"""and by how much: standard deviation of the brightness."""
ELSEWHERE = 0.05
"""Share of shadow on empty track that no train on another track explains (trees, buildings),"""
ELSEWHERE_REACH = np.array([0.8, 0.05, 0.05, 0.05, 0.05])
"""and how many zones, from the sun side, it covers."""
SHADOW_HEIGHT_M = 3.0
"""Height of a wagon by which its own shadow is expected beside it."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What empty track looks like at one date."""

    spread: np.ndarray
    """(zone, band, band) covariance of lit ground."""
    shadow: np.ndarray
    """(band,) logarithm of the light that is left in shadow."""


@dataclass(frozen=True, eq=False)
class StepLikelihood:
    """Log-likelihoods of one date, (n,) each unless said otherwise; 0 where nothing is seen."""

    empty: np.ndarray
    """Of all zones, without a wagon."""
    occupied: np.ndarray
    """Of all zones, with one."""
    empty_body: np.ndarray
    """Of the two inner zones alone, without a wagon."""
    occupied_body: np.ndarray
    """Of the two inner zones alone, with one."""
    lit: np.ndarray
    """(n, zone) probability that a zone is lit, if the step is empty."""
    wholly_shaded: np.ndarray
    """Probability that all zones lie in shadow, if the step is empty."""


def normal(residual: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Logarithm of the normal density over the last axis, without its constant."""
    root = np.linalg.cholesky(covariance)
    scaled = residual @ np.linalg.inv(root).T
    return -0.5 * np.einsum("...i,...i->...", scaled, scaled) - float(np.log(np.diag(root)).sum())


def covariance(spread: tuple[float, float], bands: int) -> np.ndarray:
    """Spread of brightness, common to all bands, and of each band by itself."""
    return spread[0] ** 2 + spread[1] ** 2 * np.eye(bands)


def step_likelihood(
    residual: np.ndarray,
    seen: np.ndarray,
    ground: Ground,
    shaded: np.ndarray,
    reach: np.ndarray,
    stained: float,
) -> StepLikelihood:
    """Compare every step of one date with empty and with occupied track.

    Shadows of other things come from the sun side and end somewhere: an empty step is lit
    altogether, or shaded in its first one, two, three or four zones, the last of which may be
    half covered. A wagon has any colour, little difference between its halves, and its own shadow
    beside it.

    Parameters
    ----------
    residual : (n, zone, band) float array
        Logarithms against the lit ground.
    seen : (n, zone) bool array
        What is known.
    ground : Ground
        Of this date.
    shaded : (n, zone) float array
        Probability that another train shades a zone.
    reach : (n,) float array
        Metres across the track by which a metre of height throws its shadow.
    stained : float
        Share of empty track that is stained.
    """
    n, zones, bands = residual.shape
    wide = covariance(BODY_SPREAD, bands)
    depth = np.outer(ground.shadow, ground.shadow)
    own = 0.05**2 * np.eye(bands)
    lit, dark, half, stray, stain = (np.zeros((n, zones)) for _ in range(5))
    for z in range(zones):
        spread = ground.spread[z]
        deep = 1.5 * spread + 0.2**2 * depth + own
        lit[:, z] = normal(residual[:, z], spread)
        dark[:, z] = normal(residual[:, z] - ground.shadow, deep)
        half[:, z] = normal(residual[:, z] - ground.shadow / 2, deep + 0.15**2)
        stain[:, z] = normal(residual[:, z], spread + STAIN**2)
        stray[:, z] = normal(residual[:, z], wide)
    clean_lit, clean_dark = lit, dark
    odd = STRAY + stray
    lit, dark = np.logaddexp(lit, odd), np.logaddexp(dark, odd)
    edge = np.logaddexp(np.log(0.5) + half, np.log(0.5) + clean_dark)
    edge = np.logaddexp(np.logaddexp(edge, odd), np.log(0.3) + clean_lit)
    for values in (lit, dark, edge, clean_lit, clean_dark, stray, stain):
        values[~seen] = 0.0
    prior = np.log(_shadow_prior(shaded))
    whole = _shadow_cases(lit, dark, edge) + prior
    wide_patch = np.log(stained / 2) + stain.sum(axis=1, keepdims=True)
    # what leaks from wagons lies between and beside the rails, on ground that is lit on both sides
    narrow = stain[:, 1] + stain[:, 2] + clean_lit[:, 0] + clean_lit[:, 3]
    patch = np.logaddexp(wide_patch, np.log(stained / 2) + narrow[:, None])
    whole = np.concatenate([np.log1p(-stained) + whole, patch], axis=1)
    empty = _log_sum(whole)
    inner = _shadow_cases(lit[:, 1:3], dark[:, 1:3], edge[:, 1:3])
    patch = np.log(stained) + stain[:, 1:3].sum(axis=1, keepdims=True)
    inner = np.concatenate([inner[:, [0, 0, 1, 2, 2]] + prior, patch], axis=1)
    empty_body = _log_sum(inner)
    body = normal((residual[:, 1] + residual[:, 2]) / 2, wide)
    body += normal(residual[:, 1] - residual[:, 2], covariance(HALVES_SPREAD, bands))
    sunward = np.clip(shaded[:, 0], 0.02, 0.95)
    occupied = body + np.logaddexp(np.log1p(-sunward) + lit[:, 0], np.log(sunward) + dark[:, 0])
    # how far the own shadow covers the zone beside the wagon
    cast = np.clip(SHADOW_HEIGHT_M * reach, 0.05, 0.80)
    occupied += _log_sum(
        np.stack(
            [np.log(cast) + clean_dark[:, 3], np.log(0.18) + stray[:, 3],
             np.log(0.82 - cast) + clean_lit[:, 3]], axis=1,
        )
    )  # fmt: skip
    cases = np.exp(whole - empty[:, None])
    known = seen[:, 1] & seen[:, 2]
    for values in (empty, occupied, empty_body, body):
        values[~known] = 0.0
    return StepLikelihood(
        empty, occupied, empty_body, body, np.cumsum(cases, axis=1)[:, :zones], cases[:, zones]
    )


def _log_sum(values: np.ndarray) -> np.ndarray:
    top = values.max(axis=1)
    return np.asarray(top + np.log(np.exp(values - top[:, None]).sum(axis=1)))


def _shadow_prior(shaded: np.ndarray) -> np.ndarray:
    """(n, zone + 1) probability that so many zones are shaded, counted from the sun side."""
    reaches = np.minimum.accumulate(np.clip(shaded, 0.0, 0.95), axis=1)
    ends = np.concatenate([np.ones((len(shaded), 1)), reaches, np.zeros((len(shaded), 1))], axis=1)
    return (1 - ELSEWHERE) * -np.diff(ends, axis=1) + ELSEWHERE * ELSEWHERE_REACH


def _shadow_cases(lit: np.ndarray, dark: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """(n, zone + 1) log-likelihood if so many zones are shaded, the last of them in part."""
    n, zones = lit.shape
    none = np.zeros((n, 1))
    after = np.concatenate([np.cumsum(lit[:, ::-1], axis=1)[:, ::-1], none], axis=1)
    before = np.concatenate([none, np.cumsum(dark, axis=1)], axis=1)
    cases = [after[:, 0]]
    cases += [before[:, j - 1] + edge[:, j - 1] + after[:, j] for j in range(1, zones + 1)]
    return np.stack(cases, axis=1)
