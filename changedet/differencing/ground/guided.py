"""Pooling over the segments that both dates show, without cutting the image into segments.

Pixels of one roof, one wagon or one field are many looks at one thing, those beyond its edge are
not. A guided filter (He, Sun and Tang, IEEE TPAMI 35:1397 (2013), doi:10.1109/TPAMI.2012.213) says
in every neighbourhood what of the statistic goes along with the brightness of the images, and
averages the rest: it pools within what looks alike **at both dates**, so that edges of either stop
it. Unlike with segments nothing is decided, and a pixel's value depends on its neighbourhood only.
Fails where a thing has the brightness of its surroundings at both dates: it is then blurred with
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from changedet.differencing.ground.filters import GUARD, ValidSmoother, gaussian_radius

SPREAD = (0.1, 0.9)
"""Quantiles of brightness whose distance is the contrast of a scene."""
NARROWEST_PX = 0.7
"""A neighbourhood narrower than this pools nothing."""


@dataclass(frozen=True)
class Guide:
    """Fitted pooling over what looks alike at both dates."""

    window: float
    """Width of the Gaussian neighbourhood, pixels."""
    middle: float
    """Typical brightness."""
    contrast: float
    """Brightness by which the scene's surfaces differ."""
    least: float
    """Square of the contrast, as a share of the scene's, below which there is no edge."""

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood."""
        return 2 * gaussian_radius(self.window) + GUARD

    def pool(
        self, statistic: np.ndarray, before: np.ndarray, after: np.ndarray, valid: np.ndarray
    ) -> np.ndarray:
        """Pool a statistic.

        Parameters
        ----------
        statistic : (y, x) float32 array
            Not negative; invalid pixels do not count.
        before, after : (y, x) float32 arrays
            The mean of the bands, before in the radiometry of after.
        valid : (y, x) bool array
            Which pixels count.

        Returns
        -------
        (y, x) float32 array
            Not negative.
        """
        mean = ValidSmoother(valid, self.window)
        values = np.where(valid, statistic, np.float32(0.0))
        a, b = (self._in_units(image, valid) for image in (before, after))
        mean_a, mean_b, mean_v = mean(a), mean(b), mean(values)
        var_a = mean(a * a) - mean_a * mean_a + np.float32(self.least)
        var_b = mean(b * b) - mean_b * mean_b + np.float32(self.least)
        both = mean(a * b) - mean_a * mean_b
        with_a, with_b = mean(a * values) - mean_a * mean_v, mean(b * values) - mean_b * mean_v
        # the floor keeps the determinant away from zero: it is at least its square
        scale = np.float32(1.0) / np.maximum(var_a * var_b - both * both, np.float32(self.least**2))
        slope_a = (with_a * var_b - with_b * both) * scale
        slope_b = (with_b * var_a - with_a * both) * scale
        rest = mean_v - slope_a * mean_a - slope_b * mean_b
        out = mean(slope_a) * a + mean(slope_b) * b + mean(rest)
        return np.maximum(out, np.float32(0.0))

    def _in_units(self, image: np.ndarray, valid: np.ndarray) -> np.ndarray:
        centred = (image - np.float32(self.middle)) * np.float32(1.0 / self.contrast)
        return np.where(valid, centred, np.float32(0.0))


def fit_guide(
    window: float, least: float, images: Iterable[tuple[np.ndarray, np.ndarray]]
) -> Guide | None:
    """Measure the scene's contrast; None where the neighbourhood is too narrow or nothing differs.

    Parameters
    ----------
    window : float
        Width of the neighbourhood, pixels.
    least : float
        As in :class:`Guide`.
    images : iterable of (before, after)
        Means of the bands, valid pixels only, of a sample.
    """
    if window < NARROWEST_PX:
        return None
    values = np.concatenate([np.ravel(image) for pair in images for image in pair])
    if not values.size:
        return None
    low, middle, high = np.quantile(values.astype(np.float64), [SPREAD[0], 0.5, SPREAD[1]])
    if not high > low:
        return None
    # of a Gaussian 2.56 deviations lie between the two quantiles
    return Guide(window, float(middle), float((high - low) / 2.563), least)
