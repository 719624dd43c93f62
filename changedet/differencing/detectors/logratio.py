"""Log-ratio of radar amplitudes after a speckle filter that adapts to the noise.

The logarithm turns speckle, which multiplies, into noise that adds, equally wide on bright and on
dark ground. A first, narrow average is taken before the logarithm, on the amplitude; the rest on
the log-ratio, see :mod:`changedet.differencing.detectors.speckle`. Fails where the look direction
or the orbit differs: layover and shadow then change.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors import speckle
from changedet.differencing.detectors.sar_values import SarValues, inspect_values
from changedet.differencing.detectors.speckle import SpeckleFilter
from changedet.differencing.ground.filters import compress
from changedet.differencing.sampling import Sample
from changedet.model import ImagePair

FLOOR = 0.02
"""Amplitude added before the logarithm, as a share of the mean: 34 dB below it is receiver noise.
More would make noise on dark ground narrower than on bright."""
STRETCHED_FLOOR = 0.1
"""The same for values stretched for display: their zero lies somewhere within the darkest part."""
NOISE_FLOOR = 2.0
"""Floor in amplitudes of the noise that noise subtraction left: makes it as narrow as speckle."""
LIT = 0.1
"""Share of the sample that must be brighter than the floor for the noise to be taken there."""


@dataclass(frozen=True, eq=False)
class LogRatio:
    """Fitted log-ratio detector."""

    values: SarValues
    """What the pixel values are."""
    floor: tuple[tuple[float, ...], tuple[float, ...]]
    """(before, after) per band: amplitude added before the logarithm, against zeros."""
    speckle_filter: SpeckleFilter
    """How widely the log-ratio is averaged."""
    centre: tuple[float, ...]
    """(band,) median log-ratio: the gain between the dates."""
    deviation: tuple[float, ...]
    """(band,) robust standard deviation of the widely averaged log-ratio."""

    name = "log-ratio"

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`statistic` needs."""
        return self.speckle_filter.halo

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Root mean square over bands of the log-ratio in robust deviations, compressed."""
        ratio, _ = log_ratio(pair, self.values, self.floor)
        for k, centre in enumerate(self.centre):
            ratio[k] -= np.float32(centre)
        ratio = self.speckle_filter(ratio, pair.valid)
        total = np.zeros(ratio.shape[1:], dtype=np.float32)
        for k in range(len(ratio)):
            z = ratio[k] * np.float32(1.0 / self.deviation[k])
            total += z * z
        out = compress(np.sqrt(total * np.float32(1.0 / len(ratio))))
        out[~pair.valid] = np.nan
        return out

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            **self.values.describe(),
            "gain_db": [20.0 * c / math.log(10.0) for c in self.centre],
            "log_ratio_deviation": list(self.deviation),
            "speckle_filter": f"Gaussians of {speckle.NARROW} px at edges to "
            f"{self.speckle_filter.width} px on calm ground",
            "speckle_deviation": [float(np.sqrt(v)) for v in self.speckle_filter.variance],
        }


def log_ratio(
    pair: ImagePair, values: SarValues, floor: tuple[tuple[float, ...], tuple[float, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of after over before, narrow averages, gain not yet removed.

    Returns
    -------
    ratio : (band, y, x) float32 array
    lit : (band, y, x) bool array
        Brighter than the floor at both dates; below it the floor, not speckle, makes the noise.
    """
    ratio = np.zeros(pair.before.pixels.shape, dtype=np.float32)
    lit = np.broadcast_to(pair.valid, ratio.shape).copy()
    for k in range(len(ratio)):
        for image, floors, sign in zip((pair.before, pair.after), floor, (-1, 1), strict=True):
            usable = np.where(pair.valid, image.pixels[k], np.float32(0.0))
            mean = speckle.narrow_average(values.amplitude(usable), pair.valid)
            lit[k] &= mean > np.float32(floors[k])
            ratio[k] += np.float32(sign) * np.log(mean + np.float32(floors[k]))
    return ratio, lit


def fit(sample: Sample, context: DetectionContext) -> LogRatio:
    """Estimate gain and noise of the log-ratio on the sample.

    Raises
    ------
    ConfigError
        If the values cannot be what they are said to be.
    NotEnoughValidPixels
        If too few pixels are valid at both dates.
    """
    values = inspect_values(sample, context.domain)
    floors = [tuple(_floor(band, values) for band in image) for image in sample.pixels()]
    floor = floors[0], floors[1]
    probed, lit = _collect(sample, values, floor, speckle.PROBE_HALO, speckle.probe)
    keep = lit.all(axis=0)
    if keep.mean() < LIT:
        keep = np.ones_like(keep)
    width = speckle.choose_width(list(probed[:, keep]))
    halo = SpeckleFilter(width, ()).halo
    layers, _ = _collect(
        sample, values, floor, halo,
        lambda ratio, valid: np.concatenate([speckle.widen(ratio, valid, width), ratio]),
    )  # fmt: skip
    wide, narrow = np.split(layers[:, keep], 2)
    centre = np.median(wide, axis=1)
    deviation = 1.4826 * np.median(np.abs(wide - centre[:, None]), axis=1)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return LogRatio(
        values,
        floor,
        SpeckleFilter.of(width, list(narrow - wide)),
        tuple(float(v) for v in centre),
        tuple(float(v) for v in deviation),
    )


def _collect(
    sample: Sample,
    values: SarValues,
    floor: tuple[tuple[float, ...], tuple[float, ...]],
    halo: int,
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """A function of the log-ratio, and what is lit, at the valid pixels of the sample."""
    parts = []
    for window, pair in sample.pairs(halo):
        core = window.within(window.pad(halo))
        ratio, lit = log_ratio(pair, values, floor)
        layers = function(ratio, pair.valid), lit
        parts.append([layer[:, *core][:, pair.valid[core]] for layer in layers])
    out, lit = (np.concatenate(layers, axis=1) for layers in zip(*parts, strict=True))
    return out, lit


def _floor(band: np.ndarray, values: SarValues) -> float:
    """Amplitude below which there is noise and no signal; keeps the logarithm finite."""
    share = STRETCHED_FLOOR if values.stretched else FLOOR
    floor = share * float(np.mean(values.amplitude(band)))
    floor = max(floor, NOISE_FLOOR * math.sqrt(values.subtracted_noise(band)))
    return floor if floor > 0 else 1.0
