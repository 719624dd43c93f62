"""Learn which date holds an object: ``python tests/benchmarks/learn_holding.py``.

Writes ``changedet/differencing/objects/holding.json``. Simulated yards, and some towns and fields,
of all lights, seasons and pixel sizes below a metre, in which much changed, more than half of them
seen from two sides, go through the whole chain. What stands at a date where a part is outlined is
what became of the things that it is the row of, as ``activity.py`` judges them, by majority; of
other parts it is told by the area that things of that date cover. Every part counts twice, once by
each date.
Seeds from 2019; the benchmarks of objects test on others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from activity import COVERED, IOU, REPLACED, expected_change, match
from boosting import boost
from detection import sun
from gathering import of_each, scenes_asked

import changedet as cd
from changedet.config import Config
from changedet.differencing.objects import holding
from changedet.model import as_trees
from changedet.pipeline.running import Running
from changedet.pipeline.steps import outline_objects
from changedet.simulation import Scene, simulate

FIRST, SEEDS = 2019, 75
SITES = (
    *("railyard",) * 9, "fields", *("railyard",) * 4, "town", *("railyard",) * 5,
)  # fmt: skip
LEAST, BESIDE = 0.15, 0.4
"""Share of a part that things of a date cover at least, and as a share of what those of the other
date do, for something to stand there."""
FOLDS = 4
FATES = ("disappeared", "appeared", "modified")
TREES: dict[str, Any] = {"trees": 200, "depth": 3, "rate": 0.1, "ridge": 5.0}


def scene_of(seed: int) -> Scene:
    """A site of which much changed, in two images as different as those of one satellite are."""
    rng = np.random.default_rng(seed)

    def within(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    gsd = float(rng.choice([0.3, 0.4, 0.5, 0.5, 0.5, 0.5, 0.6, 0.7]))
    azimuth, elevation, season = within(120, 200), within(30, 58), within(0.1, 0.9)
    sun_after = azimuth + within(-25, 25), float(np.clip(elevation + within(-10, 10), 25, 62))
    options: dict[str, Any] = {
        "gsd_before": gsd, "shift_m": (within(-1.5, 1.5), within(-1.5, 1.5)), "bands": 4,
        "change_fraction": within(0.3, 0.6), "imaging_seed": seed,
        "season_before": season, "season_after": float(np.clip(season + within(-0.3, 0.3), 0, 1)),
        "sun_before": (azimuth, elevation), "sun_after": sun_after,
        "haze_before": within(0, 0.3), "haze_after": within(0, 0.6), "gain_after": within(0.9, 1.1),
        "blur_before": within(0.4, 0.6), "blur_after": within(0.4, 0.6),
    }  # fmt: skip
    options["contrast"] = within(0.4, 0.8) if rng.random() < 0.3 else within(0.8, 1.0)
    if rng.random() < 0.6:
        options |= {
            "off_nadir_before": within(0, 25), "off_nadir_after": within(0, 25),
            "view_azimuth_before": within(0, 360), "view_azimuth_after": within(0, 360),
        }  # fmt: skip
        if rng.random() < 0.5:
            # two passes that look from one side
            beside = options["view_azimuth_before"] + within(-50, 50)
            options["view_azimuth_after"] = beside % 360
    # about as many pixels whatever their size
    width, height = min(500.0, 900 * gsd), min(350.0, 600 * gsd)
    site = SITES[seed % len(SITES)]
    if site == "railyard":
        options["occupancy"] = within(0.4, 0.95)
    else:
        height = max(height, 200.0)
    options["size_m"] = (width, height)
    return simulate(site, seed, **options)


def parts_of(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is weighed of the parts of a scene, what stands there by date, how often each counts."""
    scene = scene_of(seed)
    score_map = cd.score(scene.before, scene.after, engine="serial", **sun(scene))
    config = Config()
    found, _ = outline_objects(score_map, config, Running(config, "serial", lambda event: None))
    if found.dates is None:
        return np.zeros((2, 0, len(holding.COLUMNS))), np.zeros((2, 0), bool), np.zeros(0, int)
    stands, weight = stands_of(found.table.geometry, scene)
    return found.dates, stands, weight


