"""Does a tight crop show what the whole image shows? ``python tests/benchmarks/crops.py``.

Simulated yards at 0.5 m in which most changed, each as a whole and cut to squares around the
busiest part, as GeoTIFF files. Counted are the things that lie wholly in the crop, in the report of
the crop and in that of the whole image, as ``activity.py`` counts them.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from accuracy import detect
from activity import Counts, count_objects
from detection import SHIFTS, YARD, sun

import changedet as cd
from changedet.model import Grid, Image, Window
from changedet.simulation import Scene, simulate

SIDES = (512, 400, 300, 256)
"""Of the crops, pixels."""
BUSY = {"change_fraction": 0.6, "occupancy": 0.8}


def busiest(scene: Scene, side: int) -> Window:
    """The square that holds most changed pixels."""
    changed = scene.truth.changed_mask().astype(np.int64)
    sums = np.pad(changed.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    held = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    row, col = np.unravel_index(int(np.argmax(held)), held.shape)
    return Window(int(row), int(col), side, side)


def write(path: Path, image: Image, window: Window) -> str:
    """A part of an image as a file."""
    grid, pixels = image.grid.subset(window), image.pixels[:, *window.slices]
    with rasterio.open(
        path, "w", driver="GTiff", height=window.height, width=window.width, count=len(pixels),
        dtype="uint16", crs=grid.crs, transform=grid.transform,
    ) as file:  # fmt: skip
        file.write(pixels.astype("uint16"))
        file.descriptions = image.roles
    return str(path)


def report_of(scene: Scene, window: Window, folder: Path) -> cd.ChangeReport:
    """What is found in a part of a scene."""
    pair = (
        write(folder / f"{name}.tif", image, window)
        for name, image in (("before", scene.before), ("after", scene.after))
    )
    return detect(*pair, **sun(scene))


def counted(report: cd.ChangeReport, scene: Scene, grid: Grid) -> Counts:
    """What lies in the crop; things at its edge are left out."""
    inside = shapely.Polygon(grid.corners())
    table = report.changes
    table = table.take(shapely.within(shapely.centroid(table.geometry), inside))
    return count_objects(table, replace(scene.truth, grid=grid), scene.options)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Crops against whole images.")
    parser.add_argument("--seeds", type=int, default=6, help="yards")
    parser.add_argument("--first", type=int, default=901, help="first seed")
    given = parser.parse_args()
    total: dict[tuple[int, str], Counts] = {}
    options: dict[str, Any] = {**YARD, **BUSY}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.first, given.first + given.seeds):
            scene = simulate("railyard", seed, shift_m=SHIFTS[seed % len(SHIFTS)], **options)
            whole = report_of(scene, scene.truth.grid.window, Path(folder))
            for side in SIDES:
                window = busiest(scene, side)
                grid = scene.truth.grid.subset(window)
                crop = report_of(scene, window, Path(folder))
                for name, report in (("crop", crop), ("whole", whole)):
                    key = side, name
                    total[key] = total.get(key, Counts()) + counted(report, scene, grid)
    print(f"{'':<22}{'things':>8}{'recall':>9}{'precision':>11}{'direction':>11}")
    for (side, name), c in total.items():
        rates = c.found / max(c.true, 1), c.right / max(c.rows, 1), c.directed / max(c.found, 1)
        print(f"{side} px, {name:<14}{c.true:>8}{rates[0]:>9.3f}{rates[1]:>11.3f}{rates[2]:>11.3f}")


if __name__ == "__main__":
    main()
