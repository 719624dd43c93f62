"""Learn how bodies differ from their shadows: ``python tests/benchmarks/learn_shades.py``.

Writes ``changedet/differencing/objects/shades.json``. Simulated yards, towns and fields of all
lights, seasons and pixel sizes, in which much changed, go through the whole chain. A part that it
outlines is a body if things of the truth cover half of it, or if it covers a third of one of them,
with whatever else. Else it is none: a shadow, if next to nothing of either is true, or a rim.
Seeds from 1501; the benchmarks of objects test on others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from boosting import boost
from detection import sun
from gathering import of_each, scenes_asked

import changedet as cd
from changedet.config import Config
from changedet.differencing.objects import shades
from changedet.model import as_trees
from changedet.pipeline.running import Running
from changedet.pipeline.steps import outline_objects
from changedet.simulation import Scene, simulate

FIRST, SEEDS = 1501, 90
SITES = ("railyard", "railyard", "railyard", "town", "fields")
HOLDS, EMPTY = 0.5, 0.15
"""Share of a part that things of the truth cover: more, and it is a body; less, and it is none,"""
COVERS, TOUCHES = 0.3, 0.1
"""as long as it does not cover so much, or even so little, of one of them."""
FOLDS = 3
LOST = 0.003
"""Share of the bodies that may be taken for shadows."""
TREES: dict[str, Any] = {"trees": 220, "depth": 3, "rate": 0.1, "ridge": 5.0}


def scene_of(seed: int, site: str | None = None, **changes: Any) -> Scene:
    """A site of which much changed, in two images as different as those of one satellite are.

    ``changes`` override what the seed chose.
    """
    rng = np.random.default_rng(seed)

    def within(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    gsd = float(rng.choice([0.3, 0.4, 0.5, 0.5, 0.5, 0.6, 0.7]))
    azimuth, elevation, season = within(120, 200), within(30, 58), within(0.1, 0.9)
    sun_after = azimuth + within(-25, 25), float(np.clip(elevation + within(-10, 10), 25, 62))
    options: dict[str, Any] = {
        "gsd_before": gsd, "shift_m": (within(-1.5, 1.5), within(-1.5, 1.5)), "bands": 4,
        "change_fraction": within(0.2, 0.5), "imaging_seed": seed,
        "season_before": season, "season_after": float(np.clip(season + within(-0.3, 0.3), 0, 1)),
        "sun_before": (azimuth, elevation),
        "sun_after": sun_after,
        "haze_before": within(0, 0.3), "haze_after": within(0, 0.5), "gain_after": within(0.9, 1.1),
        "blur_before": within(0.4, 0.6), "blur_after": within(0.4, 0.6), "contrast": within(0.7, 1),
    }  # fmt: skip
    site = site or SITES[seed % len(SITES)]
    options |= {"occupancy": within(0.3, 0.8)} if site == "railyard" else {"size_m": (500.0, 400.0)}
    return simulate(site, seed, **{**options, **changes})


def parts_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Looks of the parts of a scene, and what each is: 1 a body, 0 a shadow, -1 a rim."""
    scene = scene_of(seed)
    score_map = cd.score(scene.before, scene.after, engine="serial", **sun(scene))
    config = Config()
    found, _ = outline_objects(score_map, config, Running(config, "serial", lambda event: None))
    if found.looks is None:
        return np.zeros((0, 0)), np.zeros(0, dtype=np.int64)
    shapes = found.table.geometry
    things = np.array([*(o.geometry for o in scene.truth.changed), None], dtype=object)[:-1]
    part, thing = shapely.STRtree(things).query(shapes, predicate="intersects")
    common = shapely.area(shapely.intersection(shapes[part], things[thing]))
    share = np.bincount(part, common, minlength=len(shapes)) / shapely.area(shapes)
    most = np.zeros(len(shapes))
    np.maximum.at(most, part, common / shapely.area(things[thing]))
    what = np.full(len(shapes), -1)
    what[(share < EMPTY) & (most < TOUCHES)] = 0
    what[(share >= HOLDS) | (most >= COVERS)] = 1
    # what something else explains was never asked
    why = found.table["explained_by"].astype(str)
    asked = np.isin(why, ("None", "shadow"))
    return found.looks[asked], what[asked]


def main() -> None:
    """Learn and write the file."""
    given = scenes_asked("Learn how bodies differ from their shadows.", FIRST, SEEDS)
    looks, labels, fold = [], [], []
    seeds = range(given.first, given.first + given.seeds)
    for seed, (one, what) in of_each(parts_of, seeds, given.workers):
        if len(one):
            looks.append(one)
            labels.append(what)
            fold.append(np.full(len(one), seed // len(SITES) % FOLDS))
        print(f"scene {seed}: {len(one)} parts, {np.sum(what == 0)} empty", flush=True)
    what = np.concatenate(labels)
    columns, body, part = np.concatenate(looks), what == 1, np.concatenate(fold)
    odds = np.zeros(len(body))
    for k in range(FOLDS):
        trees = as_trees(boost(columns[part != k], body[part != k].astype(float), **TREES))
        odds[part == k] = trees.log_odds(columns[part == k])
    least = float(np.quantile(odds[body], LOST))
    shares = [float(np.mean(odds[what == k] < least)) for k in (0, -1)]
    print(f"{body.sum()} bodies, {np.sum(what == 0)} shadows, {np.sum(what < 0)} rims")
    print(f"below {least:.2f} are {LOST:.1%}, {shares[0]:.1%} and {shares[1]:.1%} of them")
    made = f"python tests/benchmarks/learn_shades.py --first {given.first} --seeds {given.seeds}"
    value = {
        "made by": made, "least": round(least, 3),
        "trees": boost(columns, body.astype(float), **TREES),
    }  # fmt: skip
    path = Path(shades.__file__).with_name(shades.FILE)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
