"""Why an object is called what it is called: one plain clause each."""

from __future__ import annotations

import numpy as np

from changedet.activity.things.claims import FINEST_GSD_M
from changedet.activity.things.kinds import LINE_M, Setting
from changedet.activity.things.placing import Relation
from changedet.model import GSD_TOLERANCE, KINDS

ALIGNED_DEG = 20.0
"""Largest angle at which a thing is said to lie along a line."""
FOUND = 0.5
"""How much of what the image shows must speak for a line along an object to mention it."""
WORDS = {"container": "container", "truck": "lorry", "railcar": "wagon", "vehicle": "car"}
"""What single things are called."""
ROAD_M = 8.0
"""Largest distance from the centreline at which a thing is said to be on a road, metres."""


def kind_reasons(
    setting: Setting,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    kind: np.ndarray,
    likely: np.ndarray,
    told: np.ndarray,
    chain: np.ndarray,
) -> list[str]:
    """Give the reason of each kind, such as ``13.6 m by 3.1 m, on track 4``.

    Parameters
    ----------
    setting : Setting
        What is known of the objects.
    names : (tracks, roads)
        Names of the lines.
    kind : (n,) object array
        What each is called.
    likely : (n,) object array
        What each would most likely be, could all be told.
    told : (n, kind) bool array
        From :func:`changedet.activity.supported_kinds`.
    chain : (n,) int array
        Which line of objects each belongs to.
    """
    objects, n = setting.objects, len(setting.objects)
    on_track = _on(setting.tracks, names[0], "track", 2 * LINE_M + setting.gsd_m, n)
    on_road = _on(setting.roads, names[1], "road", ROAD_M + setting.gsd_m, n)
    beside = np.bincount(chain, minlength=len(chain))[chain] - 1
    found = _found(setting, kind)
    coarse = setting.gsd_m > FINEST_GSD_M["railcar"] * GSD_TOLERANCE
    out = []
    for i in range(n):
        least = "at least " if objects.cut[i] else ""
        parts = [f"{least}{_metres(objects.length[i])} by {_metres(objects.width[i])}"]
        if kind[i] == "vegetation":
            parts.append(f"vegetation index {setting.vegetated[i]:.2f}")
        elif kind[i] == "water":
            parts.append(f"water index {setting.wet[i]:.2f}")
        elif on_track[i] or on_road[i]:
            parts.append(on_track[i] or on_road[i])
        elif found[i]:
            parts.append(found[i])
        elif beside[i] > 0:
            parts.append(f"in line with {beside[i]} other{'s' if beside[i] > 1 else ''}")
        if coarse and kind[i] in ("other", "train"):
            parts.append(f"single things are not told at {_metres(setting.gsd_m)} a pixel")
        elif kind[i] == "other" and likely[i] in WORDS and not told[i, KINDS.index(likely[i])]:
            parts.append(f"less than half as long as a {WORDS[likely[i]]}")
        out.append(", ".join(parts))
    return out


def _metres(value: float) -> str:
    return f"{value:.0f} m" if value >= 99.95 else f"{value:.3g} m"


def _on(
    relation: Relation | None, names: tuple[str, ...], word: str, reach_m: float, n: int
) -> list[str]:
    """``on track 4`` where an object lies along a line; empty elsewhere."""
    if relation is None:
        return [""] * n
    labels = [name if word in name.lower() else f"{word} {name}" for name in names]
    near = (relation.distance <= reach_m) & ~(relation.angle > ALIGNED_DEG)
    return [f"on {labels[k]}" if ok else "" for k, ok in zip(relation.line, near, strict=True)]


def _found(setting: Setting, kind: np.ndarray) -> list[str]:
    """``along a track found in the image`` where that speaks for the kind; empty elsewhere."""
    if setting.seen is None:
        return [""] * len(kind)
    share = setting.seen / setting.seen.sum(axis=1, keepdims=True)
    out = []
    for i, name in enumerate(kind):
        on_rail, on_road = name in ("railcar", "train"), name in ("truck", "convoy", "vehicle")
        if on_rail and setting.tracks is None and share[i, 0] > FOUND:
            out.append("along a track found in the image")
        elif on_road and setting.roads is None and share[i, 1] > FOUND:
            out.append("along a road found in the image")
        else:
            out.append("")
    return out
