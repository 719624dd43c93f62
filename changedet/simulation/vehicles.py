"""Wagons, locomotives, trucks, cars and containers with their real dimensions.

Lengths of wagons are over couplers (the pitch at which they stand in a train); bodies are shorter
by the coupler gap of about 1.1 m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.simulation.bodies import Body, Part
from changedet.simulation.shapes import Axes

COUPLER_GAP = 1.14
ISO_COLOURS = (
    "iso_red",
    "iso_blue",
    "iso_white",
    "iso_orange",
    "iso_green",
    "iso_grey",
    "iso_maroon",
)
ISO_WEIGHTS = (0.17, 0.22, 0.10, 0.13, 0.10, 0.12, 0.16)
ISO_HEIGHT = 2.59
LOAD_SHARES = (0.30, 0.24, 0.24, 0.10, 0.07, 0.05)
"""How often a gondola has each of its loads."""


@dataclass(frozen=True)
class WagonType:
    """A class of rail vehicle."""

    name: str
    """What it is called in the truth."""
    pitch: float
    """Length over couplers, metres."""
    width: float
    """Metres."""
    height: float
    """Top above the ground, metres."""
    colours: tuple[str, ...]
    """Materials of its body."""
    loads: tuple[str, ...] = ()
    """Materials of its load; ``empty_floor`` is no load."""


WAGONS: dict[str, WagonType] = {
    w.name: w
    for w in (
        WagonType("gondola", 13.92, 3.158, 3.6,
                  ("wagon_rust", "wagon_brown", "wagon_grey", "wagon_green"),
                  ("coal", "ore", "empty_floor", "timber", "scrap", "sand")),
        WagonType("boxcar", 14.73, 3.25, 4.6,
                  ("wagon_brown", "wagon_grey", "wagon_green", "wagon_white", "wagon_steel")),
        WagonType("tank", 12.02, 3.08, 4.5, ("tank_black", "tank_grey", "tank_orange")),
        WagonType("flatcar", 14.62, 2.9, 1.35, ("underframe",), ("empty_floor", "container")),
        WagonType("locomotive", 17.2, 3.1, 4.6, ("loco_green", "loco_red")),
    )
}  # fmt: skip


def wagon(axes: Axes, u: float, v: float, kind: str, colour: str, load: str, seed: int) -> Body:
    """Make a rail vehicle with its middle at (u, v) of the yard's frame.

    Parameters
    ----------
    axes : Axes
        The frame of the straight track.
    u, v : float
        Middle of the vehicle.
    kind : str
        Key of :data:`WAGONS`.
    colour, load : str
        Materials.
    seed : int
        Of its wear and of the containers it carries.
    """
    t = WAGONS[kind]
    rng = np.random.Generator(np.random.PCG64(seed))
    length = t.pitch - COUPLER_GAP
    wear = float(1 + 0.10 * rng.standard_normal())
    wear = min(max(wear, 0.75), 1.3)
    make = {
        "gondola": _gondola, "boxcar": _boxcar, "tank": _tank, "flatcar": _flatcar,
        "locomotive": _locomotive,
    }[kind]  # fmt: skip
    under = Part(axes.box(u, v, t.pitch - 0.1, 0.9), "underframe", 0.9)
    parts = make(axes, u, v, length, t, colour, load, wear, rng)
    top = max(p.top for p in parts)
    outline = axes.box(u, v, length, t.width)
    return Body("railcar", kind, outline, top, (under, *parts))


def _gondola(axes: Axes, u: float, v: float, length: float, t: WagonType, colour: str, load: str,
             wear: float, rng: np.random.Generator) -> tuple[Part, ...]:  # fmt: skip
    frame = Part(axes.box(u, v, length, t.width), colour, t.height, wear)
    level = {"empty_floor": 1.5, "timber": 4.2, "scrap": 3.4, "coal": 3.5, "ore": 2.6, "sand": 3.0}
    inner_l, inner_w = length - 0.35, t.width - 0.3
    inside = Part(
        axes.box(u, v, inner_l, inner_w), "empty_floor" if load != "timber" else load,
        min(level[load], 2.4) if load != "timber" else 4.2, float(rng.uniform(0.85, 1.15)),
    )  # fmt: skip
    if load in ("empty_floor", "timber"):
        # cross stakes and floor hatches break an empty body into bays
        bars = tuple(
            Part(axes.box(u + (k - 2.5) * inner_l / 6, v, 0.16, inner_w), colour, t.height - 0.4)
            for k in range(1, 5)
        )
        return (frame, inside, *bars)
    heap = Part(
        axes.box(u, v, inner_l - 0.2, inner_w - 0.15), load, level[load],
        float(rng.uniform(0.85, 1.15)), "heap", axes.along, inner_w / 2, 0.45,
    )  # fmt: skip
    return frame, inside, heap


def _boxcar(axes: Axes, u: float, v: float, length: float, t: WagonType, colour: str, load: str,
            wear: float, rng: np.random.Generator) -> tuple[Part, ...]:  # fmt: skip
    roof = Part(
        axes.box(u, v, length, t.width), colour, t.height, wear, "barrel", axes.along,
        t.width / 2, 0.55,
    )  # fmt: skip
    walk = Part(axes.box(u, v, length, 0.4), colour, t.height, wear * 0.86)
    hatches = tuple(
        Part(axes.box(u + d * length, v + s * 0.8, 0.6, 0.5), colour, t.height, wear * 0.8)
        for d in (-0.3, 0.3) for s in (-1, 1)
    )  # fmt: skip
    return (roof, walk, *hatches) if rng.uniform() < 0.5 else (roof, walk)


def _tank(axes: Axes, u: float, v: float, length: float, t: WagonType, colour: str, load: str,
          wear: float, rng: np.random.Generator) -> tuple[Part, ...]:  # fmt: skip
    frame = Part(axes.box(u, v, length, 2.7), "underframe", 1.2)
    barrel_length, r = length - 0.5, t.width / 2
    barrel = Part(
        axes.box(u, v, barrel_length, t.width - 0.1), colour, t.height - 0.3, wear, "tank",
        axes.along, r, r,
    )  # fmt: skip
    # oil runs down from the manhole; the catwalk beside it is lighter
    stain = Part(axes.box(u, v, 1.3, 2.2), "oil", t.height - 0.3, 1.2, "tank", axes.along, r, r)
    dome = Part(axes.box(u, v, 1.2, 1.2), "wagon_steel", t.height, 1.1)
    return (frame, barrel, stain, dome) if rng.uniform() < 0.7 else (frame, barrel, dome)


def _flatcar(axes: Axes, u: float, v: float, length: float, t: WagonType, colour: str, load: str,
             wear: float, rng: np.random.Generator) -> tuple[Part, ...]:  # fmt: skip
    deck = Part(axes.box(u, v, length, t.width), "timber", t.height, 0.75 * wear)
    spine = Part(axes.box(u, v, length, 0.7), "underframe", t.height)
    if load != "container":
        return deck, spine
    colours = rng.choice(ISO_COLOURS, size=2, p=ISO_WEIGHTS)
    top = 1.2 + ISO_HEIGHT
    if rng.uniform() < 0.5:
        box = container_top(axes, u, v, 12.192, str(colours[0]), top, rng)
        return (deck, spine, *box)
    first = container_top(axes, u - 3.2, v, 6.058, str(colours[0]), top, rng)
    second = container_top(axes, u + 3.2, v, 6.058, str(colours[1]), top, rng)
    return (deck, spine, *first, *second)


def _locomotive(axes: Axes, u: float, v: float, length: float, t: WagonType, colour: str, load: str,
                wear: float, rng: np.random.Generator) -> tuple[Part, ...]:  # fmt: skip
    deck = Part(axes.box(u, v, length, t.width), "underframe", 1.6)
    hood = Part(
        axes.box(u, v, length - 0.6, 2.8), colour, t.height, wear, "barrel", axes.along, 1.4, 0.3
    )
    grilles = tuple(
        Part(axes.box(u + d, v, w, 1.7), "loco_grille", t.height + 0.05)
        for d, w in ((-4.2, 2.4), (-0.6, 1.6), (2.2, 2.2))
    )
    cab = Part(axes.box(u + length * 0.36, v, 2.3, 2.9), "wagon_grey", t.height + 0.1, 0.9)
    return (deck, hood, *grilles, cab)


def container_top(axes: Axes, u: float, v: float, length: float, colour: str, top: float,
                  rng: np.random.Generator, turn: float = 0.0) -> tuple[Part, ...]:  # fmt: skip
    """Roof of an ISO container: its corner posts and ends are a shade darker."""
    wear = float(np.clip(1 + 0.12 * rng.standard_normal(), 0.7, 1.3))
    edge = Part(axes.box(u, v, length, 2.438, turn), colour, top, 0.82 * wear)
    roof = Part(axes.box(u, v, length - 0.5, 2.1, turn), colour, top, wear)
    return edge, roof


def stack(axes: Axes, u: float, v: float, colours: tuple[str, ...], levels: int, seed: int) -> Body:
    """Make a stack of one 40 ft slot: one colour a 40 ft box, two a pair of 20 ft boxes."""
    rng = np.random.Generator(np.random.PCG64(seed))
    top = ISO_HEIGHT * levels
    if len(colours) == 1:
        parts = container_top(axes, u, v, 12.192, colours[0], top, rng)
    else:
        parts = (
            *container_top(axes, u - 3.07, v, 6.058, colours[0], top, rng),
            *container_top(axes, u + 3.07, v, 6.058, colours[1], top, rng),
        )
    kind = "container" if levels == 1 and len(colours) == 1 else "container_stack"
    name = f"{'40ft' if len(colours) == 1 else '2x20ft'} x {levels}"
    return Body(kind, name, axes.box(u, v, 12.192, 2.438), top, parts)


def truck(axes: Axes, u: float, v: float, heading: int, seed: int) -> Body:
    """Make a tractor with a 13.6 m semi-trailer, 16.5 m x 2.55 m, or a rigid lorry of 9 m."""
    rng = np.random.Generator(np.random.PCG64(seed))
    cab_colour = str(
        rng.choice(["paint_white", "paint_red", "tarp_blue", "paint_olive", "paint_white"])
    )
    load = str(rng.choice(["tarp_white", "tarp_blue", "tarp_olive", *ISO_COLOURS[:4], "iso_grey"]))
    if rng.uniform() < 0.75:
        length, box_length, cab_length = 16.5, 13.4, 2.2
    else:
        length, box_length, cab_length = 9.0, 6.2, 2.1
    front = heading * (length / 2 - cab_length / 2)
    back = -heading * (length / 2 - box_length / 2)
    wear = float(np.clip(1 + 0.1 * rng.standard_normal(), 0.75, 1.25))
    parts = (
        Part(axes.box(u, v, length - 0.4, 1.1), "underframe", 1.1),
        Part(axes.box(u + back, v, box_length, 2.5), load, 3.9, wear),
        Part(axes.box(u + front, v, cab_length, 2.45), cab_colour, 3.3, wear),
        Part(axes.box(u + front + heading * 0.7, v, 0.5, 2.2), "paint_dark", 2.9),
    )
    return Body(
        "truck", "semi" if length > 10 else "rigid", axes.box(u, v, length, 2.55), 3.9, parts
    )


def car(axes: Axes, u: float, v: float, turn: float, seed: int) -> Body:
    """Make a car of 4.6 m x 1.8 m."""
    rng = np.random.Generator(np.random.PCG64(seed))
    colour = str(rng.choice(["paint_white", "paint_dark", "wagon_grey", "paint_red", "iso_blue"]))
    parts = (
        Part(axes.box(u, v, 4.6, 1.8, turn), colour, 0.9),
        Part(axes.box(u, v, 2.9, 1.6, turn), "paint_dark", 1.3),
        Part(axes.box(u, v, 1.7, 1.45, turn), colour, 1.45),
    )
    return Body("vehicle", "car", axes.box(u, v, 4.6, 1.8, turn), 1.45, parts)
