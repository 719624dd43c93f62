"""Write an image as a GeoTIFF that the loader reads back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import ColorInterp

from changedet.errors import OutputError
from changedet.model import Image, ImageInfo
from changedet.reporting.cog import georeference, quiet

_COLORS = {"red": ColorInterp.red, "green": ColorInterp.green, "blue": ColorInterp.blue}


def write_image(path: Path, image: Image, info: ImageInfo | None = None) -> Path:
    """Write an image as a tiled GeoTIFF with its bands' roles and its metadata.

    Whole numbers from 0 to 65535 become uint16 (0 to 255 with ``info.dtype`` of ``uint8``: uint8),
    all else float32. Invalid pixels become nodata: NaN, or 0 where no valid pixel is 0, else the
    largest whole number that no valid pixel holds.

    Parameters
    ----------
    path : Path
        The file to make.
    image : Image
        Pixels, validity, grid and roles.
    info : ImageInfo, optional
        Acquisition time, sun, view and platform, written as tags: ``ACQUISITION_DATETIME``,
        ``SUN_AZIMUTH``, ``SUN_ELEVATION``, ``VIEW_AZIMUTH``, ``OFF_NADIR``, ``PLATFORM``,
        ``DOMAIN``.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    dtype = _dtype(image, info)
    nodata: float | None = None
    pixels = image.pixels
    if not image.valid.all():
        nodata = np.nan if dtype == "float32" else _free_value(image, dtype)
        pixels = np.where(image.valid, pixels, np.float32(nodata))
    block = 256 if min(image.grid.shape) >= 256 else None
    tiles = {"tiled": True, "blockxsize": block, "blockysize": block} if block else {}
    try:
        with (
            quiet(),
            rasterio.open(
                path,
                "w",
                driver="GTiff",
                width=image.grid.width,
                height=image.grid.height,
                count=len(image.roles),
                dtype=dtype,
                nodata=nodata,
                compress="DEFLATE",
                predictor=3 if dtype == "float32" else 2,
                interleave="band",
                photometric="minisblack",
                **tiles,
                **georeference(image.grid),
            ) as out,
        ):
            out.write(pixels.astype(dtype))
            out.update_tags(**_tags(info))
            for i, role in enumerate(image.roles, start=1):
                out.set_band_description(i, role)
            out.colorinterp = [_COLORS.get(role, ColorInterp.undefined) for role in image.roles]
    except (OSError, rasterio.errors.RasterioError) as error:
        Path(path).unlink(missing_ok=True)
        raise OutputError(f"The image {path} could not be written: {error}.") from error
    return Path(path)


def _dtype(image: Image, info: ImageInfo | None) -> str:
    used = image.pixels[:, image.valid]
    whole = np.array_equal(used, np.rint(used))
    if used.size and (not whole or used.min() < 0 or used.max() > 65535):
        return "float32"
    if info is not None and info.dtype == "uint8" and (not used.size or used.max() <= 255):
        return "uint8"
    return "uint16"


def _free_value(image: Image, dtype: str) -> float:
    """Return a value that no valid pixel holds: 0 where it is free, else the largest."""
    used = image.pixels[:, image.valid]
    if not used.size or used.min() > 0:
        return 0.0
    top = float(np.iinfo(dtype).max)
    while (used == top).any():
        top -= 1
    return top


def _tags(info: ImageInfo | None) -> dict[str, str]:
    if info is None:
        return {}
    values = {
        "ACQUISITION_DATETIME": None if info.acquired is None else info.acquired.isoformat(),
        "SUN_AZIMUTH": info.sun_azimuth_deg,
        "SUN_ELEVATION": info.sun_elevation_deg,
        "VIEW_AZIMUTH": info.view_azimuth_deg,
        "OFF_NADIR": info.off_nadir_deg,
        "PLATFORM": info.platform,
        "DOMAIN": info.domain,
    }
    return {name: str(value) for name, value in values.items() if value is not None}
