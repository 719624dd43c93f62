"""Open country at the scale of ten-metre pixels: parcels, woods, a river, a town; what changes."""

from __future__ import annotations

import math

import numpy as np
import shapely

from changedet.simulation.bodies import Body, Change, Item, Layout, Part
from changedet.simulation.buildings import flat_roofed, gabled
from changedet.simulation.noise import generator
from changedet.simulation.options import SceneOptions, Settled
from changedet.simulation.shapes import Axes, blob, strip

_CROPS = ("crop", "crop", "crop_late", "meadow", "soil", "stubble", "grass", "soil_dark")
_ROOFS = (
    "roof_grey",
    "roof_red",
    "roof_dark",
    "roof_rust",
    "roof_blue",
    "roof_light",
    "roof_orange",
)


def lay_out_country(seed: int, site: Settled, options: SceneOptions) -> Layout:
    """Lay out a town by a river, or fields with woods and farms, and what changes there."""
    rng, draw = generator(seed, "country"), generator(seed, "country changes")
    layout = Layout()
    axes = Axes(float(rng.uniform(-20, 20)))
    size = max(site.width_m, site.height_m)
    # lengths follow the site: a small site has small parcels
    unit = min(1.0, size / 2560)
    busy = options.change_fraction
    parcels = _parcels(rng, axes, size, 330 * unit if site.site == "town" else 420 * unit)
    river = _river(rng, axes, size, (85 if site.site == "town" else 30) * unit)
    layout.roads = _roads(rng, axes, size)
    fixed = [river, *(shapely.LineString(r).buffer(12) for _, r in layout.roads)]
    if site.site == "town":
        fixed.append(shapely.Polygon(axes.box(-0.05 * size, 0.1 * size, 0.46 * size, 0.40 * size)))
    kept = shapely.union_all(fixed)
    _paint_parcels(layout, rng, draw, parcels, kept, 0.12 * busy / 0.3)
    _woods(layout, rng, draw, size, unit, kept, busy)
    _water(layout, draw, river, size, unit, busy)
    for _, line in layout.roads:
        layout.ground.append(Part(strip(line, 16.0), "gravel"))
        layout.ground.append(Part(strip(line, 10.0), "asphalt"))
    if site.site == "town":
        _town(layout, rng, draw, axes, size, unit, river, busy)
        layout.zones.append(("town", axes.box(-0.05 * size, 0.1 * size, 0.42 * size, 0.36 * size)))
    _farms(layout, rng, draw, size, unit, river, busy)
    bank = river.buffer(160 * unit)
    layout.zones.append(("river bank", np.asarray(bank.exterior.coords)[:-1]))
    layout.zones.append(
        ("east fields", np.array([[0.1, -0.5], [0.5, -0.5], [0.5, 0.5], [0.1, 0.5]]) * size)
    )
    return layout


def _parcels(rng: np.random.Generator, axes: Axes, size: float, largest: float) -> list[np.ndarray]:
    """Split a square into ever smaller parcels, with slightly crooked lines."""
    reach = 0.85 * size
    todo = [np.array([[-reach, -reach], [reach, -reach], [reach, reach], [-reach, reach]])]
    done = []
    while todo:
        p = todo.pop()
        long, short = np.hypot(*(p[1] - p[0])), np.hypot(*(p[2] - p[1]))
        if max(long, short) < largest * rng.uniform(0.5, 1.3):
            done.append(axes.xy(p[:, 0], p[:, 1]))
            continue
        if short > long:
            p = np.roll(p, -1, axis=0)
        a, b = np.clip(rng.uniform(0.35, 0.65) + rng.normal(0, 0.03, 2), 0.25, 0.75)
        m, n = p[0] + a * (p[1] - p[0]), p[3] + b * (p[2] - p[3])
        todo += [np.array([p[0], m, n, p[3]]), np.array([m, p[1], p[2], n])]
    return done


