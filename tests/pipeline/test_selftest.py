"""The self-test from end to end on small pairs, and what it refuses."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet import errors
from changedet.model import Alignment
from changedet.pipeline.selftesting import selftest
from changedet.simulation.target_types import THINGS

from .sites import Site

HERE = Alignment.identity("known to fit")
SUN = {"sun_before": (150.0, 46.0), "sun_after": (150.0, 46.0)}
BOX, SPECK = THINGS[3], cd.TargetType("1 m speck", "other", 1.0, 1.0)


@pytest.fixture(scope="module")
def run(small: Site, reported):
    """A quick self-test of the small pair."""
    alignment = reported("small").alignment

    def run(**given):
        known = {"per_cell": 5, "types": [BOX, SPECK], "contrasts": (0.1, 0.9),
                 "engine": "serial", "alignment": alignment}  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", errors.CoverageWarning)
            return selftest(*small.pair, **{**known, **SUN, **given})

    return run


@pytest.fixture(scope="module")
def tested(run):
    return run()


class TestResult:
    def test_bold_boxes_are_seen_and_specks_below_the_least_area_are_not(self, tested):
        assert tested.rate(BOX.name, 0.9).probability > 0.6
        assert tested.rate(SPECK.name).seen <= 1
        assert tested.missed_by["not significant"] >= 8

    def test_every_target_is_accounted_for(self, tested):
        assert len(tested.targets) == 20
        for t in tested.targets:
            assert t.seen == (t.covered >= 0.5) == (t.missed_by is None)
            assert t.seen <= (t.change is not None)
            assert t.reached == pytest.approx(t.contrast, rel=0.06)

    def test_colour_goes_from_grey_to_pure(self, tested):
        hue = np.sort([np.sqrt(t.colour) for t in tested.targets if t.contrast == 0.1])
        assert hue[0] < 0.25
        assert hue[-1] > 0.75

    def test_targets_of_a_round_keep_apart_from_each_other_and_from_changes(self, tested, reported):
        report = reported("small")
        changed = shapely.union_all(report.changes.geometry)
        for number in range(1, tested.rounds + 1):
            places = [(t.row, t.col) for t in tested.targets if t.round == number]
            for (r1, c1), (r2, c2) in pairwise(places):
                assert np.hypot(r1 - r2, c1 - c2) > 10
            for row, col in places:
                assert not changed.contains(shapely.Point(*report.grid.xy(row, col)))

    @pytest.mark.slow
    def test_another_seed_gives_other_targets(self, run, tested):
        assert run(seed=1).targets != tested.targets

    def test_the_same_seed_gives_the_same_whatever_the_tiles(self, run, tested):
        again = run(tile_size=128)
        assert again.targets == tested.targets

    def test_false_objects_are_those_of_the_run_itself(self, tested, reported):
        report = reported("small")
        expected = report.summary["calibration"]["expected_false_per_km2"]
        assert tested.expected_false_per_km2 == pytest.approx(expected, rel=0.2)
        assert tested.found_per_km2 == pytest.approx(tested.found / tested.observed_km2)

    def test_it_says_what_it_cannot_tell(self, tested):
        assert any("boxes of one colour" in text for text in tested.cannot_tell)
        assert tested.image["blur_source"] == "measured"
        assert tested.image["sun"] == "given"

    def test_zones_bound_where_boxes_are_planted(self, run, small):
        x0, y0, x1, y1 = small.scene.before.grid.bounds
        half = shapely.box(x0, y0, (x0 + x1) / 2, y1)
        collection = {"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {"name": "west"},
             "geometry": shapely.geometry.mapping(half)}]}  # fmt: skip
        collection["crs"] = {"type": "name", "properties": {"name": "EPSG:32652"}}
        test = run(zones=collection, types=[BOX], per_cell=3)
        assert max(t.col for t in test.targets) < small.scene.before.grid.width / 2 + 3


@pytest.mark.slow
def test_a_rerun_gives_the_same_files(run, tmp_path):
    types = [BOX, cd.TargetType("bus", "vehicle", 12.0, 2.55, 3.2)]
    out = run(types=types, per_cell=1, blur_px=0.7).write(tmp_path / "out")
    found = cd.verify(out, rerun=True)
    assert found.ok, found.problems
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    manifest["selftest"]["blur_px"] = 1.5
    (out / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert not cd.verify(out, rerun=True).ok


class TestOtherPairs:
    def test_without_georeferencing_sizes_are_pixels(self, edited):
        pair = [edited(f"{d}.tif", date=d, located=False) for d in ("before", "after")]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", errors.ChangedetWarning)
            test = selftest(*pair, per_cell=1, contrasts=[0.8], alignment=HERE, engine="serial")
        assert test.length_unit == "px"
        assert {t.kind for t in test.types} == {"other"}
        assert test.found_per_km2 is None
        assert test.expected_false_per_km2 is None
        assert any("nothing is known in metres" in text for text in test.cannot_tell)

    def test_radar_in_decibels(self):
        scene = cd.simulate("sar", seed=101, size_m=(1500.0, 1200.0), change_fraction=0.05)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", errors.ChangedetWarning)
            test = selftest(scene.before, scene.after, per_cell=4, contrasts=[1.0, 10.0],
                            domain="sar-amplitude", alignment=HERE, engine="serial")  # fmt: skip
        assert test.unit == "dB"
        big = test.types[-1].name
        assert test.rate(big, 10.0).probability > 0.7
        weak, strong = (
            sum(t.seen for t in test.targets if t.contrast == c) for c in (1.0, 10.0)
        )  # fmt: skip
        assert strong > weak + 4
        assert all(t.kind == "other" for t in test.types)


class TestBadInput:
    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"per_cell": 0}, r"per_cell=0 is not usable: give how many targets of each type"),
            ({"per_cell": 2.5}, r"per_cell=2\.5 is not usable"),
            ({"contrasts": []}, r"contrasts=\[\] is not usable: give numbers above 0, shares of"),
            ({"contrasts": [0.2, -1]}, r"contrasts=\[0\.2, -1\] is not usable"),
            ({"contrasts": ["dark"]}, r"contrasts=\['dark'\] is not usable"),
            ({"blur_px": 0}, r"blur_px=0 is not usable: give the standard deviation of the point"),
            ({"blur_px": 9}, r"above 0 to 5"),
            ({"types": []}, r"types=\[\] is not usable: give at least one changedet\.TargetType"),
            ({"types": [cd.TargetType("dot", "other", 0.0, 2.0)]}, r"'dot' of 0 x 2 is not usabl"),
            (
                {"types": [cd.TargetType("dot", "other", 2.0, 2.0, 0.0, 1.5)]},
                r"uneven=1\.5 of .*'d",
            ),
        ],
    )
    def test_settings_that_make_no_sense(self, small, given, message):
        with pytest.raises(errors.ConfigError, match=message):
            selftest(*small.pair, **given)

    def test_nothing_to_observe(self, small, tmp_path):
        mask = np.ones(small.scene.after.grid.shape, np.uint8)
        with pytest.raises(errors.NotEnoughValidPixels, match="No pixel is valid in both"):
            selftest(*small.pair, mask_after=mask)

    def test_no_room_for_what_is_wanted(self, run):
        hangar = cd.TargetType("90 m hangar", "building", 110.0, 110.0, 12.0)
        with pytest.raises(
            errors.NotEnoughValidPixels,
            match=r"No target could be planted: the common grid of 300 x 240 px .* is observed to "
            r"99\.3%, and no place is large enough, seen at both dates and unchanged\. Give larg",
        ):
            run(types=[hangar], per_cell=1)

    def test_some_without_room_are_told(self, small):
        hangar = cd.TargetType("90 m hangar", "building", 110.0, 110.0, 12.0)
        with pytest.warns(
            errors.CoverageWarning,
            match=r"1 of 2 targets found no place where .* \(90 m hangar\): their rates rest on",
        ):
            test = selftest(*small.pair, types=[BOX, hangar], per_cell=1, contrasts=[0.8],
                            alignment=HERE, engine="serial", **SUN)  # fmt: skip
        assert [t.name for t in test.types] == [BOX.name]

    def test_zones_far_away(self, small):
        far = {"type": "Polygon", "coordinates": [[[10, 10], [10.1, 10], [10.1, 10.1], [10, 10]]]}
        with (
            pytest.warns(errors.CoverageWarning, match="outside"),
            pytest.raises(errors.NotEnoughValidPixels, match="planted within the zones given"),
        ):
            selftest(*small.pair, zones=far, per_cell=1, types=[BOX], alignment=HERE, **SUN)
