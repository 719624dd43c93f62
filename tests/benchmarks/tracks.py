"""How well tracks are read: ``python tests/benchmarks/tracks.py [--quick] [--only PART]``.

Prints what is asked for beside what is reached on simulated yards whose images are aligned.
Every yard has up to nine tracks and two dates; a third of its wagons changed.

* *error*: sum of |found - true| over all tracks and both dates, over the sum of the true values.
* *a track*: mean of |found - true| / true over tracks and dates with at least three true wagons.
* *covered*: share of tracks and dates whose true value lies within the interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from detection import YARD, Row

from changedet.activity import track_activity
from changedet.activity.histories.place_values import PlaceValue
from changedet.activity.histories.track_histories import together
from changedet.differencing import shadow_offset
from changedet.model import Image, ImagePair, Places, TrackActivity, Window
from changedet.simulation import Scene, simulate

HARD: dict[str, dict[str, Any]] = {
    "low contrast": {"contrast": 0.5},
    "low sun": {"sun_before": (150.0, 24.0), "sun_after": (170.0, 20.0)},
    "haze": {"haze_before": 0.3, "haze_after": 1.2},
    "off-nadir, along the tracks": {
        "off_nadir_before": 8.0, "view_azimuth_before": 100.0,
        "off_nadir_after": 25.0, "view_azimuth_after": 260.0,
    },
    "off-nadir, across the tracks": {
        "off_nadir_before": 8.0, "view_azimuth_before": 100.0,
        "off_nadir_after": 20.0, "view_azimuth_after": 190.0,
    },
}  # fmt: skip


@dataclass
class Tally:
    """Found and true values of many tracks."""

    metres: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Found, low, high, true."""
    cars: list[tuple[float, float, float, float]] = field(default_factory=list)
    claimed: int = 0
    """Counts that were given."""

    def add(self, rows: tuple[TrackActivity, ...], scene: Scene) -> None:
        true = {t.name: t for t in scene.truth.tracks}
        for row in rows:
            for date in ("before", "after"):
                seen = getattr(row, f"observable_m_{date}")
                whole = seen + row.shared_m >= 0.98 * row.length_m
                metres, cars = getattr(row, f"occupied_{date}"), getattr(row, f"cars_{date}")
                if metres is None or not whole:
                    continue
                t = true[row.track]
                self.metres.append((*metres, getattr(t, f"occupied_m_{date}")))
                if cars is not None:
                    self.claimed += 1
                    self.cars.append((*cars, getattr(t, f"cars_{date}")))

    @staticmethod
    def error(values: list[tuple[float, float, float, float]]) -> float:
        v = np.array(values)
        return float(np.abs(v[:, 0] - v[:, 3]).sum() / v[:, 3].sum())

    @staticmethod
    def covered(values: list[tuple[float, float, float, float]]) -> float:
        v = np.array(values)
        return float(((v[:, 1] <= v[:, 3]) & (v[:, 3] <= v[:, 2])).mean())

    def exact(self) -> float:
        v = np.array(self.cars)
        return float((v[:, 0] == v[:, 3]).mean())

    def each(self) -> float:
        v = np.array([c for c in self.cars if c[3] >= 3])
        return float((np.abs(v[:, 0] - v[:, 3]) / v[:, 3]).mean())


class Reader:
    """Two images, by themselves those of one scene, read by window."""

    def __init__(self, scene: Scene, later: Scene | None = None) -> None:
        self.images = scene.before if later is None else scene.after, (later or scene).after
        self.grid, self.roles = scene.before.grid, scene.before.roles
        self.infos = scene.before_info, (later or scene).after_info

    def read(self, window: Window) -> ImagePair:
        inner = window.intersect(self.grid.window)
        out = []
        for image in self.images:
            pixels = np.zeros((len(self.roles), *window.shape), dtype=np.float32)
            valid = np.zeros(window.shape, dtype=bool)
            pixels[(slice(None), *inner.within(window))] = image.pixels[:, *inner.slices]
            valid[inner.within(window)] = image.valid[inner.slices]
            out.append(Image(pixels, valid, self.grid.subset(window), self.roles))
        return ImagePair(*out)

    def overview(self, factor: int) -> ImagePair:
        raise NotImplementedError


def run(
    seeds: range, gsd: float, off: float = 0.0, told: bool = True, alone: bool = False,
    **options: Any,
) -> Tally:  # fmt: skip
    """Read the tracks of simulated yards.

    ``off``: metres by which the lines are wrong; ``alone``: each line is given by itself.
    """
    tally = Tally()
    for seed in seeds:
        scene = simulate(
            "railyard", seed, change_fraction=0.3, **{**YARD, "gsd_before": gsd, **options}
        )
        pair = Reader(scene)
        suns = scene.options.sun_before, scene.options.sun_after
        away = tuple(shadow_offset(pair.grid, *sun) if told else None for sun in suns)
        lines = moved(scene.truth.track_lines, off)
        parts = [only(lines, k) for k in range(len(lines))] if alone else [lines]
        for part in parts:
            tally.add(track_activity(pair, part, shadow_away=away), scene)
    return tally


def only(lines: Places, number: int) -> Places:
    """One of the lines."""
    one = slice(number, number + 1)
    return Places(
        lines.names[one], lines.geometry[one], lines.crs, lines.weights[one], lines.source
    )


