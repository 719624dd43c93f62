"""What is claimed of an object: no kind that the pixels or the outline cannot tell."""

from __future__ import annotations

import numpy as np

from changedet.activity.things.kinds import LINE_M, Setting
from changedet.activity.things.sizes import SIZES
from changedet.model import GSD_TOLERANCE, KINDS

CALIBRATED = (
    (0.0, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0),
    (0.0, 0.34, 0.53, 0.655, 0.75, 0.825, 0.92, 0.97, 0.997),
)
"""Probability of the best kind, and what is said of it: half of the way to the share that is right
by monotone regression (Zadrozny and Elkan 2002, doi:10.1145/775047.775151), since that is learnt on
the same outlines as all the weights."""
FINEST_GSD_M: dict[str, float] = {
    "railcar": 1.0, "container": 1.0, "truck": 1.0, "vehicle": 0.75, "convoy": 3.0,
    "container_stack": 3.0, "train": 10.0, "building": 10.0, "earthwork": 30.0,
}  # fmt: skip
"""Coarsest ground sample distance at which a kind is claimed; others always are."""
SINGLE = ("railcar", "container", "truck", "vehicle")
"""Kinds that are single things."""
TRAINS_GSD_M = 3.0
"""Above it trains are no longer told apart: an occupied length of track, and only of one that was
given."""
SHORTEST_M = {k: min(s.length[0] for s in SIZES if s.kind == k) for k in SINGLE}
"""Length of the shortest single thing of each kind, metres."""
LEAST_SHOWN = 0.5
"""Of an outline that is shorter than this share of :data:`SHORTEST_M` no such thing is claimed: it
holds a piece of something, and counted by itself it would be one too many."""
BROADEST_M, BROADEST_PX = 3.4, 4.0
"""No outline of one train or convoy is broader than both together, where single things are not
told: its own width, and two pixels of spill to either side. A yard under one outline is no train.
"""


def supported_kinds(setting: Setting) -> np.ndarray:
    """Which kinds the pixels can tell, (n, kind) bool.

    Single things only where the outline shows half of the shortest of its kind, or is cut. Above
    1 m no single wagons, containers or lorries, and trains and convoys only where the
    outline is no broader than one of them; above 3 m a train is only an occupied length of a given
    track.
    """
    n, out = len(setting.objects), []
    for kind in KINDS:
        limit = FINEST_GSD_M.get(kind, np.inf) * GSD_TOLERANCE
        out.append(np.full(n, setting.gsd_m <= limit))
    told = np.stack(out, axis=1)
    objects = setting.objects
    for kind, shortest in SHORTEST_M.items():
        shown = (objects.length >= LEAST_SHOWN * shortest) | objects.cut
        told[:, KINDS.index(kind)] &= shown
    if setting.gsd_m > FINEST_GSD_M["railcar"] * GSD_TOLERANCE:
        narrow = objects.width <= BROADEST_M + BROADEST_PX * setting.gsd_m
        for kind in ("train", "convoy"):
            told[:, KINDS.index(kind)] &= narrow
    if setting.gsd_m > TRAINS_GSD_M * GSD_TOLERANCE:
        on = np.zeros(n, dtype=bool)
        if setting.tracks is not None:
            on = setting.tracks.distance < LINE_M + setting.gsd_m
            on &= ~(setting.tracks.angle > 20.0)
        told[:, KINDS.index("train")] &= on
    return told


def choose_kinds(probability: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pick the most probable kind that can be told, and how probable it is.

    What cannot be told counts as ``other``.

    Parameters
    ----------
    probability : (n, kind) array
        From :func:`changedet.activity.kind_probabilities`.
    told : (n, kind) bool array
        From :func:`supported_kinds`.

    Returns
    -------
    kind : (n,) object array
        One of :data:`changedet.model.KINDS`.
    confidence : (n,) float64 array
        Its probability, drawn towards the share that turned out right (:data:`CALIBRATED`).
    """
    kept = np.where(told, probability, 0.0)
    kept[:, KINDS.index("other")] += np.where(told, 0.0, probability).sum(axis=1)
    best = kept.argmax(axis=1)
    confidence = np.interp(kept[np.arange(len(best)), best], *CALIBRATED)
    return np.asarray(KINDS, dtype=object)[best], confidence
