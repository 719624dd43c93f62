"""Bad input: a clear error, or a stated and correct result; never half a folder."""

from __future__ import annotations

import errno
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet import errors
from changedet.engines import scratch
from changedet.model import WGS84, Alignment, Grid
from changedet.reporting import cog, write

from .sites import whole

HERE = Alignment.identity("known to fit")
"""Spares the estimate where alignment is not what is tested."""


def empty(pixels, valid):
    valid[:] = False


def one_flat_band(pixels, valid):
    pixels[2] = 500


def not_a_number(pixels, valid):
    pixels[:] = np.nan


class TestImages:
    def test_no_overlap(self, small, edited):
        message = (
            r"The images cover no common ground: .*before\.tif covers longitude 130\.6\d+ to "
            r"130\.6\d+, latitude 42\.4.*; .*edited\.tif covers longitude 130\.7.*Give two images "
            r"of one place, or check their CRS\."
        )
        with pytest.raises(errors.NoOverlapError, match=message):
            cd.detect(small.before, edited(east=5000.0))

    @pytest.mark.parametrize("date", ["before", "after"])
    def test_a_crs_on_one_side_only(self, small, edited, date):
        pair = {"before": small.before, "after": small.after}
        pair[date] = edited("bare.tif", date=date, located=False)
        with pytest.raises(
            errors.MissingCRSError,
            match=r"bare\.tif has no coordinate reference system, .*(before|after)\.tif has one "
            r"\(WGS 84 / UTM zone 52N\): give both a CRS .*or remove it from both to work in pix",
        ):
            cd.detect(pair["before"], pair["after"])

    def test_a_file_that_is_not_there(self, small, tmp_path):
        with pytest.raises(errors.ImageReadError, match=r"none\.tif does not exist: check the pa"):
            cd.detect(small.before, tmp_path / "none.tif")

    def test_a_file_that_is_no_image(self, small, tmp_path):
        path = tmp_path / "text.tif"
        path.write_text("hello")
        with pytest.raises(errors.ImageReadError, match=r"text\.tif cannot be opened as a raster"):
            cd.detect(small.before, path)

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
    def test_a_truncated_file(self, small, tmp_path, share):
        data = Path(small.after).read_bytes()
        path = tmp_path / "cut.tif"
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(errors.ImageReadError, match=r"cut\.tif cannot be (opened|read)"):
            cd.detect(small.before, path)

    def test_a_file_truncated_behind_its_directory(self, small, tmp_path):
        """It opens, and fails in the middle of the run, in a worker."""
        import rasterio

        path = tmp_path / "late.tif"
        with rasterio.open(small.after) as source:
            profile = {**source.profile, "driver": "COG"}
            profile = {k: v for k, v in profile.items() if k not in ("tiled", "blockysize")}
            with rasterio.open(path, "w", **{**profile, "blockxsize": 128}) as target:
                target.write(source.read())
                target.descriptions = source.descriptions
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 3 // 4])
        with pytest.raises(errors.ImageReadError, match=r"late\.tif"):
            cd.detect(small.before, path)

    def test_no_valid_pixel(self, small, edited):
        with pytest.raises(
            errors.NotEnoughValidPixels,
            match=r"No pixel is valid in both .*before\.tif and .*edited\.tif on their common "
            r"area: nodata on 100% of the after image\. Check their nodata values and masks",
        ):
            cd.detect(small.before, edited(change=empty))

    def test_nothing_but_nan(self, small, edited):
        with pytest.raises(errors.NotEnoughValidPixels, match="No pixel is valid in both"):
            cd.detect(small.before, edited(change=not_a_number, dtype="float32"))

    def test_next_to_no_valid_pixels(self, small, edited):
        def nearly_empty(pixels, valid):
            valid[:] = False
            valid[100:120, 100:120] = True

        with pytest.raises(
            errors.NotEnoughValidPixels,
            match=r"Only about \d+ pixels \(0\.\d\d% of the common area\) .*nodata on 99%",
        ):
            cd.detect(small.before, edited(change=nearly_empty), alignment=HERE)

    @pytest.mark.parametrize("both", [False, True])
    def test_one_constant_band(self, small, edited, both):
        """It says nothing, and the others are as good as ever."""
        after = edited("after.tif", change=one_flat_band)
        before = edited("before.tif", date="before", change=one_flat_band) if both else small.before
        known = Alignment.from_description(
            {
                **HERE.describe(), "model": "translation", "grade": "good",
                "field": {
                    k: {"row0": 0, "col0": 0, "row_step": 1, "col_step": 1, "values": [[v]]}
                    for k, v in (("dy", -0.8), ("dx", -1.2), ("sigma", 0.05))
                },
            }
        )  # fmt: skip
        report = cd.detect(before, after, alignment=known)
        truth = small.scene.truth.changed_mask(report.grid)
        found = whole(report.changed) == 1
        assert np.isfinite(whole(report.score)).mean() > 0.95
        assert found[truth].mean() > 0.4
        assert found[~truth].mean() < 0.05

    def test_bands_that_cannot_be_matched(self, small, edited):
        radar = edited(roles=("vv", "vh", "hh"))
        with pytest.raises(
            errors.BandError,
            match=r"The bands cannot be matched: .*before\.tif has 4 \(blue, green, red, nir\), "
            r".*edited\.tif has 3 \(vv, vh, hh\)\. Choose the bands that correspond with --bands",
        ):
            cd.detect(small.before, radar)

    def test_optical_and_radar(self, small, edited):
        radar = edited(roles=("vv", "vh", "hv", "hh"))
        with pytest.raises(errors.ChangedetError, match=r"bands|radar"):
            cd.detect(small.before, radar)

    def test_fewer_bands_are_matched_by_their_role(self, small, edited):
        report = cd.detect(small.before, edited(roles=("blue", "green", "red")), alignment=HERE)
        assert report.summary["detector"]["bands"] == ["blue", "green", "red"]


