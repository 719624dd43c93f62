"""Whether two images show anything in common at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.ground.filters import GUARD, ValidSmoother, gaussian_radius
from changedet.differencing.sampling import Sample

PATTERN_SIGMA = 2.0
"""Pooling before patterns are compared, pixels: noise of single pixels must not hide them."""
NOTHING = 0.25
"""Rank correlation below which two images show nothing in common,"""
SPREAD = 3.0
"""where patterns are so many times as strong as pooled noise alone would make them."""
FIT_PIXELS = 40_000


@dataclass(frozen=True)
class CommonGround:
    """How much two images have in common."""

    correlation: float
    """Largest rank correlation (absolute) of a band before with the same band after."""
    patterned: bool
    """Whether both dates show patterns, and not only noise, so that it means something."""

    @property
    def nothing(self) -> bool:
        """Whether both show something, and it is not the same."""
        return self.patterned and self.correlation < NOTHING


def common_ground(sample: Sample, context: DetectionContext) -> CommonGround:
    """Compare the pooled patterns of the two dates, band by band, by ranks.

    Ranks make it blind to gain, offset, gamma and radar domain. Fails where the contrast of half
    the scene is reversed by the season alone, in one band; so the best band counts.
    """
    halo = gaussian_radius(PATTERN_SIGMA) + GUARD
    step = max(1, round(PATTERN_SIGMA))
    coarse: list[list[np.ndarray]] = [[], []]
    fine: list[list[np.ndarray]] = [[], []]
    for window, pair in sample.pairs(halo):
        core = window.within(window.pad(halo))
        pool = ValidSmoother(pair.valid, PATTERN_SIGMA)
        valid = pair.valid[core][::step, ::step]
        for date, image in enumerate((pair.before, pair.after)):
            pooled = np.stack([pool(band)[core][::step, ::step][valid] for band in image.pixels])
            plain = np.stack([band[core][::step, ::step][valid] for band in image.pixels])
            coarse[date].append(pooled)
            fine[date].append(plain - pooled)
    pooled_all = [np.concatenate(c, axis=1) for c in coarse]
    rough = [np.concatenate(f, axis=1) for f in fine]
    stride = max(1, pooled_all[0].shape[1] // FIT_PIXELS)
    ranked = [_ranks(p[:, ::stride]) for p in pooled_all]
    correlation = max(abs(_correlation(x, y)) for x, y in zip(*ranked, strict=True))
    # averaging over a Gaussian leaves white noise 1 / (2 sqrt(pi) sigma) of its deviation
    left = 1.0 / (2.0 * np.sqrt(np.pi) * PATTERN_SIGMA)
    patterned = all(
        any(p.std() > SPREAD * left * r.std() for p, r in zip(date, noise, strict=True))
        for date, noise in zip(pooled_all, rough, strict=True)
    )
    return CommonGround(float(correlation), bool(patterned))


def _ranks(bands: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(bands, axis=1, kind="stable"), axis=1, kind="stable").astype(
        np.float64
    )


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / scale if scale > 0 else 0.0
