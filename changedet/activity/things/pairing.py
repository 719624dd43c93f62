"""Departed and arrived things in pairs as the images show them: whole cuts, weighed as learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.things.chains import Links
from changedet.activity.things.cuts import (
    COLUMNS,
    TURNED,
    Cuts,
    best_run,
    cut_columns,
    lay_cuts,
    stand_in_rows,
)
from changedet.activity.things.likeness import Sight, compare
from changedet.activity.things.moving import COUPLED_M, Moves
from changedet.activity.things.placing import Placed
from changedet.activity.things.weighing import learnt
from changedet.model import Trees

SORTS: dict[str, tuple[str, ...]] = {
    "wagon": ("railcar", "train"),
    "container": ("container", "container_stack"),
}
"""Kinds of which the look was learnt. Wagons move in cuts, containers one by one."""
LEARNT_KINDS = tuple(kind for kinds in SORTS.values() for kind in kinds)
COUPLED = ("wagon",)
LEAST: dict[str, float] = {"wagon": 0.6, "container": 0.7}
"""Pairs that are less certain than this are not claimed."""
SPEAKS: dict[str, float] = {"wagon": 2.0, "container": 2.5}
"""And each thing of a cut must say so much by itself, on average,"""
ENOUGH = 4
"""or so many of them together: how cuts stand is not enough, since rows repeat themselves."""
SHORTEST_M: dict[str, float] = {"container": 10.0}
"""Shorter boxes are not paired: two of 20 ft stand in one slot, and all of them look alike."""
SAME_LENGTH_M: dict[str, float] = {"container": 1.2}
"""Outlines whose lengths differ by more hold different things: boxes of 40 and 45 ft by 1.5 m.
Outlines as found are looser than those from which likeness was learnt, so this is no matter of
odds."""
ASTRAY: dict[str, tuple[float, float]] = {"container": (3.0, 2.0)}
"""An outline whose length is farther from that of the body in it, or that is wider than a thing of
its kind, than so many of its errors may hold a shadow or a neighbour, or a part: alone, without an
order that bears it out, it is not claimed."""
WIDTH_M: dict[str, float] = {"container": 2.44}
EVERY = 100_000
"""Up to so many pairs all are looked at; of more, for each departure"""
CANDIDATES = 24
"""the arrivals that are most like it, at most."""
CHUNK = 20_000
"""Pairs that are compared at once; never changes a result."""
SIZE_WEIGHT = 0.1
"""What a metre of length counts beside a step of one in ln brightness when those are sought."""


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """Cuts of one sort that may be one."""

    cuts: Cuts
    columns: np.ndarray
    """(m, column) of :data:`changedet.activity.things.cuts.COLUMNS`."""
    departed: int
    """Rows in which departed things stand."""

    @property
    def rarity(self) -> float:
        """Logarithm of how many there are for each departed row."""
        return float(np.log(max(len(self.cuts) / max(self.departed, 1), 1.0)))

    def probability(self, cut: Trees) -> np.ndarray:
        """(m,) of each, as learnt, and as rarely as trains are turned."""
        several = self.cuts.inside.sum(axis=1) > 1
        odds = cut.log_odds(self.columns) - self.rarity
        odds -= np.where(self.cuts.turned & several, TURNED, 0.0)
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def pair_cuts(
    objects: Placed,
    kinds: np.ndarray,
    rows: tuple[Links, ...],
    sight: Sight,
    departed: np.ndarray,
    arrived: np.ndarray,
    outlines: Placed,
) -> Moves:
    """Pair departed and arrived things of the sorts whose look was learnt.

    Every cut that left and every cut that came, laid on each other, get the odds with which such
    cuts turned out to be one in simulated yards: from what its things say one by one (how their
    looks and sizes differ), from how they stand, and from what else looks like them. The surest
    are taken first, each thing once.

    Parameters
    ----------
    objects : Placed
        All things.
    kinds : (n,) object array
        Theirs.
    rows : tuple of Links
        Which are next to each other, in as many ways as that can be seen: a piece of a wagon
        parts a row where only the nearest are linked, and shifts its order where all are. In each
        way cuts are laid and weighed by themselves.
    sight : Sight
        What the images show of them.
    departed, arrived : (a,), (b,) int arrays
        Rows that may be paired.
    outlines : Placed
        All things as they were outlined, before their ends were looked for.

    Returns
    -------
    Moves
        By departed row.
    """
    out = Moves.none()
    for sort, names in SORTS.items():
        mine = np.isin(kinds, names) & sight.known & (objects.length >= SHORTEST_M.get(sort, 0.0))
        old, new = departed[mine[departed]], arrived[mine[arrived]]
        weights, known = learnt()[sort], []
        sound = _sound(objects, outlines, sort)
        for coupled in rows if sort in COUPLED else (None,):
            of = suppose(objects, coupled, sight, weights.thing, old, new)
            if of is not None:
                probability = of.probability(weights.cut)
                probability[~_same_length(of.cuts, objects, SAME_LENGTH_M.get(sort, np.inf))] = 0.0
                probability[~_outlined(of.cuts, sound)] = 0.0
                known.append((of, probability))
        out = out.joined(surest(known, LEAST[sort], SPEAKS[sort]))
    return out


def suppose(
    objects: Placed,
    links: Links | None,
    sight: Sight,
    thing: Trees,
    departed: np.ndarray,
    arrived: np.ndarray,
) -> Hypotheses | None:
    """Lay all departed cuts on all arrived ones; None where there is nothing to lay.

    ``thing`` weighs two things; without ``links`` each thing is a cut by itself.
    """
    i, j = _candidates(objects, sight, departed, arrived)
    if len(i) == 0:
        return None
    if links is not None:
        links = links.take(links.gap < COUPLED_M + 2 * objects.error_m)
    old = stand_in_rows(objects, sight.axis, links, departed)
    new = stand_in_rows(objects, sight.axis, links, arrived)
    cuts = lay_cuts(old, new, i, j)
    cuts, alike = best_run(cuts, old, new, _alike(objects, sight, thing, cuts))
    return Hypotheses(cuts, cut_columns(cuts, alike, objects), len(old.size))


def _same_length(cuts: Cuts, objects: Placed, within_m: float) -> np.ndarray:
    """(m,) bool: cuts all of whose things are as long as those that they are laid on."""
    apart = np.abs(objects.length[cuts.departed] - objects.length[cuts.arrived])
    return np.asarray(((apart <= within_m) | ~cuts.inside).all(axis=1))


def _sound(objects: Placed, outlines: Placed, sort: str) -> np.ndarray:
    """(n,) bool: things whose outline is theirs, as far as outlines of that sort must be."""
    if sort not in ASTRAY:
        return np.ones(len(objects), dtype=bool)
    along, across = (errors * objects.error_m for errors in ASTRAY[sort])
    astray = np.abs(outlines.length - objects.length) > along
    return np.asarray(~astray & (outlines.width - WIDTH_M[sort] <= across))


def _outlined(cuts: Cuts, sound: np.ndarray) -> np.ndarray:
    """(m,) bool: cuts all of whose things are sound at both places."""
    both = sound[cuts.departed] & sound[cuts.arrived]
    return np.asarray((both | ~cuts.inside).all(axis=1))


def _candidates(
    objects: Placed, sight: Sight, departed: np.ndarray, arrived: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that are looked at: all, or the most alike of many."""
    from scipy.spatial import cKDTree

    if len(departed) * len(arrived) <= EVERY:
        i, j = np.repeat(departed, len(arrived)), np.tile(arrived, len(departed))
    else:
        size = SIZE_WEIGHT * objects.length[:, None]
        space = np.column_stack([sight.along.mean(axis=1), size])
        count = min(CANDIDATES, len(arrived))
        near = cKDTree(space[arrived]).query(space[departed], k=np.arange(1, count + 1))[1]
        i, j = np.repeat(departed, count), arrived[near.ravel()]
    apart = objects.apart(i, j)
    return i[apart], j[apart]


