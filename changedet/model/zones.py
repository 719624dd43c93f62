"""Named places and what happened in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pyproj import CRS


@dataclass(frozen=True, eq=False)
class Places:
    """Named geometries: zones (polygons), tracks and roads (lines), areas of interest.

    Parameters
    ----------
    names : tuple of str
        Unique.
    geometry : (n,) object array of shapely geometries
        In ``crs``; in pixels when ``crs`` is None.
    crs : pyproj.CRS or None
        Of the geometry.
    weights : tuple of float
        One a place, 1 by default; weighs the place's activity.
    source : str
        Where they come from, for messages.
    kind_weights : tuple of dict
        One a place: how much an object of a kind counts there; kinds left out count 1.
    control : tuple of bool
        One a place: whether it is ground where nothing is expected, with which others are compared.
    """

    names: tuple[str, ...]
    geometry: np.ndarray
    crs: CRS | None = None
    weights: tuple[float, ...] = ()
    source: str = ""
    kind_weights: tuple[dict[str, float], ...] = ()
    control: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<Places: {', '.join(self.names) or 'none'}>"


@dataclass(frozen=True)
class ZoneActivity:
    """Activity of one zone between two dates, with the parts of its score."""

    zone: str
    """Name; ``site`` for everything observed."""
    area_m2: float | None
    """Area of the zone inside the grid, square metres (pixels without georeferencing)."""
    observable_fraction: float | None
    """Share of that area in which a change could have been seen, 0 to 1."""
    score: float | None
    """Activity score 0 to 100; None where nothing could be observed."""
    appeared: int
    """Objects that appeared, unexplained ones only."""
    disappeared: int
    """Objects that disappeared."""
    modified: int
    """Objects that are there at both dates and look different."""
    moved: int
    """Objects that moved, each counted once, where it arrived."""
    explained: int
    """Objects explained away (shadow, misregistration ...), not counted elsewhere."""
    area_appeared_m2: float
    """Area of what appeared."""
    area_disappeared_m2: float
    """Area of what disappeared."""
    area_modified_m2: float
    """Area of what was modified or moved."""
    turnover: float | None
    """Changed area over observable area, 0 to 1."""
    weighted_share: float | None
    """Changed area over observable area, each object weighed by its significance, 0 to 1."""
    expected_false_objects: float | None
    """False objects to expect in the observed area at the calibrated rate."""
    parts: dict[str, Any] = field(default_factory=dict)
    """Everything else the score is made of, by name."""
    score_low: float | None = None
    """Lower end of an interval for the score; None where no rate of false alarms is known."""
    score_high: float | None = None
    """Upper end of that interval."""
    arrivals: int | None = None
    """Objects that appeared, or moved here from elsewhere."""
    departures: int | None = None
    """Objects that disappeared, or moved from here to elsewhere."""
    cut: int | None = None
    """Counted objects of which a part may be hidden: their kind is not counted, their area is."""
    by_kind: dict[str, dict[str, int]] = field(default_factory=dict)
    """Whole objects by kind, and by change within it."""
    occupancy_before: float | None = None
    """Occupied share of the tracks in the zone; None without rows for tracks."""
    occupancy_after: float | None = None
    """The same at the second date."""
    churn: float | None = None
    """What came and went over what was there at both dates; None where that is not known."""

    def __repr__(self) -> str:
        if self.score is None:
            return f"<ZoneActivity: {self.zone}, nothing could be observed>"
        counts = f"{self.appeared} appeared, {self.disappeared} disappeared, "
        counts += f"{self.modified} modified, {self.moved} moved"
        return f"<ZoneActivity: {self.zone}, score {self.score:.0f}, {counts}>"

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        from dataclasses import asdict

        return asdict(self)