def stands_of(shapes: np.ndarray, scene: Any) -> tuple[np.ndarray, np.ndarray]:
    """Whether a thing stands at each part, (date, n), and how often the part counts, (n,)."""
    things = scene.truth.changed
    share = np.stack(
        [_share(shapes, [o.geometry for o in things if at(o)])
         for at in (lambda o: o.before, lambda o: o.after)]
    )  # fmt: skip
    most = share.max(axis=0)
    stands = (share >= LEAST) & (share >= BESIDE * most)
    weight = (most >= LEAST).astype(np.int64)
    for row, fates in _votes(shapes, things).items():
        # where things do not agree, the area decides
        votes = [1e-3 * (stands[0, row] and not stands[1, row]),
                 1e-3 * (stands[1, row] and not stands[0, row]),
                 2e-3 * bool(stands[:, row].all())]  # fmt: skip
        for fate, replaced in fates:
            votes[fate] += 1
            votes[2] += replaced
        fate = int(np.argmax(votes))
        stands[:, row] = fate != 1, fate != 0
        weight[row] = 1 + len(fates)
    return stands, weight


def _share(shapes: np.ndarray, things: list[Any]) -> np.ndarray:
    """Share of each part that things cover."""
    there = np.array([*things, None], dtype=object)[:-1]
    part, thing = shapely.STRtree(there).query(shapes, predicate="intersects")
    common = shapely.area(shapely.intersection(shapes[part], there[thing]))
    return np.bincount(part, common, minlength=len(shapes)) / shapely.area(shapes)


def _votes(shapes: np.ndarray, asked: Sequence[Any]) -> dict[int, list[tuple[int, bool]]]:
    """By part: what became of each thing of which it is the row, and whether it was replaced."""
    things = np.array([*(o.geometry for o in asked), None], dtype=object)[:-1]
    covered, best, _, iou = match(shapes, things)
    out: dict[int, list[tuple[int, bool]]] = {}
    for k in np.flatnonzero((best >= 0) & ((covered >= COVERED) | (iou >= IOU))):
        overlap = shapely.area(shapely.intersection(things[k], things))
        overlap[k] = 0.0
        smaller = np.minimum(shapely.area(things), things[k].area)
        replaced = bool((overlap >= REPLACED * smaller).any())
        fate = FATES.index(expected_change(asked[k]))
        out.setdefault(int(best[k]), []).append((fate, replaced and fate != 2))
    return out


Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


def learn(known: Iterable[Parts]) -> dict[str, Any]:
    """Learn from the parts of some scenes."""
    looks, there = [], []
    for dates, stands, weight in known:
        for date in range(2):
            looks.append(np.repeat(dates[date], weight, axis=0))
            there.append(np.repeat(stands[date], weight))
    return boost(np.concatenate(looks), np.concatenate(there).astype(float), **TREES)


def right(parts: Parts, trees: dict[str, Any]) -> float:
    """How many parts are told rightly, each as often as it counts."""
    learnt = as_trees(trees)
    told, holding.learnt = holding.learnt, lambda: learnt  # type: ignore[assignment]
    try:
        change = holding.held_by(parts[0])
    finally:
        holding.learnt = told
    before, after = parts[1]
    true = np.where(before & after, "modified", np.where(after, "appeared", "disappeared"))
    return float((parts[2] * (change == true)).sum())


def write(known: list[Parts], made: str) -> None:
    """Say how well parts of other scenes are told, and write what was learnt of all."""
    total = sum(int(parts[2].sum()) for parts in known)
    hits = 0.0
    for k in range(FOLDS):
        trees = learn(v for i, v in enumerate(known) if i % FOLDS != k)
        hits += sum(right(parts, trees) for parts in known[k::FOLDS])
    print(f"{total} parts and things, of other scenes {hits / total:.4f} right")
    value = {"made by": made, "trees": learn(known)}
    path = Path(holding.__file__).with_name(holding.FILE)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n", "utf-8")


def main() -> None:
    """Learn and write the file."""
    given = scenes_asked("Learn which date holds an object.", FIRST, SEEDS)
    known = []
    for seed, parts in of_each(
        parts_of, range(given.first, given.first + given.seeds), given.workers
    ):
        known.append(parts)
        print(f"scene {seed}: {len(parts[2])} parts", flush=True)
    made = f"python tests/benchmarks/learn_holding.py --first {given.first} --seeds {given.seeds}"
    write(known, made)


if __name__ == "__main__":
    main()
