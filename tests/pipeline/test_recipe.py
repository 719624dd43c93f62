"""The whole chain: what it finds, what it takes, what it writes, and its steps one by one."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

import changedet as cd
from changedet import errors
from changedet.model import COLUMNS, WGS84, Alignment, Grid
from changedet.reporting.write import SUMMARY_KEYS

from .sites import SAMPLES, check_same, whole

FILES = {
    "changes.geojson", "changed.tif", "score.tif", "summary.json", "report.html", "manifest.json",
}  # fmt: skip


class TestFindings:
    def test_the_shift_is_found_and_undone(self, site, reported):
        east, north = site("yard").scene.truth.correction_m
        alignment = reported("yard").alignment
        assert alignment.dx_m == pytest.approx(east, abs=0.1)
        assert alignment.dy_m == pytest.approx(north, abs=0.1)
        assert alignment.grade in ("good", "usable")

    @pytest.mark.parametrize("name", ["yard", "town", "radar"])
    def test_what_changed_is_found(self, site, reported, name):
        """Most of what is large enough to be seen, and little else."""
        report, truth = reported(name), site(name).scene.truth
        found, real = whole(report.changed) == 1, truth.changed_mask(report.grid)
        least = 12 * report.grid.pixel_area_m2
        large = [o for o in truth.changed if o.area_m2 > least]
        hit = 0
        for thing in large:
            rows, cols = report.grid.rowcol(*np.array(thing.geometry.exterior.coords).T)
            outline = shapely.Polygon(np.column_stack([cols, rows]))
            r, c = np.nonzero(real)
            inside = shapely.contains_xy(outline, c, r)
            hit += inside.any() and found[r[inside], c[inside]].mean() >= 0.3
        assert hit / len(large) > 0.6
        assert found[~real].mean() < 0.2  # crops and trees of another season, in the town

    def test_nothing_is_found_where_nothing_changed(self):
        """Another sun, season and haze, and not one thing moved: at most 5 objects by km2."""
        folder = SAMPLES / "railyard_quiet"
        report = cd.detect(str(folder / "before.tif"), str(folder / "after.tif"))
        seen = np.isfinite(whole(report.score)).sum() * report.grid.pixel_area_m2 / 1e6
        assert (~report.changes.explained).sum() <= 5 * seen
        assert report.activity[-1].score < 1

    def test_a_planted_box_is_outlined_where_it_is(self, small, edited):
        """Bright on the ground at one date only: appeared, or the other way round, disappeared."""

        rng = np.random.default_rng(1)

        def noise(pixels, valid):
            pixels += np.rint(rng.normal(0, 5, pixels.shape))

        def box(pixels, valid):
            pixels[:, 30:44, 60:100] = 1900
            noise(pixels, valid)

        before = edited("quiet.tif", date="before", change=noise)
        after = edited("box.tif", date="before", change=box)
        for pair, change in (((before, after), "appeared"), ((after, before), "disappeared")):
            report = cd.detect(*pair, align=False)
            (row,) = report.changes
            assert row["properties"]["change"] == change
            grid = report.grid
            x, y = grid.xy([29.5, 43.5], [59.5, 99.5])
            planted = shapely.box(x[0], y[1], x[1], y[0])
            (outline,) = report.changes.geometry
            shared = outline.intersection(planted).area / outline.union(planted).area
            assert shared > 0.6
            assert row["properties"]["area_m2"] == pytest.approx(planted.area, rel=0.5)
            assert row["properties"]["length_m"] == pytest.approx(20.0, abs=3.0)
            assert row["properties"]["width_m"] == pytest.approx(7.0, abs=3.0)
            assert row["properties"]["bearing_deg"] % 180 == pytest.approx(90, abs=3)

    def test_zones_are_honoured(self, site, reported):
        report, truth = reported("yard"), site("yard").scene.truth
        *zones, everything = report.activity
        assert [a.zone for a in zones] == list(truth.zones.names)
        assert everything.zone == "site"
        for column in ("appeared", "disappeared", "modified"):
            assert getattr(everything, column) == sum(
                report.changes["change"][~report.changes.explained] == column
            )
        for name, geometry in zip(report.changes["zone"], report.changes.geometry, strict=True):
            if name is not None:
                zone = truth.zones.geometry[truth.zones.names.index(name)]
                assert geometry.intersects(zone)

    def test_outside_the_area_of_interest_nothing_is_seen(self, site, reported):
        s, expected = site("yard"), reported("yard")
        left, low = expected.grid.corners(WGS84).min(axis=0)
        right, high = expected.grid.corners(WGS84).max(axis=0)
        aoi = shapely.geometry.mapping(shapely.box(left, low, (left + right) / 2, high))
        report = cd.detect(*s.pair, aoi=aoi, alignment=expected.alignment)
        assert report.grid.width < expected.grid.width * 0.55
        assert len(report.changes) > 0

    def test_a_mask_hides(self, site, reported):
        s, expected = site("yard"), reported("yard")
        mask = np.zeros(s.scene.after.grid.shape, dtype=np.uint8)
        mask[:, 200:] = 1
        report = cd.detect(*s.pair, mask_after=mask, alignment=expected.alignment)
        hidden = whole(report.changed) == 255
        assert hidden[:, 210:].all()
        assert not hidden[10:-10, 10:190].any()
        np.testing.assert_array_equal(hidden, np.isnan(whole(report.score)))
        assert report.activity[-1].observable_fraction == pytest.approx(198 / 560, abs=0.03)


class TestInputs:
    def test_paths_datasets_arrays_and_images_give_the_same(self, small):
        known = Alignment.identity("given")
        from_files = cd.detect(*small.pair, alignment=known)
        arrays, grids = [], []
        with rasterio.open(small.before) as before, rasterio.open(small.after) as after:
            from_datasets = cd.detect(before, after, alignment=known)
            for dataset in (before, after):
                grids.append(Grid(dataset.transform, *dataset.shape, small.scene.before.grid.crs))
                arrays.append(dataset.read())
        infos = small.scene.before_info, small.scene.after_info
        suns = {
            f"sun_{date}": (i.sun_azimuth_deg, i.sun_elevation_deg)
            for date, i in zip(("before", "after"), infos, strict=True)
        }
        copies = [a.copy() for a in arrays]
        pairs = {
            "paths": [Path(p) for p in small.pair],
            "arrays": [
                (np.ma.masked_array(a, a == 0), g, small.scene.before.roles)
                for a, g in zip(arrays, grids, strict=True)
            ],
            "images": [small.scene.before, small.scene.after],
        }
        check_same(from_files, from_datasets)
        expected = whole(from_files.changed)
        for name, pair in pairs.items():
            report = cd.detect(*pair, alignment=known, **({} if name == "paths" else suns))
            np.testing.assert_array_equal(whole(report.changed), expected, err_msg=name)
        # where nothing says which band is which, shadows and plants are told by the pair itself
        bare = cd.detect(*(pair[:2] for pair in pairs["arrays"]), alignment=known, **suns)
        assert bare.summary["detector"]["bands"] == ["band1", "band2", "band3", "band4"]
        assert bare.summary["detector"]["shadow"]["source"] == "given"
        for array, copy in zip(arrays, copies, strict=True):
            np.testing.assert_array_equal(array, copy)

    def test_files_are_not_touched(self, small, tmp_path):
        before = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in small.folder.iterdir()}
        cd.detect(*small.pair, zones=small.zones, alignment=Alignment.identity("given")).write(
            tmp_path / "out"
        )
        after = {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in small.folder.iterdir()}
        assert before == after

    def test_read_only_arrays(self, small):
        images = [small.scene.before, small.scene.after]
        for image in images:
            image.pixels.flags.writeable = image.valid.flags.writeable = False
        try:
            # arrays do not tell the sun, and without it a site as small shows nothing beyond doubt
            suns = {d: getattr(small.scene.options, d) for d in ("sun_before", "sun_after")}
            report = cd.detect(*images, alignment=Alignment.identity("given"), **suns)
            assert len(report.changes) > 0
        finally:
            for image in images:
                image.pixels.flags.writeable = image.valid.flags.writeable = True

    def test_without_georeferencing_in_pixels(self, edited, tmp_path):
        pair = [edited(f"{d}.tif", date=d, located=False) for d in ("before", "after")]
        with pytest.warns(errors.NoGeoreferencingWarning, match="working in pixels") as caught:
            report = cd.detect(*pair)
        assert len(caught) == 1
        assert report.grid.crs is None
        assert report.alignment.dx_m is None
        assert report.alignment.dx_px == pytest.approx(-1.2, abs=0.15)
        assert report.alignment.dy_px == pytest.approx(-0.8, abs=0.15)
        assert len(report.changes) > 0
        assert "working in pixels" in report.summary["warnings"][0]
        out = report.write(tmp_path / "out", formats=("gpkg",))
        for feature in json.loads((out / "changes.geojson").read_text())["features"]:
            assert feature["properties"]["length_m"] is None
            assert feature["properties"]["bearing_deg"] is None
        with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
            file = rasterio.open(out / "changed.tif")
        with file:
            assert file.crs is None
        assert cd.verify(out).ok

    def test_a_given_alignment_is_used(self, site, reported, monkeypatch):
        from changedet.pipeline import opening

        # made before, or by whichever test runs first
        s, expected = site("yard"), reported("yard")

        def refuse(*args, **kwargs):
            raise AssertionError("the alignment was estimated")

        monkeypatch.setattr(opening, "estimate_alignment", refuse)
        saved = json.loads(json.dumps(expected.alignment.describe()))
        given = Alignment.from_description(saved)
        report = cd.detect(*s.pair, zones=s.zones, alignment=given)
        assert report.alignment is given
        check_same(expected, report)
        assert report.manifest["alignment_given"] == saved

    def test_no_alignment(self, small):
        report = cd.detect(*small.pair, align=False)
        assert (report.alignment.model, report.alignment.grade) == ("none", "none")
        assert report.summary["alignment"]["dx_px"] == 0


class TestSteps:
    def test_step_by_step_gives_the_same(self, site, reported):
        s, expected = site("yard"), reported("yard")
        alignment = cd.align(*s.pair)
        assert alignment.describe() == expected.alignment.describe()
        score_map = cd.score(*s.pair, alignment=alignment, engine="serial")
        assert whole(score_map.score).tobytes() == whole(expected.score).tobytes()
        assert score_map.observable_fraction == expected.summary["observable_fraction"]
        table = cd.objects(score_map)
        assert list(shapely.to_wkb(table.geometry)) == list(
            shapely.to_wkb(expected.changes.geometry)
        )
        for name in set(COLUMNS) - {"zone", "activity"}:
            np.testing.assert_array_equal(table[name], expected.changes[name], strict=True)
        rows = cd.activity(
            table, expected.changed, zones=s.zones,
            expected_false_per_km2=expected.summary["calibration"]["expected_false_per_km2"],
        )  # fmt: skip
        assert [r.describe() for r in rows] == [r.describe() for r in expected.activity]

    def test_inspect_says_the_same_and_more(self, site, reported):
        s, expected = site("yard"), reported("yard")
        card = cd.inspect(*s.pair)
        assert card.grid == expected.grid
        assert card.bands == ("blue", "green", "red", "nir")
        assert card.comparability.describe() == expected.summary["comparability"]
        assert card.alignment.describe() == expected.alignment.describe()
        json.dumps(card.describe(), allow_nan=False)
        assert "alignment:     translation" in str(card)

    def test_progress_is_told_stage_by_stage(self, small):
        seen = []
        cd.detect(*small.pair, alignment=Alignment.identity("given"), progress=seen.append)
        stages = list(dict.fromkeys(e.stage for e in seen))
        assert [s for s in stages if s in ("fit", "score", "objects")] == [
            "fit",
            "score",
            "objects",
        ]
        last = {e.stage: e.fraction for e in seen}
        assert set(last.values()) == {1.0}


class TestFolder:
    @pytest.fixture(scope="class")
    @classmethod
    def out(cls, reported, tmp_path_factory):
        return reported("yard").write(tmp_path_factory.mktemp("out") / "yard")

    def test_every_file_and_no_other(self, out):
        assert {p.name for p in out.iterdir()} == FILES

    def test_summary(self, out, reported):
        summary = json.loads((out / "summary.json").read_text())
        assert list(summary) == list(SUMMARY_KEYS)
        assert set(summary["alignment"]) >= {
            "dx_m", "dy_m", "dx_px", "dy_px", "model", "residual_px", "ce90_px", "grade",
            "tie_points",
        }  # fmt: skip
        assert set(summary["inputs"][0]) >= {"path", "sha256", "bands", "crs", "acquired"}
        assert summary["grid"]["crs"] == "EPSG:32652"
        assert summary["counts"]["objects"] == len(reported("yard").changes)
        assert [a["zone"] for a in summary["activity"]][-1] == "site"
        assert set(summary["timings_s"]) == {
            "open", "align", "fit", "score", "objects", "activity", "pictures",
        }  # fmt: skip
        assert summary["warnings"] == []

    def test_changes(self, out, reported):
        collection = json.loads((out / "changes.geojson").read_text())
        assert "crs" not in collection
        assert len(collection["features"]) == len(reported("yard").changes) > 0
        for feature in collection["features"]:
            assert list(feature["properties"]) == list(COLUMNS)
            shape = shapely.geometry.shape(feature["geometry"])
            assert shape.is_valid
            for polygon in getattr(shape, "geoms", [shape]):
                assert polygon.exterior.is_ccw
            longitude, latitude = shape.centroid.coords[0]
            assert (round(longitude, 1), round(latitude, 1)) == (130.6, 42.4) or (
                round(longitude, 2),
                round(latitude, 2),
            ) == (130.65, 42.42)

    def test_rasters(self, out, reported):
        cogeo = pytest.importorskip("rio_cogeo")
        for name, dtype in (("changed", "uint8"), ("score", "float32")):
            valid, problems, _ = cogeo.cog_validate(str(out / f"{name}.tif"), strict=True)
            assert valid, problems
            with rasterio.open(out / f"{name}.tif") as file:
                assert file.dtypes == (dtype,)
                assert file.crs.to_epsg() == 32652
                expected = whole(getattr(reported("yard"), name))
                np.testing.assert_array_equal(file.read(1), expected)
        assert set(np.unique(whole(reported("yard").changed))) <= {0, 1, 255}

    def test_changed_pixels_are_those_of_the_objects(self, reported):
        report = reported("yard")
        counted = report.changes.take(~report.changes.explained)
        pixels = (whole(report.changed) == 1).sum()
        assert counted["area_m2"].sum() == pytest.approx(
            pixels * report.grid.pixel_area_m2, rel=1e-9
        )

    def test_the_page_needs_nothing_from_elsewhere(self, out):
        text = (out / "report.html").read_text("utf-8")
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
        assert "yard" in text

    def test_verify(self, out, reported, tmp_path):
        found = cd.verify(out)
        assert found.ok, found.problems
        assert set(found.checked) >= FILES - {"manifest.json"}
        again = reported("yard").write(tmp_path / "copy")
        (again / "score.tif").write_bytes(b"x")
        found = cd.verify(again)
        assert not found.ok
        assert "score.tif has 1 bytes" in found.problems[0]

    @pytest.mark.slow
    def test_verify_by_running_again(self, out):
        found = cd.verify(out, rerun=True)
        assert found.ok, found.problems

    def test_a_rerun_with_what_was_given(self, small, tmp_path):
        report = cd.detect(
            *small.pair, zones=small.zones, fdr=0.05, min_area_m2=6.0, bands=("red", "nir"),
            alignment=Alignment.identity("given"),
        )  # fmt: skip
        out = report.write(tmp_path / "out", formats=("gpkg", "fgb"))
        found = cd.verify(out, rerun=True)
        assert found.ok, found.problems

    def test_a_rerun_of_arrays_is_refused(self, small, tmp_path):
        pair = small.scene.before, small.scene.after
        known = Alignment.identity("given")
        out = cd.detect(*pair, alignment=known).write(tmp_path / "out")
        with pytest.raises(errors.ChangedetError, match=r"cannot be run again|memory|array"):
            cd.verify(out, rerun=True)
        zones = json.loads(Path(small.zones).read_text())
        out = cd.detect(*small.pair, zones=zones, alignment=known).write(tmp_path / "zones")
        with pytest.raises(
            errors.OutputError, match=r"cannot be run again from its manifest: zones was a dict"
        ):
            cd.verify(out, rerun=True)


class TestScenes:
    def test_a_scene_as_files_is_the_scene(self, small):
        scene = small.scene
        with rasterio.open(small.after) as file:
            assert file.descriptions == scene.after.roles
            np.testing.assert_array_equal(
                file.read()[:, scene.after.valid], scene.after.pixels[:, scene.after.valid]
            )
        assert {p.name for p in small.folder.iterdir()} == {
            "before.tif", "after.tif", "zones.geojson", "tracks.geojson", "roads.geojson",
            "truth.geojson", "manifest.json",
        }  # fmt: skip
        assert cd.verify(small.folder).ok
        with pytest.raises(errors.OutputError, match="holds a simulated scene and not a report"):
            cd.verify(small.folder, rerun=True)

    def test_the_same_seed_gives_the_same_files_and_replaces_them(self, tmp_path):
        one, two = tmp_path / "one", tmp_path / "two"
        for out in (one, two):
            cd.simulate("railyard", seed=1, out=out, size_m=(120.0, 90.0))
        with pytest.raises(errors.OutputError, match="one exists"):
            cd.simulate("railyard", seed=1, out=one, size_m=(120.0, 90.0))
        for path in one.iterdir():
            assert path.read_bytes() == (two / path.name).read_bytes(), path.name
        cd.simulate("railyard", seed=2, out=one, size_m=(120.0, 90.0), overwrite=True)
        assert (one / "after.tif").read_bytes() != (two / "after.tif").read_bytes()
