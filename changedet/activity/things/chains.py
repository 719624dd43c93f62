"""Objects one behind the other: coupled wagons, rows of containers, lorries in a line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.things.placing import Placed, angle_between
from changedet.model import KINDS

REACH_M = 30.0
"""Largest gap over which two objects can belong to one chain, metres."""
COUPLER_GAP_M = 1.1
"""Between the bodies of coupled wagons: 13.92 m over couplers, 12.78 m over the strikers."""
WAGON_WIDE_M, WIDEST_M = 3.2, 6.0
"""Width of a wagon, and of an outline around one with its shadow, metres."""
MOST_ASIDE_M = 0.8
"""How far that may bring its middle aside, metres: the next track is 4.1 m or more away."""
WAGON_M = 13.92
"""Typical length of a wagon over couplers."""
CHAIN_TYPES = ("train", "row", "convoy", "free")
TYPE_PRIOR = (0.35, 0.25, 0.20, 0.20)
KINDS_IN: dict[str, dict[str, float]] = {
    "train": {"railcar": 0.90, "train": 0.08, "other": 0.02},
    "row": {"container": 0.80, "container_stack": 0.15, "other": 0.05},
    "convoy": {"truck": 0.80, "vehicle": 0.12, "convoy": 0.03, "other": 0.05},
}
"""What stands in a chain of each type; in a free one, whatever stands anywhere."""
LONE_WAGON = 0.55
"""How much rarer a wagon is that no other stands next to."""
COMMON_ERROR = 0.4
"""How much of the error of an outline neighbours have in common (one light, one threshold): ten
wagons in a row do not tell ten times as much as one."""


@dataclass(frozen=True, eq=False)
class Links:
    """Pairs of objects that are next to each other on one line."""

    first: np.ndarray
    """(m,) row."""
    second: np.ndarray
    """(m,) row."""
    ends: np.ndarray
    """(m, 2) which end of the first and of the second, 0 or 1."""
    gap: np.ndarray
    """(m,) from the end of one to the end of the other, metres."""

    def take(self, mask: np.ndarray) -> Links:
        """Return some of them."""
        return Links(self.first[mask], self.second[mask], self.ends[mask], self.gap[mask])

    def neighbours(self, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The next object at each end: its row (-1: none), its other end, the gap; all (n, 2)."""
        row, far = np.full((n, 2), -1, dtype=np.int64), np.zeros((n, 2), dtype=np.int64)
        gap = np.full((n, 2), np.nan)
        for a, b, k in ((self.first, self.second, 0), (self.second, self.first, 1)):
            row[a, self.ends[:, k]] = b
            far[a, self.ends[:, k]] = 1 - self.ends[:, 1 - k]
            gap[a, self.ends[:, k]] = self.gap
        return row, far, gap


def find_links(objects: Placed, allowed: np.ndarray | None = None, mutual: bool = True) -> Links:
    """Find the next object at each end of each elongated object.

    Two objects are linked when each is the nearest to the other's end among those that lie in its
    axis, point the same way, and are there at a common date.

    Parameters
    ----------
    objects : Placed
        Objects.
    allowed : (n,) bool array, optional
        Objects that may be linked; by default elongated and narrow ones.
    mutual : bool
        Otherwise every pair on one line within reach is linked, whatever lies between.

    Returns
    -------
    Links
    """
    from scipy.spatial import cKDTree

    e = objects.error_m
    if allowed is None:
        with np.errstate(divide="ignore", invalid="ignore"):
            stretched = objects.length / objects.width > 1.6
        allowed = stretched & (objects.length > 5.0 - e) & (objects.width < WIDEST_M + 2 * e)
    rows = np.flatnonzero(allowed & np.isfinite(objects.ends).all(axis=(1, 2)))
    none = np.zeros(0, dtype=np.int64)
    if len(rows) < 2:
        return Links(none, none, np.zeros((0, 2), dtype=np.int64), np.zeros(0))
    ends = objects.ends[rows].reshape(-1, 2)
    outward = np.stack([-objects.along[rows], objects.along[rows]], axis=1).reshape(-1, 2)
    owner = np.repeat(rows, 2)
    a, b = cKDTree(ends).query_pairs(REACH_M, output_type="ndarray").reshape(-1, 2).T
    a, b = np.concatenate([a, b]), np.concatenate([b, a])
    i, j = owner[a], owner[b]
    step = ends[b] - ends[a]
    gap = (step * outward[a]).sum(axis=1)
    aside = np.abs(step[:, 0] * outward[a, 1] - step[:, 1] * outward[a, 0])
    shorter = np.minimum(objects.length[i], objects.length[j])
    turn = angle_between(objects.along[i], objects.along[j])
    good = (i != j) & ((objects.dates[i] & objects.dates[j]) > 0)
    good &= ((outward[a] * outward[b]).sum(axis=1) < 0) & (gap > -1.0 - 3 * e)
    # an outline that took in a shadow has its middle beside that of the thing
    spilt = (np.maximum(objects.width[i], objects.width[j]) - WAGON_WIDE_M - e) / 2
    # but one over two tracks does not join the trains on them
    spilt = np.clip(spilt, 0.0, MOST_ASIDE_M)
    good &= aside < 0.8 + 1.5 * e + 0.05 * np.maximum(gap, 0) + spilt
    good &= turn < 5.0 + np.degrees(2 * e / np.maximum(shorter, 1.0))
    a, b, gap = a[good], b[good], gap[good]
    if not mutual:
        once = a < b
        a, b, gap = a[once], b[once], gap[once]
        return Links(owner[a], owner[b], np.column_stack([a % 2, b % 2]), gap)
    nearest = _nearest(a, b, gap)
    pairs = set(zip(a[nearest].tolist(), b[nearest].tolist(), strict=True))
    back = np.array([(q, p) in pairs and p < q for p, q in zip(a, b, strict=True)], dtype=bool)
    keep = nearest & back.reshape(-1)
    a, b = a[keep], b[keep]
    return Links(owner[a], owner[b], np.column_stack([a % 2, b % 2]), gap[keep])


