"""Where targets are planted: at random, on free ground, apart from each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from changedet.model import Grid, Image, ImageInfo, Places, TargetType, Window
from changedet.simulation.footprints import Footprint, GroundFrame, footprint
from changedet.simulation.image_quality import ImageQuality
from changedet.simulation.injection import Planting, make_planting

TRIES = 30
"""Places that are tried for a target before it waits for the next round."""
GIVE_UP = 40
"""Targets in a row without a place that end a round."""
GAP_PX = 10
"""Between two targets with their shadows, pixels."""
LANE_M = 2.0
"""Lorries stand up to so far beside the middle of a road."""
ON_TRACKS, ON_ROADS = ("railcar", "train"), ("truck",)


@dataclass(frozen=True)
class Wanted:
    """A target that is to be planted somewhere."""

    type: TargetType
    contrast: float
    colour: float
    darker: bool | None = None
    """Than its ground; None: as often as brighter."""


@dataclass(frozen=True, eq=False)
class Standing:
    """A target in its place."""

    wanted: Wanted
    row: float
    """Its middle."""
    col: float
    """Its middle."""
    bearing: float
    """Of its long side."""
    planting: Planting
    """How it looks."""
    reached: float
    """Contrast as planted."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where things may be planted and what the image is like."""

    grid: Grid
    """The common grid."""
    quality: ImageQuality
    """Of the after image."""
    info: ImageInfo
    """Of the after image."""
    free: Callable[[Window], np.ndarray]
    """(y, x) bool of a window inside the grid: observed, and nothing changed."""
    look: Callable[[Window], Image]
    """The after image in a window."""
    shadow_away: tuple[float, float] | None = None
    """(rows, columns) where the shadow of a thing one metre tall ends; None: not known."""
    lean_away: tuple[float, float] | None = None
    """(rows, columns) where the top of a thing one metre tall is seen, against its foot; None: not
    known."""
    zones: Places | None = None
    """Only there, if given; in the CRS of the grid."""
    tracks: Places | None = None
    """Wagons only there, and along them, if given."""
    roads: Places | None = None
    """Lorries only there, and along them, if given."""


class Spots:
    """Random places by kind of target."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.frame = GroundFrame(site.grid)
        self.zones = None if site.zones is None else _parts(site.zones)
        if self.zones is not None:
            shapely.prepare(self.zones)
            self.areas = shapely.area(self.zones)
        self.lines = {
            name: None if places is None else _parts(places)
            for name, places in (("tracks", site.tracks), ("roads", site.roads))
        }

    def draw(self, type: TargetType, rng: np.random.Generator) -> tuple[float, float, float] | None:
        """Row, column and bearing; None if this draw fell outside."""
        lines = None
        if type.kind in ON_TRACKS:
            lines = self.lines["tracks"]
        elif type.kind in ON_ROADS:
            lines = self.lines["roads"]
        if lines is not None:
            return self._on_line(lines, type, rng)
        bearing = float(rng.uniform(0, 180))
        if self.zones is None:
            row, col = (float(rng.uniform(0, n - 1)) for n in self.site.grid.shape)
            return row, col, bearing
        zone = self.zones[rng.choice(len(self.zones), p=self.areas / self.areas.sum())]
        left, low, right, high = zone.bounds
        x, y = float(rng.uniform(left, right)), float(rng.uniform(low, high))
        if not shapely.contains_xy(zone, x, y):
            return None
        place = self.site.grid.rowcol(x, y)
        return float(place[0]), float(place[1]), bearing

    def _on_line(
        self, lines: np.ndarray, type: TargetType, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        lengths = shapely.length(lines)
        line = lines[rng.choice(len(lines), p=lengths / lengths.sum())]
        at, half = float(rng.uniform(0, line.length)), type.length / 2
        middle, *ends = shapely.line_interpolate_point(
            line, [at, max(at - half, 0.0), min(at + half, line.length)]
        )
        one, other = ((p.x, p.y) for p in ends)
        bearing = self.frame.bearing(one, other)
        x, y = middle.x, middle.y
        if type.kind in ON_ROADS:
            off = float(rng.uniform(-LANE_M, LANE_M))
            along = math.hypot(other[0] - one[0], other[1] - one[1]) or 1.0
            x += off * (other[1] - one[1]) / along
            y -= off * (other[0] - one[0]) / along
        row, col = self.site.grid.rowcol(x, y)
        return float(row), float(col), bearing


def _parts(places: Places) -> np.ndarray:
    parts = shapely.get_parts(places.geometry)
    return parts[~shapely.is_empty(parts) & (shapely.get_dimensions(parts) > 0)]


def plant_round(
    queue: Sequence[Wanted], spots: Spots, rng: np.random.Generator, room_px: float
) -> tuple[list[Standing], list[Wanted]]:
    """Find places for as many targets as fit beside each other.

    Parameters
    ----------
    queue : sequence of Wanted
        In the order in which they are tried.
    spots : Spots
        Of the site.
    rng : numpy.random.Generator
        Draws places and looks.
    room_px : float
        Pixels that may be covered at most (one target always may).

    Returns
    -------
    standing : list of Standing
    left : list of Wanted
        Those for which there was no room this time.
    """
    standing: list[Standing] = []
    left: list[Wanted] = []
    taken: list[Any] = []
    covered, failed = 0, 0
    for n, wanted in enumerate(queue):
        if failed >= GIVE_UP or (standing and covered >= room_px):
            left += queue[n:]
            break
        found = _find(wanted, spots, rng, taken)
        if found is None:
            left.append(wanted)
            failed += 1
            continue
        failed = 0
        standing.append(found)
        covered += int(found.planting.place.inside.sum())
        taken.append(found.planting.place.hull)
    return standing, left


def _find(
    wanted: Wanted, spots: Spots, rng: np.random.Generator, taken: list[Any]
) -> Standing | None:
    """Try places until one is free."""
    site, type = spots.site, wanted.type
    for _ in range(TRIES):
        drawn = spots.draw(type, rng)
        if drawn is None:
            continue
        row, col, bearing = drawn
        corners = spots.frame.box(row, col, type.length, type.width, bearing)
        if not _inside(corners, site.grid):
            continue
        place = footprint(
            corners, site.quality.blur_px,
            _of_height(type, site.shadow_away), _of_height(type, site.lean_away),
        )  # fmt: skip
        if _is_free(place, site, taken):
            planting, reached = make_planting(
                place, site.look(place.window), (wanted.contrast, wanted.colour, wanted.darker),
                site.quality, site.info, rng, type.uneven,
            )  # fmt: skip
            return Standing(wanted, row, col, bearing, planting, reached)
    return None


def _inside(corners: np.ndarray, grid: Grid) -> bool:
    low, high = corners.min(axis=0), corners.max(axis=0)
    return bool((low >= 0).all() and (high <= np.array(grid.shape) - 1).all())


def _of_height(type: TargetType, away: tuple[float, float] | None) -> tuple[float, float] | None:
    """Where the top of a target comes to lie; None for flat ones, and straight above."""
    if away is None or type.height_m == 0 or away == (0.0, 0.0):
        return None
    rows, cols = away
    return type.height_m * rows, type.height_m * cols


def _is_free(place: Footprint, site: Site, taken: list[Any]) -> bool:
    """Whether all that it touches is seen, unchanged and apart from other targets."""
    window = place.window
    if window.intersect(site.grid.window) != window or not place.inside.any():
        return False
    if taken and shapely.distance(place.hull, np.array(taken)).min() < GAP_PX:
        return False
    return bool(site.free(window)[place.touched].all())
