"""Make the sample tiles: simulated pairs with their truth.

Run as ``python sample_tiles/make.py`` to write every set beside this script, or with names to make
some (``python sample_tiles/make.py sar_pair``), and ``--out FOLDER`` to write elsewhere. The same
versions of the libraries in ``versions.json`` give the same files bit for bit. What each set holds:
SOURCES.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import rasterio
from rasterio.enums import ColorInterp

from changedet.model import Image, ImageInfo
from changedet.simulation import Scene, SceneOptions, simulate

HERE = Path(__file__).parent

YARD = SceneOptions(
    change_fraction=0.3,
    season_before=0.70,
    season_after=0.50,
    sun_before=(150.0, 48.0),
    sun_after=(165.0, 41.0),
    haze_after=0.35,
    gain_after=1.08,
    blur_after=0.5,
    shift_m=(-1.15, 0.65),
)
SETS: dict[str, tuple[str, int, SceneOptions]] = {
    "railyard": ("railyard", 14, YARD),
    "railyard_quiet": (
        "railyard",
        14,
        YARD.replace(
            change_fraction=0.0,
            imaging_seed=15,
            season_after=0.35,
            sun_after=(172.0, 36.0),
            haze_after=0.6,
            gain_after=0.92,
            shift_m=(0.80, 1.40),
        ),
    ),
    "town_10m": (
        "town",
        5,
        SceneOptions(
            season_before=0.75,
            season_after=0.55,
            sun_before=(150.0, 52.0),
            sun_after=(163.0, 40.0),
            haze_after=0.25,
            gain_after=1.03,
            shift_m=(6.0, -4.0),
        ),
    ),
    "sar_pair": ("sar", 8, SceneOptions(looks=4.4, shift_m=(-3.0, 5.0))),
}


def versions() -> dict[str, str]:
    """Versions of the libraries on which the bits of the files depend."""
    import numpy
    import pyproj
    import shapely

    return {
        "numpy": numpy.__version__,
        "gdal": rasterio.__gdal_version__,
        "proj": pyproj.proj_version_str,
        "geos": shapely.geos_version_string,
    }


def make(name: str, out: Path) -> Path:
    """Render one set and write its files into ``out / name``."""
    kind, seed, options = SETS[name]
    scene = simulate(kind, seed, options)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    write_image(folder / "before.tif", scene.before, scene.before_info)
    write_image(folder / "after.tif", scene.after, scene.after_info)
    write_truth(folder, scene)
    return folder


def write_image(path: Path, image: Image, info: ImageInfo) -> None:
    """Write a tiled, compressed GeoTIFF whose bands and acquisition are described."""
    sar = info.domain != "optical"
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": image.grid.height,
        "width": image.grid.width,
        "count": len(image.roles),
        "dtype": info.dtype,
        "crs": image.grid.crs.to_wkt() if image.grid.crs else None,
        "transform": image.grid.transform,
        "nodata": 0,
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "DEFLATE",
        "predictor": 2,
        "zlevel": 9,
        "photometric": "MINISBLACK",
    }
    acquired = info.acquired
    tags = {"PLATFORM": info.platform, "DOMAIN": info.domain}
    if acquired is not None:
        tags["ACQUISITION_DATETIME"] = acquired.strftime("%Y-%m-%dT%H:%M:%SZ")
        tags["TIFFTAG_DATETIME"] = acquired.strftime("%Y:%m:%d %H:%M:%S")
    if not sar:
        tags["SUN_AZIMUTH"] = f"{info.sun_azimuth_deg:g}"
        tags["SUN_ELEVATION"] = f"{info.sun_elevation_deg:g}"
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(image.pixels.astype(info.dtype))
        dataset.descriptions = image.roles
        dataset.colorinterp = [_COLOURS.get(r, ColorInterp.undefined) for r in image.roles]
        dataset.update_tags(**{k: v for k, v in tags.items() if v is not None})


_COLOURS = {
    "blue": ColorInterp.blue,
    "green": ColorInterp.green,
    "red": ColorInterp.red,
}


def write_truth(folder: Path, scene: Scene) -> None:
    """Write zones, roads, tracks and objects as GeoJSON."""
    truth = scene.truth
    east, north = truth.correction_m
    objects = truth.objects_geojson()
    objects["properties"] = {
        "kind": scene.kind,
        "seed": scene.seed,
        "correction_m": [round(east, 6), round(north, 6)],
    }
    write_json(folder / "truth.geojson", objects)
    write_json(folder / "zones.geojson", truth.places_geojson(truth.zones))
    write_json(folder / "roads.geojson", truth.places_geojson(truth.roads))
    if len(truth.track_lines):
        write_json(folder / "tracks.geojson", truth.tracks_geojson())


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON with one feature a line."""
    head = {k: v for k, v in value.items() if k != "features"}
    lines = ",\n".join(json.dumps(f, separators=(",", ":")) for f in value["features"])
    text = json.dumps(head, separators=(",", ":"))[:-1] + ',"features":[\n' + lines + "\n]}\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Make the sets that are named, or all."""
    parser = argparse.ArgumentParser(description="Make the simulated sample tiles.")
    parser.add_argument("names", nargs="*", metavar="SET", help=f"some of {', '.join(SETS)}")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(SETS))
    if unknown:
        parser.error(f"unknown set {', '.join(unknown)}: choose from {', '.join(SETS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(versions(), indent=2) + "\n"
    (arguments.out / "versions.json").write_text(text, encoding="utf-8", newline="\n")
    for name in arguments.names or SETS:
        folder = make(name, arguments.out)
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"{folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