def moved(lines: Places, off: float) -> Places:
    """Lines drawn so many metres north of where they are."""
    shapes = [shapely.transform(g, lambda xy: xy + np.array([0.0, off])) for g in lines.geometry]
    geometry = np.array([*shapes, None], dtype=object)[:-1]
    return Places(lines.names, geometry, lines.crs, lines.weights, lines.source)


def fine(seeds: range, name: str, **options: Any) -> Iterator[Row]:
    tally = run(seeds, 0.5, **options)
    note = f"{len(tally.cars)} tracks and dates"
    yield Row(f"{name}: wagons, error", tally.error(tally.cars), 0.10, True, note)
    yield Row(f"{name}: wagons, mean error a track", tally.each(), 0.10, True)
    yield Row(f"{name}: wagons, covered", tally.covered(tally.cars), 0.90)
    yield Row(f"{name}: wagons, exactly right", tally.exact())
    yield Row(f"{name}: metres, error", tally.error(tally.metres))
    yield Row(f"{name}: metres, covered", tally.covered(tally.metres))


def coarse(seeds: range, gsd: float, asked: float) -> Iterator[Row]:
    tally, name = run(seeds, gsd), f"{gsd:g} m"
    note = f"{len(tally.metres)} tracks and dates"
    yield Row(f"{name}: metres, error", tally.error(tally.metres), asked, True, note)
    yield Row(f"{name}: metres, covered", tally.covered(tally.metres))
    yield Row(f"{name}: share of counts claimed", tally.claimed / len(tally.metres))
    if tally.cars:
        yield Row(f"{name}: wagons by length, error", tally.error(tally.cars))
        yield Row(f"{name}: wagons by length, covered", tally.covered(tally.cars))


def date_of(yard: int, number: int) -> Scene:
    """One date of a yard: its own filling (mostly quiet), sun, season and haze."""
    rng = np.random.default_rng((yard, number))
    return simulate(
        "railyard", yard, size_m=(600.0, 300.0), moved_fraction=0.0,
        occupancy=float(rng.choice([0.03, 0.06, 0.1, 0.13, 0.16, 0.3, 0.5])),
        change_fraction=float(rng.choice([0.2, 0.5, 1.0])),
        arrival_share=float(rng.choice([0.3, 0.6, 0.8])),
        sun_after=(float(rng.uniform(138, 172)), float(rng.uniform(25, 65))),
        season_after=float(rng.uniform(0.2, 0.7)), haze_after=float(rng.uniform(0, 0.5)),
        imaging_seed=1000 * yard + number,
    )  # fmt: skip


def series(yards: range, dates: int = 8) -> Iterator[Row]:
    """Follow yards over dates, each compared with the first; then their tracks together."""
    tally, sums = Tally(), []
    for yard in yards:
        scenes = [date_of(yard, k) for k in range(dates)]
        first = scenes[0]
        lines = first.truth.track_lines
        for later in scenes[1:]:
            pair = Reader(first, later)
            away = tuple(shadow_offset(pair.grid, *s.options.sun_after) for s in (first, later))
            rows = track_activity(pair, lines, shadow_away=away)
            true = {t.name: t.cars_after for t in later.truth.tracks}
            known = [r for r in rows if r.cars_after is not None]
            tally.cars += [(*r.cars_after, true[r.track]) for r in known if r.cars_after]
            values = {r.track: _value(r) for r in known}
            ((total,),) = together(values, {r.track: r.length_m or 0.0 for r in known}, whole=True)
            sums.append((total.value, total.low, total.high, sum(true[r.track] for r in known)))
    note = f"{len(tally.cars)} tracks and dates"
    yield Row("series: wagons, error", tally.error(tally.cars), note=note)
    yield Row("series: wagons of a track, covered", tally.covered(tally.cars), 0.90)
    yield Row("series: wagons of all tracks, error", tally.error(sums), note=f"{len(sums)} dates")
    yield Row("series: wagons of all tracks, covered", tally.covered(sums), 0.90)


def _value(row: TrackActivity) -> list[list[PlaceValue]]:
    assert row.cars_after is not None
    return [[PlaceValue(*row.cars_after, 1.0, deviation=row.deviations["cars_after"])]]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How well tracks are read.")
    parser.add_argument("--quick", action="store_true", help="two yards of each kind")
    parser.add_argument("--seeds", type=int, default=20, help="simulated yards of each kind")
    parser.add_argument("--only", choices=["0.5", "1", "3", "5", "series", "hard"], help="one part")
    given = parser.parse_args()
    number = 2 if given.quick else given.seeds
    seeds, few = range(1, number + 1), range(1, min(number, 6) + 1)
    parts = {
        "0.5": [lambda: fine(seeds, "0.5 m")],
        "1": [lambda: coarse(seeds, 1.0, 0.08)],
        "3": [lambda: coarse(seeds, 3.0, 0.15)],
        "5": [lambda: coarse(few, 5.0, 0.3)],
        "series": [lambda: series(few)],
        "hard": [
            *(lambda n=n, o=o: fine(few, n, **o) for n, o in HARD.items()),
            lambda: fine(few, "lines 3 m off", off=3.0),
            lambda: fine(few, "sun not told", told=False),
            lambda: fine(few, "lines given alone", alone=True),
        ],
    }  # fmt: skip
    print(f"{'':<52}{'reached':>9}  {'asked':>8}")
    for part, jobs in parts.items():
        if given.only in (None, part):
            for job in jobs:
                for row in job():
                    print(row, flush=True)


if __name__ == "__main__":
    main()
