"""The control: how much changed on ground where nothing is expected, to be taken off the rest.

What changes everywhere - light, season, a sensor, a poor alignment - changes the control as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Literal

import numpy as np
import shapely

from changedet.activity.zones.checks import frame_of
from changedet.model import Grid, Places

OUTSIDE = "outside"
"""Said instead of polygons: what lies outside all zones is the control."""
SIDE = 3
"""The control is cut into so many by so many parts: what is common to them is everywhere."""
LEAST_PART = 0.25
"""Parts with less observable ground than this share of the largest one are left out."""
COVERAGE = 0.9
"""Of the interval of the control's share, where there are parts enough."""

Control = Places | Literal["outside"] | None


@dataclass(frozen=True)
class ControlShare:
    """Changed share of the control."""

    what: str
    """``given``, ``zone`` or ``outside all zones``."""
    subtracted: bool
    """Whether it is taken off the zones, or only told."""
    share: float
    """Median over the parts of the changed share of their ground, after false alarms."""
    low: float
    """Lower end of an interval for it."""
    high: float
    """Upper end."""
    parts: int
    """Parts with enough ground to count."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "control": self.what,
            "control_subtracted": self.subtracted,
            "control_share": self.share,
            "control_share_low": self.low,
            "control_share_high": self.high,
            "control_parts": self.parts,
        }


def control_ground(
    zones: Places | None, control: Control, grid: Grid
) -> tuple[Places, str, bool] | None:
    """Parts of the control, what it is, and whether it was asked for.

    The control is what is given, or else the zones that say they are one, or else what lies
    outside all zones. What other zones cover is never part of it.

    Parameters
    ----------
    zones : Places or None
        In the grid's CRS.
    control : Places, "outside" or None
        In the grid's CRS.
    grid : Grid
        Parts lie inside it.

    Returns
    -------
    tuple or None
        None where there is no such ground.
    """
    flags = () if zones is None else zones.control
    names = [i for i, flagged in enumerate(flags) if flagged]
    shapes = () if zones is None else zones.geometry
    others = [_usable(g) for i, g in enumerate(shapes) if i not in names]
    if isinstance(control, Places):
        ground, what = _union(map(_usable, control.geometry)), "given"
    elif control is None and names and zones is not None:
        ground, what = _union(_usable(zones.geometry[i]) for i in names), "zone"
    elif others or control is not None:
        ground, what = frame_of(grid), "outside all zones"
    else:
        return None
    ground = shapely.difference(shapely.intersection(ground, frame_of(grid)), _union(others))
    parts = [part for part in _cut(ground) if part.area > 0]
    if not parts:
        return None
    names_of_parts = tuple(f"control {i}" for i in range(1, len(parts) + 1))
    asked = control is not None or what == "zone"
    return (
        Places(names_of_parts, np.array([*parts, None], dtype=object)[:-1], grid.crs),
        what,
        asked,
    )


def _usable(shape: Any) -> Any:
    return shape if shape.is_valid else shapely.make_valid(shape)


def _union(shapes: Any) -> Any:
    return shapely.union_all(list(shapes))


def _cut(ground: Any) -> list[Any]:
    if ground.is_empty:
        return []
    left, low, right, high = ground.bounds
    x, y = np.linspace(left, right, SIDE + 1), np.linspace(low, high, SIDE + 1)
    cells = [shapely.box(x[i], y[j], x[i + 1], y[j + 1]) for j in range(SIDE) for i in range(SIDE)]
    return list(shapely.intersection(ground, cells))


def control_share(
    shares: Sequence[float], observable: Sequence[float], what: str, subtracted: bool
) -> ControlShare | None:
    """Median of the parts' changed shares, with an interval from their order.

    An event is somewhere and a fault of the pair is everywhere: the median over parts of the
    control follows the second and not the first. Its interval is that between two order statistics
    (the sign test turned around); with fewer than five parts it is the whole range.

    Parameters
    ----------
    shares : sequence of float
        Changed share of each part, after false alarms.
    observable : sequence of float
        Observable area of each part.
    what, subtracted
        See :class:`ControlShare`.

    Returns
    -------
    ControlShare or None
        None where nothing of the control could be observed.
    """
    seen = np.asarray(observable, dtype=np.float64)
    if not (seen > 0).any():
        return None
    kept = seen >= LEAST_PART * seen.max()
    values = np.sort(np.asarray(shares, dtype=np.float64)[kept])
    n, skip = len(values), 0
    # values[skip] to values[n - 1 - skip] miss the median with chance 2 * P(Bin(n, 1/2) <= skip)
    while 2 * sum(comb(n, i) for i in range(skip + 2)) / 2**n <= 1 - COVERAGE:
        skip += 1
    return ControlShare(
        what, subtracted, float(np.median(values)), float(values[skip]),
        float(values[n - 1 - skip]), n,
    )  # fmt: skip
