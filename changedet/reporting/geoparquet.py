"""GeoParquet 1.1: the changes in the native CRS, with a box for each row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from changedet.errors import require
from changedet.model import COLUMNS, ChangeReport
from changedet.reporting.ogr import change_columns

_TYPES = {int: "Int64", float: "Float64", str: "string"}


def write_geoparquet(path: Path, report: ChangeReport) -> Path:
    """Write the changes of a report (missing values are nulls, whatever the column's type)."""
    require("pyarrow", "geo", f"write {path.name}")
    geopandas: Any = require("geopandas", "geo", f"write {path.name}")
    pandas: Any = require("pandas", "geo", f"write {path.name}")
    table = report.changes
    columns = {
        name: pandas.array(values, dtype=_TYPES[COLUMNS[name]])
        for name, (_, values) in change_columns(table).items()
    }
    frame = geopandas.GeoDataFrame(columns, geometry=list(table.geometry), crs=table.crs)
    frame.to_parquet(
        path,
        index=False,
        compression="zstd",
        schema_version="1.1.0",
        write_covering_bbox=True,
    )
    return path
