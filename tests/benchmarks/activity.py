"""From changed pixels to activity: run as ``python tests/benchmarks/activity.py [--only PART]``.

Prints what is asked for beside what is reached on simulated yards of which 30 % changed, with
default settings, over ``--seeds`` seeds of each kind of yard.

``objects``: wagons, containers and trucks at 0.5 m.

* A true object is *found* where rows that nothing explains cover half of its footprint or more, or
  where the rows of its own have a third of the union with it in common (IoU). The share of
  objects covered by half is printed as well. Its row is the one that covers the most of it.
* A row is *right* where it touches a changed thing or the ground that lies in its shadow at either
  date; precision is the share of such rows.
* The *direction* of a found object is right where its row says what became of it; what went to
  another place has disappeared here and appeared there, and a row that says ``moved`` says which
  of the two. Where one thing stands on another's place
  (a quarter of either covered by the other), ``modified`` is right as well.
* A found object has a *row of its own* where a row lies on it by half or more; several do where it
  has several colours, as a pair of containers.
* Rows and things are also laid on each other *one to one*, each with at most one of the other, for
  the largest sum of IoU. A pair of which this is :data:`ONE_TO_ONE` or more is one thing in one
  row: the share of the things that have such a row, by kind, and the share of such rows of all that
  nothing explains. Two short containers in a long slot are two things, though one in the truth.
* The *area ratio* is the area of the rows of its own over that of its footprint.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from accuracy import detect
from detection import SHIFTS, YARD, Row, cast, sun
from scipy.optimize import linear_sum_assignment

import changedet as cd
from changedet.model import ChangeTable
from changedet.simulation import Scene, SceneTruth, simulate
from changedet.simulation.options import SceneOptions

ASKED = ("railcar", "container", "container_stack", "truck")
COVERED = 0.5
IOU = 1 / 3
REPLACED = 0.25
ONE_TO_ONE = 0.4
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "low contrast": {"contrast": 0.5},
    "haze": {"haze_after": 0.6},
    "lean": {"off_nadir_before": 18.0, "off_nadir_after": 12.0, "view_azimuth_after": 140.0},
    "unnamed": {},
    "panchromatic": {},
}
"""Kinds of yards at 0.5 m, as options beside :data:`detection.YARD`: the last two are plain ones,
of which nobody says which band is which, or which have one band."""
BEYOND = ("unnamed", "panchromatic")
"""Kinds for which no number is asked."""


def images(name: str, scene: Scene) -> tuple[Any, ...]:
    """Before and after as a kind of yard has them."""
    pair = scene.before, scene.after
    if name == "unnamed":
        return tuple((image.pixels, image.grid) for image in pair)
    if name == "panchromatic":
        return tuple((image.pixels.mean(axis=0, keepdims=True), image.grid) for image in pair)
    return pair


@dataclass
class Counts:
    """What was found of the objects of some yards."""

    true: int = 0
    found: int = 0
    half: int = 0
    rows: int = 0
    right: int = 0
    directed: int = 0
    own: int = 0
    ratios: tuple[float, ...] = ()
    bodies: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By kind, things and those that have a row that is theirs alone."""

    def __add__(self, other: Counts) -> Counts:
        names = [n for n in self.__dataclass_fields__ if n != "bodies"]
        kinds = sorted({*self.bodies, *other.bodies})
        none = (0, 0)
        return Counts(
            *(getattr(self, n) + getattr(other, n) for n in names),
            {
                k: tuple(
                    a + b
                    for a, b in zip(
                        self.bodies.get(k, none), other.bodies.get(k, none), strict=True
                    )
                )
                for k in kinds
            },
        )


def expected_change(thing: Any) -> str:
    """What became of a true object at its place."""
    if thing.before and thing.after:
        return "modified"
    return "appeared" if thing.after else "disappeared"


def said(table: ChangeTable, row: int) -> str:
    """What a row says became of the thing at its place."""
    change = str(table["change"][row])
    if change != "moved":
        return change
    return "disappeared" if table["moved_to"][row] >= 0 else "appeared"


