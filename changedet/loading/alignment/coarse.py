"""The first guess: large shifts from overviews, checked at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft

from changedet.loading.alignment.features import Recipe, feature, recipes
from changedet.loading.alignment.measure import compare
from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.overview import shrink, tops
from changedet.loading.alignment.spectra import peaks, surfaces
from changedet.loading.alignment.ties import SIGNIFICANT, highest
from changedet.loading.alignment.turn import turns
from changedet.model import ImagePair, PairReader

_BANDS = (0.08, 0.22)
"""Highest frequencies (cycles per overview pixel) of the searches: blurred and sharp."""

_CONVINCING = (40.0, 0.5)
"""Significance of a shift, and part of the windows that agree on it, that end the search."""
_CLEAR = 0.9
"""Part of the windows that agree above which edges without their sign are not tried."""
_ENOUGH = 640
"""Longest side of an overview that is searched as it is; larger ones are halved."""


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

    motion: Motion
    """The correction, pixels."""
    recipe: Recipe
    """Feature that showed it best."""
    significance: float
    """Height of the pooled peak in standard deviations of chance."""
    agree: float
    """Part of the windows that show a peak of their own there, 0 to 1."""

    @property
    def shift(self) -> tuple[float, float]:
        """(dy, dx) in the middle of the grid."""
        dy, dx = self.motion.coefficients[0]
        return float(dy), float(dx)


def reach_px(shape: tuple[int, int]) -> float:
    """Largest shift that is looked for: 100 px or 5 % of the width, whichever is larger."""
    return max(100.0, 0.05 * max(shape))


def overview_factor(shape: tuple[int, int], side: int = 1024) -> int:
    """Whole factor that brings the longer side to at most ``side`` pixels."""
    return max(1, -(-max(shape) // side))


def correlate(before: np.ndarray, after: np.ndarray) -> list[np.ndarray]:
    """Phase correlation of two whole feature fields, blurred and sharp; shift 0 in the middle.

    Fields are padded with zeros, so that shifts never wrap around.
    """
    shape = [scipy.fft.next_fast_len(int(1.5 * n) + 1) for n in before.shape]
    f = scipy.fft.fft2(before, s=shape, workers=2)
    f *= scipy.fft.fft2(after, s=shape, workers=2).conj()
    f /= np.maximum(np.abs(f), 1e-20)
    fy, fx = (scipy.fft.fftfreq(n)[:, None] for n in shape)
    square = fy**2 + fx.T**2
    out = []
    for limit in _BANDS:
        gate = np.exp(-0.5 * square / limit**2).astype(np.float32)
        out.append(scipy.fft.fftshift(scipy.fft.ifft2(f * gate, workers=2).real))
    return out


def guesses(overview: ImagePair, factor: int, recipes: list[Recipe], reach: float) -> list[Guess]:
    """Candidates for the shift from an overview, best first; no shift at all is always one."""
    out: list[Guess] = []
    for recipe in recipes[:2]:
        fields = [
            feature(image.pixels, image.valid, recipe, date)
            for date, image in enumerate((overview.before, overview.after))
        ]
        for surface in correlate(fields[0], fields[1]):
            for dy, dx, strength in tops(surface, reach / factor + 1, 3, 8):
                out.append(Guess((float(dy * factor), float(dx * factor)), strength))
    out.sort(key=lambda g: -g.strength)
    kept: list[Guess] = []
    for guess in [*out[:1], Guess((0.0, 0.0), 0.0), *out[1:]]:
        away = [np.hypot(*np.subtract(guess.shift, k.shift)) for k in kept]
        if min(away, default=np.inf) > 3 * factor:
            kept.append(guess)
    return kept[:6]


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
    motion: Motion,
    recipe: Recipe,
    corners: np.ndarray,
    size: int,
    reach: float,
) -> Found:
    """Measure a guess on windows: refined shift and how far above chance it stands."""
    seen = compare(pair, corners, size, motion, recipe)
    seen = seen.take(seen.share > 0.3)
    n = len(seen.share)
    if n == 0:
        return Found(motion, recipe, 0.0, 0.0)
    pooled = seen.spectra.pooled()
    shifts, values = surfaces(pooled, reach)
    r, c = np.unravel_index(int(values[0].argmax()), values[0].shape)
    top, height = peaks(pooled, np.array([[shifts[r], shifts[c]]]))
    chance = pooled.noise / np.sqrt(n)
    own, own_height = highest(seen.spectra, reach)
    near = np.abs(own - top[0]).max(1) < 3
    agree = float((near & (own_height > SIGNIFICANT * seen.spectra.noise)).mean())
    still = len(motion.coefficients) == 1
    # a pure shift was applied as a whole number of pixels
    base = Motion.shift(motion.shape, *seen.applied[0]) if still else motion
    found = base.moved(float(top[0, 0]), float(top[0, 1]))
    return Found(found, recipe, float(height[0]) / max(chance, 1e-12), agree)


def search(
    pair: PairReader, overview: ImagePair, factor: int, size: int, pilots: int
) -> Found | str:
    """Find the shift at which windows match best, and the feature that shows it best.

    Returns
    -------
    Found or str
        In words, why nothing could be compared.
    """
    shape = pair.grid.shape
    ways = recipes(pair.roles, pair.infos)
    reach = reach_px(shape)
    half = 2 if max(overview.grid.shape) > _ENOUGH else 1
    found: list[Found] = []

    def tried(motion: Motion, ways: list[Recipe], reach: float) -> None:
        middle = (float(motion.coefficients[0, 0]), float(motion.coefficients[0, 1]))
        corners = spread_corners(overview, factor, size, pilots, middle)
        for way in ways if len(corners) else ():
            found.append(check(pair, motion, way, corners, size, reach))

    coarse = shrink(overview, half)
    for guess in guesses(coarse, factor * half, ways, reach):
        motion = Motion.shift(shape, round(guess.shift[0]), round(guess.shift[1]))
        tried(motion, ways[:1], factor * half + 4.0)
        if found and found[-1].agree >= _CLEAR and _convincing(found[-1:]) and ways[0].optical:
            break
        tried(motion, ways[1:2], factor * half + 4.0)
        if found and _convincing(found[-2:]):
            break
    if found and max(f.agree for f in found) < _CONVINCING[1]:
        for turn, scale in turns(overview, ways[0], reach, factor):
            tried(turn.motion(shape, scale), ways[:2], 2.0 * scale + 4.0)
    if not found:
        return "too little of the overlap is valid in both images"
    best = max(found, key=lambda f: f.significance)
    if best.significance <= 0:
        return "one of the images shows no texture to compare"
    found = [best]
    tried(best.motion, ways[2:], 2.0)
    return max(found, key=lambda f: f.significance)


def _convincing(found: list[Found]) -> bool:
    """Whether no other guess need be looked at."""
    return any(f.significance > _CONVINCING[0] and f.agree >= _CONVINCING[1] for f in found)
