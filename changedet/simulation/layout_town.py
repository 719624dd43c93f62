"""A town: streets, blocks and what stands in them."""

from __future__ import annotations

import itertools
import math

import numpy as np
import shapely

from changedet.simulation.bodies import Body, Part
from changedet.simulation.buildings import flat_roofed, gabled
from changedet.simulation.country import Country
from changedet.simulation.shapes import Axes, blob, strip, worn


def _town_axes(c: Country) -> Axes:
    """Return the frame of the town: along the country's, north of the river."""
    middle = c.axes.xy(-0.05 * c.size, 0.12 * c.size)
    return Axes(c.axes.angle_deg, float(middle[0]), float(middle[1]))


def town_outline(c: Country) -> np.ndarray:
    """Corners of the town's rough edge."""
    axes = _town_axes(c)
    return blob(c.rng, axes.x0, axes.y0, 0.19 * c.size, 0.3)


def _streets(c: Country, step: float) -> np.ndarray:
    """Offsets of parallel streets, at uneven distances."""
    steps = c.rng.uniform(0.75, 1.35, 60) * step
    at = np.cumsum(steps)
    return at[at < 0.62 * c.size] - 0.31 * c.size


def add_town(c: Country, outline: shapely.Polygon, blocked: shapely.Geometry) -> None:
    """Fill the outline with streets and blocks: larger buildings in the middle."""
    axes = _town_axes(c)
    step = 95.0 * max(c.unit, 0.5)
    us, vs = _streets(c, step), _streets(c, step)
    c.layout.lay(np.asarray(outline.exterior.coords)[:-1], "grass_thin")
    lines = [axes.xy([u, u], [vs[0], vs[-1]]) for u in us]
    lines += [axes.xy([us[0], us[-1]], [v, v]) for v in vs]
    for line in lines:
        for part in shapely.get_parts(shapely.LineString(line).intersection(outline)):
            if not part.is_empty:
                c.layout.lay(strip(np.asarray(part.coords), 8.0), "asphalt_worn")
    for u, u1 in itertools.pairwise(us):
        for v, v1 in itertools.pairwise(vs):
            block = Axes(axes.angle_deg, *axes.xy((u + u1) / 2, (v + v1) / 2))
            length, depth = float(u1 - u) - 11, float(v1 - v) - 11
            plot = shapely.Polygon(block.box(0, 0, length, depth))
            if outline.contains(plot) and not blocked.intersects(plot):
                outward = math.hypot(block.x0 - axes.x0, block.y0 - axes.y0) / (0.19 * c.size)
                _block(c, block, length, depth, outward)


def _block(c: Country, axes: Axes, length: float, depth: float, outward: float) -> None:
    rng = c.rng
    ground = str(rng.choice(["grass_thin", "dirt", "concrete_old", "grass", "grass"]))
    c.layout.lay(worn(axes.box(0, 0, length, depth), rng, 0.5, 8.0), ground)
    kind = rng.uniform() + 0.35 * (1 - outward)
    if kind < 0.12:
        _trees(c, axes, length, depth, 26)
    elif kind > 0.9:
        size = (float(rng.uniform(0.5, 0.85)) * length, float(rng.uniform(0.3, 0.6)) * depth)
        height = float(rng.uniform(7, 14))
        hall = flat_roofed(axes, 0, 0, *size, height, c.roof(), rng, "hall")
        c.add(hall, c.fate(0.20))
    elif kind > 0.5:
        _slabs(c, axes, length, depth)
    else:
        _houses(c, axes, length, depth)


def _slabs(c: Country, axes: Axes, length: float, depth: float) -> None:
    """Rows of flats."""
    roof = c.roof()
    for dv in (-0.3, 0.3):
        size = (float(c.rng.uniform(0.6, 0.9)) * length, 13.0 * max(c.unit, 0.5))
        height = float(c.rng.uniform(9, 18))
        c.add(flat_roofed(axes, 0, dv * depth, *size, height, roof, c.rng), c.fate(0.15))
    _trees(c, axes, length, 0.2 * depth, 5)


def _houses(c: Country, axes: Axes, length: float, depth: float) -> None:
    """Houses along two streets, gardens and trees between."""
    for dv in (-0.32, 0.32):
        u = -length / 2 + 10
        while u < length / 2 - 8:
            size = (float(c.rng.uniform(10, 15)), float(c.rng.uniform(8, 10)))
            house = gabled(axes, u, dv * depth, *size, 4.0, c.roof(), c.rng)
            if c.rng.uniform() < 0.88:
                c.add(house, c.fate(0.04))
            u += float(c.rng.uniform(17, 26))
    _trees(c, axes, length, 0.3 * depth, 9)


def _trees(c: Country, axes: Axes, length: float, depth: float, count: int) -> None:
    """Crowns that stand too close to be told apart at ten metres."""
    for _ in range(count):
        u, v = c.rng.uniform(-0.45, 0.45, 2) * (length, depth)
        x, y = axes.xy(u, v)
        crown = blob(c.rng, float(x), float(y), float(c.rng.uniform(3, 7)), 0.3)[::4]
        height = float(c.rng.uniform(5, 9))
        c.layout.keep(Body("vegetation", "tree", crown, height, (Part(crown, "tree", height),)))
