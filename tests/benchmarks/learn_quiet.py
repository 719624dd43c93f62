"""Learn what quiet pairs look like: ``python tests/benchmarks/learn_quiet.py`` writes quiet.json.

Simulated pairs in which nothing changed go through the whole chain with each detector; how their
pixels and the objects found in them are distributed is what a pair that has no reference is judged
by (``changedet.differencing.quiet``). Seeds from 1001: ``calibration.py`` tests on other ones.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from quiet_scenes import KINDS, candidates, fitted, scene

import changedet.differencing as differencing
from changedet.differencing import METHODS, STRATA, minimum_pixels
from changedet.differencing.null_model import fit_null, ranks
from changedet.differencing.object_null import from_reference
from changedet.differencing.quiet import QuietPairs, to_json

FIRST = 1001
FILE = Path(differencing.__file__).parent / "quiet.json"
FEWEST = 20_000
"""Pixels of a stratum, over all scenes, below which it has no tail of its own."""


def methods(kind: str) -> list[str]:
    """The detectors that are made for this kind of image."""
    radar = [name for name in METHODS if name.endswith("ratio")]
    if kind in ("fine", "picture"):
        return ["change-vector"]
    return radar if kind == "radar" else [name for name in METHODS if name not in radar]


def learn(kind: str, method: str, seeds: range) -> QuietPairs:
    """What quiet pairs of one kind look like to one detector."""
    pairs = [fitted(kind, scene(kind, seed), method) for seed in seeds]
    values, ground = [], []
    for _, detection, _ in pairs:
        for block, strata in zip(detection.sample.statistic, detection.sample.strata, strict=True):
            finite = np.isfinite(block)
            values.append(block[finite])
            ground.append(strata[finite])
    everything, where = np.concatenate(values).astype(np.float64), np.concatenate(ground)
    tails = {"all": ranks(everything, last=200)}
    for number, name in enumerate(STRATA):
        if np.count_nonzero(where == number) >= FEWEST:
            tails[name] = ranks(everything[where == number], last=200)
    peaks, weak, observed, sampled = [], 0, 0, 0
    for pair, detection, config in pairs:
        seen = detection.sample
        null = fit_null(seen.statistic, detection.level, strata=seen.strata, tails=tails)
        weak += len(differencing.weak_candidates(seen, null, minimum_pixels(pair.grid, None)))
        sampled += seen.pixels
        table, pixels = candidates(pair, replace(detection, null=null), config)
        peaks.append(table["score"][~table.explained])
        observed += pixels
    objects = from_reference(np.concatenate(peaks), observed, "reference")
    return QuietPairs(tails, objects, 1e6 * weak / sampled)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Learn what quiet pairs look like.")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--method", choices=sorted(METHODS))
    given = parser.parse_args()
    for kind in KINDS if given.only is None else (given.only,):
        for method in methods(kind):
            if given.method not in (None, method):
                continue
            found = learn(kind, method, range(FIRST, FIRST + given.seeds))
            known = json.loads(FILE.read_text("utf-8"))
            known.setdefault(method, {})[kind] = to_json(found)
            print(
                f"{kind:<8}{method:<24}{found.objects.count:>7} quiet objects, "
                f"{found.objects.per_mpx:8.1f} per million pixels; peak exceeded by 1e-2 of them: "
                f"{found.objects.curve.value_at(1e-2):.1f}",
                flush=True,
            )
            FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
