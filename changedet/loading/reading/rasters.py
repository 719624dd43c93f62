"""Opening and reading with rasterio: clear errors, no stray warnings, grids."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rasterio
from affine import Affine
from pyproj import CRS
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from changedet.errors import GridError, ImageReadError
from changedet.model import Grid, Window

_OPENING = threading.Lock()
"""Warning filters belong to the whole process, so one thread at a time changes them."""


def is_url(path: str) -> bool:
    """Whether a path is read over the network or from GDAL's virtual file systems."""
    return bool(re.match(r"^([a-z][a-z0-9+.\-]+://|/vsi)", path, re.IGNORECASE)) and not (
        path.lower().startswith("file://")
    )


def display_name(path: str) -> str:
    """Name of a file for reports and messages: a URL's query may hold keys and is left out."""
    return path.split("?")[0] if is_url(path) else path


def file_sha256(path: str) -> str | None:
    """Hash of a file's bytes (side-car files not included); None for URLs."""
    if is_url(path) or not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_dataset(path: str) -> Any:
    """Open a raster for reading, for this thread alone.

    Raises
    ------
    ImageReadError
        If it is not there, or is not a raster.
    """
    name = display_name(path)
    local = not is_url(path) and ":" not in path[2:]
    if local and not os.path.exists(path):
        raise ImageReadError(f"The image {name} does not exist: check the path.")
    if local and os.path.isdir(path) and not any(map(path.lower().endswith, (".safe", ".zarr"))):
        raise ImageReadError(f"{name} is a folder: give the path of a raster file in it.")
    try:
        with _OPENING, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(path, sharing=False)
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise ImageReadError(
            f"The image {name} cannot be opened as a raster: {_reason(error, path)}. "
            "Give a raster that GDAL reads (GeoTIFF, COG, JPEG 2000, VRT ...) and that is complete."
        ) from error


def _reason(error: BaseException, path: str) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause).replace(path, display_name(path)).strip().rstrip(".")


@contextmanager
def reading(path: str, window: Window) -> Iterator[None]:
    """Turn failures to read pixels into an ImageReadError that names file and window."""
    try:
        yield
    except (RasterioError, CPLE_BaseError, OSError) as error:
        if isinstance(error, ImageReadError):
            raise
        raise ImageReadError(
            f"The pixels of {display_name(path)} cannot be read at rows {window.row} to "
            f"{window.row + window.height - 1}, columns {window.col} to "
            f"{window.col + window.width - 1}: {_reason(error, path)}. "
            "The file is truncated or damaged: fetch it again."
        ) from error


def rio_window(window: Window) -> RasterioWindow:
    """Return the same window as rasterio's."""
    return RasterioWindow(window.col, window.row, window.width, window.height)


def crs_of(crs: Any) -> CRS | None:
    """Turn rasterio's CRS into pyproj's, two-dimensional; None when there is none."""
    if crs is None or not crs.to_wkt():
        return None
    found = CRS.from_wkt(crs.to_wkt())
    authority = found.to_authority(min_confidence=100)
    return (CRS.from_authority(*authority) if authority else found).to_2d()


def grid_of(dataset: Any, path: str) -> tuple[Grid, tuple[str, ...]]:
    """Grid of an open dataset, with notes about what was assumed.

    Raises
    ------
    GridError
        If only ground control points or RPCs place the image, or a CRS stands without a transform.
    """
    name = display_name(path)
    height, width = dataset.height, dataset.width
    transform = Affine(*tuple(dataset.transform)[:6])
    crs = crs_of(dataset.crs)
    if transform == Affine.identity():
        points, _ = dataset.gcps
        if points or dataset.rpcs:
            what = f"{len(points)} ground control points" if points else "RPC coefficients"
            raise GridError(
                f"{name} is placed on the ground only by {what}, not by a geotransform: "
                "orthorectify it first, for example with gdalwarp"
                + (" -tps." if points else " -rpc -to RPC_DEM=<elevation model>.")
            )
        if crs is not None:
            raise GridError(
                f"{name} has a coordinate reference system ({crs.name}) but no geotransform: "
                "write one (gdal_edit.py -a_ullr), or remove the CRS to work in pixels."
            )
        return Grid.pixels(height, width), ()
    if crs is None:
        return Grid.pixels(height, width), ("has a geotransform but no CRS: taken as pixels",)
    return Grid(transform, height, width, crs), ()
