"""Who stands where at the two dates: trains, containers, trucks and cars of a rail yard.

What is there at the first date depends on the seed alone; what changes is drawn from a seed of its
own. The same site can so be had quiet or busy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from changedet.simulation.bodies import Body, Item, Layout, Track
from changedet.simulation.layout_railyard import yard_axes
from changedet.simulation.noise import generator
from changedet.simulation.options import SceneOptions, Settled
from changedet.simulation.shapes import Axes
from changedet.simulation.vehicles import (
    ISO_COLOURS,
    ISO_WEIGHTS,
    LOAD_SHARES,
    WAGONS,
    WagonType,
    car,
    stack,
    truck,
    wagon,
)


@dataclass(frozen=True)
class Unit:
    """A wagon in a cut."""

    kind: str
    colour: str
    load: str
    seed: int

    @property
    def pitch(self) -> float:
        """Length over couplers, metres."""
        return WAGONS[self.kind].pitch


@dataclass(frozen=True)
class Cut:
    """Coupled wagons on one track."""

    track: Track
    start: float
    """Where the first coupler is, in the yard's frame."""
    units: tuple[Unit, ...]
    group: str

    @property
    def end(self) -> float:
        """Where the last coupler is."""
        return self.start + sum(u.pitch for u in self.units)

    def bodies(self, axes: Axes) -> list[Body]:
        """Every wagon as a body."""
        out, u = [], self.start
        for unit in self.units:
            middle = u + unit.pitch / 2
            out.append(
                wagon(axes, middle, self.track.v, unit.kind, unit.colour, unit.load, unit.seed)
            )
            u += unit.pitch
        return out


def add_traffic(layout: Layout, seed: int, site: Settled, options: SceneOptions) -> None:
    """Put trains, containers, trucks and cars on the site."""
    axes = yard_axes(seed)
    _trains(layout, axes, seed, options)
    _containers(layout, axes, seed, options)
    _trucks(layout, axes, seed, site, options)


def _units(rng: np.random.Generator, count: int) -> tuple[Unit, ...]:
    """Wagons of mostly one type, as trains are."""
    kind = str(rng.choice(["gondola", "boxcar", "tank", "flatcar"], p=[0.45, 0.26, 0.17, 0.12]))
    t = WAGONS[kind]
    colours = list(rng.permutation(t.colours))
    load = _load(rng, t)
    units = []
    for _ in range(count):
        colour = str(colours[0] if rng.uniform() < 0.6 else rng.choice(colours))
        own = _load(rng, t) if rng.uniform() < 0.15 else load
        units.append(Unit(kind, colour, own, int(rng.integers(1 << 31))))
    return tuple(units)


def _load(rng: np.random.Generator, t: WagonType) -> str:
    if not t.loads:
        return ""
    shares = LOAD_SHARES if t.name == "gondola" else None
    return str(rng.choice(t.loads, p=shares))


def _locomotive(rng: np.random.Generator) -> Unit:
    return Unit(
        "locomotive", str(rng.choice(WAGONS["locomotive"].colours)), "", int(rng.integers(1 << 31))
    )


def _first_trains(layout: Layout, rng: np.random.Generator, occupancy: float) -> list[Cut]:
    cuts: list[Cut] = []
    for track in layout.tracks:
        main = track.name in ("1", "2")
        u = track.start + float(rng.uniform(2, 25))
        while True:
            units = _units(rng, int(rng.integers(4, 15)))
            if rng.uniform() < 0.22:
                units = (_locomotive(rng), *units)
            cut = Cut(track, u, units, f"train {track.name}-{len(cuts) + 1}")
            if cut.end > track.end - 4:
                room = track.end - 4 - u
                count = int(room / 17.3)
                cut = replace(cut, units=units[: max(0, count)])
            if not cut.units:
                break
            if rng.uniform() < (0.12 if main else occupancy):
                cuts.append(cut)
            u = cut.end + float(rng.uniform(5, 35))
    return cuts


def _gaps(track: Track, taken: list[Cut]) -> list[tuple[float, float]]:
    """Free stretches of a track, with 4 m to the next wagon."""
    out, u = [], track.start
    for cut in sorted((c for c in taken if c.track is track), key=lambda c: c.start):
        if cut.start - 4 - u > 30:
            out.append((u, cut.start - 4))
        u = max(u, cut.end + 4)
    if track.end - u > 30:
        out.append((u, track.end))
    return out


