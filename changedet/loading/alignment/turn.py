"""Rotation and scale of the first guess, from small overviews."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.alignment.features import Recipe, feature
from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.overview import shrink, tops
from changedet.model import ImagePair

_SIDE = (256, 512)
"""Longest side of the overviews of the first and the second search."""
_ANGLES = np.arange(-2.0, 2.01, 0.5)
"""Rotations tried first, degrees."""
_SCALES = np.arange(-0.02, 0.021, 0.01)
"""Scale errors tried first."""
_SHARP = 0.15
"""Highest frequency of the correlation, cycles per overview pixel."""


@dataclass(frozen=True)
class Turn:
    """A similarity: rotation, scale and shift that lay the after on the before overview."""

    angle: float
    """Degrees."""
    scale: float
    """Relative scale error."""
    shift: tuple[float, float]
    """(dy, dx) in overview pixels, after the turn."""
    strength: float
    """Height of the peak over the spread."""

    @property
    def matrix(self) -> np.ndarray:
        """(2, 2) turn in (row, col) order: before offsets to after offsets."""
        a = np.cos(np.radians(self.angle)) * (1 + self.scale)
        b = np.sin(np.radians(self.angle)) * (1 + self.scale)
        return np.array([[a, b], [-b, a]])

    def motion(self, shape: tuple[int, int], factor: float) -> Motion:
        """Return the correction on the full grid."""
        half = max(max(shape) - 1, 1) / 2
        turned = (np.eye(2) - self.matrix) * half
        shift = self.matrix @ np.array(self.shift) * factor
        return Motion(shape, "similarity", np.stack([shift, turned[:, 0], turned[:, 1]]))


def turns(overview: ImagePair, recipe: Recipe, reach: float, factor: int) -> list[tuple[Turn, int]]:
    """Best similarities, with the factor from their overview to the full grid, best first.

    Parameters
    ----------
    overview : ImagePair
    recipe : Recipe
    reach : float
        Largest shift, full pixels.
    factor : int
        From the overview to the full grid.
    """
    first = max(1, round(max(overview.grid.shape) / _SIDE[0]))
    second = max(1, round(max(overview.grid.shape) / _SIDE[1]))
    tries = [(float(a), float(s)) for a in _ANGLES for s in _SCALES]
    found = _searched(shrink(overview, first), recipe, reach / factor / first, tries)
    best = sorted(found, key=lambda t: -t.strength)[:1]
    steps = (-0.25, 0.0, 0.25)
    near = [(t.angle + da, t.scale + ds * 0.02) for t in best for da in steps for ds in steps]
    finer = _searched(shrink(overview, second), recipe, reach / factor / second, near)
    finer.sort(key=lambda t: -t.strength)
    return [(t, factor * second) for t in finer[:2]]


def _searched(
    pair: ImagePair, recipe: Recipe, reach: float, tries: list[tuple[float, float]]
) -> list[Turn]:
    import cv2
    import scipy.fft

    f, g = (
        feature(image.pixels, image.valid, recipe, date)
        for date, image in enumerate((pair.before, pair.after))
    )
    h, w = f.shape
    shape = [scipy.fft.next_fast_len(int(1.5 * n) + 1) for n in f.shape]
    fy, fx = (scipy.fft.fftfreq(n)[:, None] for n in shape)
    gate = np.exp(-0.5 * (fy**2 + fx.T**2) / _SHARP**2).astype(np.float32)
    one = scipy.fft.fft2(f, s=shape, workers=2)
    one *= gate / np.maximum(np.abs(one), 1e-20)
    out = []
    for angle, scale in tries:
        m = Turn(angle, scale, (0.0, 0.0), 0.0).matrix
        # OpenCV wants (x, y)
        turn = np.array([[m[1, 1], m[1, 0]], [m[0, 1], m[0, 0]]])
        middle = np.array([(w - 1) / 2, (h - 1) / 2])
        affine = np.column_stack([turn, middle - turn @ middle])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid = [
            cv2.warpAffine(np.ascontiguousarray(p), affine, (w, h), flags=flags)
            for p in (g.real, g.imag)
        ]
        other = scipy.fft.fft2((laid[0] + 1j * laid[1]).astype(np.complex64), s=shape, workers=2)
        other /= np.maximum(np.abs(other), 1e-20)
        surface = scipy.fft.fftshift(scipy.fft.ifft2(one * other.conj(), workers=2).real)
        for dy, dx, strength in tops(surface, reach + 1, 1, 8):
            out.append(Turn(angle, scale, (float(dy), float(dx)), strength))
    return out
