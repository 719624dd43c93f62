"""The site of a rail yard: everything that stays where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from changedet.simulation.bodies import Body, Layout, Part, Track
from changedet.simulation.buildings import flat_roofed, gabled
from changedet.simulation.layout_village import add_fields, add_roads, add_trees, add_village
from changedet.simulation.noise import generator
from changedet.simulation.plan import Plan, yard_axes
from changedet.simulation.settled import Settled
from changedet.simulation.shapes import Axes, blob, strip, worn

GAUGE = 1.52
MAIN_SPACING = 4.1
MAIN_TRACKS = ("1", "2")


def lay_out_railyard(seed: int, site: Settled) -> Layout:
    """Lay out tracks, pad, roads, station, village and trees; no traffic yet."""
    rng = generator(seed, "railyard")
    axes = yard_axes(seed)
    south = min(5, max(2, int(site.height_m / 65)))
    tracks = _tracks(rng, site.width_m, 2 if site.height_m >= 150 else 1, south)
    plan = Plan(axes, site, max(t.v for t in tracks), min(t.v for t in tracks))
    layout = Layout(tracks=tracks, zones=plan.zones())
    add_fields(layout, rng, plan)
    add_roads(layout, rng, plan)
    _yard_ground(layout, rng, axes, plan.half + 60)
    _pad(layout, rng, plan)
    _station(layout, rng, plan)
    _sheds(layout, rng, plan)
    _paint_tracks(layout, axes)
    _stains(layout, rng, axes)
    add_village(layout, rng, plan)
    add_trees(layout, rng, plan)
    layout.tracks = [replace(t, line=axes.xy(t.line[:, 0], t.line[:, 1])) for t in tracks]
    return layout


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
    """Two main tracks, and sidings that fan out from ladders; lines in yard coordinates."""
    main = MAIN_SPACING / 2
    # name, offset of the main track it leaves, its own offset
    specs = [("1", main, main), ("2", -main, -main)]
    for side, count, first in ((1, north, 3), (-1, south, 4)):
        v = side * main
        for i in range(count):
            v += side * (5.3 if i == 0 else float(rng.uniform(4.8, 5.3)))
            specs.append((str(first + 2 * i), side * main, v))
    loading = specs[-1][0]
    return [_track(name, base, v, width, name == loading) for name, base, v in specs]


def _track(name: str, base: float, v: float, width: float, loading: bool) -> Track:
    end = width / 2 + 70
    u = np.arange(-end, end + 1, 2.0)
    if name in MAIN_TRACKS:
        return Track(name, np.column_stack([u, 0 * u + v]), -width / 2 - 20, width / 2 + 20, v)
    throat = -0.49 * width
    # a frog of 1:6.5 is as sharp as yards build; a tiny site has to be sharper to show any siding
    slope = 1 / 6.5 if width >= 400 else 1 / 4.0
    line_v = base + _ladder(u, throat + (12.0 if v > base else 0.0), v - base, slope)
    start = float(u[np.abs(line_v - v) < 0.04][0]) + 4.0
    stop = width / 2 - 14 if loading else end
    keep = (u >= throat) & (u <= stop)
    line = np.column_stack([u[keep], line_v[keep]])
    return Track(name, line, start, min(stop - 4, width / 2 + 20), v, loading)


def _yard_ground(layout: Layout, rng: np.random.Generator, axes: Axes, half: float) -> None:
    """Cinder between the tracks, with a ragged edge, weeds and worn patches."""
    lines = [t.line for t in layout.tracks]
    u = np.arange(-half, half, 4.0)
    low = np.min([np.interp(u, a[:, 0], a[:, 1], np.inf, np.inf) for a in lines], axis=0)
    high = np.max([np.interp(u, a[:, 0], a[:, 1], -np.inf, -np.inf) for a in lines], axis=0)
    known = np.isfinite(low)
    u, low, high = u[known], low[known], high[known]
    edges = ((5.6, "grass_thin", 0.7), (4.2, "soil_dark", 0.45), (3.3, "cinder", 0.3))
    for margin, material, rough in edges:
        rim = np.concatenate([axes.xy(u, low - margin), axes.xy(u, high + margin)[::-1]])
        layout.lay(worn(rim, rng, rough, 2.5), material)
    for _ in range(int(half / 6)):
        k = int(rng.integers(len(u)))
        y = float(rng.uniform(low[k], high[k]))
        patch = blob(rng, 0, 0, float(rng.uniform(1.5, 7)), 0.5) * [2.6, 0.4]
        material = str(rng.choice(["ballast", "cinder", "grass_thin", "soil_dark", "gravel"]))
        layout.lay(
            axes.xy(patch[:, 0] + u[k], patch[:, 1] + y), material, float(rng.uniform(0.9, 1.1))
        )


def _paint_tracks(layout: Layout, axes: Axes) -> None:
    """Ballast shoulders, sleepers, then rails: where tracks join, rails lie on top of all beds."""
    lines = [(t.name in MAIN_TRACKS, axes.xy(t.line[:, 0], t.line[:, 1])) for t in layout.tracks]
    layers: tuple[tuple[float, float, str, str], ...] = (
        (3.7, 0.0, "ballast", "cinder"),
        (2.55, 0.0, "sleeper", "trackbed"),
        (0.9, 0.0, "trackbed", "oil"),
        (0.22, GAUGE / 2, "rail", "rail_rust"),
        (0.22, -GAUGE / 2, "rail", "rail_rust"),
    )
    for width, offset, on_main, on_siding in layers:
        for main, line in reversed(lines):
            # short pieces: the fill works on bounding boxes
            for i in range(0, len(line) - 1, 12):
                piece = strip(line[i : i + 14], width, offset)
                layout.lay(piece, on_main if main else on_siding)
    for track in layout.tracks:
        if track.loading:
            stop = axes.box(track.line[-1, 0], track.line[-1, 1], 1.2, 2.8)
            layout.keep(Body("other", "buffer stop", stop, 1.3, (Part(stop, "concrete", 1.3),)))


def _stains(layout: Layout, rng: np.random.Generator, axes: Axes) -> None:
    """Spilt coal and oil, where wagons are loaded and locomotives wait."""
    for track in layout.tracks[2:]:
        for _ in range(4):
            u = float(rng.uniform(track.start, track.end))
            patch = blob(rng, 0, 0, float(rng.uniform(2, 5)), 0.4) * [2.0, 0.25]
            layout.lay(axes.xy(patch[:, 0] + u, patch[:, 1] + track.v), "oil")


def _pad(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """Concrete slabs with joints and tyre marks, beside the loading track."""
    axes, u0, v0 = plan.axes, plan.pad_u, plan.pad_top - plan.pad_depth / 2
    length, depth = plan.pad_length, plan.pad_depth
    layout.lay(worn(axes.box(u0, v0 - 1, length + 7, depth + 6), rng, 0.6), "dirt")
    layout.lay(axes.box(u0, v0, length, depth), "concrete_old")
    side = 6.0
    for i in range(int(length / side)):
        for j in range(int(depth / side)):
            u, v = u0 - length / 2 + (i + 0.5) * side, plan.pad_top - (j + 0.5) * side
            material = "concrete" if rng.uniform() < 0.3 else "concrete_old"
            slab = axes.box(u, v, side - 0.12, side - 0.12)
            layout.lay(slab, material, float(rng.uniform(0.92, 1.07)))
    for _ in range(int(length / 12)):
        u = u0 + float(rng.uniform(-0.44, 0.44)) * length
        v = v0 + float(rng.uniform(-0.4, 0.4)) * depth
        patch = blob(rng, 0, 0, float(rng.uniform(0.6, 2.6)), 0.5) * [2.2, 0.6]
        layout.lay(axes.xy(patch[:, 0] + u, patch[:, 1] + v), "joint", 0.92)
    way = axes.xy([u0 + length * 0.3, u0 + length * 0.34], [plan.pad_top - depth, plan.road_south])
    layout.lay(strip(way, 9.0), "concrete_old")


def _station(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """Platform, station building, forecourt; huts by the pad."""
    axes, v, u, long = plan.axes, plan.top, plan.station_u, plan.station_length
    layout.lay(worn(axes.box(u, v + 30, long * 0.9, 40), rng, 0.35), "asphalt_worn")
    layout.lay(axes.box(u, v + 13, long * 1.1, 10), "concrete_old")
    edge = axes.box(u, v + 5.6, long, 6.0)
    layout.keep(Body("other", "platform", edge, 1.0, (Part(edge, "concrete", 1.0),)))
    hall = min(46.0, long * 0.5)
    layout.keep(
        gabled(axes, u, v + 17, hall, 13, 7.5, "roof_red", rng, "station"),
        flat_roofed(axes, u + hall * 0.75, v + 16.5, hall * 0.35, 10, 4.5, "roof_grey", rng),
    )
    for k in range(5):
        at = (-0.4 + 0.2 * k + float(rng.uniform(-0.06, 0.06))) * plan.site.width_m
        # beside the way from the road to the pad, not on it
        if abs(at - plan.pad_u - 0.33 * plan.pad_length) < 9:
            at += 18
        w = plan.pad_top - plan.pad_depth - 9 + float(rng.uniform(-2, 2))
        roof = str(rng.choice(["roof_light", "roof_dark", "roof_blue"]))
        layout.keep(flat_roofed(axes, at, w, 6.0, 4.0, 3.0, roof, rng, "hut"))


def _sheds(layout: Layout, rng: np.random.Generator, plan: Plan) -> None:
    """Goods sheds beside the northern tracks, as many as there is room for."""
    specs = (
        (-1, 44.0, 17.0, 6.5, "roof_rust"),
        (1, 52.0, 18.0, 7.0, "roof_grey"),
        (-1, 30.0, 14.0, 5.5, "roof_blue"),
        (1, 26.0, 12.0, 5.0, "roof_light"),
    )
    reach = dict.fromkeys((-1, 1), plan.station_length * 0.6 + 8)
    for side, length, width, eaves, roof in specs:
        u = plan.station_u + side * (reach[side] + length / 2)
        if abs(u) + length / 2 > plan.half - 6:
            continue
        reach[side] += length + float(rng.uniform(14, 30))
        v = plan.top + 7 + width / 2
        layout.lay(worn(plan.axes.box(u, v, length + 9, width + 9), rng, 0.9), "dirt")
        layout.keep(gabled(plan.axes, u, v, length, width, eaves, roof, rng, "shed"))
        if length > 40:
            way = plan.axes.xy([u, u + 5, u + 3], [v, v + 22, plan.road_north])
            layout.ground.insert(0, Part(worn(strip(way, 4.5), rng, 0.4), "dirt"))
