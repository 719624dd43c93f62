"""Change vector: what the after image shows beyond what the before image predicts.

Each band's residual is divided by the noise expected at that very place: sensor noise, texture
that both dates show, and the difference that the remaining misregistration makes on edges. Bruzzone
and Fernandez Prieto, IEEE TGRS 38:1171 (2000), doi:10.1109/36.843009, for the vector; the
misregistration term follows the variance-inflation form of Theiler and Wohlberg, IEEE TGRS (2012).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.detector import VERY_HIGH_RESOLUTION_M, DetectionContext
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
from changedet.differencing.structure import Structure, fit_structure
from changedet.differencing.sun_estimate import LONGEST_RUN_PX, SunEstimate, estimate_sun
from changedet.model import ImagePair

POOLING_SIGMA = 1.0
"""Local pooling of the residual, pixels."""
SURFACE_SIGMA = 8.0
"""Neighbourhood over which the spread between surfaces is measured, pixels."""
SHADOW_SIGMA = 0.7
"""Pooling before the colour of shadows is judged, pixels: their slivers are thin."""
TEXTURE_SIGMA = 4.0
"""Neighbourhood in which texture is measured, pixels."""
BOUNDS = (6.0, 7.0, 2.5)
"""Where pixels resolve single objects. Lowest seed: below it lie errors of the noise model, which
knows neither the slant of each roof nor the wetness of each bed. Highest seed: beyond it a
difference needs no null, which the many real changes of a busy site would widen. Highest support:
half a deviation's worth above what noise reaches on its own beside a seed."""
LEAST_NOISE = 3e-4
"""No image is quieter than this share of its range: its numbers are rounded."""
STRUCTURE_BANDS = 3
"""Bands of a picture without georeferencing in which patterns are compared,"""
STRUCTURE_PX = 6.0
"""and the neighbourhood in which they are, pixels."""
FIT_PIXELS = 60_000
"""Pixels on which the radiometry is fitted, at most."""
MINIMUM_RESIDUAL_PX = 0.05
"""Misregistration that no alignment can be trusted to go below, pixels."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the two dates show at each pixel, by band, (band, y, x) or (band, n) float32."""

    residual: np.ndarray
    """Pooled after less pooled prediction."""
    level: np.ndarray
    """Mean of the two, above the dark level."""
    texture: np.ndarray
    """Variance of the texture that both dates show."""
    edges: np.ndarray
    """Variance that the remaining misregistration makes."""

    def at(self, index: tuple[slice, slice], chosen: np.ndarray) -> Evidence:
        """Only some pixels of a part of the window."""
        parts = (self.residual, self.level, self.texture, self.edges)
        return Evidence(*(v[:, index[0], index[1]][:, chosen] for v in parts))


