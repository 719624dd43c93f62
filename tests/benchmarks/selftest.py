"""Whether the self-test tells the truth: run as ``python tests/benchmarks/selftest.py``.

Single wagons, trucks and containers, rendered with their loads, roofs, cabs and shadows, arrive at
free places of simulated yards, in several after images of each yard. The self-test of the yard's
quiet pair predicts how many of them are found: of boxes with their size, contrast, colour and
brightness that it plants at other free places. The table sets that beside the share of arrivals
that the **same** fitted detector, null and threshold find.

The last line fits the detector again with the arrivals in the image, as ``detect`` would.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from detection import YARD

import changedet as cd
from changedet.config import Config
from changedet.differencing import Detection, fit_detection
from changedet.model import SEEN_SHARE, DetectionRate, Image, Places, TargetType
from changedet.pipeline.opening import align_pair, open_pair
from changedet.pipeline.planting import Ready, make_site, plant_all
from changedet.pipeline.running import Running
from changedet.pipeline.steps import context_of, outline_objects, score_pixels
from changedet.simulation import SceneOptions, Site, Wanted, scene
from changedet.simulation.bodies import Body, Item, Layout
from changedet.simulation.canvas import base_canvas, canvas_at
from changedet.simulation.geolocation import Correction, SiteFrame, make_grid
from changedet.simulation.materials import Palette
from changedet.simulation.noise import generator
from changedet.simulation.plan import yard_axes
from changedet.simulation.sensor import Sampler
from changedet.simulation.settled import settle
from changedet.simulation.trains import _units
from changedet.simulation.vehicles import ISO_COLOURS, ISO_WEIGHTS, stack, truck, wagon

TYPES = {
    "flatcar": TargetType("flat wagon", "railcar", 13.5, 2.9, 1.35, 0.12),
    "gondola": TargetType("gondola", "railcar", 12.8, 3.16, 3.6, 0.2),
    "boxcar": TargetType("box car", "railcar", 13.6, 3.25, 4.6, 0.25),
    "tank": TargetType("tank wagon", "railcar", 10.9, 3.08, 4.5, 0.31),
    "semi": TargetType("truck", "truck", 16.5, 2.55, 3.9, 0.19),
    "40ft x 1": TargetType("container", "container", 12.192, 2.438, 2.59),
}
"""What is planted for each rendered thing: a box of its size, height and usual unevenness."""
FADED = (1.0, 0.6, 0.35)
"""How strongly rendered things differ from the ground, in turn from seed to seed."""
APART_M = {"railcar": 9.0, "truck": 3.0, "container": 5.0}
SITE: dict[str, Any] = {**YARD, "size_m": (260, 180), "change_fraction": 0.0, "occupancy": 0.1}


@dataclass
class Arrival:
    """A rendered thing that arrived, what it looks like, and whether it was found."""

    yard: int
    type: str
    contrast: float
    """Root mean square over bands of its mean difference from the ground it hides, as a share of
    the light of the ground."""
    brightness: float
    """Mean over bands of that difference."""
    colour: float
    """Share of the squared contrast that differs between bands."""
    uneven: float
    """Standard deviation of its own pixels around their mean, root mean square over bands, as a
    share of the light of the ground."""
    found: bool
    faded: float
    predicted: float = float("nan")


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


class Judge:
    """The detection of a yard's quiet pair, fitted once: what it finds of arrivals and targets."""

    def __init__(self, before: Image, after: Image) -> None:
        self.before = before
        self.config = Config(
            sun_before=SITE["sun_before"], sun_after=SITE["sun_after"], align=False, workers=1
        )
        self.run = Running(self.config, "serial", lambda event: None)
        self.pair, self.infos = self._opened(after)
        context = context_of(self.pair, self.infos, self.config)
        self.detection: Detection = fit_detection(self.pair, context, self.config)

    def _opened(self, after: Image) -> tuple[Any, Any]:
        pair, infos, *_ = open_pair(self.before, after, self.config)
        return align_pair(pair, self.config, self.run.tell), infos

    def changed(self, after: Image) -> np.ndarray:
        """``changed.tif`` of another after image."""
        pair, _ = self._opened(after)
        score = score_pixels(pair, self.detection, self.config, self.run)
        return outline_objects(score, self.config, self.run)[1].read(pair.grid.window)

    def site(self, places: dict[str, Places]) -> tuple[Ready, Site]:
        """Where targets may be planted, and what that needs."""
        base = score_pixels(self.pair, self.detection, self.config, self.run)
        found, changed = outline_objects(base, self.config, self.run)
        ready = Ready(self.pair, self.detection, self.config, self.run, base)
        return ready, make_site(ready, self.infos, found, changed, None, places)

    def predict(self, seen: list[Arrival], ready: Ready, site: Site, copies: int) -> list[Arrival]:
        """Plant boxes that look like each arrival, elsewhere; those without a place are left out.

        Boxes and arrivals meet by their looks.
        """
        places = {"railcar": site.tracks, "truck": site.roads, "container": site.zones}
        types = {t.name: t for t in TYPES.values() if places[t.kind].names}
        seen = [a for a in seen if a.type in types]
        queue = [Wanted(types[a.type], a.contrast, a.colour, a.brightness < 0) for a in seen]
        queue = [queue[i] for i in np.random.default_rng(3).permutation(len(queue))] * copies
        targets, _ = plant_all(ready, site, queue, self.run.tell)
        shares: dict[tuple[str, float], list[bool]] = {}
        for t in targets:
            shares.setdefault((t.type, t.contrast), []).append(t.seen)
        return [
            replace(a, predicted=float(np.mean(shares[a.type, a.contrast])))
            for a in seen
            if (a.type, a.contrast) in shares
        ]


