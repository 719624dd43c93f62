"""The site of a rail yard: everything that stays where it is."""

from __future__ import annotations

import math

import numpy as np

from changedet.simulation.bodies import Body, Item, Layout, Part, Track
from changedet.simulation.buildings import flat_roofed, gabled, tree
from changedet.simulation.noise import generator
from changedet.simulation.options import Settled
from changedet.simulation.shapes import Axes, blob, strip, worn

GAUGE = 1.52
HOUSE_ROOFS = (
    "roof_grey",
    "roof_orange",
    "roof_grey",
    "roof_dark",
    "roof_rust",
    "roof_blue",
    "roof_red",
)


def yard_axes(seed: int) -> Axes:
    """Return the frame of the yard: u along the main tracks."""
    angle = float(generator(seed, "axes").uniform(5.0, 13.0))
    return Axes(angle)


def lay_out_railyard(seed: int, site: Settled) -> Layout:
    """Lay out tracks, pad, roads, station, village and trees; no traffic yet."""
    rng = generator(seed, "railyard")
    axes = yard_axes(seed)
    layout = Layout()
    half = site.width_m / 2 + 60
    south = min(5, max(2, int(site.height_m / 65)))
    north = 2 if site.height_m >= 150 else 1
    _fields(layout, rng, axes, half, site)
    layout.tracks = _tracks(rng, site.width_m, north, south)
    pad_v = min(t.v for t in layout.tracks) - 4.6
    bounds = _Bounds(axes, site, max(t.v for t in layout.tracks), pad_v)
    _roads(layout, rng, bounds)
    _yard_ground(layout, rng, axes, half)
    _pad(layout, rng, bounds)
    _station(layout, rng, bounds)
    for track in layout.tracks:
        _paint_track(layout, axes, track)
    _stains(layout, rng, axes)
    _village(layout, rng, bounds)
    _trees(layout, rng, bounds)
    layout.tracks = [
        Track(t.name, axes.xy(t.line[:, 0], t.line[:, 1]), t.start, t.end, t.v, t.loading)
        for t in layout.tracks
    ]
    layout.zones = _zones(layout, bounds)
    return layout


class _Bounds:
    """Where the parts of the site lie across the yard."""

    def __init__(self, axes: Axes, site: Settled, top: float, pad_top: float) -> None:
        self.axes = axes
        self.half = site.width_m / 2
        self.site = site
        self.top = top
        self.pad_top = pad_top
        self.pad_depth = min(44.0, site.height_m * 0.13)
        self.pad_length = min(0.40 * site.width_m, 260.0)
        self.pad_u = 0.10 * site.width_m
        self.road_south = pad_top - self.pad_depth - 22.0
        self.road_north = top + 58.0

    def inside(self, body: Body, margin: float = -8.0) -> bool:
        """Whether a body lies in the rendered site."""
        x, y = body.outline[:, 0], body.outline[:, 1]
        return bool(
            np.all(np.abs(x) < self.site.width_m / 2 - margin)
            and np.all(np.abs(y) < self.site.height_m / 2 - margin)
        )


def _ladder(u: np.ndarray, start: float, target: float, slope: float) -> np.ndarray:
    """Offset of a track that leaves along a ladder and bends into its own place, smoothly."""
    blend = 9.0
    turnout = np.clip((u - start) / blend, 0, None)
    on_ladder = slope * blend * np.where(turnout < 1, turnout**2 / 2, turnout - 0.5)
    short = abs(target) - on_ladder
    b = slope * blend
    # straight ladder, curve, straight track
    rounded = np.clip(short + b, 0, 2 * b) ** 2 / (4 * b)
    return np.sign(target) * (abs(target) - np.where(short > b, short, rounded))


