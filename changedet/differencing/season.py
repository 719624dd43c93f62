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
LEAST_TURN = 0.05
"""and by which its index follows that of the vegetated ground, up or down, at least."""
ALIKE = 0.1
"""Two places look alike if their brightness differs by less than this, root mean square over bands
of the natural logarithm."""
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
    """What the ground looked like at both dates, pixel by pixel of a sample."""

    red: int
    """Position of the red band."""
    nir: int
    """Position of the near infrared band."""
    before: np.ndarray
    """(band, n) logarithm of brightness of the sample before."""
    after: np.ndarray
    """The same afterwards."""
    trend: float
    """Change of the vegetation index of vegetated ground: its median."""

    def explains(self, before: np.ndarray, after: np.ndarray, own_share: np.ndarray) -> np.ndarray:
        """Which objects did what their like did elsewhere, (n,) bool.

        Parameters
        ----------
        before, after : (n, band) arrays
            Mean pixel values of each object at the two dates.
        own_share : (n,) array
            Its share of the observed ground: its own pixels in the sample are no evidence.
        """
        index = [vegetation_index(v[:, self.red], v[:, self.nir]) for v in (before, after)]
        turn = (index[1] - index[0]) * np.sign(self.trend)
        out: np.ndarray = (np.maximum(*index) >= GREEN) & (turn >= LEAST_TURN)
        asked = np.flatnonzero(out)
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            own = own_share[part] * self.before.shape[1]
            like = _alike(self.before, _logarithm(before[part].T))
            both = like & _alike(self.after, _logarithm(after[part].T))
            total, same = like.sum(axis=1) - own, both.sum(axis=1) - own
            out[part] = (total >= LEAST_ALIKE) & (same >= SHARE * total)
        return out


def _logarithm(pixels: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(pixels, 1e-6)).astype(np.float32)


def _alike(sample: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Which pixels of the sample look like each object, (object, pixel) bool."""
    total = np.zeros((asked.shape[1], sample.shape[1]), dtype=np.float32)
    for mine, other in zip(asked, sample, strict=True):
        total += (mine[:, None] - other) ** 2
    near: np.ndarray = total < np.float32(ALIKE**2 * len(sample))
    return near


def fit_season(sample: Sample, roles: tuple[str, ...]) -> Season | None:
    """Look at what the ground did; None without red and near infrared, or without vegetation.

    Fails where a whole kind of vegetation was cleared at once, which then is what its like did.
    """
    if "red" not in roles or "nir" not in roles:
        return None
    red, nir = roles.index("red"), roles.index("nir")
    before, after = sample.pixels(PIXELS)
    index = [vegetation_index(v[red], v[nir]) for v in (before, after)]
    green = np.maximum(*index) >= GREEN
    if green.sum() < LEAST_ALIKE:
        return None
    trend = float(np.median((index[1] - index[0])[green]))
    return Season(red, nir, _logarithm(before), _logarithm(after), trend)