def looks(
    yard: Yard, bodies: list[Body], busy: Image, quiet: Image, changed: np.ndarray, dark: np.ndarray
) -> Iterator[Arrival]:
    """Each arrival wholly inside the image: its looks, and whether it was found."""
    for thing in bodies:
        corners = yard.outline(thing)
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        if low.min() < 3 or (high > np.array(changed.shape) - 4).any():
            continue
        outline = shapely.Polygon(corners[:, ::-1])
        r, c = np.mgrid[int(low[0]) : int(high[0]) + 1, int(low[1]) : int(high[1]) + 1]
        inside = shapely.contains_xy(outline, c, r)
        core = shapely.contains_xy(outline.buffer(-1.2), c, r)
        ground = quiet.pixels[:, r[inside], c[inside]].mean(axis=1, dtype=np.float64)
        off = (busy.pixels[:, r[core], c[core]] - ground[:, None]) / (ground - dark)[:, None]
        mean, uneven = off.mean(axis=1), off.std(axis=1)
        name = thing.subtype
        if name == "flatcar" and thing.height_m > TYPES[name].height_m:
            name = "gondola"  # with its containers as high as one
        yield Arrival(
            yard.seed, TYPES[name].name, float(np.sqrt((mean**2).mean())), float(mean.mean()),
            float(1 - mean.mean() ** 2 / (mean**2).mean()), float(np.sqrt((uneven**2).mean())),
            bool((changed[r[inside], c[inside]] == 1).mean() >= SEEN_SHARE), yard.options.contrast,
        )  # fmt: skip


def one(seed: int, draws: int, copies: int) -> tuple[list[Arrival], list[Arrival]]:
    """Arrivals of several draws on one yard; and those of the first, by a detector fitted again."""
    yard = Yard(seed, FADED[seed % len(FADED)])
    before, quiet = yard.image("before"), yard.image("after")
    seen: list[Arrival] = []
    again: list[Arrival] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cd.ChangedetWarning)
        judge = Judge(before, quiet)
        ready, site = judge.site(where(yard))
        dark = np.array(site.quality.dark)
        for draw in range(draws):
            bodies = arrivals(yard.layout, seed, draw)
            busy = yard.image("after", bodies)
            seen += looks(yard, bodies, busy, quiet, judge.changed(busy), dark)
            if draw == 0:
                fresh = Judge(before, busy).changed(busy)
                again += looks(yard, bodies, busy, quiet, fresh, dark)
        seen = judge.predict(seen, ready, site, copies)
    known = {(a.type, a.contrast): a.predicted for a in seen}
    again = [replace(a, predicted=known[a.type, a.contrast]) for a in again
             if (a.type, a.contrast) in known]  # fmt: skip
    return seen, again


def where(yard: Yard) -> dict[str, Places]:
    """Pad, tracks and road of the yard, where nothing stands: there arrivals come."""
    layout = yard.layout
    image = shapely.box(-yard.site.width_m / 2, -yard.site.height_m / 2,
                        yard.site.width_m / 2, yard.site.height_m / 2)  # fmt: skip
    standing = shapely.union_all([shapely.Polygon(i.body.outline) for i in layout.items])

    def places(name: str, geometry: list[Any], kind: str, half_m: float) -> Places:
        free = shapely.difference(geometry, shapely.buffer(standing, APART_M[kind] + half_m))
        free = shapely.intersection(free, shapely.buffer(image, -4.0))
        free = free[~shapely.is_empty(free)]
        moved = [shapely.transform(g, lambda xy: np.column_stack(
            yard.frame.to_crs(yard.grid.crs, *xy.T))) for g in free]  # fmt: skip
        array = np.empty(len(moved), dtype=object)
        array[:] = moved
        names = tuple(f"{name} {i}" for i in range(len(moved)))
        return Places(names, array, yard.grid.crs, (1.0,) * len(moved), name)

    tracks = [shapely.LineString(t.line) for t in layout.tracks]
    road = shapely.LineString(dict(layout.roads)["south road"])
    return {
        "zones": places("pad", [shapely.Polygon(dict(layout.zones)["pad"])], "container", 6.1),
        "tracks": places("track", tracks, "railcar", 6.4),
        "roads": places("road", [road], "truck", 8.25),
    }


