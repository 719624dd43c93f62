"""FlatGeobuf: the changes in the native CRS, with a spatial index."""

from __future__ import annotations

from pathlib import Path

from changedet.model import ChangeReport
from changedet.reporting.ogr import change_columns, write_layer


def write_flatgeobuf(path: Path, report: ChangeReport) -> Path:
    """Write the changes of a report."""
    table = report.changes
    return write_layer(
        path, "FlatGeobuf", table.geometry, change_columns(table), crs=table.crs, layer="changes"
    )
