"""Whether the self-test tells the truth: run as ``python tests/benchmarks/selftest.py``.

Single wagons, trucks and containers, rendered with their loads, roofs, cabs and shadows, arrive at
free places of simulated yards. The self-test of each pair predicts how many of them are found, from
planted boxes alone; the table sets that beside the share that really was found. Predictions are
weighed by what the arrivals look like: contrast and colour of each against the ground it hides,
measured between two noise-free means.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from detection import YARD

import changedet as cd
from changedet.model import DetectionRate, Image, Places, TargetType
from changedet.simulation import SceneOptions, scene
from changedet.simulation.bodies import Body, Item, Layout
from changedet.simulation.canvas import base_canvas, canvas_at
from changedet.simulation.detectability import logistic
from changedet.simulation.geolocation import Correction, SiteFrame, make_grid
from changedet.simulation.materials import Palette
from changedet.simulation.noise import generator
from changedet.simulation.plan import yard_axes
from changedet.simulation.sensor import Sampler
from changedet.simulation.settled import settle
from changedet.simulation.trains import _units
from changedet.simulation.vehicles import ISO_COLOURS, ISO_WEIGHTS, stack, truck, wagon

TYPES = (
    TargetType("wagon", "railcar", 12.8, 3.1, 3.6),
    TargetType("truck", "truck", 16.5, 2.55, 3.9),
    TargetType("container", "container", 12.192, 2.438, 2.59),
)
CONTRASTS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
FADED = (1.0, 0.6, 0.35)
"""How strongly rendered things differ from the ground, in turn from seed to seed."""
APART_M = {"railcar": 9.0, "truck": 3.0, "container": 5.0}
SITE: dict[str, Any] = {**YARD, "size_m": (260, 180), "change_fraction": 0.0, "occupancy": 0.2}


@dataclass
class Arrival:
    """A rendered thing that arrived, and whether it was found."""

    type: str
    contrast: float
    colour: float
    found: bool
    faded: float


def arrivals(layout: Layout, seed: int, draw: int) -> list[Body]:
    """Single things at free places: wagons on tracks, trucks on the road, boxes on the pad."""
    rng, axes = generator(seed, f"self-test {draw}"), yard_axes(seed)
    taken = [shapely.Polygon(i.body.outline) for i in layout.items]
    out: list[Body] = []

    def put(body: Body) -> None:
        outline = shapely.Polygon(body.outline)
        if shapely.distance(outline, np.array(taken)).min() > APART_M[body.kind]:
            taken.append(outline)
            out.append(body)

    for _ in range(120):
        track = layout.tracks[int(rng.integers(len(layout.tracks)))]
        unit = _units(rng, 1)[0]
        u = float(rng.uniform(max(track.start, -120), min(track.end, 120)))
        put(wagon(axes, u, track.v, unit.kind, unit.colour, unit.load, unit.seed))
    road = float(axes.uv(dict(layout.roads)["south road"])[:, 1].mean())
    for _ in range(80):
        side = 1 if rng.uniform() < 0.5 else -1
        u, number = float(rng.uniform(-120, 120)), int(rng.integers(1 << 31))
        body = truck(axes, u, road - 1.85 * side, side, number)
        if body.subtype == "semi":
            put(body)
    pad = axes.uv(dict(layout.zones)["pad"])
    for _ in range(80):
        (u0, v0), (u1, v1) = pad.min(axis=0), pad.max(axis=0)
        u, v = float(rng.uniform(u0 + 7, u1 - 7)), float(rng.uniform(v0 + 2, v1 - 2))
        colour = str(rng.choice(ISO_COLOURS, p=ISO_WEIGHTS))
        put(stack(axes, u, v, (colour,), 1, int(rng.integers(1 << 31))))
    return out


class Yard:
    """One yard, its before image, and after images with ever other arrivals."""

    def __init__(self, seed: int, contrast: float) -> None:
        self.seed = seed
        self.options = SceneOptions(contrast=contrast, **SITE)
        self.site = settle("railyard", self.options)
        self.frame = SiteFrame.around(*self.options.center)
        plain = Correction.of(self.options, self.site, seed)
        self.grid = make_grid(self.frame, self.site.crs_before, self.site.width_m,
                              self.site.height_m, self.site.gsd_before)  # fmt: skip
        self.layout = scene.lay_out(seed, self.site, self.options)
        grids = {"before": self.grid, "after": self.grid}
        fine = scene._fine_frame(self.frame, grids, plain, self.site)
        self.base = base_canvas(self.layout, fine, seed, Palette(contrast))
        blurs = {d: getattr(self.options, f"blur_{d}") for d in grids}
        self.samplers = {d: Sampler.of(fine, self.grid, self.frame, plain, blurs[d]) for d in grids}

    def image(self, date: str, bodies: Sequence[Body] = ()) -> Image:
        """The yard at one date, with some arrivals."""
        layout = replace(self.layout)
        layout.items = [*self.layout.items, *(Item(None, b, "appeared") for b in bodies)]
        camera = scene._Camera(self.seed, self.site, self.options, date)
        return camera.take(canvas_at(self.base, layout, date), self.samplers[date])[0]

    def outline(self, body: Body) -> np.ndarray:
        """Rows and columns of a body's corners, (4, 2)."""
        x, y = self.frame.to_crs(self.grid.crs, *body.outline.T)
        return np.column_stack(self.grid.rowcol(x, y))


