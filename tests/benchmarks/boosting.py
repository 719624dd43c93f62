"""Boosted decision trees for what is learnt on simulated scenes (``learn_moves.py``)."""

from __future__ import annotations

from typing import Any

import numpy as np

BINS = 24


def boost(
    columns: np.ndarray,
    target: np.ndarray,
    offset: np.ndarray | float = 0.0,
    *,
    trees: int = 120,
    depth: int = 3,
    rate: float = 0.1,
    ridge: float = 5.0,
    least: float = 1.0,
) -> dict[str, Any]:
    """Fit trees to the logarithm of odds by Newton steps.

    Parameters
    ----------
    columns : (n, k) array
        NaN is not known, and taken as smaller than everything.
    target : (n,) array
        0 or 1.
    offset : (n,) array
        What is known of the log odds beforehand; not part of what is returned.
    trees, depth, rate
        How many, how many questions each asks, and the share of each step that is taken.
    ridge : float
        How strongly leaves are pulled to nothing.
    least : float
        Smallest curvature of a branch.

    Returns
    -------
    dict
        As :mod:`changedet.model.trees` reads it.
    """
    x = np.nan_to_num(columns, nan=-np.inf)
    edges = [_edges(c) for c in x.T]
    bins = np.stack([np.searchsorted(e, c, side="right") for e, c in zip(edges, x.T, strict=True)])
    wide = max(len(e) for e in edges) + 1
    score = np.zeros(len(target)) + offset
    constant = 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(score + constant)))
        step = (target - chance).sum() / (chance * (1 - chance)).sum()
        constant += float(np.clip(step, -1, 1))
    score = score + constant
    out: dict[str, Any] = {"constant": round(constant, 4), "column": [], "limit": [], "leaf": []}
    for _ in range(trees):
        chance = 1 / (1 + np.exp(-score))
        slope, bend = target - chance, chance * (1 - chance)
        node = np.zeros(len(target), dtype=np.int64)
        column: list[int] = []
        limit: list[float | None] = []
        for level in range(depth):
            which, at = _splits(node, bins, wide, edges, (slope, bend, ridge, least), 2**level)
            column += which.tolist()
            limit += [None if k < 0 else float(edges[c][k]) for c, k in zip(which, at, strict=True)]
            beyond = bins[which[node], np.arange(len(node))] > at[node]
            node = 2 * node + (beyond & (at[node] >= 0))
        total = [np.bincount(node, v, minlength=2**depth) for v in (slope, bend)]
        leaf = rate * total[0] / (total[1] + ridge)
        score = score + leaf[node]
        out["column"].append(column)
        out["limit"].append([None if v is None else float(f"{v:.6g}") for v in limit])
        out["leaf"].append([round(float(v), 5) for v in leaf])
    return out


def _edges(column: np.ndarray) -> np.ndarray:
    known = column[np.isfinite(column)]
    if not len(known):
        return np.zeros(0)
    # rounded as they are written, so that both sides of a limit stay where they were
    quantiles = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.unique([float(f"{v:.6g}") for v in quantiles])


def _splits(
    node: np.ndarray,
    bins: np.ndarray,
    wide: int,
    edges: list[np.ndarray],
    told: tuple[np.ndarray, np.ndarray, float, float],
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Best column and edge of each node; edge -1 where nothing is gained."""
    slope, bend, ridge, least = told
    best = np.full(count, 1e-6)
    which, at = np.zeros(count, dtype=np.int64), np.full(count, -1)
    for k, own in enumerate(bins):
        key = node * wide + own
        low = [
            np.bincount(key, v, minlength=count * wide).reshape(count, wide).cumsum(axis=1)
            for v in (slope, bend)
        ]
        high = [v[:, -1:] - v for v in low]
        gain = low[0] ** 2 / (low[1] + ridge) + high[0] ** 2 / (high[1] + ridge)
        gain -= low[0][:, -1:] ** 2 / (low[1][:, -1:] + ridge)
        gain[:, len(edges[k]) :] = 0.0
        gain[(low[1] < least) | (high[1] < least)] = 0.0
        top = gain.argmax(axis=1)
        value = gain[np.arange(count), top]
        better = value > best
        best, which, at = (
            np.where(better, value, best), np.where(better, k, which), np.where(better, top, at)
        )  # fmt: skip
    return which, at
