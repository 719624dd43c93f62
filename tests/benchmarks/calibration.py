"""Are rates of false objects what they are said to be? ``python tests/benchmarks/calibration.py``.

Quiet simulated pairs (other season, sun, haze, sub-pixel misalignment) of three kinds. Two tables:
of all candidates that nothing explains, the share with a p-value up to a nominal one; and at a rate
asked for, the rate that is found. Once with the pair's own null, once with three reference pairs of
the same site. ``--figure F.png`` draws the reliability diagram of the documentation.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from quiet_scenes import KINDS, candidates, fitted, scene

from changedet.differencing import ObjectNull, from_reference, reference_null

NOMINAL_P = (1e-1, 1e-2, 1e-3)
NOMINAL_RATES = (1.0, 2.0, 5.0)
SOURCES = ("pair", "reference")
VISITS = 3
"""Reference pairs a site."""
FACTOR = 2.0

Key = tuple[str, str]


class Tally:
    """What was found over the scenes of one kind with one null."""

    def __init__(self) -> None:
        self.p: list[np.ndarray] = []
        self.found: list[list[float]] = []
        self.area = 0.0

    def add(self, objects: ObjectNull, peaks: np.ndarray, mpx_per_km2: float, km2: float) -> None:
        """Count one scene."""
        self.p.append(objects.p_value(peaks))
        levels = [objects.peak_at(rate / mpx_per_km2) for rate in NOMINAL_RATES]
        self.found.append([float(np.count_nonzero(peaks >= level)) for level in levels])
        self.area += km2


def tally(seeds: range, kinds: list[str]) -> dict[Key, Tally]:
    """Run every scene once; with references, those of three other visits to the site."""
    out: dict[Key, Tally] = defaultdict(Tally)
    for kind in kinds:
        for seed in seeds:
            pair, detection, config = fitted(kind, scene(kind, seed))
            area = pair.grid.pixel_area_m2
            table, observed = candidates(pair, detection, config)
            scale = 1.0 / area, observed * area / 1e6
            out[kind, "pair"].add(detection.objects, table["score"][~table.explained], *scale)
            visits = [fitted(kind, scene(kind, seed, visit)) for visit in range(1, VISITS + 1)]
            samples = [d.sample for _, d, _ in visits]
            null = reference_null(
                [b for s in samples for b in s.statistic],
                [b for s in samples for b in s.strata],
                "reference",
            )
            quiet, pixels = [], 0
            for one, other, settings in visits:
                rows, count = candidates(one, other.with_null(null), settings)
                quiet.append(rows["score"][~rows.explained])
                pixels += count
            objects = from_reference(np.concatenate(quiet), pixels, "reference")
            rows, _ = candidates(pair, detection.with_null(null), config)
            out[kind, "reference"].add(objects, rows["score"][~rows.explained], *scale)
    return out


def interval(values: np.ndarray, weights: float) -> tuple[float, float]:
    """90 % bootstrap interval of a sum over scenes divided by ``weights``."""
    random = np.random.default_rng(0)
    picks = random.integers(0, len(values), (2000, len(values)))
    sums = values[picks].sum(axis=1) / weights
    return float(np.quantile(sums, 0.05)), float(np.quantile(sums, 0.95))


def report(found: dict[Key, Tally]) -> None:
    """Print both tables."""
    print(f"{'kind':<8}{'null':<11}{'nominal':>14}{'found':>10}{'ratio':>8}  90 % interval")
    for (kind, source), one in found.items():
        p = np.concatenate(one.p)
        for nominal in NOMINAL_P:
            each = np.array([float(np.count_nonzero(v <= nominal)) for v in one.p])
            share = each.sum() / max(len(p), 1)
            low, high = interval(each, max(len(p), 1))
            line(kind, source, f"p {nominal:g}", share, nominal, low, high, f"of {len(p)}")
        counts = np.array(one.found)
        for k, nominal in enumerate(NOMINAL_RATES):
            rate = counts[:, k].sum() / one.area
            low, high = interval(counts[:, k], one.area)
            line(kind, source, f"{nominal:g} per km2", rate, nominal, low, high,
                 f"{int(counts[:, k].sum())} objects on {one.area:.1f} km2")  # fmt: skip


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


def draw(found: dict[Key, Tally], path: Path) -> None:
    """Reliability diagram: nominal against found p-values of candidates."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(SOURCES), figsize=(9, 4.2), sharey=True)
    grid = np.logspace(-3.5, 0, 60)
    names = {"fine": "optical, 0.5 m", "medium": "optical, 10 m", "radar": "radar, 10 m"}
    colours: dict[str, Any] = {"fine": "#0072B2", "medium": "#D55E00", "radar": "#009E73"}
    for axis, source in zip(axes, SOURCES, strict=True):
        axis.fill_between(grid, grid / FACTOR, grid * FACTOR, color="0.9", label="factor 2")
        axis.plot(grid, grid, color="0.5", linewidth=1)
        for kind in KINDS:
            if (kind, source) in found:
                p = np.sort(np.concatenate(found[kind, source].p))
                share = np.searchsorted(p, grid, side="right") / max(len(p), 1)
                seen = share > 0
                axis.plot(grid[seen], share[seen], color=colours[kind], label=names[kind])
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
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--figure", type=Path)
    given = parser.parse_args()
    found = tally(range(1, given.seeds + 1), [given.only] if given.only else list(KINDS))
    report(found)
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
