"""Cast shadows that moved because the sun did: told from change by colour and by geometry.

Colour: a shadow takes away direct sunlight and leaves the bluer light of the sky, so the logarithm
of the brightness falls in all bands, least in blue. Geometry: a shadow of one date has its base at
whatever casts it. Going from a darkened pixel towards the sun, as long as it stays dark, the ground
point that casts onto it cast in the other image too, in that sun's direction and length; there the
other image must be dark as well. A dark wagon that arrived has the colour at most by chance, and no
counterpart. Where it is not known which band is which, the pair tells how deep shadows are in each;
in one band geometry alone must tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.light.casters import BEYOND_WALL_PX, NOTHING, ROOF_M, Walk

SKYLIGHT = {"blue": 0.77, "green": 1.0, "red": 1.06, "nir": 1.17}
"""How strongly a change of direct sunlight shows by band, next to green: the light of the sky is
blue."""
SKYLIGHT_TOLERANCE = {"blue": 0.16, "green": 0.12, "red": 0.12, "nir": 0.40}
"""Deviation from that which haze and different ground bring about, as a share of the change."""
RIM_TOLERANCE = 1.6
"""So many times as much is allowed on the rim of a shadow, whose pixels are mixed."""
MINIMUM_DEPTH = 0.15
"""Shallower darkening (natural logarithm) is not looked at."""
MAXIMUM_DEPTH = 1.7
"""A shadow under a clear sky still gets a fifth of the light; what is darker is another thing."""
CASTER_HEIGHT_M = 15.0
"""Tallest thing whose shadow is followed, metres."""
SLIVER_HEIGHT_M = 8.0
"""Height of the things whose shadows leave the slivers that are looked for, metres."""
RIM_PX = 2
"""Pixels with the colour of a shadow count with one this near."""
BLUR_PX = 5.0
"""Width at which the narrowest change is outlined, pixels: pooling spreads it."""
LONGEST_PX = 96
"""Longest shadow that is followed, pixels: low suns over fine pixels are cut here."""
PITCHES_DEG = (10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0)
"""Slopes of roofs and heaps."""
SKY_SHARE = 0.3
"""Light that comes from the sky, as a share of that on level ground."""


@dataclass(frozen=True, eq=False)
class ShadowColour:
    """How deep a shadow is in each band, as far as that is known."""

    depth: np.ndarray
    """(band,) over its mean depth in the bands that make up brightness."""
    tolerance: np.ndarray
    """(band, 2) how much shallower and how much deeper it may be: haze and different ground."""
    bright: int
    """So many bands, the first ones, make up brightness."""
    named: bool = True
    """Whether bands are known to be blue, green, red and, if there, near infrared."""
    told: bool = True
    """Whether the depth of each is known, by its name or from the pair: without it, where shadows
    fall must tell alone."""

    def brightness(self, logarithms: np.ndarray) -> np.ndarray:
        """Mean of the logarithms (or of their differences) that make up brightness, (y, x)."""
        total: np.ndarray = np.add.reduce(logarithms[: self.bright], axis=0)
        return total * np.float32(1.0 / self.bright)


@dataclass(frozen=True, eq=False)
class ShadowModel:
    """What a shadow looks like in this pair, and where the sun stood."""

    bands: tuple[int, ...]
    """Positions of blue, green, red and, if there, near infrared; or of all bands, where it is not
    known which is which."""
    dark_level: np.ndarray
    """(len(bands),) what a pixel of no reflectance shows: haze and offset."""
    colour: ShadowColour
    """How deep a shadow is by band."""
    away: tuple[tuple[float, float], tuple[float, float]]
    """(before, after): where the shadow of a thing one metre tall ends, (rows, columns)."""
    gsd_m: float = 1.0
    """Size of a pixel, metres."""
    source: str = "given"
    """How the suns' positions are known: ``metadata``, ``given``, ``estimated``."""

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`counterparts` needs."""
        longest = max(math.ceil(self._reach(i)) for i in (0, 1))
        return longest + max(BEYOND_WALL_PX) + round(ROOF_M / self.gsd_m) + 2

    @property
    def sliver_px(self) -> float:
        """How far the shadow of a house travels from one date to the other, pixels."""
        before, after = self.away
        travelled = math.hypot(after[0] - before[0], after[1] - before[1])
        return math.hypot(SLIVER_HEIGHT_M * travelled, BLUR_PX)

    def _reach(self, date: int) -> float:
        return min(CASTER_HEIGHT_M * math.hypot(*self.away[date]), LONGEST_PX)

    def logarithms(self, pixels: np.ndarray) -> np.ndarray:
        """Logarithm of the reflected light, (len(bands), y, x), without haze."""
        out = np.empty((len(self.bands), *pixels.shape[1:]), dtype=np.float32)
        for i, k in enumerate(self.bands):
            floor = np.float32(max(0.05 * abs(self.dark_level[i]), 1e-3))
            out[i] = np.log(np.maximum(pixels[k] - np.float32(self.dark_level[i]), floor))
        return out

    def darker(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Where the second of two logarithms is the darker one, (y, x) bool."""
        out: np.ndarray = self.colour.brightness(after - before) < 0
        return out

    def coloured(self, before: np.ndarray, after: np.ndarray, tolerance: float = 1.0) -> np.ndarray:
        """Where the difference of two logarithms has the colour of a shadow, (y, x) bool."""
        difference = after - before
        bright = self.colour.brightness(difference)
        strong = (np.abs(bright) > MINIMUM_DEPTH) & (np.abs(bright) < MAXIMUM_DEPTH)
        safe = np.where(strong, bright, np.float32(1.0))
        of_bands = zip(difference, self.colour.depth, self.colour.tolerance, strict=True)
        for band, depth, (shallower, deeper) in of_bands:
            off = band / safe - np.float32(depth)
            strong &= (off > -tolerance * shallower) & (off < tolerance * deeper)
        return strong

    def explains(self, before: np.ndarray, after: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Where the difference is a shadow that moved, (y, x) bool.

        Pixels with the colour and the counterpart, and beside them those with the colour alone:
        the rim of a shadow is mixed and its counterpart easily missed.

        Parameters
        ----------
        before, after : (band, y, x) float32 arrays
            From :meth:`logarithms`, with a margin of :attr:`halo` around the pixels that matter.
        wanted : (y, x) bool array
            Pixels that matter; the answer is True nowhere else.
        """
        import cv2

        near = cv2.dilate(wanted.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        rows, cols = np.nonzero(near & self.coloured(before, after))
        core = np.zeros(wanted.shape, dtype=np.uint8)
        core[rows, cols] = self.counterparts(before, after, rows, cols) != NOTHING
        # A lone pixel proves nothing: at least half of the 3 x 3 around it must agree.
        votes = cv2.boxFilter(core, cv2.CV_16U, (3, 3), normalize=False)
        core &= (votes >= 5).astype(np.uint8)
        grown = cv2.dilate(core, np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8))
        return wanted & (grown > 0) & self.coloured(before, after, RIM_TOLERANCE)

    def counterparts(
        self, before: np.ndarray, after: np.ndarray, rows: np.ndarray, cols: np.ndarray
    ) -> np.ndarray:
        """What lies where the shadow of one date should at the other, (n,) int8.

        Parameters
        ----------
        before, after : (band, y, x) float32 arrays
            From :meth:`logarithms`.
        rows, cols : (n,) int arrays
            Which pixels are asked for.

        Returns
        -------
        (n,) int8 array
            As :meth:`changedet.differencing.light.casters.Walk.counterpart` says.
        """
        levels = [self.colour.brightness(v) for v in (before, after)]
        darker = levels[1][rows, cols] < levels[0][rows, cols]
        out = np.zeros(len(rows), dtype=np.int8)
        for date, mine in ((1, darker), (0, ~darker)):
            away, away_other = np.array(self.away[date]), np.array(self.away[1 - date])
            reach = int(self._reach(date))
            walk = Walk(levels[date], levels[1 - date], away, away_other, reach, self.gsd_m)
            out[mine] = walk.counterpart(rows[mine], cols[mine])
        return out

    def slope_light(self, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest change that the sun's motion makes on a slope beside level ground.

        Parameters
        ----------
        direction : (n, 2) array
            Unit vectors (row, col) along the ridge.

        Returns
        -------
        low, high : (n,) arrays
            Of the logarithm of brightness, after less before, over both sides of the ridge and
            :data:`PITCHES_DEG`.
        """
        facing = np.concatenate(
            [direction[:, ::-1] * [1.0, -1.0], direction[:, ::-1] * [-1.0, 1.0]]
        )
        slope = np.tan(np.radians(PITCHES_DEG))
        logs = []
        for away in self.away:
            towards = -np.array(away) * self.gsd_m
            lit = (1.0 + np.outer(facing @ towards, slope)) / np.sqrt(1.0 + slope**2)
            logs.append(np.log(SKY_SHARE + (1.0 - SKY_SHARE) * np.maximum(lit, 0.0)))
        change = (logs[1] - logs[0]).reshape(2, len(direction), len(slope))
        return change.min(axis=(0, 2)), change.max(axis=(0, 2))

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {
            "source": self.source,
            "away_px_per_m": [[float(v) for v in end] for end in self.away],
            "dark_level": [float(v) for v in self.dark_level],
            "depth_by_band": [float(v) for v in self.colour.depth],
        }
