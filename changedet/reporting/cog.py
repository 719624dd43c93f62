"""Cloud-optimised GeoTIFFs, written by windows: the whole raster is never in memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import rasterio
import rasterio.shutil
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window as RasterioWindow

from changedet.errors import OutputError
from changedet.model import Grid, RasterWindows

BLOCK = 512
"""Side of the blocks of the files, pixels."""
CACHE = 64_000_000
"""Bytes of GDAL's block cache meanwhile. Its default, a share of the machine's memory, would hold
the whole raster, and is slower."""
READ = 4 * BLOCK
"""Side of the windows that are read and written, pixels."""

Colormap = Mapping[int, tuple[int, int, int, int]]


def write_cog(
    path: Path,
    raster: RasterWindows,
    *,
    nodata: float,
    overviews: Literal["nearest", "mode", "average"],
    description: str = "",
    tags: Mapping[str, str] | None = None,
    colormap: Colormap | None = None,
) -> Path:
    """Write a raster as a cloud-optimised GeoTIFF, DEFLATE, with overviews.

    Parameters
    ----------
    path : Path
        The file to make. A tiled file ``<name>.tiles`` stands beside it for a while and needs as
        much space as the raster has bytes.
    raster : RasterWindows
        Read once, by windows.
    nodata : float
        Value that means "not observable".
    overviews : str
        How overviews are made: ``nearest`` or ``mode`` for classes, ``average`` for values.
    description : str
        Name of the band.
    tags : mapping, optional
        Metadata of the file.
    colormap : mapping, optional
        Colours by value, for uint8.

    Raises
    ------
    OutputError
        If the file cannot be written in full.
    """
    tiles = path.with_name(path.name + ".tiles")
    try:
        with quiet(), rasterio.Env(GDAL_CACHEMAX=CACHE):
            _write_tiles(tiles, raster, nodata, description, tags or {}, colormap)
            _check_complete(tiles)
            # DEFLATE 1: on scores two times faster than 6 for 2 % more bytes (predictor chosen
            # by the driver for the type)
            rasterio.shutil.copy(
                tiles,
                path,
                driver="COG",
                compress="DEFLATE",
                level="1" if raster.dtype.kind == "f" else "6",
                predictor="YES",
                blocksize=str(BLOCK),
                num_threads="ALL_CPUS",
                overview_resampling=overviews,
                overview_compress="DEFLATE",
                bigtiff="IF_SAFER",
            )
            _check_complete(path)
    except rasterio.errors.RasterioError as error:
        raise OutputError(f"{path.name} could not be written: {_reason(error)}.") from error
    finally:
        tiles.unlink(missing_ok=True)
    return path


@contextmanager
def quiet() -> Iterator[None]:
    """Let images without georeferencing pass: the report says so itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def georeference(grid: Grid) -> dict[str, Any]:
    """Return the ``crs`` and ``transform`` of a grid for rasterio; empty without georeferencing."""
    if grid.crs is None:
        return {}
    return {"crs": rasterio.crs.CRS.from_user_input(grid.crs), "transform": grid.transform}


def _write_tiles(
    path: Path,
    raster: RasterWindows,
    nodata: float,
    description: str,
    tags: Mapping[str, str],
    colormap: Colormap | None,
) -> None:
    grid = raster.grid
    palette = {} if colormap is None else {"photometric": "palette"}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=grid.width,
        height=grid.height,
        count=1,
        dtype=raster.dtype.name,
        nodata=nodata,
        tiled=True,
        blockxsize=BLOCK,
        blockysize=BLOCK,
        bigtiff="IF_SAFER",
        **georeference(grid),
        **palette,
    ) as out:
        if colormap is not None:
            out.write_colormap(1, dict(colormap))
        out.update_tags(**tags)
        if description:
            out.set_band_description(1, description)
        for window in grid.tiles(READ):
            place = RasterioWindow(window.col, window.row, window.width, window.height)
            out.write(raster.read(window), 1, window=place)


def _reason(error: BaseException) -> str:
    """What GDAL said first; rasterio's own text only points to it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).rstrip(".")


def _check_complete(path: Path) -> None:
    """Refuse a file that misses a block: GDAL does not always tell that a disk ran full."""
    size = path.stat().st_size
    with rasterio.open(path) as file:
        rows = -(-file.height // file.block_shapes[0][0])
        cols = -(-file.width // file.block_shapes[0][1])
        for y in range(rows):
            for x in range(cols):
                start = file.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", bidx=1)
                length = file.get_tag_item(f"BLOCK_SIZE_{x}_{y}", "TIFF", bidx=1)
                if start is None or length is None or int(start) + int(length) > size:
                    raise OutputError(
                        f"{path.name} could not be written in full: a block is missing. "
                        "The disk may be full."
                    )
