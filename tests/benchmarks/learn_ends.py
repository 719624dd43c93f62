"""Learn what ends of bodies look like: ``python tests/benchmarks/learn_ends.py``.

Prints the weights of ``changedet.activity.things.ends``. Simulated yards go through the whole
chain; of each wagon and each box of the truth that has an outline of its own, the place of both
ends on the axis of that outline is known. Conditional logit: of all places that are weighed, that
one was the end. Boxes of 20 ft in one slot are one footprint of the truth and two bodies: they are
left out. Seeds from 1601.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from kinds import found, holders
from learn_shades import scene_of

from changedet.activity.things.ends import (
    EDGE,
    LONGEST_M,
    PLACES_M,
    WEIGHTS,
    end_columns,
    sample_strips,
)
from changedet.activity.things.kinds import OUTLINE_PX
from changedet.activity.things.looking import matching
from changedet.activity.things.placing import place_objects, straightened, to_plane
from changedet.simulation import Scene

FIRST, SEEDS = 1601, 40
NEAR_M = 0.35
"""Standard deviation with which an end of the truth stands for places near it, metres."""
PARALLEL = 0.99
"""Outlines that point elsewhere (cosine) have no ends on their axis."""
RIDGE = 1e-3
TWO_IN_ONE = "2x20ft"


def ends_of(scene: Scene, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Kind, columns (end, place, column) and true places (end,) of each thing of its own."""
    given: dict[str, Any] = found(scene, seed)
    grid, counted = given["grid"], np.flatnonzero(~given["changes"].explained)
    table, look = given["changes"].take(counted), given["appearance"].take(counted)
    objects = straightened(place_objects(table, grid, OUTLINE_PX))
    match = matching(look, given["radiometry"])
    things = [o for o in scene.truth.changed
              if o.kind.split("_")[0] in WEIGHTS and TWO_IN_ONE not in o.subtype]  # fmt: skip
    at = holders(table, [o.geometry for o in things])
    single = np.bincount(at[at >= 0], minlength=len(table)) == 1
    shapes = to_plane(np.array([*(o.geometry for o in things), None], dtype=object)[:-1], grid)
    kept = [
        (o.kind.split("_")[0], int(row), shape) for o, row, shape in zip(things, at, shapes,
        strict=True) if row >= 0 and single[row] and objects.length[row] <= LONGEST_M
    ]  # fmt: skip
    if not kept:
        return
    rows = np.array([row for _, row, _ in kept])
    usual = float(np.nanmedian(look.around[1]))
    strips = sample_strips(objects, rows, given["pair"], match, usual)
    columns = end_columns(strips, (objects.dates[rows] & 2) > 0, objects.error_m)
    for k, (kind, row, shape) in enumerate(kept):
        axis = objects.along[row]
        reach = shapely.get_coordinates(shape) @ axis
        corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(shape))
        side = max((corners[1] - corners[0], corners[2] - corners[1]), key=lambda v: np.hypot(*v))
        if abs(side @ axis) < PARALLEL * np.hypot(*side):
            continue
        own = np.array([objects.x[row], objects.y[row]]) @ axis
        half = 0.5 * float(np.hypot(*side))
        middle = 0.5 * (reach.min() + reach.max()) - own
        true = np.array([half - middle, half + middle]) - 0.5 * objects.length[row]
        yield kind, columns[:, k], true


def fit(columns: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Weights of the columns (n, place, column) for ends at places (n,)."""
    from scipy.optimize import minimize

    beyond = PLACES_M[EDGE:-EDGE]
    target = np.exp(-0.5 * ((beyond - true[:, None]) / NEAR_M) ** 2)
    seen = target.sum(axis=1) > 0.5
    columns, target = columns[seen], target[seen] / target[seen].sum(axis=1, keepdims=True)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        score = columns @ weights
        score -= score.max(axis=1, keepdims=True)
        chance = np.exp(score)
        chance /= chance.sum(axis=1, keepdims=True)
        value = -(target * np.log(chance + 1e-12)).sum(axis=1).mean()
        slope = -((target - chance)[..., None] * columns).sum(axis=1).mean(axis=0)
        return float(value + RIDGE * weights @ weights), slope + 2 * RIDGE * weights

    out: np.ndarray = minimize(loss, np.zeros(columns.shape[2]), jac=True).x
    return out


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description="Learn what ends of bodies look like.")
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    known: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {kind: [] for kind in WEIGHTS}
    for seed in range(given.first, given.first + given.seeds):
        for kind, columns, true in ends_of(scene_of(seed, "railyard"), seed):
            known[kind].append((columns, true))
    for kind, each in known.items():
        columns = np.concatenate([c for c, _ in each])
        weights = fit(columns, np.concatenate([t for _, t in each]))
        print(f"{kind}: {len(columns)} ends", ", ".join(f"{w:.2f}" for w in weights))


if __name__ == "__main__":
    main()
