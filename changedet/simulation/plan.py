"""The ground plan of a rail yard: its frame, and where its parts lie across it."""

from __future__ import annotations

import numpy as np

from changedet.simulation.bodies import Body
from changedet.simulation.noise import generator
from changedet.simulation.settled import Settled
from changedet.simulation.shapes import Axes


def yard_axes(seed: int) -> Axes:
    """Return the frame of the yard: u along the main tracks."""
    return Axes(float(generator(seed, "axes").uniform(5.0, 13.0)))


class Plan:
    """Offsets (v, metres to the left of the main tracks) and lengths of the parts of the site.

    Parameters
    ----------
    axes : Axes
        Frame of the yard.
    site : Settled
        Size of the site.
    top, low : float
        Offsets of the outermost tracks.
    """

    def __init__(self, axes: Axes, site: Settled, top: float, low: float) -> None:
        self.axes, self.site = axes, site
        self.half = site.width_m / 2
        self.top, self.low = top, low
        self.pad_top = low - 4.6
        self.pad_depth = min(44.0, site.height_m * 0.13)
        self.pad_length = min(0.40 * site.width_m, 260.0)
        self.pad_u = 0.10 * site.width_m
        self.road_south = self.pad_top - self.pad_depth - 22.0
        self.road_north = top + 58.0
        self.station_u = -0.04 * site.width_m
        self.station_length = min(130.0, 0.35 * site.width_m)

    def inside(self, body: Body, beyond: float) -> bool:
        """Whether a body lies in the site, or at most ``beyond`` metres outside it."""
        x, y = np.abs(body.outline[:, 0]), np.abs(body.outline[:, 1])
        return bool(
            np.all(x < self.site.width_m / 2 + beyond)
            and np.all(y < self.site.height_m / 2 + beyond)
        )

    def zones(self) -> list[tuple[str, np.ndarray]]:
        """Names and outlines of the places one would watch."""
        half, xy = self.half, self.axes.xy

        def band(low: float, high: float) -> np.ndarray:
            return xy([-half, half, half, -half], [low, low, high, high])

        pad_v = self.pad_top - self.pad_depth / 2 - 0.3
        return [
            ("yard", band(self.low - 2.6, self.top + 2.6)),
            ("pad", self.axes.box(self.pad_u, pad_v, self.pad_length, self.pad_depth)),
            ("road", self.axes.box(0, self.road_south, 2 * half, 11.0)),
            ("village", band(self.road_north + 5, self.road_north + 88)),
        ]
