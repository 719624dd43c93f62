"""Write a history to a folder: tables, JSON and a plot, whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from changedet.errors import UnknownMethodError, require
from changedet.model import MonitorReport
from changedet.reporting.folder import new_folder
from changedet.reporting.history_plot import history_figure
from changedet.reporting.jsonfile import write_json
from changedet.reporting.manifest import write_manifest
from changedet.reporting.words_history import words_of_history

HISTORY_FORMATS = ("csv", "parquet", "png", "svg")
"""Of the table (``history.csv`` is always written) and the plot."""


def choose_history_formats(formats: Sequence[str] | None) -> tuple[str, ...]:
    """Check the formats that are wanted, and that what they need is installed.

    Raises
    ------
    UnknownMethodError
        If one is not known.
    MissingDependencyError
        If one needs a package that is not installed.
    """
    if formats is None:
        formats = ("csv", "png") if find_spec("matplotlib") else ("csv",)
    for name in formats:
        if name not in HISTORY_FORMATS:
            raise UnknownMethodError(
                f"The format {name!r} is not known: choose among {', '.join(HISTORY_FORMATS)}."
            )
    if "parquet" in formats:
        require("pyarrow", "geo", "write history.parquet")
        require("pandas", "geo", "write history.parquet")
    if "png" in formats or "svg" in formats:
        require("matplotlib", "plot", "draw a history")
    return tuple(dict.fromkeys(("csv", *formats)))


def write_monitor(
    report: MonitorReport,
    out: Path,
    *,
    formats: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write every file of a history into a folder, whole or not at all.

    Parameters
    ----------
    report : MonitorReport
        What to write.
    out : Path
        The folder to make.
    formats : sequence of str, optional
        Of :data:`HISTORY_FORMATS`.
    overwrite : bool
        Replace an earlier output of changedet.

    Returns
    -------
    Path
        The folder, with ``history.csv`` (one row a series and date), ``monitor.json``,
        ``monitor.txt`` (the sentences), ``manifest.json`` and what else was wanted.

    Raises
    ------
    OutputError
        If the folder exists, or the file system refuses. Nothing half-written is left behind.
    """
    chosen = choose_history_formats(formats)
    with new_folder(out, overwrite=overwrite) as folder:
        _write_csv(folder / "history.csv", report)
        if "parquet" in chosen:
            report.to_dataframe().to_parquet(
                folder / "history.parquet", index=False, engine="pyarrow", compression="zstd"
            )
        for ending in ("png", "svg"):
            if ending in chosen:
                history_figure(report, folder / f"history.{ending}")
        described = report.describe()
        words = words_of_history(described)
        write_json(folder / "monitor.json", {"sentences": words, **described})
        (folder / "monitor.txt").write_text("".join(f"{w}\n" for w in words), encoding="utf-8")
        write_manifest(folder, report.manifest)
    return out


def _write_csv(path: Path, report: MonitorReport) -> None:
    rows: list[dict[str, Any]] = report.rows()
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["place"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
