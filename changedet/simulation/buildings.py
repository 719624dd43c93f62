"""Buildings and trees."""

from __future__ import annotations

import numpy as np

from changedet.simulation.bodies import Body, Part
from changedet.simulation.shapes import Axes, disc


def gabled(axes: Axes, u: float, v: float, length: float, width: float, eaves: float, roof: str,
           rng: np.random.Generator, subtype: str = "house",
           turn: float = 0.0) -> Body:  # fmt: skip
    """Make a building with a ridge along its length, a chimney or two, and worn roof sheets."""
    own = Axes(axes.angle_deg + turn, *axes.xy(u, v))
    rise = width * 0.22
    outline = own.box(0, 0, length, width)
    shade = float(np.clip(1 + 0.12 * rng.standard_normal(), 0.75, 1.3))
    parts = [Part(outline, roof, eaves, shade, "gable", own.along, width / 2, rise)]
    for _ in range(int(rng.integers(0, 1 + int(length / 8)))):
        du, size = float(rng.uniform(-0.4, 0.4)) * length, float(rng.uniform(1.5, 4.0))
        side = float(rng.choice([-1, 1])) * width / 4
        sheet = own.box(du, side, size, width / 2 - 0.4)
        tone = shade * float(rng.uniform(0.75, 1.2))
        parts.append(
            Part(
                sheet,
                roof,
                eaves,
                tone,
                "gable",
                own.along,
                width / 2,
                rise,
                middle=(own.x0, own.y0),
            )
        )
    if length < 20:
        parts.append(
            Part(own.box(length * 0.25, width * 0.12, 0.7, 0.7), "roof_dark", eaves + rise + 0.8)
        )
    return Body("building", subtype, outline, eaves + rise, tuple(parts))


def flat_roofed(axes: Axes, u: float, v: float, length: float, width: float, height: float,
                roof: str, rng: np.random.Generator, subtype: str = "block",
                turn: float = 0.0) -> Body:  # fmt: skip
    """Make a building with a parapet, a stair head and vents on a flat roof."""
    own = Axes(axes.angle_deg + turn, *axes.xy(u, v))
    outline = own.box(0, 0, length, width)
    shade = float(np.clip(1 + 0.1 * rng.standard_normal(), 0.8, 1.25))
    parts = [
        Part(outline, "concrete", height + 0.5, shade),
        Part(own.box(0, 0, length - 0.8, width - 0.8), roof, height, shade),
    ]
    if length > 12:
        parts.append(Part(own.box(length * 0.2, 0, 3.5, 3.0), "concrete_old", height + 2.4))
    for _ in range(int(rng.integers(1, 5))):
        du, dv = rng.uniform(-0.42, 0.42, size=2)
        parts.append(Part(own.box(du * length, dv * width, 1.1, 1.1), "roof_light", height + 0.9))
    return Body("building", subtype, outline, height, tuple(parts))


def tree(
    x: float, y: float, radius: float, height: float, material: str, rng: np.random.Generator
) -> Body:
    """Make a tree: one big crown and smaller ones on and around it."""
    parts = [
        Part(disc(x, y, radius), material, height * 0.65, float(rng.uniform(0.85, 1.1)), "dome",
             half_width=radius, rise=height * 0.35)
    ]  # fmt: skip
    for _ in range(4):
        a, d = rng.uniform(0, 6.283), radius * rng.uniform(0.35, 0.7)
        r = radius * float(rng.uniform(0.35, 0.55))
        parts.append(
            Part(disc(x + d * np.cos(a), y + d * np.sin(a), r, 9), material,
                 height * float(rng.uniform(0.6, 0.8)), float(rng.uniform(0.75, 1.2)), "dome",
                 half_width=r, rise=height * 0.2)
        )  # fmt: skip
    return Body("vegetation", "tree", disc(x, y, radius), height, tuple(parts))
