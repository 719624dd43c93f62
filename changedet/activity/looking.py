"""How objects look at the date that holds them, in one radiometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from changedet.activity.placing import Placed
from changedet.model import Appearance


class Matching(Protocol):
    """Brings values of the before image to the radiometry of the after image."""

    def apply(self, before: np.ndarray) -> np.ndarray:
        """(band, n) float32 to the same."""
        ...


@dataclass(frozen=True, eq=False)
class Looks:
    """How each object looks at the date that holds it, in units of typical contrast."""

    value: np.ndarray
    """(n, band) mean inside, in the radiometry of the after image."""
    contrast: np.ndarray
    """(n, band) the surroundings less that."""


def look_of(objects: Placed, appearance: Appearance, radiometry: Matching | None) -> Looks:
    """Looks of objects at the date that holds them (the after image, where both do).

    Parameters
    ----------
    objects : Placed
        Objects.
    appearance : Appearance
        Theirs.
    radiometry : Matching or None
        None: median and spread of the surroundings are matched, which is right to first order.
    """
    before = []
    for values in (appearance.inside[0], appearance.around[0]):
        if radiometry is None:
            before.append(_matched(values, appearance))
        else:
            flat = radiometry.apply(np.ascontiguousarray(values.T, dtype=np.float32))
            before.append(flat.T.astype(np.float64))
    after = (objects.dates & 2) > 0
    value = np.where(after[:, None], appearance.inside[1], before[0])
    around = np.where(after[:, None], appearance.around[1], before[1])
    return Looks(value / appearance.scale[1], (around - value) / appearance.scale[1])


def _matched(values: np.ndarray, appearance: Appearance) -> np.ndarray:
    """Values of the before image with median and spread of the surroundings as after."""
    known = np.isfinite(appearance.around).all(axis=(0, 2))
    if not known.any():
        return values
    old, new = appearance.around[0][known], appearance.around[1][known]
    middle = np.median(old, axis=0), np.median(new, axis=0)
    spread = [np.median(np.abs(v - m), axis=0) for v, m in zip((old, new), middle, strict=True)]
    usable = (spread[0] > 0) & (spread[1] > 0) & (known.sum() >= 10)
    gain = np.where(usable, spread[1] / np.where(spread[0] > 0, spread[0], 1.0), 1.0)
    return np.asarray(middle[1] + gain * (values - middle[0]))
