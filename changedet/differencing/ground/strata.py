"""Kinds of ground on which noise differs: each has a null distribution of its own.

What counts is what **both** dates show. A new roof on a meadow lies on ground that was plain
before, and is judged as change on plain ground; a roof that stands at both dates is judged among
roofs, where the slant of the light and a few hundredths of a pixel make large differences without
any change. Everything is taken from pooled pixels at their own place, so that a pixel's stratum
never depends on the tile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.ground.filters import GUARD, ValidSmoother, gaussian_radius
from changedet.differencing.sampling import Sample
from changedet.model import Image, ImagePair

STRATA: tuple[str, ...] = ("open", "vegetation", "built", "water", "shadow", "edge")
"""Strata by number. ``open``: whatever is none of the others; ``built``: whatever differs in colour
or brightness from most of the scene, as roofs, containers and concrete do, in radar images strong
echoes; ``shadow`` does not occur in radar images, where ``water`` is whatever is dark."""
POOLING_SIGMA = 1.0
CONTRAST_SIGMA = 2.0
"""Neighbourhood in which an edge is looked for, pixels."""
VEGETATED = 0.4
"""Vegetation index above which ground is vegetation, at both dates."""
WET = 0.0
"""Vegetation index below which dark ground is water and not shade, at both dates."""
DARK = 0.5
"""Share of the median brightness below which ground lies in the shade, at both dates."""
OUTLYING = 0.9
"""Share of the scene that lies nearer to the common colours than ``built`` ground does,"""
EDGE = 0.7
"""and share with less local contrast than ``edge`` has, at both dates. Shares and not levels: every
scene has its busier part, and there most false changes are."""
EDGE_OVER_MEDIAN = 1.25
"""An edge has at least so many times the median contrast: noise alone makes none."""
DARK_SPREADS = 1.5
"""Robust deviations of a radar image's logarithm below its median under which ground is water."""
CLIP = 4.0
"""Robust deviations at which pixels are clipped before their covariance is taken."""
RIDGE = 0.05
FIT_PIXELS = 60_000


@dataclass(frozen=True, eq=False)
class DateColours:
    """Common colours of one date."""

    centre: np.ndarray
    """(band,) median."""
    spread: np.ndarray
    """(band,) robust standard deviation."""
    whiten: np.ndarray
    """(band, band) lower triangle that makes standardised bands uncorrelated."""


