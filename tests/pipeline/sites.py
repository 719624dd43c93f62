"""Sites as files, and what is asked of two reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from changedet.model import ChangeReport, RasterWindows
from changedet.simulation import Scene

SEASON = {
    "season_after": 0.4, "sun_after": (163.0, 41.0), "haze_after": 0.3, "gain_after": 1.07,
}  # fmt: skip
OPTIONS: dict[str, tuple[str, int, dict[str, Any]]] = {
    # wider than 512 pixels, so that tiles of 256, tiles of 512 and the whole are three cuts
    "yard": ("railyard", 3, {"size_m": (280.0, 135.0), "shift_m": (0.85, -0.45), **SEASON}),
    "town": ("town", 3, {"size_m": (5400.0, 1500.0), "shift_m": (6.0, -4.0), **SEASON}),
    "radar": ("sar", 3, {"size_m": (5400.0, 2000.0), "shift_m": (-4.0, 5.0)}),
    "small": ("railyard", 3, {"size_m": (150.0, 120.0), "shift_m": (0.6, -0.4)}),
}  # fmt: skip


SAMPLES = Path(__file__).parents[2] / "sample_tiles"


@dataclass(frozen=True)
class Site:
    """A scene and its files."""

    scene: Scene
    folder: Path

    @property
    def before(self) -> str:
        return str(self.folder / "before.tif")

    @property
    def after(self) -> str:
        return str(self.folder / "after.tif")

    @property
    def pair(self) -> tuple[str, str]:
        return self.before, self.after

    @property
    def zones(self) -> str:
        return str(self.folder / "zones.geojson")


def whole(raster: RasterWindows) -> np.ndarray:
    """All pixels of a raster that is read by window."""
    return raster.read(raster.grid.window)


def check_same(one: ChangeReport, other: ChangeReport) -> None:
    """Fail unless two reports hold the same bits: pixels, outlines, every column, activity."""
    for name in ("score", "changed"):
        assert whole(getattr(one, name)).tobytes() == whole(getattr(other, name)).tobytes(), name
    first, second = one.changes, other.changes
    assert list(shapely.to_wkb(first.geometry)) == list(shapely.to_wkb(second.geometry))
    for name, column in first.columns.items():
        np.testing.assert_array_equal(column, second[name], err_msg=name, strict=True)
    assert [a.describe() for a in one.activity] == [a.describe() for a in other.activity]
    assert one.alignment.describe() == other.alignment.describe()
