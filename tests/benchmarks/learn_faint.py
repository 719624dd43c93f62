"""Learn which dark parts are shadows of faint bodies: ``python tests/benchmarks/learn_faint.py``.

Writes ``changedet/differencing/objects/faint.json``. Simulated yards, towns and fields of all
lights, seasons and pixel sizes, in which much changed and many things are nearly as bright as the
ground, go through the whole chain. Of each dark part it is known whether things of the truth stand
where it lies, or where the body would stand that casts it. Seeds from 4001; the benchmarks of
objects test on others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from boosting import boost
from detection import sun
from gathering import of_each, scenes_asked
from learn_shades import scene_of
from rasterio.features import rasterize

import changedet as cd
from changedet.differencing.objects import faint_bodies, refining
from changedet.model import as_trees
from changedet.simulation import Scene

FIRST, SEEDS = 4001, 90
HOLDS = 0.5
"""Share of the body that things which changed cover: it is one,"""
DARK = 0.35
"""if they cover less of the dark part."""
FOLDS = 3
TREES: dict[str, Any] = {"trees": 150, "depth": 3, "rate": 0.1, "ridge": 5.0}


def faint_scene(seed: int) -> Scene:
    """A scene as for bodies and shadows, of things that differ less from the ground."""
    return scene_of(seed, contrast=float(np.random.default_rng([seed, 1]).uniform(0.3, 1.0)))


def truth_of(scene: Scene, grid: Any) -> list[np.ndarray]:
    """Where things that changed stand at either date, (y, x) bool."""
    out = []
    for held in ("before", "after"):
        shapes = [(o.geometry, 1) for o in scene.truth.changed if getattr(o, held)]
        out.append(
            rasterize(shapes, grid.shape, transform=grid.transform, dtype="uint8").astype(bool)
            if shapes
            else np.zeros(grid.shape, dtype=bool)
        )
    return out


def proposals_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What is seen of dark parts and the bodies they may belong to, and which are such bodies."""
    scene = faint_scene(seed)
    columns, labels = [], []

    def gather(parts: np.ndarray, sight: faint_bodies.Sight) -> np.ndarray:
        window = sight.window
        for date in (0, 1):
            seen = faint_bodies.propose(parts, sight, date)
            if seen is None:
                continue
            inside = window.intersect(grid.window)
            there = np.zeros(window.shape, dtype=bool)
            there[inside.within(window)] = truth[date][inside.slices]
            n = len(seen.asked)
            share = [
                np.bincount(where[there], minlength=n)
                / np.maximum(np.bincount(where.ravel(), minlength=n), 1)
                for where in (seen.body, seen.dark)
            ]
            columns.append(seen.columns[seen.asked])
            labels.append(((share[0] > HOLDS) & (share[1] < DARK))[seen.asked])
        return parts

    grid = scene.before.grid
    truth = truth_of(scene, grid)
    kept, refining.faint_bodies = refining.faint_bodies, gather
    try:
        cd.detect(scene.before, scene.after, engine="serial", progress=False, **sun(scene))
    finally:
        refining.faint_bodies = kept
    if not columns:
        return np.zeros((0, 0)), np.zeros(0, dtype=bool)
    return np.concatenate(columns), np.concatenate(labels)


def main() -> None:
    """Learn and write the file."""
    given = scenes_asked("Learn which dark parts are shadows of faint bodies.", FIRST, SEEDS)
    seen, what, fold = [], [], []
    seeds = range(given.first, given.first + given.seeds)
    for seed, (one, body) in of_each(proposals_of, seeds, given.workers):
        if len(one):
            seen.append(one)
            what.append(body)
            fold.append(np.full(len(one), seed // 5 % FOLDS))
        print(f"scene {seed}: {len(one)} proposed, {np.sum(body)} bodies", flush=True)
    columns, body, part = np.concatenate(seen), np.concatenate(what), np.concatenate(fold)
    odds = np.zeros(len(body))
    for k in range(FOLDS):
        trees = as_trees(boost(columns[part != k], body[part != k].astype(float), **TREES))
        odds[part == k] = trees.log_odds(columns[part == k])
    for level in (-1.0, 0.0, 1.0):
        taken = odds > level
        print(
            f"above {level}: {np.sum(taken & body)} of {body.sum()} bodies, and "
            f"{np.sum(taken & ~body)} of {np.sum(~body)} others"
        )
    made = f"python tests/benchmarks/learn_faint.py --first {given.first} --seeds {given.seeds}"
    value = {"made by": made, "trees": boost(columns, body.astype(float), **TREES)}
    path = Path(faint_bodies.__file__).with_name(faint_bodies.FILE)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
