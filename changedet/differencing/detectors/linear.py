"""Detectors whose residual is linear in the bands of both dates.

IR-MAD, slow features, chronochrome and covariance equalisation differ only in which linear residual
they call change. What they share stands here: units, bands that say nothing, what texture makes of
the residual, the pooled and logarithmic statistic. They fail where the greater part of the scene
changed, and those that mix bands where colours occur at one date only (the map between the dates
then extrapolates).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors.reweighting import Converged, Solve, reweight
from changedet.differencing.ground.filters import GUARD, ValidSmoother, gaussian_radius
from changedet.differencing.sampling import Sample
from changedet.errors import ChangedetWarning
from changedet.model import ImagePair

POOLING_SIGMA = 0.6
"""Local pooling in pixels, of the bands (noise averages out) and again of the squares (what is left
of a misalignment has either sign on either side of an edge): together about 3 x 3, no wider than
half a target of six pixels."""
TEXTURE_SIGMA = 2.5
"""Neighbourhood in which texture is measured, pixels."""
TEXTURE_CLASSES = 12
"""Classes of texture in which the residual is measured."""
FIT_PIXELS = 250_000
"""Pixels on which the transform is fitted, at most."""
LOG_FLOOR = 0.2
"""Share of the median below which the logarithm of the statistic turns linear."""
LARGEST = np.float32(1e12)
"""No residual is larger: sums stay finite whatever a broken pixel holds."""

LEAST_SQUARES = 1e-3
"""Squares of ground without texture are not taken for smaller: those of identical images are 0."""
ROUNDING = np.float32(1e-6)
"""A smaller sum of squared deviations is an error of rounding: identical images differ by 0."""


@dataclass(frozen=True, eq=False)
class Residual:
    """One linear residual and the noise it shows."""

    before: np.ndarray
    """(component, band) projection of before, over the no-change deviation of the difference."""
    after: np.ndarray
    """(component, band) projection of after, over the same."""
    flat: float = 1.0
    """Typical sum of squares on ground without texture."""
    share: float = 0.0
    """What texture adds to it, per unit of the texture that both dates show."""


@dataclass(frozen=True, eq=False)
class LinearDetector:
    """Fitted linear residual between two dates."""

    name: str
    """Of the method in the registry."""
    mean_before: np.ndarray
    """(band,) means before of the ground that did not change."""
    mean_after: np.ndarray
    """(band,) means after of that ground."""
    residuals: tuple[Residual, ...]
    """The one that is least surprising counts."""
    scale: float
    """Median of the pooled statistic on the sample."""
    found: dict[str, Any]
    """What else was estimated, as plain JSON values."""

    halo = 2 * gaussian_radius(POOLING_SIGMA) + 2 * gaussian_radius(TEXTURE_SIGMA) + GUARD

    def evidence(self, pair: ImagePair) -> list[tuple[np.ndarray, np.ndarray]]:
        """Sum of squares and common texture of each residual, (y, x) float32.

        Texture is the smaller of the local variances of the two dates: what arrives is texture at
        one date, and must not excuse itself.
        """
        valid = pair.valid
        pool, around = ValidSmoother(valid, POOLING_SIGMA), ValidSmoother(valid, TEXTURE_SIGMA)
        x = _centred(pair.before.pixels, self.mean_before, valid, pool)
        y = _centred(pair.after.pixels, self.mean_after, valid, pool)
        fine = [[band - around(band) for band in date] for date in (x, y)]
        out = []
        for r in self.residuals:
            rough = [
                around(_squares([(np.asarray(np.linalg.qr(projection, mode="r")), date)]))
                for projection, date in zip((r.before, r.after), fine, strict=True)
            ]
            out.append((_squares([(r.before, x), (-r.after, y)]), np.minimum(*rough)))
        return out

    def chi_square(self, pair: ImagePair) -> np.ndarray:
        """Pooled sum of squares over what texture lets expect, (y, x) float32."""
        valid = pair.valid
        total = np.full(valid.shape, LARGEST, dtype=np.float32)
        for r, (squares, texture) in zip(self.residuals, self.evidence(pair), strict=True):
            squares[squares < ROUNDING] = 0
            squares /= np.float32(r.flat) + np.float32(r.share) * texture
            np.fmin(total, squares, out=total)
        pooled = ValidSmoother(valid, POOLING_SIGMA)(total)
        pooled[~valid] = np.nan
        return pooled

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Logarithm of the pooled chi-square, linear below a fifth of its median."""
        return np.log1p(self.chi_square(pair) / np.float32(LOG_FLOOR * self.scale))

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            **self.found,
            "texture_share": [r.share / r.flat for r in self.residuals],
            "median_chi_square": self.scale,
            "pooling_sigma_px": POOLING_SIGMA,
        }