def looks(
    yard: Yard, bodies: list[Body], busy: Image, quiet: Image, found: np.ndarray, dark: np.ndarray
) -> Iterator[Arrival]:
    """Each arrival wholly inside the image: its contrast and colour, and whether it was found."""
    names = {t.kind: t.name for t in TYPES}
    for thing in bodies:
        corners = yard.outline(thing)
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        if low.min() < 3 or (high > np.array(found.shape) - 4).any():
            continue
        outline = shapely.Polygon(corners[:, ::-1])
        r, c = np.mgrid[int(low[0]) : int(high[0]) + 1, int(low[1]) : int(high[1]) + 1]
        inside = shapely.contains_xy(outline, c, r)
        core = shapely.contains_xy(outline.buffer(-1.2), c, r)
        ground = quiet.pixels[:, r[inside], c[inside]].mean(axis=1, dtype=np.float64)
        body = busy.pixels[:, r[core], c[core]].mean(axis=1, dtype=np.float64)
        off = (body - ground) / (ground - dark)
        contrast = float(np.sqrt((off**2).mean()))
        yield Arrival(
            names[thing.kind], contrast, float(1 - off.mean() ** 2 / contrast**2),
            bool(found[r[inside], c[inside]].mean() >= 0.5), yard.options.contrast,
        )  # fmt: skip


def one(seed: int, per_cell: int, draws: int) -> tuple[list[Arrival], cd.SelfTest]:
    """Arrivals of several draws on one yard, and the self-test of the first."""
    yard = Yard(seed, FADED[seed % len(FADED)])
    before, quiet = yard.image("before"), yard.image("after")
    given = {"sun_before": SITE["sun_before"], "sun_after": SITE["sun_after"], "align": False,
             "workers": 1}  # fmt: skip
    seen: list[Arrival] = []
    test = None
    for draw in range(draws):
        bodies = arrivals(yard.layout, seed, draw)
        busy = yard.image("after", bodies)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cd.ChangedetWarning)
            report = cd.detect(before, busy, **given)
            if test is None:
                test = cd.selftest(before, busy, types=TYPES, contrasts=CONTRASTS,
                                   per_cell=per_cell, **where(yard), **given)  # fmt: skip
        found = report.changed.read(report.grid.window) == 1
        dark = np.array(test.image["dark_value"])
        seen += looks(yard, bodies, busy, quiet, found, dark)
    return seen, test


def where(yard: Yard) -> dict[str, Places]:
    """Pad, tracks and road of the yard, on which its targets are planted as arrivals come."""

    def places(name: str, geometry: list[Any]) -> Places:
        moved = [shapely.transform(g, lambda xy: np.column_stack(
            yard.frame.to_crs(yard.grid.crs, *xy.T))) for g in geometry]  # fmt: skip
        array = np.empty(len(moved), dtype=object)
        array[:] = moved
        names = tuple(f"{name} {i}" for i in range(len(moved)))
        return Places(names, array, yard.grid.crs, (1.0,) * len(moved), name)

    layout = yard.layout
    return {
        "zones": places("pad", [shapely.Polygon(dict(layout.zones)["pad"])]),
        "tracks": places("track", [shapely.LineString(t.line) for t in layout.tracks]),
        "roads": places("road", [shapely.LineString(dict(layout.roads)["south road"])]),
    }


