"""Containers, lorries and cars of a rail yard at the two dates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from changedet.simulation.bodies import Body, Item, Layout
from changedet.simulation.noise import generator
from changedet.simulation.options import SceneOptions
from changedet.simulation.plan import yard_axes
from changedet.simulation.settled import Settled
from changedet.simulation.shapes import Axes
from changedet.simulation.trains import add_trains
from changedet.simulation.vehicles import ISO_COLOURS, ISO_WEIGHTS, car, stack, truck


def add_traffic(layout: Layout, seed: int, site: Settled, options: SceneOptions) -> None:
    """Put trains, containers, trucks and cars on the site."""
    axes = yard_axes(seed)
    add_trains(layout, axes, seed, options)
    _containers(layout, axes, seed, options)
    _trucks(layout, axes, seed, site, options)
    _cars(layout, axes, generator(seed, "cars"), site)


def _slots(layout: Layout, axes: Axes) -> list[list[tuple[float, float]]]:
    """Rows of 40 ft slots on the pad: blocks of slots side by side, with lanes between."""
    outline = axes.uv(dict(layout.zones)["pad"])
    u0, v0 = outline.min(axis=0)
    u1, v1 = outline.max(axis=0)
    rows: list[list[tuple[float, float]]] = []
    v = v1 - 4.0
    block = 0
    while v > v0 + 5.0:
        rows.append([(float(u), v) for u in np.arange(u0 + 9, u1 - 7, 12.6)])
        block += 1
        # two or three slots side by side, then a lane for the reach stacker
        v -= 2.75 if block % 3 else 9.5
    return rows


def _containers(layout: Layout, axes: Axes, seed: int, options: SceneOptions) -> None:
    rng = generator(seed, "containers")
    draw = generator(seed, "container changes")
    there: list[tuple[float, float, Body, str]] = []
    free: list[tuple[float, float, str]] = []
    for r, row in enumerate(_slots(layout, axes)):
        full, run = False, 0
        for u, v in row:
            if run == 0:
                full, run = bool(rng.uniform() < options.occupancy), int(rng.integers(1, 5))
            run -= 1
            body = _random_stack(axes, u, v, rng)
            if full and rng.uniform() < 0.92:
                there.append((u, v, body, f"pad row {r + 1}"))
            else:
                free.append((u, v, f"pad row {r + 1}"))
    count = round(options.change_fraction * len(there))
    fates = _fates(draw, count, options, 0.2)
    order = draw.permutation(len(there))
    room = _runs(draw, free)
    used = key = 0
    for fate in fates:
        if fate == "appeared" and room:
            u, v, group = room.pop()
            layout.items.append(
                Item(None, _random_stack(axes, u, v, draw), "appeared", None, group)
            )
            continue
        u, v, body, group = there[order[used]]
        used += 1
        if fate == "moved" and room:
            u2, v2, group2 = room.pop()
            moved = _shifted(axes, body, u2 - u, v2 - v)
            layout.items.append(Item(body, None, "moved", None, group, 100000 + key))
            layout.items.append(Item(None, moved, "moved", None, group2, 100000 + key))
            key += 1
        elif fate == "modified":
            layout.items.append(
                Item(body, _restacked(axes, u, v, body, draw), "modified", None, group)
            )
        else:
            layout.items.append(Item(body, None, "disappeared", None, group))
    for k in order[used:]:
        _, _, body, group = there[k]
        layout.items.append(Item(body, body, "unchanged", None, group))


def _runs(
    rng: np.random.Generator, free: list[tuple[float, float, str]]
) -> list[tuple[float, float, str]]:
    """Order free slots so that neighbours are used one after the other."""
    blocks = [free[i : i + 3] for i in range(0, len(free), 3)]
    return [slot for k in rng.permutation(len(blocks)) for slot in blocks[k]]


def _fates(
    rng: np.random.Generator, count: int, options: SceneOptions, modified: float
) -> list[str]:
    """Draw what happens to each of ``count`` things."""
    out = []
    for _ in range(count):
        a, b = rng.uniform(size=2)
        if a < options.moved_fraction:
            out.append("moved")
        elif a < options.moved_fraction + modified:
            out.append("modified")
        else:
            out.append("appeared" if b < options.arrival_share else "disappeared")
    return out


def _random_stack(axes: Axes, u: float, v: float, rng: np.random.Generator) -> Body:
    pair = rng.uniform() < 0.3
    colours = tuple(str(c) for c in rng.choice(ISO_COLOURS, size=2 if pair else 1, p=ISO_WEIGHTS))
    return stack(
        axes,
        u,
        v,
        colours,
        int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2])),
        int(rng.integers(1 << 31)),
    )


def _restacked(axes: Axes, u: float, v: float, body: Body, rng: np.random.Generator) -> Body:
    """Another container on top, or one less: always another colour."""
    old = body.parts[1].material
    levels = int(body.subtype[-1])
    levels = levels + 1 if levels == 1 or rng.uniform() < 0.5 else levels - 1
    others = [c for c in ISO_COLOURS if c != old]
    return stack(axes, u, v, (str(rng.choice(others)),), min(levels, 4), int(rng.integers(1 << 31)))


def _shifted(axes: Axes, body: Body, du: float, dv: float) -> Body:
    """Return the same body elsewhere."""
    move = axes.xy(du, dv) - axes.xy(0.0, 0.0)
    parts = tuple(replace(p, outline=p.outline + move) for p in body.parts)
    return replace(body, outline=body.outline + move, parts=parts)


_Spot = tuple[float, float, int, str]


def _convoys(rng: np.random.Generator, road: float, half: float) -> list[list[_Spot]]:
    """Where lorries can stand on the two lanes of the road: (u, v, heading, group) by convoy."""
    convoys: list[list[_Spot]] = []
    for lane, heading in ((-1.85, 1), (1.85, -1)):
        u = -half + float(rng.uniform(5, 40))
        while u < half - 10:
            name = f"convoy {len(convoys) + 1}"
            convoy: list[_Spot] = []
            for _ in range(int(rng.integers(2, 7))):
                if u < half - 10:
                    convoy.append((u, road + lane, heading, name))
                u += 16.5 + float(rng.uniform(5, 14))
            convoys.append(convoy)
            u += float(rng.uniform(15, 60))
    return convoys


def _trucks(layout: Layout, axes: Axes, seed: int, site: Settled, options: SceneOptions) -> None:
    """Convoys on the road, lorries at the pad."""
    rng, draw = generator(seed, "trucks"), generator(seed, "truck changes")
    road = float(axes.uv(dict(layout.roads)["south road"])[:, 1].mean())
    pad = axes.uv(dict(layout.zones)["pad"])
    spots = _convoys(rng, road, site.width_m / 2)
    edge = float(pad[:, 1].min()) + 1.8
    for u in np.arange(pad[:, 0].min() + 14, pad[:, 0].max() - 10, 19):
        spots.append([(float(u), edge, 1, "pad edge")])
    there: list[list[tuple[Body, str]]] = []
    free: list[list[tuple[Body, str]]] = []
    for convoy in spots:
        lorries = [(truck(axes, *s[:3], int(rng.integers(1 << 31))), s[3]) for s in convoy]
        (there if rng.uniform() < 0.8 * options.occupancy else free).append(lorries)
    left = round(options.change_fraction * max(sum(len(c) for c in there), 6))
    stay, room = list(draw.permutation(len(there))), list(draw.permutation(len(free)))
    while left > 0 and (stay or room):
        come = bool(room) and (not stay or draw.uniform() < options.arrival_share)
        lorries = free[room.pop()] if come else there[stay.pop()]
        # the last convoy comes or goes in part
        for body, group in lorries[:left]:
            layout.items.append(
                Item(None, body, "appeared", None, group)
                if come
                else Item(body, None, "disappeared", None, group)
            )
        if not come:
            _stay(layout, lorries[left:])
        left -= len(lorries)
    for k in stay:
        _stay(layout, there[k])


def _stay(layout: Layout, lorries: list[tuple[Body, str]]) -> None:
    layout.items += [Item(body, body, "unchanged", None, group) for body, group in lorries]


def _cars(layout: Layout, axes: Axes, rng: np.random.Generator, site: Settled) -> None:
    """Parked cars by the station; they stay."""
    top = max(t.v for t in layout.tracks)
    for k in range(9):
        u = -0.04 * site.width_m - 22 + 5.2 * k
        body = car(axes, u, top + 40, 90.0 + float(rng.normal(0, 2)), int(rng.integers(1 << 31)))
        if rng.uniform() < 0.45:
            layout.items.append(Item(body, body, "unchanged", None, "station"))