def _river(rng: np.random.Generator, axes: Axes, size: float, width: float) -> shapely.Polygon:
    t = np.linspace(-0.9 * size, 0.9 * size, 160)
    k = 2 * math.pi / size
    a, b = rng.uniform(0, 6.28, 2)
    v = -0.2 * size + 0.07 * size * np.sin(1.3 * k * t + a) + 0.03 * size * np.sin(3.1 * k * t + b)
    wide = width * (1 + 0.25 * np.sin(2.3 * k * t + b))
    left, right = axes.xy(t, v + wide / 2), axes.xy(t, v - wide / 2)
    return shapely.Polygon(np.concatenate([left, right[::-1]])).buffer(0)


def _flat(outline: np.ndarray, material: str, kind: str, subtype: str, shade: float = 1.0) -> Body:
    return Body(kind, subtype, outline, 0.0, (Part(outline, material, 0.0, shade),))


def _paint_parcels(layout: Layout, rng: np.random.Generator, draw: np.random.Generator,
                   parcels: list[np.ndarray], kept: shapely.Geometry, harvested: float) -> None:  # fmt: skip
    for p in parcels:
        middle = p.mean(axis=0)
        inner = middle + (p - middle) * 0.965
        material, tone = str(rng.choice(_CROPS)), float(rng.uniform(0.85, 1.15))
        half = float(rng.uniform(0.3, 0.7))
        layout.ground.append(Part(inner, material, 0.0, tone))
        if rng.uniform() < 0.4:
            # two strips of one parcel are seldom sown on the same day
            a, b = inner[0] + half * (inner[1] - inner[0]), inner[3] + half * (inner[2] - inner[3])
            layout.ground.append(
                Part(np.array([inner[0], a, b, inner[3]]), material, 0.0, tone * 1.07)
            )
        if (
            material.startswith("crop")
            and draw.uniform() < harvested
            and not kept.intersects(shapely.Polygon(inner))
        ):
            old, new = (_flat(inner, m, "vegetation", "field", tone) for m in (material, "stubble"))
            layout.items.append(Item(old, new, "modified"))


def _wood(outline: np.ndarray, height: float) -> Body:
    return Body("vegetation", "wood", outline, height, (Part(outline, "forest", height),))


def _woods(layout: Layout, rng: np.random.Generator, draw: np.random.Generator, size: float,
           unit: float, kept: shapely.Geometry, busy: float) -> None:  # fmt: skip
    """Woods; some lose a part of their trees."""
    count = max(4, int(12 * (size / 2560)))
    for k in range(count):
        x, y = rng.uniform(-0.46, 0.46, 2) * size
        radius = float(rng.uniform(60, 190)) * unit
        shape = shapely.Polygon(blob(rng, x, y, radius)).buffer(0).difference(kept.buffer(8))
        shape = max(shapely.get_parts(shape), key=lambda g: g.area, default=shapely.Polygon())
        if shape.area < 4000 * unit * unit:
            continue
        cut = Axes(float(draw.uniform(0, 90)), x, y).box(
            radius * 0.55, 0, radius * 1.2, radius * 1.3
        )
        gone = shape.intersection(shapely.Polygon(cut))
        felled = (
            k < round(5 * min(1.0, busy / 0.3))
            and gone.geom_type == "Polygon"
            and gone.area > 300 * unit
        )
        rest = shape.difference(gone) if felled else shape
        for part in shapely.get_parts(rest):
            body = _wood(np.asarray(part.exterior.coords)[:-1], float(rng.uniform(8, 14)))
            layout.items.append(Item(body, body))
        if felled:
            outline = np.asarray(gone.exterior.coords)[:-1]
            layout.ground.append(Part(outline, "soil", 0.0, 0.95))
            layout.items.append(Item(_wood(outline, 11.0), None, "disappeared"))


