"""A result never depends on tile size, workers or engine: the same bits, in memory and on disk."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import changedet as cd
from changedet.reporting import compare_folders

from .sites import SAMPLES, check_same, whole

WHOLE = 1 << 20
SETTINGS = {
    "tiles of 256, two workers": {"tile_size": 256, "workers": 2},
    "tiles of 512, one worker": {"tile_size": 512, "workers": 1},
    "one tile, serial": {"tile_size": WHOLE, "engine": "serial"},
    "odd tiles, two workers": {"tile_size": 113, "workers": 2},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("name", ["yard", "town", "radar"])
def test_the_same_bits_however_it_is_run(site, reported, name, settings):
    s, expected = site(name), reported(name)
    assert len(expected.changes) > 0
    assert max(expected.grid.shape) > 512
    # the estimate was made once: it takes longer than all the rest, and next test makes it anew
    report = cd.detect(*s.pair, zones=s.zones, alignment=expected.alignment, **settings)
    check_same(expected, report)


@pytest.mark.parametrize("name", ["yard", "town", "radar"])
def test_the_same_files_with_everything_estimated_anew(site, reported, tmp_path, name):
    s = site(name)
    with ThreadPoolExecutor(2) as executor:
        report = cd.detect(*s.pair, zones=s.zones, tile_size=256, engine=executor, workers=2)
    check_same(reported(name), report)
    formats = ("geojson", "gpkg", "parquet", "fgb")
    one = reported(name).write(tmp_path / "one", formats=formats)
    two = report.write(tmp_path / "two", formats=formats)
    # the settings are written down as they were given; nothing else may differ
    assert compare_folders(one, two) == (
        "manifest.json differs at config.tile_size.",
        "manifest.json differs at config.workers.",
    )


def test_a_seed_only_places_samples(site, reported):
    """An image this small is sampled whole, so nothing is left to chance."""
    s, expected = site("yard"), reported("yard")
    report = cd.detect(*s.pair, alignment=expected.alignment, seed=7, engine="serial")
    assert whole(report.changed).tobytes() == whole(expected.changed).tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["railyard", "railyard_quiet", "town_10m", "sar_pair"])
def test_the_samples_too(tmp_path, name):
    folder = SAMPLES / name
    given = {"zones": str(folder / "zones.geojson")}
    pair = str(folder / "before.tif"), str(folder / "after.tif")
    reports = [
        cd.detect(*pair, **given, tile_size=tile, workers=workers)
        for tile, workers in ((256, 1), (512, 2), (WHOLE, 2))
    ]
    folders = [r.write(tmp_path / str(i)) for i, r in enumerate(reports)]
    for report, out in zip(reports[1:], folders[1:], strict=True):
        check_same(reports[0], report)
        assert all("config" in d for d in compare_folders(folders[0], out))
    assert json.loads((folders[0] / "summary.json").read_text())["counts"]["objects"] == len(
        reports[0].changes
    )
