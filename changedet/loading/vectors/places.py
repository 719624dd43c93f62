"""Zones, tracks, roads and areas of interest from vector files and objects."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from changedet.errors import (
    CoverageWarning,
    GeometryError,
    MetadataWarning,
    MissingCRSError,
    VectorReadError,
    require,
)
from changedet.loading.vectors.place_properties import (
    Feature,
    is_control,
    kind_weights,
    place_names,
    place_weight,
    tracks_only,
)
from changedet.loading.vectors.shapes import Kind, usable_shape
from changedet.model import WGS84, Grid, Places


def read_places(
    source: Any,
    *,
    kind: Kind = "polygon",
    crs: CRS | None = None,
    grid: Grid | None = None,
    name_property: str | None = None,
    scored: bool = False,
) -> Places:
    """Read named geometries.

    Parameters
    ----------
    source : path, mapping, object with ``__geo_interface__``, GeoDataFrame or Places
        GeoJSON is read by the package itself; every other format needs the ``geo`` extra.
    kind : {"polygon", "line"}
        What is expected.
    crs : pyproj.CRS or None
        In which the geometries are wanted; None: pixels (x = column, y = row, whole numbers at
        pixel corners), and coordinates are taken as they are.
    grid : Grid, optional
        For a warning about places that lie wholly outside; its CRS is used where ``crs`` is None.
    name_property : str, optional
        Property that holds the names; by default the first there is of name, zone, id, in any
        case.
    scored : bool
        Whether these are zones that are scored, by name: then features without a name are warned
        of, and weights of kinds and controls are read.

    Returns
    -------
    Places
        Names are unique; a property ``weight`` becomes the weights.

    Raises
    ------
    VectorReadError
        If the file cannot be read or holds no feature.
    GeometryError
        If a feature's geometry is empty, of the wrong type or cannot be repaired.
    MissingCRSError
        If the file does not say its CRS.
    MissingDependencyError
        If the format needs the ``geo`` extra.

    Warns
    -----
    GeometryRepairedWarning
        If an invalid polygon was repaired.
    CoverageWarning
        If a place lies wholly outside the grid.
    MetadataWarning
        If two features share a name, or zones have none.
    """
    target = crs if crs is not None or grid is None else grid.crs
    if isinstance(source, Places):
        return places_on(source, target)
    features, found, label = load_features(source)
    if not features:
        raise VectorReadError(f"{label} holds no features: give at least one {kind}.")
    if kind == "line":
        features = tracks_only(features, label)
    word = "zone" if kind == "polygon" else "line"
    names = place_names(features, name_property, word, label, tell=scored)
    named = list(zip(features, names, strict=True))
    units = found if target is not None else None
    shapes = [usable_shape(f.geometry, kind, f"{name!r} in {label}", units) for f, name in named]
    geometry = np.array([*shapes, None], dtype=object)[:-1]
    weights = tuple(place_weight(f, name, label) for f, name in named)
    places = Places(tuple(names), geometry, None, weights, label)
    if scored:
        places = replace(
            places,
            kind_weights=tuple(kind_weights(f, name, label) for f, name in named),
            control=tuple(is_control(f, name, label) for f, name in named),
        )
    if target is not None:
        if found is None:
            raise MissingCRSError(
                f"{label} does not say its coordinate reference system: write it into the file, "
                "or give GeoJSON in longitude and latitude."
            )
        places = places_on(replace(places, crs=found), target)
    if grid is not None:
        _warn_outside(places, grid)
    return places


def places_on(places: Places, crs: CRS | None) -> Places:
    """Return the same places in another CRS (None: as they are)."""
    if crs is None or places.crs is None or places.crs == crs:
        return places
    transform = Transformer.from_crs(places.crs, crs, always_xy=True).transform
    moved = shapely.transform(
        places.geometry, lambda xy: np.column_stack(transform(xy[:, 0], xy[:, 1]))
    )
    for name, shape in zip(places.names, moved, strict=True):
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            raise GeometryError(
                f"Feature {name!r} of {places.source or 'the places'} cannot be projected to "
                f"{crs.name}: check that its coordinates are in {places.crs.name}."
            )
    return replace(places, geometry=moved, crs=crs)


def load_features(source: Any) -> tuple[list[Feature], CRS | None, str]:
    """Features, their CRS and a name for messages."""
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if path.lower().endswith((".geojson", ".json")):
            return (*_from_mapping(_read_json(path), path), path)
        return (*_from_file(path), path)
    if hasattr(source, "geometry") and hasattr(source, "crs") and hasattr(source, "columns"):
        return (*_from_frame(source), "the GeoDataFrame")
    value = source if isinstance(source, Mapping) else getattr(source, "__geo_interface__", None)
    if not isinstance(value, Mapping):
        raise VectorReadError(
            "Places must be a path, a GeoJSON mapping, a GeoDataFrame or an object with "
            f"__geo_interface__; {type(source).__name__} is none of them."
        )
    return (*_from_mapping(value, "the given mapping"), "the given mapping")


def _read_json(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise VectorReadError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise VectorReadError(
            f"{path} is not valid GeoJSON: {error}. Give a complete GeoJSON file."
        ) from error


def _from_mapping(value: Any, label: str) -> tuple[list[Feature], CRS]:
    """Read a GeoJSON FeatureCollection, Feature or geometry."""
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "FeatureCollection":
        items = value.get("features")
    elif kind == "Feature":
        items = [value]
    elif kind is not None:
        items = [{"type": "Feature", "geometry": value, "properties": {}}]
    else:
        items = None
    if not isinstance(items, Iterable):
        raise VectorReadError(
            f"{label} is not GeoJSON: its 'type' must be FeatureCollection, Feature or a geometry."
        )
    features = []
    for number, item in enumerate(items, 1):
        geometry = item.get("geometry") if isinstance(item, Mapping) else None
        try:
            shape = None if geometry is None else shapely.geometry.shape(geometry)
        except Exception as error:  # shapely raises many kinds for malformed coordinates
            raise GeometryError(
                f"Feature {number} in {label} has coordinates that make no geometry: {error}."
            ) from error
        properties = item.get("properties") if isinstance(item, Mapping) else None
        features.append(Feature(shape, properties or {}, item.get("id")))
    return features, _json_crs(value, label)


def _json_crs(value: Mapping[str, Any], label: str) -> CRS:
    """WGS84 (RFC 7946), unless an old-style ``crs`` member names another."""
    member = value.get("crs")
    if not member:
        return WGS84
    try:
        found = CRS.from_user_input(member["properties"]["name"])
    except (CRSError, KeyError, TypeError) as error:
        raise VectorReadError(
            f"{label} has a crs member that cannot be understood ({member!r}): remove it if the "
            "coordinates are longitude and latitude."
        ) from error
    return WGS84 if found.to_authority() == ("OGC", "CRS84") else found


def _from_file(path: str) -> tuple[list[Feature], CRS | None]:
    """Read any other format through pyogrio."""
    if not os.path.exists(path):
        raise VectorReadError(f"{path} does not exist: check the path.")
    suffix = Path(path).suffix.lower()
    if suffix in (".parquet", ".geoparquet"):
        geopandas: Any = require("geopandas", "geo", f"read {suffix} files")
        try:
            return _from_frame(geopandas.read_parquet(path))
        except (OSError, ValueError) as error:
            raise VectorReadError(f"{path} cannot be read: {error}.") from error
    raw: Any = require(
        "pyogrio.raw", "geo", f"read {suffix or 'such'} files (GeoJSON needs nothing)"
    )
    try:
        meta, ids, wkb, columns = raw.read(path, return_fids=True, layer=_layer(path))
    except Exception as error:  # pyogrio.errors.DataSourceError and OGR's own
        raise VectorReadError(
            f"{path} cannot be read as a vector file: {error}. Give GeoJSON, GeoPackage, "
            "Shapefile, FlatGeobuf or GeoParquet."
        ) from error
    shapes = shapely.from_wkb(wkb)
    names = list(meta["fields"])
    features = [
        Feature(shape, {n: c[i] for n, c in zip(names, columns, strict=True)}, int(ids[i]))
        for i, shape in enumerate(shapes)
    ]
    return features, None if meta["crs"] is None else CRS.from_user_input(meta["crs"])


def _layer(path: str) -> str:
    """Name of the first layer; warns where there are more."""
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if len(names) > 1:
        warnings.warn(
            f"{path} holds {len(names)} layers ({', '.join(names)}): {names[0]!r} is read. Save "
            "another one to a file of its own if it is meant.",
            MetadataWarning,
            stacklevel=5,
        )
    return names[0]


def _from_frame(frame: Any) -> tuple[list[Feature], CRS | None]:
    names = [c for c in frame.columns if c != frame.geometry.name]
    rows = zip(frame.geometry, frame[names].to_dict("records"), frame.index, strict=True)
    features = [Feature(shape, properties, index) for shape, properties, index in rows]
    return features, None if frame.crs is None else CRS.from_user_input(frame.crs)


def _warn_outside(places: Places, grid: Grid) -> None:
    rows = np.array([-0.5, -0.5, grid.height - 0.5, grid.height - 0.5])
    cols = np.array([-0.5, grid.width - 0.5, grid.width - 0.5, -0.5])
    frame = shapely.Polygon(np.column_stack(grid.xy(rows, cols)))
    for name, shape in zip(places.names, places.geometry, strict=True):
        if not frame.intersects(shape):
            warnings.warn(
                f"Feature {name!r} of {places.source} lies wholly outside the images: nothing can "
                "be observed there.",
                CoverageWarning,
                stacklevel=3,
            )