def _water(
    layout: Layout,
    draw: np.random.Generator,
    river: shapely.Polygon,
    size: float,
    unit: float,
    busy: float,
) -> None:
    """The river, and a stretch of its bank that is flooded at the second date."""
    layout.ground.append(
        Part(np.asarray(river.buffer(14 * unit).exterior.coords)[:-1], "grass_lush")
    )
    layout.ground.append(Part(np.asarray(river.exterior.coords)[:-1], "water"))
    if busy <= 0:
        return
    seen = river.intersection(shapely.box(-0.42 * size, -0.42 * size, 0.42 * size, 0.42 * size))
    for low, high in ((0.05, 0.35), (0.35, 0.48)):
        bank = max(shapely.get_parts(seen), key=lambda g: g.area).exterior
        at = bank.interpolate(float(draw.uniform(low, high)), normalized=True)
        x, y = at.x, at.y
        reach = shapely.Polygon(blob(draw, x, y, float(draw.uniform(130, 260)) * unit, 0.4)).buffer(
            0
        )
        for part in shapely.get_parts(reach.difference(river)):
            if part.area > 2000 * unit * unit:
                outline = np.asarray(part.exterior.coords)[:-1]
                _add_flood(layout, outline)


def _add_flood(layout: Layout, outline: np.ndarray) -> None:
    layout.items.append(Item(None, _flat(outline, "flood", "water", "flood"), "appeared"))


def _roads(rng: np.random.Generator, axes: Axes, size: float) -> list[tuple[str, np.ndarray]]:
    t = np.linspace(-0.9 * size, 0.9 * size, 60)
    bend = 0.02 * size * np.sin(t / size * 5 + float(rng.uniform(0, 6)))
    return [
        ("main road", axes.xy(t, 0.02 * size + bend)),
        ("bridge road", axes.xy(0.03 * size + bend, t)),
        ("north road", axes.xy(t, 0.33 * size + 0.5 * bend)),
    ]


def _free(outline: np.ndarray, blocked: shapely.Geometry, taken: list[shapely.Polygon]) -> bool:
    shape = shapely.Polygon(outline)
    return not blocked.intersects(shape) and not any(t.intersects(shape) for t in taken)


def _fate(draw: np.random.Generator, busy: float, arrivals: float) -> Change:
    if draw.uniform() >= 0.4 * busy:
        return "unchanged"
    return "appeared" if draw.uniform() < arrivals else "disappeared"


def _add(layout: Layout, body: Body, change: Change) -> None:
    before = None if change == "appeared" else body
    after = None if change == "disappeared" else body
    layout.items.append(Item(before, after, change))


def _town(layout: Layout, rng: np.random.Generator, draw: np.random.Generator, axes: Axes,
          size: float, unit: float, river: shapely.Polygon, busy: float) -> None:  # fmt: skip
    """Blocks along streets: houses outside, larger buildings in the middle, works at one edge."""
    block = 95.0 * max(unit, 0.5)
    blocked = river.buffer(25 * unit)
    reach_u, reach_v = 0.21 * size, 0.18 * size
    for u in np.arange(-reach_u, reach_u, block):
        line = axes.xy(
            [u - 0.05 * size, u - 0.05 * size], [0.1 * size - reach_v, 0.1 * size + reach_v]
        )
        layout.ground.append(Part(strip(line, 8.0), "asphalt_worn"))
    for v in np.arange(-reach_v, reach_v, block):
        line = axes.xy([-reach_u - 0.05 * size, reach_u - 0.05 * size], [v + 0.1 * size] * 2)
        layout.ground.append(Part(strip(line, 8.0), "asphalt_worn"))
    for u in np.arange(-reach_u, reach_u - block, block):
        for v in np.arange(-reach_v, reach_v - block, block):
            middle = (u + block / 2 - 0.05 * size, v + block / 2 + 0.1 * size)
            if not blocked.contains(shapely.Point(axes.xy(*middle))):
                _block(layout, rng, draw, axes, middle, block, math.hypot(u, v) / reach_u, busy)


