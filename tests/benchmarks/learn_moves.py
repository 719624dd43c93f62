"""Learn how a thing looks once it has moved: ``python tests/benchmarks/learn_moves.py``.

Writes ``changedet/activity/things/learnt.json``. Simulated yards of all fillings, lights and
seasons, in which much moved, give departed and arrived things that are one and that are not: as
the whole chain outlines them, and as they are but for a pixel. Boosted trees learn to tell them
apart, first thing by thing, then cut by cut; the latter on yards of which the former had seen
nothing. Seeds from 201: ``kinds.py`` tests on 1 to 20.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from boosting import boost
from gathering import of_each, scenes_asked
from kinds import found, holders, ideal

from changedet.activity import interpret
from changedet.activity.things import weighing
from changedet.activity.things.chains import Links, components, find_links
from changedet.activity.things.interpreting import look_again, movable
from changedet.activity.things.kinds import OUTLINE_PX
from changedet.activity.things.likeness import Sight, compare
from changedet.activity.things.pairing import COUPLED, SORTS, Hypotheses, suppose
from changedet.activity.things.placing import Placed, place_objects, straightened
from changedet.activity.things.weighing import FILE
from changedet.model import ChangeTable, Trees, as_trees
from changedet.simulation import Scene, simulate

FIRST, SEEDS = 201, 60
FOLDS, WAYS = 3, 2
"""Parts of the yards, of which one is left out at a time; and how each yard is outlined."""
DRAWS, BUSY, KEPT = 6, (0.15, 1.0), (0.2, 0.7)
"""How often each yard is thinned, and the shares of its cuts and of its moves that are left."""
THING: dict[str, Any] = {"trees": 120, "depth": 3, "rate": 0.1, "ridge": 5.0}
CUT: dict[str, Any] = {"trees": 120, "depth": 2, "rate": 0.2, "ridge": 3.0, "least": 0.5}


@dataclass(frozen=True, eq=False)
class Yard:
    """Things of one simulated yard, and which of them are one."""

    objects: Placed
    kinds: np.ndarray
    links: Links
    sight: Sight
    departed: np.ndarray
    arrived: np.ndarray
    true: frozenset[tuple[int, int]]

    def sort(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Departed and arrived things of a sort."""
        mine = np.isin(self.kinds, SORTS[name]) & self.sight.known
        return self.departed[mine[self.departed]], self.arrived[mine[self.arrived]]

    def moved(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """(m,) bool: whether pairs are one thing; -1 is none."""
        return np.array(
            [(a, b) in self.true for a, b in zip(i.tolist(), j.tolist(), strict=True)], dtype=bool
        )


def options(seed: int) -> dict[str, Any]:
    """A busy yard, and two images as different as those of one orbit are."""
    rng = np.random.default_rng(seed)

    def within(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    azimuth, elevation = within(140, 175), within(35, 55)
    return {
        "sun_before": (azimuth + within(-12, 12), elevation + within(-8, 8)),
        "sun_after": (azimuth + within(-12, 12), elevation + within(-8, 8)),
        "season_before": within(0.2, 0.8), "season_after": within(0.2, 0.8),
        "haze_before": within(0, 0.3), "haze_after": within(0, 0.5),
        "gain_after": within(0.92, 1.1),
        "blur_before": within(0.4, 0.6), "blur_after": within(0.4, 0.6),
        "change_fraction": 0.6, "moved_fraction": 0.7, "occupancy": within(0.4, 0.65),
        "imaging_seed": seed,
    }  # fmt: skip


def yards_of(seed: int) -> list[Yard]:
    """Outline, name and look at the things of one yard: as found, and as they are."""
    out = []
    for way in (found, ideal):
        shift = np.random.default_rng([seed, 1]).uniform(-1.5, 1.5, 2) if way is found else (0, 0)
        shift_m = float(shift[0]), float(shift[1])
        scene = simulate("railyard", seed, gsd_before=0.5, shift_m=shift_m, **options(seed))
        given = way(scene, seed)
        # without looks nothing is said of moves, which are yet to be learnt
        lines = {"tracks": scene.truth.track_lines, "roads": scene.truth.roads}
        named = interpret(**{**given, **lines, "appearance": None})
        out.append(laid(given, named, scene))
    return out


def laid(given: dict[str, Any], named: ChangeTable, scene: Scene) -> Yard:
    """Things of a yard with their names, as they come to be paired."""
    counted = np.flatnonzero(~named.explained)
    table, look, grid = named.take(counted), given["appearance"].take(counted), given["grid"]
    objects = straightened(place_objects(table, grid, OUTLINE_PX))
    bodies, sight = look_again(objects, table["kind"], look, given["radiometry"], given["pair"])
    free = movable(objects, table["kind"], grid.gsd_m, look.body)
    things = scene.truth.changed
    row = {o.id: int(r) for o, r in zip(things, holders(table, [o.geometry for o in things]),
                                        strict=True)}  # fmt: skip
    true = [(row[o.id], row[o.link]) for o in things if o.link in row and o.before and not o.after]
    return Yard(
        bodies, table["kind"], find_links(bodies), sight,
        np.flatnonzero(free & (table["change"] == "disappeared")),
        np.flatnonzero(free & (table["change"] == "appeared")),
        frozenset(pair for pair in true if min(pair) >= 0),
    )  # fmt: skip


def thinned(yard: Yard, rng: np.random.Generator) -> Yard:
    """Return the yard with fewer cuts, and as if some had only left, or only come."""
    busy, keep = rng.uniform(*BUSY), rng.uniform(*KEPT)
    row = components(yard.links, len(yard.objects))
    draw = rng.uniform(size=(len(row), 3))
    there = draw[row, 0] < busy
    left, came, lost = [], [], set()
    for i, j in sorted(yard.true):
        # what moved goes by where it stood
        there[j] = there[i]
        _, moved, gone = draw[row[i]]
        if moved > keep or not there[i]:
            (left if gone < 0.5 else came).append(i if gone < 0.5 else j)
            lost.add((i, j))
    return replace(
        yard, departed=np.setdiff1d(yard.departed[there[yard.departed]], left),
        arrived=np.setdiff1d(yard.arrived[there[yard.arrived]], came), true=yard.true - lost,
    )  # fmt: skip


def learn_things(yards: list[Yard], sort: str) -> dict[str, Any]:
    """Learn of all departed and arrived things of a sort whether they are one."""
    columns, target = [], []
    for yard in yards:
        old, new = yard.sort(sort)
        i, j = np.repeat(old, len(new)), np.tile(new, len(old))
        columns.append(compare(yard.objects, yard.sight, i, j))
        target.append(yard.moved(i, j))
    return boost(np.concatenate(columns), np.concatenate(target).astype(float), **THING)


def supposed(yard: Yard, sort: str, thing: Trees) -> Hypotheses | None:
    """Cuts of one yard that may be one."""
    links = yard.links if sort in COUPLED else None
    return suppose(yard.objects, links, yard.sight, thing, *yard.sort(sort))


def learn_cuts(known: list[tuple[Yard, Hypotheses]]) -> dict[str, Any]:
    """Learn of cuts that lie on each other whether they are one."""
    columns, target, offset = [], [], []
    for yard, of in known:
        inside = of.cuts.inside
        right = np.zeros(inside.shape)
        right[inside] = yard.moved(of.cuts.departed[inside], of.cuts.arrived[inside])
        one = right.sum(axis=1) > 0.5 * inside.sum(axis=1)
        # nothing turns round in simulated yards: what is alone may be read from either end
        kept = ~of.cuts.turned | (inside.sum(axis=1) == 1)
        columns.append(of.columns[kept])
        target.append(one[kept].astype(float))
        offset.append(np.full(int(kept.sum()), -of.rarity))
    return boost(np.concatenate(columns), np.concatenate(target), np.concatenate(offset), **CUT)


def learn(yards: list[Yard]) -> dict[str, Any]:
    """Learn both, by sort."""
    out: dict[str, Any] = {}
    for sort in SORTS:
        known = []
        for fold in range(FOLDS):
            rest = [y for k, y in enumerate(yards) if k // WAYS % FOLDS != fold]
            thing = as_trees(learn_things(rest, sort))
            for k, yard in enumerate(yards):
                if k // WAYS % FOLDS != fold:
                    continue
                for draw in range(DRAWS):
                    fewer = thinned(yard, np.random.default_rng([k, draw]))
                    of = supposed(fewer, sort, thing)
                    known += [(fewer, of)] if of is not None else []
        out[sort] = {"thing": learn_things(yards, sort), "cut": learn_cuts(known)}
        print(f"{sort}: {len(known)} yards", flush=True)
    return out


def main() -> None:
    """Learn and write the file."""
    given = scenes_asked("Learn how a thing looks once it has moved.", FIRST, SEEDS)
    yards = []
    for seed, both in of_each(
        yards_of, range(given.first, given.first + given.seeds), given.workers
    ):
        print(f"yard {seed}", flush=True)
        yards += both
    made = f"python tests/benchmarks/learn_moves.py --first {given.first} --seeds {given.seeds}"
    (Path(weighing.__file__).parent / FILE).write_text(
        json.dumps({"made by": made, "sorts": learn(yards)}, separators=(",", ":")) + "\n", "utf-8"
    )


if __name__ == "__main__":
    main()