def _place(layout: Layout, rng: np.random.Generator, taken: list[Cut], units: tuple[Unit, ...],
           group: str) -> Cut | None:  # fmt: skip
    """Find room for wagons on a siding that is free at both dates."""
    length = sum(u.pitch for u in units)
    sidings = [t for t in layout.tracks if t.name not in ("1", "2")]
    for k in rng.permutation(len(sidings)):
        for low, high in _gaps(sidings[k], taken):
            if high - low >= length + 1:
                start = low + float(rng.uniform(0, high - low - length))
                return Cut(sidings[k], start, units, group)
    return None


def _trains(layout: Layout, axes: Axes, seed: int, options: SceneOptions) -> None:
    cuts = _first_trains(layout, generator(seed, "trains"), options.occupancy)
    rng = generator(seed, "train changes")
    total = max(1, sum(len(c.units) for c in cuts))
    left = round(options.change_fraction * total)
    taken = list(cuts)
    waiting = [cuts[k] for k in rng.permutation(len(cuts))]
    key, tries = 0, 0
    while left > 0 and tries < 400:
        tries += 1
        what = rng.uniform()
        if what < options.moved_fraction and waiting:
            done = _move(layout, axes, rng, waiting, taken, left, key)
            key += done
        elif what < options.moved_fraction + 0.08 and waiting:
            done = _unload(layout, axes, rng, waiting, left)
        elif rng.uniform() < options.arrival_share or not waiting:
            done = _arrive(layout, axes, rng, taken, left)
        else:
            done = _depart(layout, axes, rng, waiting, left)
        left -= done
    for cut in waiting:
        for body in cut.bodies(axes):
            layout.items.append(Item(body, body, "unchanged", cut.track.name, cut.group))


def _split(cut: Cut, count: int, back: bool) -> tuple[Cut, Cut | None]:
    """Cut off ``count`` wagons at one end: them, and what stays."""
    if count >= len(cut.units):
        return cut, None
    if back:
        stay = replace(cut, units=cut.units[:-count])
        return Cut(cut.track, stay.end, cut.units[-count:], cut.group), stay
    gone = replace(cut, units=cut.units[:count])
    return gone, Cut(cut.track, gone.end, cut.units[count:], cut.group)


def _take(rng: np.random.Generator, waiting: list[Cut], left: int) -> Cut:
    """Take a cut, or a part of one, from those whose fate is open."""
    cut = waiting.pop()
    count = len(cut.units) if rng.uniform() < 0.6 else int(rng.integers(1, len(cut.units) + 1))
    gone, stay = _split(cut, min(count, left), bool(rng.uniform() < 0.5))
    if stay is not None:
        waiting.insert(0, stay)
    return gone


def _depart(
    layout: Layout, axes: Axes, rng: np.random.Generator, waiting: list[Cut], left: int
) -> int:
    cut = _take(rng, waiting, left)
    for body in cut.bodies(axes):
        layout.items.append(Item(body, None, "disappeared", cut.track.name, cut.group))
    return len(cut.units)


def _arrive(
    layout: Layout, axes: Axes, rng: np.random.Generator, taken: list[Cut], left: int
) -> int:
    units = _units(rng, min(left, int(rng.integers(3, 15))))
    if len(units) > 4 and rng.uniform() < 0.3:
        units = (_locomotive(rng), *units[1:])
    cut = _place(layout, rng, taken, units, f"arrival {len(taken) + 1}")
    if cut is None:
        return 0
    taken.append(cut)
    for body in cut.bodies(axes):
        layout.items.append(Item(None, body, "appeared", cut.track.name, cut.group))
    return len(units)


def _move(layout: Layout, axes: Axes, rng: np.random.Generator, waiting: list[Cut],
          taken: list[Cut], left: int, key: int) -> int:  # fmt: skip
    cut = _take(rng, waiting, min(left, 8))
    new = _place(layout, rng, taken, cut.units, cut.group)
    if new is None:
        waiting.insert(0, cut)
        return 0
    taken.append(new)
    for old, now in zip(cut.bodies(axes), new.bodies(axes), strict=True):
        layout.items.append(Item(old, None, "moved", cut.track.name, cut.group, key))
        layout.items.append(Item(None, now, "moved", new.track.name, cut.group, key))
        key += 1
    return len(cut.units)


