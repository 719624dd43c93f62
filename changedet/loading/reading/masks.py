"""Masks the user brings: raster or polygons that say where an image must not be used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from changedet.errors import GridError, ImageReadError, MissingCRSError
from changedet.loading.reading.rasters import display_name
from changedet.loading.reading.screens import CLEAR, MASK, OnGrid, StoredBand
from changedet.loading.vectors.area import AreaMask
from changedet.loading.vectors.places import load_features, places_on
from changedet.loading.vectors.shapes import usable_shape
from changedet.model import Grid, Places, Window

_VECTOR_FILES = (
    ".geojson", ".json", ".gpkg", ".shp", ".fgb", ".parquet", ".geoparquet", ".kml", ".gml", ".zip",
)  # fmt: skip


def mask_codes(numbers: np.ndarray) -> np.ndarray:
    """Codes of a mask raster: not used where it is not zero."""
    return np.where(numbers != 0, MASK, CLEAR)


class MaskFile:
    """A mask raster on any grid; what lies outside of it can be used."""

    kind = "mask"

    def __init__(self, path: str, grid: Grid, image: str) -> None:
        self.path: str | None = path
        self._raster = OnGrid(StoredBand(path), grid, mask_codes, "mask", image)

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window of the image."""
        return self._raster.read(window)


class MaskPolygons:
    """Polygons: a pixel is not used where its centre lies inside one."""

    kind = "mask"

    def __init__(self, places: Places, grid: Grid, path: str | None) -> None:
        self.path = path
        self._area = AreaMask(places, grid)

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window of the image."""
        return np.where(self._area.read(window), MASK, CLEAR).astype(np.uint8)


class MaskArray:
    """A mask in memory, of the image's shape."""

    kind = "mask"
    path = None

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window of the image."""
        return mask_codes(self._values[window.slices]).astype(np.uint8)


def open_mask(mask: Any, grid: Grid, image: str) -> MaskFile | MaskPolygons | MaskArray:
    """Open a mask, whatever it comes as.

    Parameters
    ----------
    mask : path, (y, x) array, GeoJSON mapping, GeoDataFrame, shapely polygons or Places
        A raster or array hides where it is **not zero**; polygons hide what they cover. Files of
        polygons are told from rasters by their suffix. A layer without any polygon hides nothing.
    grid : Grid
        The image's own grid.
    image : str
        Name of the image, for messages.

    Raises
    ------
    ImageReadError, VectorReadError, GeometryError
        If it is neither, or cannot be read.
    GridError
        If it does not fit the image.
    """
    if isinstance(mask, str | os.PathLike):
        path = os.fspath(mask)
        if display_name(path).lower().endswith(_VECTOR_FILES):
            return MaskPolygons(_polygons(path, grid), grid, path)
        return MaskFile(path, grid, image)
    if isinstance(mask, Mapping | Places) or hasattr(mask, "__geo_interface__"):
        return MaskPolygons(_polygons(mask, grid), grid, None)
    if not hasattr(mask, "__array__"):
        raise ImageReadError(
            f"The mask of {image} is a {type(mask).__name__}: give a raster file, a (y, x) array, "
            "or polygons (a vector file, a GeoJSON mapping, a GeoDataFrame)."
        )
    values = np.asarray(mask)
    if values.shape != grid.shape or values.dtype.kind not in "uifb":
        raise GridError(
            f"The mask of {image} has shape {values.shape} and type {values.dtype}; it must be "
            f"numbers of shape {grid.shape}, zero where the image can be used."
        )
    return MaskArray(values)


def _polygons(source: Any, grid: Grid) -> Places:
    """Polygons on the image's CRS; features without a geometry hide nothing.

    They need no names, so unlike zones they may share one.
    """
    if isinstance(source, Places):
        return places_on(source, grid.crs)
    features, crs, label = load_features(source)
    drawn = [f for f in features if f.geometry is not None and not f.geometry.is_empty]
    names = tuple(f"polygon {i} of the mask" for i in range(1, len(drawn) + 1))
    shapes = [
        usable_shape(f.geometry, "polygon", f"{name} {label}")
        for f, name in zip(drawn, names, strict=True)
    ]
    geometry = np.array([*shapes, None], dtype=object)[:-1]
    if grid.crs is not None and crs is None and drawn:
        raise MissingCRSError(
            f"The mask {label} does not say its coordinate reference system: write it into the "
            "file, or give GeoJSON in longitude and latitude."
        )
    places = Places(names, geometry, None if grid.crs is None else crs, (1.0,) * len(names), label)
    return places_on(places, grid.crs)
