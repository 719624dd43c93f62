"""Where things are and where an image says they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from pyproj import CRS, Transformer

from changedet.model import WGS84, Grid
from changedet.simulation.noise import generator
from changedet.simulation.options import SceneOptions
from changedet.simulation.settled import Settled


@dataclass(frozen=True, eq=False)
class SiteFrame:
    """Metres east and north of the middle of the site, in its UTM zone."""

    crs: CRS
    x0: float
    y0: float

    @classmethod
    def around(cls, lon: float, lat: float) -> SiteFrame:
        """Return the frame about a place."""
        zone = min(60, int((lon + 180) // 6) + 1)
        crs = CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)
        x, y = Transformer.from_crs(WGS84, crs, always_xy=True).transform(lon, lat)
        # whole multiples of 120 m: grids of every usual pixel size then share corners
        return cls(crs, round(x / 120) * 120.0, round(y / 120) * 120.0)

    def to_crs(
        self, crs: CRS | None, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in another CRS (None: the site's own) of site metres."""
        x, y = np.asarray(x) + self.x0, np.asarray(y) + self.y0
        if crs is None or crs == self.crs:
            return x, y
        a, b = Transformer.from_crs(self.crs, crs, always_xy=True).transform(x, y)
        return np.asarray(a), np.asarray(b)

    def from_crs(
        self, crs: CRS | None, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Site metres of coordinates in another CRS (None: the site's own)."""
        if crs is not None and crs != self.crs:
            x, y = Transformer.from_crs(crs, self.crs, always_xy=True).transform(x, y)
        return np.asarray(x) - self.x0, np.asarray(y) - self.y0


def make_grid(frame: SiteFrame, crs: CRS, width_m: float, height_m: float, gsd: float) -> Grid:
    """Return a north-up grid of square ground pixels over the site."""
    x, y = frame.to_crs(crs, np.array([0.0, 50.0, 0.0]), np.array([0.0, 0.0, 50.0]))
    # length of one ground metre along each axis of the CRS
    if crs == frame.crs:
        step_x = step_y = gsd
    else:
        step_x = math.hypot(x[1] - x[0], y[1] - y[0]) / 50 * gsd
        step_y = math.hypot(x[2] - x[0], y[2] - y[0]) / 50 * gsd
    width, height = round(width_m / gsd), round(height_m / gsd)
    left, top = x[0] - width / 2 * step_x, y[0] + height / 2 * step_y
    return Grid(Affine(step_x, 0.0, float(left), 0.0, -step_y, float(top)), height, width, crs)


@dataclass(frozen=True, eq=False)
class Correction:
    """What must be added to recorded coordinates (site metres) to get true ones."""

    east: float = 0.0
    """Constant part, metres."""
    north: float = 0.0
    """Constant part, metres."""
    turn: float = 0.0
    """Rotation, radians."""
    scale: float = 0.0
    """Relative scale."""
    waves: np.ndarray | None = None
    """(2, k, 4): amplitude (m), wave numbers along x and y (rad/m), phase, for east and north."""

    @classmethod
    def of(cls, options: SceneOptions, site: Settled, seed: int) -> Correction:
        """Undo the geolocation error that the options plant."""
        waves = None
        if options.shift_field_px > 0:
            rng = generator(seed, "shift field")
            waves = np.empty((2, 3, 4))
            extent = max(site.width_m, site.height_m)
            for k in range(2):
                weights = np.array([0.5, 0.3, 0.2]) * options.shift_field_px * site.gsd_before
                number = 2 * math.pi / (extent * np.array([1.3, 0.8, 0.5]))
                a = rng.uniform(0, 2 * math.pi, 3)
                waves[k] = np.column_stack(
                    [weights, number * np.cos(a), number * np.sin(a), rng.uniform(0, 6.283, 3)]
                )
        return cls(
            -options.shift_m[0], -options.shift_m[1], -math.radians(options.rotation_deg),
            -options.scale_ppm * 1e-6, waves,
        )  # fmt: skip

    @property
    def plain(self) -> bool:
        """Whether it is the same everywhere."""
        return self.turn == 0 and self.scale == 0 and self.waves is None

    def at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Correction east and north, metres, at recorded positions."""
        c, s, k = math.cos(self.turn), math.sin(self.turn), 1 + self.scale
        east = self.east + k * (c * x - s * y) - x
        north = self.north + k * (s * x + c * y) - y
        if self.waves is not None:
            for amplitude, kx, ky, phase in self.waves[0]:
                east = east + amplitude * np.sin(kx * x + ky * y + phase)
            for amplitude, kx, ky, phase in self.waves[1]:
                north = north + amplitude * np.sin(kx * x + ky * y + phase)
        return east, north

    def recorded(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Recorded position of true positions."""
        u, v = x, y
        for _ in range(12):
            east, north = self.at(u, v)
            u, v = x - east, y - north
        return u, v