def _unload(
    layout: Layout, axes: Axes, rng: np.random.Generator, waiting: list[Cut], left: int
) -> int:
    """Gondolas that stay where they are and are loaded or emptied."""
    for k, cut in enumerate(waiting):
        if all(u.kind == "gondola" for u in cut.units):
            part, stay = _split(waiting.pop(k), min(left, 6), True)
            if stay is not None:
                waiting.insert(0, stay)
            break
    else:
        return 0
    full = str(rng.choice(["timber", "sand", "coal"]))
    swapped = tuple(
        replace(
            u,
            load=full
            if u.load == "empty_floor"
            else ("empty_floor" if u.load in ("sand", "timber") else "sand"),
        )
        for u in part.units
    )
    new = replace(part, units=swapped)
    for old, now in zip(part.bodies(axes), new.bodies(axes), strict=True):
        layout.items.append(Item(old, now, "modified", part.track.name, part.group))
    return len(part.units)


def _slots(layout: Layout, axes: Axes) -> list[list[tuple[float, float]]]:
    """Rows of 40 ft slots on the pad: blocks of slots side by side, with lanes between."""
    outline = axes.uv(dict(layout.zones)["pad"])
    u0, v0 = outline.min(axis=0)
    u1, v1 = outline.max(axis=0)
    rows: list[list[tuple[float, float]]] = []
    v = v1 - 4.0
    block = 0
    while v > v0 + 2.5:
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


def _trucks(layout: Layout, axes: Axes, seed: int, site: Settled, options: SceneOptions) -> None:
    """Convoys on the road, lorries at the pad, cars at the station."""
    rng, draw = generator(seed, "trucks"), generator(seed, "truck changes")
    half = site.width_m / 2
    road = axes.uv(dict(layout.roads)["south road"])[:, 1].mean()
    pad = axes.uv(dict(layout.zones)["pad"])
    spots: list[list[tuple[float, float, int, str]]] = []
    for lane, heading in ((-1.85, 1), (1.85, -1)):
        u = -half + float(rng.uniform(5, 40))
        while u < half - 10:
            convoy = []
            for _ in range(int(rng.integers(2, 7))):
                if u < half - 10:
                    convoy.append((u, road + lane, heading, f"convoy {len(spots) + 1}"))
                u += 16.5 + float(rng.uniform(5, 14))
            spots.append(convoy)
            u += float(rng.uniform(15, 60))
    edge = float(pad[:, 1].min()) + 1.8
    spots += [
        [(float(u), edge, 1, "pad edge")]
        for u in np.arange(pad[:, 0].min() + 14, pad[:, 0].max() - 10, 19)
    ]
    there, free = [], []
    for convoy in spots:
        bodies = [(truck(axes, *s[:3], int(rng.integers(1 << 31))), s[3]) for s in convoy]
        (there if rng.uniform() < 0.8 * options.occupancy else free).append(bodies)
    count = round(options.change_fraction * max(sum(map(len, there)), 6))
    order, room = list(draw.permutation(len(there))), list(draw.permutation(len(free)))
    while count > 0 and (order or room):
        come = bool(room) and (not order or draw.uniform() < options.arrival_share)
        convoy_bodies = free[room.pop()] if come else there[order.pop()]
        for body, group in convoy_bodies:
            # the last convoy may come or go in part
            fate = ("appeared" if come else "disappeared") if count > 0 else "unchanged"
            if fate == "unchanged" and come:
                continue
            count -= 1
            layout.items.append(
                Item(
                    None if fate == "appeared" else body,
                    None if fate == "disappeared" else body,
                    fate,
                    None,
                    group,
                )
            )
    for k in order:
        for body, group in there[k]:
            layout.items.append(Item(body, body, "unchanged", None, group))
    _cars(layout, axes, rng, site)


def _cars(layout: Layout, axes: Axes, rng: np.random.Generator, site: Settled) -> None:
    """Parked cars by the station; they stay."""
    top = max(t.v for t in layout.tracks)
    for k in range(9):
        u = -0.04 * site.width_m - 22 + 5.2 * k
        body = car(axes, u, top + 40, 90.0 + float(rng.normal(0, 2)), int(rng.integers(1 << 31)))
        if rng.uniform() < 0.45:
            layout.items.append(Item(body, body, "unchanged", None, "station"))
