"""Change vector: what the after image shows beyond what the before image predicts.

Each band's residual is divided by the noise expected at that very place: sensor noise, texture
that both dates show, and the difference that the remaining misregistration makes on edges. Bruzzone
and Fernandez Prieto, IEEE TGRS 38:1171 (2000), doi:10.1109/36.843009, for the vector; the
misregistration term follows the variance-inflation form of Theiler and Wohlberg, IEEE TGRS (2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.filters import (
    GUARD,
    ValidSmoother,
    compress,
    gaussian_radius,
    gradient,
)
from changedet.differencing.radiometry import Radiometry, fit_radiometry
from changedet.differencing.sampling import Sample
from changedet.differencing.shadow import ShadowModel, fit_shadow
from changedet.model import ImagePair

POOLING_SIGMA = 1.0
"""Local pooling of the residual, pixels."""
SHADOW_SIGMA = 0.7
"""Pooling before the colour of shadows is judged, pixels: their slivers are thin."""
TEXTURE_SIGMA = 4.0
"""Neighbourhood in which texture is measured, pixels."""
MINIMUM_RESIDUAL_PX = 0.05
"""Misregistration that no alignment can be trusted to go below, pixels."""


@dataclass(frozen=True, eq=False)
class ChangeVector:
    """Fitted change-vector detector."""

    radiometry: Radiometry
    """Maps before to after."""
    noise: np.ndarray
    """(band,) standard deviation of the residual on flat ground."""
    texture: np.ndarray
    """(band,) share of the common texture's variance found in the residual."""
    shadow: ShadowModel | None = None
    """How shadows look, where the sun's positions are known."""

    name = "change-vector"
    halo = gaussian_radius(TEXTURE_SIGMA) + 1 + GUARD

    def parts(self, pair: ImagePair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pooled residual, common texture variance and misregistration variance by band.

        Returns
        -------
        residual, texture, edges : (band, y, x) float32 arrays
        """
        valid = pair.valid
        predicted = self.radiometry.apply(pair.before.pixels)
        after = pair.after.pixels
        pool, around = ValidSmoother(valid, POOLING_SIGMA), ValidSmoother(valid, TEXTURE_SIGMA)
        sigma = pair.residual_px
        shift = np.full(valid.shape, 0.0, dtype=np.float32) if sigma is None else sigma
        spread = np.maximum(shift, np.float32(MINIMUM_RESIDUAL_PX)) ** 2
        residual, texture, edges = (np.empty_like(predicted) for _ in range(3))
        for k in range(len(predicted)):
            x, y = pool(predicted[k]), pool(after[k])
            residual[k] = y - x
            square = np.zeros(valid.shape, dtype=np.float32)
            for image in (x, y):
                dy, dx = gradient(image)
                square += dy * dy + dx * dx
            edges[k] = spread * np.float32(0.5) * square
            texture[k] = np.minimum(_variance(around, x), _variance(around, y))
        return residual, texture, edges

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Root mean square over bands of the residual in deviations, logarithmic when large."""
        residual, texture, edges = self.parts(pair)
        total = np.zeros(residual.shape[1:], dtype=np.float32)
        for k in range(len(residual)):
            variance = np.float32(self.noise[k] ** 2) + np.float32(self.texture[k]) * texture[k]
            total += residual[k] ** 2 / (variance + edges[k])
        out = compress(np.sqrt(total * np.float32(1.0 / len(residual))))
        out[~pair.valid] = np.nan
        return out

    def shadow_logarithms(self, pair: ImagePair) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of pooled before and after, for :class:`ShadowModel`."""
        if self.shadow is None:
            raise ValueError("There is no shadow model: the sun's positions are not known.")
        pool = ValidSmoother(pair.valid, SHADOW_SIGMA)
        images = (self.radiometry.apply(pair.before.pixels), pair.after.pixels)
        before, after = (
            self.shadow.logarithms(np.stack([pool(band) for band in image])) for image in images
        )
        return before, after

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            "noise": [float(v) for v in self.noise],
            "texture_share": [float(v) for v in self.texture],
            "pooling_sigma_px": POOLING_SIGMA,
            "shadow": None if self.shadow is None else self.shadow.describe(),
        }


def _variance(average: ValidSmoother, values: np.ndarray) -> np.ndarray:
    """Local variance, not below zero."""
    mean = average(values)
    deviation = values - mean
    return average(deviation * deviation)


def fit(sample: Sample, context: DetectionContext) -> ChangeVector:
    """Estimate radiometry and noise on the sample."""
    before, after = sample.pixels()
    radiometry = fit_radiometry(before, after, context.roles)
    bands = len(before)
    raw = ChangeVector(radiometry, np.ones(bands), np.zeros(bands))
    parts: list[list[np.ndarray]] = [[], [], []]
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        valid = pair.valid[core]
        for kept, values in zip(parts, raw.parts(pair), strict=True):
            kept.append(values[:, core[0], core[1]][:, valid])
    residual, texture, edges = (np.concatenate(p, axis=1) for p in parts)
    noise, share = np.empty(bands), np.empty(bands)
    for k in range(bands):
        noise[k], share[k] = _noise_model(residual[k], texture[k], edges[k])
    shadow = None
    if context.shadow_away is not None:
        predicted = radiometry.apply(before)
        far = np.abs(after - predicted) > 6.0 * noise[:, None]
        shadow = fit_shadow(
            predicted, after, far.mean(axis=0) > 0.5, context.roles, context.shadow_away
        )
    return ChangeVector(radiometry, noise, share, shadow)


def _noise_model(
    residual: np.ndarray, texture: np.ndarray, edges: np.ndarray
) -> tuple[float, float]:
    """Noise on flat ground and share of texture, from robust spreads in classes of texture."""
    order = np.quantile(texture, np.linspace(0, 1, 13))
    bins = np.clip(np.searchsorted(order, texture, side="right") - 1, 0, 11)
    level, spread = [], []
    for b in range(12):
        inside = bins == b
        if inside.sum() < 50:
            continue
        level.append(float(np.mean(texture[inside])))
        typical = float(np.median(edges[inside]))
        deviation = 1.4826 * float(np.median(np.abs(residual[inside])))
        spread.append(max(deviation**2 - typical, 0.0))
    level_, spread_ = np.array(level), np.array(spread)
    floor = max(float(np.min(spread_, initial=np.inf)), 0.0) if spread else 0.0
    flat = float(np.quantile(spread_, 0.1)) if spread else 0.0
    if not np.isfinite(floor) or flat <= 0:
        positive = np.abs(residual[residual != 0])
        flat = float(np.median(positive)) ** 2 if positive.size else 1.0
    share = 0.0
    usable = level_ > 0
    if usable.any():
        share = float(np.clip(np.median((spread_[usable] - flat) / level_[usable]), 0.0, 1.0))
    return float(np.sqrt(flat)), share