def _centred(
    pixels: np.ndarray, mean: np.ndarray, valid: np.ndarray, pool: ValidSmoother
) -> list[np.ndarray]:
    """Pooled bands less their means."""
    # Where it is not valid may stand anything, infinities and NaN, too.
    zero, levels = np.float32(0), mean.astype(np.float32)
    return [pool(np.where(valid, b - m, zero)) for b, m in zip(pixels, levels, strict=True)]


def _squares(parts: list[tuple[np.ndarray, list[np.ndarray]]]) -> np.ndarray:
    """Sum over components of the squared sum of projections.

    A projection may be rotated to a triangle: sums of squares stay, and zeros cost nothing.
    """
    total, variate, term = (np.zeros(parts[0][1][0].shape, dtype=np.float32) for _ in range(3))
    # Band by band instead of a matrix product: BLAS rounds by block, that is by tile.
    for component in range(len(parts[0][0])):
        variate[:] = 0
        for projection, bands in parts:
            for factor, band in zip(projection[component].astype(np.float32), bands, strict=True):
                if factor != 0:
                    variate += np.multiply(band, factor, out=term)
        variate *= variate
        total += variate
    return total


def fit_linear(
    name: str, solve: Solve, sample: Sample, context: DetectionContext
) -> LinearDetector:
    """Estimate a linear residual on the ground that did not change.

    Parameters
    ----------
    name : str
        Of the method.
    solve : callable
        From the moments of unchanged ground to the directions of the residual.
    sample : Sample
        Where to look.
    context : DetectionContext
        Names of the bands, and the seed; units do not matter.

    Returns
    -------
    LinearDetector

    Raises
    ------
    NotEnoughValidPixels
        If fewer than :data:`changedet.differencing.sampling.MINIMUM_VALID` pixels are valid.

    Warns
    -----
    ChangedetWarning
        If a band holds one value everywhere at one of the dates, and is left out.
    """
    before, after = (v.astype(np.float64) for v in sample.pixels(FIT_PIXELS))
    keep = _informative(before, after, context.roles)
    bands = len(before)
    if not keep.any():
        # No band varies at both dates: what is left is the difference from the means.
        unit = np.eye(bands) / np.maximum(np.maximum(_spread(before), _spread(after)), 1e-12)
        means = before.mean(axis=1), after.mean(axis=1)
        return _scaled(
            LinearDetector(name, *means, (Residual(unit, unit),), 1.0, {"bands_used": 0}), sample
        )
    units = _spread(before[keep]), _spread(after[keep])
    centres = np.median(before[keep], axis=1), np.median(after[keep], axis=1)
    x = (before[keep] - centres[0][:, None]) / units[0][:, None]
    y = (after[keep] - centres[1][:, None]) / units[1][:, None]
    found = reweight(x, y, solve, context.seed)
    return _scaled(_assembled(name, found, keep, centres, units), sample)