@dataclass(frozen=True, eq=False)
class ChangeVector:
    """Fitted change-vector detector."""

    radiometry: Radiometry
    """Maps before to after."""
    dark: np.ndarray
    """(band,) value of a pixel of no reflectance after: haze and offset."""
    noise: np.ndarray
    """(band,) standard deviation of the residual on flat ground."""
    texture: np.ndarray
    """(band,) share of the common texture's variance found in the residual."""
    surface: np.ndarray
    """(stratum, band) relative spread between one surface and the next: season, wetness and the
    slant of the light change each field and each roof a little differently."""
    shadow: ShadowModel | None = None
    """How shadows look, where the sun's positions are known."""

    bounds: tuple[float, float, float] | None = None
    """Bounds of the threshold, see :func:`changedet.differencing.choose_threshold`."""

    sun: SunEstimate | None = None
    """What the images say about the suns, where nothing else did."""

    structure: Structure | None = None
    """Comparison of patterns, where few bands leave brightness too little to say."""

    name = "change-vector"

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`statistic` needs."""
        inner = gaussian_radius(TEXTURE_SIGMA) + 1 + GUARD
        return inner if self.structure is None else inner + self.structure.halo

    def evidence(self, pair: ImagePair) -> Evidence:
        """Residual, level, common texture and misregistration variance of a window."""
        valid = pair.valid
        predicted = self.radiometry.apply(pair.before.pixels)
        after = pair.after.pixels
        pool, around = ValidSmoother(valid, POOLING_SIGMA), ValidSmoother(valid, TEXTURE_SIGMA)
        sigma = pair.residual_px
        shift = np.zeros(valid.shape, dtype=np.float32) if sigma is None else sigma
        spread = np.maximum(shift, np.float32(MINIMUM_RESIDUAL_PX)) ** 2
        residual, level, texture, edges = (np.empty_like(predicted) for _ in range(4))
        for k in range(len(predicted)):
            x, y = pool(predicted[k]), pool(after[k])
            residual[k] = y - x
            level[k] = np.maximum((x + y) * np.float32(0.5) - np.float32(self.dark[k]), 0.0)
            square = np.zeros(valid.shape, dtype=np.float32)
            for image in (x, y):
                dy, dx = gradient(image)
                square += dy * dy + dx * dx
            edges[k] = spread * np.float32(0.5) * square
            texture[k] = np.minimum(_variance(around, x), _variance(around, y))
        return Evidence(residual, level, texture, edges)

    def statistic(self, pair: ImagePair, misplaced: float = 1.0) -> np.ndarray:
        """Root mean square over bands of the residual in deviations, logarithmic when large.

        With ``misplaced`` times the misregistration that was estimated.
        """
        seen = self.evidence(pair)
        wider = np.float32(misplaced**2)
        strata = self.radiometry.strata(pair.before.pixels)
        total = np.zeros(pair.valid.shape, dtype=np.float32)
        for k in range(len(self.noise)):
            spread = np.zeros(total.shape, dtype=np.float32)
            for weight, share in zip(strata, self.surface[:, k], strict=True):
                spread += weight * np.float32(share)
            variance = (spread * seen.level[k]) ** 2 + np.float32(self.noise[k] ** 2)
            variance += np.float32(self.texture[k]) * seen.texture[k] + wider * seen.edges[k]
            total += seen.residual[k] ** 2 / variance
        total *= np.float32(1.0 / len(self.noise))
        if self.structure is None:
            out = compress(np.sqrt(total))
        else:
            out = compress(self.structure.weigh(total, *self.patterns(pair), pair.valid))
        out[~pair.valid] = np.nan
        return out

    def patterns(self, pair: ImagePair) -> tuple[np.ndarray, np.ndarray]:
        """Mean of the bands, before in the radiometry of after, and after; (y, x) float32."""
        images = (self.radiometry.apply(pair.before.pixels), pair.after.pixels)
        before, after = (np.add.reduce(i, axis=0) * np.float32(1.0 / len(i)) for i in images)
        return before, after

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
            "surface_spread": [[float(v) for v in row] for row in self.surface],
            "pooling_sigma_px": POOLING_SIGMA,
            "structure": None if self.structure is None else asdict(self.structure),
            "shadow": self._describe_shadow(),
        }

    def _describe_shadow(self) -> dict[str, Any] | None:
        if self.shadow is None and self.sun is None:
            return None
        out = {"source": "unknown"} if self.shadow is None else self.shadow.describe()
        return out if self.sun is None else {**out, "estimate": self.sun.describe()}


def _variance(average: ValidSmoother, values: np.ndarray) -> np.ndarray:
    """Local variance, not below zero."""
    deviation = values - average(values)
    return average(deviation * deviation)


def fit(sample: Sample, context: DetectionContext) -> ChangeVector:
    """Estimate radiometry and noise on the sample."""
    before, after = sample.pixels(FIT_PIXELS)
    radiometry = fit_radiometry(before, after, context.roles)
    bands, strata = len(before), 1 if radiometry.red is None else 2
    dark = np.quantile(after, 0.001, axis=1)
    raw = ChangeVector(radiometry, dark, np.ones(bands), np.zeros(bands), np.zeros((strata, bands)))
    parts, coarse, weights = [], [], []
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        valid = pair.valid[core]
        seen = raw.evidence(pair)
        parts.append(seen.at(core, valid))
        coarse.append(_surface_residual(seen, pair.valid)[:, core[0], core[1]][:, valid])
        strata_weights = np.stack(radiometry.strata(pair.before.pixels))
        weights.append(strata_weights[:, core[0], core[1]][:, valid])
    seen = Evidence(
        *(
            np.concatenate([getattr(p, name) for p in parts], axis=1)
            for name in ("residual", "level", "texture", "edges")
        )
    )
    noise, share = np.empty(bands), np.empty(bands)
    for k in range(bands):
        low, high = np.quantile(after[k], [0.005, 0.995])
        least = LEAST_NOISE * float(high - low) or 1.0
        noise[k], share[k] = _noise_model(seen.residual[k], seen.texture[k], seen.edges[k], least)
    surface = _surface_spread(np.concatenate(coarse, axis=1), np.concatenate(weights, axis=1))
    fine = context.gsd_m is not None and context.gsd_m < VERY_HIGH_RESOLUTION_M
    fitted = ChangeVector(radiometry, dark, noise, share, surface, bounds=BOUNDS if fine else None)
    if context.shadow_away is not None:
        predicted = radiometry.apply(before)
        far = (np.abs(after - predicted) > 6.0 * noise[:, None]).mean(axis=0) > 0.5
        fitted = _with_shadow(fitted, sample, context, (predicted, after, far))
    width = structure_window(context)
    if width is None:
        return fitted
    return replace(fitted, structure=_fit_structure(fitted, sample, width))


def _with_shadow(
    fitted: ChangeVector,
    sample: Sample,
    context: DetectionContext,
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> ChangeVector:
    """Learn how shadows look, and where they fall if nothing told."""
    known = context.shadow_away or (None, None)
    start = (known[0] or (0.0, 0.0), known[1] or (0.0, 0.0))
    shadow = fit_shadow(*pixels, context.roles, start)
    if shadow is None:
        return fitted
    if known[0] is not None and known[1] is not None:
        return replace(fitted, shadow=replace(shadow, source=context.sun_source or "given"))
    blind = replace(fitted, shadow=shadow)

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for _, pair in sample.pairs(LONGEST_RUN_PX):
            yield *blind.shadow_logarithms(pair), pair.valid

    sun = estimate_sun(blocks, sample.reader.grid, known)
    if sun.away is None:
        return replace(fitted, sun=sun)
    source = "estimated" if known == (None, None) else f"{context.sun_source} and estimated"
    return replace(fitted, sun=sun, shadow=replace(shadow, away=sun.away, source=source))


def structure_window(context: DetectionContext) -> float | None:
    """Width of the neighbourhood in which patterns are compared, pixels; None: not at all.

    Patterns stand in where nothing else tells a new roof from a shadow or a dry field: in three
    bands of which neither the pixel size nor the sun is known, taken for a photograph from above.
    They blur outlines by their window, so they are left out where shadows can be explained.
    """
    if context.gsd_m is None and len(context.roles) == STRUCTURE_BANDS:
        return STRUCTURE_PX
    return None


def _fit_structure(fitted: ChangeVector, sample: Sample, width: float) -> Structure:
    halo = Structure(width, 0.0).halo
    return fit_structure(
        width,
        [
            (*fitted.patterns(pair), pair.valid, core.within(core.pad(halo)))
            for core, pair in sample.pairs(halo)
        ],
    )


def _surface_residual(seen: Evidence, valid: np.ndarray) -> np.ndarray:
    """Relative residual averaged over surfaces, (band, y, x)."""
    around = ValidSmoother(valid, SURFACE_SIGMA)
    out = np.empty_like(seen.residual)
    for k in range(len(out)):
        floor = np.float32(1e-3) * np.float32(seen.level[k].max() or 1.0)
        out[k] = around(seen.residual[k]) / np.maximum(around(seen.level[k]), floor)
    return out


def _surface_spread(relative: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Robust spread of the surfaces' relative residuals by stratum and band."""
    out = np.zeros((len(weights), len(relative)))
    for s, weight in enumerate(weights):
        inside = weight > 0.5
        if inside.sum() >= 100:
            out[s] = 1.4826 * np.median(np.abs(relative[:, inside]), axis=1)
    return out


def _noise_model(
    residual: np.ndarray, texture: np.ndarray, edges: np.ndarray, least: float
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
    flat = float(np.quantile(spread_, 0.1)) if spread else 0.0
    flat = max(flat, least**2)
    share = 0.0
    usable = level_ > 0
    if usable.any():
        share = float(np.clip(np.median((spread_[usable] - flat) / level_[usable]), 0.0, 1.0))
    return float(np.sqrt(flat)), share
