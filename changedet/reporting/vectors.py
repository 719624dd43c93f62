"""The registry of vector formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from changedet.errors import UnknownMethodError, require
from changedet.model import ChangeReport
from changedet.reporting import flatgeobuf, geojson, geopackage, geoparquet


@dataclass(frozen=True)
class VectorFormat:
    """One way to write the changes."""

    filename: str
    """Name of the file in the output folder."""
    write: Callable[[Path, ChangeReport], Path]
    """Writes the file."""
    needs: tuple[str, ...] = ()
    """Optional packages, all of the extra ``geo``."""


VECTOR_FORMATS: dict[str, VectorFormat] = {
    "geojson": VectorFormat("changes.geojson", geojson.write_changes),
    "gpkg": VectorFormat("changes.gpkg", geopackage.write_geopackage, ("pyogrio",)),
    "parquet": VectorFormat(
        "changes.parquet", geoparquet.write_geoparquet, ("geopandas", "pyarrow")
    ),
    "fgb": VectorFormat("changes.fgb", flatgeobuf.write_flatgeobuf, ("pyogrio",)),
}
"""Formats by the name that ``--format`` takes."""


def choose_formats(formats: str | Iterable[str]) -> dict[str, VectorFormat]:
    """Look formats up by name; GeoJSON is always among them and comes first.

    Parameters
    ----------
    formats : str or iterable of str
        Names; one text may hold several with commas between.

    Raises
    ------
    UnknownMethodError
        If a name is not in :data:`VECTOR_FORMATS`.
    MissingDependencyError
        If a package that a format needs is not installed.
    """
    names = formats.split(",") if isinstance(formats, str) else formats
    wanted = [name.strip().lower() for name in names if name.strip()]
    for name in wanted:
        if name not in VECTOR_FORMATS:
            raise UnknownMethodError(
                f"The format {name!r} is not known: choose among {', '.join(VECTOR_FORMATS)}."
            )
        for package in VECTOR_FORMATS[name].needs:
            require(package, "geo", f"write {VECTOR_FORMATS[name].filename}")
    return {name: VECTOR_FORMATS[name] for name in dict.fromkeys(["geojson", *wanted])}
