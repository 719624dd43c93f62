"""How well changes are found: run as ``python tests/benchmarks/accuracy.py [--simulated]``.

Prints what is reached on real pairs with truth (the folder named by the environment variable
CHANGEDET_BENCHMARK_DATA) beside what is asked for, and with ``--simulated`` how each method orders
the pixels of simulated pairs at 10 m, and of the real ones of medium resolution. Everything runs
with default settings: the only option ever given is the domain of radar images, which a bare file
cannot tell.

The oracle is the best value that any one threshold on the score could reach, pixel by pixel: what
the truth itself would choose. The table's own value comes from the automatic threshold, and from
objects, so that it may also be higher.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

import changedet as cd
from changedet.simulation import Scene, simulate

UNLABELLED, NOT_OBSERVABLE = 255, 255
GOALS: dict[str, tuple[str, float]] = {
    "landsat_taizhou": ("kappa", 0.955),
    "sar_ottawa": ("kappa", 0.935),
    "sar_sanfrancisco": ("kappa", 0.88),
    "sar_yellow_B": ("kappa", 0.80),
    "landsat1b_alaska": ("kappa", 0.85),
    "oscd_chongqing": ("F1", 0.50),
    "vhr_beijing_A": ("F1", 0.45),
    "levir_train_386_0512_0768": ("changed", 0.05),
}
"""What is asked for: at least so much, or of the changed area at most."""
MEDIUM = (
    "ir-mad", "slow-features", "chronochrome", "covariance-equalisation", "change-vector",
)  # fmt: skip
"""Methods for optical pairs of medium resolution."""
TOGETHER = ("ir-mad", "change-vector")
"""Members of the ensembles that are measured; none is shipped."""


@dataclass(frozen=True)
class Measures:
    """A map of changes against the truth."""

    kappa: float | None
    """Cohen's; None where the truth holds one class only."""
    f1: float | None
    """Of the changed class; None likewise."""
    changed: float
    """Share of the observed pixels that were found."""
    oracle_kappa: float | None = None
    """Best of all thresholds on the score."""
    oracle_f1: float | None = None
    """Best of all thresholds on the score."""
    area: float | None = None
    """Under the receiver operating characteristic."""


def kappa_and_f1(found: np.ndarray, truth: np.ndarray) -> tuple[float | None, float | None]:
    """Cohen's kappa and F1 of two bool arrays; None where the truth holds one class only."""
    n, both = found.size, int((found & truth).sum())
    p, t = int(found.sum()), int(truth.sum())
    if not 0 < t < n:
        return None, None
    agree = (both + n - p - t + both) / n
    chance = (p * t + (n - p) * (n - t)) / n**2
    return (agree - chance) / (1 - chance), 2 * both / (p + t)


