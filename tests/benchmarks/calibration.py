"""Are rates of false objects what they are said to be? ``python tests/benchmarks/calibration.py``.

Quiet simulated pairs (other season, sun, haze, sub-pixel misalignment) of several kinds. Two
tables: of all candidates that nothing explains, the share with a p-value up to a nominal one; and
at a rate asked for, the rate that is found. Once with the pair's own null, once with three
reference pairs of the same site. ``--figure F.png`` draws the reliability diagram of the
documentation; kinds that were run one by one with ``--keep`` are drawn together.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from quiet_scenes import KINDS, candidates, fitted, scene

from changedet.differencing import ObjectNull
from changedet.pipeline.references import judged_like
from changedet.pipeline.running import Running, at_work

NOMINAL_P = (1e-1, 1e-2, 1e-3)
NOMINAL_RATES = (1.0, 2.0, 5.0)
SOURCES = ("pair", "reference")
VISITS = 3
"""Reference pairs a site."""
FACTOR = 2.0
PICTURE_M2 = 0.25
"""Size of a pixel of pictures, which do not tell it: scenes are of 0.5 m."""
NAMES = {
    "fine": "optical, 0.5 m", "medium": "optical, 10 m", "radar": "radar, 10 m",
    "picture": "pictures, 0.5 m", "one band": "one band, 0.5 m, no sun",
    "metres": "optical, 2 to 3 m", "unnamed": "no names, 0.5 m", "panchromatic": "one band, 0.5 m",
}  # fmt: skip
COLOURS = dict(
    zip(
        NAMES,
        ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000"),
        strict=True,
    )
)
"""Told apart by people with any colour vision (Okabe and Ito)."""


@dataclass
class Found:
    """What one scene gave with one null."""

    p: list[float]
    """p-values of all candidates that nothing explains."""
    counts: list[int]
    """Objects above the level of each nominal rate."""
    km2: float
    """Observed ground."""


Key = tuple[str, str]
Tally = dict[Key, list[Found]]


def count(objects: ObjectNull, peaks: np.ndarray, observed: int, pixel_m2: float) -> Found:
    """Compare the candidates of a quiet scene with what the null promises."""
    levels = [objects.peak_at(rate * pixel_m2) for rate in NOMINAL_RATES]
    counts = [int(np.count_nonzero(peaks >= level)) for level in levels]
    return Found(objects.p_value(peaks).tolist(), counts, observed * pixel_m2 / 1e6)


def one_scene(kind: str, seed: int, referenced: bool) -> dict[str, Found]:
    """Run one scene; with references, those of three other visits to the site as well."""
    pair, detection, config = fitted(kind, scene(kind, seed))
    pixel_m2 = pair.grid.pixel_area_m2 or PICTURE_M2
    table, observed = candidates(pair, detection, config)
    peaks = table["score"][~table.explained]
    out = {"pair": count(detection.objects, peaks, observed, pixel_m2)}
    if not referenced:
        return out
    visits = [fitted(kind, scene(kind, seed, visit)) for visit in range(1, VISITS + 1)]
    run = Running(config, "threads", lambda event: None)
    with at_work():
        judged = judged_like(detection, [(p, d) for p, d, _ in visits], "reference", config, run)
    rows, _ = candidates(pair, judged, config)
    out["reference"] = count(judged.objects, rows["score"][~rows.explained], observed, pixel_m2)
    return out


def tally(kinds: list[str], seeds: range, referenced: int, workers: int) -> Tally:
    """Run every scene once; the first ``referenced`` ones with references, too."""
    out: Tally = {}
    with ProcessPoolExecutor(workers) as pool:
        for kind in kinds:
            each = [pool.submit(one_scene, kind, s, s < seeds.start + referenced) for s in seeds]
            for future in each:
                for source, found in future.result().items():
                    out.setdefault((kind, source), []).append(found)
    return out


def kept(path: Path, found: Tally | None = None) -> Tally:
    """Read earlier results from a file, after putting new ones there."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for (kind, source), scenes in (found or {}).items():
        known[f"{kind} {source}"] = [asdict(one) for one in scenes]
    path.write_text(json.dumps(known), "utf-8")
    keys = [(kind, source) for kind in KINDS for source in SOURCES]
    return {
        key: [Found(**one) for one in known[" ".join(key)]]
        for key in keys if " ".join(key) in known
    }  # fmt: skip


