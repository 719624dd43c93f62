"""Learn what weighs how much in naming things: ``python tests/benchmarks/learn_kinds.py``.

On outlines found in simulated yards of many lights, seasons, fillings and pixels it fits, one after
the other, and prints

* the logistic model of the ground that things stand on (``activity.things.bands``);
* the powers of size, place and neighbours (``activity.things.kinds``), with and without lines;
* the monotone map from the probability of the best kind to the share that is right.

Seeds 101 to 132 and 301 to 340; ``kinds.py`` tests on others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from detection import SHIFTS, YARD
from kinds import ALIKE, found, holders
from scipy.optimize import isotonic_regression, minimize

from changedet.activity.things import bands, chains, interpreting, kinds, placing, tracing
from changedet.model import KINDS
from changedet.simulation import Scene, simulate

PLAIN, MIXED = range(101, 133), range(301, 341)
RIDGE = 3.0
"""How strongly weights of the ground are pulled to nothing."""
KNOTS = np.array([0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0])
"""Probabilities at which the map is given."""


class Thing(NamedTuple):
    """One thing that was found, with what speaks for each kind."""

    seed: int
    on: int
    """0: on a track, 1: on a road, 2: on neither."""
    line: np.ndarray
    band: np.ndarray
    terms: np.ndarray
    """(lines not given or given, term, kind): ln of size, place, neighbours, colour."""
    right: np.ndarray
    """(kind,) which are right."""


def mixed(seed: int) -> dict[str, Any]:
    """A yard as full, and images as different, as chance will have it."""
    rng = np.random.default_rng(seed)
    options: dict[str, Any] = {
        "gsd_before": float(rng.choice([0.3, 0.4, 0.5, 0.6, 0.7])),
        "shift_m": tuple(rng.uniform(-1.5, 1.5, 2)),
        "change_fraction": float(rng.uniform(0.2, 0.5)),
        "season_before": float(rng.uniform(0.1, 0.9)),
        "occupancy": float(rng.uniform(0.3, 0.8)),
        "sun_before": (float(rng.uniform(120, 200)), float(rng.uniform(30, 58))),
        "haze_after": float(rng.uniform(0, 0.5)),
        "gain_after": float(rng.uniform(0.9, 1.1)),
        "blur_after": float(rng.uniform(0.4, 0.6)),
        "contrast": float(rng.uniform(0.7, 1)),
    }
    season = options["season_before"] + rng.uniform(-0.3, 0.3)
    azimuth = options["sun_before"][0] + float(rng.uniform(-25, 25))
    height = float(np.clip(options["sun_before"][1] + rng.uniform(-10, 10), 25, 62))
    return {
        **options, "season_after": float(np.clip(season, 0.05, 0.95)),
        "sun_after": (azimuth, height),
    }  # fmt: skip


def plain(seed: int) -> dict[str, Any]:
    """As in ``kinds.py``."""
    shift = SHIFTS[seed % len(SHIFTS)]
    return {**YARD, "gsd_before": 0.5, "shift_m": shift, "change_fraction": 0.3}


def yards() -> Iterator[tuple[int, Scene, dict[str, Any]]]:
    """Seed, scene and what was found in it."""
    for seed in (*PLAIN, *MIXED):
        scene = simulate("railyard", seed, **(plain if seed in PLAIN else mixed)(seed))
        yield seed, scene, found(scene, seed)


def things(seed: int, scene: Scene, given: dict[str, Any]) -> Iterator[Thing]:
    """What is known of each thing that was found, under the present ground model."""
    counted = np.flatnonzero(~given["changes"].explained)
    table, look = given["changes"].take(counted), given["appearance"].take(counted)
    grid, pair = given["grid"], given["pair"]
    objects = placing.straightened(placing.place_objects(table, grid, kinds.OUTLINE_PX))
    links = chains.find_links(objects)
    line = tracing.line_likelihood(tracing.look_along(objects, pair))
    band = bands.find_bands(objects, pair).features
    every = []
    for lines in ((None, None), (scene.truth.track_lines, scene.truth.roads)):
        laid = (placing.lay_lines(lines[0], grid), placing.lay_lines(lines[1], grid))
        setting = interpreting.setting_of(objects, links, look, grid, laid, given["roles"], pair)
        every.append(
            np.stack([np.log(np.maximum(t, 1e-30)) for t in kinds.evidence(setting, links)])
        )
    terms = np.stack(every)
    real = [o for o in scene.truth.changed if o.kind in ALIKE]
    for thing, row in zip(real, holders(table, [o.geometry for o in real]), strict=True):
        if row >= 0:
            convoy = thing.kind == "truck" and "convoy" in str(thing.group)
            on = 0 if thing.kind == "railcar" else 1 if convoy else 2
            right = np.array([k in ALIKE[thing.kind] for k in KINDS])
            yield Thing(seed, on, line[row], band[row], terms[:, :, row], right)


def fit_ground(every: list[Thing]) -> tuple[np.ndarray, np.ndarray]:
    """Weights and constants of the logistic model; each of the three states counts as much."""
    known = [t for t in every if np.isfinite(t.band).all()]
    line = np.log([t.line for t in known])
    x = np.column_stack([np.ones(len(known)), line[:, :2] - line[:, 2:], [t.band for t in known]])
    on = np.array([t.on for t in known])
    weight = (len(on) / 3 / np.bincount(on, minlength=3))[on]

    def cost(free: np.ndarray) -> tuple[float, np.ndarray]:
        b = free.reshape(3, -1)
        z = x @ b.T
        z -= np.logaddexp.reduce(z, axis=1)[:, None]
        slope = ((np.exp(z) - np.eye(3)[on]) * weight[:, None]).T @ x
        pull = RIDGE * np.column_stack([np.zeros(3), b[:, 1:]])
        value = -(weight * z[np.arange(len(on)), on]).sum() + 0.5 * (pull * b).sum()
        return float(value), (slope + pull).ravel()

    best = minimize(cost, np.zeros(3 * x.shape[1]), jac=True, method="L-BFGS-B").x.reshape(3, -1)
    best = np.round(best - best[2], 2)
    return best[:, 1:], best[:, 0]


def probability(terms: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """Of each kind, (n, kind), from (n, term, kind)."""
    z = (terms * np.array([*powers, powers[2]])[:, None]).sum(axis=1)
    return np.asarray(np.exp(z - np.logaddexp.reduce(z, axis=1)[:, None]))


def fit_powers(terms: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Powers of size, place and neighbours of the largest likelihood.

    That of place is beyond ``PLACE_POWER``, which acts before shares of kinds come in: about 1.
    """

    def cost(powers: np.ndarray) -> float:
        held = (probability(terms, powers) * right).sum(axis=1)
        return float(-np.log(np.maximum(held, 1e-6)).mean())

    return np.asarray(minimize(cost, np.ones(3), method="Nelder-Mead").x)


