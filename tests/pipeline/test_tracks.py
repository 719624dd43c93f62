"""Tracks through the whole chain: the recipe, the summary, the page and the GeoPackage."""

import json

import pytest

import changedet as cd

CONTRACT = {
    "id", "length_m", "occupied_m_before", "occupied_m_after", "cars_before", "cars_after",
    *(
        f"{name}_{end}"
        for name in ("occupied_m_before", "occupied_m_after", "cars_before", "cars_after")
        for end in ("low", "high")
    ),
}  # fmt: skip


def test_tracks_in_degrees_go_all_the_way(small, tmp_path):
    pyogrio = pytest.importorskip("pyogrio")
    lines = small.scene.truth.places_geojson(small.scene.truth.track_lines)
    file = tmp_path / "tracks.geojson"
    file.write_text(json.dumps(lines))
    report = cd.detect(*small.pair, tracks=str(file), engine="serial")
    truth = {t.name: t for t in small.scene.truth.tracks}
    assert {t.track for t in report.track_activity} == set(truth)
    rows = report.summary["tracks"]
    assert [r["id"] for r in rows] == [t.track for t in report.track_activity]
    for row in rows:
        assert set(row) >= CONTRACT
        assert row["length_m"] == pytest.approx(truth[row["id"]].length_m, abs=2)
    folder = report.write(tmp_path / "out", formats=("geojson", "gpkg"))
    assert json.loads((folder / "summary.json").read_text())["tracks"] == rows
    page = (folder / "report.html").read_text()
    assert '<section id="tracks">' in page
    table = pyogrio.read_dataframe(folder / "changes.gpkg", layer="tracks")
    assert list(table["track"]) == [r["id"] for r in rows]
    assert list(table["cars_after"]) == [r["cars_after"] for r in rows]


def test_without_tracks_there_is_nothing_of_them(reported):
    report = reported("yard")
    assert report.track_activity == ()
    assert report.summary["tracks"] == []