def _tracks(rng: np.random.Generator, width: float, north: int, south: int) -> list[Track]:
    """Two main tracks at 4.1 m, sidings that fan out from ladders; lines in yard coordinates."""
    end = width / 2 + 70
    u = np.arange(-end, end + 1, 2.0)
    throat = -0.49 * width
    slope = 1 / 6.5 if width >= 400 else 1 / 4.0
    tracks = []
    specs = [("1", 2.05, 2.05, 0.0), ("2", -2.05, -2.05, 0.0)]
    v = 2.05
    for i in range(north):
        v += 5.3 if i == 0 else float(rng.uniform(4.8, 5.3))
        specs.append((str(3 + 2 * i), 2.05, v, 1.0))
    v = -2.05
    for i in range(south):
        v -= 5.3 if i == 0 else float(rng.uniform(4.8, 5.3))
        specs.append((str(4 + 2 * i), -2.05, v, 1.0))
    for name, base, v, siding in specs:
        offset = v - base
        line_v = np.full(len(u), base)
        start = -end
        if siding:
            begin = throat + (12.0 if offset > 0 else 0.0)
            line_v = base + _ladder(u, begin, offset, slope)
            settled = np.abs(line_v - v) < 0.04
            start = float(u[settled][0]) + 4.0
        loading = bool(siding) and name == str(4 + 2 * (south - 1))
        stop = width / 2 - 14 if loading else end
        keep = (u >= throat) & (u <= stop) if siding else slice(None)
        tracks.append(
            Track(name, np.column_stack([u[keep], line_v[keep]]), max(start, -width / 2 - 20),
                  min(stop - 4, width / 2 + 20), v, loading)
        )  # fmt: skip
    return tracks


def _yard_ground(layout: Layout, rng: np.random.Generator, axes: Axes, half: float) -> None:
    """Cinder between the tracks, with a ragged lighter edge and trodden paths."""
    lines = [t.line for t in layout.tracks]
    u = np.arange(-half, half, 4.0)
    low = np.min([np.interp(u, a[:, 0], a[:, 1], left=np.inf, right=np.inf) for a in lines], axis=0)
    high = np.max(
        [np.interp(u, a[:, 0], a[:, 1], left=-np.inf, right=-np.inf) for a in lines], axis=0
    )
    known = np.isfinite(low)
    u, low, high = u[known], low[known], high[known]
    for margin, material, rough in (
        (5.6, "grass_thin", 0.7),
        (4.2, "soil_dark", 0.45),
        (3.3, "cinder", 0.3),
    ):
        rim = np.concatenate([axes.xy(u, low - margin), axes.xy(u, high + margin)[::-1]])
        layout.ground.append(Part(worn(rim, rng, rough, 2.5), material))
    for _ in range(int(half / 7)):
        x = float(rng.uniform(-half, half))
        k = int(np.clip((x + half) / 4, 0, len(u) - 1))
        y = float(rng.uniform(low[k], high[k]))
        patch = blob(rng, 0, 0, float(rng.uniform(1.5, 7)), 0.5) * [2.6, 0.45]
        material = str(rng.choice(["ballast", "cinder", "grass_thin", "soil_dark", "gravel"]))
        layout.ground.append(
            Part(
                axes.xy(patch[:, 0] + x, patch[:, 1] + y),
                material,
                0.0,
                float(rng.uniform(0.9, 1.1)),
            )
        )


def _paint_track(layout: Layout, axes: Axes, track: Track) -> None:
    """Ballast shoulder, sleepers and two rails."""
    line = axes.xy(track.line[:, 0], track.line[:, 1])
    main = track.name in ("1", "2")
    pieces = [
        (3.7, 0.0, "ballast" if main else "cinder"),
        (2.55, 0.0, "sleeper" if main else "trackbed"),
    ]
    pieces += [(0.22, s * GAUGE / 2, "rail" if main else "rail_rust") for s in (-1, 1)]
    pieces.append((0.9, 0.0, "oil" if not main else "trackbed"))
    for width, offset, material in pieces:
        # short pieces: the fill works on bounding boxes
        for i in range(0, len(line) - 1, 12):
            layout.ground.append(Part(strip(line[i : i + 14], width, offset), material))
    if track.loading:
        end = track.line[-1]
        layout.items.append(_static(Body("other", "buffer stop", axes.box(end[0], end[1], 1.2, 2.8), 1.3,
                                         (Part(axes.box(end[0], end[1], 1.2, 2.8), "concrete", 1.3),))))  # fmt: skip


def _stains(layout: Layout, rng: np.random.Generator, axes: Axes) -> None:
    """Spilt coal and oil, where wagons are loaded and locomotives wait."""
    for track in layout.tracks[2:]:
        for _ in range(4):
            u = float(rng.uniform(track.start, track.end))
            patch = blob(rng, 0, 0, float(rng.uniform(2, 5)), 0.4) * [2.0, 0.25]
            layout.ground.append(Part(axes.xy(patch[:, 0] + u, patch[:, 1] + track.v), "oil"))