def match(
    rows: np.ndarray, things: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Share of each thing that rows cover, its row (-1: none), area of rows of its own, IoU."""
    covered, own, shared = (np.zeros(len(things)) for _ in range(3))
    best = np.full(len(things), -1)
    if len(rows) and len(things):
        i, j = shapely.STRtree(rows).query(things, predicate="intersects")
        area = shapely.area(shapely.intersection(things[i], rows[j]))
        np.add.at(covered, i, area)
        for k in np.argsort(area, kind="stable"):
            best[i[k]] = j[k]
        mostly = area >= 0.5 * shapely.area(rows[j])
        np.add.at(own, i[mostly], shapely.area(rows[j[mostly]]))
        np.add.at(shared, i[mostly], area[mostly])
    size = np.maximum(shapely.area(things), 1e-9)
    return covered / size, best, own, shared / (size + own - shared)


def bodies_of(thing: Any) -> list[shapely.Polygon]:
    """Footprints of the bodies of a true object: two where short containers share a long slot."""
    if not thing.subtype.startswith("2x20ft"):
        return [thing.geometry]
    a, b, c, d = shapely.get_coordinates(shapely.minimum_rotated_rectangle(thing.geometry))[:4]
    if np.hypot(*(b - a)) < np.hypot(*(c - b)):
        a, b, c, d = b, c, d, a
    near, far = (a + b) / 2, (c + d) / 2
    return [shapely.Polygon([a, near, far, d]), shapely.Polygon([near, b, c, far])]


def one_to_one(rows: np.ndarray, things: np.ndarray) -> np.ndarray:
    """(n,) bool: things that have a row that is theirs alone."""
    shared = np.zeros((len(things), len(rows)))
    if shared.size:
        i, j = shapely.STRtree(rows).query(things, predicate="intersects")
        area = shapely.area(shapely.intersection(things[i], rows[j]))
        shared[i, j] = area / (shapely.area(things[i]) + shapely.area(rows[j]) - area)
    one, other = linear_sum_assignment(-shared)
    out = np.zeros(len(things), dtype=bool)
    out[one] = shared[one, other] >= ONE_TO_ONE
    return out


def count_objects(table: ChangeTable, truth: SceneTruth, options: SceneOptions) -> Counts:
    """Compare the rows that nothing explains with the truth; only things wholly in the image."""
    table = table.take(~table.explained)
    rows = table.geometry
    seen = shapely.Polygon(truth.grid.corners()).buffer(-3.0)
    every = truth.changed
    asked = [o for o in every if o.kind in ASKED and seen.contains(o.geometry)]
    things = np.array([o.geometry for o in asked], dtype=object)
    covered, best, own, iou = match(rows, things)
    half = (covered >= COVERED) & (best >= 0)
    found = half | (iou >= IOU)
    suns = options.sun_before, options.sun_after
    touched = shapely.union_all([cast(o, suns) for o in every]) if every else shapely.Polygon()
    right = shapely.intersects(rows, touched)
    counts = Counts(len(asked), int(found.sum()), int(half.sum()), len(rows), int(right.sum()))
    bodies = [(o.kind.split("_")[0], body) for o in asked for body in bodies_of(o)]
    theirs = one_to_one(rows, np.array([*(b for _, b in bodies), None], dtype=object)[:-1])
    kinds = np.array([kind for kind, _ in bodies])
    for kind in np.unique(kinds):
        mine = kinds == kind
        counts.bodies[str(kind)] = int(mine.sum()), int(theirs[mine].sum())
    for k in np.flatnonzero(found):
        row = best[k]
        overlap = shapely.area(shapely.intersection(things[k], things))
        overlap[k] = 0.0
        replaced = (overlap >= REPLACED * shapely.area(things)).any()
        replaced |= bool((overlap >= REPLACED * things[k].area).any())
        change = said(table, row)
        agrees = change == expected_change(asked[k])
        counts.directed += agrees or (replaced and change == "modified")
        if own[k] > 0:
            counts.own += 1
            counts.ratios += (own[k] / things[k].area,)
    return counts


def object_rows(name: str, c: Counts) -> Iterator[Row]:
    """The lines of one kind of yard."""
    recall, precision, direction = (None, None, None) if name in BEYOND else (0.90, 0.90, 0.97)
    yield Row(f"{name}: recall", c.found / max(c.true, 1), recall, note=f"of {c.true}")
    yield Row(f"{name}: covered by half", c.half / max(c.true, 1), note=f"of {c.true}")
    yield Row(f"{name}: precision", c.right / max(c.rows, 1), precision, note=f"of {c.rows}")
    yield Row(f"{name}: direction right", c.directed / max(c.found, 1), direction,
              note=f"of {c.found}")  # fmt: skip
    yield Row(f"{name}: row of its own", c.own / max(c.found, 1), note=f"of {c.found}")
    true, one = (sum(v) for v in zip(*c.bodies.values(), strict=True)) if c.bodies else (0, 0)
    yield Row(f"{name}: things with a row that is theirs", one / max(true, 1), note=f"of {true}")
    for kind, (of, these) in sorted(c.bodies.items()):
        yield Row(f"{name}:   {kind}", these / max(of, 1), note=f"of {of}")
    yield Row(f"{name}: rows that are one thing", one / max(c.rows, 1), note=f"of {c.rows}")
    if c.ratios:
        low, middle, high = np.quantile(c.ratios, [0.1, 0.5, 0.9])
        yield Row(f"{name}: area ratio, median", float(middle), note=f"{low:.2f} to {high:.2f}")


def yard(seed: int, name: str = "plain", **options: Any) -> tuple[cd.ChangeReport, Any]:
    """Report and scene of one yard."""
    scene = simulate(
        "railyard", seed, change_fraction=0.3,
        **{**YARD, "shift_m": SHIFTS[seed % len(SHIFTS)], **options},
    )  # fmt: skip
    return detect(*images(name, scene), **sun(scene)), scene


def objects(seeds: range, kinds: list[str]) -> Iterator[Row]:
    """Wagons, containers and trucks that changed, at 0.5 m."""
    for name in kinds:
        total, options = Counts(), VARIANTS[name]
        for seed in seeds:
            report, scene = yard(seed, name, **options)
            total += count_objects(report.changes, scene.truth, scene.options)
        yield from object_rows(name, total)


SECTIONS = {"objects": objects}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="From changed pixels to activity.")
    parser.add_argument("--only", choices=sorted(SECTIONS), help="one part")
    parser.add_argument("--seeds", type=int, default=20, help="yards of each kind")
    parser.add_argument("--yards", nargs="*", choices=list(VARIANTS), help="kinds of yards")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    print(f"{'':<52}{'reached':>9}  {'asked':>8}")
    for part, rows in SECTIONS.items():
        if given.only in (None, part):
            for row in rows(seeds, given.yards or list(VARIANTS)):
                print(row, flush=True)


if __name__ == "__main__":
    main()
