"""Phenology: what became of one field, and what became of all that looked like it.

Crops ripen, meadows dry and trees turn, each kind in its own way, so that whole fields stand out
from what the detector fitted on all ground. A field that did what its like did elsewhere shows the
season. One that was cleared while its like stayed green does not, and is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.differencing.radiometry import vegetation_index
from changedet.differencing.sampling import Sample

SMALLEST_M2 = 500.0
"""Smaller objects are no fields, square metres."""
GREEN = 0.25
"""Vegetation index that a field reaches at one date at least."""
INDEX_ALIKE = 0.07
"""Two places look alike if their vegetation indices differ by less than this,"""
BRIGHTNESS_ALIKE = 0.2
"""and the logarithms of their brightness in red and near infrared by less than this."""
LEAST_ALIKE = 200
"""So many sampled pixels elsewhere must have looked like the field before,"""
SHARE = 0.25
"""and this share of them looks like it afterwards."""
PIXELS = 60_000
"""Pixels of the sample, at most."""
BATCH = 64
"""Objects that are compared with the sample at a time."""


@dataclass(frozen=True, eq=False)
class Season:
    """What vegetated ground looked like at both dates, pixel by pixel of a sample."""

    red: int
    """Position of the red band."""
    nir: int
    """Position of the near infrared band."""
    before: np.ndarray
    """(2, n) vegetation index and logarithm of brightness of the sample before."""
    after: np.ndarray
    """The same afterwards."""

    def explains(self, before: np.ndarray, after: np.ndarray, own_share: np.ndarray) -> np.ndarray:
        """Which objects did what their like did elsewhere, (n,) bool.

        Parameters
        ----------
        before, after : (n, band) arrays
            Mean pixel values of each object at the two dates.
        own_share : (n,) array
            Its share of the observed ground: its own pixels in the sample are no evidence.
        """
        old, new = self._features(before.T), self._features(after.T)
        out = np.zeros(len(before), dtype=bool)
        own = own_share * self.before.shape[1]
        for start in range(0, len(before), BATCH):
            part = slice(start, start + BATCH)
            like = _alike(self.before, old[:, part])
            both = like & _alike(self.after, new[:, part])
            total = like.sum(axis=1) - own[part]
            same = both.sum(axis=1) - own[part]
            out[part] = (total >= LEAST_ALIKE) & (same >= SHARE * total)
        green = np.maximum(old[0], new[0]) >= GREEN
        result: np.ndarray = out & green
        return result

    def _features(self, pixels: np.ndarray) -> np.ndarray:
        return _features(pixels[self.red], pixels[self.nir])


def _features(red: np.ndarray, nir: np.ndarray) -> np.ndarray:
    brightness = np.log(np.maximum(red + nir, 1e-6))
    return np.stack([vegetation_index(red, nir), brightness]).astype(np.float64)


def _alike(sample: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Which pixels of the sample look like each object, (object, pixel) bool."""
    near = np.abs(sample[0] - asked[0][:, None]) < INDEX_ALIKE
    near &= np.abs(sample[1] - asked[1][:, None]) < BRIGHTNESS_ALIKE
    return near


def fit_season(sample: Sample, roles: tuple[str, ...]) -> Season | None:
    """Look at what vegetated ground did; None without red and near infrared.

    Fails where a whole kind of vegetation was cleared at once, which then is what its like did.
    """
    if "red" not in roles or "nir" not in roles:
        return None
    red, nir = roles.index("red"), roles.index("nir")
    before, after = sample.pixels(PIXELS)
    return Season(red, nir, _features(before[red], before[nir]), _features(after[red], after[nir]))
