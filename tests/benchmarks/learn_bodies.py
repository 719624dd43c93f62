"""Learn where bodies end and which pieces are one: ``python tests/benchmarks/learn_bodies.py``.

Writes ``changedet/differencing/objects/bodies.json``. Simulated yards, plain ones and ones of many
kinds, are taken as far as the parts of places; the truth says where one thing ends along a part and
another begins, and which pieces are of one. Pieces are learnt of parts that were cut as learnt
before, and of what becomes of them when the right ones are joined.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from activity import ASKED, ONE_TO_ONE, bodies_of
from boosting import boost
from detection import sun
from learn_kinds import mixed, plain
from rasterio.features import rasterize

import changedet as cd
from changedet.config import Config
from changedet.differencing.detectors.vector import colours, object_pixel_m
from changedet.differencing.objects import bodies, coupled, refining
from changedet.differencing.objects.bodies import FILE
from changedet.differencing.objects.coupled import Strips, cut_at_gaps
from changedet.differencing.objects.gaps import COLUMNS, gap_columns
from changedet.differencing.objects.pieces import Pieces
from changedet.model import ScoreMap, Window, as_trees
from changedet.pipeline.running import Running
from changedet.pipeline.steps import outline_objects
from changedet.simulation import SceneTruth, simulate

PLAIN, MIXED = range(101, 133), range(301, 325)
GAPS: dict[str, Any] = {"trees": 80, "depth": 3, "rate": 0.12, "ridge": 8.0}
PIECES: dict[str, Any] = {"trees": 200, "depth": 2, "rate": 0.15, "ridge": 5.0}
PAD_PX = 256
"""So far beyond the image windows reach, pixels."""
RUN_M = 2.0
"""Shorter runs of a thing along a part are chance, metres."""
GAP_M = 3.0
"""Things farther apart along a part end each by itself, metres."""
NEAR_M = 0.8
"""Places as near to an end are one, metres,"""
RIM_M = 4.0
"""and those that near to the ends of the part are not asked for."""
INSIDE = 0.5
"""So much of a piece lies in the thing of which it is one,"""
ANOTHER = 0.35
"""and has no more than this in common (IoU) with another."""
SPOILT = 3
"""Pairs of two whole things count as so many."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of one yard before they are cut."""

    parts: np.ndarray
    places: np.ndarray
    dates: np.ndarray
    valid: np.ndarray
    things: np.ndarray
    """(y, x) 1-based true bodies."""
    size: float
    least: int


def score_map(seed: int) -> tuple[ScoreMap, SceneTruth]:
    """Score of one yard, and what is true."""
    scene = simulate("railyard", seed, **(plain if seed in PLAIN else mixed)(seed))
    return cd.score(scene.before, scene.after, engine="serial", **sun(scene)), scene.truth


def parts_of(scored: ScoreMap, truth: SceneTruth) -> Parts:
    """Parts of one yard, put together from the windows in which they are found."""
    grid, detection = scored.grid, scored.detection
    around = grid.window.pad(PAD_PX)
    parts, places = np.zeros((2, *around.shape), dtype=np.int64)
    least_pixels: list[int] = []
    cut, join = refining.cut_coupled, refining.join_pieces

    def keep(raster: np.ndarray, pair: Any, detection: Any, least: int) -> np.ndarray:
        least_pixels.append(least)
        return raster

    def see(raster: np.ndarray, wide: np.ndarray, pair: Any, detection: Any) -> np.ndarray:
        row, col = (round(v) for v in reversed(~grid.transform * pair.grid.transform[2:6:3]))
        window = Window(row, col, *raster.shape)
        at = np.s_[row + PAD_PX : row + PAD_PX + window.height,
                   col + PAD_PX : col + PAD_PX + window.width]  # fmt: skip
        base = int(parts.max())
        parts[at] = np.where(raster > 0, raster + base, parts[at])
        places[at] = np.where(wide > 0, wide, places[at])
        return raster

    refining.cut_coupled, refining.join_pieces = keep, see
    try:
        outline_objects(scored, Config(), Running(Config(), "serial", lambda event: None))
    finally:
        refining.cut_coupled, refining.join_pieces = cut, join
    pair = scored.pair.read(around)
    things = np.zeros(around.shape, dtype=np.int64)
    true = [b for o in truth.changed if o.kind in ASKED for b in bodies_of(o)]
    for k, shape in enumerate(true, start=1):
        things[rasterize([shape], around.shape, transform=pair.grid.transform) > 0] = k
    dates = np.stack(colours(pair, detection.detector, detection.contrast[1]))
    size = object_pixel_m(detection.context)
    assert size is not None
    return Parts(parts, places, dates, pair.valid, things, size, least_pixels[0])


