"""The report on a site over many dates, as a value: it can be looked at, queried and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from changedet.errors import ConfigError, require
from changedet.model.history import HistoryDate, SiteHistory
from changedet.model.linked import LaggedCorrelation


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


_OF_SERIES = ("place", "kind", "measure", "unit")


def _column_types() -> dict[str, str]:
    """Pandas type of each column of the table; the same whatever the values are."""
    types = {"unit": "Float64", "baseline_dates": "Int64"}
    types.update(dict.fromkeys(("acquired", "first_seen", "last_not_seen"), "time"))
    text = ("place", "kind", "measure", "image", "missing", "state", "direction", "season")
    types.update(dict.fromkeys(text, "string"))
    return {
        name: types.get(name, "Float64")
        for name in (*_OF_SERIES, *(f.name for f in fields(HistoryDate)))
    }


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
        return [
            {**{k: getattr(h, k) for k in _OF_SERIES}, **d.describe()}
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
        rows, columns = self.rows(), {}
        for name, kind in _column_types().items():
            values = [row[name] for row in rows]
            if kind == "time":
                columns[name] = pandas.to_datetime(
                    pandas.Series(values, dtype="object"), utc=True, format="ISO8601"
                )
            else:
                columns[name] = pandas.array(values, dtype=kind)
        return pandas.DataFrame(columns)

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
