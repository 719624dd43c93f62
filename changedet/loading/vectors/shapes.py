"""Checking and repairing the geometries of zones, tracks and areas."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import shapely
from pyproj import CRS, Geod

from changedet.errors import GeometryError, GeometryRepairedWarning

Kind = Literal["polygon", "line"]
_TYPES = {"polygon": ("Polygon", "MultiPolygon"), "line": ("LineString", "MultiLineString")}


def usable_shape(shape: Any, kind: Kind, feature: str, crs: CRS | None = None) -> Any:
    """Check a geometry, and repair it where that can be done.

    Parameters
    ----------
    shape : shapely geometry or None
        As it came.
    kind : {"polygon", "line"}
        What is needed; parts of a line that meet are joined.
    feature : str
        Name and source, for messages.
    crs : pyproj.CRS, optional
        Of the geometry, for messages that tell an area in square metres.

    Raises
    ------
    GeometryError
        If it is empty, of another type, or beyond repair.
    """
    if shape is None or shape.is_empty:
        raise GeometryError(f"Feature {feature} has no geometry: draw it, or remove the feature.")
    if shape.geom_type not in _TYPES[kind]:
        raise GeometryError(
            f"Feature {feature} is a {shape.geom_type}; needed is a {' or '.join(_TYPES[kind])}: "
            "draw it as one, or remove the feature."
        )
    shape = shapely.force_2d(shape)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise GeometryError(f"Feature {feature} has coordinates that are not finite: redraw it.")
    if kind == "polygon":
        return _usable_polygon(shape, feature, crs)
    return _usable_line(shape, feature)


def _usable_polygon(shape: Any, feature: str, crs: CRS | None) -> Any:
    if shape.is_valid and shape.area > 0:
        return shape
    reason = shapely.is_valid_reason(shape)
    parts = shapely.get_parts(shapely.make_valid(shape))
    nested = [p for part in parts for p in shapely.get_parts(part)]
    polygons = [p for p in nested if p.geom_type == "Polygon" and p.area > 0]
    if not polygons:
        raise GeometryError(
            f"Feature {feature} is not a valid polygon ({reason}) and no area is left after "
            "repair: redraw it."
        )
    repaired = shapely.union_all(polygons)
    parts_now = len(shapely.get_parts(repaired))
    warnings.warn(
        f"Feature {feature} was not a valid polygon ({reason}) and was repaired: its area was "
        f"{_area(shape, crs)} as it was drawn and is now {_area(repaired, crs)} in {parts_now} "
        f"part{'s' * (parts_now > 1)}.",
        GeometryRepairedWarning,
        stacklevel=6,
    )
    return repaired


def _area(shape: Any, crs: CRS | None) -> str:
    """Area in words: on the ellipsoid, in the units of a plane, or in square pixels.

    Of an outline that crosses itself it is what the rings enclose anticlockwise less what they
    enclose clockwise, as every program computes it.
    """
    if crs is None:
        return f"{shape.area:.4g} square units"
    if crs.is_geographic:
        geod = crs.get_geod() or Geod(ellps="WGS84")
        return f"{abs(geod.geometry_area_perimeter(shape)[0]):.4g} m2"
    return f"{shape.area * crs.axis_info[0].unit_conversion_factor ** 2:.4g} m2"


def _usable_line(shape: Any, feature: str) -> Any:
    if shape.geom_type == "MultiLineString":
        shape = shapely.line_merge(shape)
    if shape.length == 0:
        raise GeometryError(f"Feature {feature} is a line of length zero: redraw it.")
    return shape
