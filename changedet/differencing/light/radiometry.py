"""Relative radiometry: what the before image would look like under the after image's conditions.

Gain and offset per band, fitted robustly on pixels that agree between the dates, apart for
vegetated and other ground (season moves the two differently) and blended by the vegetation index.
A linear map that mixes bands fits the common colours better, but it extrapolates: colours that it
was not fitted on, such as painted wagons, come out wrong and would be called changed.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.model import SAR_ROLES, SPECTRAL_ROLES

NDVI_SOFTNESS = 0.08
"""Half-width of the blend between the two strata, in units of the vegetation index."""
DARK_QUANTILE = 0.001
"""Quantile of the image that stands for ground that gives no light back."""
MINIMUM_STRATUM = 2000
"""Pixels a stratum must have to be fitted by itself."""
NAMELESS_BANDS = (4, 8)
"""With so many bands of which none has a name, two are looked for that tell vegetation (with fewer,
near infrared is seldom there); no more than so many are tried,"""
TELLING_PIXELS = 8_000
"""on so many pixels at most,"""
TELLING_ROUNDS = 4
"""with so many rounds of re-weighting,"""
TELLING_GAIN = 0.95
"""and the median error of either part of the ground must fall to this share, in the mean."""


@dataclass(frozen=True, eq=False)
class Radiometry:
    """Gain and offset per stratum and band, before to after.

    ``gain`` and ``offset`` are (stratum, band); stratum 0 is other ground, 1 vegetated. With one
    stratum ``red`` and ``nir`` are None.
    """

    gain: np.ndarray
    offset: np.ndarray
    red: int | None = None
    nir: int | None = None
    split: float = 0.0
    """Vegetation index at which the strata meet."""

    def apply(self, before: np.ndarray) -> np.ndarray:
        """Predict the after image, (band, y, x) or (band, n) float32, from the before image."""
        gain, offset = self.gain.astype(np.float32), self.offset.astype(np.float32)
        out = np.empty_like(before)
        if self.red is None or self.nir is None:
            for k in range(len(before)):
                out[k] = gain[0, k] * before[k] + offset[0, k]
            return out
        weight = self.vegetation(before)
        for k in range(len(before)):
            other = gain[0, k] * before[k] + offset[0, k]
            green = gain[1, k] * before[k] + offset[1, k]
            out[k] = other + weight * (green - other)
        return out

    def vegetation(self, before: np.ndarray) -> np.ndarray:
        """Weight of the vegetated stratum, 0 to 1."""
        index = vegetation_index(before[self.red], before[self.nir])
        scaled = (index - np.float32(self.split)) * np.float32(0.5 / NDVI_SOFTNESS)
        return np.clip(scaled + np.float32(0.5), 0.0, 1.0).astype(np.float32)

    def strata(self, before: np.ndarray) -> list[np.ndarray]:
        """Weight of each stratum at each pixel; they add up to 1."""
        if self.red is None:
            return [np.ones(before.shape[1:], dtype=np.float32)]
        green = self.vegetation(before)
        return [np.float32(1.0) - green, green]

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated, as plain JSON values."""
        names = ["all"] if self.red is None else ["other", "vegetated"]
        return {
            "strata": names,
            "gain": {n: [float(v) for v in g] for n, g in zip(names, self.gain, strict=True)},
            "offset": {n: [float(v) for v in o] for n, o in zip(names, self.offset, strict=True)},
            "ndvi_split": None if self.red is None else self.split,
        }


def vegetation_index(red: np.ndarray, nir: np.ndarray) -> np.ndarray:
    """Normalised difference vegetation index, 0 where both bands are 0."""
    total = nir + red
    return np.where(np.abs(total) > 1e-6, (nir - red) / np.where(total == 0, 1, total), 0.0)


def fit_radiometry(
    before: np.ndarray, after: np.ndarray, roles: tuple[str, ...], iterations: int = 12
) -> Radiometry:
    """Fit gain and offset on the pixels that agree.

    Parameters
    ----------
    before, after : (band, n) float32 arrays
        Jointly valid pixels.
    roles : tuple of str
        One a band; with ``red`` and ``nir`` there are two strata. Where no band has a name, those
        two are looked for whose normalised difference best parts what the season moved apart.
    iterations : int
        Rounds of re-weighting.

    Returns
    -------
    Radiometry

    Notes
    -----
    Orthogonal regression (both dates carry noise) under Tukey weights; see Canty and Nielsen,
    Remote Sensing of Environment 112:1025 (2008), doi:10.1016/j.rse.2007.07.013. Fails where
    most of a stratum changed: its fit then follows the change.
    """
    x, y = before.astype(np.float64), after.astype(np.float64)
    if "red" in roles and "nir" in roles:
        return _fit_strata(x, y, (roles.index("red"), roles.index("nir")), iterations)
    gain, offset = _fit_stratum(x, y, iterations)
    common = Radiometry(gain[None], offset[None])
    if not _nameless(roles):
        return common
    bands = _telling_bands(x, y)
    return common if bands is None else _fit_strata(x, y, bands, iterations)


def _nameless(roles: tuple[str, ...]) -> bool:
    """Whether nobody says of any of several bands which it is."""
    return len(roles) >= NAMELESS_BANDS[0] and {*SPECTRAL_ROLES, *SAR_ROLES}.isdisjoint(roles)


