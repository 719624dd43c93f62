"""Local structure: whether two images show the same edges, whatever their brightness.

Gradients of the logarithm of brightness (a factor on the light leaves them as they are) are
gathered over a neighbourhood as structure tensors (Bigun and Granlund, Proc. ICCV 1987, p. 433):
how much edge there is, and in which direction modulo half a turn, so that a roof that turned from
brighter to darker than its surroundings keeps its structure. Being averages, the tensors forgive
an edge that moved by less than the neighbourhood, as under another view or sun. Two tensors are
compared as two images are in structural similarity (Wang and others, IEEE Transactions on Image
Processing 13:600 (2004), doi:10.1109/TIP.2003.819861): 0 where they agree, 1 where they have
nothing in common. Says nothing about ground without any structure, and blurs outlines by its
neighbourhood.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from changedet.differencing.ground.filters import GUARD, ValidSmoother, gaussian_radius, gradient

LIMIT = 8.0
"""Deviations beyond which a pixel counts no more in the pooling: one glint is no roof."""
POOLING_SIGMA = 0.7
"""Smoothing before the gradient, pixels."""
LEAST_BRIGHTNESS = 0.1
"""Share of the typical brightness that is added before the logarithm: shadows are noisy."""

LEAST_WEIGHT = np.float32(0.1)
"""What deviations count for where structure agrees: noise keeps its shape."""

Tensor = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Structure:
    """Fitted comparison of structure."""

    window: float
    """Width of the Gaussian neighbourhood, pixels."""
    dark: float
    """Brightness of ground that gives no light back, less what is added before the logarithm."""
    floor: float = 1.0
    """Energy of an edge that is hardly one; keeps flat ground quiet."""

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood."""
        return gaussian_radius(self.window) + gaussian_radius(POOLING_SIGMA) + 1 + GUARD

    def tensor(self, image: np.ndarray, valid: np.ndarray) -> Tensor:
        """Mean products of the gradients, ``(yy, xx, xy)``, of a (y, x) image."""
        pool, around = ValidSmoother(valid, POOLING_SIGMA), ValidSmoother(valid, self.window)
        lowest = np.float32(1e-3 * max(abs(self.dark), 1e-3))
        bright = np.log(np.maximum(pool(image - np.float32(self.dark)), lowest))
        dy, dx = gradient(bright)
        return around(dy * dy), around(dx * dx), around(dy * dx)

    def dissimilarity(self, before: np.ndarray, after: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """0 to 1, (y, x) float32."""
        a, b = self.tensor(before, valid), self.tensor(after, valid)
        floor = np.float32(self.floor**2)
        same = _product(a, b)
        unlike = np.float32(1.0) - (same + same + floor) / (_product(a, a) + _product(b, b) + floor)
        return np.clip(unlike, np.float32(0.0), np.float32(1.0))

    def weigh(
        self, square: np.ndarray, before: np.ndarray, after: np.ndarray, valid: np.ndarray
    ) -> np.ndarray:
        """Pooled deviations times the root of the dissimilarity.

        Parameters
        ----------
        square : (y, x) float32 array
            Mean square deviation over bands.
        before, after : (y, x) float32 arrays
            The mean of the bands, before in the radiometry of after.
        valid : (y, x) bool array
            Which pixels count.
        """
        pool = ValidSmoother(valid, 0.5 * self.window)
        pooled = np.maximum(pool(np.minimum(square, np.float32(LIMIT**2))), np.float32(0.0))
        unlike = self.dissimilarity(before, after, valid)
        return np.sqrt(pooled * (LEAST_WEIGHT + (1 - LEAST_WEIGHT) * unlike))


def _product(a: Tensor, b: Tensor) -> np.ndarray:
    """Inner product of two symmetric tensors."""
    cross = a[2] * b[2]
    return a[0] * b[0] + a[1] * b[1] + cross + cross


def fit_structure(
    window: float,
    dark: float,
    samples: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray, tuple]],
) -> Structure:
    """Estimate what is added before the logarithm, and the floor.

    Parameters
    ----------
    window : float
        Width of the neighbourhood, pixels.
    dark : float
        Brightness of ground that gives no light back.
    samples : iterable of (before, after, valid, core)
        Means of the bands with a halo, and the slices without.
    """
    blocks = list(samples)
    values = np.concatenate([after[core][valid[core]] for _, after, valid, core in blocks])
    typical = float(np.median(values)) - dark if values.size else 1.0
    raw = Structure(window, dark - LEAST_BRIGHTNESS * max(typical, 1e-3))
    weaker = []
    for before, after, valid, core in blocks:
        energies = [t[0] + t[1] for t in (raw.tensor(image, valid) for image in (before, after))]
        weaker.append(np.minimum(*energies)[core][valid[core]])
    floor = float(np.median(np.concatenate(weaker)))
    return Structure(window, raw.dark, floor if floor > 0 else 1.0)
