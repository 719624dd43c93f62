"""Phenology: what became of one field, and what became of all that looked like it.

Crops ripen, meadows dry and trees turn, each kind in its own way, so that whole fields stand out
from what the detector fitted on all ground. A field that did what its like did elsewhere shows the
season. One that was cleared while its like stayed green does not, and is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.differencing.light.radiometry import vegetation_index
from changedet.differencing.sampling import Sample

SMALLEST_M2 = 500.0
"""Smaller objects are no fields, square metres."""
GREEN = {"infrared": 0.25, "visible": 0.06}
"""Vegetation index that a field reaches at one date at least, by the bands it is taken from,"""
LEAST_TURN = {"infrared": 0.05, "visible": 0.02}
"""and by which its index follows that of the vegetated ground, up or down, at least."""
ALIKE = 0.1
"""Two places look alike if their brightness differs by less than this, root mean square over bands
of the natural logarithm."""
LEAST_ALIKE = 200
"""So many sampled pixels elsewhere must have looked like the field before,"""
SHARE = 0.5
"""and this share of them looks like it afterwards: with half as much, twice as many of the changed
things are explained, and hardly more of the fields."""
PIXELS = 60_000
"""Pixels of the sample, at most."""
BATCH = 64
"""Objects that are compared with the sample at a time."""


@dataclass(frozen=True)
class Greenness:
    """A vegetation index: of red and near infrared, or of the visible bands without it."""

    kind: str
    """``infrared`` or ``visible``."""
    bands: tuple[int, ...]
    """Positions of red and near infrared, or of blue, green and red."""

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Index of pixels, (band, ...) to (...).

        The visible one is the green leaf index (2 G − R − B) / (2 G + R + B) of Louhaichi, Borman
        and Johnson 2001, doi:10.1080/10106040108542184.
        """
        if self.kind == "infrared":
            red, nir = (pixels[k] for k in self.bands)
            return vegetation_index(red, nir)
        blue, green, red = (pixels[k] for k in self.bands)
        return vegetation_index(0.5 * (blue + red), green)


@dataclass(frozen=True, eq=False)
class Season:
    """What the ground looked like at both dates, pixel by pixel of a sample."""

    greenness: Greenness
    """How green ground is told."""
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
        index = [self.greenness(v.T) for v in (before, after)]
        turn = (index[1] - index[0]) * np.sign(self.trend)
        kind = self.greenness.kind
        out: np.ndarray = (np.maximum(*index) >= GREEN[kind]) & (turn >= LEAST_TURN[kind])
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
    """Look at what the ground did; None without the bands that tell green, or vegetation.

    Fails where a whole kind of vegetation was cleared at once, which then is what its like did, and
    without near infrared in pictures with a cast of colour, in which too much or nothing is green.
    """
    kind = "infrared" if "nir" in roles else "visible"
    names = ("red", "nir") if kind == "infrared" else ("blue", "green", "red")
    if not set(names) <= set(roles):
        return None
    greenness = Greenness(kind, tuple(roles.index(n) for n in names))
    before, after = sample.pixels(PIXELS)
    index = [greenness(v) for v in (before, after)]
    green = np.maximum(*index) >= GREEN[kind]
    if green.sum() < LEAST_ALIKE:
        return None
    trend = float(np.median((index[1] - index[0])[green]))
    return Season(greenness, _logarithm(before), _logarithm(after), trend)