def _telling_bands(x: np.ndarray, y: np.ndarray) -> tuple[int, int] | None:
    """The two bands whose normalised difference best parts what the season moved differently.

    Among blue, green, red and near infrared these are one of the visible bands and the near
    infrared. None where no two make the prediction much better than one line for all.
    """
    step = max(1, x.shape[1] // TELLING_PIXELS)
    few, other = x[:, ::step], y[:, ::step]
    gain, offset = _fit_stratum(few, other, TELLING_ROUNDS)
    common = Radiometry(gain[None], offset[None])
    best, most = None, -math.log(TELLING_GAIN)
    for one, two in itertools.combinations(range(min(len(x), NAMELESS_BANDS[1])), 2):
        # Most ground gives back more of the near infrared than of red.
        rising = float(np.median(vegetation_index(few[one], few[two]))) >= 0.0
        bands = (one, two) if rising else (two, one)
        tried = _fit_strata(few, other, bands, TELLING_ROUNDS, MINIMUM_STRATUM // step)
        if tried.red is None:
            continue
        # Either stratum may be the smaller one, and counts by itself.
        green = tried.vegetation(few) > 0.5
        gained = np.mean(
            [_misfit(common, few[:, s], other[:, s]) - _misfit(tried, few[:, s], other[:, s])
             for s in (green, ~green)]
        )  # fmt: skip
        if gained > most:
            best, most = bands, float(gained)
    return best


def _misfit(radiometry: Radiometry, x: np.ndarray, y: np.ndarray) -> float:
    """Mean over bands of the logarithm of the median error."""
    error = np.median(np.abs(y - radiometry.apply(x)), axis=1)
    return float(np.mean(np.log(np.maximum(error, 1e-9))))


def _fit_strata(
    x: np.ndarray,
    y: np.ndarray,
    bands: tuple[int, int],
    iterations: int,
    least: int = MINIMUM_STRATUM,
) -> Radiometry:
    """Fit two strata, told by the normalised difference of two bands.

    One for all where either has fewer pixels than ``least``.
    """
    red, nir = bands
    index = vegetation_index(x[red].astype(np.float32), x[nir].astype(np.float32))
    split = _split(index)
    masks = [index <= split, index > split]
    if min(int(m.sum()) for m in masks) < least:
        gain, offset = _fit_stratum(x, y, iterations)
        return Radiometry(gain[None], offset[None])
    other = _fit_stratum(x[:, masks[0]], y[:, masks[0]], iterations)
    # Haze adds the same light to both strata, so their lines meet where the ground gives none
    # back. A free line for vegetation would be wrong in the shadows on it.
    dark = np.quantile(x, DARK_QUANTILE, axis=1)
    meet = (dark, other[0] * dark + other[1])
    green = _fit_stratum(x[:, masks[1]], y[:, masks[1]], iterations, meet)
    return Radiometry(
        np.stack([other[0], green[0]]), np.stack([other[1], green[1]]), red, nir, split
    )


def _split(index: np.ndarray) -> float:
    """Vegetation index that parts the image best (Otsu), kept within reason."""
    from skimage.filters import threshold_otsu

    low, high = np.quantile(index, [0.005, 0.995])
    if not high > low:
        return float(low)
    return float(np.clip(threshold_otsu(np.clip(index, low, high)), 0.05, 0.6))


def _fit_stratum(
    x: np.ndarray,
    y: np.ndarray,
    iterations: int,
    through: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset of each band under common weights: a change in one band counts in all.

    With ``through`` each band's line goes through the given point.
    """
    gain, offset = np.empty(len(x)), np.empty(len(x))
    for k in range(len(x)):
        gain[k], offset[k] = _robust_start(x[k], y[k])
    for _ in range(iterations):
        residual = y - gain[:, None] * x - offset[:, None]
        scale = 1.4826 * np.median(np.abs(residual), axis=1)
        scale = np.where(scale > 0, scale, 1.0)
        distance = np.sqrt(np.mean((residual / scale[:, None]) ** 2, axis=0))
        typical = max(float(np.median(distance)), 1e-6)
        weight = np.clip(1.0 - (distance / (3.0 * typical)) ** 2, 0.0, None) ** 2
        for k in range(len(x)):
            if through is None:
                gain[k], offset[k] = _orthogonal(x[k], y[k], weight, gain[k])
            else:
                point = (float(through[0][k]), float(through[1][k]))
                gain[k], offset[k] = _pinned(x[k], y[k], weight, point)
    return gain, offset


def _pinned(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, point: tuple[float, float]
) -> tuple[float, float]:
    """Least squares line through a point."""
    dx, dy = x - point[0], y - point[1]
    total = float(weight @ (dx * dx))
    gain = float((weight @ (dx * dy)) / total) if total > 0 else 1.0
    return gain, point[1] - gain * point[0]


def _robust_start(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Match median and spread: right to first order, whatever correlates."""
    mx, my = np.median(x), np.median(y)
    sx, sy = np.median(np.abs(x - mx)), np.median(np.abs(y - my))
    gain = float(sy / sx) if sx > 0 and sy > 0 else 1.0
    return gain, float(my - gain * mx)


def _orthogonal(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, fallback: float
) -> tuple[float, float]:
    total = weight.sum()
    if total < 10:
        return fallback, float(np.median(y) - fallback * np.median(x))
    mx, my = (weight @ x) / total, (weight @ y) / total
    dx, dy = x - mx, y - my
    xx, yy, xy = (weight @ (dx * dx)), (weight @ (dy * dy)), (weight @ (dx * dy))
    gain = fallback
    if xy > 0.1 * np.sqrt(xx * yy):
        gain = (yy - xx + np.sqrt((yy - xx) ** 2 + 4.0 * xy * xy)) / (2.0 * xy)
        gain = float(np.clip(gain, fallback / 2.0, fallback * 2.0))
    return gain, float(my - gain * mx)
