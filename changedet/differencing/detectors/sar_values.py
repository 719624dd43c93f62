"""What the values of a radar image are, and what that allows.

The wrong domain is the worst mistake there is with radar: the same file read as amplitude, as
intensity or as decibels gives three different statistics, and only one of them is right.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.sampling import Sample
from changedet.errors import ConfigError, MetadataWarning
from changedet.model import Domain
from changedet.model.sar import contradiction

EIGHT_BIT = 255.0
SUBTRACTED = 0.01
"""Share of negative intensities from which noise must have been subtracted."""
DOUBTFUL_DECIBELS = 3.0
"""Decibels of a whole image that lie between 0 and this are more likely linear intensities."""


@dataclass(frozen=True)
class SarValues:
    """The domain of a radar pair, checked against its pixels."""

    domain: Domain
    """What the pixel values are."""
    stretched: bool
    """Eight-bit values that were stretched for display, with unknown offset and clipping."""
    negative: tuple[float, float]
    """(before, after) share of sampled values below 0 that were counted as 0; 0 in decibels."""
    zero: tuple[float, float]
    """(before, after) share of sampled values of exactly 0: no signal, or clipped."""

    def amplitude(self, pixels: np.ndarray) -> np.ndarray:
        """Amplitude, float32, of an array of pixel values."""
        return to_amplitude(pixels, self.domain)

    def linear(self, pixels: np.ndarray) -> np.ndarray:
        """What is averaged and tested as a gamma variable: intensity, float32.

        Stretched values are taken as they are. Their square is the intensity of nothing, and
        would only make the brightest pixel of each neighbourhood count alone.
        """
        if self.stretched:
            return np.maximum(pixels, np.float32(0.0))
        if self.domain == "sar-db":
            return np.power(np.float32(10.0), pixels * np.float32(0.1))
        clipped = np.maximum(pixels, np.float32(0.0))
        return clipped * clipped if self.domain == "sar-amplitude" else clipped

    def subtracted_noise(self, band: np.ndarray) -> float:
        """Width of the noise, in intensity, that noise subtraction left; 0 where it was not done.

        What lies below 0 shows how wide the noise is above 0, too. A few values below 0 beside
        bright points are overshoots of resampling, and say nothing.
        """
        if self.domain != "sar-intensity":
            return 0.0
        below = band[band < 0]
        if below.size < SUBTRACTED * band.size:
            return 0.0
        return 1.4826 * float(np.median(-below))

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "values": "8-bit, stretched for display" if self.stretched else self.domain,
            "negative_values_counted_as_zero": list(self.negative),
            "values_of_zero": list(self.zero),
        }


def to_amplitude(pixels: np.ndarray, domain: Domain) -> np.ndarray:
    """Amplitude from amplitude, intensity or decibel values; negative ones count as 0."""
    if domain == "sar-db":
        return np.power(np.float32(10.0), pixels / np.float32(20.0))
    clipped = np.maximum(pixels, np.float32(0.0))
    return np.sqrt(clipped) if domain == "sar-intensity" else clipped


def inspect_values(sample: Sample, domain: Domain) -> SarValues:
    """Check what is said about a pair's values against the values themselves.

    Parameters
    ----------
    sample : Sample
        Of the pair.
    domain : str
        As declared or detected; ``optical`` values are taken as amplitudes.

    Returns
    -------
    SarValues

    Raises
    ------
    ConfigError
        If the values cannot be what they are said to be.
    NotEnoughValidPixels
        If too few pixels are valid at both dates.
    """
    domain = "sar-amplitude" if domain == "optical" else domain
    images = sample.pixels()
    infos = sample.reader.infos
    for info, pixels in zip(infos, images, strict=True):
        wrong = contradiction(info.name, pixels, domain)
        if wrong is not None:
            raise ConfigError(wrong)
        if domain == "sar-db":
            _doubt_decibels(info.name, pixels)
    stretched = domain == "sar-amplitude" and any(
        _is_stretched(info.dtype, pixels) for info, pixels in zip(infos, images, strict=True)
    )
    if domain == "sar-db":
        return SarValues(domain, stretched, (0.0, 0.0), (0.0, 0.0))
    return SarValues(
        domain,
        stretched,
        _shares(images, lambda pixels: pixels < 0),
        _shares(images, lambda pixels: pixels == 0),
    )


def _shares(images: Sequence[np.ndarray], test: Any) -> tuple[float, float]:
    before, after = (float(np.mean(test(pixels))) for pixels in images)
    return before, after


def _is_stretched(dtype: str, pixels: np.ndarray) -> bool:
    """Eight bits, or whole numbers from 0 to 255 in a wider type."""
    if dtype == "uint8":
        return True
    top = float(pixels.max())
    return 1.0 < top <= EIGHT_BIT and not (pixels != np.rint(pixels)).any()


def _doubt_decibels(name: str, pixels: np.ndarray) -> None:
    """Warn where what is said to be decibels spreads no wider than linear intensities do."""
    low, high = float(pixels.min()), float(pixels.max())
    if 0 <= low < high < DOUBTFUL_DECIBELS:
        warnings.warn(
            f"{name} is said to hold decibels (domain sar-db), but all its values lie between "
            f"{low:.3g} and {high:.3g}, as linear intensities do. They were taken as decibels; if "
            "they are not, say --domain sar-intensity.",
            MetadataWarning,
            stacklevel=2,
        )
