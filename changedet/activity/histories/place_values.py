"""What one observation says of one place: the cells of which series are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from changedet.model import Observation


@dataclass(frozen=True)
class PlaceValue:
    """What one observation says of one place; None is missing."""

    value: float | None
    low: float | None = None
    high: float | None = None
    observable: float | None = None
    """Share of the place that was seen, 0 to 1."""
    deviation: float | None = None
    """Standard deviation of the value, by which sums get their interval."""


PlaceValues = list[list[PlaceValue]]
"""By day, and by image of that day."""


def row_of(observation: Observation, rows: str, key: str, name: str) -> dict[str, Any] | None:
    """Return the row of a place; None where the observation has none."""
    return next((r for r in getattr(observation, rows) if str(r[key]) == name), None)
