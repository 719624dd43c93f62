"""Checking and repairing the geometries of zones, tracks and areas."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
import shapely

from changedet.errors import GeometryError, GeometryRepairedWarning

Kind = Literal["polygon", "line"]
_TYPES = {"polygon": ("Polygon", "MultiPolygon"), "line": ("LineString", "MultiLineString")}


def usable_shape(shape: Any, kind: Kind, feature: str) -> Any:
    """Check a geometry, and repair it where that can be done.

    Parameters
    ----------
    shape : shapely geometry or None
        As it came.
    kind : {"polygon", "line"}
        What is needed; parts of a line that meet are joined.
    feature : str
        Name and source, for messages.

    Raises
    ------
    GeometryError
        If it is empty, of another type, or beyond repair.
    """
    if shape is None or shape.is_empty:
        raise GeometryError(f"Feature {feature} has no geometry: draw it, or remove the feature.")
    if shape.geom_type not in _TYPES[kind]:
        raise GeometryError(
            f"Feature {feature} is a {shape.geom_type}; needed is a {' or '.join(_TYPES[kind])}."
        )
    shape = shapely.force_2d(shape)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise GeometryError(f"Feature {feature} has coordinates that are not finite: redraw it.")
    return _usable_polygon(shape, feature) if kind == "polygon" else _usable_line(shape, feature)


def _usable_polygon(shape: Any, feature: str) -> Any:
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
    warnings.warn(
        f"Feature {feature} was not a valid polygon ({reason}) and was repaired: its area is now "
        f"{repaired.area:g} square units in {len(shapely.get_parts(repaired))} parts.",
        GeometryRepairedWarning,
        stacklevel=6,
    )
    return repaired


def _usable_line(shape: Any, feature: str) -> Any:
    if shape.geom_type == "MultiLineString":
        shape = shapely.line_merge(shape)
    if shape.length == 0:
        raise GeometryError(f"Feature {feature} is a line of length zero: redraw it.")
    return shape
