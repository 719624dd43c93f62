"""A null from a reference pair or a history, through the whole chain."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

import changedet as cd
from changedet.cli import cli
from changedet.differencing import Likeness
from changedet.differencing.null.object_null import PEAKS_ALIKE
from changedet.errors import CalibrationWarning, ConfigError
from changedet.simulation import simulate

from .sites import check_same

SITE = {"size_m": (150.0, 120.0)}
DAYS = ("20230301T020000", "20230401T020000", "20230501T020000")


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """Three earlier images of the site of ``small``, on which nothing moved."""
    folder = tmp_path_factory.mktemp("earlier")
    for k, day in enumerate(DAYS):
        cd.simulate(
            kind="railyard", seed=3, out=folder / day, change_fraction=0.0, imaging_seed=100 + k,
            season_before=0.5 + 0.05 * k, sun_before=(150.0 + 5 * k, 45.0), **SITE,
        )  # fmt: skip
        shutil.copy(folder / day / "before.tif", folder / f"site_{day}.tif")
        shutil.rmtree(folder / day)
    return folder


def test_a_reference_pair_is_the_null_and_is_named(small, earlier, tmp_path):
    one, two = (str(earlier / f"site_{day}.tif") for day in DAYS[:2])
    report = cd.detect(*small.pair, reference_before=one, reference_after=two, tile_size=128)
    calibration = report.summary["calibration"]
    assert calibration["source"] == "reference"
    assert calibration["objects"]["source"] == "reference"
    assert calibration["nominal_false_per_km2"] == 2.0
    n = calibration["objects"]["candidates"]
    # so few candidates say little by themselves, and are put together with what is known
    assert calibration["objects"]["combined_with"] == "quiet pairs of this kind"
    assert calibration["objects"]["weight_of_quiet_pairs"] == pytest.approx(
        PEAKS_ALIKE / (PEAKS_ALIKE + n)
    )
    assert min(report.changes["p_value"]) < 1 / (n + 1)
    other = cd.detect(
        *small.pair, reference_before=one, reference_after=two, tile_size=200, engine="serial"
    )
    check_same(report, other)
    folder = report.write(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [r["path"] for r in manifest["references"]] == [one, two]
    assert all(len(r["sha256"]) == 64 for r in manifest["references"])
    assert cd.verify(folder, rerun=True).ok


def brightness_differs(before, after, valid):
    """A detector of one's own, of which no quiet pairs are known."""
    return np.abs(after - before).mean(axis=0)


def test_for_a_detector_of_ones_own_the_reference_stands_for_itself(small, earlier):
    one, two = (str(earlier / f"site_{day}.tif") for day in DAYS[:2])
    report = cd.detect(
        *small.pair, reference_before=one, reference_after=two, method=brightness_differs
    )
    objects = report.summary["calibration"]["objects"]
    assert objects["combined_with"] is None
    # no p-value is smaller than the ranks of the reference can tell
    smallest = 1 / (objects["candidates"] + 1)
    assert objects["smallest_p"] == pytest.approx(smallest)
    assert len(report.changes)
    assert min(report.changes["p_value"]) == pytest.approx(smallest)


def test_real_change_still_stands_out_against_a_reference(small, earlier):
    one, two = (str(earlier / f"site_{day}.tif") for day in DAYS[:2])
    report = cd.detect(*small.pair, reference_before=one, reference_after=two)
    counted = report.changes.take(~report.changes.explained)
    assert len(counted) >= 1
    quiet = cd.detect(one, two, reference_before=two, reference_after=str(small.before))
    assert (~quiet.changes.explained).sum() <= 1


@pytest.mark.slow
def test_a_history_is_a_folder_a_list_or_a_text_file(small, earlier, tmp_path):
    paths = [str(p) for p in sorted(earlier.glob("*.tif"))]
    text = tmp_path / "history.csv"
    text.write_text("path\n" + "\n".join(paths) + "\n", encoding="utf-8")
    reports = [cd.detect(*small.pair, history=h) for h in (str(earlier), paths, text)]
    for report in reports[1:]:
        check_same(reports[0], report)
    assert reports[0].summary["calibration"]["source"] == "history"
    # each image with the next in time, the last with the before image
    assert [r["path"] for r in reports[0].manifest["references"]] == [
        paths[0], paths[1], paths[1], paths[2], paths[2], small.before,
    ]  # fmt: skip


def test_the_command_line_takes_them(small, earlier, tmp_path):
    one, two = (str(earlier / f"site_{day}.tif") for day in DAYS[:2])
    for k, words in enumerate(
        (["--reference-before", one, "--reference-after", two], ["--history", str(earlier)])
    ):
        out = tmp_path / str(k)
        result = CliRunner().invoke(cli, ["detect", *small.pair, "--out", str(out), *words])
        assert result.exit_code == 0, result.output
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        assert summary["calibration"]["source"] == ("history" if k else "reference")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"reference_before": "a.tif"}, "1 reference images before and 0 after"),
        ({"reference_before": ["a.tif", "b.tif"], "reference_after": ["c.tif"]}, "2 .* and 1"),
        (
            {"reference_before": "a.tif", "reference_after": "b.tif", "history": "c"},
            "Both a reference pair and a history",
        ),
        ({"history": []}, "holds no image"),
    ],
)
def test_what_does_not_fit_together_is_refused(small, given, message):
    with pytest.raises(ConfigError, match=message):
        cd.detect(*small.pair, **given)


