"""Local structure: whether two images show the same pattern, whatever its brightness.

Structural similarity (Wang and others, IEEE Transactions on Image Processing 13:600 (2004),
doi:10.1109/TIP.2003.819861) without its luminance term: 0 where the two patterns agree in shape and
strength, 1 where they have nothing in common, 2 where one is the other's negative. With few bands
brightness alone cannot tell a new roof from a dry field; the pattern can. Fails on ground without
any pattern, where it falls back to 0, and within a window's width of a change's border.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from changedet.differencing.filters import GUARD, ValidSmoother, gaussian_radius

LIMIT = 8.0
"""Deviations beyond which a pixel counts no more in the pooling: one glint is no roof."""


@dataclass(frozen=True)
class Structure:
    """Fitted comparison of patterns."""

    window: float
    """Width of the Gaussian neighbourhood, pixels."""
    centre: float
    """Value that is subtracted from both images, against rounding."""
    floor: float = 1.0
    """Variance of a pattern that is hardly one; keeps flat ground quiet."""
    typical: float = 1.0
    """Median dissimilarity of the pair: what sharpness, season and light make everywhere."""

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood beyond those of what is pooled."""
        return gaussian_radius(self.window) + GUARD

    def moments(
        self, before: np.ndarray, after: np.ndarray, valid: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Local variances of (y, x) before and after, and their covariance."""
        around = ValidSmoother(valid, self.window)
        x, y = before - np.float32(self.centre), after - np.float32(self.centre)
        mx, my = around(x), around(y)
        vx, vy = around(x * x) - mx * mx, around(y * y) - my * my
        zero = np.float32(0.0)
        return np.maximum(vx, zero), np.maximum(vy, zero), around(x * y) - mx * my

    def dissimilarity(self, before: np.ndarray, after: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """0 to 2, (y, x) float32."""
        vx, vy, c = self.moments(before, after, valid)
        floor = np.float32(self.floor)
        return np.float32(1.0) - (c + c + floor) / (vx + vy + floor)

    def weigh(
        self, square: np.ndarray, before: np.ndarray, after: np.ndarray, valid: np.ndarray
    ) -> np.ndarray:
        """Pooled deviations times the dissimilarity in units of what is typical.

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
        pooled = np.sqrt(np.maximum(pool(np.minimum(square, np.float32(LIMIT**2))), 0.0))
        return pooled * self.dissimilarity(before, after, valid) * np.float32(1.0 / self.typical)


def fit_structure(
    window: float, samples: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray, tuple]]
) -> Structure:
    """Estimate floor and typical dissimilarity.

    Parameters
    ----------
    window : float
        Width of the neighbourhood, pixels.
    samples : iterable of (before, after, valid, core)
        Means of the bands with a halo, and the slices without.
    """
    blocks = list(samples)
    values = [after[core][valid[core]] for _, after, valid, core in blocks]
    centre = float(np.median(np.concatenate(values)))
    raw = Structure(window, centre)
    weaker = []
    for before, after, valid, core in blocks:
        vx, vy, _ = raw.moments(before, after, valid)
        weaker.append(np.minimum(vx, vy)[core][valid[core]])
    floor = float(np.median(np.concatenate(weaker)))
    floored = Structure(window, centre, floor if floor > 0 else 1.0)
    seen = [
        floored.dissimilarity(before, after, valid)[core][valid[core]]
        for before, after, valid, core in blocks
    ]
    typical = float(np.median(np.concatenate(seen)))
    return Structure(window, centre, floored.floor, max(typical, 0.05))
