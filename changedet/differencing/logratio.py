"""Log-ratio of radar amplitudes after a speckle filter.

The logarithm turns speckle, which multiplies, into noise that adds, equally wide on bright and on
dark ground. Averaging is done before the logarithm, on the quantity that is linear in the stored
amplitude. Fails where the look direction or the orbit differs: layover and shadow then change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.filters import GUARD, ValidSmoother, compress, gaussian_radius
from changedet.differencing.sampling import Sample
from changedet.model import Domain, ImagePair

SPECKLE_SIGMA = 1.5
"""Width of the speckle filter, pixels."""
FLOOR = 0.1
"""Amplitude added before the logarithm, as a share of the mean: what is darker is noise."""


def to_amplitude(pixels: np.ndarray, domain: Domain) -> np.ndarray:
    """Amplitude from amplitude, intensity or decibel values; negative ones count as 0."""
    if domain == "sar-db":
        return np.power(np.float32(10.0), pixels / np.float32(20.0))
    clipped = np.maximum(pixels, np.float32(0.0))
    return np.sqrt(clipped) if domain == "sar-intensity" else clipped


@dataclass(frozen=True, eq=False)
class LogRatio:
    """Fitted log-ratio detector."""

    domain: Domain
    """What the pixel values are."""
    floor: tuple[tuple[float, ...], tuple[float, ...]]
    """(before, after) per band: amplitude added before the logarithm, against zeros."""
    centre: tuple[float, ...]
    """(band,) median log-ratio: the gain between the dates."""
    deviation: tuple[float, ...]
    """(band,) robust standard deviation of the log-ratio."""

    name = "log-ratio"
    halo = gaussian_radius(SPECKLE_SIGMA) + GUARD

    def log_ratio(self, pair: ImagePair) -> np.ndarray:
        """Natural logarithm of after over before, (band, y, x), gain not yet removed."""
        smoother = ValidSmoother(pair.valid, SPECKLE_SIGMA)
        out = np.empty(pair.before.pixels.shape, dtype=np.float32)
        for k in range(len(out)):
            logs = []
            for image, floor in zip((pair.before, pair.after), self.floor, strict=True):
                usable = np.where(pair.valid, image.pixels[k], np.float32(0.0))
                mean = smoother(to_amplitude(usable, self.domain))
                logs.append(np.log(mean + np.float32(floor[k])))
            out[k] = logs[1] - logs[0]
        return out

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Root mean square over bands of the log-ratio in robust deviations, compressed."""
        ratio = self.log_ratio(pair)
        total = np.zeros(ratio.shape[1:], dtype=np.float32)
        for k in range(len(ratio)):
            z = (ratio[k] - np.float32(self.centre[k])) * np.float32(1.0 / self.deviation[k])
            total += z * z
        out = compress(np.sqrt(total * np.float32(1.0 / len(ratio))))
        out[~pair.valid] = np.nan
        return out

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            "domain": self.domain,
            "gain_db": [20.0 * c / np.log(10.0) for c in self.centre],
            "log_ratio_deviation": list(self.deviation),
            "speckle_filter": f"Gaussian, sigma {SPECKLE_SIGMA} px, on amplitude",
        }


def fit(sample: Sample, context: DetectionContext) -> LogRatio:
    """Estimate gain and noise of the log-ratio on the sample."""
    domain: Domain = "sar-amplitude" if context.domain == "optical" else context.domain
    before, after = sample.pixels()
    floors = tuple(
        tuple(_floor(to_amplitude(band, domain)) for band in image) for image in (before, after)
    )
    bands = len(before)
    raw = LogRatio(domain, (floors[0], floors[1]), (0.0,) * bands, (1.0,) * bands)
    collected = []
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        ratio, valid = raw.log_ratio(pair), pair.valid
        collected.append(ratio[:, core[0], core[1]][:, valid[core]])
    ratio = np.concatenate(collected, axis=1)
    centre = np.median(ratio, axis=1)
    deviation = 1.4826 * np.median(np.abs(ratio - centre[:, None]), axis=1)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return LogRatio(
        domain,
        raw.floor,
        tuple(float(v) for v in centre),
        tuple(float(v) for v in deviation),
    )


def _floor(amplitude: np.ndarray) -> float:
    """A small share of the typical amplitude: keeps log finite where the image is black."""
    typical = float(np.mean(amplitude))
    return FLOOR * typical if typical > 0 else 1.0