def _pad(layout: Layout, rng: np.random.Generator, b: _Bounds) -> None:
    """Concrete slabs with joints, tyre marks and patches, beside the loading track."""
    axes, v = b.axes, b.pad_top - b.pad_depth / 2
    u0 = b.pad_u
    layout.ground.append(
        Part(worn(axes.box(u0, v - 1, b.pad_length + 7, b.pad_depth + 6), rng, 0.6), "dirt")
    )
    layout.ground.append(Part(axes.box(u0, v, b.pad_length, b.pad_depth), "concrete_old"))
    side = 6.0
    for i in range(int(b.pad_length / side)):
        for j in range(int(b.pad_depth / side)):
            u = u0 - b.pad_length / 2 + (i + 0.5) * side
            w = b.pad_top - (j + 0.5) * side
            slab = axes.box(u, w, side - 0.12, side - 0.12)
            material = "concrete" if rng.uniform() < 0.35 else "concrete_old"
            layout.ground.append(Part(slab, material, 0.0, float(rng.uniform(0.90, 1.08))))
    for _ in range(14):
        u = u0 + float(rng.uniform(-0.5, 0.5)) * b.pad_length
        w = v + float(rng.uniform(-0.45, 0.45)) * b.pad_depth
        patch = blob(rng, 0, 0, float(rng.uniform(0.8, 3.0)), 0.5) * [2.2, 0.6]
        layout.ground.append(Part(axes.xy(patch[:, 0] + u, patch[:, 1] + w), "joint", 0.0, 0.85))
    # the way from the road
    line = axes.xy(
        [u0 + b.pad_length * 0.3, u0 + b.pad_length * 0.34], [b.pad_top - b.pad_depth, b.road_south]
    )
    layout.ground.append(Part(strip(line, 9.0), "concrete_old"))


def _roads(layout: Layout, rng: np.random.Generator, b: _Bounds) -> None:
    """A paved road on each side, with verges, worn lanes and dirt ways to the yard."""
    far = b.half + 60
    u = np.arange(-far, far + 1, 4.0)
    phase = float(rng.uniform(0, 6))
    for name, v, width in (("south road", b.road_south, 7.4), ("village road", b.road_north, 6.0)):
        bend = 0.0 * u if name == "south road" else 3.0 * np.sin(u / 90 + phase)
        line = b.axes.xy(u, v + bend)
        ragged = width + 5 + float(rng.uniform(0, 1.5))
        layout.ground.append(Part(strip(line, ragged), "grass_thin"))
        layout.ground.append(Part(strip(line, width + 2.4), "dirt"))
        layout.ground.append(Part(strip(line, width), "asphalt"))
        for offset in (-width / 4, width / 4):
            layout.ground.append(Part(strip(line, width / 5, offset), "asphalt_worn"))
        if name == "south road":
            for i in range(0, len(line) - 2, 2):
                layout.ground.append(Part(strip(line[i : i + 2], 0.18), "marking"))
        layout.roads.append((name, line))
    k = np.linspace(0, 1, 12)
    for u0, u1, v0, v1 in (
        (-0.30 * b.half, -0.05 * b.half, b.road_north, b.top + 36),
        (0.50 * b.half, 0.42 * b.half, b.road_north, b.top + 24),
        (-0.55 * b.half, -0.62 * b.half, b.road_south, b.road_south - 140),
    ):
        wave = 1.5 * np.sin(k * 5)
        layout.ground.append(
            Part(strip(b.axes.xy(u0 + (u1 - u0) * k + wave, v0 + (v1 - v0) * k), 4.2), "dirt")
        )


def _fields(
    layout: Layout, rng: np.random.Generator, axes: Axes, half: float, site: Settled
) -> None:
    """Small plots south of the road and behind the village."""
    reach = site.height_m / 2 + 90
    for sign in (-1, 1):
        v = sign * 105.0
        while abs(v) < reach:
            depth = float(rng.uniform(26, 48))
            u = -half
            while u < half:
                length = float(rng.uniform(35, 90))
                material = str(
                    rng.choice(
                        ["crop", "crop_late", "soil", "stubble", "meadow", "soil_dark", "crop"]
                    )
                )
                tone = float(rng.uniform(0.88, 1.12))
                box = axes.box(u + length / 2, v + sign * depth / 2, length - 2.2, depth - 2.0)
                box = worn(box + rng.normal(0, 1.2, (4, 2)), rng, 0.25, 4.0)
                layout.ground.append(Part(box, material, 0.0, tone))
                if material in ("crop", "soil", "soil_dark", "crop_late"):
                    _furrows(
                        layout,
                        axes,
                        u + length / 2,
                        v + sign * depth / 2,
                        length - 3,
                        depth - 3,
                        material,
                        tone,
                    )
                u += length
            v += sign * depth


