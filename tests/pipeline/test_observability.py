""" "No change" only where a change could have been seen, and what hid the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import changedet as cd
from changedet import errors
from changedet.cli.summary import describe_report
from changedet.model import Alignment, Grid, Image
from changedet.reporting import write_image
from changedet.reporting.page_grounds import hidden_by

from .sites import check_same, whole

HERE = Alignment.identity()
SIZE = (1600.0, 1400.0)


@pytest.fixture(scope="module")
def cloudy(tmp_path_factory):
    """A town with clouds at the second date, as files."""
    folder = tmp_path_factory.mktemp("cloudy") / "town"
    scene = cd.simulate(
        "town", seed=2, out=folder, size_m=SIZE, cloud_after=0.15, shift_m=(6.0, -4.0)
    )
    clear = cd.simulate("town", seed=2, size_m=SIZE, shift_m=(6.0, -4.0))
    excess = scene.after.pixels[0] - clear.after.pixels[0]
    cover = excess / (6200 - clear.after.pixels[0])
    return folder, scene, cover


@pytest.fixture(scope="module")
def report(cloudy):
    folder, _, _ = cloudy
    return cd.detect(folder / "before.tif", folder / "after.tif", tile_size=64)


def with_band(folder, scene, band: np.ndarray, name: str, path) -> str:
    """The after image with one more band."""
    image = scene.after
    pixels = np.concatenate([image.pixels, band[None].astype(np.float32)])
    roles = (*image.roles, name)
    info = replace(scene.after_info, roles=roles)
    return str(write_image(path, Image(pixels, image.valid, image.grid, roles), info))


class TestClouds:
    def test_thick_cloud_is_not_observable(self, cloudy, report):
        _, scene, cover = cloudy
        hidden = np.isnan(whole(report.score))
        grid, own = report.grid, scene.after.grid
        rows, cols = own.rowcol(*grid.xy(*np.mgrid[0 : grid.height, 0 : grid.width]))
        rows, cols = np.rint(rows).astype(int), np.rint(cols).astype(int)
        inside = (rows >= 0) & (rows < own.height) & (cols >= 0) & (cols < own.width)
        thick = np.zeros(grid.shape, dtype=bool)
        thick[inside] = cover[rows[inside], cols[inside]] > 0.5
        assert np.mean(hidden[thick]) > 0.9
        assert (whole(report.changed)[hidden] == 255).all()

    def test_the_summary_says_what_hid_the_ground(self, report):
        seen = report.summary["observability"]
        assert seen["before"]["cloud"] == 0
        assert seen["after"]["cloud"] > 0.12
        assert seen["after"]["cloud_shadow"] > 0.02
        assert seen["after"]["clouds_from"] == "built-in"
        lost = sum(seen["after"][k] for k in ("outside", "nodata", "cloud", "cloud_shadow"))
        assert seen["observed"] == pytest.approx(1 - lost, abs=0.02)
        assert report.summary["observable_fraction"] == pytest.approx(seen["observed"], abs=0.05)
        assert report.activity[-1].observable_fraction == pytest.approx(
            report.summary["observable_fraction"], abs=1e-9
        )
        text = "; ".join(hidden_by(seen))
        assert text.startswith("clouds (by the built-in test) on ")
        assert "Not observable: clouds" in describe_report(report, Path("out"))

    def test_rates_are_per_observed_area(self, report):
        site = report.activity[-1]
        rate = report.summary["calibration"]["expected_false_per_km2"]
        observed = site.area_m2 * site.observable_fraction / 1e6
        assert site.expected_false_objects == pytest.approx(rate * observed, rel=1e-6)

    @pytest.mark.parametrize("settings", [{"tile_size": 512}, {"tile_size": 97, "workers": 2}])
    def test_the_same_bits_for_any_tiles(self, cloudy, report, settings):
        folder, _, _ = cloudy
        again = cd.detect(
            folder / "before.tif", folder / "after.tif", alignment=report.alignment, **settings
        )
        check_same(report, again)
        assert again.summary["observability"] == report.summary["observability"]

    def test_none_looks_for_no_clouds(self, cloudy):
        folder, _, _ = cloudy
        card = cd.inspect(folder / "before.tif", folder / "after.tif", clouds="none", align=False)
        assert card.valid_fraction > 0.97
        assert card.observability.after.clouds_from == "not looked for"
        with pytest.raises(errors.ConfigError, match="clouds='maybe' is not known: choose one of"):
            cd.Config(clouds="maybe")

    def test_a_mask_takes_the_place_of_the_test(self, cloudy):
        folder, scene, _ = cloudy
        mask = np.zeros(scene.after.grid.shape, np.uint8)
        mask[:20] = 1
        card = cd.inspect(folder / "before.tif", folder / "after.tif", mask_after=mask, align=False)
        view = card.observability.after
        assert view.clouds_from == "mask"
        assert dict(view.shares)["mask"] == pytest.approx(20 / mask.shape[0], abs=0.03)
        assert dict(view.shares)["cloud"] == 0
        assert "mask on 14% of the after image" in str(card)


class TestQualityBands:
    def test_one_in_the_file(self, cloudy, tmp_path):
        folder, scene, cover = cloudy
        scl = np.where(cover > 0.3, 9, np.where(cover < -0.05, 3, 4))
        scl[:4] = 11
        path = with_band(folder, scene, scl, "scl", tmp_path / "after.tif")
        report = cd.detect(folder / "before.tif", path, alignment=HERE)
        seen = report.summary["observability"]["after"]
        assert seen["clouds_from"] == "scl"
        assert seen["cloud"] == pytest.approx(np.mean(scl == 9), abs=0.02)
        assert seen["cloud_shadow"] == pytest.approx(np.mean(scl == 3), abs=0.02)
        assert seen["snow"] == pytest.approx(4 / scl.shape[0], abs=0.01)
        assert "scl" not in report.pair.roles
        assert np.isnan(whole(report.score)[:, :]).mean() > np.mean(np.isin(scl, (3, 9))) - 0.03

    def test_everything_under_cloud(self, cloudy, tmp_path):
        folder, scene, cover = cloudy
        path = with_band(folder, scene, np.full(cover.shape, 9), "scl", tmp_path / "after.tif")
        with pytest.raises(
            errors.NotEnoughValidPixels,
            match=r"No pixel is valid .*: cloud on 100% of the after image.*the quality band can "
            "be left out with --clouds none",
        ):
            cd.detect(folder / "before.tif", path)
        assert len(cd.inspect(folder / "before.tif", path, clouds="none", align=False).bands) == 6

    def test_the_file_beside_is_named_with_its_hash(self, cloudy, tmp_path):
        folder, scene, cover = cloudy
        after = tmp_path / "site_after.tif"
        after.write_bytes((folder / "after.tif").read_bytes())
        grid = scene.after.grid
        t = grid.transform
        coarse = Grid(type(t)(20, 0, t.c, 0, -20, t.f), grid.height // 2, grid.width // 2, grid.crs)
        qa = np.where(cover[::2, ::2][: coarse.height, : coarse.width] > 0.3, 22280, 21824)
        info = replace(scene.after_info, grid=coarse, roles=("qa",), dtype="uint16")
        beside = tmp_path / "site_after_QA_PIXEL.tif"
        image = Image(qa[None].astype(np.float32), np.ones(coarse.shape, bool), coarse, ("qa",))
        write_image(beside, image, info)
        report = cd.detect(folder / "before.tif", after, alignment=HERE)
        seen = report.summary["observability"]["after"]
        assert seen["clouds_from"] == "qa_pixel"
        assert seen["cloud"] == pytest.approx(np.mean(qa == 22280), abs=0.02)
        (file,) = seen["files"]
        assert file["path"] == str(beside)
        assert len(file["sha256"]) == 64


def test_layover_and_radar_shadow_come_as_polygons(tmp_path):
    scene = cd.simulate("sar", seed=3, out=tmp_path / "sar", size_m=(1600.0, 1400.0))
    grid = scene.after.grid
    x, y = grid.xy([-0.5, 39.5], [-0.5, 59.5])
    ring = [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]], [x[0], y[0]]]
    layover = {
        "type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]},
        "crs": {"type": "name", "properties": {"name": "EPSG:32652"}},
    }  # fmt: skip
    path = tmp_path / "layover.geojson"
    path.write_text(json.dumps(layover))
    folder = tmp_path / "sar"
    report = cd.detect(
        folder / "before.tif", folder / "after.tif", mask_before=path, mask_after=path,
        alignment=HERE,
    )  # fmt: skip
    hidden = np.isnan(whole(report.score))
    expected = np.zeros(grid.shape, dtype=bool)
    expected[:40, :60] = True
    assert np.array_equal(hidden, expected)
    for date in ("before", "after"):
        seen = report.summary["observability"][date]
        assert seen["mask"] == pytest.approx(expected.mean(), abs=1e-6)
        assert seen["clouds_from"] == "mask"
        assert seen["files"][0]["path"] == str(path)
