"""The command line over the real pipeline: what is written, what is printed, how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

import changedet as cd

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_tiles" / "railyard"
FILES = {
    "changes.geojson", "changed.tif", "score.tif", "summary.json", "report.html", "manifest.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    """A small yard as files."""
    folder = tmp_path_factory.mktemp("scene") / "yard"
    cd.simulate("railyard", seed=3, out=folder, size_m=(150.0, 120.0), shift_m=(0.6, -0.4))
    return folder


@pytest.fixture
def pair(yard):
    return yard / "before.tif", yard / "after.tif"


@pytest.fixture
def copy(yard, tmp_path):
    """Write the after image again with other pixels or another profile."""

    def copy(name, change=None, **profile):
        with rasterio.open(yard / "after.tif") as source:
            pixels, known, roles = source.read(), source.profile, source.descriptions
        pixels = pixels if change is None else change(pixels)
        known.update(count=len(pixels), dtype=pixels.dtype, **profile)
        with rasterio.open(tmp_path / name, "w", **known) as target:
            target.write(pixels)
            target.descriptions = roles[: len(pixels)]
        return tmp_path / name

    return copy


def refused(done, status, *words):
    """Check the exit status and that stderr is one line that says all these words."""
    assert done.exit_code == status, done.output
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr
    assert "not foreseen" not in done.stderr


def test_a_run_as_a_user_starts_it(yard, tmp_path):
    """In a process of its own: files, summary on stdout, nothing on stderr."""
    out = tmp_path / "new" / "report"
    command = [
        sys.executable, "-m", "changedet", "detect", yard / "before.tif", yard / "after.tif",
        "--zones", yard / "zones.geojson", "--tracks", yard / "tracks.geojson",
        "--roads", yard / "roads.geojson", "--out", out, "--format", "gpkg,fgb",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {p.name for p in out.iterdir()} == FILES | {"changes.gpkg", "changes.fgb"}
    assert [p.name for p in out.parent.iterdir()] == ["report"]
    lines = done.stdout.splitlines()
    found = json.loads((out / "changes.geojson").read_text())["features"]
    counted = [f for f in found if f["properties"]["explained_by"] is None]
    # what moved counts once, where it arrived
    counted = [f for f in counted if f["properties"]["moved_to"] is None]
    assert lines[0].startswith(f"{len(counted)} change")
    assert lines[-1] == f"Report: {out / 'report.html'}"
    assert "Alignment: translation -1." in done.stdout


def test_again_with_overwrite_verify_and_rerun(run, pair, yard, tmp_path):
    out = tmp_path / "out"
    arguments = ("detect", *pair, "--zones", yard / "zones.geojson", "--out", out)
    done = run(*arguments, "--json-progress")
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {e["event"] for e in events[:-1]} == {"progress"}
    assert (events[-1]["event"], events[-1]["alignment"]) == ("done", "good")
    first = (out / "score.tif").read_bytes()
    refused(run(*arguments), 3, f"The output folder {out} exists", "--overwrite")
    assert run(*arguments, "--overwrite", "--workers", "1", "--quiet").output == ""
    assert (out / "score.tif").read_bytes() == first
    checked = run("verify", out, "--rerun")
    assert (checked.exit_code, checked.stderr) == (0, "")
    (out / "report.html").write_text("better")
    refused(run("verify", out), 3, "is not as it was written", "report.html has 6 bytes")


def test_inspect(run, pair):
    done = run("inspect", *pair, "--json")
    card = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (0, "")
    assert card["alignment"]["grade"] == "good"
    assert card["comparability"]["grade"] == "go"
    assert "alignment:     translation -1." in run("inspect", *pair).stdout


def test_simulate_and_detect_what_was_made(run, tmp_path):
    scene = tmp_path / "scene"
    done = run("simulate", "--kind", "fields", "--seed", "2", "--out", scene)
    assert (done.exit_code, done.stderr) == (0, "")
    again = run("simulate", "--kind", "fields", "--seed", "2", "--out", scene, "--overwrite")
    assert again.exit_code == 0, again.output
    out = tmp_path / "out"
    done = run("detect", scene / "before.tif", scene / "after.tif", "--out", out)
    assert done.exit_code == 0, done.output
    assert run("verify", scene).exit_code == 0
    refused(run("simulate", "--kind", "moonbase", "--out", tmp_path / "x"), 2, "moonbase", "town")


def test_no_change_is_success(run, pair, tmp_path):
    done = run("detect", pair[0], pair[0], "--out", tmp_path / "out")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("No change found in what could be observed (100%).")


class TestRefused:
    """One line on stderr, the right status, nothing left behind."""

    @pytest.fixture
    def detect(self, run, yard, tmp_path):
        def detect(after, *options, out="out"):
            there = {p.name for p in tmp_path.iterdir()}
            done = run("detect", yard / "before.tif", after, "--out", tmp_path / out, *options)
            assert {p.name for p in tmp_path.iterdir()} == there
            return done

        return detect

    def test_no_overlap(self, detect, copy, yard):
        with rasterio.open(yard / "after.tif") as source:
            away = rasterio.Affine.translation(9000, 0) @ source.transform
        path = copy("away.tif", transform=away)
        refused(detect(path), 3, "The images cover no common ground", "away.tif")

    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_a_crs_on_one_side_only(self, detect, copy):
        path = copy("bare.tif", crs=None, transform=None)
        refused(detect(path), 3, "bare.tif has no coordinate reference system", "gdal_edit.py")

    def test_not_there(self, detect, tmp_path):
        refused(detect(tmp_path / "none.tif"), 3, "none.tif does not exist: check the path.")

    def test_no_image(self, detect, yard):
        refused(detect(yard / "zones.geojson"), 3, "cannot be opened as a raster")

    @pytest.mark.parametrize("share", [0.3, 0.97])
    def test_truncated(self, detect, pair, tmp_path, share):
        data = pair[1].read_bytes()
        (tmp_path / "cut.tif").write_bytes(data[: int(len(data) * share)])
        refused(detect(tmp_path / "cut.tif"), 3, "cut.tif", "complete")

    def test_nothing_valid(self, detect, copy):
        path = copy("empty.tif", np.zeros_like, nodata=0)
        refused(detect(path), 3, "No pixel is valid in both", "empty.tif")

    def test_nothing_but_nan(self, detect, copy):
        path = copy("nan.tif", lambda p: np.full(p.shape, np.nan, dtype="f4"), predictor=3)
        refused(detect(path), 3, "No pixel is valid in both", "nan.tif")

    def test_unmatched_bands(self, detect, copy):
        path = copy("one.tif", lambda p: p[:1])
        with rasterio.open(path, "r+") as file:
            file.descriptions = ("vv",)
        refused(detect(path), 3, "one.tif has 1 (vv)", "--bands")

    def test_zones(self, detect, pair, tmp_path):
        path = tmp_path / "zones.geojson"
        path.write_text('{"type": "Point", "coordinates": [130.65, 42.42]}')
        refused(detect(pair[1], "--zones", path), 3, "is a Point; needed is a Polygon")
        path.write_text("{")
        refused(detect(pair[1], "--zones", path), 3, "zones.geojson is not valid GeoJSON")
        refused(detect(pair[1], "--zones", tmp_path / "z.geojson"), 3, "z.geojson")

    def test_not_comparable(self, detect, copy):
        path = copy("radar.tif")
        with rasterio.open(path, "r+") as file:
            file.update_tags(DOMAIN="sar-amplitude")
        refused(detect(path), 4, "cannot be compared", "radar")

    def test_bad_settings(self, detect, pair):
        refused(detect(pair[1], "--method", "magic"), 2, "'magic'", "ir-mad")
        refused(detect(pair[1], "--fdr", "2"), 2, "fdr=2.0", "between 0 and 1")
        refused(detect(pair[1], "--engine", "warp"), 2, "'warp'", "threads")
        refused(detect(pair[1], "--format", "shp"), 2, "shp", "gpkg")

    def test_a_bad_place_to_write(self, run, pair, tmp_path):
        (tmp_path / "file").write_text("")
        done = run("detect", *pair, "--out", tmp_path / "file" / "out", "--no-align")
        refused(done, 3, "Not a directory", "Nothing was left behind")


FULL = """
import resource, sys
from changedet.cli import main
from changedet.model import ChangeReport
import cv2, scipy.ndimage, changedet.pipeline
limit, stage = int(sys.argv.pop(1)), sys.argv.pop(1)
fill_up = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
write = ChangeReport.write
ChangeReport.write = lambda *args, **kwargs: (fill_up(), write(*args, **kwargs))[1]
if stage == "scoring":
    fill_up()
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no file size limits")
@pytest.mark.parametrize(
    ("stage", "limit", "words"),
    [
        ("scoring", 100_000, "temporary raster"),
        ("writing", 100, "Nothing was left behind"),
        ("writing", 100_000, "changed.tif could not be written"),
    ],
)
def test_the_disk_is_full(pair, tmp_path, stage, limit, words):
    """The kernel refuses bytes beyond a size, for temporary rasters or for the files."""
    command = [
        sys.executable, "-c", FULL, str(limit), stage, "detect", *pair, "--out", tmp_path / "out",
        "--no-align",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    # GDAL's own library may have had its say before
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
    assert list(tmp_path.iterdir()) == []