def _furrows(layout: Layout, axes: Axes, u: float, v: float, length: float, depth: float,
             material: str, tone: float) -> None:  # fmt: skip
    for k in range(int(depth / 2.4)):
        w = v - depth / 2 + (k + 0.5) * 2.4
        layout.ground.append(Part(axes.box(u, w, length, 0.8), material, 0.0, tone * 0.88))


def _static(body: Body) -> Item:
    return Item(body, body)


def _station(layout: Layout, rng: np.random.Generator, b: _Bounds) -> None:
    """Platform, station building with forecourt, goods sheds, small huts."""
    axes, v = b.axes, b.top
    u0 = -0.04 * b.site.width_m
    long = min(130.0, 0.35 * b.site.width_m)
    platform = axes.box(u0, v + 5.6, long, 6.0)
    layout.items.append(
        _static(Body("other", "platform", platform, 1.0, (Part(platform, "concrete", 1.0),)))
    )
    layout.ground.append(
        Part(worn(axes.box(u0, v + 30, long * 0.9, 40), rng, 0.35), "asphalt_worn")
    )
    layout.ground.append(Part(axes.box(u0, v + 13, long * 1.1, 10), "concrete_old"))
    hall = min(46.0, long * 0.5)
    layout.items.append(
        _static(gabled(axes, u0, v + 17, hall, 13, 7.5, "roof_red", rng, "station"))
    )
    layout.items.append(
        _static(
            flat_roofed(axes, u0 + hall * 0.75, v + 16.5, hall * 0.35, 10, 4.5, "roof_grey", rng)
        )
    )
    specs = ((-0.27, 15.0, 44.0, 17.0, 6.5, "roof_rust"), (-0.38, 14.0, 30.0, 14.0, 5.5, "roof_blue"),
             (0.20, 16.0, 52.0, 18.0, 7.0, "roof_grey"), (0.33, 15.0, 26.0, 12.0, 5.0, "roof_light"))  # fmt: skip
    for at, dv, length, width, eaves, roof in specs:
        u = at * b.site.width_m
        layout.ground.append(
            Part(worn(axes.box(u, v + dv, length + 9, width + 9), rng, 0.9), "dirt")
        )
        body = gabled(axes, u, v + dv, length, width, eaves, roof, rng, "shed")
        layout.items.append(_static(body))
    for _ in range(5):
        u = float(rng.uniform(-0.45, 0.45)) * b.site.width_m
        w = b.pad_top - b.pad_depth - 9 + float(rng.uniform(-2, 2))
        hut = flat_roofed(
            axes,
            u,
            w,
            6.0,
            4.0,
            3.0,
            str(rng.choice(["roof_light", "roof_dark", "roof_blue"])),
            rng,
            "hut",
        )
        layout.items.append(_static(hut))


def _village(layout: Layout, rng: np.random.Generator, b: _Bounds) -> None:
    """Rows of houses, each with a yard, along the northern road; a few south of the other."""
    rows = [(b.road_north + 16 + 27 * k, 1.0) for k in range(3)] + [(b.road_south - 18, 0.35)]
    for v, density in rows:
        if density == 1.0:
            t = np.linspace(-b.half - 40, b.half + 40, 60)
            lane = b.axes.xy(t, v + 11.5 + 0.8 * np.sin(t / 23 + v))
            layout.ground.append(Part(worn(strip(lane, 3.2), rng, 0.3), "dirt"))
        u = -b.half
        while u < b.half:
            step = float(rng.uniform(17, 23))
            u += step
            if rng.uniform() > density * 0.85:
                continue
            length, width = float(rng.uniform(8.5, 13)), float(rng.uniform(6, 7.5))
            turn = float(rng.normal(0, 3))
            plot = worn(b.axes.box(u, v - 2, step - 3, float(rng.uniform(17, 23)), turn), rng, 0.5)
            layout.ground.append(
                Part(
                    plot,
                    str(rng.choice(["dirt", "grass", "grass_thin"])),
                    0.0,
                    float(rng.uniform(0.9, 1.1)),
                )
            )
            _garden(layout, rng, b.axes, u, v - 8.5, step - 5, turn)
            roof = str(rng.choice(HOUSE_ROOFS))
            body = gabled(b.axes, u, v + 2, length, width, 3.0, roof, rng, "house", turn)
            if b.inside(body):
                layout.items.append(_static(body))
            if rng.uniform() < 0.5:
                shed = flat_roofed(
                    b.axes,
                    u + 6.5,
                    v - 4.5,
                    4.2,
                    3.0,
                    2.3,
                    str(rng.choice(["roof_rust", "roof_dark", "roof_light"])),
                    rng,
                    "outbuilding",
                    turn,
                )
                if b.inside(shed):
                    layout.items.append(_static(shed))


