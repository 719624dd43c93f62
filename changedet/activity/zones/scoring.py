"""The formula of the activity score, and the weight of each object in it."""

from __future__ import annotations

import math

import numpy as np

from changedet.model import ChangeTable

SHARE_SCALE = 0.05
"""Changed share of a zone's ground that scores 63 of 100."""


def activity_score(net_share: float, weight: float = 1.0) -> float:
    """Turn a changed share of the ground into a score from 0 to 100.

    ``100 * (1 - exp(-weight * net_share / 0.05))``: nothing changed scores 0, each further square
    metre adds something and never takes anything away, and a zone that changed all over cannot
    run off the scale. In the part that matters in practice, below 2 %, it is close to 20 points
    for each percent of the ground.

    The scale is set by a case from the open literature. A border rail yard of about 6 ha held at
    most some 20 freight cars in five years of images and 73 on the day that made the news; at
    13.9 m by 3.1 m a car, 5, 20 and 73 cars are 0.4, 1.4 and 5.2 % of that yard, and score 7, 25
    and 65.

    Parameters
    ----------
    net_share : float
        Changed part of the observable ground, 0 to 1, after what false alarms explain.
    weight : float
        The zone's own weight.

    Returns
    -------
    float
        0 to 100. It is a score, not a probability.
    """
    return 100.0 * -math.expm1(-max(0.0, net_share) * weight / SHARE_SCALE)


def object_weights(changes: ChangeTable) -> tuple[np.ndarray, str]:
    """How far each object can be believed, 0 to 1.

    The weight is 1 - q. The q-value is the share of false ones to expect among all objects at
    least as significant, so the sum of area x weight estimates the area of real change. Where
    there are no q-values they are made from the p-values (Benjamini-Hochberg) or from the score,
    which is -log10 p. Objects that are explained away weigh nothing.

    Parameters
    ----------
    changes : ChangeTable
        Objects, with any of ``q_value``, ``p_value``, ``score``.

    Returns
    -------
    weights : (n,) float64 array
    source : str
        Which column they come from: ``q_value``, ``p_value``, ``score``, or ``none`` when there
        is nothing to weigh by and every object counts in full.
    """
    counts = ~changes.explained
    weights, source = np.ones(len(changes)), "none"
    for name in ("q_value", "p_value", "score"):
        values = changes[name]
        if not np.isfinite(values[counts]).any():
            continue
        source = name
        p = np.power(10.0, -np.maximum(values, 0)) if name == "score" else values
        p = np.clip(np.where(np.isfinite(p), p, 1.0), 0, 1)
        q = p if name == "q_value" else np.ones(len(p))
        if name != "q_value":
            q[counts] = _benjamini_hochberg(p[counts])
        weights = 1 - q
        break
    return np.where(counts, weights, 0.0), source


def _benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values: the smallest false discovery rate at which each would be kept."""
    order = np.argsort(p, kind="stable")
    ranked = p[order] * len(p) / np.arange(1, len(p) + 1)
    out = np.empty(len(p))
    out[order] = np.minimum(1, np.minimum.accumulate(ranked[::-1])[::-1])
    return out
