"""Change vector: what the after image shows beyond what the before image predicts.

Each band's residual is divided by the noise expected at that very place: sensor noise, texture
that both dates show, and the difference that the remaining misregistration makes on edges. Bruzzone
and Fernandez Prieto, IEEE TGRS 38:1171 (2000), doi:10.1109/36.843009, for the vector; the
misregistration term follows the variance-inflation form of Theiler and Wohlberg, IEEE TGRS (2012).
Where pixels resolve single objects, colour counts apart from brightness, things too narrow to be
one count no more, and structure is compared where shadows cannot be explained.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import VERY_HIGH_RESOLUTION_M, DetectionContext
from changedet.differencing.ground.filters import (
    GUARD,
    ValidSmoother,
    compress,
    gaussian_radius,
    gradient,
    opened,
)
from changedet.differencing.ground.guided import Guide
from changedet.differencing.ground.structure import Structure
from changedet.differencing.light.illumination import Illumination
from changedet.differencing.light.radiometry import Radiometry
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.light.sun_estimate import SunEstimate
from changedet.model import ImagePair

POOLING_SIGMA = 1.0
"""Local pooling of the residual, pixels."""
SHADOW_SIGMA = 0.7
"""Pooling before the colour of shadows is judged, pixels: their slivers are thin."""
TEXTURE_SIGMA = 4.0
"""Neighbourhood in which texture is measured, pixels."""
PICTURE_BANDS = 3
"""Bands of a picture without georeferencing that is taken for a photograph from above,"""
PICTURE_GSD_M = 0.5
"""and the size of its pixels, metres."""
SOFTENING = 0.25
"""Brightness below this share of a band's contrast counts ever less (it is noise and haze)."""
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

    light: Illumination | None = None
    """Weighs brightness and colour apart, where pixels resolve single objects."""

    half_width: int = 0
    """Things not wider than twice this and one pixel count no more."""

    sun: SunEstimate | None = None
    """What the images say about the suns, where nothing else did."""

    structure: Structure | None = None
    """Comparison of structure, where shadows cannot be explained."""

    guide: Guide | None = None
    """Pools what looks alike at both dates, where pixels resolve single objects."""

    name = "change-vector"

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`statistic` needs."""
        inner = gaussian_radius(POOLING_SIGMA) + 2 * gaussian_radius(TEXTURE_SIGMA) + 1 + GUARD
        outer = 2 * self.half_width
        inner += 0 if self.guide is None else self.guide.halo
        return inner + (outer if self.structure is None else max(outer, self.structure.halo))

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
        strata = self.radiometry.strata(pair.before.pixels)
        square = self.square(seen, strata, self.variance(seen, strata, misplaced))
        patterns = self.patterns(pair) if self.structure or self.guide else None
        if self.structure is not None and patterns is not None:
            out = self.structure.weigh(square, *patterns, pair.valid)
        else:
            out = np.sqrt(square)
            if self.half_width:
                out = opened(out, pair.valid, self.half_width)
        out = compress(out)
        if self.guide is not None and patterns is not None:
            out = self.guide.pool(out, *patterns, pair.valid)
        out[~pair.valid] = np.nan
        return out

    def variance(
        self, seen: Evidence, strata: list[np.ndarray], misplaced: float = 1.0
    ) -> list[np.ndarray]:
        """Variance to expect of each band's residual, float32."""
        wider, out = np.float32(misplaced**2), []
        for k in range(len(self.noise)):
            spread = np.zeros_like(seen.level[k])
            for weight, share in zip(strata, self.surface[:, k], strict=True):
                spread += weight * np.float32(share)
            variance = (spread * seen.level[k]) ** 2 + np.float32(self.noise[k] ** 2)
            variance += np.float32(self.texture[k]) * seen.texture[k] + wider * seen.edges[k]
            out.append(variance)
        return out

    def square(
        self, seen: Evidence, strata: list[np.ndarray], variance: list[np.ndarray]
    ) -> np.ndarray:
        """Mean over bands of the squared deviations, float32."""
        if self.light is not None:
            parts = self.light.split(seen.residual, seen.level, variance)
            return self.light.deviation(*parts, strata)
        total = np.zeros_like(seen.residual[0])
        for k in range(len(variance)):
            total += seen.residual[k] ** 2 / variance[k]
        return total * np.float32(1.0 / len(variance))

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
            "light": None if self.light is None else self.light.describe(),
            "narrowest_px": 2 * self.half_width + 1,
            "structure": None if self.structure is None else asdict(self.structure),
            "guide": None if self.guide is None else asdict(self.guide),
            "shadow": self._describe_shadow(),
        }

    def _describe_shadow(self) -> dict[str, Any] | None:
        if self.shadow is None and self.sun is None:
            return None
        out = {"source": "unknown"} if self.shadow is None else self.shadow.describe()
        return out if self.sun is None else {**out, "estimate": self.sun.describe()}


def colours(pair: ImagePair, detector: ChangeVector, contrast: np.ndarray) -> list[np.ndarray]:
    """Softened logarithms of brightness by band and date, before in the radiometry of after.

    Returns
    -------
    list of two (band, y, x) float32 arrays
    """
    images = detector.radiometry.apply(pair.before.pixels), pair.after.pixels
    return [softened(image, detector, contrast) for image in images]


def softened(pixels: np.ndarray, detector: ChangeVector, contrast: np.ndarray) -> np.ndarray:
    """Softened logarithms of brightness in the radiometry of after, (band, ...) float32."""
    out = np.empty_like(pixels)
    for k, band in enumerate(pixels):
        unit = np.float32(1.0 / contrast[k])
        light = np.maximum(band - np.float32(detector.dark[k]), np.float32(0.0)) * unit
        out[k] = np.log(light + np.float32(SOFTENING))
    return out


def _variance(average: ValidSmoother, values: np.ndarray) -> np.ndarray:
    """Local variance, not below zero."""
    deviation = values - average(values)
    return average(deviation * deviation)


def object_pixel_m(context: DetectionContext) -> float | None:
    """Size of pixels that resolve single objects, metres; None where they do not.

    Three bands of which the pixel size is not known are taken for a photograph from above.
    """
    if context.gsd_m is None:
        return PICTURE_GSD_M if len(context.roles) == PICTURE_BANDS else None
    return context.gsd_m if context.gsd_m < VERY_HIGH_RESOLUTION_M else None
