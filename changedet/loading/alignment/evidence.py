"""What the windows say together: agreement of halves, rivals, ways there and back, coverage."""

from __future__ import annotations

import numpy as np

from changedet.loading.alignment.coarse import Found
from changedet.loading.alignment.fields import Store
from changedet.loading.alignment.judge import Evidence
from changedet.loading.alignment.lay import correction
from changedet.loading.alignment.left import left_over
from changedet.loading.alignment.measure import Comparison, compare
from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.refine import Refined
from changedet.loading.alignment.spectra import Spectra, surfaces
from changedet.loading.alignment.ties import SIGNIFICANT, Ties, highest
from changedet.model import PairReader


def pooled_significance(spectra: Spectra, reach: float) -> tuple[np.ndarray, float]:
    """Common shift of all windows and its height in standard deviations of chance."""
    top, height = highest(spectra.pooled(), reach)
    return top[0], float(height[0]) / max(spectra.noise, 1e-12) * np.sqrt(len(spectra.phases))


def halves(seen: Comparison, spectra: Spectra, size: int, reach: float) -> float:
    """Distance between the common shifts of two halves of the windows, pixels.

    The halves are the two colours of a checkerboard of squares wider than a window, so that they
    share little of the image.
    """
    one = (seen.centres // (1.5 * size)).astype(int).sum(1) % 2 == 0
    if min(one.sum(), (~one).sum()) < 2:
        one = np.arange(len(seen.centres)) % 2 == 0
    if min(one.sum(), (~one).sum()) < 1:
        return float("inf")
    tops = [pooled_significance(spectra.take(half), reach)[0] for half in (one, ~one)]
    return float(np.hypot(*(tops[0] - tops[1])))


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
    return (
        surety(height_at(spectra, best) - values[:, r, c], spectra.noise),
        np.array([shifts[r], shifts[c]]),
    )


def surety(difference: np.ndarray, noise: float) -> float:
    """Mean of differences over its standard error; about half of the windows are independent."""
    n = max(len(difference) / 2, 1.0)
    error = max(float(difference.std()), noise) / np.sqrt(n)
    return float(difference.mean() / max(error, 1e-9))


def height_at(spectra: Spectra, shift: np.ndarray) -> np.ndarray:
    """(n,) correlation of each window at one shift."""
    f = spectra.frequencies
    turn = np.exp(2j * np.pi * (shift[0] * f[:, None] + shift[1] * f[None])).astype(np.complex64)
    height = (spectra.phases * (turn * spectra.weights)).real.sum((1, 2))
    return height / max(spectra.total_weight, 1e-12)


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


def probe(
    pair: PairReader,
    corners: np.ndarray,
    size: int,
    motion: Motion,
    best: Found,
    learned: Spectra,
    store: Store,
) -> tuple[float, float]:
    """Two tests on windows of their own choice.

    Returns
    -------
    backward_px : float
        Median distance between the way there and the way back: the before image is laid on the
        after image and compared again.
    gain : float
        How much better the pair matches with the correction than without, in standard errors of
        the windows' mean difference.
    """
    there = compare(pair, corners, size, motion, best.recipe, store=store)
    back = compare(pair, corners, size, motion, best.recipe, backward=True)
    without = compare(
        pair, corners, size, Motion.shift(motion.shape, 0.0, 0.0), best.recipe, store=store
    )
    weighted = [
        Spectra(s.spectra.phases, learned.frequencies, learned.weights, learned.coherence)
        for s in (there, back, without)
    ]
    # what was taken out beside the motion: whole pixels, rounding
    beside = [
        c.applied - correction(motion, c.centres[:, 0], c.centres[:, 1], backward)
        for c, backward in ((there, False), (back, True))
    ]
    heights = [
        np.array([height_at(w.take(np.array([i])), off)[0] for i, off in enumerate(offset)])
        for w, offset in ((weighted[0], -beside[0]), (weighted[2], np.zeros_like(beside[0])))
    ]
    fair = (there.share > 0.3) & (without.share > 0.3)
    gain = surety((heights[0] - heights[1])[fair], learned.noise) if fair.sum() > 1 else 0.0
    tops = [highest(w, 2.0) for w in weighted[:2]]
    clear = np.all([h > SIGNIFICANT * learned.noise for _, h in tops], axis=0)
    if clear.sum() < 2:
        return float("nan"), gain
    total = tops[0][0] + beside[0] + tops[1][0] + beside[1]
    return float(np.median(np.hypot(*total[clear].T))), gain


def gather_evidence(
    pair: PairReader,
    corners: np.ndarray,
    plain: Refined,
    final: Refined,
    size: int,
    best: Found,
    store: Store,
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
    surety_of, where = rival(plain.spectra, top, size / 4)
    backward, gain = probe(pair, corners, size, fitted.motion, best, plain.spectra, store)
    return Evidence(
        fitted.motion, final.ties, inlier, residual, significance,
        halves(plain.seen, plain.spectra, size, 4.0),
        surety_of, float(np.hypot(*(where - top))), backward, gain,
        coverage(final.ties, inlier > 0, final.seen.centres, size),
        left_over(final.ties, fitted, final.believed, size), best.recipe.name,
    )  # fmt: skip
