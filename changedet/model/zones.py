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
    """

    names: tuple[str, ...]
    geometry: np.ndarray
    crs: CRS | None = None
    weights: tuple[float, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        return len(self.names)


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
    """Objects that moved."""
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

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        from dataclasses import asdict

        return asdict(self)
