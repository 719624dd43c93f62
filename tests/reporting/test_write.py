"""The output folder: whole or not at all, the same bytes each time, errors that say what to do."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from changedet.errors import OutputError, UnknownMethodError
from changedet.reporting import write, write_report
from changedet.reporting.jsonfile import dumps, plain

FILES = {
    "changes.geojson",
    "changed.tif",
    "score.tif",
    "summary.json",
    "report.html",
    "manifest.json",
}


def names(folder):
    return {p.name for p in folder.iterdir()}


def test_writes_every_file_and_returns_the_folder(report, tmp_path):
    events = []
    out = write_report(report, tmp_path / "deep" / "out", progress=events.append)
    assert out == tmp_path / "deep" / "out"
    assert names(out) == FILES
    assert names(out.parent) == {"out"}
    assert {e.stage for e in events} == {"write"}
    assert events[-1].fraction == 1
    assert [e.done for e in events] == sorted(e.done for e in events)


def test_takes_formats_as_text_and_always_writes_geojson(report, tmp_path):
    out = write_report(report, tmp_path / "out", formats="gpkg, FGB")
    assert names(out) == FILES | {"changes.gpkg", "changes.fgb"}


def test_writing_again_gives_the_same_bytes(report, written, tmp_path):
    again = write_report(report, tmp_path / "again", formats=("gpkg", "parquet", "fgb"))
    assert names(again) == names(written)
    for path in written.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_refuses_an_existing_folder(report, tmp_path):
    out = write_report(report, tmp_path / "out")
    with pytest.raises(OutputError, match=r"exists.*--overwrite \(overwrite=True in Python\)"):
        write_report(report, out)


def test_overwrites_its_own_output_and_leaves_nothing_else(report, build, tmp_path):
    out = write_report(report, tmp_path / "out", formats=("fgb",))
    write_report(build(changes=False), out, overwrite=True)
    assert names(out) == FILES
    assert names(tmp_path) == {"out"}
    assert json.loads((out / "changes.geojson").read_text())["features"] == []


def test_overwrites_an_empty_folder(report, tmp_path):
    (tmp_path / "out").mkdir()
    assert names(write_report(report, tmp_path / "out", overwrite=True)) == FILES


def test_never_overwrites_what_is_not_its_own(report, tmp_path):
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.txt").write_text("precious")
    with pytest.raises(
        OutputError, match=r"not empty and holds no manifest\.json.*not overwritten"
    ):
        write_report(report, other, overwrite=True)
    assert names(other) == {"chapter1.txt"}
    with pytest.raises(OutputError, match="a file of that name exists"):
        write_report(report, other / "chapter1.txt", overwrite=True)
    assert (other / "chapter1.txt").read_text() == "precious"


def test_unknown_format_lists_the_choices(report, tmp_path):
    with pytest.raises(
        UnknownMethodError, match="'shp' is not known: choose among geojson, gpkg, parquet, fgb"
    ):
        write_report(report, tmp_path / "out", formats=("shp",))
    assert not list(tmp_path.iterdir())


def test_refuses_a_summary_without_its_keys(report, tmp_path):
    short = {k: v for k, v in report.summary.items() if k not in ("tracks", "grid")}
    with pytest.raises(OutputError, match="The summary lacks grid, tracks"):
        write_report(replace(report, summary=short), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["write_manifest", "write_page", "write_cog", "write_json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_full_disk_leaves_things_as_they_were(report, tmp_path, monkeypatch, name, overwrite):
    out = tmp_path / "out"
    before = {}
    if overwrite:
        write_report(report, out)
        before = {p.name: p.read_bytes() for p in out.iterdir()}

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(write, name, full)
    with pytest.raises(
        OutputError, match=r"could not be written: No space left on device\. Nothing was left"
    ):
        write_report(report, out, overwrite=overwrite)
    assert names(tmp_path) == ({"out"} if overwrite else set())
    assert (
        {p.name: p.read_bytes() for p in out.iterdir()} == before if overwrite else not out.exists()
    )


def test_an_interrupt_leaves_nothing(report, tmp_path):
    def stop(event):
        if event.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(report, tmp_path / "a" / "b" / "out", progress=stop)
    assert not list(tmp_path.iterdir())


LIMITED = """
import resource, sys, importlib.util
spec = importlib.util.spec_from_file_location("builder", sys.argv[1])
builder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(builder)
from changedet.errors import OutputError
from changedet.reporting import write_report
report = builder.make_report()
write_report(report, sys.argv[2] + "/warm", formats=sys.argv[4])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    write_report(report, sys.argv[2] + "/out", formats=sys.argv[4])
except OutputError as error:
    print("refused:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limits on Windows")
@pytest.mark.parametrize(
    ("limit", "formats", "culprit"),
    [
        (9_000, "geojson", "File too large"),
        (100_000, "geojson", "changed.tif"),
        (1_100_000, "geojson", "score.tif"),
        (25_000, "gpkg", "changes.gpkg"),
    ],
)
def test_a_real_limit_of_the_file_system(tmp_path, limit, formats, culprit):
    """The kernel refuses bytes beyond a size: every writer notices, not only the mocked ones."""
    builder = Path(__file__).with_name("conftest.py")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, builder, tmp_path, str(limit), formats],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "refused:" in done.stdout, done.stderr
    assert culprit in done.stdout
    assert "could not be written" in done.stdout
    assert names(tmp_path) == {"warm"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(report, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write_report(report, tmp_path / "locked" / "out")


def test_a_parent_that_is_a_file(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written: Not a directory"):
        write_report(report, tmp_path / "file" / "out")


def test_summary_is_strict_json(written):
    def refuse(text):
        raise AssertionError(text)

    summary = json.loads((written / "summary.json").read_text(), parse_constant=refuse)
    assert summary["calibration"]["threshold"] is None
    assert list(summary) == list(write.SUMMARY_KEYS)


def test_json_takes_numpy_and_names_what_it_cannot_hold():
    value = {
        "a": np.float32(1.5),
        "b": (np.int64(2), np.nan, np.inf),
        "c": np.array([True]),
        "d": Path("x"),
    }
    assert json.loads(dumps(value)) == {"a": 1.5, "b": [2, None, None], "c": [True], "d": "x"}
    with pytest.raises(OutputError, match=r"summary\.deep\[1\] is a object"):
        plain({"deep": [1, object()]}, "summary")