@dataclass(frozen=True, eq=False)
class Strata:
    """Fitted kinds of ground."""

    dates: tuple[DateColours, DateColours]
    """Before and after."""
    radar: bool
    """Whether values are radar echoes: their logarithm is taken where it is not decibels."""
    decibel: bool = False
    red: int | None = None
    nir: int | None = None
    outlying: float = np.inf
    """Distance from the common colours from which ground is ``built``."""
    edge: float = np.inf
    """Local contrast from which ground is ``edge``."""
    middle: tuple[float, float] = (1.0, 1.0)
    """(before, after) median brightness."""

    halo = gaussian_radius(POOLING_SIGMA) + gaussian_radius(CONTRAST_SIGMA) + GUARD

    def labels(self, pair: ImagePair) -> np.ndarray:
        """Stratum of each pixel, (y, x) uint8, for pixels ``halo`` from the window's edge."""
        seen = [
            self.look(i, date) for i, date in zip((pair.before, pair.after), (0, 1), strict=True)
        ]
        contrast = np.minimum(seen[0][1], seen[1][1])
        distance = np.minimum(seen[0][2], seen[1][2])
        out = np.zeros(contrast.shape, dtype=np.uint8)
        index = [self._vegetation_index(pooled) for pooled, _, _ in seen]
        if index[0] is not None and index[1] is not None:
            out[np.minimum(index[0], index[1]) > VEGETATED] = STRATA.index("vegetation")
        out[distance > self.outlying] = STRATA.index("built")
        dark = self._dark([pooled for pooled, _, _ in seen])
        out[dark] = STRATA.index("water" if self.radar else "shadow")
        if index[0] is not None and index[1] is not None:
            out[(np.maximum(index[0], index[1]) < WET) & dark] = STRATA.index("water")
        out[contrast > self.edge] = STRATA.index("edge")
        return out

    def look(self, image: Image, date: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pooled bands, local contrast and distance from the common colours of one date."""
        colours = self.dates[date]
        pool = ValidSmoother(image.valid, POOLING_SIGMA)
        around = ValidSmoother(image.valid, CONTRAST_SIGMA)
        pooled = np.stack([pool(band) for band in self.values(image)])
        standard = [
            (band - np.float32(c)) * np.float32(1.0 / s)
            for band, c, s in zip(pooled, colours.centre, colours.spread, strict=True)
        ]
        contrast, distance = (np.zeros(image.valid.shape, dtype=np.float32) for _ in range(2))
        for k, band in enumerate(standard):
            mean = around(band)
            contrast += np.maximum(around(band * band) - mean * mean, np.float32(0.0))
            # row by row of the triangle instead of a matrix product: BLAS rounds by tile
            row = np.zeros_like(band)
            for j in range(k + 1):
                row += np.float32(colours.whiten[k, j]) * standard[j]
            distance += row * row
        share = np.float32(1.0 / len(standard))
        return pooled, np.sqrt(contrast * share), np.sqrt(distance * share)

    def values(self, image: Image) -> np.ndarray:
        """Bands on a scale on which noise adds."""
        if not self.radar or self.decibel:
            return image.pixels
        floor = np.float32(1e-6 + 0.01 * max(float(np.abs(self.middle).max()), 0.0))
        return np.log(np.maximum(image.pixels, floor))

    def _vegetation_index(self, pooled: np.ndarray) -> np.ndarray | None:
        if self.red is None or self.nir is None:
            return None
        red, nir = pooled[self.red], pooled[self.nir]
        return np.where(red + nir > 0, (nir - red) / np.maximum(np.abs(red + nir), 1e-6), 0.0)

    def _dark(self, pooled: list[np.ndarray]) -> np.ndarray:
        """Dark at both dates: a share of the median, or in logarithms that much below it."""
        out = np.ones(pooled[0].shape[1:], dtype=bool)
        for bands, colours, middle in zip(pooled, self.dates, self.middle, strict=True):
            bright = np.add.reduce(bands, axis=0) * np.float32(1.0 / len(bands))
            if self.radar:
                out &= bright < np.float32(np.mean(colours.centre - DARK_SPREADS * colours.spread))
            else:
                out &= bright < np.float32(DARK * middle)
        return out

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            "built_from_distance": _finite(self.outlying),
            "edge_from_contrast": _finite(self.edge),
            "median_brightness": list(self.middle),
            "vegetation_index": self.red is not None and self.nir is not None,
        }


def fit_strata(sample: Sample, context: DetectionContext) -> Strata:
    """Learn the common colours and what stands out from them.

    Parameters
    ----------
    sample : Sample
        Where to look.
    context : DetectionContext
        Bands and domain.

    Returns
    -------
    Strata
    """
    roles = context.roles
    both = "red" in roles and "nir" in roles and context.domain == "optical"
    pixels = sample.pixels(FIT_PIXELS)
    middle = tuple(float(np.median(p)) for p in pixels)
    unit = DateColours(np.zeros(len(roles)), np.ones(len(roles)), np.eye(len(roles)))
    raw = Strata(
        (unit, unit), context.domain != "optical", context.domain == "sar-db",
        roles.index("red") if both else None, roles.index("nir") if both else None,
        middle=(middle[0], middle[1]),
    )  # fmt: skip
    pooled: list[list[np.ndarray]] = [[], []]
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        for date, image in enumerate((pair.before, pair.after)):
            bands = raw.look(image, date)[0][:, core[0], core[1]]
            pooled[date].append(bands[:, pair.valid[core]])
    colours = [_colours(np.concatenate(p, axis=1)) for p in pooled]
    known = replace(raw, dates=(colours[0], colours[1]))
    contrast, distance = [], []
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        seen = [known.look(image, date) for date, image in enumerate((pair.before, pair.after))]
        valid = pair.valid[core]
        contrast.append(np.minimum(seen[0][1], seen[1][1])[core][valid])
        distance.append(np.minimum(seen[0][2], seen[1][2])[core][valid])
    middle_contrast, upper = np.quantile(np.concatenate(contrast), [0.5, EDGE])
    return replace(
        known,
        edge=float(max(upper, EDGE_OVER_MEDIAN * middle_contrast)),
        outlying=float(np.quantile(np.concatenate(distance), OUTLYING)),
    )


def _colours(pixels: np.ndarray) -> DateColours:
    """Centre, spread and whitening of (band, n) pixels, without being led by outliers."""
    centre = np.median(pixels, axis=1).astype(np.float64)
    spread = 1.4826 * np.median(np.abs(pixels - centre[:, None]), axis=1).astype(np.float64)
    wide = pixels.std(axis=1, dtype=np.float64)
    spread = np.where(spread > 0, spread, np.where(wide > 0, wide, 1.0))
    z = np.clip((pixels - centre[:, None]) / spread[:, None], -CLIP, CLIP)
    covariance = z @ z.T / z.shape[1] + RIDGE * np.eye(len(z))
    return DateColours(centre, spread, np.linalg.inv(np.linalg.cholesky(covariance)))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
