"""Checking a folder against its manifest, and comparing two."""

import json
import shutil
from dataclasses import replace

import pytest

from changedet.errors import OutputError
from changedet.reporting import compare_folders, verify_folder, write_report
from changedet.reporting.manifest import sha256_of


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "copy")


def test_manifest_holds_what_was_given_and_every_output(written, report):
    manifest = json.loads((written / "manifest.json").read_text())
    assert list(manifest) == sorted(manifest)
    for key, value in report.manifest.items():
        assert manifest[key] == value
    files = {p.name for p in written.iterdir()} - {"manifest.json"}
    assert set(manifest["outputs"]) == files
    for name, entry in manifest["outputs"].items():
        assert entry == {
            "sha256": sha256_of(written / name),
            "size": (written / name).stat().st_size,
        }


def test_a_fresh_folder_is_right(written):
    found = verify_folder(written)
    assert found.ok
    assert found.problems == ()
    assert len(found.checked) == 8
    assert [n for n in found.notes if "before.tif is not there" in n]
    assert str(found) == "8 files checked: all as the manifest says."


def test_finds_what_was_changed_removed_and_added(folder):
    summary = folder / "summary.json"
    summary.write_text(summary.read_text().replace("0.93", "0.99"))
    (folder / "changed.tif").unlink()
    with (folder / "score.tif").open("ab") as stream:
        stream.write(b"x")
    (folder / "extra.txt").write_text("")
    found = verify_folder(folder)
    assert not found.ok
    assert sorted(p.split()[0] for p in found.problems) == [
        "changed.tif",
        "extra.txt",
        "score.tif",
        "summary.json",
    ]
    text = " ".join(found.problems)
    assert "changed.tif is missing." in text
    assert "summary.json was changed: its hash is not the one in the manifest." in text
    assert "bytes; the manifest says" in text
    assert "extra.txt is not in the manifest." in text


def test_inputs(report, tmp_path):
    given = tmp_path / "before.tif"
    given.write_bytes(b"pixels")
    manifest = {
        **report.manifest,
        "inputs": {
            "before": {"path": str(given), "sha256": sha256_of(given)},
            "after": {"path": "https://example.com/a.tif", "sha256": None},
            "zones": {"path": str(tmp_path / "gone.geojson"), "sha256": "0" * 64},
        },
    }
    out = write_report(replace(report, manifest=manifest), tmp_path / "out")
    found = verify_folder(out)
    assert found.ok
    assert str(given) in found.checked
    assert any("gone.geojson is not there" in n for n in found.notes)
    assert any("example.com/a.tif has no hash" in n for n in found.notes)
    given.write_bytes(b"other")
    assert verify_folder(out).problems == (
        f"The input {given} was changed: its hash is not the one in the manifest.",
    )


def test_refuses_what_is_no_report(tmp_path, folder):
    with pytest.raises(OutputError, match="is not a folder: give the folder that --out made"):
        verify_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        OutputError, match=r"holds no manifest\.json: it is not an output of changedet"
    ):
        verify_folder(tmp_path / "empty")
    (folder / "manifest.json").write_text("{")
    with pytest.raises(OutputError, match="cannot be understood"):
        verify_folder(folder)
    (folder / "manifest.json").write_text('{"outputs": {"a": 3}}')
    with pytest.raises(OutputError, match="cannot be understood"):
        verify_folder(folder)


def test_a_manifest_cannot_point_outside(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["outputs"]["../../secret"] = {"sha256": "0", "size": 1}
    path.write_text(json.dumps(manifest))
    assert any("is not a file of the folder" in p for p in verify_folder(folder).problems)


def test_compare_ignores_timings_only(report, written, tmp_path):
    later = replace(report, summary={**report.summary, "timings_s": {"open": 99.0}})
    out = write_report(later, tmp_path / "later", formats=("gpkg", "parquet", "fgb"))
    assert (out / "summary.json").read_bytes() != (written / "summary.json").read_bytes()
    assert compare_folders(written, out) == ()


def test_compare_says_what_differs(report, written, tmp_path):
    other = replace(
        report,
        summary={**report.summary, "observable_fraction": 0.5},
        manifest={**report.manifest, "config": {**report.manifest["config"], "seed": 1}},
        changes=report.changes.take(slice(0, 5)),
    )
    out = write_report(other, tmp_path / "other")
    found = compare_folders(written, out)
    assert "changes.geojson differs." in found
    assert "summary.json differs at observable_fraction." in found
    assert "manifest.json differs at config.seed." in found
    assert f"changes.fgb is only in {written}." in found
    assert "score.tif differs." not in found
