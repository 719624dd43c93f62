"""What objects stand on: what stands on the same ground stands in the same kind of place.

Tracks lie in ballast, roads are paved, boxes stand on a pad. What colour each of these has at a
site is not known beforehand, but of many objects it is clear where they stand: lines run along
them, and they are coupled. So the ground beside each object is compared with that beside the
others, at both dates, and each is judged by those of other chains alone.
"""

from __future__ import annotations

import numpy as np

from changedet.activity.things.placing import Placed
from changedet.activity.things.profiling import sample_strips
from changedet.model import PairReader

REACH_M, STEP_M = 20.0, 1.0
"""How far along the axis ground is looked at to either side of the middle, and the step, metres."""
NEAR_M, FAR_M, ACROSS_STEP_M = 2.5, 9.0, 0.5
"""From where to where across the axis, beyond the object itself, and the step, metres."""
LIT = 0.6
"""Which quantile of what lies there is the ground: shadows are darker, roofs mostly fewer."""
DARKEST = 0.02
"""Darker ground, against that of the typical object, counts as this."""
PRIOR_OBJECTS = 4.0
"""As how many objects counts that a ground looks like that of any object."""
SHRUNK = 0.3
"""Share of the covariance of colours between bands and dates that is left out: few objects tell."""
LEAST_SD = 0.05
"""Standard deviation of ln brightness on the evenest ground."""
FEWEST = 4
"""Fewer objects tell nothing about each other."""
LEAST = 1e-4
"""No ground is less likely than this against the most likely one: pads may be patched."""


def look_around(objects: Placed, pair: PairReader) -> np.ndarray:
    """Colour of the ground beside each object.

    Parameters
    ----------
    objects : Placed
        In ground metres.
    pair : PairReader
        The aligned pair.

    Returns
    -------
    (n, date times band) float64 array
        Natural logarithm; NaN where nothing is valid or the direction is unknown.
    """
    out = np.full((len(objects), 2 * len(pair.roles)), np.nan)
    usable = np.flatnonzero(np.isfinite(objects.along).all(axis=1) & np.isfinite(objects.x))
    u = np.arange(-REACH_M, REACH_M + STEP_M / 2, STEP_M)
    side = np.arange(NEAR_M, FAR_M + ACROSS_STEP_M / 2, ACROSS_STEP_M)
    v = np.concatenate([-side[::-1], side])
    for mine, ground in sample_strips(objects, usable, u, v, pair, _lit):
        out[mine] = np.moveaxis(ground, 0, 1).reshape(len(mine), -1)
    known = np.isfinite(out).all(axis=1)
    if not known.any():
        return np.full_like(out, np.nan)
    least = np.maximum(DARKEST * np.median(out[known], axis=0), 1e-6)
    return np.asarray(np.where(known[:, None], np.log(np.maximum(out, least)), np.nan))


def _lit(values: np.ndarray) -> np.ndarray:
    """Quantile :data:`LIT` of samples (date, n, along, across, band): (date, n, band)."""
    flat = np.sort(values.reshape(*values.shape[:2], -1, values.shape[-1]), axis=2)
    # what is not valid comes last
    known = np.isfinite(flat).sum(axis=2, keepdims=True)
    place = np.floor(LIT * np.maximum(known - 1, 0)).astype(np.int64)
    return np.take_along_axis(flat, place, axis=2)[:, :, 0]


def same_ground(colours: np.ndarray, standing: np.ndarray, chain: np.ndarray) -> np.ndarray:
    """How likely the ground beside each object is on each kind of place, by what stands elsewhere.

    Each kind of place has a colour of its own, a mean over the objects that stand there; the
    spread about it is common to all. The means are learnt without the object and its chain, so
    that nothing bears itself out; where few stand, any ground will do.

    Parameters
    ----------
    colours : (n, f) array
        From :func:`look_around`.
    standing : (n, place) array
        How probable it is that each object stands in each kind of place.
    chain : (n,) int array
        Which chain each object belongs to.

    Returns
    -------
    (n, place) float64 array
        Up to a factor; 1 where nothing is known.

    Notes
    -----
    A linear discriminant with soft labels, each left out with its chain, and means drawn towards
    that of all. Fails where pads are made of what lies between the rails, and where most objects
    were taken for something else.
    """
    out = np.ones(standing.shape)
    known = np.flatnonzero(np.isfinite(colours).all(axis=1))
    if len(known) < FEWEST:
        return out
    x, weight = colours[known], standing[known]
    _, chain = np.unique(chain[known], return_inverse=True)
    overall = x.mean(axis=0)
    spread = np.cov(x.T, bias=True).reshape(x.shape[1], x.shape[1])
    count = weight.sum(axis=0)
    total = weight.T @ x
    mean = total / np.maximum(count, 1e-9)[:, None]
    # squares about the mean of each place
    within = sum(((x - m) * weight[:, k : k + 1]).T @ (x - m) for k, m in enumerate(mean)) / len(x)
    within = (1 - SHRUNK) * within + SHRUNK * np.diag(np.diag(within))
    within += LEAST_SD**2 * np.eye(len(within))
    said = np.zeros(weight.shape)
    for k in range(weight.shape[1]):
        mine = np.bincount(chain, weight[:, k])
        own = np.stack([np.bincount(chain, weight[:, k] * x[:, j]) for j in range(x.shape[1])], 1)
        others = count[k] - mine[chain]
        middle = (total[k] - own[chain] + PRIOR_OBJECTS * overall) / (others + PRIOR_OBJECTS)[
            :, None
        ]
        unsure = PRIOR_OBJECTS / (others + PRIOR_OBJECTS)
        covariance = within + unsure[:, None, None] * spread
        off = x - middle
        far = (off * np.linalg.solve(covariance, off[:, :, None])[:, :, 0]).sum(axis=1)
        said[:, k] = -0.5 * (far + np.linalg.slogdet(covariance)[1])
    out[known] = np.maximum(np.exp(said - said.max(axis=1, keepdims=True)), LEAST)
    return out
