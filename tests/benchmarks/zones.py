"""How well zones tell what changed: run as ``python tests/benchmarks/zones.py [--seeds N]``.

Prints, for zones of simulated yards, how often the interval of the changed share holds the true
one, and what a control takes off where nothing changed and the pair is a poor one.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np

import changedet as cd
from changedet.activity import zone_mask
from changedet.simulation import Scene, simulate

YARD: dict[str, Any] = {
    "size_m": (260.0, 150.0), "shift_m": (0.85, -0.45), "season_after": 0.4,
    "sun_before": (150.0, 48.0), "sun_after": (163.0, 41.0), "haze_after": 0.3, "gain_after": 1.07,
}  # fmt: skip
TOWN: dict[str, Any] = {
    "size_m": (2500.0, 2000.0), "season_before": 0.7, "season_after": 0.3, "haze_after": 0.3,
}  # fmt: skip
"""Crops and trees of another season, all around."""


def report_on(scene: Scene, **settings: Any) -> cd.ChangeReport:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zones = scene.truth.places_geojson(scene.truth.zones)
        return cd.detect(scene.before, scene.after, zones=zones, engine="serial", **settings)


def shares(seed: int) -> list[tuple[str, float, Any]]:
    """Name, true changed share and row of each zone and the site."""
    scene = simulate("railyard", seed, change_fraction=0.3, **YARD)
    report = report_on(scene)
    truth, out = scene.truth.changed_mask(report.grid), []
    assert report.zones is not None
    for i, row in enumerate(report.activity):
        if row.score is None:
            continue
        inside = (
            zone_mask(report.zones.geometry[i], report.grid, report.grid.window)
            if i < len(report.zones)
            else np.ones(report.grid.shape, dtype=bool)
        )
        out.append((row.zone, float(truth[inside].mean()), row))
    return out


def intervals(seeds: range) -> None:
    held = total = 0
    print("| yard | zone | true share | net share | interval | score |\n|---|---|---|---|---|---|")
    for seed in seeds:
        for name, true, row in shares(seed):
            net, low, high = (
                row.parts[k] for k in ("net_share", "net_share_low", "net_share_high")
            )
            if true == 0 and net == 0:
                continue
            text = "nothing found"
            if low is not None:
                inside = low <= true <= high
                held, total = held + inside, total + 1
                text = f"{low:.2%} to {high:.2%}{'' if inside else ' (misses)'}"
            print(
                f"| {seed} | {name} | {true:.2%} | {net:.2%} | {text} | {row.score:.0f} |",
                flush=True,
            )
    print(f"\nThe interval holds the true share in {held} of {total} zones with anything found.\n")


def controls(seeds: range) -> None:
    print("| quiet town | zone | score alone | less the control |\n|---|---|---|---|")
    for seed in seeds:
        scene = simulate("town", seed, change_fraction=0.0, **TOWN)
        report = report_on(scene, control="outside")
        for row in report.activity:
            if row.score is not None:
                before = row.parts["score_before_control"]
                print(f"| {seed} | {row.zone} | {before:.0f} | {row.score:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=51)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    intervals(seeds)
    controls(seeds[:2])


if __name__ == "__main__":
    main()