def _alike(objects: Placed, sight: Sight, thing: Trees, cuts: Cuts) -> np.ndarray:
    """(m, k) what each pair of things of each cut says, beyond what any pair does."""
    cut, at = np.nonzero(cuts.inside)
    i, j, turned = cuts.departed[cut, at], cuts.arrived[cut, at], cuts.turned[cut]
    said = np.zeros(len(i))
    for way in (False, True):
        every = np.flatnonzero(turned == way)
        for start in range(0, len(every), CHUNK):
            mine = every[start : start + CHUNK]
            columns = compare(objects, sight, i[mine], j[mine], way)
            said[mine] = thing.log_odds(columns) - thing.constant
    out = np.zeros(cuts.departed.shape)
    out[cut, at] = said
    return out


def surest(known: list[tuple[Hypotheses, np.ndarray]], least: float, speaks: float) -> Moves:
    """Take the surest cuts, each thing once, that are as likely and say as much as is asked for.

    ``known`` are hypotheses and the probability of each.
    """
    cuts = []
    for of, probability in known:
        size = np.minimum(of.cuts.inside.sum(axis=1), ENOUGH)
        said = of.columns[:, COLUMNS.index("total")] / size
        for cut in np.flatnonzero((probability >= least) & (said > speaks)):
            inside = of.cuts.inside[cut]
            pair = of.cuts.departed[cut][inside].tolist(), of.cuts.arrived[cut][inside].tolist()
            cuts.append((float(probability[cut]), *pair))
    # departed and arrived rows, and the probability of each pair
    i: dict[int, float] = {}
    j: dict[int, float] = {}
    for likely, old, new in sorted(cuts, key=lambda cut: -cut[0]):
        if i.keys().isdisjoint(old) and j.keys().isdisjoint(new):
            i |= dict.fromkeys(old, likely)
            j |= dict.fromkeys(new, likely)
    return Moves(
        np.array(list(i), dtype=np.int64), np.array(list(j), dtype=np.int64),
        np.array(list(i.values()), dtype=float),
    )  # fmt: skip
