"""Cuts: things one behind the other that may have moved together, laid on each other in order.

A train that moved keeps the order of its wagons, or has it the other way round where it was turned.
So what is compared is not wagon with wagon but cut with cut: every departed row of coupled wagons
is laid along every arrived one at each offset at which some two of them are alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from changedet.activity.things.chains import Links, components
from changedet.activity.things.placing import Placed

LONGEST = 96
"""Things of one cut, at most: the rest of longer ones is not looked at."""
BREAK = 3.0
"""What it costs that a cut begins or ends where both rows go on: couplers hold."""
TURNED = 4.0
"""What it costs that a cut stands the other way round, in log odds: a train that is pulled away and
back keeps its order on the ground, and only one in fifty or so went through a loop or a triangle
of tracks (no such count is published)."""
SURE = 6.0
"""Bound of what one thing says for or against its cut."""
MOST = 30.0
"""Bound of the total where cuts are weighed against each other."""
COLUMNS = (
    "things", "total", "mean", "least", "departed goes on", "arrived goes on", "span", "gaps",
    "rival of departed", "rival of arrived", "share of departed", "share of arrived", "usual",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """Things in rows: which row each stands in, and where in it."""

    row: np.ndarray
    """(n,) number of the row; -1 for things that are left out."""
    place: np.ndarray
    """(n,) from 0."""
    first: np.ndarray
    """(row + 1,) where each row begins in ``things``."""
    things: np.ndarray
    """(k,) row by row, in order."""

    @property
    def size(self) -> np.ndarray:
        """(row,) things in each."""
        return np.diff(self.first)


def stand_in_rows(
    objects: Placed, axis: np.ndarray, links: Links | None, chosen: np.ndarray
) -> Rows:
    """Put things in rows along what links them; without links each stands by itself."""
    n = len(objects)
    mine = np.zeros(n, dtype=bool)
    mine[chosen] = True
    chain = np.arange(n)
    if links is not None:
        chain = components(links.take(mine[links.first] & mine[links.second]), n)
    along = objects.x * axis[:, 0] + objects.y * axis[:, 1]
    # of a row in a curve the direction of its first thing would turn some about
    order = chosen[np.lexsort((along[chosen], chain[chosen]))]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = chain[order][1:] != chain[order][:-1]
    first = np.append(np.flatnonzero(fresh), len(order))
    row, place = np.full(n, -1), np.full(n, -1)
    row[order] = np.cumsum(fresh) - 1
    place[order] = np.arange(len(order)) - first[row[order]]
    return Rows(row, place, first, order)


@dataclass(frozen=True, eq=False)
class Cuts:
    """Departed and arrived cuts laid on each other."""

    departed: np.ndarray
    """(m, k) rows of things, -1 beyond the end."""
    arrived: np.ndarray
    """(m, k) rows of the things on which they come to lie."""
    turned: np.ndarray
    """(m,) bool: the other way round."""
    open_departed: np.ndarray
    """(m,) ends at which the departed row goes on alone,"""
    open_arrived: np.ndarray
    """and the arrived one."""

    def __len__(self) -> int:
        return len(self.turned)

    @property
    def inside(self) -> np.ndarray:
        """(m, k) bool."""
        return self.departed >= 0

    def take(self, keep: np.ndarray) -> Cuts:
        """Return some of them."""
        return Cuts(
            self.departed[keep], self.arrived[keep], self.turned[keep],
            self.open_departed[keep], self.open_arrived[keep],
        )  # fmt: skip


def lay_cuts(old: Rows, new: Rows, i: np.ndarray, j: np.ndarray) -> Cuts:
    """Lay departed rows along arrived ones, both ways, so that each pair comes to lie on itself."""
    keys = []
    for turned in (False, True):
        shift = new.place[j] + (old.place[i] if turned else -old.place[i])
        keys.append(np.column_stack([old.row[i], new.row[j], shift, np.full(len(i), turned)]))
    a, b, shift, way = np.unique(np.concatenate(keys), axis=0).T
    turned = way.astype(bool)
    p, q = old.size[a], new.size[b]
    low = np.maximum(0, np.where(turned, shift - q + 1, -shift))
    high = np.minimum(np.minimum(p, np.where(turned, shift + 1, q - shift)), low + LONGEST)
    k = low[:, None] + np.arange(int((high - low).max(initial=1)))
    inside = k < high[:, None]
    # what stands alone reads the same from both ends of its row
    there = np.where(turned[:, None], shift[:, None] - k, shift[:, None] + k)
    departed = old.things[np.where(inside, old.first[a][:, None] + k, 0)]
    arrived = new.things[np.where(inside, new.first[b][:, None] + there, 0)]
    nowhere = np.zeros(len(a), dtype=np.int64)
    return Cuts(
        np.where(inside, departed, -1), np.where(inside, arrived, -1), turned, nowhere, nowhere
    )


def best_run(cuts: Cuts, old: Rows, new: Rows, alike: np.ndarray) -> tuple[Cuts, np.ndarray]:
    """Keep of each cut the run of things that most speaks for it.

    Parameters
    ----------
    cuts : Cuts
        From :func:`lay_cuts`.
    old, new : Rows
        Departed and arrived rows.
    alike : (m, k) array
        What each thing says: the logarithm of how much more like one thing than not.

    Returns
    -------
    Cuts
        The runs; of two that hold the same things, one each way round, the better.
    alike : (m, k) array
        Zero outside of them.
    """
    inside = cuts.inside
    value = np.where(inside, np.clip(alike, -SURE, SURE), 0.0)
    count = inside.sum(axis=1)
    k = np.arange(inside.shape[1])
    total = np.concatenate([np.zeros((len(cuts), 1)), value.cumsum(axis=1)], axis=1)
    start = total[:, :-1] + np.where(k > 0, BREAK, 0.0)
    start = np.where(inside, start, np.inf)
    least = np.minimum.accumulate(start, axis=1)
    end = total[:, 1:] - np.where(k + 1 < count[:, None], BREAK, 0.0)
    last = np.where(inside, end - least, -np.inf).argmax(axis=1)
    here = np.where(k[None] <= last[:, None], start, np.inf)
    begin = here.argmin(axis=1)
    kept = (k >= begin[:, None]) & (k <= last[:, None])
    row = np.arange(len(cuts))
    ends = np.stack([cuts.departed[row, begin], cuts.departed[row, last]])
    over = np.stack([cuts.arrived[row, begin], cuts.arrived[row, last]])
    most = old.size[old.row[ends[0]]] - 1, new.size[new.row[over[0]]] - 1
    on_old = [old.place[ends[0]] > 0, old.place[ends[1]] < most[0]]
    back, forth = new.place[over[0]], new.place[over[1]]
    low = np.where(cuts.turned, back < most[1], back > 0)
    high = np.where(cuts.turned, forth > 0, forth < most[1])
    run = replace(
        cuts, departed=np.where(kept, cuts.departed, -1), arrived=np.where(kept, cuts.arrived, -1),
        open_departed=on_old[0].astype(int) + on_old[1], open_arrived=low.astype(int) + high,
    )  # fmt: skip
    value = np.where(kept, value, 0.0)
    key = np.column_stack([ends[0], ends[1], over.min(axis=0), over.max(axis=0)])
    sure = value.sum(axis=1) - np.where(cuts.turned, TURNED, 0.0)
    order = np.lexsort((cuts.turned, -sure, *key.T))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (key[order][1:] != key[order][:-1]).any(axis=1)
    best = np.sort(order[fresh])
    # of a row one thing alone has no order that could be turned
    alone = (most[0] == 0) & (most[1] == 0)
    best = best[(~cuts.turned | (last > begin) | alone)[best]]
    return run.take(best), value[best]


def cut_columns(cuts: Cuts, alike: np.ndarray, objects: Placed) -> np.ndarray:
    """(m, column) what is weighed of cuts that lie on each other; NaN is not known."""
    inside = cuts.inside
    count = inside.sum(axis=1)
    total = alike.sum(axis=1)
    least = np.where(inside, alike, np.inf).min(axis=1, initial=np.inf)
    old, new = (_places(side, objects) for side in (cuts.departed, cuts.arrived))
    several = count > 1
    span = [np.nanmax(x, axis=1) - np.nanmin(x, axis=1) for x in (old, new)]
    steps = [np.abs(np.diff(x, axis=1)) for x in (old, new)]
    off = np.abs(steps[0] - steps[1])
    worst = np.where(np.isfinite(off), off, 0.0).max(axis=1, initial=0.0)
    rivals = [_rival(side, total) for side in (cuts.departed, cuts.arrived)]
    shares = [_share(side, total) for side in (cuts.departed, cuts.arrived)]
    return np.column_stack([
        count, total, total / count, least, cuts.open_departed, cuts.open_arrived,
        np.where(several, np.abs(span[0] - span[1]) / objects.error_m, np.nan),
        np.where(several, worst / objects.error_m, np.nan),
        *rivals, *shares, _usual(cuts, total / count),
    ])  # fmt: skip


def _places(things: np.ndarray, objects: Placed) -> np.ndarray:
    """(m, k) metres from the first thing of each cut, NaN beyond its end."""
    at = np.maximum(things, 0)
    begin = np.argmax(things >= 0, axis=1)
    row = things[np.arange(len(things)), begin]
    far = np.hypot(objects.x[at] - objects.x[row][:, None], objects.y[at] - objects.y[row][:, None])
    return np.where(things >= 0, far, np.nan)


def _rival(things: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Largest total of another cut that holds one of the same things; -1 where there is none."""
    cut, at = np.nonzero(things >= 0)
    thing = things[cut, at]
    order = np.lexsort((-total[cut], thing))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = thing[order][1:] != thing[order][:-1]
    top, where = np.full(thing.max(initial=0) + 1, -1), np.flatnonzero(fresh)
    top[thing[order[where]]] = cut[order[where]]
    second = np.full(len(top), -1.0)
    after = where + 1
    after = after[after < len(order)]
    after = after[~fresh[after]]
    second[thing[order[after]]] = total[cut[order[after]]]
    other = np.where(top[thing] == cut, second[thing], total[top[thing]])
    out = np.full(len(total), -1.0)
    np.maximum.at(out, cut, other)
    return out


def _share(things: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Logarithm of the odds of each cut among all that hold one of its things, and none of them."""
    cut, at = np.nonzero(things >= 0)
    thing = things[cut, at]
    weight = np.exp(np.minimum(total, MOST))
    all_of = 1.0 + np.bincount(thing, weight[cut])
    out = np.full(len(total), np.inf)
    rest = np.maximum(all_of[thing] - weight[cut], 1.0)
    np.minimum.at(out, cut, np.log(weight[cut]) - np.log(rest))
    return out


def _usual(cuts: Cuts, mean: np.ndarray) -> np.ndarray:
    """Logarithm of how alike the others are that could lie on the same things."""
    cut, at = np.nonzero(cuts.inside)
    thing = cuts.arrived[cut, at]
    n = int(thing.max(initial=0)) + 1
    weight = np.exp(mean)[cut]
    total, count = np.bincount(thing, weight, minlength=n), np.bincount(thing, minlength=n)
    others = (total[thing] - weight + 0.1) / (count[thing] - 1 + 1.0)
    size = np.bincount(cut, minlength=len(mean))
    return np.asarray(np.bincount(cut, np.log(others), minlength=len(mean)) / size)
