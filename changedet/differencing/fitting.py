"""Everything that is estimated before pixels are scored: detector, ground, null and threshold."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from changedet.config import Config
from changedet.differencing.detection import SHADOW_GUARD, Detection, QuietSample, threshold_of
from changedet.differencing.detector import DetectionContext, FittedDetector
from changedet.differencing.detectors.registry import choose_method, get_method
from changedet.differencing.ground.common_ground import common_ground
from changedet.differencing.ground.strata import Strata, fit_strata
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.null.null_model import NullModel, fit_null
from changedet.differencing.null.object_null import candidate_peaks, from_pair, places_of
from changedet.differencing.null.quiet import WEAK_BELOW, quiet_pairs
from changedet.differencing.null.thresholds import balanced_threshold
from changedet.differencing.sampling import Sample, sample_windows
from changedet.differencing.sizes import minimum_pixels
from changedet.errors import CalibrationWarning, NotComparableError
from changedet.model import ImagePair, PairReader

DOUBTFUL = 2.0
"""Statistic from which a pixel of the sample is asked whether a shadow explains it."""
LEAST_UNCHANGED = 0.5
"""Where less of the sample looks unchanged, no-change is not the majority."""


def fit_detection(reader: PairReader, context: DetectionContext, config: Config) -> Detection:
    """Fit a detector, its null model and its threshold on a sample of the pair.

    Parameters
    ----------
    reader : PairReader
        The aligned pair.
    context : DetectionContext
        Bands, domain, resolution.
    config : Config
        ``method``, ``false_alarms_per_km2``, ``fdr``, ``min_area_m2`` and ``seed`` are used.

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

    Warns
    -----
    CalibrationWarning
        If most of the scene seems to have changed, so that no score can be trusted.
    """
    name, reason = (
        choose_method(context) if config.method == "auto" else (config.method, "asked for")
    )
    method = get_method(name)
    sample = Sample(reader, sample_windows(reader.grid, config.seed))
    _require_contents(sample)
    detector = method.fit(sample, context)
    strata = fit_strata(sample, context)
    seen = look_at(sample, detector, strata)
    level = balanced_threshold(seen.statistic)
    quiet = quiet_pairs(detector, context, seen.shade_px)
    null = fit_null(
        seen.statistic, level, strata=seen.strata, tails=None if quiet is None else quiet.tails
    )
    noise = null
    if quiet is not None and context.domain == "optical":
        # speckle is known better from quiet pairs than from one that may hold many small changes
        noise = fit_null(seen.statistic, level, strata=seen.strata)
    peaks = weak_candidates(seen, null, minimum_pixels(reader.grid, config.min_area_m2))
    if quiet is None:
        objects = from_pair(peaks, seen.pixels)
    else:
        objects = quiet.objects_for(peaks, seen.pixels)
    threshold = threshold_of(null, noise, objects, level, context, reader.grid, config)
    if threshold.is_map:
        null = replace(null, strata={})
    _check_assumption(sample, null, context)
    return Detection(
        detector, strata, null, noise, objects, threshold, context, reason, level, seen,
        int(np.count_nonzero(peaks < WEAK_BELOW)),
    )  # fmt: skip


def look_at(sample: Sample, detector: FittedDetector, strata: Strata) -> QuietSample:
    """Statistic and ground of every block of a sample; shadows that moved are left out."""
    shadow: ShadowModel | None = getattr(detector, "shadow", None)
    halo = max(detector.halo, strata.halo)
    halo = halo if shadow is None else max(halo, shadow.halo + SHADOW_GUARD)
    quiet, ground, contrast, grain = [], [], [], []
    shaded_pixels = shaded_places = 0
    for window, pair in sample.pairs(halo):
        core = window.within(window.pad(halo))
        statistic = np.ascontiguousarray(detector.statistic(pair)[core])
        ground.append(np.ascontiguousarray(strata.labels(pair)[core]))
        contrast.append(_contrast(pair, core))
        grain.append(_grain(pair, core))
        if shadow is not None:
            # Moved shadows are explained away later, and must not widen the null meanwhile.
            bright = detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
            wanted = np.zeros(pair.valid.shape, dtype=bool)
            wanted[core] = np.nan_to_num(statistic) > DOUBTFUL
            shaded = shadow.explains(bright[0], bright[1], wanted)[core]
            statistic = np.where(shaded, np.float32(np.nan), statistic)
            shaded_pixels += int(np.count_nonzero(shaded))
            shaded_places += places_of(shaded)
        quiet.append(statistic)
    known = [c for c in contrast if np.isfinite(c).all()]
    bands = len(sample.reader.roles)
    typical = np.median(np.stack(known), axis=0) if known else np.ones((2, bands))
    typical = np.where(typical > 0, typical, 1.0)
    graininess = np.stack([g for g in grain if np.isfinite(g).all()] or [np.zeros((2, bands))])
    share = float(np.median(np.median(graininess, axis=0) / typical, axis=1).max())
    shade_px = shaded_pixels / max(shaded_places, 1)
    return QuietSample(quiet, ground, typical, share, shade_px)


def weak_candidates(seen: QuietSample, null: NullModel, smallest: int) -> np.ndarray:
    """Peaks of the candidates of a sample, whatever they are."""
    found = [
        candidate_peaks(null.surprise(block, ground), smallest)
        for block, ground in zip(seen.statistic, seen.strata, strict=True)
    ]
    return np.concatenate(found) if found else np.zeros(0)


def _check_assumption(sample: Sample, null: NullModel, context: DetectionContext) -> None:
    """Say when the majority of the scene does not look unchanged."""
    shared = common_ground(sample, context)
    if shared.nothing:
        warnings.warn(
            f"The two images have next to nothing in common (largest correlation of their patterns "
            f"{shared.correlation:.2f}): either most of the scene changed, as in a flood, or they "
            "do not show the same ground. Scores assume that most did not change and say little "
            "here: compare a larger area, or give a reference pair (--reference-before, "
            "--reference-after).",
            CalibrationWarning,
            stacklevel=2,
        )
    elif null.unchanged_fraction < LEAST_UNCHANGED:
        warnings.warn(
            f"Only {null.unchanged_fraction:.0%} of the sampled ground looks unchanged. Scores "
            "assume that most of the scene did not change; they may be too low here. Compare a "
            "larger area, or give a reference pair (--reference-before, --reference-after).",
            CalibrationWarning,
            stacklevel=2,
        )


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


def _grain(pair: ImagePair, core: tuple[slice, slice]) -> np.ndarray:
    """Noise and texture of each band and date in a block, by steps of neighbours, (date, band)."""
    valid = pair.valid[core]
    both = valid[:, 1:] & valid[:, :-1]
    out = np.full((2, len(pair.before.pixels)), np.nan)
    if both.sum() >= 100:
        for date, image in enumerate((pair.before, pair.after)):
            steps = np.abs(np.diff(image.pixels[:, core[0], core[1]], axis=2))[:, both]
            out[date] = 1.4826 / np.sqrt(2.0) * np.median(steps, axis=1)
    return out


def _contrast(pair: ImagePair, core: tuple[slice, slice]) -> np.ndarray:
    """Standard deviation of each band of each date in a block, (date, band), NaN where empty."""
    valid = pair.valid[core]
    out = np.full((2, len(pair.before.pixels)), np.nan)
    if valid.sum() >= 100:
        for date, image in enumerate((pair.before, pair.after)):
            out[date] = image.pixels[:, core[0], core[1]][:, valid].std(axis=1, dtype=np.float64)
    return out