def _block(layout: Layout, rng: np.random.Generator, draw: np.random.Generator, axes: Axes,
           middle: tuple[float, float], block: float, outward: float, busy: float) -> None:  # fmt: skip
    u0, v0 = middle
    ground = str(rng.choice(["grass_thin", "dirt", "concrete_old", "grass"]))
    layout.ground.append(Part(axes.box(u0, v0, block - 10, block - 10), ground))
    kind = rng.uniform() + 0.35 * (1 - outward)
    if kind > 0.85:
        length, width = float(rng.uniform(0.5, 0.8)) * block, float(rng.uniform(0.25, 0.5)) * block
        body = flat_roofed(
            axes,
            u0,
            v0,
            length,
            width,
            float(rng.uniform(7, 14)),
            str(rng.choice(_ROOFS)),
            rng,
            "hall",
        )
        _add(layout, body, _fate(draw, 1.6 * busy, 0.6))
    elif kind > 0.4:
        for dv in (-0.27, 0.27):
            body = flat_roofed(
                axes,
                u0,
                v0 + dv * block,
                0.75 * block,
                0.17 * block,
                float(rng.uniform(9, 18)),
                str(rng.choice(_ROOFS)),
                rng,
            )
            _add(layout, body, _fate(draw, 1.2 * busy, 0.6))
    else:
        for du in (-0.3, 0.0, 0.3):
            for dv in (-0.28, 0.28):
                body = gabled(
                    axes,
                    u0 + du * block,
                    v0 + dv * block,
                    14,
                    9.5,
                    4.0,
                    str(rng.choice(_ROOFS)),
                    rng,
                )
                if rng.uniform() < 0.85:
                    _add(layout, body, _fate(draw, 0.3 * busy, 0.7))


def _farms(layout: Layout, rng: np.random.Generator, draw: np.random.Generator, size: float,
           unit: float, river: shapely.Polygon, busy: float) -> None:  # fmt: skip
    """Farmsteads and works in the open; new sites with bare ground at the second date."""
    taken: list[shapely.Polygon] = [
        shapely.Polygon(i.body.outline).buffer(15) for i in layout.items
    ]
    blocked = shapely.union_all(
        [river.buffer(30 * unit), *(shapely.LineString(r).buffer(18) for _, r in layout.roads)]
    )
    new = round(6 * min(1.0, busy / 0.3))
    wanted = [("farm", False)] * max(3, int(10 * size / 2560)) + [
        ("works", k < new) for k in range(max(2, 6))
    ]
    for name, fresh in wanted:
        for _ in range(60):
            x, y = rng.uniform(-0.44, 0.44, 2) * size
            axes = Axes(float(rng.uniform(0, 90)), float(x), float(y))
            side = (150.0 if name == "works" else 60.0) * max(unit, 0.35)
            yard = axes.box(0, 0, side, side * 0.75)
            if _free(yard, blocked, taken):
                taken.append(shapely.Polygon(yard))
                _compound(layout, rng, axes, side, yard, name, fresh)
                break


def _compound(layout: Layout, rng: np.random.Generator, axes: Axes, side: float, yard: np.ndarray,
              name: str, fresh: bool) -> None:  # fmt: skip
    roof = str(rng.choice(_ROOFS))
    if name == "works":
        bodies = [
            flat_roofed(axes, -0.12 * side, 0, 0.5 * side, 0.35 * side, 9.0, roof, rng, "works")
        ]
        bodies.append(
            gabled(
                axes,
                0.33 * side,
                0,
                0.2 * side,
                0.45 * side,
                6.0,
                str(rng.choice(_ROOFS)),
                rng,
                "works",
            )
        )
    else:
        bodies = [
            gabled(axes, -0.2 * side, 0.15 * side, 0.35 * side, 0.2 * side, 4.5, roof, rng, "farm"),
            gabled(
                axes,
                0.25 * side,
                -0.1 * side,
                0.2 * side,
                0.4 * side,
                5.0,
                "roof_rust",
                rng,
                "farm",
            ),
        ]
    if fresh:
        layout.items.append(
            Item(None, _flat(yard, "dirt", "earthwork", "building site"), "appeared")
        )
    else:
        layout.ground.append(Part(yard, "dirt"))
    for body in bodies:
        _add(layout, body, "appeared" if fresh else "unchanged")
