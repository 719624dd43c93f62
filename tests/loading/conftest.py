"""Files for the tests of loading."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from changedet.model import Grid


@pytest.fixture
def write_tif(tmp_path: Path) -> Callable[..., str]:
    """Write a GeoTIFF and return its path."""

    def write(
        pixels: np.ndarray,
        name: str = "image.tif",
        grid: Grid | None = None,
        descriptions: tuple[str, ...] = (),
        tags: dict[str, Any] | None = None,
        **profile: Any,
    ) -> str:
        pixels = pixels[None] if pixels.ndim == 2 else pixels
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        place: dict[str, Any] = {}
        if grid is not None:
            place["transform"] = grid.transform
            if grid.crs is not None:
                place["crs"] = rasterio.crs.CRS.from_wkt(grid.crs.to_wkt())
        shape = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            dataset = rasterio.open(
                path, "w", driver="GTiff", dtype=pixels.dtype, **shape, **place, **profile
            )
        with dataset:
            dataset.write(pixels)
            if descriptions:
                dataset.descriptions = descriptions
            if tags:
                dataset.update_tags(**tags)
        return str(path)

    return write
