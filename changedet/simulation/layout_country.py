"""Open country at the scale of ten-metre pixels: parcels, woods, a river, roads; what changes."""

from __future__ import annotations

import math

import numpy as np
import shapely

from changedet.simulation.bodies import Body, Item, Layout, Part
from changedet.simulation.buildings import flat_roofed, gabled
from changedet.simulation.country import Country
from changedet.simulation.layout_town import add_town, town_outline
from changedet.simulation.noise import generator
from changedet.simulation.options import SceneOptions
from changedet.simulation.settled import Settled
from changedet.simulation.shapes import Axes, blob, strip, worn

CROPS = ("crop", "crop", "crop_late", "meadow", "soil", "stubble", "grass", "soil_dark")


def lay_out_country(seed: int, site: Settled, options: SceneOptions) -> Layout:
    """Lay out a town by a river, or fields with woods and farms, and what changes there."""
    rng = generator(seed, "country")
    size = max(site.width_m, site.height_m)
    town = site.site == "town"
    c = Country(
        Layout(), rng, generator(seed, "country changes"), Axes(float(rng.uniform(-20, 20))), size,
        min(1.0, size / 2560), min(1.0, options.change_fraction / 0.3), options.arrival_share,
    )  # fmt: skip
    river = _river(c, 85 * c.unit if town else 30 * c.unit)
    c.layout.roads = _roads(c)
    ways = shapely.union_all([shapely.LineString(r).buffer(14) for _, r in c.layout.roads])
    built = shapely.Polygon(town_outline(c)).buffer(0) if town else shapely.Polygon()
    kept = shapely.union_all([river.buffer(12 * c.unit), ways, built.buffer(40 * c.unit)])
    _paint_parcels(c, 330 * c.unit if town else 420 * c.unit, kept)
    _woods(c, kept)
    _water(c, river)
    for _, line in c.layout.roads:
        c.layout.lay(strip(line, 16.0), "gravel")
        c.layout.lay(strip(line, 10.0), "asphalt")
    if town:
        add_town(c, built, river.buffer(25 * c.unit))
        c.layout.zones.append(("town", np.asarray(built.exterior.coords)[:-1]))
    _farms(c, kept)
    c.layout.zones.append(("river bank", _corners(river.buffer(160 * c.unit).simplify(2.0))))
    east = np.array([[0.1, -0.5], [0.5, -0.5], [0.5, 0.5], [0.1, 0.5]]) * size
    c.layout.zones.append(("east", east))
    return c.layout


def _corners(polygon: shapely.Polygon) -> np.ndarray:
    return np.asarray(polygon.exterior.coords)[:-1]


def _polygons(geometry: shapely.Geometry, least: float) -> list[shapely.Polygon]:
    """Parts of a geometry that are polygons of at least an area."""
    parts = shapely.get_parts(geometry)
    return [p for p in parts if p.geom_type == "Polygon" and p.area >= least]


def _river(c: Country, width: float) -> shapely.Polygon:
    t = np.linspace(-0.9 * c.size, 0.9 * c.size, 160)
    k = 2 * math.pi / c.size
    a, b = c.rng.uniform(0, 6.28, 2)
    v = c.size * (-0.2 + 0.07 * np.sin(1.3 * k * t + a) + 0.03 * np.sin(3.1 * k * t + b))
    wide = width * (1 + 0.25 * np.sin(2.3 * k * t + b))
    left, right = c.axes.xy(t, v + wide / 2), c.axes.xy(t, v - wide / 2)
    bank = worn(np.concatenate([left, right[::-1]]), c.rng, 0.05 * width, 0.4 * width)
    return shapely.Polygon(bank).buffer(0)


def _roads(c: Country) -> list[tuple[str, np.ndarray]]:
    t = np.linspace(-0.9 * c.size, 0.9 * c.size, 60)
    bend = 0.02 * c.size * np.sin(t / c.size * 5 + float(c.rng.uniform(0, 6)))
    return [
        ("main road", c.axes.xy(t, 0.02 * c.size + bend)),
        ("bridge road", c.axes.xy(0.03 * c.size + bend, t)),
        ("north road", c.axes.xy(t, 0.33 * c.size + 0.5 * bend)),
    ]


