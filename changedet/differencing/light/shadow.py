"""Cast shadows that moved because the sun did: told from change by colour and by geometry.

Colour: a shadow takes away direct sunlight and leaves the bluer light of the sky, so the logarithm
of the brightness falls in all bands, least in blue. Geometry: a shadow of one date has its base at
whatever casts it. Going from a darkened pixel towards the sun, as long as it stays dark, the ground
point that casts onto it cast in the other image too, in that sun's direction and length; there the
other image must be dark as well. A dark wagon that arrived has the colour at most by chance, and no
counterpart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.light.casters import BEYOND_WALL_PX, NOTHING, ROOF_M, Walk
from changedet.model import Grid

VISIBLE = ("blue", "green", "red")
SKYLIGHT = {"blue": 0.77, "green": 1.0, "red": 1.06, "nir": 1.17}
"""Depth of a shadow by band, as a multiple of its mean depth in the visible: clear-sky light is
bluer than sunlight. The scene's own values are used within :data:`SKYLIGHT_RANGE` of these."""
SKYLIGHT_RANGE = 0.15
TOLERANCE = {"blue": 0.16, "green": 0.12, "red": 0.12, "nir": 0.40}
"""Deviation from that multiple which haze and different ground bring about."""
NIR_DEEPER = 0.5
"""The near infrared may fall by more, of which so much is counted: where all of the image holds
some haze or light of the sky, its floor is guessed too high."""
RIM_TOLERANCE = 1.6
"""The same for pixels on the rim of a shadow, which are mixed: so many times as much."""
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
DEEP = 0.8
"""Pixels darker than this share of the other date's value may lie in a shadow."""
LEAST_DEEP = 1000
"""So many of them are needed to tell haze from shade."""
FLOORS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""Shares of the first guess of the dark level that are tried;"""
FLOOR_GAIN = 0.02
"""a lower one must explain so much more of what changed."""
FLOOR_PIXELS = 20_000
"""Pixels on which they are tried, at most."""
LEAST_COLOURED = 200
"""Fewer pixels say nothing."""
PITCHES_DEG = (10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0)
"""Slopes of roofs and heaps."""
SKY_SHARE = 0.3
"""Light that comes from the sky, as a share of that on level ground."""


@dataclass(frozen=True, eq=False)
class ShadowModel:
    """What a shadow looks like in this pair, and where the sun stood."""

    bands: tuple[int, ...]
    """Positions of blue, green, red and, if there, near infrared."""
    dark_level: np.ndarray
    """(len(bands),) what a pixel of no reflectance shows: haze and offset."""
    depth: np.ndarray
    """(len(bands),) depth of a shadow by band over its mean depth in the visible."""
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

    def coloured(self, before: np.ndarray, after: np.ndarray, tolerance: float = 1.0) -> np.ndarray:
        """Where the difference of two logarithms has the colour of a shadow, (y, x) bool."""
        difference = after - before
        visible = (difference[0] + difference[1] + difference[2]) * np.float32(1 / 3)
        strong = (np.abs(visible) > MINIMUM_DEPTH) & (np.abs(visible) < MAXIMUM_DEPTH)
        safe = np.where(strong, visible, np.float32(1.0))
        names = ("blue", "green", "red", "nir")
        for i in range(len(self.bands)):
            off = difference[i] / safe - np.float32(self.depth[i])
            if names[i] == "nir":
                off = np.where(off > 0, off * np.float32(NIR_DEEPER), off)
            strong &= np.abs(off) < tolerance * TOLERANCE[names[i]]
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
        levels = [np.ascontiguousarray(v[:3].mean(axis=0)) for v in (before, after)]
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
            "depth_by_band": [float(v) for v in self.depth],
        }


def shadow_offset(grid: Grid, azimuth_deg: float, elevation_deg: float) -> tuple[float, float]:
    """Where the shadow of a thing one metre tall ends, in (rows, columns) of the grid."""
    return _offset(grid, azimuth_deg, 1.0 / math.tan(math.radians(max(elevation_deg, 5.0))))


def lean_offset(grid: Grid, azimuth_deg: float, off_nadir_deg: float) -> tuple[float, float]:
    """Where the top of a thing one metre tall is seen, (rows, columns) of the grid from its foot.

    Parameters
    ----------
    grid : Grid
        The common grid.
    azimuth_deg : float
        Direction from the ground to the sensor, clockwise from north.
    off_nadir_deg : float
        View angle from the vertical.
    """
    return _offset(grid, azimuth_deg, math.tan(math.radians(min(off_nadir_deg, 60.0))))


def _offset(grid: Grid, azimuth_deg: float, length: float) -> tuple[float, float]:
    """Rows and columns of a step of so many metres away from an azimuth.

    The CRS is taken to point north along its second axis: the convergence of a projection is
    below a few degrees where it is fit for use.
    """
    east = -length * math.sin(math.radians(azimuth_deg))
    north = -length * math.cos(math.radians(azimuth_deg))
    t, steps = grid.transform, grid.pixel_size_m
    if steps is None:
        return (0.0, 0.0)
    # Unit vectors of one column and one row step on the ground.
    col = np.array([t.a, t.d]) / math.hypot(t.a, t.d) * steps[1]
    row = np.array([t.b, t.e]) / math.hypot(t.b, t.e) * steps[0]
    cols, rows = np.linalg.solve(np.column_stack([col, row]), [east, north])
    return float(rows), float(cols)


def fit_shadow(
    before: np.ndarray,
    after: np.ndarray,
    changed: np.ndarray,
    roles: tuple[str, ...],
    away: tuple[tuple[float, float], tuple[float, float]],
    gsd_m: float,
) -> ShadowModel | None:
    """Learn the colour of shadows from the pair.

    Parameters
    ----------
    before, after : (band, n) float32 arrays
        Jointly valid pixels, before in the radiometry of after.
    changed : (n,) bool array
        Which of them look changed.
    roles : tuple of str
        One a band; without blue, green and red there is no model.
    away : tuple
        From :func:`shadow_offset` for the two dates.
    gsd_m : float
        Size of a pixel, metres.

    Returns
    -------
    ShadowModel or None
    """
    if not set(VISIBLE) <= set(roles) or not before.size:
        return None
    names = [*VISIBLE, *(["nir"] if "nir" in roles else [])]
    bands = tuple(roles.index(n) for n in names)
    dark = _dark_level(before[list(bands)], after[list(bands)], changed)
    expected = np.array([SKYLIGHT[n] for n in names])
    expected /= expected[:3].mean()
    model = _best_floor(ShadowModel(bands, dark, expected, away, gsd_m), before, after, changed)
    dark = model.dark_level
    logs = [model.logarithms(v[:, changed][:, None, :])[:, 0] for v in (before, after)]
    difference = logs[1] - logs[0]
    visible = difference[:3].mean(axis=0)
    together = (np.abs(visible) > 0.3) & (np.sign(difference) == np.sign(visible)).all(axis=0)
    if together.sum() < 200:
        return model
    depth = np.median(difference[:, together] / visible[together], axis=1)
    depth = np.clip(depth, expected - SKYLIGHT_RANGE, expected + SKYLIGHT_RANGE)
    return ShadowModel(bands, dark, depth, away, gsd_m)


def _best_floor(
    model: ShadowModel, before: np.ndarray, after: np.ndarray, changed: np.ndarray
) -> ShadowModel:
    """The dark level with which most of what changed has the colour of a shadow.

    The darkest pixels may be shadows on dark ground: taken for black they make every shadow look
    too deep, and deeper in the visible than in the near infrared.
    """
    few = np.flatnonzero(changed)
    few = few[:: max(1, len(few) // FLOOR_PIXELS)]
    if len(few) < LEAST_COLOURED:
        return model
    pair = [v[:, few][:, None, :] for v in (before, after)]
    best, most = model, 0
    for share in FLOORS:
        tried = replace(model, dark_level=model.dark_level * share)
        first, second = (tried.logarithms(v) for v in pair)
        count = int(np.count_nonzero(tried.coloured(first, second)))
        if count > most * (1 + FLOOR_GAIN):
            best, most = tried, count
    return best


def _dark_level(before: np.ndarray, after: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """What a pixel of no reflectance shows, by band: haze and offset.

    Not more than the darkest pixels, which may be shadows themselves. Where pixels changed by
    enough in all bands alike, the darker of the two values is a share of the lighter one, and what
    haze adds shows as the line's value where the two are equal.
    """
    darkest = np.array([0.95 * float(np.quantile(band, 0.001)) for band in after])
    together = np.abs(np.sign(after - before).sum(axis=0)) == len(after)
    lit, shaded = np.maximum(before, after), np.minimum(before, after)
    deep = shaded[:3].mean(axis=0) < DEEP * lit[:3].mean(axis=0)
    chosen = changed & together & deep
    if chosen.sum() < LEAST_DEEP:
        return darkest
    out = darkest.copy()
    for k in range(len(out)):
        x, y = lit[k, chosen], shaded[k, chosen]
        edges = np.quantile(x, np.linspace(0.02, 0.98, 13))
        index = np.digitize(x, edges)
        classes = [index == i for i in range(1, 13)]
        if min(int(c.sum()) for c in classes) < 20:
            continue
        middle = np.array([[np.median(x[c]), np.median(y[c])] for c in classes], dtype=np.float64)
        slope, start = np.polyfit(middle[:, 0], middle[:, 1], 1)
        if 0.1 < slope < 0.6:
            low, high = sorted((0.5 * darkest[k], darkest[k]))
            out[k] = np.clip(start / (1.0 - slope), low, high)
    return out
