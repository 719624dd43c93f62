"""What left one place and arrived at another: departed and arrived objects in pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.activity.things.chains import Links, components
from changedet.activity.things.looking import Looks
from changedet.activity.things.placing import Placed
from changedet.activity.things.resembling import resemblance

MOVED_SHARE = 0.2
"""Share of what departed that is expected to stand elsewhere in the images."""
TOGETHER: dict[str, float] = {"railcar": 0.8, "train": 0.8, "truck": 0.5, "convoy": 0.5}
"""Chance that the next in line moved along: wagons are coupled, lorries follow each other. Others
move one by one."""
COUPLED_M = 4.0
"""Gap up to which two wagons are taken as coupled, metres."""
CANDIDATES = 24
"""Most similar arrivals that are looked at for each departure, at most."""
CAUTION = 10.0
"""With so many objects the scene's own share of moved ones weighs as much as the expected one."""
ROUNDS = 20
SHRINK = 0.1
"""Weight of the scene's mean against an object's own count of like ones."""
LONGEST_CHAIN = 64
"""Over how many neighbours evidence is passed on."""
MINIMUM_PROBABILITY, MINIMUM_ALONE = 0.65, 0.8
"""Pairs that are less certain than this are not claimed; those of things that move one by one have
no order to bear them out, and their looks are mistaken more often than they tell."""


@dataclass(frozen=True, eq=False)
class Moves:
    """Pairs of the same thing at two places."""

    departed: np.ndarray
    """(k,) row where it was."""
    arrived: np.ndarray
    """(k,) row where it is."""
    probability: np.ndarray
    """(k,) of each pair."""

    @classmethod
    def none(cls) -> Moves:
        """Nothing moved."""
        rows = np.zeros(0, dtype=np.int64)
        return cls(rows, rows, np.zeros(0))

    def joined(self, other: Moves) -> Moves:
        """Both, by departed row."""
        i = np.concatenate([self.departed, other.departed])
        j = np.concatenate([self.arrived, other.arrived])
        chance = np.concatenate([self.probability, other.probability])
        order = np.argsort(i, kind="stable")
        return Moves(i[order], j[order], chance[order])


def pair_moves(
    objects: Placed,
    kinds: np.ndarray,
    looks: Looks,
    links: Links,
    departed: np.ndarray,
    arrived: np.ndarray,
) -> Moves:
    """Pair departed and arrived objects of like size and look by optimal assignment.

    Each possible pair gets the logarithm of the odds that it is one thing: how well size and look
    agree, against how often unrelated objects of this scene agree as well, and how well their
    neighbours in a train or row agree in the same order. The assignment of the largest sum wins
    (dummy partners cost 0), and of it only pairs are kept that no other partner rivals.

    Parameters
    ----------
    objects : Placed
        All objects.
    kinds : (n,) object array
        Theirs.
    looks : Looks
        Theirs.
    links : Links
        Which of them are next to each other.
    departed, arrived : (a,), (b,) int arrays
        Rows that may be paired.

    Returns
    -------
    Moves
        By departed row.

    Notes
    -----
    Sparse: only the most similar arrivals of each departure are looked at; the assignment is that
    of Jonker and Volgenant for sparse costs (doi:10.1007/BF02278710), and the evidence of
    neighbours is passed along chains as in Pearl's belief propagation. Twins in one train cannot
    be told apart but by their order; alike ones that stand alone are left unpaired. A train that
    was turned round is not recognised as a train, only wagon by wagon.
    """
    seen = np.isfinite(looks.value).all(axis=1) & np.isfinite(looks.contrast).all(axis=1)
    departed, arrived = departed[seen[departed]], arrived[seen[arrived]]
    if len(departed) == 0 or len(arrived) == 0:
        return Moves.none()
    i, j = _candidates(objects, looks, departed, arrived)
    apart = objects.apart(i, j)
    i, j = i[apart], j[apart]
    if len(i) == 0:
        return Moves.none()
    everything = np.concatenate([departed, arrived])
    evidence = resemblance(objects, looks, i, j)
    evidence -= _chance(objects, looks, links, i, j, everything)
    evidence += _along_chains(objects, kinds, links, i, j, evidence)
    least = np.where(np.isin(kinds, tuple(TOGETHER)), MINIMUM_PROBABILITY, MINIMUM_ALONE)
    return _assign(i, j, _log_odds(i, j, evidence, len(departed), len(arrived)), least)