class TestZones:
    @staticmethod
    def collection(*features):
        return {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "geometry": shapely.geometry.mapping(g), "properties": p}
                for g, p in features
            ],
        }

    @pytest.fixture
    def footprint(self, small):
        """The image's outline in longitude and latitude."""
        corners = small.scene.before.grid.corners(WGS84)
        return shapely.Polygon(corners)

    def detect(self, small, zones, **kwargs):
        return cd.detect(*small.pair, zones=zones, alignment=HERE, **kwargs)

    def test_outside_the_image(self, small, footprint):
        away = shapely.transform(footprint, lambda xy: xy + 0.05)
        zones = self.collection((away, {"name": "away"}), (footprint, {"name": "here"}))
        with pytest.warns(
            errors.CoverageWarning, match="'away' covers no pixel of the image: it gets"
        ):
            report = self.detect(small, zones)
        away, here, site = report.activity
        assert (away.zone, away.score, away.observable_fraction) == ("away", None, None)
        assert here.score == pytest.approx(site.score, abs=0.5)
        assert len(report.summary["warnings"]) == 1

    def test_partly_outside(self, small, footprint):
        width = footprint.bounds[2] - footprint.bounds[0]
        half = shapely.transform(footprint, lambda xy: xy + np.array([width / 2, 0]))
        report = self.detect(small, self.collection((half, {"name": "half"})))
        assert report.activity[0].area_m2 == pytest.approx(report.activity[1].area_m2 / 2, rel=0.1)

    def test_in_another_crs(self, small, footprint, tmp_path):
        geopandas = pytest.importorskip("geopandas")
        inner = shapely.affinity.scale(footprint, 0.5, 0.5)
        frame = geopandas.GeoDataFrame({"name": ["inner"]}, geometry=[inner], crs=4326)
        frame.to_crs(5179).to_file(tmp_path / "korea.gpkg")
        reports = [
            self.detect(small, z)
            for z in (self.collection((inner, {"name": "inner"})), tmp_path / "korea.gpkg")
        ]
        one, two = (r.activity[0] for r in reports)
        assert one.area_m2 == pytest.approx(two.area_m2, rel=1e-4)
        assert one.score == pytest.approx(two.score, abs=0.1)

    def test_an_invalid_one_is_repaired(self, small, footprint):
        left, low, right, high = footprint.bounds
        bow = shapely.Polygon([(left, low), (right, high), (right, low), (left, high)])
        with pytest.warns(
            errors.GeometryRepairedWarning,
            match=r"Feature 'bow' in .* was not a valid polygon \(Self-intersection.*repaired",
        ):
            report = self.detect(small, self.collection((bow, {"name": "bow"})))
        assert report.activity[0].area_m2 == pytest.approx(report.activity[1].area_m2 / 2, rel=0.1)

    def test_one_that_cannot_be_repaired_is_named(self, small):
        line = shapely.Polygon([(130.65, 42.42), (130.66, 42.42), (130.65, 42.42)])
        with pytest.raises(errors.GeometryError, match="Feature 'thin' in the given mapping"):
            self.detect(small, self.collection((line, {"name": "thin"})))

    def test_a_line_is_no_zone(self, small):
        line = shapely.LineString([(130.65, 42.42), (130.66, 42.42)])
        with pytest.raises(
            errors.GeometryError, match=r"'rail' .* is a LineString; needed is a Polygon"
        ):
            self.detect(small, self.collection((line, {"name": "rail"})))

    def test_the_name_of_the_site_is_taken(self, small, footprint):
        with pytest.raises(errors.GeometryError, match=r"The zone name 'site'.* give it another n"):
            self.detect(small, self.collection((footprint, {"name": "site"})))

    def test_a_file_that_is_no_geojson(self, small, tmp_path):
        (tmp_path / "zones.geojson").write_text('{"type": "FeatureColl')
        with pytest.raises(errors.VectorReadError, match=r"zones\.geojson is not valid GeoJSON"):
            self.detect(small, tmp_path / "zones.geojson")

    def test_bad_tracks_and_roads_are_refused_too(self, small, footprint):
        for name in ("tracks", "roads"):
            with pytest.raises(errors.GeometryError, match="is a Polygon; needed is a LineString"):
                cd.detect(*small.pair, **{name: self.collection((footprint, {"name": "x"}))})

    def test_an_area_of_interest_elsewhere(self, small, footprint):
        away = shapely.transform(footprint, lambda xy: xy + 0.05)
        with pytest.raises(errors.NoOverlapError, match=r"The area of interest .* lies outside"):
            cd.detect(*small.pair, aoi=self.collection((away, {"name": "a"})))


