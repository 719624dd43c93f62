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
from changedet.differencing.null.curves import ranks
from changedet.differencing.null.null_model import fit_null
from changedet.differencing.null.object_null import from_reference
from changedet.differencing.null.quiet import ADAPTS, WEAK_BELOW, QuietPairs, kind_of, to_json

Fitted = tuple[Any, Detection, Config]
FIRST = 1001
FILE = Path(quiet.__file__).with_name(quiet.FILE)
STRONG = 0.1
"""Share of the quiet candidates, the highest, on which it is learnt what weak ones say of them."""
POWERS = np.linspace(0.0, 1.0, 101)
FEWEST = 20_000
"""Pixels of a stratum, over all scenes, below which it has no tail of its own."""


def methods(kind: str) -> list[str]:
    """The detectors that are made for this kind of image."""
    radar = [name for name in METHODS if name.endswith("ratio")]
    if kind == "radar":
        return radar
    return (
        [name for name in METHODS if name not in radar] if kind == "medium" else ["change-vector"]
    )


def by_kind(kind: str, method: str, seeds: range) -> dict[str, list[Fitted]]:
    """Fitted pairs of the scenes of one kind, by what they turn out to be."""
    out: dict[str, list[Fitted]] = {}
    for seed in seeds:
        pair = fitted(kind, scene(kind, seed), method)
        detection = pair[1]
        what = kind_of(detection.detector, detection.context, detection.sample.shade_px)
        out.setdefault(what, []).append(pair)
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
    peaks: list[np.ndarray] = []
    weak, sampled, observed = (np.zeros(len(pairs)) for _ in range(3))
    for i, (pair, detection, config) in enumerate(pairs):
        seen = detection.sample
        null = fit_null(seen.statistic, detection.level, strata=seen.strata, tails=tails)
        found = differencing.weak_candidates(seen, null, minimum_pixels(pair.grid, None))
        weak[i] = np.count_nonzero(found < WEAK_BELOW)
        sampled[i] = seen.pixels
        table, observed[i] = candidates(pair, replace(detection, null=null), config)
        peaks.append(table["score"][~table.explained])
    objects = from_reference(np.concatenate(peaks), int(observed.sum()), "reference")
    high = objects.curve.value_at(STRONG)
    strong = np.array([np.count_nonzero(p >= high) for p in peaks])
    power = weak_power(weak, sampled, strong, observed)
    return QuietPairs(tails, objects, 1e6 * weak.sum() / sampled.sum(), WEAK_BELOW, power)


def weak_power(
    weak: np.ndarray, sampled: np.ndarray, strong: np.ndarray, observed: np.ndarray
) -> float:
    """Power of the density of weak candidates with which that of strong ones goes, 0 to 1.

    The most likely one if strong candidates come at random at a rate that follows it.
    """
    density = np.clip((weak + 1) / sampled * sampled.sum() / (weak.sum() + 1), 1 / ADAPTS, ADAPTS)
    likely = []
    for power in POWERS:
        rate = observed * density**power
        rate *= strong.sum() / rate.sum()
        likely.append(float(np.sum(strong * np.log(rate) - rate)))
    return float(POWERS[int(np.argmax(likely))])


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description="Learn what quiet pairs look like.")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--method", choices=sorted(METHODS))
    parser.add_argument("--into", type=Path, default=FILE, help="another file than quiet.json")
    given = parser.parse_args()
    for kind in KINDS if given.only is None else (given.only,):
        for method in methods(kind):
            if given.method not in (None, method):
                continue
            for what, pairs in by_kind(kind, method, range(FIRST, FIRST + given.seeds)).items():
                found = learn(pairs)
                known = json.loads(given.into.read_text("utf-8"))
                known.setdefault(method, {})[what] = to_json(found)
                print(
                    f"{what:<20}{method:<24}{len(pairs):>4} pairs {found.objects.count:>7} quiet "
                    f"objects, {found.objects.per_mpx:8.1f} per million pixels; 1e-2 of them peak "
                    f"above {found.objects.curve.value_at(1e-2):.1f}; power of the weak "
                    f"{found.weak_power:.2f}",
                    flush=True,
                )
                given.into.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
