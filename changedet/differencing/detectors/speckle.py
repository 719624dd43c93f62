"""A speckle filter for the log-ratio that adapts to the noise it finds, twice.

The log-ratio of two dates has no structure of the ground left in it, only speckle and change. It
is averaged widely, and as widely as its noise asks for: little on many looks, much on one. What a
narrow average would add to the wide one, its detail, is left out where it carries no more energy
than speckle gives it, and stays where it carries much more: at the edges of a change. So calm
ground is averaged and outlines keep their place, and both follow from the noise of the pair, not
from a setting.

Local Wiener filtering of speckle goes back to Lee, IEEE TPAMI 2:165 (1980),
doi:10.1109/TPAMI.1980.4766994; choosing a scale by the noise left at it to Lepskii, Theory of
Probability and its Applications 35:454 (1991), doi:10.1137/1135065.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedet.differencing.ground.filters import GUARD, ValidSmoother, gaussian_radius, smooth

NARROW = 0.8
"""Width of the narrow average, pixels: the least that makes a logarithm of one look bearable."""
WIDEST = 3.2
"""The wide average is never wider than this, pixels,"""
LEAST_WIDE = 1.6
"""nor narrower than this: it must differ from the narrow one."""
TARGET = math.log(2.0) / 2.0 / 4.0
"""Standard deviation of the log-ratio of amplitudes to reach: a change by 3 dB is then four."""
REACH = 2.0
"""The energy of details is averaged over this many times the width of the wide average: enough
independent details for a mean that speckle rarely doubles. For things too small to raise it, it is
averaged over as many times the width of the narrow average, too,"""
SIGNIFICANT = (2.5, 4.0)
"""and details count from these many times the energy of speckle, of the wider and of the narrower
mean."""
NO_NOISE = 1e-12
"""Smallest variance of speckle: keeps the comparison finite where there is none."""
NARROW_RADIUS = gaussian_radius(NARROW)
PROBE_HALO = NARROW_RADIUS + gaussian_radius(WIDEST) + GUARD
"""Pixels of neighbourhood that :func:`probe` needs."""


def narrow_average(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Average of (y, x) amplitudes, which comes before any logarithm."""
    return ValidSmoother(valid, NARROW)(values)


def widen(ratio: np.ndarray, valid: np.ndarray, width: float) -> np.ndarray:
    """Average a (band, y, x) log-ratio of narrow averages to a width in all, pixels."""
    smoother = ValidSmoother(valid, math.sqrt(width**2 - NARROW**2))
    return np.stack([smoother(band) for band in ratio])


def probe(ratio: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Detail between the least and the widest average: what :func:`choose_width` judges by."""
    return widen(ratio, valid, LEAST_WIDE) - widen(ratio, valid, WIDEST)


def robust_variance(values: np.ndarray) -> float:
    """Variance of speckle from details around 0; change, which is rare, hardly moves a median."""
    return float((1.4826 * np.median(np.abs(values))) ** 2)


def choose_width(details: Sequence[np.ndarray]) -> float:
    """Width of the wide average at which speckle reaches :data:`TARGET`.

    Speckle that is uncorrelated over an average of width s has variance ∝ 1/s², and its detail
    between two widths ∝ 1/s² + 1/t² − 4/(s² + t²). Judging by the detail between wide averages
    counts the correlation that multilooking or resampling left between neighbours.

    Parameters
    ----------
    details : sequence of (n,) arrays
        From :func:`probe`, by band.

    Returns
    -------
    float
        Pixels, in steps of a tenth.
    """
    s, t = LEAST_WIDE**2, WIDEST**2
    variance = float(np.mean([robust_variance(band) for band in details]))
    wanted = math.sqrt(variance / (1 / s + 1 / t - 4 / (s + t))) / TARGET
    return round(min(max(wanted, LEAST_WIDE), WIDEST), 1)


@dataclass(frozen=True)
class SpeckleFilter:
    """The filter for one pair: a pure function of a log-ratio."""

    width: float
    """Standard deviation of the wide Gaussian average, pixels."""
    variance: tuple[float, ...]
    """(band,) variance of what speckle alone puts into the detail."""

    @classmethod
    def of(cls, width: float, details: Sequence[np.ndarray]) -> SpeckleFilter:
        """From the width, and (n,) samples of the detail of each band."""
        return cls(width, tuple(max(robust_variance(d), NO_NOISE) for d in details))

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood needed, from single pixels to the filtered log-ratio."""
        radii = gaussian_radius(math.sqrt(self.width**2 - NARROW**2))
        return NARROW_RADIUS + radii + gaussian_radius(REACH * self.width) + GUARD

    def __call__(self, ratio: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Filter a (band, y, x) float32 log-ratio of narrow averages, gain removed.

        At the edge of what is valid the average rests on fewer pixels; what it says is brought
        down by as much as its noise grows, so that noise is equally wide there, too.
        """
        wide = widen(ratio, valid, self.width)
        detail = ratio - wide
        # One weight for all bands: a change has its edge at the same place in each.
        energy = np.zeros(valid.shape, dtype=np.float32)
        for band, variance in zip(detail, self.variance, strict=True):
            energy += band * band * np.float32(1.0 / (variance * len(detail)))
        weight = np.zeros_like(energy)
        for width, least in zip((self.width, NARROW), SIGNIFICANT, strict=True):
            mean = ValidSmoother(valid, REACH * width)(energy)
            share = np.float32(least) / np.maximum(mean, np.float32(least))
            weight = np.maximum(weight, np.float32(1.0) - share * share)
        coverage = smooth(valid.astype(np.float32), math.sqrt(self.width**2 - NARROW**2))
        return (wide + weight * detail) * np.sqrt(np.minimum(coverage, np.float32(1.0)))
