"""Tables with geometry through GDAL's vector drivers (the package pyogrio)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from changedet.errors import OutputError, require
from changedet.model import COLUMNS, ChangeTable
from changedet.reporting.geojson import GROUND_COLUMNS

FIXED_DATE = "1970-01-01T00:00:00.000Z"
"""Written where a format wants the time of writing, so that equal results are equal files."""


def write_layer(
    path: Path,
    driver: str,
    geometry: np.ndarray,
    columns: Mapping[str, tuple[type, Sequence[Any]]],
    *,
    crs: CRS | None,
    layer: str,
    append: bool = False,
    geometry_type: str = "MultiPolygon",
) -> Path:
    """Write one layer.

    Parameters
    ----------
    path : Path
        The file.
    driver : str
        GDAL's name of the format.
    geometry : (n,) object array of shapely geometries
        In ``crs``.
    columns : mapping
        Name to (type, values); None among the values is written as null.
    crs : pyproj.CRS or None
        Of the geometry.
    layer : str
        Name of the layer.
    append : bool
        Add the layer to an existing file.
    geometry_type : str
        Type of the layer; single parts are promoted to it.
    """
    raw: Any = require("pyogrio.raw", "geo", f"write {path.name}")
    errors: Any = require("pyogrio.errors", "geo", f"write {path.name}")
    arrays, masks = [], []
    for kind, values in columns.values():
        missing = np.array([v is None for v in values], dtype=bool)
        if kind is str:
            arrays.append(np.array(list(values), dtype=object))
        else:
            filled = [0 if v is None else v for v in values]
            arrays.append(np.array(filled, dtype=np.int64 if kind is int else np.float64))
        masks.append(missing)
    with _fixed_date(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        try:
            raw.write(
                path,
                shapely.to_wkb(np.asarray(geometry, dtype=object)),
                arrays,
                list(columns),
                field_mask=masks,
                layer=layer,
                driver=driver,
                geometry_type=geometry_type,
                crs=None if crs is None else crs_text(crs),
                promote_to_multi=geometry_type.startswith("Multi"),
                append=append,
            )
        except (errors.DataSourceError, errors.DataLayerError, errors.FeatureError) as error:
            raise OutputError(f"{path.name} could not be written: {error}.") from error
    return path


def change_columns(table: ChangeTable) -> dict[str, tuple[type, list[Any]]]:
    """Every property of every change, for :func:`write_layer` (missing = None)."""
    rows = [table.row(i) for i in range(len(table))]
    if table.crs is None:
        for row in rows:
            row.update(dict.fromkeys(GROUND_COLUMNS))
    return {name: (kind, [row[name] for row in rows]) for name, kind in COLUMNS.items()}


def crs_text(crs: CRS) -> str:
    """``EPSG:...`` where there is a code, else WKT."""
    found = crs.to_authority()
    return ":".join(found) if found else str(crs.to_wkt())


@contextmanager
def _fixed_date() -> Iterator[None]:
    pyogrio: Any = require("pyogrio", "geo", "write vector files")
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": FIXED_DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
