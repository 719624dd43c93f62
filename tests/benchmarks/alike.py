"""How alike quiet sites are: ``python tests/benchmarks/alike.py``.

A reference is put together with what quiet pairs of its kind are known to do, which counts as so
many candidates (``object_null.SITES_ALIKE``, ``PEAKS_ALIKE``). Here several visits to each site
are judged, each by the others; printed is the natural logarithm of the likelihood of what is found
in them, less the largest, for several such numbers: how many candidates (negative binomial), and
how high they peak (Dirichlet-multinomial over classes of the known distribution). The seeds are
those that quiet.json is learnt from, unless ``--first`` gives others.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from learn_quiet import FIRST
from quiet_scenes import fitted, scene
from scipy.special import gammaln

from changedet.differencing import CANDIDATE
from changedet.differencing.null.curves import Curve
from changedet.pipeline.references import expected_objects, pixel_null, quiet_peaks
from changedet.pipeline.running import Running, at_work

KINDS = ("fine", "medium", "radar")
VISITS = 3
CANDIDATES = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
PEAKS = np.array([5.0, 10.0, 20.0, 40.0, 80.0, 160.0])
CLASSES = (1.0, 0.5, 0.2, 0.08, 0.03, 0.01, 0.0)
"""Shares of the known distribution between which peaks are counted."""


def in_classes(peaks: np.ndarray, curve: Curve) -> np.ndarray:
    """Count peaks by class of the known distribution."""
    inner = [max(CANDIDATE, curve.value_at(p)) for p in CLASSES[1:-1]]
    return np.bincount(np.searchsorted(inner, peaks, side="right"), minlength=len(CLASSES) - 1)


def by_number(found: int, mpx: float, seen: int, seen_mpx: float, per_mpx: float) -> np.ndarray:
    """Logarithm of the chance of so many candidates, for each of :data:`CANDIDATES`."""
    shape, ground = CANDIDATES + seen, CANDIDATES / per_mpx + seen_mpx
    out: np.ndarray = (
        gammaln(shape + found) - gammaln(shape)
        + shape * np.log(ground / (ground + mpx)) + found * np.log(mpx / (ground + mpx))
    )  # fmt: skip
    return out


def by_height(found: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Logarithm of the chance of such peaks, for each of :data:`PEAKS`."""
    weight = PEAKS[:, None] * -np.diff(CLASSES) + seen
    total = weight.sum(axis=1)
    each = (gammaln(weight + found) - gammaln(weight)).sum(axis=1)
    out: np.ndarray = gammaln(total) - gammaln(total + found.sum()) + each
    return out


def one_site(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Judge each visit to a site by the others."""
    number, height = np.zeros(len(CANDIDATES)), np.zeros(len(PEAKS))
    visits = [fitted(kind, scene(kind, seed, visit)) for visit in range(VISITS)]
    config = visits[0][2]
    run = Running(config, "threads", lambda event: None)
    for k in range(VISITS):
        others = [(p, d) for i, (p, d, _) in enumerate(visits) if i != k]
        known = expected_objects(others)
        if known is None:
            continue
        with at_work():
            null = pixel_null(others, "reference")
            seen, ground = quiet_peaks(others, null, config, run)
            found, here = quiet_peaks([visits[k][:2]], null, config, run)
        number += by_number(len(found), here / 1e6, len(seen), ground / 1e6, known.per_mpx)
        height += by_height(in_classes(found, known.curve), in_classes(seen, known.curve))
    return number, height


def line(kind: str, what: str, values: np.ndarray, likelihood: np.ndarray) -> str:
    """One line of the table."""
    each = zip(values, likelihood - likelihood.max(), strict=True)
    return f"{kind:<8}{what:<12}" + "".join(f"{v:>6g}: {one:<7.1f}" for v, one in each)


def main() -> None:
    """Print two lines a kind, and two for all together."""
    parser = argparse.ArgumentParser(description="How alike quiet sites are.")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first", type=int, default=FIRST, help="first seed")
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args()
    together = [np.zeros(len(CANDIDATES)), np.zeros(len(PEAKS))]
    for kind in KINDS if given.only is None else (given.only,):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            each = [one_site(kind, seed) for seed in range(given.first, given.first + given.seeds)]
        sums = [np.sum([one[i] for one in each], axis=0) for i in (0, 1)]
        together = [a + b for a, b in zip(together, sums, strict=True)]
        print(line(kind, "candidates", CANDIDATES, sums[0]), flush=True)
        print(line(kind, "peaks", PEAKS, sums[1]), flush=True)
    print(line("all", "candidates", CANDIDATES, together[0]))
    print(line("all", "peaks", PEAKS, together[1]))


if __name__ == "__main__":
    main()