def features(type: np.ndarray, contrast: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """What a detection may depend on: the kind, and contrast of colour and of brightness."""
    bold = np.clip(contrast, CONTRASTS[0], CONTRASTS[-1])
    hue = np.log(np.maximum(bold * np.sqrt(np.clip(colour, 0, 1)), 0.01))
    light = np.log(np.maximum(bold * np.sqrt(1 - np.clip(colour, 0, 1)), 0.01))
    kinds = [(type == t.name).astype(np.float64) for t in TYPES]
    return np.column_stack([*kinds, hue, light, hue * light, hue**2])


def predicted(test: cd.SelfTest, seen: list[Arrival]) -> np.ndarray:
    """Detection probability of each arrival from the targets planted at the same site."""

    def design(things: Sequence[Any], contrast: str) -> np.ndarray:
        columns = ([getattr(t, k) for t in things] for k in ("type", contrast, "colour"))
        return features(*(np.array(c) for c in columns))

    fitted = logistic(design(test.targets, "reached"),
                      np.array([t.seen for t in test.targets], dtype=np.float64))  # fmt: skip
    if fitted is None:
        return np.full(len(seen), np.nan)
    return np.asarray(1 / (1 + np.exp(-design(seen, "contrast") @ fitted[0])))


def line(what: str, seen: list[Arrival], share: np.ndarray) -> str:
    """One line of the table."""
    rate = DetectionRate.of(what, None, [a.found for a in seen])
    if not seen or rate.probability is None or rate.low is None or rate.high is None:
        return f"{what:<34}{'–':>6}"
    off = float(share.mean()) - rate.probability
    verdict = "yes" if abs(off) <= 0.05 else "NO"
    return (f"{what:<34}{len(seen):>6}{share.mean():>11.3f}{rate.probability:>9.3f}   "
            f"{rate.low:.3f} – {rate.high:.3f}{off:>+9.3f}   {verdict}")  # fmt: skip


def table(seen: list[Arrival], share: np.ndarray) -> Iterator[str]:
    """Predicted beside actual, by type and by what the arrivals look like."""
    yield (f"\n{'':<34}{'n':>6}{'predicted':>11}{'actual':>9}   {'95 % of actual':<14}"
           f"{'off':>8}   within 0.05")  # fmt: skip
    faded = np.array([a.faded for a in seen])
    hue = np.array([a.contrast * np.sqrt(max(a.colour, 0.0)) for a in seen])
    parts = [(f"{t.name}s", np.array([a.type == t.name for a in seen])) for t in TYPES]
    parts += [(f"contrast of the rendered {f:g}", faded == f) for f in FADED]
    steps = ((0, 0.06), (0.06, 0.12), (0.12, 0.25), (0.25, 99))
    parts += [(f"colour contrast {a:g} to {b:g}", (hue >= a) & (hue < b)) for a, b in steps]
    parts.append(("all", np.ones(len(seen), dtype=bool)))
    for what, chosen in parts:
        index = np.flatnonzero(chosen)
        yield line(what, [seen[i] for i in index], share[index])


def main() -> None:
    """Print the table, also when stopped early."""
    parser = argparse.ArgumentParser(description="Whether the self-test tells the truth.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--per-cell", type=int, default=8)
    parser.add_argument("--draws", type=int, default=6, help="after images a yard")
    given = parser.parse_args()
    seen: list[Arrival] = []
    shares: list[np.ndarray] = []
    try:
        for seed in range(given.first, given.first + given.seeds):
            found, test = one(seed, given.per_cell, given.draws)
            seen.extend(found)
            shares.append(predicted(test, found))
            hits, planted = sum(t.seen for t in test.targets), len(test.targets)
            print(f"  yard {seed}: {sum(a.found for a in found)} of {len(found)} arrivals found, "
                  f"{hits} of {planted} planted targets seen in {test.rounds} rounds; predicted "
                  f"{shares[-1].mean():.3f}, actual {np.mean([a.found for a in found]):.3f}",
                  flush=True)  # fmt: skip
    except KeyboardInterrupt:
        print("  stopped early")
    seen = seen[: sum(map(len, shares))]
    for row in table(seen, np.concatenate(shares)):
        print(row)


if __name__ == "__main__":
    main()
