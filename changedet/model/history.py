"""A site over many dates: what each date gave, the series of a place, and what each date was."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

Measure = Literal["objects", "area_m2", "cars", "occupied_m", "appeared", "disappeared"]
MEASURES: dict[str, str] = {
    "objects": "objects there, relative to the reference",
    "area_m2": "square metres covered by them",
    "appeared": "objects that appeared",
    "disappeared": "objects that disappeared",
    "occupied_m": "metres of track occupied",
    "cars": "rail cars on the track",
}
"""What a series can hold, in words."""


COMPARED_WITH = "the reference, with which the others are compared"
"""Why the reference has no value in a zone."""
ALL_TRACKS = "all tracks"
"""The place that holds the sum over all tracks."""


@dataclass(frozen=True)
class Observation:
    """What one date gave, compared with the reference; plain rows as in ``summary.json``."""

    acquired: datetime
    """UTC."""
    image: str
    """Which image or report."""
    activity: tuple[dict[str, Any], ...] = ()
    """One entry a zone, the site last; empty where the date is missing or the reference."""
    tracks: tuple[dict[str, Any], ...] = ()
    """One entry a track."""
    reason: str | None = None
    """Why the date is missing."""
    reference: bool = False
    """Whether all others are compared with this one."""


@dataclass(frozen=True)
class HistoryDate:
    """One date of one series: its value, and how it stands to the dates before it.

    Missing is None everywhere. Probabilities are those of at least this value on a normal date.
    """

    acquired: datetime
    """UTC."""
    image: str
    """Which image or report."""
    value: float | None
    """In the series' unit; None where the place was not seen."""
    value_low: float | None = None
    """Low end of what the value may be, where it was measured with an interval."""
    value_high: float | None = None
    """High end."""
    observable: float | None = None
    """Share of the place that was seen, 0 to 1."""
    missing: str | None = None
    """Why there is no value."""
    state: str | None = None
    """``spike``, ``level shift``, ``drift``, ``normal`` or ``insufficient_baseline``."""
    direction: str | None = None
    """``up`` or ``down``, of what is not normal."""
    first_seen: datetime | None = None
    """First date of what is going on."""
    last_not_seen: datetime | None = None
    """Last date with a value before that: it began in between."""
    baseline_dates: int | None = None
    """Number of earlier dates by which it was judged."""
    season: str | None = None
    """Season with which it was compared; None: with the whole year."""
    expected: float | None = None
    """Median of what was to be expected."""
    band_low: float | None = None
    """1 in 100 normal dates lies below (at the level of 0.01)."""
    band_high: float | None = None
    """1 in 100 normal dates lies above (at the level of 0.01)."""
    robust_z: float | None = None
    """Robust standard deviations above the median of all earlier dates."""
    rank_p: float | None = None
    """Empirical exceedance probability, at least 1 / (earlier dates + 1)."""
    nb_p: float | None = None
    """Negative binomial predictive probability, dispersion averaged over."""
    nb_p_low: float | None = None
    """The same at that end of the 98 % interval of the dispersion at which it is smallest."""
    nb_p_high: float | None = None
    """At the other end; never below the average over all dispersions, ``nb_p``."""
    dispersion: float | None = None
    """Size k of the negative binomial, median; variance = mean + mean² / k."""
    dispersion_low: float | None = None
    """Low end of its 98 % interval: much over-dispersed."""
    dispersion_high: float | None = None
    """High end: close to Poisson."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class SiteHistory:
    """One measure of one place over time."""

    place: str
    """Name of the zone or track; ``site`` for everything observed."""
    kind: Literal["zone", "track"]
    """What the place is."""
    measure: str
    """One of :data:`MEASURES`."""
    unit: float
    """Value of one count in the negative binomial: 1 for counts, metres of a car, m² an object."""
    dates: tuple[HistoryDate, ...]
    """Rising; dates on which the place was not seen are among them, without a value."""

    @property
    def observed(self) -> tuple[HistoryDate, ...]:
        """Dates with a value."""
        return tuple(d for d in self.dates if d.value is not None)

    @property
    def latest(self) -> HistoryDate | None:
        """The last date with a value."""
        return self.observed[-1] if self.observed else None

    @property
    def state(self) -> str:
        """State of the last date with a value."""
        last = self.latest
        return "insufficient_baseline" if last is None or last.state is None else last.state

    @property
    def values(self) -> np.ndarray:
        """(n,) float64, NaN where missing."""
        return np.array([np.nan if d.value is None else d.value for d in self.dates])

    @property
    def days(self) -> np.ndarray:
        """(n,) float64: times in days since the year 1."""
        return np.array([day_number(d.acquired) for d in self.dates])

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        last = self.latest
        return {
            "place": self.place,
            "kind": self.kind,
            "measure": self.measure,
            "unit": self.unit,
            "state": self.state,
            "direction": None if last is None else last.direction,
            "latest": None if last is None else last.acquired.isoformat(),
            "first_seen": _text(None if last is None else last.first_seen),
            "last_not_seen": _text(None if last is None else last.last_not_seen),
            "missing_dates": sum(
                d.value is None and d.missing != COMPARED_WITH for d in self.dates
            ),
            "dates": [d.describe() for d in self.dates],
        }

    def __str__(self) -> str:
        """Say the latest state in one line."""
        last = self.latest
        name = f"{self.place}, {self.measure}"
        if last is None:
            return f"{name}: never seen"
        seen = f"{_shown(last.value)} on {last.acquired:%Y-%m-%d}"
        if last.state == "insufficient_baseline":
            return f"{name}: insufficient_baseline ({seen}; {last.baseline_dates} dates before)"
        way = "" if last.direction is None else f" {last.direction}"
        text = f"{name}: {self.state}{way} ({seen}, expected {_range(last)}, p {_p(last)})"
        if last.first_seen is not None:
            text += f", first seen {last.first_seen:%Y-%m-%d}"
            if last.last_not_seen is not None:
                text += f", not yet on {last.last_not_seen:%Y-%m-%d}"
        return text


def day_number(time: datetime) -> float:
    """Time in days since the year 1, with the part of the day."""
    return time.toordinal() + (time.hour * 3600 + time.minute * 60 + time.second) / 86400


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _range(date: HistoryDate) -> str:
    return f"{_shown(date.expected)} ({_shown(date.band_low)} to {_shown(date.band_high)})"


def _shown(value: float | None) -> str:
    """Three digits at least, and no more than a whole number."""
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _p(date: HistoryDate) -> str:
    return f"{date.nb_p:.2g} ({date.nb_p_low:.1g} to {date.nb_p_high:.1g})"
