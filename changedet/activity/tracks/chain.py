"""The hidden Markov chain along a track: whether it is occupied before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STATES: tuple[tuple[int, int], ...] = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Occupied before, occupied after."""
RUN_M = 120.0
"""Typical length of a run of wagons, and of a free stretch, metres."""
START = (0.55, 0.1, 0.1, 0.25)
"""Probabilities of the states at the end of a track."""


def transition(step: float) -> np.ndarray:
    """(4, 4) probabilities from one step to the next; the two dates change by themselves."""
    change = min(0.5, step / RUN_M)
    one = np.array([[1 - change, change], [change, 1 - change]])
    return np.array([[one[a, c] * one[b, d] for c, d in STATES] for a, b in STATES])


def smooth_states(evidence: np.ndarray, parts: Sequence[slice], step: float) -> np.ndarray:
    """Posterior probabilities of the states along every piece (forward-backward algorithm).

    All pieces are run through together, so that the loop is one over steps.

    Parameters
    ----------
    evidence : (n, 4) float array
        Log-likelihood of each step in each state.
    parts : sequence of slice
        Pieces of track.
    step : float
        Metres.

    Returns
    -------
    (n, 4) float64 array
    """
    longest = max(p.stop - p.start for p in parts)
    likelihood = np.ones((longest, len(parts), len(STATES)))
    inside = np.zeros((longest, len(parts), 1), dtype=bool)
    scaled = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    for k, p in enumerate(parts):
        likelihood[: p.stop - p.start, k] = scaled[p]
        inside[: p.stop - p.start, k] = True
    move = transition(step)
    forward, backward = np.empty_like(likelihood), np.ones_like(likelihood)
    state = np.broadcast_to(np.array(START), likelihood.shape[1:])
    for i in range(longest):
        state = (state if i == 0 else state @ move) * likelihood[i]
        state = state / state.sum(axis=1, keepdims=True)
        forward[i] = state
    for i in range(longest - 2, -1, -1):
        state = (likelihood[i + 1] * backward[i + 1]) @ move.T
        state = state / state.sum(axis=1, keepdims=True)
        backward[i] = np.where(inside[i + 1], state, 1.0)
    both = forward * backward
    both /= both.sum(axis=2, keepdims=True)
    return np.concatenate([both[: p.stop - p.start, k] for k, p in enumerate(parts)])