def _garden(layout: Layout, rng: np.random.Generator, axes: Axes, u: float, v: float,
            length: float, turn: float) -> None:  # fmt: skip
    """Beds beside each other, of different sizes."""
    at = u - length / 2
    while at < u + length / 2 - 2:
        wide = min(float(rng.uniform(2.5, 7)), u + length / 2 - at)
        bed = axes.box(
            at + wide / 2, v + float(rng.uniform(-1, 1)), wide - 0.5, float(rng.uniform(4, 8)), turn
        )
        material = str(rng.choice(["crop", "soil_dark", "crop_late", "soil", "grass_lush"]))
        layout.ground.append(
            Part(worn(bed, rng, 0.2, 1.5), material, 0.0, float(rng.uniform(0.9, 1.1)))
        )
        at += wide


def _trees(layout: Layout, rng: np.random.Generator, b: _Bounds) -> None:
    """Rows along the roads, clumps and single trees, away from tracks, pad and buildings."""
    spots: list[tuple[float, float]] = []
    for v, step in (
        (b.road_south - 8.5, 9.0),
        (b.road_north + 6.5, 12.0),
        (b.road_south + 8.0, 17.0),
    ):
        u = -b.half
        while u < b.half:
            u += step * float(rng.uniform(0.7, 1.5))
            spots.append((u, v + float(rng.normal(0, 0.8))))
    for _ in range(int(b.site.width_m * b.site.height_m / 9000)):
        u0, v0 = (
            rng.uniform(-b.half, b.half),
            rng.uniform(-b.site.height_m / 2, b.site.height_m / 2),
        )
        n = int(rng.integers(1, 14))
        spread = 2.0 + 1.6 * math.sqrt(n)
        spots += [
            (float(u0 + spread * rng.standard_normal()), float(v0 + spread * rng.standard_normal()))
            for _ in range(n)
        ]
    taken = [i.body for i in layout.items if i.body.kind == "building"]
    mids = np.array([t.outline.mean(axis=0) for t in taken]) if taken else np.zeros((0, 2))
    reach = np.array([np.ptp(t.outline, axis=0).max() / 2 for t in taken])
    for u, v in spots:
        radius = float(rng.uniform(1.6, 3.6))
        height = radius * float(rng.uniform(1.8, 2.6))
        material = "conifer" if rng.uniform() < 0.12 else "tree"
        if b.road_south + 5 < v < b.top + 34 and not v < b.pad_top - b.pad_depth - 3 - radius:
            continue
        if min(abs(v - b.road_south), abs(v - b.road_north)) < 4.6 + radius * 0.4:
            continue
        x, y = b.axes.xy(u, v)
        if len(mids) and np.any(np.hypot(mids[:, 0] - x, mids[:, 1] - y) < reach + radius * 0.6):
            continue
        body = tree(float(x), float(y), radius, height, material, rng)
        if b.inside(body, -4):
            layout.items.append(_static(body))


def _zones(layout: Layout, b: _Bounds) -> list[tuple[str, np.ndarray]]:
    axes = b.axes
    half = b.half
    low = min(t.v for t in layout.tracks)
    return [
        (
            "yard",
            axes.xy([-half, half, half, -half], [low - 2.6, low - 2.6, b.top + 2.6, b.top + 2.6]),
        ),
        ("pad", axes.box(b.pad_u, b.pad_top - b.pad_depth / 2 - 0.3, b.pad_length, b.pad_depth)),
        ("road", axes.box(0, b.road_south, 2 * half, 11.0)),
        (
            "village",
            axes.xy(
                [-half, half, half, -half],
                [b.road_north + 5, b.road_north + 5, b.road_north + 88, b.road_north + 88],
            ),
        ),
    ]