def test_an_empty_folder_is_no_history(small, tmp_path):
    with pytest.raises(ConfigError, match="holds no image: give a folder of images"):
        cd.detect(*small.pair, history=str(tmp_path))


def test_a_reference_of_other_bands_is_refused(small, tmp_path):
    scene = simulate("sar", 1, change_fraction=0.0, size_m=(800.0, 800.0))
    with pytest.raises(cd.ChangedetError):
        cd.detect(*small.pair, reference_before=scene.before, reference_after=scene.after)


@pytest.fixture
def visit(tmp_path):
    """Another day at the site of the references, as a pair of files."""

    def make(change_fraction=0.0, **light):
        folder = tmp_path / "visit"
        cd.simulate(
            kind="railyard", seed=3, out=folder, imaging_seed=108,
            change_fraction=change_fraction, **SITE, **light,
        )  # fmt: skip
        return str(folder / "before.tif"), str(folder / "after.tif")

    return make


def by_references(earlier, pair, **settings):
    """Report, its calibration, and the objects that nothing explains."""
    one, two = (str(earlier / f"site_{day}.tif") for day in DAYS[:2])
    report = cd.detect(*pair, reference_before=one, reference_after=two, **settings)
    found = report.changes.take(~report.changes.explained)
    return report, report.summary["calibration"], found


def test_a_reference_like_the_pair_is_taken_as_it_is(earlier, visit):
    report, calibration, found = by_references(earlier, visit())
    assert calibration["source"] == "reference"
    assert calibration["stretch"] == pytest.approx(1.0, abs=0.05)
    assert calibration["references"]["used"]
    assert not calibration["references"]["notable"]
    assert report.summary["warnings"] == []
    assert len(found) <= 1


@pytest.mark.slow
def test_the_null_is_made_as_wide_as_a_visit_in_another_light(earlier, visit):
    other = visit(sun_after=(165.0, 38.0))
    with pytest.warns(CalibrationWarning, match="differs .* times as much in this pair as in the"):
        report, calibration, found = by_references(earlier, other, tile_size=128)
    assert calibration["source"] == "reference"
    assert calibration["stretch"] > 1.15
    assert calibration["references"]["notable"]
    assert len(found) <= 5
    assert sum("made as wide" in w for w in report.summary["warnings"]) == 1
    assert "differs more than its reference" in report.summary["words"]["confidence"]["sentence"]
    with pytest.warns(CalibrationWarning):
        again = by_references(earlier, other, tile_size=200, engine="serial")[0]
    check_same(report, again)
    assert again.summary["calibration"] == calibration


def test_change_is_still_found_on_a_visit_of_another_season(earlier, visit):
    busy = visit(season_after=0.2, change_fraction=0.3)
    with pytest.warns(CalibrationWarning, match="made as wide"):
        _, calibration, found = by_references(earlier, busy)
    assert 1.15 < calibration["stretch"] < 5
    assert len(found) >= 10


@pytest.mark.slow
def test_a_pair_too_restless_for_its_references_is_judged_by_itself(earlier, visit, monkeypatch):
    unlike = visit(sun_after=(235.0, 25.0), season_after=0.1)
    with pytest.warns(CalibrationWarning, match="too calm for this pair"):
        report, calibration, found = by_references(earlier, unlike)
    assert calibration["source"] == "pair"
    assert calibration["objects"]["source"] == "pair"
    assert calibration["references"]["given"] == "reference"
    assert not calibration["references"]["used"]
    assert "too calm" in report.summary["words"]["confidence"]["sentence"]
    # it is still said which images they were
    assert len(report.manifest["references"]) == 2
    alone = cd.detect(*unlike)
    assert alone.summary["calibration"]["stretch"] is None
    assert alone.summary["calibration"]["references"] is None
    check_same(report, alone)

    def believed(null, blocks, strata, weak):
        return null, Likeness(null.source, 1.0, {}, 0.0)

    monkeypatch.setattr("changedet.pipeline.references.made_like", believed)
    flood = by_references(earlier, unlike)[2]
    assert len(flood) > 3 * max(len(found), 1)


def test_a_busy_day_in_like_light_is_no_reason_to_leave_the_references(earlier, visit):
    _, calibration, found = by_references(earlier, visit(change_fraction=0.6))
    assert calibration["source"] == "reference"
    assert calibration["stretch"] == pytest.approx(1.0, abs=0.05)
    assert len(found) >= 20
