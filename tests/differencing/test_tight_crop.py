"""A crop cut tightly around a yard shows what changed: no ground far from it is needed."""

from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

import changedet as cd

SAMPLE = Path(__file__).parents[2] / "sample_tiles" / "railyard"


def crop(folder: Path, name: str, row: int, col: int, side: int) -> str:
    """A square part of a sample image with its tags and the names of its bands."""
    window = Window(col, row, side, side)
    with rasterio.open(SAMPLE / f"{name}.tif") as whole:
        kept = {
            "driver": "GTiff", "width": side, "height": side, "count": whole.count,
            "dtype": whole.dtypes[0], "crs": whole.crs,
            "transform": whole.window_transform(window),
        }  # fmt: skip
        pixels, tags, bands = whole.read(window=window), whole.tags(), whole.descriptions
    with rasterio.open(folder / f"{name}.tif", "w", **kept) as part:
        part.write(np.asarray(pixels))
        part.update_tags(**tags)
        part.descriptions = bands
    return str(folder / f"{name}.tif")


def test_a_crop_of_the_heart_of_a_yard_shows_what_changed(tmp_path):
    images = [crop(tmp_path, name, 300, 400, 256) for name in ("before", "after")]
    report = cd.detect(*images, engine="serial")
    assert (~report.changes.explained).sum() >= 40
