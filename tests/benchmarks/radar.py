"""How well radar is told apart from its speckle: run as ``python tests/benchmarks/radar.py``.

Prints the size of the tests on simulated speckle; the upper quantiles of both detectors' statistic
on quiet simulated pairs; and for each pair with truth, real (the folder named by the environment
variable CHANGEDET_BENCHMARK_DATA, radar pairs only) or simulated, what the score is worth whatever
the threshold: the best kappa over all thresholds and the area under the ROC curve. Beside them
stands the kappa that the automatic threshold reaches. Everything runs with default settings.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely

import changedet as cd
from changedet.differencing.detectors.likelihood_ratio import ratio_test
from changedet.differencing.detectors.omnibus import omnibus_test, wishart_test
from changedet.simulation import Scene, simulate

METHODS = ("log-ratio", "sar-likelihood-ratio")
LEVELS = (0.05, 0.01, 0.001)
DRAWS = 200_000
UNLABELLED = 255


def sizes() -> Iterator[str]:
    """Share of unchanged draws below each level."""
    rng = np.random.default_rng(1)
    yield f"{'test':<44}" + "".join(f"{level:>9g}" for level in LEVELS)
    for looks in (1.0, 4.4):
        x, y = rng.gamma(looks, 1 / looks, (2, DRAWS))
        yield _shares(f"ratio, {looks:g} looks", ratio_test(x, y, looks))
    x = rng.gamma(4.4, 1 / 4.4, (5, 2, DRAWS))
    for truth, what in ((4.4, "known"), (6.3, "taken as 6.3")):
        p = wishart_test(x[0], x[1], truth, independent=True).p_value
        yield _shares(f"two intensities, 4.4 looks {what}", p)
    yield _shares(
        "two intensities, five dates, 4.4 looks", omnibus_test(x, 4.4, independent=True).p_value
    )
    for p, looks, dates in ((2, 5, 2), (2, 5, 5), (3, 9, 2)):
        x = np.stack([_wishart(rng, p, looks) for _ in range(dates)])
        name = f"{p} x {p} covariance, {dates} dates, {looks} looks"
        yield _shares(name, omnibus_test(x, looks).p_value)


def _wishart(rng: np.random.Generator, p: int, looks: int) -> np.ndarray:
    parts = rng.standard_normal((2, looks, p, DRAWS))
    x = parts[0] + 1j * parts[1]
    return np.einsum("lin,ljn->ijn", x, x.conj()) / looks


def _shares(name: str, p: np.ndarray) -> str:
    return f"{name:<44}" + "".join(f"{np.mean(p < level):>9.4f}" for level in LEVELS)


def quiet() -> Iterator[str]:
    """Quantiles of the statistic where nothing changed."""
    shares = (0.5, 0.9, 0.99, 0.999)
    yield f"{'quiet pair':<44}" + "".join(f"{share:>9g}" for share in shares)
    for method in METHODS:
        for looks in (1.0, 4.0):
            for domain in ("sar-amplitude", "sar-intensity", "sar-db"):
                scene = simulate(
                    "sar", 3, site="fields", looks=looks, domain=domain, change_fraction=0,
                    imaging_seed=77, gain_after=1.4, size_m=(4000, 4000),
                )  # fmt: skip
                found = _statistic(scene, method, domain)
                values = "".join(f"{v:>9.2f}" for v in np.quantile(found, shares))
                yield f"{method}, {looks:g} looks, {domain[4:]:<26}"[:44].ljust(44) + values


def _statistic(scene: Scene, method: str, domain: str) -> np.ndarray:
    found = score(_pair(scene), method=method, domain=domain)
    window = found.grid.window
    detector = found.detection.detector
    padded = window.pad(detector.halo)
    values = detector.statistic(found.pair.read(padded))[window.within(padded)]
    return values[np.isfinite(values)]


def _pair(scene: Scene) -> tuple[Any, Any]:
    before, after = scene.before, scene.after
    return (
        (before.pixels, before.grid, before.roles),
        (after.pixels, after.grid, after.roles),
    )


def score(pair: tuple[Any, Any], **settings: Any) -> cd.ScoreMap:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cd.score(*pair, align=False, **settings)


def best_kappa(values: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Largest kappa over all thresholds, and the area under the ROC curve."""
    order = np.argsort(-values, kind="stable")
    hits, n, changed = np.cumsum(truth[order]), truth.size, int(truth.sum())
    found = np.arange(1, n + 1)
    agree = (n - found - changed + 2 * hits) / n
    chance = (found * changed + (n - found) * (n - changed)) / n**2
    false = found - hits
    area = np.trapezoid(hits / changed, false / (n - changed))
    return float(((agree - chance) / (1 - chance)).max()), float(area)


def kappa(found: np.ndarray, truth: np.ndarray) -> float:
    n, p, t = found.size, int(found.sum()), int(truth.sum())
    agree = (n - p - t + 2 * int((found & truth).sum())) / n
    chance = (p * t + (n - p) * (n - t)) / n**2
    return (agree - chance) / (1 - chance)


def pairs() -> Iterator[tuple[str, tuple[Any, Any], np.ndarray, str]]:
    """Name, pair, truth and domain of each pair."""
    root = os.environ.get("CHANGEDET_BENCHMARK_DATA")
    for entry in json.loads((Path(root) / "pairs.json").read_text("utf-8")) if root else ():
        folder = Path(root or "") / entry["name"]
        if entry["kind"] == "sar" and (folder / "truth.tif").exists():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with rasterio.open(folder / "truth.tif") as file:
                    truth = file.read(1)
            yield (
                entry["name"],
                (str(folder / "before.tif"), str(folder / "after.tif")),
                truth,
                "sar-amplitude",
            )
    for site in ("town", "fields"):
        for looks, bands in ((1.0, 1), (4.0, 1), (4.4, 2)):
            scene = simulate("sar", 5, site=site, looks=looks, bands=bands, domain="sar-intensity")
            name = f"simulated {site}, {looks:g} looks, {bands} band{'s' * (bands > 1)}"
            yield name, _pair(scene), _truth(scene), "sar-intensity"


def _truth(scene: Scene) -> np.ndarray:
    grid = scene.truth.grid
    rows, cols = np.mgrid[: grid.height, : grid.width]
    x, y = grid.xy(rows, cols)
    changed = shapely.union_all([thing.geometry for thing in scene.truth.changed])
    shapely.prepare(changed)
    return shapely.contains_xy(changed, x, y).astype(np.uint8)


def found_by(name: str, pair: tuple[Any, Any], truth: np.ndarray, domain: str) -> Iterator[str]:
    """One line a method."""
    for method in METHODS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = cd.score(*pair, method=method, domain=domain)
            report = cd.detect(*pair, method=method, domain=domain)
        values = scores.score.read(scores.grid.window)
        marked = report.changed.read(report.grid.window)
        usable = (truth != UNLABELLED) & np.isfinite(values)
        best, area = best_kappa(values[usable], truth[usable] != 0)
        reached = kappa(marked[usable] == 1, truth[usable] != 0)
        yield f"{name:<40}{method:<22}{best:>7.3f}{area:>8.4f}{reached:>9.3f}"


def main() -> None:
    """Print the tables."""
    for part in (sizes, quiet):
        for line in part():
            print(line, flush=True)
        print()
    print(f"{'pair':<40}{'method':<22}{'best':>7}{'area':>8}{'reached':>9}")
    for each in pairs():
        for line in found_by(*each):
            print(line, flush=True)


if __name__ == "__main__":
    main()
