"""The first guess: large shifts from overviews, checked at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from changedet.loading.align_features import Recipe, feature
from changedet.loading.align_measure import compare
from changedet.loading.align_motion import Motion
from changedet.loading.align_spectra import peaks, surfaces
from changedet.model import ImagePair, PairReader

_BANDS = (0.08, 0.22)
"""Highest frequencies (cycles per overview pixel) of the searches: blurred and sharp."""


@dataclass(frozen=True, eq=False)
class Guess:
    """One candidate for the shift."""

    shift: tuple[float, float]
    """(dy, dx) correction, pixels of the full grid."""
    strength: float
    """Height of its peak over the spread of all others (coarse)."""


@dataclass(frozen=True, eq=False)
class Found:
    """A guess checked on windows at full resolution."""

    shift: tuple[float, float]
    """(dy, dx) correction, pixels."""
    recipe: Recipe
    """Feature that showed it best."""
    significance: float
    """Height of the pooled peak in standard deviations of chance."""


def reach_px(shape: tuple[int, int]) -> float:
    """Largest shift that is looked for: 100 px or 5 % of the width, whichever is larger."""
    return max(100.0, 0.05 * max(shape))


def overview_factor(shape: tuple[int, int], side: int = 1024) -> int:
    """Whole factor that brings the longer side to at most ``side`` pixels."""
    return max(1, -(-max(shape) // side))


def correlate(before: np.ndarray, after: np.ndarray, highest: float) -> np.ndarray:
    """Phase correlation of two whole feature fields; shift 0 stands in the middle.

    Fields are padded with zeros, so that shifts never wrap around.
    """
    shape = [scipy.fft.next_fast_len(int(1.5 * n) + 1) for n in before.shape]
    f = scipy.fft.fft2(before, s=shape, workers=2)
    f *= scipy.fft.fft2(after, s=shape, workers=2).conj()
    f /= np.maximum(np.abs(f), 1e-20)
    fy, fx = (scipy.fft.fftfreq(n)[..., None] for n in shape)
    f *= np.exp(-0.5 * ((fy**2 + fx.T**2) / highest**2)).astype(np.float32)
    return scipy.fft.fftshift(scipy.fft.ifft2(f, workers=2).real)


def tops(surface: np.ndarray, reach: float, count: int, apart: int) -> list[tuple[int, int, float]]:
    """Highest separate peaks within ``reach`` of shift 0: (dy, dx, height over spread)."""
    middle = [n // 2 for n in surface.shape]
    limit = [min(int(np.ceil(reach)), n // 2 - 1) for n in surface.shape]
    part = surface[
        middle[0] - limit[0] : middle[0] + limit[0] + 1,
        middle[1] - limit[1] : middle[1] + limit[1] + 1,
    ].copy()
    mean, spread = float(part.mean()), float(part.std())
    found: list[tuple[int, int, float]] = []
    if not spread > 0:
        return found
    for _ in range(count):
        r, c = np.unravel_index(int(part.argmax()), part.shape)
        found.append((int(r) - limit[0], int(c) - limit[1], (float(part[r, c]) - mean) / spread))
        part[max(0, r - apart) : r + apart + 1, max(0, c - apart) : c + apart + 1] = mean
    return found


def guesses(overview: ImagePair, factor: int, recipes: list[Recipe], reach: float) -> list[Guess]:
    """Candidates for the shift from an overview, best first; no shift at all is always one."""
    out: list[Guess] = []
    for recipe in recipes[:2]:
        fields = [
            feature(image.pixels, image.valid, recipe, date)
            for date, image in enumerate((overview.before, overview.after))
        ]
        for highest in _BANDS:
            surface = correlate(fields[0], fields[1], highest)
            for dy, dx, strength in tops(surface, reach / factor + 1, 3, 4):
                out.append(Guess((float(dy * factor), float(dx * factor)), strength))
    out.sort(key=lambda g: -g.strength)
    kept = [Guess((0.0, 0.0), 0.0)]
    for guess in out:
        away = [np.hypot(*np.subtract(guess.shift, k.shift)) for k in kept]
        if min(away) > 3 * factor:
            kept.append(guess)
    return kept[:7]


def spread_corners(
    overview: ImagePair, factor: int, size: int, count: int, shift: tuple[float, float]
) -> np.ndarray:
    """Corners of up to ``count`` windows, evenly spread where both images are valid."""
    h, w = (n for n in _full_shape(overview, factor))
    size_r, size_c = min(size, h), min(size, w)
    dense = int(np.ceil(np.sqrt(4 * count)))
    rows = np.unique(np.linspace(0, h - size_r, min(dense, max(1, 2 * h // size))).astype(int))
    cols = np.unique(np.linspace(0, w - size_c, min(dense, max(1, 2 * w // size))).astype(int))
    corners = np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).reshape(-1, 2)
    share = shared_validity(overview, factor, corners, size, shift)
    corners = corners[share > 0.6]
    if len(corners) > count:
        corners = corners[np.linspace(0, len(corners) - 1, count).astype(int)]
    return corners


def _full_shape(overview: ImagePair, factor: int) -> tuple[int, int]:
    return (overview.grid.height * factor, overview.grid.width * factor)


def shared_validity(
    overview: ImagePair, factor: int, corners: np.ndarray, size: int, shift: tuple[float, float]
) -> np.ndarray:
    """Part of each window that is valid in both images once shifted, from the overview."""
    dy, dx = (round(v / factor) for v in shift)
    both = overview.before.valid & _moved(overview.after.valid, dy, dx)
    total = np.pad(both.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    h, w = both.shape
    r0, c0 = (np.clip(corners[:, k] // factor, 0, n - 1) for k, n in ((0, h), (1, w)))
    r1 = np.clip(-(-(corners[:, 0] + size) // factor), 1, h)
    c1 = np.clip(-(-(corners[:, 1] + size) // factor), 1, w)
    area = np.maximum((r1 - r0) * (c1 - c0), 1)
    return (total[r1, c1] - total[r0, c1] - total[r1, c0] + total[r0, c0]) / area


def _moved(mask: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """Mask moved down and right, False where nothing came from."""
    out = np.zeros_like(mask)
    h, w = mask.shape
    if abs(dy) >= h or abs(dx) >= w:
        return out
    out[max(0, dy) : h + min(0, dy), max(0, dx) : w + min(0, dx)] = mask[
        max(0, -dy) : h + min(0, -dy), max(0, -dx) : w + min(0, -dx)
    ]
    return out


def check(
    pair: PairReader,
    shift: tuple[float, float],
    recipe: Recipe,
    corners: np.ndarray,
    size: int,
    reach: float,
) -> Found:
    """Measure a guess on windows: refined shift and how far above chance it stands."""
    motion = Motion.shift(pair.grid.shape, round(shift[0]), round(shift[1]))
    found = compare(pair, corners, size, motion, recipe)
    spectra = found.spectra.pooled(np.where(found.share > 0.3, found.share, 0.0))
    shifts, values = surfaces(spectra, reach)
    r, c = np.unravel_index(int(values[0].argmax()), values[0].shape)
    top, height = peaks(spectra, np.array([[shifts[r], shifts[c]]]))
    n = max(1.0, float((found.share > 0.3).sum()))
    refined = top[0] + (round(shift[0]), round(shift[1]))
    chance = spectra.noise / np.sqrt(n)
    return Found((float(refined[0]), float(refined[1])), recipe, float(height[0]) / chance)