def oracle(score: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Best kappa and best F1 over all thresholds, and the area under the curve."""
    order = np.argsort(-score, kind="stable")
    n, t = truth.size, int(truth.sum())
    both, p = np.cumsum(truth[order]), np.arange(1, n + 1)
    last = np.append(np.diff(score[order]) != 0, True)
    both, p = both[last].astype(np.float64), p[last].astype(np.float64)
    agree = (2 * both + n - p - t) / n
    chance = (p * t + (n - p) * (n - t)) / float(n) ** 2
    hits, alarms = (np.concatenate([[0.0], v]) for v in (both / t, (p - both) / (n - t)))
    kappa = (agree - chance) / np.maximum(1 - chance, 1e-12)
    return float(kappa.max()), float((2 * both / (p + t)).max()), float(np.trapezoid(hits, alarms))


def measure(report: cd.ChangeReport, truth: np.ndarray | None) -> Measures:
    """The report against a map of 0, 1 and :data:`UNLABELLED`."""
    found = report.changed.read(report.grid.window)
    seen = found != NOT_OBSERVABLE
    changed = float((found[seen] == 1).mean())
    if truth is None:
        return Measures(None, None, changed)
    seen &= truth != UNLABELLED
    true = truth[seen] != 0
    kappa, f1 = kappa_and_f1(found[seen] == 1, true)
    if f1 is None:
        return Measures(None, None, changed)
    score = report.score.read(report.grid.window)[seen]
    return Measures(kappa, f1, changed, *oracle(score, true))


def detect(*pair: Any, **settings: Any) -> cd.ChangeReport:
    """Run with warnings out of the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cd.detect(*pair, **settings)


def read_truth(path: Path) -> np.ndarray | None:
    """Band 1 of a raster, None where there is none."""
    if not path.exists():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as file:
            return np.asarray(file.read(1))


REAL = (
    "| pair | goal | reached | kappa | F1 | changed | oracle kappa | oracle F1 | method |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def real(root: Path) -> Iterator[str]:
    """A row for every pair of the folder, those with a goal first."""
    pairs = json.loads((root / "pairs.json").read_text("utf-8"))
    rank = {name: i for i, name in enumerate(GOALS)}
    for pair in sorted(pairs, key=lambda p: rank.get(p["name"], len(rank))):
        name, folder = pair["name"], root / pair["name"]
        settings = {"domain": "sar-amplitude"} if pair["kind"] == "sar" else {}
        try:
            report = detect(str(folder / "before.tif"), str(folder / "after.tif"), **settings)
        except cd.ChangedetError as error:
            yield f"| {name} | | {type(error).__name__}: {error} | | | | | | |"
            continue
        m = measure(report, read_truth(folder / "truth.tif"))
        yield (
            f"| {name} | {goal(name)} | {verdict(name, m)} | {number(m.kappa)} | {number(m.f1)} | "
            f"{m.changed:.1%} | {number(m.oracle_kappa)} | {number(m.oracle_f1)} | "
            f"{report.summary['detector']['method']} |"
        )


def goal(name: str) -> str:
    """What is asked for, in words."""
    if name not in GOALS:
        return ""
    what, value = GOALS[name]
    return f"changed ≤ {value:.0%}" if what == "changed" else f"{what} ≥ {value:g}"


def verdict(name: str, m: Measures) -> str:
    """Whether it is reached."""
    if name not in GOALS:
        return ""
    what, value = GOALS[name]
    if what == "changed":
        return "yes" if m.changed <= value else "no"
    reached = m.kappa if what == "kappa" else m.f1
    return "yes" if reached is not None and reached >= value else "no"


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def medium_scene(kind: str, seed: int) -> Scene:
    """A pair at 10 m under another season, sun and haze, and shifted."""
    draw = np.random.default_rng([seed, len(kind)])
    season = float(draw.uniform(0.2, 0.9))
    return simulate(
        kind, seed, gsd_before=10, bands=4 if seed % 3 == 0 else 6,
        season_before=season,
        season_after=float(np.clip(season + draw.uniform(-0.4, 0.4), 0, 1)),
        sun_before=(150.0, float(draw.uniform(40, 55))),
        sun_after=(float(draw.uniform(145, 170)), float(draw.uniform(30, 50))),
        haze_before=float(draw.uniform(0, 0.5)), haze_after=float(draw.uniform(0, 0.8)),
        gain_after=float(draw.uniform(0.9, 1.15)), blur_after=float(draw.uniform(0.4, 0.6)),
        shift_m=tuple(draw.uniform(-12, 12, 2).tolist()), imaging_seed=500 + seed,
    )  # fmt: skip


SIMULATED = (
    "| pairs | method | AUC | worst | oracle F1 | worst | F1 | worst |\n"
    "|---|---|---|---|---|---|---|---|"
)


def simulated(seeds: int) -> Iterator[str]:
    """A row for every method and kind of scene: means over the seeds."""
    for kind in ("town", "fields"):
        rows: dict[str, list[tuple[float, float, float]]] = {}
        for seed in range(1, seeds + 1):
            scene = medium_scene(kind, seed)
            for name, row in by_method(
                scene.before, scene.after, lambda grid, s=scene: s.truth.changed_mask(grid)
            ).items():
                rows.setdefault(name, []).append(row)
        yield from method_rows(f"{seeds} of {kind}", rows)


def multispectral(root: Path) -> Iterator[str]:
    """A row for every method and real pair of medium resolution and several bands."""
    for name in ("landsat_taizhou", "oscd_chongqing"):
        truth = read_truth(root / name / "truth.tif")
        files = (str(root / name / f"{date}.tif") for date in ("before", "after"))
        rows = by_method(*files, lambda _, t=truth: t)
        yield from method_rows(name, {method: [row] for method, row in rows.items()})


def method_rows(what: str, rows: dict[str, list[tuple[float, float, float]]]) -> Iterator[str]:
    """Means and worst by method; ensembles have no threshold of their own."""
    for name, values in rows.items():
        mean, worst = np.mean(values, axis=0), np.min(values, axis=0)
        cells = " | ".join(number(v) for pair in zip(mean, worst, strict=True) for v in pair)
        yield f"| {what} | {name} | {cells} |".replace("nan", "–")


def by_method(
    before: Any, after: Any, truth_on: Callable[[Any], Any]
) -> dict[str, tuple[float, float, float]]:
    """(AUC, oracle F1, F1) by method, and of the ensembles."""
    rows, scores, true, alignment = {}, {}, np.zeros(0, dtype=bool), None
    for method in MEDIUM:
        report = detect(before, after, method=method, alignment=alignment)
        alignment = report.alignment
        truth = np.asarray(truth_on(report.grid), dtype=np.uint8)
        m = measure(report, truth)
        rows[method] = (m.area or 0.0, m.oracle_f1 or 0.0, m.f1 or 0.0)
        score = report.score.read(report.grid.window)
        seen = np.isfinite(score) & (truth != UNLABELLED)
        true, scores[method] = truth[seen] != 0, score[seen]
    ranks = [surprise(scores[m]) for m in TOGETHER]
    for name, joint in (("sum of", np.add(*ranks)), ("smaller of", np.minimum(*ranks))):
        _, f1, area = oracle(joint, true)
        rows[f"{name} {' and '.join(TOGETHER)}"] = (area, f1, np.nan)
    return rows


def surprise(score: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the share of pixels that score as high (Fisher's combination)."""
    from scipy.stats import rankdata

    out: np.ndarray = -np.log1p(0.5 / score.size - rankdata(score) / score.size)
    return out


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="How well changes are found.")
    parser.add_argument("--simulated", action="store_true", help="medium resolution by method")
    parser.add_argument("--seeds", type=int, default=10, help="simulated pairs of each kind")
    given = parser.parse_args()
    root = os.environ.get("CHANGEDET_BENCHMARK_DATA")
    print(SIMULATED if given.simulated else REAL)
    parts: list[Iterator[str]] = [simulated(given.seeds)] if given.simulated else []
    if root:
        parts.append(multispectral(Path(root)) if given.simulated else real(Path(root)))
    for row in itertools.chain(*parts):
        print(row, flush=True)
    if not root:
        print("No real pairs: CHANGEDET_BENCHMARK_DATA is not set to the folder that has them.")


if __name__ == "__main__":
    main()
