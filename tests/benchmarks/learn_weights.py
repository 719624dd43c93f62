"""Learn what places look like that changed: ``python tests/benchmarks/learn_weights.py``.

Writes ``changedet/differencing/objects/weights.json``. Simulated yards, towns and fields of which
much changed, from above and from the side, and others in which nothing did, are searched for
candidates of the evidence that is in question. One that touches what changed, or ground in its
shadow, is a change, any other is none. How much the odds grow with the evidence is learnt first,
boosted trees learn the rest from what else is seen of a place. The level of the weights keeps what
``quiet.json`` knows of quiet pairs true. Seeds from 1601 (changed) and 1201 (quiet); the benchmarks
of objects and of calibration test on others.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from boosting import boost
from detection import cast
from gathering import of_each
from learn_shades import scene_of
from quiet_scenes import fitted, scene

from changedet.differencing import CANDIDATE
from changedet.differencing.objects import weighting
from changedet.model import as_trees
from changedet.pipeline.running import Running, at_work
from changedet.pipeline.steps import outline_objects, score_pixels
from changedet.simulation import Scene

CHANGED, QUIET = 1601, 1201
SEEDS = 44, 22
"""Changed and quiet scenes."""
LOW, HIGH = 3.0, 8.0
"""Evidence that is in question: less is never enough, more always."""
ASKED_PER_KM2, MATCHED_PER_KM2 = 2.0, 5.0
FOLDS = 3
TREES: dict[str, Any] = {"trees": 150, "depth": 3, "rate": 0.08, "ridge": 8.0}


@dataclass(frozen=True, eq=False)
class Places:
    """Candidates of one scene."""

    looks: np.ndarray
    evidence: np.ndarray
    changed: np.ndarray
    """(n,) bool."""
    km2: float
    """Of quiet ground; 0 of a changed scene."""


def changed_scene(seed: int) -> Scene:
    """Half of them seen from two sides, some of low contrast."""
    rng = np.random.default_rng([seed, 2])
    more: dict[str, Any] = {"contrast": float(rng.uniform(0.4, 1.0))}
    if seed % 2:
        more |= {
            "off_nadir_before": float(rng.uniform(0, 22)),
            "off_nadir_after": float(rng.uniform(0, 22)),
            "view_azimuth_before": float(rng.uniform(0, 360)),
            "view_azimuth_after": float(rng.uniform(0, 360)),
        }
    return scene_of(seed, **more)


def quiet_scene(seed: int) -> Scene:
    """Each third with larger pixels."""
    return scene("fine", seed, **({"gsd_before": 0.8} if seed % 3 == 0 else {}))


def places_of(which: tuple[int, bool]) -> Places | None:
    """Candidates of one scene that nothing explains; None where shadows are not known."""
    seed, quiet = which
    one = quiet_scene(seed) if quiet else changed_scene(seed)
    pair, detection, config = fitted("fine", one)
    low = replace(detection.threshold, seed=CANDIDATE, support=CANDIDATE)
    run = Running(config, "serial", lambda event: None)
    with at_work():
        score_map = score_pixels(pair, replace(detection, threshold=low), config, run)
        found, _ = outline_objects(score_map, config, run, refined=False)
    if found.looks is None:
        return None
    table = found.table
    evidence = table["score"] - weighting.weights_of(found.looks, table["area_m2"])
    suns = one.options.sun_before, one.options.sun_after
    touched = shapely.union_all([cast(o, suns) for o in one.truth.changed])
    changed = shapely.intersects(table.geometry, touched)
    use = ~table.explained & (evidence >= LOW) & (table["area_m2"] <= weighting.LARGEST_M2)
    km2 = score_map.observed_pixels * pair.grid.pixel_area_m2 / 1e6 if quiet else 0.0
    return Places(found.looks[use], evidence[use], changed[use], km2)


def steepness_of(evidence: np.ndarray, changed: np.ndarray) -> tuple[float, float]:
    """Logistic regression of change on evidence: constant and slope."""
    x = np.column_stack([np.ones(len(evidence)), np.minimum(evidence, HIGH) - LOW])
    w = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-x @ w))
        bend = (x * (chance * (1 - chance))[:, None]).T @ x
        w += np.linalg.solve(bend, x.T @ (changed - chance))
    return float(w[0]), float(w[1])


def level_of(raw: np.ndarray, evidence: np.ndarray, km2: float) -> float:
    """What is taken off weights so that as many quiet places reach what is in question as without.

    That is what :data:`MATCHED_PER_KM2` reach: of those that the rate asks for there are few.
    """
    count = round(MATCHED_PER_KM2 * km2)
    limit = np.sort(evidence)[-count]
    low, high = -3.0, 3.0
    for _ in range(60):
        level = (low + high) / 2
        weight = np.clip(raw - level, weighting.LEAST, weighting.MOST)
        more = np.count_nonzero(evidence + weight >= limit) > count
        low, high = (level, high) if more else (low, level)
    return (low + high) / 2


def found_at_rate(
    evidence: np.ndarray, changed: np.ndarray, quiet: np.ndarray, km2: float
) -> tuple[float, float]:
    """Level at which quiet scenes hold the rate, and the share of changed places above it."""
    ordered = np.sort(evidence[quiet])[::-1]
    level = float(ordered[min(round(ASKED_PER_KM2 * km2), len(ordered) - 1)])
    return level, float(np.mean(evidence[changed] > level))


def main() -> None:
    """Learn and write the file."""
    parser = argparse.ArgumentParser(description="Learn what changed places look like.")
    parser.add_argument("--changed", type=int, default=SEEDS[0], help="scenes that changed")
    parser.add_argument("--quiet", type=int, default=SEEDS[1], help="scenes that did not")
    parser.add_argument("--workers", type=int, default=2, help="processes; changes no result")
    given = parser.parse_args()
    asked = [(seed, True) for seed in range(QUIET, QUIET + given.quiet)]
    asked += [(seed, False) for seed in range(CHANGED, CHANGED + given.changed)]
    scenes = []
    for (seed, quiet), one in of_each(places_of, asked, given.workers):
        if one is not None:
            scenes.append((seed, quiet, one))
            print(f"{seed}: {len(one.evidence)} places, {one.changed.sum()} changed", flush=True)
    looks, evidence, changed = (
        np.concatenate([getattr(one, name) for _, _, one in scenes])
        for name in ("looks", "evidence", "changed")
    )
    count = [len(one.evidence) for _, _, one in scenes]
    quiet = np.repeat([q for _, q, _ in scenes], count)
    fold = np.repeat([seed % FOLDS for seed, _, _ in scenes], count)
    km2 = sum(one.km2 for _, _, one in scenes)
    use = changed & (evidence <= HIGH) | ~changed
    constant, steepness = steepness_of(evidence[use], changed[use].astype(float))

    def learn(chosen: np.ndarray) -> dict[str, Any]:
        mine = chosen & use
        known = constant + steepness * (np.minimum(evidence[mine], HIGH) - LOW)
        return boost(looks[mine], changed[mine].astype(float), known, **TREES)

    raw = np.zeros(len(evidence))
    for k in range(FOLDS):
        mine = fold == k
        raw[mine] = as_trees(learn(~mine)).log_odds(looks[mine]) / steepness
    level = level_of(raw[quiet], evidence[quiet], km2)
    weight = np.clip(raw - level, weighting.LEAST, weighting.MOST)
    plain, weighed = (found_at_rate(e, changed, quiet, km2) for e in (evidence, evidence + weight))
    print(f"{np.sum(changed)} changed places, {np.sum(~changed)} others, {np.sum(quiet)} of "
          f"them on {km2:.2f} km2 of quiet ground")  # fmt: skip
    print(f"steepness {steepness:.2f}, level {level:.2f}")
    for name, (limit, share) in (("evidence", plain), ("with weights", weighed)):
        print(f"{name}: {ASKED_PER_KM2:g} quiet ones per km2 reach {limit:.2f}, of the changed "
              f"places {share:.3f}")  # fmt: skip
    value = {
        "made by": f"python tests/benchmarks/learn_weights.py --changed {given.changed} "
        f"--quiet {given.quiet}",
        "steepness": round(steepness, 4), "level": round(level, 4),
        "trees": learn(np.ones(len(evidence), dtype=bool)),
    }  # fmt: skip
    path = Path(weighting.__file__).with_name(weighting.FILE)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
