"""Which objects belong together: wagons in a train, lorries in a convoy, containers in a stack."""

from __future__ import annotations

import numpy as np

from changedet.activity.things.chains import Links, components
from changedet.activity.things.placing import Placed

TRAIN_GAP_M = 3.0
"""Largest gap between coupled wagons, metres."""
BODY_M, MOST_MISSING_M = 12.8, 6.0
"""Length of the body of a wagon, and how much of wagons may at most be missing between two
outlines of one train, metres."""
TWO_TRACKS_M, APART_M = 4.5, 2.0
"""A wider outline may reach from one track to the next; what lies so far aside of what is
nearest to it, it does not join: tracks are 4.1 m or more apart, metres."""
CONVOY_GAP_M = 25.0
"""Largest gap between lorries of a convoy, metres."""
STACK_GAP_M = 1.0
"""Largest gap between containers of a stack, metres."""
MEMBERS: dict[str, tuple[str, ...]] = {
    "train": ("railcar", "train"),
    "convoy": ("truck", "convoy"),
    "stack": ("container", "container_stack"),
}
"""Kinds that each sort of group is made of; the last one is a group by itself."""


def group_objects(
    objects: Placed, shapes: np.ndarray, kinds: np.ndarray, links: Links
) -> np.ndarray:
    """Name the group of each object.

    Wagons that stand a coupler apart on one line are a train, lorries in a line a convoy, and
    containers that touch a stack. What left and what came are grouped apart, since they were
    never there together; what both dates hold goes with what came, or with what is gone where only
    such things are beside it.

    Parameters
    ----------
    objects : Placed
        Objects.
    shapes : (n,) array of polygons
        Theirs, in the plane of ground metres.
    kinds : (n,) object array
        Theirs.
    links : Links
        Which lie on one line within reach.

    Returns
    -------
    (n,) object array
        ``train 1``, ``convoy 2``, ``stack 1`` ..., numbered by first row; None for single ones.
    """
    out = np.full(len(objects), None, dtype=object)
    after = _came(objects, links)
    slack, zero = 2 * objects.error_m, np.zeros(len(objects))
    together = links.take(after[links.first] == after[links.second])
    for sort, members in MEMBERS.items():
        mine = np.isin(kinds, members)
        if sort == "stack":
            a, b = _touching(shapes, mine, after, STACK_GAP_M + objects.error_m)
        else:
            reach = TRAIN_GAP_M if sort == "train" else CONVOY_GAP_M
            of = together.take(mine[together.first] & mine[together.second])
            # of a part of a wagon the rest is in the gap
            missing = np.clip(BODY_M - objects.length, 0.0, None) if sort == "train" else zero
            gone = np.minimum(missing[of.first] + missing[of.second], MOST_MISSING_M)
            reach_of = reach + slack + gone
            near = of.take(of.gap <= reach_of)
            near = _on_one_track(objects, near) if sort == "train" else near
            a, b = near.first, near.second
        pairs = Links(a, b, np.zeros((len(a), 2), dtype=np.int64), np.zeros(len(a)))
        number = components(pairs, len(objects))
        size = np.bincount(number, minlength=len(objects))[number]
        rows = np.flatnonzero(mine & ((size > 1) | (kinds == members[-1])))
        _, first, which = np.unique(number[rows], return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
        out[rows] = [f"{sort} {rank[k] + 1}" for k in which]
    return out


def _on_one_track(objects: Placed, links: Links) -> Links:
    """Links without those by which a wide outline would join the trains of two tracks."""
    one = np.concatenate([links.first, links.second])
    other = np.concatenate([links.second, links.first])
    axis = objects.along[one]
    x, y = objects.x[other] - objects.x[one], objects.y[other] - objects.y[one]
    aside = x * axis[:, 1] - y * axis[:, 0]
    order = np.lexsort((other, np.tile(links.gap, 2)))[::-1]
    nearest = np.full(len(objects), np.nan)
    nearest[one[order]] = aside[order]
    keep = (objects.width[one] <= TWO_TRACKS_M) | (np.abs(aside - nearest[one]) < APART_M)
    return links.take(keep.reshape(2, -1).all(axis=0))


def _came(objects: Placed, links: Links) -> np.ndarray:
    """Which objects go with what came.

    What both dates hold does so, unless only gone things are beside it.
    """
    n = len(objects)
    beside = np.zeros((4, n), dtype=np.int64)
    for a, b in ((links.first, links.second), (links.second, links.first)):
        np.add.at(beside, (objects.dates[b], a), 1)
    only_gone = (beside[1] > 0) & (beside[2] == 0)
    return np.asarray((objects.dates >= 2) & ~((objects.dates == 3) & only_gone))


def _touching(
    shapes: np.ndarray, mine: np.ndarray, after: np.ndarray, reach_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of objects of one date that are at most so far apart."""
    import shapely

    rows = np.flatnonzero(mine)
    tree = shapely.STRtree(shapes[rows])
    a, b = tree.query(shapes[rows], predicate="dwithin", distance=reach_m)
    a, b = rows[a], rows[b]
    keep = (a < b) & (after[a] == after[b])
    return a[keep], b[keep]