def fit_map(top: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Share right at each of :data:`KNOTS`: monotone regression, averaged about each."""
    order = np.argsort(top, kind="stable")
    share = isotonic_regression(good[order].astype(float)).x
    edges = np.concatenate([[0.0], (KNOTS[1:] + KNOTS[:-1]) / 2, [1.01]])
    bins = [(top[order] >= a) & (top[order] < b) for a, b in pairwise(edges)]
    out = [share[m].mean() if m.any() else k for m, k in zip(bins, KNOTS, strict=True)]
    return np.maximum.accumulate(np.array(out))


def main() -> None:
    """Print what was learnt."""
    pairs = list(yards())
    every = [t for pair in pairs for t in things(*pair)]
    bands.WEIGHTS, bands.CONSTANT = fit_ground(every)
    print("WEIGHTS =", bands.WEIGHTS.tolist(), "\nCONSTANT =", bands.CONSTANT.tolist())
    every = [t for pair in pairs for t in things(*pair)]
    right = np.array([t.right for t in every])
    terms = np.stack([t.terms for t in every], axis=1)
    for name, part in zip(("not given", "given"), terms, strict=True):
        print(f"powers, lines {name}:", np.round(fit_powers(part, right), 2))
    both, twice = np.concatenate(terms), np.concatenate([right, right])
    print("powers, both:", np.round(fit_powers(both, twice), 2))
    p = probability(both, np.array([kinds.SIZE_POWER, 1.0, kinds.CHAIN_POWER]))
    best = p.argmax(axis=1)
    good = twice[np.arange(len(best)), best]
    print("map, with the powers in use:", KNOTS, np.round(fit_map(p.max(axis=1), good), 3))


if __name__ == "__main__":
    main()
