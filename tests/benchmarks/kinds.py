"""How well changes are named, grouped and paired: ``python tests/benchmarks/kinds.py``.

On simulated yards of which 30 % changed, with and without tracks and roads, in two ways:

* ``ideal``: the footprints of everything that changed, blurred by a pixel, so that only this step
  is measured;
* ``found``: the whole chain from the images.

A wagon under an outline called ``train`` counts as right, a truck under ``convoy`` as well. A
container and a stack of one slot look alike from above and count as one kind. Moves are judged by
the links of the truth alone.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from detection import SHIFTS, YARD, Row, sun
from ideal_objects import ScenePair, ideal_objects
from scipy.optimize import linear_sum_assignment

import changedet as cd
from changedet.activity import interpret
from changedet.config import Config
from changedet.differencing import fit_radiometry
from changedet.model import ChangeTable
from changedet.pipeline.running import Running
from changedet.pipeline.steps import outline_objects
from changedet.simulation import Scene, simulate

ALIKE: dict[str, tuple[str, ...]] = {
    "railcar": ("railcar", "train"),
    "truck": ("truck", "convoy"),
    "container": ("container", "container_stack"),
    "container_stack": ("container", "container_stack"),
}
NAMES = tuple({name for names in ALIKE.values() for name in names})
HALF = 0.4
"""So much of a row is the thing that it is named after, or it is none: outlines run wide."""
BINS = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 0.97), (0.97, 1.01))

ONE = 0.3
"""Intersection over union from which a row is a thing; two boxes of 20 ft stand in one slot."""
UNSURE = 0.8
"""Less is said of what is doubtful."""


@dataclass
class Tally:
    """What is counted over the seeds."""

    things: int = 0
    confidence: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    by_kind: dict[str, list[bool]] = field(default_factory=dict)
    pairs: list[int] = field(default_factory=lambda: [0, 0, 0])
    """In one group: in truth, as found, both."""
    moves: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """True, true with both ends found, claimed, right."""
    wagons: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """The same of wagons."""
    claims: set[str] = field(default_factory=set)
    called: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By true kind, what they are called."""
    rows: list[tuple[float, bool]] = field(default_factory=list)
    """Of every row with the name of such a thing: confidence, and whether it is one."""
    alone: list[int] = field(default_factory=lambda: [0, 0])
    """Rows with the name of such a thing; and those that are one, each of another."""
    by_outline: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Right or not, by what the outline holds."""

    def add(self, table: ChangeTable, scene: Scene) -> None:
        """Judge one table."""
        table = table.take(~table.explained)
        things = [o for o in scene.truth.changed if o.kind in ALIKE]
        footprints = np.array([*(o.geometry for o in things), None], dtype=object)[:-1]
        at = holders(table, list(footprints))
        self.things += len(things)
        self.claims |= set(table["kind"])
        for thing, row in zip(things, at, strict=True):
            if row >= 0:
                good = bool(table["kind"][row] in ALIKE[thing.kind])
                self.right.append(good)
                self.confidence.append(float(table["kind_confidence"][row]))
                self.by_kind.setdefault(thing.kind.split("_")[0], []).append(good)
                self.called[thing.kind.split("_")[0]][str(table["kind"][row])] += 1
                self.by_outline[holds(table.geometry[row], thing.geometry, footprints)].append(good)
        self._rows(table, things, footprints)
        self._groups(table, things, at)
        self._moves(table, scene, things, at)

    def _rows(self, table: ChangeTable, things: list[Any], footprints: np.ndarray) -> None:
        """A row is right where what covers half of it is a thing of its kind."""
        row, thing = shapely.STRtree(footprints).query(table.geometry, predicate="intersects")
        common = shapely.area(shapely.intersection(table.geometry[row], footprints[thing]))
        held: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for r, t, area in zip(row.tolist(), thing.tolist(), common.tolist(), strict=True):
            held[r][things[t].kind] += area
        named = np.flatnonzero(np.isin(table["kind"], NAMES))
        both = shapely.area(table.geometry[row]) + shapely.area(footprints[thing]) - common
        same = np.zeros((len(table), len(things)))
        same[row, thing] = common / both > ONE
        self.alone[0] += len(named)
        self.alone[1] += int(same[named][linear_sum_assignment(-same[named])].sum())
        for r in named.tolist():
            name = str(table["kind"][r])
            mine = sum(area for kind, area in held[r].items() if name in ALIKE[kind])
            good = mine >= HALF * table.geometry[r].area
            self.rows.append((float(table["kind_confidence"][r]), good))

    def _groups(self, table: ChangeTable, things: list[Any], at: np.ndarray) -> None:
        chosen = [
            (o, r) for o, r in zip(things, at, strict=True)
            if r >= 0 and o.kind in ("railcar", "truck")
        ]  # fmt: skip
        for i, (a, ra) in enumerate(chosen):
            for b, rb in chosen[:i]:
                same = a.kind == b.kind and a.group == b.group and a.after == b.after
                claimed = (
                    table["group"][ra] is not None and table["group"][ra] == table["group"][rb]
                )
                self.pairs[0] += same
                self.pairs[1] += claimed
                self.pairs[2] += same and claimed

    def _moves(self, table: ChangeTable, scene: Scene, things: list[Any], at: np.ndarray) -> None:
        row = {o.id: int(r) for o, r in zip(things, at, strict=True)}
        true = [(o.id, o.link) for o in things if o.link in row and o.before and not o.after]
        both = [(row[a], row[b]) for a, b in true if min(row[a], row[b]) >= 0]
        place = {int(v): k for k, v in enumerate(table["id"])}
        claimed = [
            (k, place[int(to)]) for k, to in enumerate(table["moved_to"]) if int(to) in place
        ]
        rail = {o.id for o in things if o.kind == "railcar"}
        on_rail = [(row[a], row[b]) for a, b in true if a in rail and min(row[a], row[b]) >= 0]
        rail_claims = [
            (a, b) for a, b in claimed if table["kind"][a] in ALIKE["railcar"]
        ]  # fmt: skip
        for tally, known, held, said in (
            (self.moves, len(true), both, claimed),
            (self.wagons, sum(a in rail for a, _ in true), on_rail, rail_claims),
        ):
            tally[0] += known
            tally[1] += len(held)
            tally[2] += len(said)
            tally[3] += len(set(said) & set(held))


def holders(table: ChangeTable, footprints: list[Any]) -> np.ndarray:
    """Row that covers most of each footprint; -1 where less than half is covered by all rows.

    A slot with two short containers is one footprint and may well be two rows.
    """
    out = np.full(len(footprints), -1)
    for i, shape in enumerate(footprints):
        common = shapely.area(shapely.intersection(table.geometry, shape))
        if len(common) and common.sum() >= 0.5 * shape.area:
            out[i] = int(np.argmax(common))
    return out


def holds(outline: Any, footprint: Any, footprints: np.ndarray) -> str:
    """Whether an outline holds several things, a part of one, one and much else, or just one."""
    inside = shapely.area(shapely.intersection(footprints, outline)) / shapely.area(footprints)
    mine = shapely.area(shapely.intersection(footprint, outline))
    if (inside > 0.5).sum() > 1:
        return "several things"
    if mine < 0.7 * footprint.area:
        return "a part"
    return "one and much else" if mine < 0.6 * outline.area else "one thing"


def ideal(scene: Scene, seed: int) -> dict[str, Any]:
    """Arguments of ``interpret`` for ideal outlines."""
    table, appearance = ideal_objects(scene, 1.0, seed)
    flat = [im.pixels.reshape(len(im.roles), -1)[:, ::7] for im in (scene.before, scene.after)]
    roles = scene.before.roles
    return {
        "changes": table, "appearance": appearance, "grid": scene.truth.grid, "roles": roles,
        "radiometry": fit_radiometry(flat[0], flat[1], roles), "pair": ScenePair(scene),
    }  # fmt: skip


def found(scene: Scene, seed: int) -> dict[str, Any]:
    """Arguments of ``interpret`` for outlines found in the images."""
    score_map = cd.score(scene.before, scene.after, engine="serial", **sun(scene))
    config = Config()
    objects, _ = outline_objects(score_map, config, Running(config, "serial", lambda event: None))
    return {
        "changes": objects.table, "appearance": objects.appearance, "grid": score_map.grid,
        "roles": score_map.pair.roles, "pair": score_map.pair,
        "radiometry": getattr(score_map.detection.detector, "radiometry", None),
    }  # fmt: skip


def tallies(way: str, gsd: float, seeds: range) -> dict[str, Tally]:
    """Judge some seeds, with and without lines."""
    out = {"lines given": Tally(), "no lines": Tally()}
    for seed in seeds:
        shift = (0.0, 0.0) if way == "ideal" else SHIFTS[seed % len(SHIFTS)]
        settings = {**YARD, "gsd_before": gsd, "shift_m": shift, "change_fraction": 0.3}
        scene = simulate("railyard", seed, **settings)
        given = (ideal if way == "ideal" else found)(scene, seed)
        lines = {"tracks": scene.truth.track_lines, "roads": scene.truth.roads}
        out["lines given"].add(interpret(**given, **lines), scene)
        out["no lines"].add(interpret(**given), scene)
    return out


def rows(label: str, t: Tally) -> Iterator[Row]:
    """Lines of the table at 0.5 m."""
    n = len(t.right)
    yield Row(f"{label}: found", n / max(t.things, 1), note=f"of {t.things}")
    yield Row(f"{label}: kind right", float(np.mean(t.right)), 0.85)
    for kind, names in sorted(t.called.items()):
        each = ", ".join(f"{name} {count}" for name, count in names.most_common())
        yield Row(f"{label}:   {kind}", float(np.mean(t.by_kind[kind])), note=f"called {each}")
    for what, good in sorted(t.by_outline.items()):
        yield Row(f"{label}:   outline of {what}", float(np.mean(good)), note=f"of {len(good)}")
    confidence, right = np.array(t.confidence), np.array(t.right)
    for low, high in BINS:
        mine = (confidence >= low) & (confidence < high)
        if mine.any():
            yield Row(
                f"{label}:   said {confidence[mine].mean():.2f}, right", float(right[mine].mean()),
                note=f"{mine.sum()} with {low:g} to {min(high, 1):g}",
            )  # fmt: skip
    said, good = (np.array(v) for v in zip(*t.rows, strict=True))
    for low, high in BINS:
        mine = (said >= low) & (said < high)
        if mine.any():
            yield Row(
                f"{label}:   rows said {said[mine].mean():.2f}, right", float(good[mine].mean()),
                note=f"{mine.sum()} with {low:g} to {min(high, 1):g}",
            )  # fmt: skip
    yield from reliability(label, said, good)
    named, one = t.alone
    yield Row(f"{label}: named rows that are one such thing", one / max(named, 1), note=f"{named}")
    yield Row(f"{label}: things with a named row of their own", one / max(t.things, 1))
    true, claimed, both = t.pairs
    yield Row(f"{label}: pairs of a group that are one", both / max(claimed, 1), note=f"{claimed}")
    yield Row(f"{label}: pairs of one group found", both / max(true, 1), note=f"{true}")
    for what, (true, ends, claimed, good) in (("moved", t.moves), ("moved wagons", t.wagons)):
        precision, recall = good / max(claimed, 1), good / max(true, 1)
        yield Row(f"{label}: {what}, precision", precision, 0.9, note=f"{claimed} claimed")
        yield Row(f"{label}: {what}, recall of all", recall, 0.7, note=f"{true}")
        yield Row(f"{label}: {what}, recall, both ends found", good / max(ends, 1), 0.7,
                  note=f"{ends}")  # fmt: skip


def reliability(label: str, confidence: np.ndarray, right: np.ndarray) -> Iterator[Row]:
    """Expected calibration error over the bins, and how much too high low confidence is."""
    bins = [(confidence >= low) & (confidence < high) for low, high in BINS]
    off = [abs(confidence[m].mean() - right[m].mean()) * m.mean() for m in bins if m.any()]
    yield Row(f"{label}: confidence off by", float(sum(off)), 0.05, True, "mean over the bins")
    low = confidence < UNSURE
    if low.any():
        over = float(confidence[low].mean() - right[low].mean())
        yield Row(f"{label}: confidence below {UNSURE:g} too high by", over, 0.05, True,
                  f"{low.sum()} rows")  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How well changes are named.")
    parser.add_argument("--first", type=int, default=1, help="first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--only", choices=["ideal", "found", "coarse"], help="one part")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    print(f"{'':<52}{'reached':>9}  {'asked':>8}")
    for way in ("ideal", "found"):
        if given.only in (None, way):
            for lines, tally in tallies(way, 0.5, seeds).items():
                for row in rows(f"{way}, {lines}", tally):
                    print(row, flush=True)
    if given.only in (None, "coarse"):
        for gsd in (1.0, 2.0, 3.0, 5.0, 10.0):
            for lines, tally in tallies("ideal", gsd, seeds[:3]).items():
                print(f"ideal, {lines}, {gsd:g} m: claimed {', '.join(sorted(tally.claims))}; "
                      f"right {np.mean(tally.right):.3f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
