"""Learn how often a step of track is occupied: ``python tests/benchmarks/learn_tracks.py``.

Writes ``changedet/activity/tracks/learnt.json``. Simulated yards of all fillings, lights and
seasons, some with lines that are off, go through all steps up to the two explanations
(``changedet.activity.tracks.occupancy``); a logistic regression then tells occupied from empty
steps (``changedet.activity.tracks.judging``). Seeds from 201: ``tracks.py`` tests on 1 to 20.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from tracks import Reader, moved

from changedet.activity.tracks import judging as track_judging
from changedet.activity.tracks import seen as track_seen
from changedet.activity.tracks.bands import TrackSamples, dark_levels, take_samples
from changedet.activity.tracks.judging import AROUND_M, FILE, averaged, standard, step_columns
from changedet.activity.tracks.occupancy import find_occupation
from changedet.activity.tracks.offset import find_offsets
from changedet.activity.tracks.profile import track_strips
from changedet.differencing import shadow_offset
from changedet.simulation import Scene, simulate

YARDS: dict[str, tuple[tuple[float, range], ...]] = {
    "fine": ((0.5, range(301, 331)), (0.3, range(377, 381))),
    "middle": ((1.0, range(341, 371)), (0.8, range(371, 377))),
    "coarse": ((3.0, range(201, 241)), (2.0, range(241, 261)), (3.0, range(391, 431))),
    "coarsest": ((5.0, range(261, 281)), (4.0, range(281, 291))),
}
"""Pixel sizes and seeds, by the range of pixel sizes that they stand for."""
HALF_GAP_M = 0.55
"""From a body to its coupler."""
RIDGE = 20.0
"""How strongly weights are pulled to nothing."""
ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Steps:
    """What is known of the steps of one pair."""

    columns: np.ndarray
    """(date, n, k)."""
    occupied: np.ndarray
    """(date, n) bool, in truth."""
    counts: np.ndarray
    """(date, n) bool: seen, and not on another track."""
    samples: TrackSamples


LARGE = 391
"""From this seed on yards are as large as the simulator makes them by itself."""


def options(seed: int) -> dict[str, Any]:
    """A yard as full, and images as different, as chance will have it."""
    rng = np.random.default_rng(seed)

    def of(values: list[float]) -> float:
        return float(rng.choice(values))

    def within(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return {
        "size_m": (600.0, 300.0) if seed < LARGE else None,
        "occupancy": of([0.03, 0.06, 0.1, 0.15, 0.3, 0.5, 0.7]),
        "change_fraction": of([0, 0.1, 0.3, 0.6, 1.0]),
        "arrival_share": of([0.2, 0.6, 0.8]),
        "sun_before": (within(125, 215), within(20, 65)),
        "sun_after": (within(125, 215), within(20, 65)),
        "season_before": within(0.1, 0.8),
        "season_after": within(0.1, 0.8),
        "haze_before": within(0, 0.6),
        "haze_after": within(0, 0.6),
        "contrast": of([1, 1, 1, 1, 0.75, 0.5]),
        "gain_after": within(0.9, 1.1),
        "blur_before": within(0.4, 0.6),
        "blur_after": within(0.4, 0.6),
        "imaging_seed": seed,
    }


def steps_of(seed: int, gsd: float) -> Steps:
    """Read the tracks of one simulated yard as far as the two explanations go."""
    scene = simulate("railyard", seed, **options(seed), gsd_before=gsd)
    pair = Reader(scene)
    size = pair.grid.pixel_size_m
    assert size is not None
    suns = scene.options.sun_before, scene.options.sun_after
    away = tuple(shadow_offset(pair.grid, *sun) for sun in suns)
    off = float(np.random.default_rng(seed + 7).choice([0, 0, 0, -1.5, 1, 2]))
    strips = track_strips(pair, moved(scene.truth.track_lines, off))
    strips = [s for s in strips if s.valid.any()]
    levels = dark_levels(strips)
    placed = find_offsets(strips, (away[0], away[1]), (None, None), size, levels)
    samples = take_samples(strips, placed.offsets, placed.away, size, levels)
    found = find_occupation(samples)
    owner = np.array([s.track for s in strips])
    lengths = np.array([sum(s.length for s in strips if s.track == k) for k in owner])
    shared = track_seen.shared_steps(samples, placed.offsets, lengths, owner)
    seen = samples.seen[:, :, 1:3].all(axis=2) & ~track_seen.shadowed_steps(found)
    return Steps(
        np.stack([step_columns(samples, found, date) for date in range(2)]),
        _truth(scene, samples, [scene.truth.track_lines.names[k] for k in owner]),
        seen & ~shared,
        samples,
    )


def _truth(scene: Scene, samples: TrackSamples, names: list[str]) -> np.ndarray:
    """(date, n) bool: steps between the couplers of a wagon."""
    lines = dict(zip(scene.truth.track_lines.names, scene.truth.track_lines.geometry, strict=True))
    out = np.zeros((2, len(samples)), dtype=bool)
    for name, part in zip(names, samples.parts, strict=True):
        at = (np.arange(part.stop - part.start) + 0.5) * samples.step
        for thing in (o for o in scene.truth.objects if o.track == name):
            points = shapely.points(np.asarray(thing.geometry.exterior.coords))
            along = shapely.line_locate_point(lines[name], points)
            inside = (at > along.min() - HALF_GAP_M) & (at < along.max() + HALF_GAP_M)
            for date, there in enumerate((thing.before, thing.after)):
                out[date, part] |= inside & there
    return out


def learn(rows: list[Steps]) -> dict[str, Any]:
    """Fit the logistic regression by Newton's method, with a ridge."""
    kept = np.concatenate([r.columns[r.counts] for r in rows]).astype(np.float64)
    mean, spread = np.nanmean(kept, axis=0), np.maximum(np.nanstd(kept, axis=0), 1e-4)
    columns = np.concatenate([_design(r, mean, spread) for r in rows])
    target = np.concatenate([r.occupied[r.counts] for r in rows])
    pull = np.full(columns.shape[1], RIDGE)
    pull[-1] = 1e-3
    weight = np.zeros(columns.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ weight, -30, 30)))
        curve = (chance * (1 - chance) + 1e-5).astype(np.float32)
        slope = columns.T @ (target - chance) - pull * weight
        bend = (columns * curve[:, None]).T @ columns + np.diag(pull)
        weight += np.linalg.solve(bend.astype(np.float64), slope)
    by_length = weight[:-1].reshape(1 + len(AROUND_M), -1)
    return {
        "mean": _rounded(mean), "spread": _rounded(spread),
        "weight": [_rounded(w) for w in by_length], "constant": round(float(weight[-1]), 5),
        "steps": len(target),
    }  # fmt: skip


def _design(row: Steps, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(n, columns) what is weighed of the steps that count: each, and its surroundings."""
    out = []
    for date in range(2):
        own = standard(row.columns[date], mean, spread)
        around = [averaged(own, row.samples, metres) for metres in AROUND_M]
        all_of = np.concatenate([own, *around, np.ones((len(own), 1))], axis=1)
        out.append(all_of[row.counts[date]].astype(np.float32))
    return np.concatenate(out)


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{v:.5g}") for v in values]


def scenes(name: str, few: int | None) -> Iterator[Steps]:
    """All simulated yards of one range of pixel sizes."""
    for gsd, seeds in YARDS[name]:
        for seed in seeds[:few]:
            print(f"{name}: {gsd:g} m, yard {seed}", flush=True)
            yield steps_of(seed, gsd)


def main() -> None:
    """Learn and write the file."""
    parser = argparse.ArgumentParser(description="Learn how often a step of track is occupied.")
    parser.add_argument("--few", type=int, help="only so many yards of each pixel size")
    given = parser.parse_args()
    learnt = {name: learn(list(scenes(name, given.few))) for name in YARDS}
    (Path(track_judging.__file__).parent / FILE).write_text(
        json.dumps(learnt, separators=(",", ":")) + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
