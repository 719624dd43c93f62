"""What surrounds a rail yard: roads, houses with their gardens, plots and trees."""

from __future__ import annotations

import math

import numpy as np

from changedet.simulation.bodies import Layout, Part
from changedet.simulation.buildings import flat_roofed, gabled, tree
from changedet.simulation.plan import Plan
from changedet.simulation.shapes import Axes, strip, worn

HOUSE_ROOFS = (
    "roof_grey", "roof_orange", "roof_grey", "roof_dark", "roof_rust", "roof_blue", "roof_red",
)  # fmt: skip
CROPS = ("crop", "crop_late", "soil", "stubble", "meadow", "soil_dark", "crop")


def add_roads(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """A paved road on each side, with verges and worn lanes, and dirt ways."""
    u = np.arange(-plan.half - 60, plan.half + 61, 4.0)
    bend = 3.0 * np.sin(u / 90 + float(rng.uniform(0, 6)))
    for name, v, width in (
        ("south road", plan.road_south + 0 * u, 7.4),
        ("village road", plan.road_north + bend, 6.0),
    ):
        line = plan.axes.xy(u, v)
        layout.lay(worn(strip(line, width + 5.5), rng, 0.5), "grass_thin")
        layout.lay(worn(strip(line, width + 2.4), rng, 0.25), "dirt")
        layout.lay(strip(line, width), "asphalt")
        for offset in (-width / 4, width / 4):
            layout.lay(strip(line, width / 5, offset), "asphalt_worn")
        if name == "south road":
            for i in range(0, len(line) - 2, 2):
                layout.lay(strip(line[i : i + 2], 0.18), "marking")
        layout.roads.append((name, line))
    k = np.linspace(0, 1, 12)
    start = plan.station_u - 0.3 * plan.station_length
    for u0, u1, v0, v1 in (
        (start - 20, start, plan.road_north, plan.top + 46),
        (-0.55 * plan.half, -0.62 * plan.half, plan.road_south, plan.road_south - 140),
    ):
        way = plan.axes.xy(u0 + (u1 - u0) * k + 1.5 * np.sin(k * 5), v0 + (v1 - v0) * k)
        layout.ground.insert(0, Part(worn(strip(way, 4.2), rng, 0.3), "dirt"))


def add_fields(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """Small plots south of the road and behind the village."""
    reach, half = plan.site.height_m / 2 + 90, plan.half + 60
    for sign in (-1, 1):
        v = sign * 105.0
        while abs(v) < reach:
            depth = float(rng.uniform(26, 48))
            u = -half
            while u < half:
                length = float(rng.uniform(35, 90))
                _field(
                    layout, rng, plan.axes, (u + length / 2, v + sign * depth / 2), length, depth
                )
                u += length
            v += sign * depth


def _field(layout: Layout, rng: np.random.Generator, axes: Axes, middle: tuple[float, float],
           length: float, depth: float) -> None:  # fmt: skip
    """One plot with its furrows, a little crooked."""
    material, tone = str(rng.choice(CROPS)), float(rng.uniform(0.88, 1.12))
    corners = axes.box(*middle, length - 2.2, depth - 2.0) + rng.normal(0, 1.2, (4, 2))
    layout.lay(worn(corners, rng, 0.25, 4.0), material, tone)
    if material in ("meadow", "stubble"):
        return
    for k in range(1, int(depth / 2.4) - 1):
        v = middle[1] - depth / 2 + (k + 0.5) * 2.4
        furrow = axes.box(middle[0], v, length - 4 - float(rng.uniform(0, 1.5)), 0.8)
        layout.lay(furrow, material, tone * float(rng.uniform(0.84, 0.93)))


def add_village(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """Rows of houses along the northern road and lanes behind it; a few south of the other."""
    t = np.linspace(-plan.half - 40, plan.half + 40, 60)
    rows = [(plan.road_north + 16 + 27 * k, 0.85) for k in range(3)]
    for v, _ in rows:
        lane = plan.axes.xy(t, v + 11.5 + 0.8 * np.sin(t / 23 + v))
        layout.lay(worn(strip(lane, 3.2), rng, 0.3), "dirt")
    for v, density in [*rows, (plan.road_south - 18, 0.3)]:
        u = -plan.half
        while u < plan.half:
            step = float(rng.uniform(17, 24))
            u += step
            if rng.uniform() < density:
                _homestead(layout, rng, plan, u, v + float(rng.normal(0, 1)), step)


def _homestead(layout: Layout, rng: np.random.Generator, plan: Plan, u: float, v: float,
               width: float) -> None:  # fmt: skip
    """A house, its yard, beds, perhaps an outbuilding."""
    axes, turn = plan.axes, float(rng.normal(0, 3))
    yard = worn(axes.box(u, v - 2, width - 3, float(rng.uniform(17, 23)), turn), rng, 0.5)
    material = str(rng.choice(["dirt", "grass", "grass_thin"]))
    layout.lay(yard, material, float(rng.uniform(0.9, 1.1)))
    at = u - width / 2 + 2.5
    while at < u + width / 2 - 4.5:
        wide = min(float(rng.uniform(2.5, 7)), u + width / 2 - 2.5 - at)
        bed = axes.box(at + wide / 2, v - 8.5, wide - 0.5, float(rng.uniform(4, 8)), turn)
        crop = str(rng.choice(["crop", "soil_dark", "crop_late", "soil", "grass_lush"]))
        layout.lay(worn(bed, rng, 0.2, 1.5), crop, float(rng.uniform(0.9, 1.1)))
        at += wide
    length, depth = float(rng.uniform(8.5, 13)), float(rng.uniform(6, 7.5))
    roof = str(rng.choice(HOUSE_ROOFS))
    bodies = [gabled(axes, u, v + 2, length, depth, 3.0, roof, rng, "house", turn)]
    if rng.uniform() < 0.5:
        roof = str(rng.choice(["roof_rust", "roof_dark", "roof_light"]))
        shed = flat_roofed(axes, u + 6.5, v - 4.5, 4.2, 3.0, 2.3, roof, rng, "outbuilding", turn)
        bodies.append(shed)
    layout.keep(*(b for b in bodies if plan.inside(b, 8.0)))


def _tree_spots(rng: np.random.Generator, plan: Plan) -> list[tuple[float, float]]:
    """Rows along the roads, clumps and single trees."""
    spots: list[tuple[float, float]] = []
    rows = (
        (plan.road_south - 8.5, 9.0),
        (plan.road_north + 6.5, 12.0),
        (plan.road_south + 8, 17.0),
    )
    for v, step in rows:
        u = -plan.half
        while u < plan.half:
            u += step * float(rng.uniform(0.7, 1.5))
            spots.append((u, v + float(rng.normal(0, 0.8))))
    for _ in range(int(plan.site.width_m * plan.site.height_m / 8000)):
        u0 = float(rng.uniform(-plan.half, plan.half))
        v0 = float(rng.uniform(-0.55, 0.55)) * plan.site.height_m
        n = int(rng.integers(1, 14))
        away = (2.0 + 1.6 * math.sqrt(n)) * rng.standard_normal((n, 2))
        spots += [(u0 + float(du), v0 + float(dv)) for du, dv in away]
    return spots


def add_trees(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """Trees, away from tracks, pad, roads and buildings."""
    buildings = [i.body.outline for i in layout.items if i.body.kind == "building"]
    middles = np.array([b.mean(axis=0) for b in buildings]).reshape(-1, 2)
    reach = np.array([np.ptp(b, axis=0).max() / 2 for b in buildings])
    south = plan.pad_top - plan.pad_depth - 3
    for u, v in _tree_spots(rng, plan):
        radius = float(rng.uniform(1.6, 3.8))
        height = radius * float(rng.uniform(1.8, 2.6))
        material = "conifer" if rng.uniform() < 0.12 else "tree"
        if south - radius < v < plan.top + 40:
            continue
        if min(abs(v - plan.road_south), abs(v - plan.road_north)) < 4.6 + radius * 0.4:
            continue
        x, y = plan.axes.xy(u, v)
        if np.any(np.hypot(middles[:, 0] - x, middles[:, 1] - y) < reach + radius * 0.6):
            continue
        body = tree(float(x), float(y), radius, height, material, rng)
        if plan.inside(body, 4.0):
            layout.keep(body)
