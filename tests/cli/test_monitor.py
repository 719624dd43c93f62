"""``changedet monitor``: options reach the pipeline, results reach people and programs."""

from __future__ import annotations

import json
from datetime import date

import pytest

from changedet.activity import HistoryRules
from changedet.errors import ConfigError, ImageReadError


class Report:
    images = (1, 2, 3)
    histories = ()
    links = ("a and b: nothing",)

    def write(self, out, **options):
        self.written = (out, options)
        return out

    def describe(self):
        return {"histories": [{"place": "site", "state": "normal"}]}


@pytest.fixture
def report(pipeline):
    found = Report()

    def monitor(images, **given):
        pipeline.images, pipeline.given = images, given
        return found

    pipeline.monitor = monitor
    return found


def test_options_reach_the_pipeline(run, report, pipeline, tmp_path):
    out = tmp_path / "out"
    done = run(
        "monitor", "a.tif", "b.tif", "--out", out, "--zones", "z.json", "--tracks", "t.json",
        "--reference", "0", "--level", "0.05", "--least-baseline", "6", "--baseline-until",
        "2023-09-13", "--no-seasonal", "--link", "other", "--min-area", "5", "--format", "csv",
        "--engine", "serial",
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Whole site: within what is usual.", "a and b: nothing", f"History: {out}",
    ]  # fmt: skip
    assert pipeline.images == ["a.tif", "b.tif"]
    rules = HistoryRules(0.05, 6, 0.8, date(2023, 9, 13), False)
    assert pipeline.given == {
        "rules": rules, "config": None, "engine": "serial", "progress": None, "aoi": None,
        "zones": "z.json", "tracks": "t.json", "roads": None, "reference": "0",
        "links": ("other",), "min_area_m2": 5.0,
    }  # fmt: skip
    assert report.written == (out, {"formats": ("csv",), "overwrite": False})


def test_the_last_line_for_programs(run, report, tmp_path):
    done = run("monitor", "a.tif", "b.tif", "--out", tmp_path / "o", "--json-progress")
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "event": "done", "out": str(tmp_path / "o"), "dates": 3, "states": {},
        "sentences": ["Whole site: within what is usual."],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status"), [(ConfigError("no dates"), 2), (ImageReadError("broken"), 3)]
)
def test_errors_end_with_their_status(run, pipeline, tmp_path, error, status):
    def monitor(images, **given):
        raise error

    pipeline.monitor = monitor
    done = run("monitor", "a.tif", "--out", tmp_path / "o")
    assert (done.exit_code, done.stderr) == (status, f"Error: {error}\n")


def test_what_is_refused_before_any_work(run, pipeline, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("x")
    for arguments, message in (
        (["--out", tmp_path / "there"], "exists. Give another one"),
        (["--out", tmp_path / "o", "--format", "xlsx"], "'xlsx' is not known"),
        (["--out", tmp_path / "o", "--level", "2"], "level=2.0 is not usable"),
        (["--out", tmp_path / "o", "--baseline-until", "May"], "does not match the format"),
        ([], "Missing option '--out'"),
    ):
        done = run("monitor", "a.tif", "b.tif", *arguments)
        assert done.exit_code in (2, 3)
        assert message in done.stderr
    assert "Missing argument 'IMAGE...'" in run("monitor", "--out", tmp_path / "o").stderr
