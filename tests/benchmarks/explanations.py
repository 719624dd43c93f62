"""What is explained away, and what should not be: ``python tests/benchmarks/explanations.py``.

Simulated scenes on which nothing changed show how much of what is found is explained; the same with
planted changes show how many of those are explained too, which should be none. A changed object
counts as explained where objects that are flagged cover half of its footprint.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from rasterio.features import rasterize

import changedet as cd
from changedet.simulation import Scene, simulate

FINE: dict[str, Any] = {"gsd_before": 0.5, "size_m": (420.0, 420.0)}
VIEWS = ((5.0, 100.0, 22.0, 100.0), (18.0, 100.0, 15.0, 260.0))
SEASONS = ((0.8, 0.3), (0.2, 0.8))


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


def suns(seeds: int) -> Iterator[str]:
    """Directions of the sun from the images alone, and what they explain."""
    for kind, more in (("railyard", {}), ("town", FINE)):
        errors, used, counts = [], 0, np.zeros(5, dtype=int)
        for seed in range(1, seeds + 1):
            scene = simulate(
                kind, seed, change_fraction=0.3 if seed % 2 else 0.0, **random_suns(seed), **more
            )
            report = detect(scene)
            shadow = report.summary["detector"]["shadow"]
            if shadow["source"] != "estimated":
                continue
            used += 1
            true = (scene.options.sun_before[0], scene.options.sun_after[0])
            for found, real in zip(shadow["estimate"]["azimuth_deg"], true, strict=True):
                errors.append(abs((found - real + 180) % 360 - 180))
            flagged = report.changes.explained
            known = detect(scene, **sun_given(scene)).changes.explained
            hits, total = covered(report, scene, flagged)
            counts += [flagged.sum(), len(flagged), known.sum(), hits, total]
        worst = f"{max(errors):.1f}" if errors else "-"
        yield (
            f"{kind}: sun estimated on {used} of {seeds}; azimuth off by "
            f"{np.mean(errors) if errors else 0:.1f} on average, {worst} at worst, "
            f"{sum(e <= 10 for e in errors)} of {len(errors)} within 10 degrees; explains "
            f"{counts[0]} of {counts[1]} objects ({counts[2]} with the sun given) and "
            f"{counts[3]} of {counts[4]} changed things"
        )


def lean(seeds: int) -> Iterator[str]:
    """Lean of standing things between two views."""
    for kind, more in (("railyard", {}), ("town", FINE)):
        away = before = hits = total = 0
        for seed in range(1, seeds + 1):
            view = VIEWS[seed % len(VIEWS)]
            for change in (0.0, 0.3):
                scene = simulate(
                    kind, seed, change_fraction=change, imaging_seed=seed + 9, **more,
                    off_nadir_before=view[0], view_azimuth_before=view[1],
                    off_nadir_after=view[2], view_azimuth_after=view[3],
                )  # fmt: skip
                views = {"view_before": (view[1], view[0]), "view_after": (view[3], view[2])}
                report = detect(scene, **sun_given(scene), **views)
                flagged = report.changes["explained_by"] == "lean"
                if change:
                    one, every = covered(report, scene, flagged)
                    hits, total = hits + one, total + every
                else:
                    away += int(flagged.sum())
                    before += int((flagged | ~report.changes.explained).sum())
        yield (
            f"{kind}: lean explains {away} of {before} objects on quiet scenes "
            f"({away / max(before, 1):.0%}) and {hits} of {total} changed things"
        )


def season(seeds: int) -> Iterator[str]:
    """Phenology of fields at ten metres."""
    for kind in ("fields", "town"):
        away = large = hits = total = 0
        for seed in range(1, seeds + 1):
            first, second = SEASONS[seed % len(SEASONS)]
            for change in (0.0, 0.3):
                scene = simulate(
                    kind, seed, change_fraction=change, season_before=first,
                    season_after=second, imaging_seed=seed + 2,
                )  # fmt: skip
                report = detect(scene)
                flagged = report.changes["explained_by"] == "season"
                if change:
                    one, every = covered(report, scene, flagged)
                    hits, total = hits + one, total + every
                else:
                    away += int(flagged.sum())
                    large += int((report.changes["area_m2"] >= 500).sum())
        yield (
            f"{kind}: season explains {away} of {large} large objects on quiet scenes "
            f"({away / max(large, 1):.0%}) and {hits} of {total} changed things"
        )


PARTS = {"suns": suns, "lean": lean, "season": season}


def main() -> None:
    """Print one line a kind of scene."""
    parser = argparse.ArgumentParser(description="What is explained away.")
    parser.add_argument("--only", choices=list(PARTS), help="one part")
    parser.add_argument("--seeds", type=int, default=10, help="scenes of each kind")
    given = parser.parse_args()
    for name, part in PARTS.items():
        if given.only in (None, name):
            for line in part(given.seeds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
