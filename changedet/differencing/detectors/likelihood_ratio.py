"""Likelihood ratio test of radar intensities: the detector whose null distribution is known.

A multilooked intensity over even ground is a gamma variable with as many looks as its shape. Of
two dates, the ratio then has Fisher's distribution, and the test is exact; over several channels
that are independent, as VV and VH intensities are taken to be, the log-likelihoods add up.
Conradsen, Nielsen, Schou and Skriver, IEEE TGRS 41:4 (2003), doi:10.1109/TGRS.2002.808066.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors.looks import looks_from_ratio
from changedet.differencing.detectors.sar_values import SarValues, inspect_values
from changedet.differencing.ground.filters import GUARD, compress, convolve
from changedet.differencing.sampling import Sample
from changedet.errors import ConfigError
from changedet.model import ImagePair

TARGET_LOOKS = 2.0 * (3.0 / math.log(2.0)) ** 2
"""Looks to reach by averaging: a change by 3 dB is then three deviations."""
WINDOWS = (1, 3, 5, 7, 9)
"""Sides of the averaging window to choose from, pixels."""
DARKEST = 1e-3
"""Intensity below this share of the mean is no signal; keeps ratios of zeros finite."""
STRETCHED_DARKEST = 0.1
"""The same for values stretched for display: their zero lies somewhere within the darkest part."""


def ratio_test(
    before: Any, after: Any, looks: float, looks_after: float | None = None
) -> np.ndarray:
    """Exact two-sided test of equality of two intensities.

    Parameters
    ----------
    before, after : (...) arrays
        Multilooked intensities on the same scale.
    looks : float
        Equivalent number of looks.
    looks_after : float, optional
        Of the after date; the same by default.

    Returns
    -------
    (...) float64 array
        p-values; NaN where an intensity is not positive.

    Raises
    ------
    ConfigError
        If the number of looks is not positive.
    """
    from scipy.special import betainc

    n, m = looks, looks if looks_after is None else looks_after
    _check_looks(n, m)
    first, second = (np.asarray(v, dtype=np.float64) for v in (before, after))
    usable = (first > 0) & (second > 0)
    x = np.where(usable, m * second, 1.0)
    y = np.where(usable, n * first, 1.0)
    # Both tails from the incomplete beta function, so that small ones keep their digits.
    p = 2.0 * np.minimum(betainc(m, n, x / (x + y)), betainc(n, m, y / (x + y)))
    return np.where(usable, np.minimum(p, 1.0), np.nan)


def _check_looks(*looks: float) -> None:
    if not all(np.isfinite(n) and n > 0 for n in looks):
        raise ConfigError(f"looks={looks} are not usable: give positive numbers.")


@dataclass(frozen=True, eq=False)
class LikelihoodRatio:
    """Fitted likelihood ratio detector."""

    values: SarValues
    """What the pixel values are."""
    window: int
    """Side of the averaging window, pixels."""
    looks: tuple[float, ...]
    """(band,) equivalent number of looks after averaging."""
    gain: tuple[float, ...]
    """(band,) factor on the before intensities."""
    darkest: tuple[float, ...]
    """(band,) smallest intensity that is signal."""

    name = "sar-likelihood-ratio"

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`statistic` needs."""
        return self.window // 2 + GUARD

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Root of the test statistic over its degrees of freedom, compressed."""
        before, after, share = multilook(pair, self.values, self.window)
        total = np.zeros(share.shape, dtype=np.float32)
        for k, (looks, gain, darkest) in enumerate(
            zip(self.looks, self.gain, self.darkest, strict=True)
        ):
            x = np.maximum(before[k] * np.float32(gain), np.float32(darkest))
            y = np.maximum(after[k], np.float32(darkest))
            # −2 ρ ln Q = 2 ρ L ln((x + y)² / 4xy); ρ = 1 − 1/(4L) in the equal case
            evidence = np.float32(2.0) * np.log((x + y) * np.float32(0.5))
            evidence -= np.log(x) + np.log(y)
            total += evidence * np.float32(max(2.0 * looks - 0.5, looks))
        # beside a hole the window holds fewer looks
        z = np.maximum(total, np.float32(0.0)) * share * np.float32(1.0 / len(self.looks))
        out = compress(np.sqrt(z))
        out[~pair.valid] = np.nan
        return out

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        # Of stretched values the number says how wide they scatter, and nothing about looks.
        name = "apparent_looks" if self.values.stretched else "equivalent_looks"
        return {
            **self.values.describe(),
            "window_px": self.window,
            name: list(self.looks),
            "exact": not self.values.stretched,
            "gain_db": [10.0 * math.log10(g) for g in self.gain],
        }


def multilook(
    pair: ImagePair, values: SarValues, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average both dates over a square window of valid pixels.

    Returns
    -------
    before, after : (band, y, x) float32 arrays
        Average intensities; 0 where no pixel of the window is valid.
    share : (y, x) float32 array
        Share of the window that is valid.
    """
    kernel = np.full(window, 1.0 / window, dtype=np.float32)
    weight = pair.valid.astype(np.float32)
    share = convolve(weight, kernel, kernel)
    scale = np.float32(1.0) / np.maximum(share, np.float32(1e-6))
    out = []
    for image in (pair.before, pair.after):
        bands = []
        for band in image.pixels:
            usable = values.linear(np.where(pair.valid, band, np.float32(0.0))) * weight
            bands.append(convolve(usable, kernel, kernel) * scale)
        out.append(np.stack(bands))
    return out[0], out[1], share


def fit(sample: Sample, context: DetectionContext) -> LikelihoodRatio:
    """Choose the window, and estimate looks and gain on the sample.

    Raises
    ------
    ConfigError
        If the values cannot be what they are said to be.
    NotEnoughValidPixels
        If too few pixels are valid at both dates.
    """
    values = inspect_values(sample, context.domain)
    darkest = np.array([[_darkest(band, values) for band in i] for i in sample.pixels()])
    for window in WINDOWS:
        ratio = _log_ratios(sample, values, window, darkest)
        looks = tuple(looks_from_ratio(band) for band in ratio)
        if min(looks) >= TARGET_LOOKS:
            break
    gain = np.exp(np.median(ratio, axis=1))
    return LikelihoodRatio(
        values,
        window,
        looks,
        tuple(float(g) for g in gain),
        tuple(float(d) for d in np.maximum(darkest[0] * gain, darkest[1])),
    )


def _darkest(band: np.ndarray, values: SarValues) -> float:
    share = STRETCHED_DARKEST if values.stretched else DARKEST
    least = max(share * float(np.mean(values.linear(band))), values.subtracted_noise(band))
    return least if least > 0 else DARKEST


def _log_ratios(sample: Sample, values: SarValues, window: int, darkest: np.ndarray) -> np.ndarray:
    """(band, n) log-ratios of averaged intensities where there is signal at both dates."""
    parts = []
    halo = window // 2 + GUARD
    for place, pair in sample.pairs(halo):
        core = place.within(place.pad(halo))
        images = multilook(pair, values, window)[:2]
        logs, lit = [], pair.valid[core].copy()
        for image, least in zip(images, darkest, strict=True):
            inner = image[:, *core]
            floor = least.astype(np.float32)[:, None, None]
            lit &= (inner > floor).all(axis=0)
            logs.append(np.log(np.maximum(inner, floor)))
        parts.append((logs[1] - logs[0])[:, lit])
    out = np.concatenate(parts, axis=1)
    return out if out.shape[1] else np.zeros((len(out), 1), dtype=np.float32)
