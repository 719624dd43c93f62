from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import rasterio

from changedet.model import SPECTRAL_ROLES

HERE = Path(__file__).parents[2] / "sample_tiles"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_tiles_make", HERE / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_reproduced(name: str, out: Path) -> None:
    """The same bits with the same libraries; the same pixels with others."""
    make = script()
    made, kept = make.make(name, out), HERE / name
    same = make.versions() == json.loads((HERE / "versions.json").read_text())
    assert sorted(p.name for p in made.iterdir()) == sorted(p.name for p in kept.iterdir())
    for path in made.iterdir():
        if same:
            assert path.read_bytes() == (kept / path.name).read_bytes(), path.name
        elif path.suffix == ".tif":
            with rasterio.open(path) as a, rasterio.open(kept / path.name) as b:
                difference = np.abs(a.read().astype(int) - b.read().astype(int))
                assert np.mean(difference > 1) < 1e-3, path.name


def test_the_smallest_set_is_reproduced(tmp_path: Path) -> None:
    check_reproduced("sar_pair", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["railyard", "railyard_quiet", "town_10m"])
def test_every_set_is_reproduced(name: str, tmp_path: Path) -> None:
    check_reproduced(name, tmp_path)


def test_all_sets_together_stay_small() -> None:
    assert sum(p.stat().st_size for p in HERE.rglob("*") if p.is_file()) < 15e6


@pytest.mark.parametrize("name", ["railyard", "railyard_quiet", "town_10m", "sar_pair"])
def test_images_say_what_they_are(name: str) -> None:
    for date in ("before", "after"):
        with rasterio.open(HERE / name / f"{date}.tif") as image:
            assert image.dtypes[0] == "uint16"
            assert image.nodata == 0
            assert image.profile["compress"] == "deflate"
            assert image.block_shapes[0] == (256, 256)
            assert image.crs.to_epsg() == 32652
            tags = image.tags()
            assert tags["ACQUISITION_DATETIME"].endswith("Z")
            if name == "sar_pair":
                assert image.descriptions == ("vv",)
                assert tags["DOMAIN"] == "sar-amplitude"
            else:
                assert set(image.descriptions) <= set(SPECTRAL_ROLES)
                assert tags["DOMAIN"] == "optical"
                assert 0 < float(tags["SUN_ELEVATION"]) < 90
            assert not (HERE / name / f"{date}.tif.aux.xml").exists()


def test_the_sources_name_the_planted_corrections() -> None:
    text = (HERE / "SOURCES.md").read_text(encoding="utf-8")
    for name, (_, _, options) in script().SETS.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| `{name}`"))
        planted = line.split("|")[-2].replace("−", "-").replace("m", "").replace("+", "")
        east, north = (float(v) for v in planted.split(","))
        assert (east, north) == (-options.shift_m[0], -options.shift_m[1])


def test_the_quiet_yard_is_quiet_and_the_same_site() -> None:
    truths = [
        json.loads((HERE / name / "truth.geojson").read_text(encoding="utf-8"))
        for name in ("railyard", "railyard_quiet")
    ]
    changes = [{f["properties"]["change"] for f in t["features"]} for t in truths]
    assert changes[0] == {"appeared", "disappeared", "modified", "moved", "unchanged"}
    assert changes[1] == {"unchanged"}
    zones = [(HERE / n / "zones.geojson").read_bytes() for n in ("railyard", "railyard_quiet")]
    assert zones[0] == zones[1]
