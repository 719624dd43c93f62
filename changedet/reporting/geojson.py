"""GeoJSON as RFC 7946 wants it: WGS84, longitude latitude, right-hand rule, no ``crs`` member."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.affinity import translate

from changedet.model import WGS84, ChangeReport, ChangeTable
from changedet.reporting.jsonfile import plain

DECIMALS = 7
"""Decimals of a coordinate: 7 are about a centimetre."""
GROUND_COLUMNS = ("area_m2", "length_m", "width_m", "bearing_deg")
"""Properties that mean something on the ground only; null without georeferencing."""
PIXEL_NOTE = (
    "The images have no georeferencing. Coordinates are pixels of the common grid, not longitude "
    "and latitude: x = column to the right, y = row downward, (0, 0) = outer corner of the first "
    "pixel. Properties in metres, square metres and degrees are null."
)


def write_changes(path: Path, report: ChangeReport) -> Path:
    """Write the changes of a report, one feature an object."""
    about: dict[str, Any] = {
        "version": report.summary.get("changedet"),
        "georeferenced": report.changes.crs is not None,
    }
    if report.changes.crs is None:
        about["note"] = PIXEL_NOTE
    return _write(path, features_of(report.changes), {"changedet": about})


def write_features(path: Path, collection: Mapping[str, Any]) -> Path:
    """Write a GeoJSON FeatureCollection that is a plain dict, one feature a line.

    Geometry is written as it is, but for strict JSON (NaN becomes null).
    """
    members = {k: v for k, v in collection.items() if k not in ("type", "features")}
    return _write(path, iter(collection["features"]), members)


def _write(path: Path, features: Iterator[dict[str, Any]], members: Mapping[str, Any]) -> Path:
    def text(value: Any) -> str:
        return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)

    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write('{"type": "FeatureCollection",\n')
        for name, value in members.items():
            stream.write(f"{text(name)}: {text(value)},\n")
        stream.write('"features": [')
        for i, feature in enumerate(features):
            stream.write((",\n" if i else "\n") + text(feature))
        stream.write("\n]}\n")
    return path


def features_of(table: ChangeTable) -> Iterator[dict[str, Any]]:
    """Features of a table of changes, in WGS84 (in pixels without georeferencing)."""
    located = table.crs is not None
    geometries = to_rfc7946(table.to_crs(WGS84).geometry if located else table.geometry, located)
    for i, geometry in enumerate(geometries):
        properties = table.row(i)
        if not located:
            properties.update(dict.fromkeys(GROUND_COLUMNS))
        yield {
            "type": "Feature",
            "id": properties["id"],
            "geometry": None if geometry is None else shapely.geometry.mapping(geometry),
            "properties": properties,
        }


def to_rfc7946(geometries: np.ndarray, located: bool = True) -> np.ndarray:
    """Cut at the antimeridian, round and wind geometries as RFC 7946 wants them.

    Parameters
    ----------
    geometries : (n,) object array of shapely geometries
        Longitude, latitude.
    located : bool
        False: plain pixel coordinates, which have no antimeridian.

    Returns
    -------
    (n,) object array
        Outer rings counter-clockwise, at most 7 decimals; None for an empty geometry.
    """
    out = np.array(geometries, dtype=object)
    if located:
        bounds = shapely.bounds(out)
        for i in np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180):
            out[i] = split_antimeridian(out[i])
    rounded = shapely.transform(out, lambda xy: np.round(xy, DECIMALS))
    # rounding may make a sliver touch itself; repaired on the same raster of coordinates
    for i in np.flatnonzero(~shapely.is_valid(rounded) & shapely.is_valid(out)):
        rounded[i] = shapely.set_precision(out[i], 10.0**-DECIMALS)
        rounded[i] = shapely.transform(rounded[i], lambda xy: np.round(xy, DECIMALS))
    # shapely < 2.1 has no orient_polygons: normalize winds clockwise, reverse turns it round
    wound = shapely.reverse(shapely.normalize(rounded))
    wound[shapely.is_empty(wound)] = None
    return wound


def split_antimeridian(geometry: Any) -> Any:
    """Cut a geometry that crosses 180 degrees, seen as one that spans the globe, in two parts."""

    def unroll(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1]])

    unrolled = shapely.transform(geometry, unroll)
    west = shapely.intersection(unrolled, shapely.box(-180, -90, 180, 90))
    east = shapely.intersection(unrolled, shapely.box(180, -90, 540, 90))
    parts = [
        part
        for half in (west, translate(east, xoff=-360))
        for part in getattr(half, "geoms", [half])
        if not part.is_empty and part.geom_type == geometry.geom_type.removeprefix("Multi")
    ]
    if len(parts) == 1:
        return parts[0]
    kind = {"Polygon": shapely.MultiPolygon, "LineString": shapely.MultiLineString}
    return kind.get(parts[0].geom_type, shapely.GeometryCollection)(parts)
