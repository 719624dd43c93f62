from __future__ import annotations

import dataclasses
import json

import pytest

from changedet.config import Config
from changedet.model import TrackActivity
from changedet.progress import ProgressEvent


@pytest.fixture
def detect(pipeline, make_report):
    """A detect that notes what it was given."""
    calls = []

    def detect(*args, **kwargs):
        calls.append((args, kwargs))
        return pipeline.report

    pipeline.report = make_report()
    pipeline.detect = detect
    pipeline.calls = calls
    return pipeline


def test_plain(run, detect, tmp_path):
    done = run("detect", "b.tif", "https://x/a.tif", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    ((args, kwargs),) = detect.calls
    assert args == ("b.tif", "https://x/a.tif")
    assert kwargs == {
        "config": None, "engine": "threads", "progress": None, "zones": None,
        "control": None, "tracks": None,
        "roads": None, "aoi": None, "mask_before": None, "mask_after": None,
        "reference_before": None, "reference_after": None, "history": None,
    }  # fmt: skip
    written = (tmp_path / "out" / "written.txt").read_text()
    assert written == "{'formats': ('geojson',), 'overwrite': False}"


def test_every_option_arrives(run, detect, tmp_path):
    (tmp_path / "c.toml").write_text("seed = 7\nfdr = 0.1\n")
    done = run(
        "detect", "b", "a", "--out", tmp_path / "out", "--zones", "z", "--tracks", "t",
        "--control", "outside", "--kind-weight", "railcar=2", "--kind-weight", "truck=0.5",
        "--roads", "r", "--aoi", "i", "--mask-before", "mb", "--mask-after", "ma",
        "--method", "ir-mad", "--domain", "sar-db", "--bands", "red, nir", "--grid", "2.5",
        "--clouds", "none", "--no-align", "--false-alarms", "3", "--min-area", "20",
        "--config", tmp_path / "c.toml",
        "--format", "gpkg,parquet", "--engine", "serial", "--workers", "2",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    ((_, kwargs),) = detect.calls
    assert kwargs == {
        "config": Config(seed=7, fdr=0.1), "engine": "serial", "progress": None, "zones": "z",
        "control": "outside", "kind_weights": {"railcar": 2.0, "truck": 0.5},
        "tracks": "t", "roads": "r", "aoi": "i", "mask_before": "mb", "mask_after": "ma",
        "reference_before": None, "reference_after": None, "history": None,
        "method": "ir-mad", "domain": "sar-db", "bands": ("red", "nir"), "grid": 2.5,
        "clouds": "none", "align": False, "false_alarms_per_km2": 3.0, "fdr": None,
        "min_area_m2": 20.0,
        "workers": 2,
    }  # fmt: skip
    given = {k: v for k, v in kwargs.items() if hasattr(Config, k)}
    kwargs["config"].replace(**given)
    assert "'parquet'" in (tmp_path / "out" / "written.txt").read_text()


def test_clouds_may_be_left_in(run, detect, tmp_path):
    done = run("detect", "b", "a", "--out", tmp_path / "out", "--clouds", "none")
    assert done.exit_code == 0, done.output
    assert detect.calls[0][1]["clouds"] == "none"
    assert run("detect", "b", "a", "--out", tmp_path / "o", "--clouds", "maybe").exit_code == 2


def test_a_folder_that_exists_is_refused_before_the_work(run, detect, tmp_path):
    done = run("detect", "b", "a", "--out", tmp_path)
    assert done.exit_code == 3
    assert done.stderr.startswith(f"Error: The output folder {tmp_path} exists. Give another one")
    assert detect.calls == []


def test_overwrite_lets_an_earlier_output_pass(run, detect, tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    done = run("detect", "b", "a", "--out", tmp_path, "--overwrite")
    assert done.exit_code == 0, done.output
    assert "'overwrite': True" in (tmp_path / "written.txt").read_text()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--format", "shp", "The format 'shp' is not known: choose among geojson, gpkg, parquet"),
        ("--format", "gpkg,,fgb", "holds an empty name: separate names by single commas"),
        ("--engine", "spark", "engine='spark' is not known: choose one of serial, threads"),
        ("--grid", "coarse", "'coarse' is neither 'native' nor a pixel size in metres"),
        ("--domain", "radar", "'radar' is not one of 'auto', 'optical', 'sar-amplitude'"),
        ("--kind-weight", "railcar", "'railcar' is not a kind and its weight, such as railcar=2"),
        ("--workers", "0", "0 is not in the range x>=1"),
        ("--config", "none.toml", "The configuration none.toml cannot be read"),
        ("--zoness", "z", "No such option"),
    ],
)
def test_bad_usage(run, detect, tmp_path, option, value, message):
    done = run("detect", "b", "a", "--out", tmp_path / "out", option, value)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert detect.calls == []


def test_what_is_left_out_is_asked_for(run):
    done = run("detect", "b", "a")
    assert done.exit_code == 2
    assert "Missing option '--out'" in done.stderr


class TestSummary:
    def test_changes(self, run, detect, make_report, make_zone, tmp_path):
        detect.report = make_report(
            make_zone("yard", 65.2, appeared=11, moved=1),
            make_zone("pad", 80.0, disappeared=2),
            make_zone("hidden", None),
            make_zone("site", 12.0, appeared=12, disappeared=2, moved=1),
            explained=("shadow", None, "shadow", "lean"),
        )
        out = tmp_path / "out"
        assert run("detect", "b", "a", "--out", out).stdout.splitlines() == [
            "15 changes in what could be observed (98%): 12 appeared, 2 disappeared, 1 moved.",
            "Explained and left out: 2 shadow, 1 lean.",
            "On 20 x 10 px, no georeferencing.",
            "Alignment: translation +1.500 px right, -0.250 px down: good.",
            "Activity, 0 to 100:",
            "  pad      80  2 disappeared",
            "  yard     65  11 appeared, 1 moved",
            "  hidden    –  could not be observed",
            "  site     12  12 appeared, 2 disappeared, 1 moved",
            f"Report: {out / 'report.html'}",
        ]

    def test_words_in_short(self, run, detect, make_report, make_zone, tmp_path):
        report = make_report(make_zone("site", 12.0, appeared=2))
        report.summary["words"] = {
            "sentences": ["In yard, 2 objects appeared.", "It is likely (at least 60 %) that so."],
            "confidence": {"sentence": "Confidence in this is low: why."},
        }
        detect.report = report
        lines = run("detect", "b", "a", "--out", tmp_path / "out").stdout.splitlines()
        assert lines[1:3] == [
            "It is likely (at least 60 %) that so.", "Confidence in this is low: why.",
        ]  # fmt: skip

    def test_no_change_is_success(self, run, detect, tmp_path):
        done = run("detect", "b", "a", "--out", tmp_path / "out")
        assert done.exit_code == 0
        assert "No change found in what could be observed (98%)." in done.stdout

    def test_tracks_are_told_where_given(self, run, detect, make_report, tmp_path):
        def track(name, before, after, grade="single wagons", notes=()):
            metres = [
                None if n is None else (14.0 * n, 13.0 * n, 15.0 * n) for n in (before, after)
            ]
            wagons = [None if n is None else (n, n - 1, n + 1) for n in (before, after)]
            return TrackActivity(
                name, 400.0, 400.0, 400.0, 400.0, *metres, None, None, *wagons, None, None,
                (0.0, 0.0), grade, {}, notes,
            )  # fmt: skip

        told = [
            track("1", 4, 4),
            track("2", 2, 12, notes=("in doubt: x",)),
            track("3", 9, 5, "length"),
        ]
        many = [track(str(n), 5, 5) for n in range(4, 9)]
        detect.report = dataclasses.replace(make_report(), track_activity=(*told, *many))
        lines = run("detect", "b.tif", "a.tif", "--out", tmp_path / "o").stdout.splitlines()
        at = lines.index("Tracks, before and after:")
        assert lines[at + 1 : at + 4] == [
            "  2  2 (1 to 3) -> 12 (11 to 13) wagons, in doubt",
            "  3  126 (117 to 135) -> 70 (65 to 75) m occupied",
            "  1  4 (3 to 5) -> 4 (3 to 5) wagons",
        ]
        assert lines[at + 6] == "  ... and 3 more tracks in the report"
        coarse = track("1", None, None, "train-like", ("at 10 m one pixel holds two tracks",))
        detect.report = dataclasses.replace(make_report(), track_activity=(coarse,))
        said = run("detect", "b.tif", "a.tif", "--out", tmp_path / "p").stdout
        assert "Tracks: none could be told (at 10 m one pixel holds two tracks)." in said

    def test_many_zones_are_cut(self, run, detect, make_report, make_zone, tmp_path):
        zones = [make_zone(f"z{i}", float(i)) for i in range(9)]
        detect.report = make_report(*zones, make_zone("site", 1.0, modified=1))
        shown = run("detect", "b", "a", "--out", tmp_path / "out").stdout
        assert "  z8      8  nothing\n" in shown
        assert "  z4" in shown
        assert "  z3" not in shown
        assert "  ... and 4 more zones in the report\n  site    1  1 modified\n" in shown
        assert shown.startswith("1 change in")

    def test_quiet(self, run, detect, tmp_path):
        done = run("detect", "b", "a", "--out", tmp_path / "out", "--quiet")
        assert (done.exit_code, done.output) == (0, "")


def test_json_lines(run, detect, make_report, make_zone, tmp_path):
    report = make_report(make_zone("yard", 65.25, appeared=1), make_zone("site", 9.0, appeared=1))

    def working(*args, progress, **kwargs):
        progress(ProgressEvent("score", 1, 4, "tile"))
        progress(ProgressEvent("score", 4, 4))
        return report

    detect.detect = working
    done = run("detect", "b", "a", "--out", tmp_path / "out", "--json-progress")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0] == {
        "event": "progress", "stage": "score", "done": 1, "total": 4, "fraction": 0.25,
        "message": "tile",
    }  # fmt: skip
    assert lines[-1] == {
        "event": "done", "out": str(tmp_path / "out"), "objects": 0,
        "changes": {"appeared": 1, "disappeared": 0, "modified": 0, "moved": 0},
        "explained": 0, "activity": {"yard": 65.25, "site": 9.0}, "alignment": "good",
    }  # fmt: skip
    assert len(lines) == 3
    assert done.stderr == ""


def test_one_sun_for_both_images(run, detect, tmp_path):
    done = run("detect", "b", "a", "--out", tmp_path / "out", "--sun", "150,45")
    assert done.exit_code == 0, done.output
    ((_, kwargs),) = detect.calls
    assert kwargs["sun_before"] == kwargs["sun_after"] == (150.0, 45.0)
    assert "sun" not in kwargs


def test_one_sun_beside_that_of_a_date_is_refused(run, detect, tmp_path):
    done = run(
        "detect", "b", "a", "--out", tmp_path / "out", "--sun", "150,45", "--sun-after", "160,40"
    )
    assert done.exit_code == 2
    assert "--sun was given, which is for both images, and --sun-before or" in done.output
    assert not detect.calls