def interval(values: np.ndarray, weights: float) -> tuple[float, float]:
    """90 % bootstrap interval of a sum over scenes divided by ``weights``."""
    random = np.random.default_rng(0)
    picks = random.integers(0, len(values), (2000, len(values)))
    sums = values[picks].sum(axis=1) / weights
    return float(np.quantile(sums, 0.05)), float(np.quantile(sums, 0.95))


def report(found: Tally) -> None:
    """Print both tables."""
    print(f"{'kind':<8}{'null':<11}{'nominal':>14}{'found':>10}{'ratio':>8}  90 % interval")
    for (kind, source), scenes in found.items():
        p = np.concatenate([one.p for one in scenes])
        for nominal in NOMINAL_P:
            each = np.array([float(np.count_nonzero(np.array(s.p) <= nominal)) for s in scenes])
            share = each.sum() / max(len(p), 1)
            low, high = interval(each, max(len(p), 1))
            line(kind, source, f"p {nominal:g}", share, nominal, low, high, f"of {len(p)}")
        counts = np.array([one.counts for one in scenes], dtype=float)
        area = sum(one.km2 for one in scenes)
        for k, nominal in enumerate(NOMINAL_RATES):
            rate = counts[:, k].sum() / area
            low, high = interval(counts[:, k], area)
            line(kind, source, f"{nominal:g} per km2", rate, nominal, low, high,
                 f"{int(counts[:, k].sum())} objects on {area:.1f} km2")  # fmt: skip


def line(
    kind: str, source: str, what: str, found: float, nominal: float, low: float, high: float,
    note: str,
) -> None:  # fmt: skip
    """Print one line of the table."""
    ratio = found / nominal
    verdict = "yes" if 1 / FACTOR <= ratio <= FACTOR else "NO"
    print(
        f"{kind:<8}{source:<11}{what:>14}{found:>10.4g}{ratio:>8.2f}  "
        f"{low / nominal:.2f} to {high / nominal:.2f}  {verdict:<4}{note}",
        flush=True,
    )


def draw(found: Tally, path: Path) -> None:
    """Reliability diagram: nominal against found p-values of candidates."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SOURCES), figsize=(9, 4.2), sharey=True)
    grid = np.logspace(-3.5, 0, 60)
    for axis, source in zip(axes, SOURCES, strict=True):
        axis.fill_between(grid, grid / FACTOR, grid * FACTOR, color="0.9", label="factor 2")
        axis.plot(grid, grid, color="0.5", linewidth=1)
        for kind in KINDS:
            if (kind, source) in found:
                p = np.sort(np.concatenate([one.p for one in found[kind, source]]))
                share = np.searchsorted(p, grid, side="right") / max(len(p), 1)
                seen = share > 0
                axis.plot(grid[seen], share[seen], color=COLOURS[kind], label=NAMES[kind])
        axis.set(xscale="log", yscale="log", xlim=(3e-4, 1), ylim=(3e-4, 1), xlabel="nominal p")
        axis.set_title(f"null from the {source}" if source == "pair" else "null from references")
    axes[0].set_ylabel("share of quiet candidates")
    axes[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Are false-alarm rates what they are said to be?")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=1, help="first seed; not those learnt from")
    parser.add_argument("--referenced", type=int, default=30, help="seeds with references, too")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--workers", type=int, default=2, help="processes; changes no result")
    parser.add_argument("--keep", type=Path, help="add the results to this file, and use them all")
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    kinds = [given.only] if given.only else list(KINDS)
    seeds = range(given.first, given.first + given.seeds)
    found = tally(kinds, seeds, given.referenced, given.workers)
    report(found)
    if given.keep:
        found = kept(given.keep, found)
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
