"""A site over many dates: series, what each date was, and the report of it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from changedet.errors import ConfigError, require

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


@dataclass(frozen=True)
class MonitoredDate:
    """One image (or earlier report) of a series."""

    name: str
    """Path or name."""
    acquired: datetime
    """UTC."""
    date_from: str
    """``tag or file name``, ``list``, ``given`` or ``report``."""
    sensor: str
    """Satellite and pixel size, as far as known."""
    role: Literal["reference", "scored", "missing"]
    """Whether it is what the others are compared with; missing: it gave nothing."""
    reason: str | None = None
    """Why it is missing."""
    alignment: str | None = None
    """Grade of its alignment on the reference."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {**asdict(self), "acquired": self.acquired.isoformat()}


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
    """The same at one end of the 90 % interval of the dispersion."""
    nb_p_high: float | None = None
    """At the other end."""
    dispersion: float | None = None
    """Size k of the negative binomial, median; variance = mean + mean² / k."""
    dispersion_low: float | None = None
    """Low end of its 90 % interval: much over-dispersed."""
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
            "missing_dates": len(self.dates) - len(self.observed),
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


@dataclass(frozen=True)
class LaggedCorrelation:
    """How two series go together at each lag."""

    lags_days: tuple[float, ...]
    """Positive: the second follows the first."""
    correlation: tuple[float | None, ...]
    """Rank correlation at each lag; None with too few pairs of dates."""
    pairs: tuple[int, ...]
    """Pairs of dates behind each."""
    best_lag_days: float | None
    """Lag at which they go together most; None where no lag has enough dates."""
    best_correlation: float | None
    """Correlation there."""
    p_value: float | None
    """How often chance finds as good a lag among all of them."""
    detrended: bool
    """Whether a line was taken out of both first."""
    permutations: int
    """Shuffles behind the p-value."""
    seed: int
    """Of the shuffles."""
    names: tuple[str, str] = ("a", "b")
    """The two series."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        first, second = self.names
        if self.best_correlation is None:
            return f"{first} and {second}: too few dates in common at any lag"
        lag = self.best_lag_days or 0.0
        order = "on the same days"
        if lag:
            order = f"{second} {'after' if lag > 0 else 'before'} {first} by {abs(lag):g} days"
        return (
            f"{first} and {second}: rank correlation {self.best_correlation:+.2f}, {order}, "
            f"p {self.p_value:.2g} over {len(self.lags_days)} lags"
        )


MonitorWriter = Callable[..., Path]


@dataclass(frozen=True, eq=False)
class MonitorReport:
    """A site over many dates."""

    histories: tuple[SiteHistory, ...]
    """One a place and measure; zones first as given, then the site, then tracks."""
    images: tuple[MonitoredDate, ...]
    """By date."""
    reference: dict[str, Any]
    """With which image all were compared, and by which rule it was chosen."""
    rules: dict[str, Any]
    """How dates were judged."""
    warnings: tuple[str, ...]
    """Everything that was doubtful."""
    manifest: dict[str, Any] = field(default_factory=dict)
    """Inputs' hashes, versions, full configuration."""
    links: tuple[LaggedCorrelation, ...] = ()
    """With other sites."""
    writer: MonitorWriter | None = field(default=None, repr=False)
    """How to write it; set by the pipeline."""

    def history(self, place: str = "site", measure: str | None = None) -> SiteHistory:
        """Return the series of a place; the first there is without a measure.

        Raises
        ------
        ConfigError
            If there is none.
        """
        for history in self.histories:
            if history.place == place and measure in (None, history.measure):
                return history
        known = ", ".join(f"{h.place}/{h.measure}" for h in self.histories)
        wanted = place if measure is None else f"{place}/{measure}"
        raise ConfigError(f"There is no series {wanted}: there are {known or 'none'}.")

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values, as in ``monitor.json``."""
        tested = sum(d.nb_p is not None for h in self.histories for d in h.dates)
        return {
            "changedet": self.manifest.get("changedet"),
            "reference": self.reference,
            "rules": self.rules,
            "images": [image.describe() for image in self.images],
            "dates_tested": tested,
            "false_spikes_expected": round(tested * float(self.rules["level"]), 2),
            "histories": [history.describe() for history in self.histories],
            "links": [link.describe() for link in self.links],
            "warnings": list(self.warnings),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each series and date, as in ``history.csv``."""
        keys = ("place", "kind", "measure", "unit")
        return [
            {**{k: getattr(h, k) for k in keys}, **d.describe()}
            for h in self.histories
            for d in h.dates
        ]

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame: one row for each series and date.

        Raises
        ------
        MissingDependencyError
            Without pandas.
        """
        pandas: Any = require("pandas", "geo", "make a table of a history")
        frame = pandas.DataFrame(self.rows())
        for name in ("acquired", "first_seen", "last_not_seen"):
            frame[name] = pandas.to_datetime(frame[name], utc=True, format="ISO8601")
        return frame

    def write(
        self,
        out: str | PathLike[str],
        *,
        formats: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the tables, ``monitor.json`` and the plot into a folder, whole or not at all.

        Parameters
        ----------
        out : path
            The folder to make.
        formats : sequence of str, optional
            Of ``csv``, ``parquet``, ``png``, ``svg``; the table as CSV is always among them. By
            default ``csv``, and ``png`` where matplotlib is installed.
        overwrite : bool
            Replace an earlier output.

        Raises
        ------
        OutputError
            If the folder exists and ``overwrite`` is False, or writing fails.
        MissingDependencyError
            If a format needs a package that is not installed.
        """
        if self.writer is None:
            raise NotImplementedError("This report was built without a writer.")
        return self.writer(self, Path(out), formats=formats, overwrite=overwrite)

    def __str__(self) -> str:
        return "\n".join(str(h) for h in self.histories)

    def __repr__(self) -> str:
        last = self.histories[0].latest if self.histories else None
        when = "" if last is None else f", last {last.acquired:%Y-%m-%d}"
        return f"<MonitorReport: {len(self.images)} dates, {len(self.histories)} series{when}>"
