"""Write a report to a folder: every file of the contract, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import OutputError
from changedet.model import ChangeReport
from changedet.progress import ProgressCallback, ProgressEvent, as_progress
from changedet.reporting.cog import write_cog
from changedet.reporting.folder import new_folder
from changedet.reporting.jsonfile import write_json
from changedet.reporting.manifest import write_manifest
from changedet.reporting.page import write_page
from changedet.reporting.vectors import choose_formats

SUMMARY_KEYS: tuple[str, ...] = (
    "changedet", "inputs", "grid", "comparability", "alignment", "radiometry", "detector",
    "calibration", "observable_fraction", "observability", "counts", "activity", "tracks",
    "timings_s", "warnings", "words",
)  # fmt: skip
"""What ``summary.json`` always holds; more is allowed."""

CHANGED_COLORS = {
    0: (245, 245, 240, 255),
    1: (214, 40, 110, 255),
    255: (150, 150, 150, 255),
}
"""Colours of ``changed.tif``: no change, changed, not observable."""


def write_report(
    report: ChangeReport,
    out: str | PathLike[str],
    *,
    formats: str | Iterable[str] = ("geojson",),
    overwrite: bool = False,
    progress: bool | ProgressCallback | None = None,
) -> Path:
    """Write every output file of a report into a folder, whole or not at all.

    The files are written into a hidden sibling of ``out``, which takes its name at the end: a
    folder that exists is complete. Writing the same report again gives the same bytes.

    Parameters
    ----------
    report : ChangeReport
        What to write.
    out : path
        The folder to make.
    formats : str or iterable of str
        Vector formats, names of :data:`changedet.reporting.VECTOR_FORMATS`; GeoJSON is always
        among them.
    overwrite : bool
        Replace an earlier output of changedet.
    progress : bool, callable or None
        See :func:`changedet.progress.as_progress`; the stage is ``write``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder exists (or is not an output of changedet), the summary misses a key, or the
        file system refuses. Nothing half-written is left behind.
    UnknownMethodError
        If a format is not known.
    MissingDependencyError
        If a format needs a package that is not installed.
    """
    out, report_progress = Path(out), as_progress(progress)
    vectors = choose_formats(formats)
    _check_summary(report.summary)
    steps: list[tuple[str, Callable[[Path], Any]]] = [
        (chosen.filename, lambda path, chosen=chosen: chosen.write(path, report))  # type: ignore[misc]
        for chosen in vectors.values()
    ]
    steps += [
        ("changed.tif", lambda path: write_changed(path, report)),
        ("score.tif", lambda path: write_score(path, report)),
        ("summary.json", lambda path: write_json(path, report.summary)),
        ("report.html", lambda path: write_page(path, report)),
        ("manifest.json", lambda path: write_manifest(path.parent, report.manifest)),
    ]
    with new_folder(out, overwrite=overwrite) as folder:
        for done, (name, write) in enumerate(steps):
            report_progress(ProgressEvent("write", done, len(steps), name))
            write(folder / name)
    report_progress(ProgressEvent("write", len(steps), len(steps)))
    return out


def write_changed(path: Path, report: ChangeReport) -> Path:
    """Write ``changed.tif``: 0 no change, 1 changed, 255 not observable."""
    return write_cog(
        path,
        report.changed,
        nodata=255,
        overviews="mode",
        description="change: 0 none, 1 changed, 255 not observable",
        tags=_tags(report),
        colormap=CHANGED_COLORS,
    )


def write_score(path: Path, report: ChangeReport) -> Path:
    """Write ``score.tif``: −log10 of the calibrated p-value, NaN not observable."""
    return write_cog(
        path,
        report.score,
        nodata=float("nan"),
        overviews="average",
        description="score: -log10 of the calibrated p-value",
        tags=_tags(report),
    )


def _tags(report: ChangeReport) -> dict[str, str]:
    before, after = report.pair.infos
    tags = {"TIFFTAG_SOFTWARE": f"changedet {report.summary.get('changedet', '')}".strip()}
    for name, info in (("BEFORE", before), ("AFTER", after)):
        if info.acquired is not None:
            tags[f"{name}_ACQUISITION_DATETIME"] = info.acquired.isoformat()
    return tags


def _check_summary(summary: dict[str, Any]) -> None:
    missing = [key for key in SUMMARY_KEYS if key not in summary]
    if missing:
        raise OutputError(
            f"The summary lacks {', '.join(missing)}: summary.json always holds "
            f"{', '.join(SUMMARY_KEYS)} (null or empty where there is nothing to say)."
        )