def _candidates(
    objects: Placed, looks: Looks, departed: np.ndarray, arrived: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of each departure and the arrivals most like it."""
    from scipy.spatial import cKDTree

    size = np.log(np.maximum(objects.length, 1e-3))[:, None]
    spread = 1.5 * objects.error_m / np.maximum(objects.length, 1e-3)
    # a step in length by its error counts as a step in look by a fifth of the contrast
    space = np.column_stack([looks.value, 0.2 * size / max(float(np.median(spread)), 1e-3)])
    count = min(CANDIDATES, len(arrived))
    near = cKDTree(space[arrived]).query(space[departed], k=np.arange(1, count + 1))[1]
    i, j = np.repeat(departed, count), arrived[near.ravel()]
    like = np.abs(size[i, 0] - size[j, 0]) < 4 * np.hypot(spread[i], spread[j])
    return i[like], j[like]


def _chance(
    objects: Placed,
    looks: Looks,
    links: Links,
    i: np.ndarray,
    j: np.ndarray,
    everything: np.ndarray,
) -> np.ndarray:
    """Logarithm of the share of unrelated objects that are as much like each arrival.

    Counted among all objects but the two themselves, and drawn towards what is usual in the
    scene: paints are few, so two alike things need not be one even where no third is like them.
    """
    chain = components(links, len(objects))
    whom, like = _candidates(objects, looks, everything, everything)
    other = whom != like
    whom, like = whom[other], like[other]
    kernel = np.exp(resemblance(objects, looks, like, whom))
    alike = np.bincount(whom, kernel, minlength=len(objects))
    apart = chain[whom] != chain[like]
    # one alike pair more than were seen: a few objects cannot rule it out
    usual = (kernel[apart].sum() + 1.0) / len(everything)
    own = np.maximum(alike[j] - np.exp(resemblance(objects, looks, i, j)), 0.0)
    return np.log((own + SHRINK * usual) / (1 + SHRINK) / len(everything))


def _along_chains(
    objects: Placed,
    kinds: np.ndarray,
    links: Links,
    i: np.ndarray,
    j: np.ndarray,
    evidence: np.ndarray,
) -> np.ndarray:
    """What the neighbours of a pair say of it: whether the next ones moved along, in order.

    Messages are passed inwards along both directions of the chain until they stand still.
    """
    together = np.array([TOGETHER.get(k, 0.0) for k in kinds])
    row, far, gap = links.neighbours(len(objects))
    index = {pair: k for k, pair in enumerate(zip(i.tolist(), j.tolist(), strict=True))}
    same = (objects.along[i] * objects.along[j]).sum(axis=1) >= 0
    following = np.full((len(i), 2), -1, dtype=np.int64)
    rate, stays = np.zeros((len(i), 2)), np.zeros((len(i), 2))
    for end in (0, 1):
        a, gap_a = row[i, end], gap[i, end]
        there = np.where(same, end, 1 - end)
        b, gap_b = row[j, there], gap[j, there]
        both = (a >= 0) & (b >= 0) & (np.abs(gap_a - gap_b) < 0.5 + 3 * objects.error_m)
        pairs = zip(a.tolist(), b.tolist(), both.tolist(), strict=True)
        next_pair = np.array([index.get((x, y), -1) if ok else -1 for x, y, ok in pairs])
        rail = np.isin(kinds[i], ("railcar", "train"))
        near = ~rail | (np.fmin(gap_a, gap_b) < COUPLED_M)
        rate[:, end] = np.where(near & ((a >= 0) | (b >= 0)), together[i], 0.0)
        stays[:, end] = np.log(1 - rate[:, end])
        follows = (next_pair >= 0) & (rate[:, end] > 0)
        following[:, end] = np.where(follows, 2 * next_pair + far[i, end], -1)
    message = stays
    for _ in range(LONGEST_CHAIN):
        onward = evidence[following // 2] + message.ravel()[following]
        told = np.logaddexp(np.log(np.maximum(rate, 1e-9)) + onward, stays)
        new = np.where(following >= 0, told, stays)
        if np.abs(new - message).max() < 1e-9:
            break
        message = new
    return message.sum(axis=1)


def _log_odds(
    i: np.ndarray, j: np.ndarray, evidence: np.ndarray, departed: int, arrived: int
) -> np.ndarray:
    """Log odds of each pair, with the share of what moved as this scene shows it.

    The share is that at which the pairs found at it are as many as it says (expectation
    maximisation), kept within reason where a handful of objects cannot tell.
    """
    share = MOVED_SHARE
    r = np.unique(i, return_inverse=True)[1]
    c = np.unique(j, return_inverse=True)[1]
    for _ in range(ROUNDS):
        odds = np.log(share / (1 - share) / arrived) + evidence
        moved = float(_probability(r, c, odds).sum())
        share = (moved + MOVED_SHARE * CAUTION) / (departed + CAUTION)
        share = min(max(share, 0.02), 0.8)
    return odds


def _probability(r: np.ndarray, c: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Of each pair, among all partners of either and none."""
    weight = np.exp(np.clip(odds, -50, 50))
    by_row = weight / (1 + np.bincount(r, weight))[r]
    by_col = weight / (1 + np.bincount(c, weight))[c]
    return np.minimum(by_row, by_col)


def _assign(i: np.ndarray, j: np.ndarray, odds: np.ndarray, least: np.ndarray) -> Moves:
    """Assignment of the largest sum of log odds; keep what has no rival.

    ``least`` is the probability needed by each object.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows, r = np.unique(i, return_inverse=True)
    cols, c = np.unique(j, return_inverse=True)
    probability = _probability(r, c, odds)
    top = float(np.abs(odds).max()) + 1.0
    dummy = np.arange(len(rows))
    cost = np.concatenate([top - odds, np.full(len(rows), top)])
    at = (np.concatenate([r, dummy]), np.concatenate([c, len(cols) + dummy]))
    graph = coo_array((cost, at), shape=(len(rows), len(cols) + len(rows))).tocsr()
    chosen_row, chosen_col = min_weight_full_bipartite_matching(graph)
    partner = np.full(len(rows), -1)
    partner[chosen_row] = chosen_col
    keep = (partner[r] == c) & (probability >= least[i])
    order = np.argsort(i[keep], kind="stable")
    return Moves(i[keep][order], j[keep][order], probability[keep][order])
