"""GeoPackage: changes, zones and what was not observable, with styles that QGIS opens by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from changedet.errors import OutputError
from changedet.model import ChangeReport, ZoneActivity
from changedet.reporting.observable import not_observable
from changedet.reporting.ogr import FIXED_DATE, change_columns, write_layer

_ZONE_FIELDS: dict[str, type] = {
    "area_m2": float,
    "observable_fraction": float,
    "score": float,
    "appeared": int,
    "disappeared": int,
    "modified": int,
    "moved": int,
    "explained": int,
    "area_appeared_m2": float,
    "area_disappeared_m2": float,
    "area_modified_m2": float,
    "turnover": float,
    "weighted_share": float,
    "expected_false_objects": float,
    "score_low": float,
    "score_high": float,
    "arrivals": int,
    "departures": int,
    "cut": int,
    "occupancy_before": float,
    "occupancy_after": float,
    "churn": float,
}


_TRACK_TEXTS = ("id", "grade", "skipped", "notes")


def write_geopackage(path: Path, report: ChangeReport) -> Path:
    """Write the layers ``changes``, ``zones`` and ``not_observable`` in the native CRS."""
    table, crs = report.changes, report.grid.crs
    changes = change_columns(table)
    # "fid" is GDAL's own key; the id of an object stays a plain column
    write_layer(path, "GPKG", table.geometry, changes, crs=table.crs, layer="changes")
    names, outlines = _zones(report)
    rows = {a.zone: a for a in report.activity}
    columns: dict[str, tuple[type, list[Any]]] = {"zone": (str, names)}
    for field, kind in _ZONE_FIELDS.items():
        values = [_number(rows.get(n), field) for n in names]
        # without georeferencing areas are pixels, which a column in square metres must not hold
        unknown = crs is None and "area" in field
        columns[field] = (kind, [None] * len(names) if unknown else values)
    write_layer(path, "GPKG", outlines, columns, crs=crs, layer="zones", append=True)
    _write_tracks(path, report)
    cells, factor = not_observable(report.changed)
    size: dict[str, tuple[type, list[Any]]] = {"cell_px": (int, [factor] * len(cells))}
    write_layer(path, "GPKG", cells, size, crs=crs, layer="not_observable", append=True)
    add_styles(path, {name: _style(name) for name in ("changes", "zones", "not_observable")})
    return path


def _write_tracks(path: Path, report: ChangeReport) -> None:
    """Write the layer ``tracks``, if there are any."""
    if report.tracks is None or not report.track_activity:
        return
    rows = [row.describe() for row in report.track_activity]
    columns: dict[str, tuple[type, list[Any]]] = {
        name: (
            str if name in _TRACK_TEXTS else float,
            [_text(row[name]) if name in _TRACK_TEXTS else row[name] for row in rows],
        )
        for name in rows[0]
        if name != "offset_m"
    }
    columns["track"] = columns.pop("id")
    lines = report.tracks.geometry
    write_layer(
        path, "GPKG", lines, columns, crs=report.grid.crs, layer="tracks", append=True,
        geometry_type="MultiLineString",
    )  # fmt: skip


def _text(value: Any) -> str | None:
    """Reasons and notes as one line of text; nothing as null."""
    if isinstance(value, dict):
        value = [f"{what}: {metres:g} m" for what, metres in value.items()]
    return "; ".join(value) or None if isinstance(value, list) else value


def _zones(report: ChangeReport) -> tuple[list[str], np.ndarray]:
    """Zones as given and, last, the whole site."""
    names = [] if report.zones is None else list(report.zones.names)
    shapes = [] if report.zones is None else list(report.zones.geometry)
    kept = [i for i, name in enumerate(names) if name != "site"]
    outline = shapely.Polygon(report.grid.corners(density=2))
    names = [names[i] for i in kept] + ["site"]
    return names, np.array([*(shapes[i] for i in kept), outline], dtype=object)


def _number(activity: ZoneActivity | None, name: str) -> float | int | None:
    value = None if activity is None else getattr(activity, name)
    return None if value is None or not np.isfinite(value) else value


def _style(layer: str) -> str:
    return (
        files("changedet.reporting").joinpath("styles", f"{layer}.qml").read_text(encoding="utf-8")
    )


def add_styles(path: Path, styles: Mapping[str, str]) -> None:
    """Add QGIS styles (QML text by layer) to a GeoPackage as the layers' defaults."""
    try:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "
                "f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256), "
                "f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, "
                "useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
                "update_time DATETIME)"
            )
            database.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, "
                "last_change) VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
                (FIXED_DATE,),
            )
            database.executemany(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, "
                "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, "
                "owner, ui, update_time) VALUES ('', '', ?, 'geom', ?, ?, '', 1, "
                "'Blue appeared, red disappeared', '', NULL, ?)",
                [(name, name, qml, FIXED_DATE) for name, qml in styles.items()],
            )
    except sqlite3.Error as error:
        raise OutputError(f"{path.name} could not be written: {error}.") from error