def gaps_of(p: Parts) -> tuple[np.ndarray, np.ndarray]:
    """What is known of the places along the long parts of a yard, and which are gaps."""
    strips = Strips.of(p.parts, p.dates, p.size)
    if strips is None:
        return np.zeros((0, len(COLUMNS))), np.zeros(0)
    columns = gap_columns(strips.profile, strips.pixels, strips.count, p.size)
    n, wide = columns.shape[:2]
    held = np.zeros((n, wide, int(p.things.max()) + 1))
    at = strips.which[strips.middle], strips.step[strips.middle]
    np.add.at(held, (*at, p.things.ravel()[strips.index[strips.mine][strips.middle]]), 1)
    most, step = held.argmax(axis=2), np.arange(wide)
    target = np.zeros((n, wide))
    for k in range(n):
        for end in ends_along(most[k, : strips.count[k]], p.size):
            target[k, np.abs(step - end) * p.size <= NEAR_M] = 1
    asked = (step * p.size >= RIM_M) & (step <= strips.count[:, None] - RIM_M / p.size)
    return columns[asked], target[asked]


def ends_along(things: np.ndarray, size: float) -> Iterator[float]:
    """Where things end along a part, given the thing at each step."""
    edges = [0, *(np.flatnonzero(np.diff(things)) + 1).tolist(), len(things)]
    runs: list[list[int]] = []
    for begin, end in pairwise(edges):
        if things[begin] and (end - begin) * size >= RUN_M:
            if runs and runs[-1][0] == things[begin]:
                runs[-1][2] = end
            else:
                runs.append([int(things[begin]), begin, end])
    if not runs:
        return
    if runs[0][1] * size >= GAP_M:
        yield runs[0][1]
    if (len(things) - runs[-1][2]) * size >= GAP_M:
        yield runs[-1][2]
    for (_, _, end), (_, begin, _) in pairwise(runs):
        yield from [(end + begin) / 2] if (begin - end) * size < GAP_M else [end, begin]


def pieces_of(p: Parts) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What is known of pairs of pieces of a yard, and which are one thing."""
    raster = cut_at_gaps(p.parts, p.dates, p.size, p.least)
    pieces, number = Pieces.of(raster, p.places, p.dates, p.valid, p.size)
    n, true = int(number.max()) + 1, int(p.things.max()) + 1
    common = np.bincount((p.things * n + number).ravel(), minlength=n * true).reshape(true, n)
    area, common = common.sum(axis=1)[1:, None], common[1:, 1:].astype(float)
    while len(pieces.one) and len(area):
        right, spoilt = one_thing(pieces, common, area)
        weight = np.where(spoilt, SPOILT, 1)
        yield np.repeat(pieces.compare(), weight, axis=0), np.repeat(right.astype(float), weight)
        # the longer the border the sooner
        target = pieces.surest(np.where(right, pieces.border[0], 0.0), 0.5)
        if (target == np.arange(len(target))).all():
            return
        pieces, new = pieces.merged(target)
        common = np.stack([np.bincount(new, c, minlength=len(pieces.moments)) for c in common])


def one_thing(
    pieces: Pieces, common: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether the two of a pair are nearer to one thing together, and to no other alone.

    And whether each is another one by itself, which would be spoilt.
    """
    pixels = pieces.moments[:, 0].astype(float)
    alone = common / np.maximum(area + pixels - common, 1)
    a, b = pieces.one, pieces.other
    both = common[:, a] + common[:, b]
    together = both / np.maximum(area + pixels[a] + pixels[b] - both, 1)
    thing, pair = together.argmax(axis=0), np.arange(len(a))
    best = alone.max(axis=0)
    out = together[thing, pair] > np.maximum(best[a], best[b])
    for k in (a, b):
        rest = alone[:, k]
        rest[thing, pair] = 0.0
        out &= (common[thing, k] >= INSIDE * pixels[k]) & (rest.max(axis=0) < ANOTHER)
    whole = np.minimum(best[a], best[b]) >= ONE_TO_ONE
    return out, whole & (alone.argmax(axis=0)[a] != alone.argmax(axis=0)[b])


def learn(known: list[Parts]) -> dict[str, Any]:
    """Learn both, the gaps first."""
    columns, target = (np.concatenate(v) for v in zip(*(gaps_of(p) for p in known), strict=True))
    print(f"{len(target)} places along parts, {target.sum():.0f} at gaps", flush=True)
    out = {"gaps": boost(columns, target, **GAPS)}
    learnt = bodies.Learnt(as_trees(out["gaps"]), as_trees(out["gaps"]))
    told, coupled.learnt = coupled.learnt, lambda: learnt
    try:
        pairs = [pair for p in known for pair in pieces_of(p)]
    finally:
        coupled.learnt = told
    columns, target = (np.concatenate(v) for v in zip(*pairs, strict=True))
    print(f"{len(target)} pairs of pieces, {target.sum():.0f} of one thing", flush=True)
    return {**out, "pieces": boost(columns, target, **PIECES)}


def main() -> None:
    """Learn and write the file."""
    parser = argparse.ArgumentParser(description="Learn where bodies end, and what are pieces.")
    parser.add_argument("--seeds", type=int, default=len(PLAIN) + len(MIXED), help="how many yards")
    given = parser.parse_args()
    known: list[Parts] = []
    for seed in [*PLAIN, *MIXED][: given.seeds]:
        print(f"yard {seed}", flush=True)
        known.append(parts_of(*score_map(seed)))
    made = f"python tests/benchmarks/learn_bodies.py --seeds {given.seeds}"
    text = json.dumps({"made by": made, **learn(known)}, separators=(",", ":"))
    (Path(bodies.__file__).parent / FILE).write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
