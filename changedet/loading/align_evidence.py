"""What the windows say together: agreement of halves, rivals, held-out residuals, coverage."""

from __future__ import annotations

import numpy as np

from changedet.loading.align_coarse import Found
from changedet.loading.align_judge import Evidence
from changedet.loading.align_measure import Comparison
from changedet.loading.align_refine import Refined
from changedet.loading.align_spectra import Spectra, surfaces
from changedet.loading.align_ties import Ties, highest
from changedet.model import Lattice


def pooled_significance(spectra: Spectra, reach: float) -> tuple[np.ndarray, float]:
    """Common shift of all windows and its height in standard deviations of chance."""
    top, height = highest(spectra.pooled(), reach)
    return top[0], float(height[0]) / max(spectra.noise, 1e-12) * np.sqrt(len(spectra.phases))


def halves(seen: Comparison, spectra: Spectra, size: int, reach: float) -> float:
    """Distance between the common shifts of two halves of the windows, pixels.

    The halves are the two colours of a checkerboard of squares wider than a window, so that they
    share little of the image.
    """
    square = (seen.centres // (1.5 * size)).astype(int).sum(1) % 2 == 0
    if square.all() or not square.any():
        square = np.arange(len(seen.centres)) % 2 == 0
    if square.all() or not square.any():
        return 0.0
    shifts = []
    for half in (square, ~square):
        top, _ = pooled_significance(spectra.take(half), reach)
        shifts.append(top + seen.applied[half].mean(0))
    still = np.ptp(seen.applied, axis=0).max(initial=0.0) < 0.01
    if not still:
        shifts = [
            s - seen.applied[h].mean(0) for s, h in zip(shifts, (square, ~square), strict=True)
        ]
    return float(np.hypot(*(shifts[0] - shifts[1])))


def rival(spectra: Spectra, best: np.ndarray, reach: float) -> tuple[float, np.ndarray]:
    """How much better the best shift fits than the best one well apart from it.

    Returns
    -------
    surety : float
        Mean difference of the windows' correlations over its standard error.
    where : (2,) float array
        The rival shift.
    """
    shifts, values = surfaces(spectra, reach, 1.0)
    mean = values.mean(0)
    away = np.hypot(shifts[:, None] - best[0], shifts[None] - best[1])
    lobe = max(3.0, 0.6 / max(_typical_frequency(spectra), 1e-3))
    if not (away > lobe).any():
        return float("inf"), best
    r, c = np.unravel_index(int(np.where(away > lobe, mean, -np.inf).argmax()), mean.shape)
    _, height = _at(spectra, best)
    difference = height - values[:, r, c]
    n = len(difference)
    # neighbouring windows overlap: about half of them are independent
    error = max(float(difference.std()), spectra.noise) / np.sqrt(max(n / 2, 1))
    return float(difference.mean() / max(error, 1e-9)), np.array([shifts[r], shifts[c]])


def _at(spectra: Spectra, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    f = spectra.frequencies
    turn = np.exp(2j * np.pi * (shift[0] * f[:, None] + shift[1] * f[None])).astype(np.complex64)
    height = (spectra.phases * (turn * spectra.weights)).real.sum((1, 2))
    return shift, height / max(spectra.total_weight, 1e-12)


def _typical_frequency(spectra: Spectra) -> float:
    f = spectra.frequencies
    square = f[:, None] ** 2 + f[None] ** 2
    return float(np.sqrt((spectra.weights * square).sum() / max(spectra.total_weight, 1e-12)))


def coverage(ties: Ties, believed: np.ndarray, seen: np.ndarray, size: int) -> float:
    """Part of all compared places that lie within a window of a believed tie point."""
    if not believed.any() or not len(seen):
        return 0.0
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(ties.places[believed]).query(seen)
    return float((distance <= size).mean())


def gather_evidence(
    plain: Refined, final: Refined, size: int, shape: tuple[int, int], best: Found
) -> Evidence:
    """Put together what the grade rests on.

    Matching, rivals and halves are judged on all pixels (``plain``); the motion, its residuals and
    what is left come from the pixels that may vote (``final``).
    """
    top, significance = pooled_significance(plain.spectra, 4.0)
    fitted = final.fitted
    inlier = np.zeros(len(final.ties))
    residual = np.zeros((0, 2))
    if len(fitted.weights):
        inlier[final.believed] = fitted.weights
        residual = fitted.residual[fitted.weights > 0]
        residual = residual[np.isfinite(residual).all(1)]
    spread = float(np.sqrt((residual**2).mean())) if len(residual) else 1.0
    return Evidence(
        fitted.motion, final.ties, inlier, residual, significance,
        halves(plain.seen, plain.spectra, size, 4.0),
        rival(plain.spectra, top, size / 4)[0],
        coverage(final.ties, inlier > 0, final.seen.centres, size),
        Lattice.constant(spread), best.recipe.name,
    )  # fmt: skip