def spread(seen: list[Arrival]) -> float:
    """Standard error of predicted − actual; arrivals of one yard share its prediction's error."""
    off = np.array([a.predicted - a.found for a in seen])
    names, yard = np.unique([a.yard for a in seen], return_inverse=True)
    if len(names) < 4:
        return float(off.std() / np.sqrt(len(off)))
    sums = np.bincount(yard, off - off.mean())
    return float(np.sqrt((sums**2).sum() * len(names) / (len(names) - 1)) / len(off))


def line(what: str, seen: list[Arrival]) -> str:
    """One line of the table."""
    rate = DetectionRate.of(what, None, [a.found for a in seen])
    if rate.probability is None or rate.low is None or rate.high is None:
        return f"{what:<34}{'–':>6}"
    share = float(np.mean([a.predicted for a in seen]))
    off, half = share - rate.probability, 1.96 * spread(seen)
    verdict = "yes" if abs(off) <= 0.05 else "NO" if abs(off) > 0.05 + half else "perhaps"
    return (f"{what:<34}{len(seen):>6}{share:>11.3f}{rate.probability:>9.3f}   "
            f"{rate.low:.3f} – {rate.high:.3f}{off:>+9.3f} ± {half:.3f}   {verdict}")  # fmt: skip


def table(seen: list[Arrival], again: list[Arrival]) -> Iterator[str]:
    """Predicted beside actual, by type and by what the arrivals look like."""
    yield (f"\n{'':<34}{'n':>6}{'predicted':>11}{'actual':>9}   {'95 % of actual':<14}"
           f"{'off':>8} {'':<9}within 0.05")  # fmt: skip
    for kind in ("railcar", "truck", "container"):
        some = [t.name for t in TYPES.values() if t.kind == kind]
        yield line(
            f"{'wagon' if kind == 'railcar' else kind}s", [a for a in seen if a.type in some]
        )
        for name in some if len(some) > 1 else ():
            yield line(f"  {name}s", [a for a in seen if a.type == name])
    for faded in FADED:
        yield line(f"contrast of the rendered {faded:g}", [a for a in seen if a.faded == faded])
    parts: list[tuple[str, Any, tuple[float, ...]]] = [
        ("contrast", lambda a: a.contrast, (0, 0.1, 0.2, 0.4, 0.8, 99)),
        ("colour contrast", lambda a: a.contrast * np.sqrt(max(a.colour, 0.0)),
         (0, 0.06, 0.12, 0.25, 99)),
        ("brightness", lambda a: a.brightness, (-99, -0.4, -0.2, 0, 0.2, 0.4, 99)),
        ("unevenness", lambda a: a.uneven, (0, 0.05, 0.1, 0.2, 99)),
    ]  # fmt: skip
    for what, of, steps in parts:
        for low, high in pairwise(steps):
            chosen = [a for a in seen if low <= of(a) < high]
            yield line(f"{what} {low:g} to {high:g}", chosen)
    yield line("all", seen)
    if again:
        yield line("detector fitted with the arrivals", again)


def main() -> None:
    """Print the table, also when stopped early."""
    parser = argparse.ArgumentParser(description="Whether the self-test tells the truth.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--draws", type=int, default=5, help="after images a yard")
    parser.add_argument("--copies", type=int, default=1, help="boxes planted for each arrival")
    given = parser.parse_args()
    seen: list[Arrival] = []
    again: list[Arrival] = []
    try:
        for seed in range(given.first, given.first + given.seeds):
            mine, fresh = one(seed, given.draws, given.copies)
            seen, again = [*seen, *mine], [*again, *fresh]
            print(f"  yard {seed}: {len(mine)} arrivals, "
                  f"predicted {np.mean([a.predicted for a in mine]):.3f}, "
                  f"actual {np.mean([a.found for a in mine]):.3f}", flush=True)  # fmt: skip
    except KeyboardInterrupt:
        print("  stopped early")
    for row in table(seen, again):
        print(row)


if __name__ == "__main__":
    main()
