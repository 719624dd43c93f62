"""What is explained away, and what should not be: ``python tests/benchmarks/explanations.py``.

Simulated scenes on which nothing changed show how much of what is found is explained; the same with
planted changes show how many of those are explained too, which should be none (goal: 2 %). A
changed object counts as explained where objects that are flagged cover half of its footprint.
Some minutes; ``--seeds`` gives more scenes.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rasterio.features import rasterize

import changedet as cd
from changedet.simulation import Scene, simulate

SITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("railyard", {"size_m": (300.0, 240.0)}),
    ("town", {"size_m": (300.0, 300.0), "gsd_before": 0.5}),
)
VIEWS = ((5.0, 100.0, 22.0, 100.0), (18.0, 100.0, 15.0, 260.0))
SEASONS = ((0.8, 0.3), (0.2, 0.8))
LARGE_M2 = 500.0
CHANGED = 0.3
GOAL = 0.02


@dataclass
class Tally:
    """What was explained on quiet scenes, and of what really changed."""

    away: int = 0
    """False objects that are explained,"""
    false: int = 0
    """of so many."""
    wrong: int = 0
    """Changed things that are explained,"""
    changed: int = 0
    """of so many."""
    azimuth_off: list[float] = field(default_factory=list)
    """By how much estimated directions of the sun are off, degrees."""

    def line(self, what: str) -> str:
        """One line of the table."""
        share = self.wrong / max(self.changed, 1)
        off = self.azimuth_off
        note = ""
        if off:
            within = sum(v <= 10 for v in off)
            note = f"; azimuth off by {np.mean(off):.1f}, {max(off):.1f} at worst, "
            note += f"{within} of {len(off)} within 10 degrees"
        return (
            f"{what:<28}{self.away:>5} of {self.false:>4} ({self.away / max(self.false, 1):4.0%})"
            f"{self.wrong:>7} of {self.changed:>4} ({share:5.1%}) "
            f"{'yes' if share <= GOAL else 'NO'}{note}"
        )


def detect(scene: Scene, **settings: Any) -> cd.ChangeReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cd.detect(scene.before, scene.after, **settings)


def covered(report: cd.ChangeReport, scene: Scene, chosen: np.ndarray) -> tuple[int, int]:
    """Changed things half covered by the chosen objects, and all changed things."""
    table, grid = report.changes, report.grid

    def burn(shapes: Any) -> np.ndarray:
        shapes = [(g, 1) for g in shapes]
        if not shapes:
            return np.zeros(grid.shape, dtype=bool)
        return rasterize(shapes, grid.shape, transform=grid.transform) > 0

    mask = burn(table.geometry[chosen])
    footprints = [burn([o.geometry]) for o in scene.truth.changed]
    seen = [f for f in footprints if f.any()]
    return sum(bool(mask[f].mean() >= 0.5) for f in seen), len(seen)


def add(tally: Tally, report: cd.ChangeReport, scene: Scene, flagged: np.ndarray) -> None:
    """Count one scene: a quiet one, or one with changes."""
    if scene.truth.changed:
        wrong, changed = covered(report, scene, flagged)
        tally.wrong, tally.changed = tally.wrong + wrong, tally.changed + changed
    else:
        tally.away += int(np.count_nonzero(flagged))


def sun_given(scene: Scene) -> dict[str, Any]:
    return {"sun_before": scene.options.sun_before, "sun_after": scene.options.sun_after}


def random_suns(seed: int) -> dict[str, Any]:
    g = np.random.default_rng(1000 + seed)
    first = float(g.uniform(110, 200))
    second = first + float(g.choice([-1, 1]) * g.uniform(8, 35))
    low, high = (float(v) for v in g.uniform(28, 58, 2))
    return {
        "sun_before": (first, low), "sun_after": (second, high), "season_after": 0.4,
        "haze_after": 0.3, "imaging_seed": 50 + seed,
    }  # fmt: skip


def suns(seeds: range) -> Iterator[str]:
    """Shadows, with the suns known and with the suns from the images alone."""
    for site, more in SITES:
        known, alone, used = Tally(), Tally(), 0
        for seed in seeds:
            for change in (0.0, CHANGED):
                scene = simulate(site, seed, change_fraction=change, **random_suns(seed), **more)
                for tally, settings in ((known, sun_given(scene)), (alone, {})):
                    report = detect(scene, **settings)
                    shadow = report.summary["detector"].get("shadow", {})
                    if not settings and shadow.get("source") != "estimated":
                        continue
                    if not change:
                        tally.false += len(report.changes)
                    add(tally, report, scene, report.changes.explained)
                    if not settings:
                        used += 1
                        true = (scene.options.sun_before[0], scene.options.sun_after[0])
                        found = shadow["estimate"]["azimuth_deg"]
                        tally.azimuth_off += [
                            abs((f - t + 180) % 360 - 180)
                            for f, t in zip(found, true, strict=True)
                        ]  # fmt: skip
        yield known.line(f"sun known, {site}")
        yield alone.line(f"sun estimated, {site}") + f"; estimated on {used} of {2 * len(seeds)}"


def lean(seeds: range) -> Iterator[str]:
    """Lean of standing things between two views; what shadows explain is left out."""
    for site, more in SITES:
        tally = Tally()
        for seed in seeds:
            view = VIEWS[seed % len(VIEWS)]
            views = {"view_before": (view[1], view[0]), "view_after": (view[3], view[2])}
            for change in (0.0, CHANGED):
                scene = simulate(
                    site, seed, change_fraction=change, imaging_seed=seed + 9, **more,
                    off_nadir_before=view[0], view_azimuth_before=view[1],
                    off_nadir_after=view[2], view_azimuth_after=view[3],
                )  # fmt: skip
                report = detect(scene, **sun_given(scene), **views)
                flagged = report.changes["explained_by"] == "lean"
                if not change:
                    tally.false += int((flagged | ~report.changes.explained).sum())
                add(tally, report, scene, flagged)
        yield tally.line(f"lean, {site}")


def season(seeds: range) -> Iterator[str]:
    """Phenology of fields at ten metres, with near infrared and of three visible bands."""
    for bands in (None, ("blue", "green", "red")):
        what = "season" if bands is None else "season, no infrared"
        for site in ("fields", "town"):
            tally = Tally()
            for seed in seeds:
                first, second = SEASONS[seed % len(SEASONS)]
                for change in (0.0, CHANGED):
                    scene = simulate(
                        site, seed, gsd_before=10.0, change_fraction=change,
                        season_before=first, season_after=second, imaging_seed=seed + 2,
                    )  # fmt: skip
                    report = detect(scene, bands=bands)
                    flagged = report.changes["explained_by"] == "season"
                    if not change:
                        tally.false += int((report.changes["area_m2"] >= LARGE_M2).sum())
                    add(tally, report, scene, flagged)
            yield tally.line(f"{what}, {site}")


PARTS: dict[str, Callable[[range], Iterator[str]]] = {"suns": suns, "lean": lean, "season": season}


def main() -> None:
    """Print one line a kind of scene."""
    parser = argparse.ArgumentParser(description="What is explained away.")
    parser.add_argument("--only", choices=list(PARTS), help="one part")
    parser.add_argument("--seeds", type=int, default=3, help="scenes of each kind")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    given = parser.parse_args()
    print(f"{'':<28}{'false objects explained':>21}{'changes explained':>20}  goal", flush=True)
    for name, part in PARTS.items():
        if given.only in (None, name):
            for line in part(range(given.first, given.first + given.seeds)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