def _assembled(
    name: str,
    found: Converged,
    keep: np.ndarray,
    centres: tuple[np.ndarray, np.ndarray],
    units: tuple[np.ndarray, np.ndarray],
) -> LinearDetector:
    """Back to the units of the images, with zeros for bands that were left out."""
    means = np.zeros((2, keep.size))
    for date in range(2):
        means[date, keep] = centres[date] + units[date] * found.moments[date]
    residuals = []
    for direction in found.solution.directions:
        full = np.zeros((2, len(direction.before), keep.size))
        for date in range(2):
            full[date][:, keep] = direction[date] / units[date]
        residuals.append(Residual(full[0], full[1]))
    told = {
        **found.solution.details,
        "bands_used": int(keep.sum()),
        "iterations": found.iterations,
        "mean_weight": found.counted,
    }
    return LinearDetector(name, means[0], means[1], tuple(residuals), 1.0, told)


def _scaled(raw: LinearDetector, sample: Sample) -> LinearDetector:
    """With what texture adds to its residuals, and the median of its statistic."""
    seen: list[list[list[np.ndarray]]] = [[[], []] for _ in raw.residuals]
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        valid = pair.valid[core]
        for kept, parts in zip(seen, raw.evidence(pair), strict=True):
            for values, part in zip(kept, parts, strict=True):
                values.append(part[core][valid])
    residuals = tuple(
        _with_texture(r, *(np.concatenate(v) for v in kept))
        for r, kept in zip(raw.residuals, seen, strict=True)
    )
    fitted = replace(raw, residuals=residuals)
    values = [
        fitted.chi_square(pair)[window.within(window.pad(raw.halo))]
        for window, pair in sample.pairs(raw.halo)
    ]
    pooled = np.concatenate([v[np.isfinite(v)] for v in values])
    scale = float(np.median(pooled))
    if not scale > 0:
        # Identical images: every difference is zero, and any positive scale serves.
        positive = pooled[pooled > 0]
        scale = float(np.median(positive)) if positive.size else 1.0
    return replace(fitted, scale=scale)


def _with_texture(raw: Residual, squares: np.ndarray, texture: np.ndarray) -> Residual:
    """Median squares without texture, and their growth with it, from classes of texture."""
    edges = np.quantile(texture, np.linspace(0, 1, TEXTURE_CLASSES + 1))
    which = np.clip(np.searchsorted(edges, texture, side="right") - 1, 0, TEXTURE_CLASSES - 1)
    classes = [which == k for k in range(TEXTURE_CLASSES)]
    classes = [c for c in classes if np.count_nonzero(c) >= 50]
    middle = np.array([np.median(squares[c]) for c in classes])
    level = np.array([np.mean(texture[c], dtype=np.float64) for c in classes])
    flat = max(float(np.quantile(middle, 0.1)), LEAST_SQUARES)
    rough = level > 1e-6 * level.max(initial=0.0)
    growth = (middle[rough] - flat) / level[rough]
    share = max(0.0, float(np.median(growth))) if growth.size else 0.0
    return replace(raw, flat=flat, share=share)


def _informative(before: np.ndarray, after: np.ndarray, roles: tuple[str, ...]) -> np.ndarray:
    """Which bands vary at both dates (a constant band agrees with anything)."""
    varies = [np.ptp(v, axis=1) > 0 for v in (before, after)]
    for when, here, there in (("before", *varies), ("after", *varies[::-1])):
        flat = [role for role, a, b in zip(roles, here, there, strict=True) if b and not a]
        if flat:
            plural = len(flat) > 1
            warnings.warn(
                f"The band{'s' if plural else ''} {', '.join(flat)} of the {when} image "
                f"hold{'' if plural else 's'} one value everywhere: left out of the comparison. "
                "Check the file, or name the bands to compare.",
                ChangedetWarning,
                stacklevel=2,
            )
    keep: np.ndarray = varies[0] & varies[1]
    return keep


def _spread(values: np.ndarray) -> np.ndarray:
    """Robust deviation by band; where most pixels are alike, the plain one."""
    low, high = np.quantile(values, [0.05, 0.95], axis=1)
    robust, plain = (high - low) / 3.29, values.std(axis=1)
    out: np.ndarray = np.where(robust > 0, robust, plain)
    return out
