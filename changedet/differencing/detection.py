"""A detector with its null model and threshold: everything that is estimated before pixels are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.differencing.calibration import (
    NullModel,
    Threshold,
    balanced_threshold,
    choose_threshold,
    fit_null,
)
from changedet.differencing.detector import DetectionContext, FittedDetector
from changedet.differencing.registry import choose_method, get_method
from changedet.differencing.sampling import Sample, sample_windows
from changedet.differencing.shadow import ShadowModel
from changedet.errors import NotComparableError
from changedet.model import ImagePair, PairReader, Window

DEFAULT_FALSE_ALARMS = 2.0
"""False objects per square kilometre (per million pixels without georeferencing)."""
DOUBTFUL = 2.0
"""Statistic from which a pixel of the sample is asked whether a shadow explains it."""
SHADOW_GUARD = 20
"""Halo beyond the longest shadow: the pooling before it, and columns that round by position."""
LAGS = 8
"""Pixels over which the correlation of noise is summed."""


@dataclass(frozen=True, eq=False)
class Detection:
    """A calibrated detector: a pure function from a window of the pair to a score."""

    detector: FittedDetector
    """Gives the statistic."""
    null: NullModel
    """Turns it into −log10 p."""
    threshold: Threshold
    """Seed and support level, as −log10 p."""
    context: DetectionContext
    """What the detector was told."""
    reason: str
    """Why this detector."""
    correlation_px: float
    """Pixels in one independent patch of noise."""
    contrast: np.ndarray
    """(date, band) typical contrast of the two images, for comparing objects with surroundings."""

    def score(self, reader: PairReader, window: Window) -> np.ndarray:
        """−log10 of the calibrated p-value in a window, (y, x) float32, NaN not observable."""
        padded = window.pad(self.detector.halo)
        statistic = self.detector.statistic(reader.read(padded))
        return self.null.surprise(np.ascontiguousarray(statistic[window.within(padded)]))

    @property
    def shadow(self) -> ShadowModel | None:
        """How shadows look and where they fall, if the detector knows."""
        return getattr(self.detector, "shadow", None)

    def describe(self) -> dict[str, Any]:
        """The ``detector`` part of the summary."""
        return {
            "method": self.detector.name,
            "reason": self.reason,
            "domain": self.context.domain,
            "bands": list(self.context.roles),
            "threshold": self.threshold.describe(),
            "noise_patch_px": self.correlation_px,
            **self.detector.describe(),
        }


def fit_detection(reader: PairReader, context: DetectionContext, config: Config) -> Detection:
    """Fit a detector, its null model and its threshold on a sample of the pair.

    Parameters
    ----------
    reader : PairReader
        The aligned pair.
    context : DetectionContext
        Bands, domain, resolution.
    config : Config
        ``method``, ``false_alarms_per_km2``, ``fdr`` and ``seed`` are used.

    Returns
    -------
    Detection

    Raises
    ------
    UnknownMethodError
        If there is no such method.
    NotEnoughValidPixels
        If too little is valid in both images.
    NotComparableError
        If one image has the same value everywhere.
    """
    name, reason = (
        choose_method(context) if config.method == "auto" else (config.method, "asked for")
    )
    method = get_method(name)
    sample = Sample(reader, sample_windows(reader.grid, config.seed))
    _require_contents(sample)
    detector = method.fit(sample, context)
    shadow: ShadowModel | None = getattr(detector, "shadow", None)
    halo = detector.halo if shadow is None else max(detector.halo, shadow.halo + SHADOW_GUARD)
    blocks, quiet, contrast = [], [], []
    for window, pair in sample.pairs(halo):
        core = window.within(window.pad(halo))
        blocks.append(np.ascontiguousarray(detector.statistic(pair)[core]))
        contrast.append(_contrast(pair, core))
        quiet.append(blocks[-1])
        if shadow is not None:
            # Moved shadows are explained away later, and must not widen the null meanwhile.
            bright = detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
            wanted = np.zeros(pair.valid.shape, dtype=bool)
            wanted[core] = np.nan_to_num(blocks[-1]) > DOUBTFUL
            shaded = shadow.explains(bright[0], bright[1], wanted)[core]
            quiet[-1] = np.where(shaded, np.float32(np.nan), blocks[-1])
    level = balanced_threshold(quiet)
    null = fit_null(quiet, level)
    correlation = correlation_patch(quiet, level)
    rate = config.false_alarms_per_km2
    threshold = choose_threshold(
        null,
        level,
        correlation_px=correlation,
        pixel_area_m2=reader.grid.pixel_area_m2,
        false_alarms_per_km2=DEFAULT_FALSE_ALARMS if rate is None else rate,
        bounds=getattr(detector, "bounds", None),
    )
    known = [c for c in contrast if np.isfinite(c).all()]
    typical = np.median(np.stack(known), axis=0) if known else np.ones((2, len(reader.roles)))
    typical = np.where(typical > 0, typical, 1.0)
    return Detection(detector, null, threshold, context, reason, correlation, typical)


def _require_contents(sample: Sample) -> None:
    """Refuse an image that shows nothing at all."""
    names = [info.name for info in sample.reader.infos]
    for when, name, pixels in zip(("before", "after"), names, sample.pixels(), strict=True):
        if not np.ptp(pixels, axis=1).any():
            raise NotComparableError(
                f"The {when} image {name} has one value everywhere in each band "
                f"({', '.join(f'{v:g}' for v in pixels[:, 0])}): there is nothing to compare. "
                "Check that the file holds the image, and its nodata value."
            )


def _contrast(pair: ImagePair, core: tuple[slice, slice]) -> np.ndarray:
    """Standard deviation of each band of each date in a block, (date, band), NaN where empty."""
    valid = pair.valid[core]
    out = np.full((2, len(pair.before.pixels)), np.nan)
    if valid.sum() >= 100:
        for date, image in enumerate((pair.before, pair.after)):
            out[date] = image.pixels[:, core[0], core[1]][:, valid].std(axis=1, dtype=np.float64)
    return out


def correlation_patch(blocks: Sequence[np.ndarray], level: float) -> float:
    """Pixels in one independent patch of noise, from the correlation of unchanged pixels.

    The sum of the autocorrelation over all lags, taken as the product of the sums along rows and
    along columns.
    """
    products, counts = np.zeros((2, LAGS + 1)), np.zeros((2, LAGS + 1))
    quiet = [np.where(np.nan_to_num(b, nan=np.inf) <= level, b, np.nan) for b in blocks]
    pooled = np.concatenate([b[np.isfinite(b)] for b in quiet]) if quiet else np.zeros(0)
    if pooled.size < 100:
        return 1.0
    mean = float(np.mean(pooled, dtype=np.float64))
    for block in quiet:
        centred = block - np.float32(mean)
        for axis in range(2):
            line = centred if axis else centred.T
            for lag in range(min(LAGS, line.shape[1] - 1) + 1):
                product = line[:, : line.shape[1] - lag] * line[:, lag:]
                good = np.isfinite(product)
                products[axis, lag] += float(np.sum(product[good], dtype=np.float64))
                counts[axis, lag] += int(good.sum())
    covariance = products / np.maximum(counts, 1)
    if not (covariance[:, 0] > 0).all():
        return 1.0
    rho = np.clip(covariance / covariance[:, :1], 0.0, 1.0)
    sums = 1.0 + 2.0 * rho[:, 1:].sum(axis=1)
    return float(sums[0] * sums[1])