def _parcels(c: Country, largest: float) -> list[np.ndarray]:
    """Split a square into ever smaller parcels, with slightly crooked lines."""
    reach = 0.85 * c.size
    todo = [np.array([[-reach, -reach], [reach, -reach], [reach, reach], [-reach, reach]])]
    done = []
    while todo:
        p = todo.pop()
        first, second = p[1] - p[0], p[2] - p[1]
        long, short = math.hypot(*first), math.hypot(*second)
        if max(long, short) < largest * c.rng.uniform(0.5, 1.3):
            done.append(c.axes.xy(p[:, 0], p[:, 1]))
            continue
        if short > long:
            p = np.roll(p, -1, axis=0)
        a, b = np.clip(c.rng.uniform(0.35, 0.65) + c.rng.normal(0, 0.03, 2), 0.25, 0.75)
        m, n = p[0] + a * (p[1] - p[0]), p[3] + b * (p[2] - p[3])
        todo += [np.array([p[0], m, n, p[3]]), np.array([m, p[1], p[2], n])]
    return done


def _paint_parcels(c: Country, largest: float, kept: shapely.Geometry) -> None:
    """Fields; some crops are cut between the dates."""
    shapely.prepare(kept)
    for p in _parcels(c, largest):
        middle = p.mean(axis=0)
        p = middle + (p - middle) * 0.965
        inner = worn(p, c.rng, 1.5, 15.0)
        material, tone = str(c.rng.choice(CROPS)), float(c.rng.uniform(0.85, 1.15))
        c.layout.lay(inner, material, tone)
        if c.rng.uniform() < 0.4:
            # two strips of one parcel are seldom sown on the same day
            half = float(c.rng.uniform(0.3, 0.7))
            a, b = p[0] + half * (p[1] - p[0]), p[3] + half * (p[2] - p[3])
            c.layout.lay(np.array([p[0], a, b, p[3]]), material, tone * 1.07)
        if material.startswith("crop") and c.draw.uniform() < 0.14 * c.busy:
            if kept.intersects(shapely.Polygon(inner)):
                continue
            old, new = (_flat(inner, m, "vegetation", "field", tone) for m in (material, "stubble"))
            c.layout.items.append(Item(old, new, "modified"))


def _flat(outline: np.ndarray, material: str, kind: str, subtype: str, shade: float = 1.0) -> Body:
    return Body(kind, subtype, outline, 0.0, (Part(outline, material, 0.0, shade),))


def _wood(outline: np.ndarray, height: float) -> Body:
    return Body("vegetation", "wood", outline, height, (Part(outline, "forest", height),))


def _woods(c: Country, kept: shapely.Geometry) -> None:
    """Woods; some lose a part of their trees."""
    least = 4000 * c.unit**2
    fellings = round(5 * c.busy)
    taken = kept
    for _ in range(max(4, int(13 * c.unit))):
        x, y = (float(w) for w in c.rng.uniform(-0.46, 0.46, 2) * c.size)
        radius = float(c.rng.uniform(60, 200)) * c.unit
        height, turn = float(c.rng.uniform(8, 14)), float(c.rng.uniform(0, 90))
        edge = worn(blob(c.rng, x, y, radius, 0.45), c.rng, 5 * c.unit, 14 * c.unit)
        shapes = _polygons(shapely.Polygon(edge).buffer(0).difference(taken.buffer(8)), least)
        if not shapes:
            continue
        shape = max(shapes, key=lambda g: g.area)
        taken = taken.union(shape)
        clearing = Axes(turn, x, y).box(radius * 0.55, 0, radius * 1.2, radius * 1.3)
        clearing = worn(clearing, c.rng, 4 * c.unit, 20 * c.unit)
        gone = _polygons(shape.intersection(shapely.Polygon(clearing).buffer(0)), 0.6 * least)
        felled = gone[:1] if fellings > 0 else []
        fellings -= len(felled)
        for cut in felled:
            c.layout.lay(_corners(cut), "soil", 0.95)
            c.layout.items.append(Item(_wood(_corners(cut), height), None, "disappeared"))
            shape = shape.difference(cut)
        c.layout.keep(*(_wood(_corners(p), height) for p in _polygons(shape, 50 * c.unit**2)))


