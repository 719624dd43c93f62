"""Learn what quiet pairs look like: ``python tests/benchmarks/learn_quiet.py`` writes quiet.json.

Simulated pairs in which nothing changed go through the whole chain with each detector; how their
pixels and the objects found in them are distributed is what a pair that has no reference is judged
by (``changedet.differencing.null.quiet``). Seeds from 1001: ``calibration.py`` tests on other ones.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from quiet_scenes import KINDS, candidates, fitted, scene

import changedet.differencing as differencing
from changedet.config import Config
from changedet.differencing import METHODS, STRATA, Detection, minimum_pixels
from changedet.differencing.null import quiet
from changedet.differencing.null.null_model import fit_null, ranks
from changedet.differencing.null.object_null import from_reference
from changedet.differencing.null.quiet import WEAK_BELOW, QuietPairs, kind_of, to_json

Fitted = tuple[Any, Detection, Config]
FIRST = 1001
FILE = Path(quiet.__file__).with_name(quiet.FILE)
FEWEST = 20_000
"""Pixels of a stratum, over all scenes, below which it has no tail of its own."""


def methods(kind: str) -> list[str]:
    """The detectors that are made for this kind of image."""
    radar = [name for name in METHODS if name.endswith("ratio")]
    if kind in ("fine", "picture"):
        return ["change-vector"]
    return radar if kind == "radar" else [name for name in METHODS if name not in radar]


def by_kind(kind: str, method: str, seeds: range) -> dict[str, list[Fitted]]:
    """Fitted pairs of the scenes of one kind, by what they turn out to be."""
    out: dict[str, list[Fitted]] = {}
    for seed in seeds:
        pair = fitted(kind, scene(kind, seed), method)
        out.setdefault(kind_of(pair[1].detector, pair[1].context), []).append(pair)
    return out


def learn(pairs: list[Fitted]) -> QuietPairs:
    """What quiet pairs of one kind look like to one detector."""
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
        found = differencing.weak_candidates(seen, null, minimum_pixels(pair.grid, None))
        weak += np.count_nonzero(found < WEAK_BELOW)
        sampled += seen.pixels
        table, pixels = candidates(pair, replace(detection, null=null), config)
        peaks.append(table["score"][~table.explained])
        observed += pixels
    objects = from_reference(np.concatenate(peaks), observed, "reference")
    return QuietPairs(tails, objects, 1e6 * weak / sampled, WEAK_BELOW)


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
            for what, pairs in by_kind(kind, method, range(FIRST, FIRST + given.seeds)).items():
                found = learn(pairs)
                known = json.loads(FILE.read_text("utf-8"))
                known.setdefault(method, {})[what] = to_json(found)
                print(
                    f"{what:<20}{method:<24}{len(pairs):>4} pairs {found.objects.count:>7} quiet "
                    f"objects, {found.objects.per_mpx:8.1f} per million pixels; 1e-2 of them peak "
                    f"above {found.objects.curve.value_at(1e-2):.1f}",
                    flush=True,
                )
                FILE.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
