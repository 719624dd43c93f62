"""How often a quiet history cries wolf, and a busy date is seen: ``tests/benchmarks/monitor.py``.

Simulates histories as counts, without images: 12 to 60 dates at irregular intervals, some with a
long gap, some dates cloudy (missing), counts negative binomial whose dispersion the method does not
know, some with a season. Prints

* false spikes: share of judged dates without anything unusual that are called a spike at the
  nominal 1 %; overall, by length, by dispersion, by season, and under the stress of counts whose
  neighbours are alike;
* a rise at its first date: share of histories in which a date with three (five, nine) times the
  usual mean is called a spike, by dispersion and mean, beside what the best possible test reaches
  that *knows* mean and dispersion: no method can do better than that. Counts of some sites vary so
  much that an ordinary date in a hundred shows three times the mean, or that the busy date itself
  often shows no more than usual; two rows that are named leave such sites out;
* states: what spikes, level shifts and drifts are called.

Seeds differ from those used for development (below 1000).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy.stats import nbinom, norm

from changedet.activity import HistoryRules, fit_counts, judge_dates

HISTORIES = 400
LEVEL = 0.01
SIZES = (2, 5, 10, 20, 50, 1000)
MEANS = (4, 8, 15, 30, 60)


@dataclass(frozen=True)
class History:
    """Counts of a site, and what is behind them."""

    days: np.ndarray
    counts: np.ndarray
    mean: float
    size: float
    dates: int
    season: float
    usual: float
    """Mean to be expected on the last date, without what happens."""


def draw(
    rng: np.random.Generator,
    *,
    sizes: tuple[float, float] = (2.0, 200.0),
    means: tuple[float, float] = (8.0, 60.0),
    lengths: tuple[int, int] = (12, 60),
    seasonal: float = 0.3,
    likeness: float = 0.0,
    shape: str | None = None,
) -> History:
    """Draw one history; ``shape`` says what happens at its end."""
    dates = int(rng.integers(lengths[0], lengths[1] + 1))
    size = float(np.exp(rng.uniform(*np.log(sizes))))
    mean = float(np.exp(rng.uniform(*np.log(means))))
    season = float(rng.uniform(0.3, 0.8)) if rng.uniform() < seasonal else 0.0
    steps = rng.integers(6, 46, dates)
    if rng.uniform() < 0.3:
        steps[rng.integers(1, dates)] += 150
    days = np.cumsum(steps)
    expected = mean * np.exp(season * np.sin(2 * np.pi * days / 365.25 + rng.uniform(0, 6.28)))
    usual = float(expected[-1])
    if shape == "spike":
        expected[-1] *= 3
    elif shape == "level shift":
        expected[-6:] *= 3
    elif shape == "drift":
        expected *= np.clip(np.linspace(0, 3, dates), 1, 3)
    counts = nbinom.ppf(_uniforms(rng, dates, likeness), size, size / (size + expected))
    # the date in question is seen; one in seven of the others is not
    seen = rng.uniform(size=dates) > 0.15
    seen[-1] = True
    ordinal = days + 737_000.0
    return History(ordinal[seen], counts[seen], mean, size, int(seen.sum()), season, usual)


def _uniforms(rng: np.random.Generator, count: int, likeness: float) -> np.ndarray:
    """Uniform numbers, each like its neighbour by that correlation (a Gaussian copula)."""
    z = rng.standard_normal(count)
    for i in range(1, count):
        z[i] = likeness * z[i - 1] + np.sqrt(1 - likeness**2) * z[i]
    return np.clip(norm.cdf(z), 1e-12, 1 - 1e-12)


def false_spikes(seed: int) -> Iterator[str]:
    """Table of what quiet dates are called."""
    rng = np.random.default_rng(seed)
    yield f"{'quiet histories':<34}{'judged dates':>13}{'spike %':>9}{'shift %':>9}{'drift %':>9}"
    counted = [_called(draw(rng)) for _ in range(HISTORIES)]
    yield _rates("all", [c for _, c in counted])
    groups = [
        ("12 to 20 dates seen", lambda h: h.dates <= 20),
        ("21 to 35", lambda h: 20 < h.dates <= 35),
        ("36 to 60", lambda h: h.dates > 35),
        ("size k 2 to 6 (strongly over-dispersed)", lambda h: h.size < 6),
        ("size k 6 to 30", lambda h: 6 <= h.size < 30),
        ("size k 30 to 200", lambda h: h.size >= 30),
        ("no season", lambda h: h.season == 0),
        ("with a season", lambda h: h.season > 0),
    ]
    for name, wanted in groups:
        yield _rates("  " + name, [c for h, c in counted if wanted(h)])
    for name, options in (
        ("stress: neighbours correlated 0.3", {"likeness": 0.3, "seasonal": 0.0}),
        ("stress: neighbours correlated 0.6", {"likeness": 0.6, "seasonal": 0.0}),
        ("stress: means of 1 to 4", {"means": (1.0, 4.0), "seasonal": 0.0}),
    ):
        some = [_called(draw(rng, **options))[1] for _ in range(HISTORIES // 4)]
        yield _rates(name, some)


def _called(history: History) -> tuple[History, Counter[str]]:
    verdicts = judge_dates(history.days, history.counts, HistoryRules(level=LEVEL))
    return history, Counter(v.state for v in verdicts if v.model is not None)


def _rates(name: str, counts: list[Counter[str]]) -> str:
    total: Counter[str] = sum(counts, Counter())
    judged = sum(total.values())
    shares = (total[s] / max(1, judged) for s in ("spike", "level shift", "drift"))
    return (
        f"{name:<34}"[:42]
        + f"{judged:>{max(1, 47 - len(f'{name:<34}'))}}"
        + "".join(f"{100 * s:>9.2f}" for s in shares)
    )


def rises(seed: int, factor: float, histories: int) -> Iterator[str]:
    """Table of rises found at their first date, ours / best possible."""
    rng = np.random.default_rng(seed)
    yield f"{factor:g}-fold rise, found %, ours / best possible".ljust(46) + "".join(
        f"{f'mean {m}':>12}" for m in MEANS
    )
    for size in SIZES:
        cells = []
        for mean in MEANS:
            found = 0
            for _ in range(histories):
                past = rng.negative_binomial(size, size / (size + mean), int(rng.integers(12, 61)))
                new = rng.negative_binomial(size, size / (size + factor * mean))
                found += fit_counts(past).exceedance(float(new)) < LEVEL
            cells.append(f"{100 * found / histories:.0f} / {100 * best(size, mean, factor):.0f}")
        yield f"size k {size}".ljust(46) + "".join(f"{c:>12}" for c in cells)


def best(size: float, mean: float, factor: float) -> float:
    """Share found by the test that knows everything but the new date."""
    limit = nbinom.ppf(1 - LEVEL, size, size / (size + mean)) + 1
    return float(nbinom.sf(limit - 1, size, size / (size + factor * mean)))


def headline(seed: int) -> Iterator[str]:
    """Full rules on whole histories whose last date is three times the usual."""
    rng = np.random.default_rng(seed)
    steady = {"sizes": (30.0, 200.0), "means": (15.0, 60.0)}
    yield f"{'threefold rise at its first date':<52}{'histories':>10}{'found %':>9}{'best %':>8}"
    for name, options, known in (
        ("steady sites: k 30 to 200, mean 15 to 60", {**steady, "seasonal": 0.0}, None),
        ("  with a season that two years have shown", {**steady, "seasonal": 1.0}, True),
        ("  with a season not yet known", {**steady, "seasonal": 1.0}, False),
        ("any site: k 2 to 200, mean 8 to 60", {"seasonal": 0.0}, None),
    ):
        found, possible = [], []
        while len(found) < HISTORIES:
            history = draw(rng, shape="spike", **options)
            last = judge_dates(history.days, history.counts)[-1]
            if known is None or last.seasonal == known:
                found.append(last.state in ("spike", "level shift") and last.direction == "up")
                possible.append(best(history.size, history.usual, 3.0))
        shares = f"{100 * np.mean(found):>9.1f}{100 * np.mean(possible):>8.1f}"
        yield f"{name:<52}{len(found):>10}{shares}"


def answerable(seed: int) -> Iterator[str]:
    """Histories of any site, without those on which a threefold rise tells little or nothing."""
    for name, wanted in (
        ("  where 3 x the mean is rarer than 1 % by itself", lambda h: by_itself(h) < LEVEL),
        ("  where the best possible test finds 95 %",
         lambda h: best(h.size, h.usual, 3.0) >= 0.95),
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        found, possible, drawn = [], [], 0
        while len(found) < HISTORIES:
            history = draw(rng, shape="spike", seasonal=0.0)
            drawn += 1
            if wanted(history):
                last = judge_dates(history.days, history.counts)[-1]
                found.append(last.state in ("spike", "level shift") and last.direction == "up")
                possible.append(best(history.size, history.usual, 3.0))
        shares = f"{100 * np.mean(found):>9.1f}{100 * np.mean(possible):>8.1f}"
        yield f"{name:<52}{len(found):>10}{shares}   {HISTORIES / drawn:.0%} of any sites"


def by_itself(history: History) -> float:
    """Probability that an ordinary date of a site shows three times its mean, or more."""
    usual, size = history.usual, history.size
    return float(nbinom.sf(np.ceil(3 * usual) - 1, size, size / (size + usual)))


def states(seed: int) -> Iterator[str]:
    """What the last date is called, by what really happened."""
    rng = np.random.default_rng(seed)
    names = ("spike", "level shift", "drift", "normal")
    yield f"{'truth (k 10 to 200, mean 10 to 60)':<38}" + "".join(f"{n:>13}" for n in names)
    for shape in (None, "spike", "level shift", "drift"):
        called: Counter[str] = Counter()
        for _ in range(HISTORIES // 4):
            history = draw(
                rng, shape=shape, sizes=(10.0, 200.0), means=(10.0, 60.0), lengths=(24, 60),
                seasonal=0.0,
            )  # fmt: skip
            called[judge_dates(history.days, history.counts)[-1].state] += 1
        total = sum(called.values())
        yield f"{shape or 'nothing':<38}" + "".join(
            f"{100 * called[n] / total:>12.0f}%" for n in names
        )


def main() -> None:
    """Print all tables."""
    for part in (
        false_spikes(20_261), headline(20_262), answerable(20_267), rises(20_263, 3, 200),
        rises(20_264, 5, 100), rises(20_265, 9, 100), states(20_266),
    ):  # fmt: skip
        for line in part:
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