@pytest.fixture(scope="module")
def report(small):
    return cd.detect(*small.pair, alignment=HERE)


class TestOutput:
    def test_a_folder_that_exists(self, report, tmp_path):
        (tmp_path / "out").mkdir()
        with pytest.raises(errors.OutputError, match=r"out exists\. Give another one, or replace"):
            report.write(tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []

    def test_a_folder_of_someone_else(self, report, tmp_path):
        (tmp_path / "thesis.txt").write_text("years of work")
        with pytest.raises(errors.OutputError, match=r"holds no manifest\.json.*not overwritten"):
            report.write(tmp_path, overwrite=True)
        assert (tmp_path / "thesis.txt").read_text() == "years of work"

    @pytest.mark.parametrize("where", ["pixels", "page", "manifest"])
    @pytest.mark.parametrize("earlier", [False, True])
    def test_the_disk_is_full_while_writing(self, report, tmp_path, monkeypatch, where, earlier):
        out = tmp_path / "out"
        if earlier:
            report.write(out)
        before = {p.name: p.read_bytes() for p in out.iterdir()} if earlier else None

        def full(*args, **kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        module, name = {
            "pixels": (cog, "_write_tiles"), "page": (write, "write_page"),
            "manifest": (write, "write_manifest"),
        }[where]  # fmt: skip
        monkeypatch.setattr(module, name, full)
        with pytest.raises(errors.OutputError, match=r"No space left on device.*Nothing was left"):
            report.write(out, overwrite=True)
        assert [p.name for p in tmp_path.iterdir()] == (["out"] if earlier else [])
        if earlier:
            assert {p.name: p.read_bytes() for p in out.iterdir()} == before

    @pytest.mark.parametrize("engine", ["serial", "threads"])
    def test_the_disk_is_full_while_scoring(self, small, monkeypatch, engine):
        def full(*args):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(scratch, "write_at", full)
        with pytest.raises(
            errors.OutputError, match=r"There is no room left in .* for temporary rast"
        ):
            cd.detect(*small.pair, alignment=HERE, engine=engine)


class TestNothingToSee:
    @pytest.mark.parametrize("engine", ["serial", "threads"])
    def test_identical_images(self, small, engine):
        """No change, and no word from numpy (warnings are errors here)."""
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "Use `@` matmul", PendingDeprecationWarning)
            report = cd.detect(small.before, small.before, engine=engine)
        assert len(report.changes) == 0
        assert not (whole(report.changed) == 1).any()
        site = report.activity[-1]
        assert (site.score, site.appeared, site.turnover) == (0.0, 0, 0.0)
        assert report.alignment.dx_px == pytest.approx(0, abs=0.01)

    def test_identical_images_without_alignment(self, small):
        assert len(cd.detect(small.before, small.before, align=False).changes) == 0

    @pytest.mark.parametrize("name", ["town", "radar"])
    def test_identical_images_of_other_kinds(self, site, name):
        s = site(name)
        assert len(cd.detect(s.before, s.before).changes) == 0

    def test_the_folder_of_no_change_is_complete(self, small, tmp_path):
        out = cd.detect(small.before, small.before).write(tmp_path / "out")
        assert json.loads((out / "changes.geojson").read_text())["features"] == []
        assert (out / "report.html").exists()

    def test_two_blank_images(self):
        """Nothing is there: that is no calm, it is nothing to compare."""
        blank = np.full((3, 200, 220), 7, dtype=np.uint8)
        with pytest.raises(errors.NotComparableError, match="there is nothing to compare"):
            cd.detect((blank, Grid.pixels(200, 220)), (blank, Grid.pixels(200, 220)))


def test_settings_are_refused_before_anything_is_opened():
    with pytest.raises(errors.ConfigError, match="Unknown setting treshold: known are method"):
        cd.detect("nowhere.tif", "nowhere.tif", treshold=3)
    with pytest.raises(errors.UnknownMethodError, match="engine='fast' is not known: choose one"):
        cd.detect("nowhere.tif", "nowhere.tif", engine="fast")


def test_an_unknown_method_lists_what_there_is(small):
    with pytest.raises(
        errors.UnknownMethodError, match="'magic' is not known: choose auto or one of ir-"
    ):
        cd.detect(*small.pair, method="magic", alignment=HERE)
