"""Which trains stand on which tracks of a rail yard at the two dates.

What is there at the first date depends on the seed alone; what changes is drawn from a seed of its
own. The same site can so be had quiet or busy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from changedet.simulation.bodies import Body, Item, Layout, Track
from changedet.simulation.layout_railyard import MAIN_TRACKS
from changedet.simulation.noise import generator
from changedet.simulation.options import SceneOptions
from changedet.simulation.shapes import Axes
from changedet.simulation.vehicles import LOAD_SHARES, WAGONS, WagonType, wagon


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
        main = track.name in MAIN_TRACKS
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
    sidings = [t for t in layout.tracks if t.name not in MAIN_TRACKS]
    for k in rng.permutation(len(sidings)):
        for low, high in _gaps(sidings[k], taken):
            if high - low >= length + 1:
                start = low + float(rng.uniform(0, high - low - length))
                return Cut(sidings[k], start, units, group)
    return None


def add_trains(layout: Layout, axes: Axes, seed: int, options: SceneOptions) -> None:
    """Put trains on the tracks; draw what arrives, departs, moves and is unloaded."""
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
