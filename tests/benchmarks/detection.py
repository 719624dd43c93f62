"""How well changes are found: run as ``python tests/benchmarks/detection.py [--quick]``.

Prints what is asked for beside what is reached on simulated yards, with default settings. A pixel
counts as changed where ``changed.tif`` is 1. Real pairs are in ``accuracy.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import shapely.affinity
from accuracy import detect

import changedet as cd
from changedet.simulation import Scene, simulate

SAMPLES = Path(__file__).parents[2] / "sample_tiles"
YARD: dict[str, Any] = {
    "season_before": 0.7, "season_after": 0.5, "sun_before": (150.0, 48.0),
    "sun_after": (165.0, 41.0), "haze_after": 0.35, "gain_after": 1.08, "blur_after": 0.5,
}  # fmt: skip
SHIFTS = ((-1.15, 0.65), (0.8, 1.4), (0.35, -0.9), (-0.55, -0.2), (1.6, 0.1), (0.0, 0.0))


@dataclass
class Row:
    """One line of the table."""

    what: str
    reached: float | None
    asked: float | None = None
    at_most: bool = False
    note: str = ""

    def __str__(self) -> str:
        value = "–" if self.reached is None else f"{self.reached:.3f}"
        asked = verdict = ""
        if self.asked is not None and self.reached is not None:
            good = self.reached <= self.asked if self.at_most else self.reached >= self.asked
            asked = f"{'<=' if self.at_most else '>='} {self.asked:g}"
            verdict = "yes" if good else "NO"
        return f"{self.what:<52}{value:>9}  {asked:>8}  {verdict:<4}{self.note}".rstrip()


def pixels(report: cd.ChangeReport) -> np.ndarray:
    return report.changed.read(report.grid.window)


def shift_error(report: cd.ChangeReport, scene: Scene) -> float:
    """Root mean square length of what is left of the planted shift, pixels of the before image."""
    grid = scene.truth.grid
    rows, cols = np.mgrid[20 : grid.height : 40, 20 : grid.width : 40]
    dy, dx = scene.truth.shift_field(rows, cols)
    here = report.grid.rowcol(*grid.xy(rows, cols))
    found_y, found_x = report.alignment.displacement(*here)
    return float(np.sqrt(((found_y - dy) ** 2 + (found_x - dx) ** 2).mean()))


def covered(report: cd.ChangeReport, scene: Scene) -> tuple[int, int]:
    """Changed objects of which half or more is found, and all changed objects in the image."""
    found, grid = pixels(report) == 1, report.grid
    hits = total = 0
    for thing in scene.truth.changed:
        rows, cols = grid.rowcol(*np.array(thing.geometry.exterior.coords).T)
        outline = shapely.Polygon(np.column_stack([cols, rows]))
        left, top, right, bottom = (int(np.floor(v)) for v in outline.bounds)
        r, c = np.mgrid[max(0, top) : bottom + 2, max(0, left) : right + 2]
        inside = shapely.contains_xy(outline, c, r)
        inside &= (r < grid.height) & (c < grid.width)
        if inside.any():
            total += 1
            hits += bool(found[r[inside], c[inside]].mean() >= 0.5)
    return hits, total


def cast(thing: Any, suns: tuple[tuple[float, float], ...]) -> Any:
    """The ground that a thing covers and that lies in its shadow under each sun."""
    parts = [thing.geometry]
    for azimuth, elevation in suns:
        length = thing.height_m / np.tan(np.radians(elevation))
        east, north = (-length * f(np.radians(azimuth)) for f in (np.sin, np.cos))
        moved = shapely.affinity.translate(thing.geometry, east, north)
        parts.append(shapely.union(thing.geometry, moved).convex_hull)
    return shapely.union_all(parts).buffer(1.0)


def false_objects(report: cd.ChangeReport, scene: Scene | None) -> tuple[int, int, float]:
    """Unexplained objects that touch nothing that changed, nor its shadow; all unexplained; km2."""
    table = report.changes.take(~report.changes.explained)
    false = np.ones(len(table), dtype=bool)
    if scene is not None:
        suns = scene.options.sun_before, scene.options.sun_after
        true = shapely.union_all([cast(o, suns) for o in scene.truth.changed])
        false = ~shapely.intersects(table.geometry, true)
    seen = (pixels(report) != 255).sum() * report.grid.pixel_area_m2 / 1e6
    return int(false.sum()), len(table), float(seen)


def yards(seeds: int) -> Iterator[Row]:
    """Simulated yards of which 30 % changed."""
    errors, hits, total, objects = [], 0, 0, np.zeros(3)
    for seed in range(1, seeds + 1):
        scene = simulate(
            "railyard", seed, change_fraction=0.3, shift_m=SHIFTS[seed % len(SHIFTS)], **YARD
        )
        report = detect(scene.before, scene.after, **sun(scene))
        errors.append(shift_error(report, scene))
        one, all_of = covered(report, scene)
        hits, total = hits + one, total + all_of
        false, every, km2 = false_objects(report, scene)
        objects += (false, every, km2)
        yield Row(
            f"  yard {seed}: share of changed objects half found", one / all_of,
            note=f"of {all_of}; shift error {errors[-1]:.3f} px {report.alignment.grade}; "
            f"{false / km2:.1f} false objects per km2",
        )  # fmt: skip
    yield Row(f"yards 1-{seeds}: worst shift error, px", max(errors), 0.15, True)
    yield Row(f"yards 1-{seeds}: share of changed objects half found", hits / total, 0.9,
              note=f"of {total}")  # fmt: skip
    yield Row(f"yards 1-{seeds}: false unexplained objects per km2", objects[0] / objects[2])
    yield Row(f"yards 1-{seeds}: precision of unexplained objects", 1 - objects[0] / objects[1],
              0.9, note=f"of {objects[1]:.0f}")  # fmt: skip


def sun(scene: Scene) -> dict[str, Any]:
    """The sun as an in-memory image cannot tell it."""
    return {"sun_before": scene.options.sun_before, "sun_after": scene.options.sun_after}


def quiet(seeds: int) -> Iterator[Row]:
    """Yards on which nothing changed."""
    folder = SAMPLES / "railyard_quiet"
    report = detect(str(folder / "before.tif"), str(folder / "after.tif"))
    false, _, km2 = false_objects(report, None)
    yield Row("railyard_quiet: unexplained objects per km2", false / km2, 5, True,
              note=f"{(~report.changes.explained).sum()} objects, "
              f"{report.changes.explained.sum()} explained")  # fmt: skip
    rates = []
    for seed in range(1, seeds + 1):
        scene = simulate(
            "railyard", seed,
            **{**YARD, "change_fraction": 0.0, "imaging_seed": 100 + seed, "season_after": 0.35,
               "sun_after": (172.0, 36.0), "haze_after": 0.6, "gain_after": 0.92,
               "shift_m": SHIFTS[seed % len(SHIFTS)]},
        )  # fmt: skip
        false, _, km2 = false_objects(detect(scene.before, scene.after, **sun(scene)), None)
        rates.append(false / km2)
    each = ", ".join(f"{r:.1f}" for r in rates)
    yield Row(f"quiet yards 1-{seeds}: unexplained objects per km2", float(np.mean(rates)), 5, True,
              note=each)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How well changes are found.")
    parser.add_argument("--quick", action="store_true", help="two simulated yards of each kind")
    parser.add_argument("--only", choices=["yards", "quiet"], help="one part")
    given = parser.parse_args()
    seeds = 2 if given.quick else 6
    print(f"{'':<52}{'reached':>9}  {'asked':>8}")
    for part, rows in (("yards", yards), ("quiet", quiet)):
        if given.only in (None, part):
            for row in rows(seeds):
                print(row, flush=True)


if __name__ == "__main__":
    main()