def _nearest(a: np.ndarray, b: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Mark the pair of the smallest gap at each end (the first of equals)."""
    out = np.zeros(len(a), dtype=bool)
    order = np.lexsort((b, gap, a))
    fresh = np.ones(len(a), dtype=bool)
    fresh[1:] = a[order][1:] != a[order][:-1]
    out[order[fresh]] = True
    return out


def components(links: Links, n: int) -> np.ndarray:
    """Number of the chain that each of ``n`` objects belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(links.gap))
    graph = coo_array((ones, (links.first, links.second)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1])


def chain_priors(objects: Placed, links: Links, sizes: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Prior of each kind for each object, given what the others of its chain look like.

    A chain is of one type: a train (couplers apart), a row of containers (a hand apart), a convoy
    (metres apart) or nothing of the kind. The gaps and the sizes of its members tell which; the
    size of the object itself is left out, since it counts by itself.

    Parameters
    ----------
    objects : Placed
        Objects.
    links : Links
        From :func:`find_links`.
    sizes : (n, kind) array
        From :func:`changedet.activity.size_likelihood`.
    prior : (kind,) array
        Of an object anywhere.

    Returns
    -------
    (n, kind) float64 array
    """
    n = len(objects)
    table = np.stack([_kinds_of(t, prior) for t in CHAIN_TYPES])
    chain = components(links, n)
    members = np.log(np.maximum(sizes @ table.T, 1e-12))
    total = np.zeros((n, len(CHAIN_TYPES)))
    np.add.at(total, chain, members)
    gaps = np.log(gap_likelihood(links.gap, objects.error_m))
    np.add.at(total, chain[links.first], gaps)
    count = np.bincount(chain, minlength=n)[chain]
    evidence = (total[chain] - members) / (1.0 + COMMON_ERROR * (count - 1))[:, None]
    evidence += np.log(TYPE_PRIOR)
    weight = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    alone = count < 2
    weight[alone] = 0.0
    weight[alone, CHAIN_TYPES.index("free")] = 1.0
    return np.asarray(weight @ table)


def _kinds_of(chain_type: str, prior: np.ndarray) -> np.ndarray:
    if chain_type not in KINDS_IN:
        alone = np.where(np.asarray(KINDS) == "railcar", LONE_WAGON, 1.0) * prior
        return np.asarray(alone / alone.sum())
    return np.array([KINDS_IN[chain_type].get(k, 1e-4) for k in KINDS])


def gap_likelihood(gap: np.ndarray, error_m: float) -> np.ndarray:
    """Density of each gap under each type of chain, (m, type), per metre.

    A gap may also be that of a wagon or container that is missing (or was there all the time).
    """
    wide = 1.4 * error_m
    anything = np.full(len(gap), 1.0 / (REACH_M + 3.0))
    coupled = _normal(gap, COUPLER_GAP_M, np.hypot(0.3, wide))
    missing = _normal(gap, COUPLER_GAP_M + WAGON_M, np.hypot(1.5, wide))
    touching = _normal(gap, 0.4, np.hypot(0.25, wide))
    slot = _normal(gap, 13.0, np.hypot(0.5, wide))
    apart = np.where((gap > 3) & (gap < 25), 1.0 / np.maximum(gap, 3) / np.log(25 / 3), 0.0)
    return np.stack(
        [
            0.86 * coupled + 0.05 * missing + 0.09 * anything,
            0.75 * touching + 0.10 * slot + 0.15 * anything,
            0.85 * apart + 0.15 * anything,
            anything,
        ],
        axis=1,
    )


def _normal(x: np.ndarray, mean: float, sigma: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((x - mean) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi)))
