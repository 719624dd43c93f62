"""How objects look at the date that holds them, in one radiometry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from changedet.activity.things.placing import Placed
from changedet.activity.things.profiling import sample_profiles
from changedet.model import Appearance, PairReader


class Matching(Protocol):
    """Brings values of the before image to the radiometry of the after image."""

    def apply(self, before: np.ndarray) -> np.ndarray:
        """(band, n) float32 to the same."""
        ...


SHADED_CURVED, SHADED_FLAT = 0.12, 0.03
"""By how much brightness changes with the sun: vaulted roofs, tanks and heaps of wagons turn to it
or away; flat tops keep step with the ground."""


@dataclass(frozen=True, eq=False)
class Looks:
    """How each object looks at the date that holds it, in units of typical contrast."""

    value: np.ndarray
    """(n, band) mean inside, in the radiometry of the after image."""
    contrast: np.ndarray
    """(n, band) the surroundings less that."""
    shaded: np.ndarray
    """(n,) relative standard deviation of its brightness from one sun to another."""
    profile: np.ndarray | None = None
    """(n, station, band) colours along the middle, from end to end; NaN where unknown."""


def look_of(
    objects: Placed,
    kinds: np.ndarray,
    appearance: Appearance,
    radiometry: Matching | None,
    pair: PairReader | None = None,
) -> Looks:
    """Looks of objects at the date that holds them (the after image, where both do).

    Parameters
    ----------
    objects : Placed
        Objects.
    kinds : (n,) object array
        What they are.
    appearance : Appearance
        Theirs.
    radiometry : Matching or None
        None: median and spread of the surroundings are matched, which is right to first order.
    pair : PairReader, optional
        The aligned pair; with it the colours along each object are looked at as well.
    """
    match = matching(appearance, radiometry)
    scale = appearance.scale[1]
    after = ((objects.dates & 2) > 0)[:, None]
    value = np.where(after, appearance.inside[1], match(appearance.inside[0])) / scale
    around = np.where(after, appearance.around[1], match(appearance.around[0])) / scale
    profile = None
    if pair is not None:
        before, now = sample_profiles(objects, pair)
        profile = np.where(after[:, :, None], now, match(before)) / scale
    rail = np.isin(kinds, ("railcar", "train"))
    shaded = np.where(rail, SHADED_CURVED, SHADED_FLAT)
    return Looks(value, around - value, shaded, profile)


def matching(
    appearance: Appearance, radiometry: Matching | None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what brings before values (..., band) to the radiometry of the after image."""

    def match(values: np.ndarray) -> np.ndarray:
        if radiometry is None:
            return _matched(values, appearance)
        flat = np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T, dtype=np.float32)
        return radiometry.apply(flat).T.reshape(values.shape).astype(np.float64)

    return match


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