def _water(c: Country, river: shapely.Polygon) -> None:
    """The river, and stretches of its banks that are flooded at the second date."""
    c.layout.lay(_corners(river.buffer(14 * c.unit)), "grass_lush")
    c.layout.lay(_corners(river), "water")
    if c.busy <= 0:
        return
    inner = 0.42 * c.size
    seen = _polygons(river.intersection(shapely.box(-inner, -inner, inner, inner)), 0)
    banks = max(seen, key=lambda g: g.area, default=river).exterior
    for low, high in ((0.05, 0.35), (0.35, 0.48)):
        at = banks.interpolate(float(c.draw.uniform(low, high)), normalized=True)
        radius = float(c.draw.uniform(130, 260)) * c.unit
        water = worn(blob(c.draw, at.x, at.y, radius, 0.5), c.draw, 5 * c.unit, 15 * c.unit)
        reach = shapely.Polygon(water).buffer(0).difference(river)
        for part in _polygons(reach, 2000 * c.unit**2):
            flood = _flat(_corners(part), "flood", "water", "flood")
            c.layout.items.append(Item(None, flood, "appeared"))


def _farms(c: Country, kept: shapely.Geometry) -> None:
    """Farmsteads and works in the open; some works are new at the second date."""
    taken = [shapely.Polygon(i.body.outline).buffer(15) for i in c.layout.items]
    new = round(6 * c.busy)
    wanted = [("farm", False)] * max(3, int(10 * c.unit)) + [("works", k < new) for k in range(6)]
    for name, fresh in wanted:
        side = (150.0 if name == "works" else 60.0) * max(c.unit, 0.35)
        for _ in range(60):
            x, y = (float(w) for w in c.rng.uniform(-0.44, 0.44, 2) * c.size)
            axes = Axes(float(c.rng.uniform(0, 90)), x, y)
            yard = shapely.Polygon(axes.box(0, 0, side, side * 0.75))
            if not kept.intersects(yard) and not any(t.intersects(yard) for t in taken):
                taken.append(yard)
                _compound(c, axes, side, _corners(yard), name, fresh)
                break


def _compound(
    c: Country, axes: Axes, side: float, yard: np.ndarray, name: str, fresh: bool
) -> None:
    """Buildings around a yard of bare ground."""
    rng = c.rng
    if name == "works":
        hall = (-0.12 * side, 0.0, 0.5 * side, 0.35 * side, 9.0)
        bodies = [
            flat_roofed(axes, *hall, c.roof(), rng, "works"),
            gabled(axes, 0.33 * side, 0, 0.2 * side, 0.45 * side, 6.0, c.roof(), rng, "works"),
        ]
    else:
        house = (-0.2 * side, 0.15 * side, 0.35 * side, 0.2 * side, 4.5)
        barn = (0.25 * side, -0.1 * side, 0.2 * side, 0.4 * side, 5.0)
        bodies = [
            gabled(axes, *house, c.roof(), rng, "farm"),
            gabled(axes, *barn, "roof_rust", rng, "farm"),
        ]
    if fresh:
        site = _flat(worn(yard, c.draw, 1.0, 8.0), "dirt", "earthwork", "building site")
        c.layout.items.append(Item(None, site, "appeared"))
    else:
        c.layout.lay(worn(yard, c.draw, 1.0, 8.0), "dirt")
    for body in bodies:
        c.add(body, "appeared" if fresh else "unchanged")
