"""GeoPackage, GeoParquet and FlatGeobuf: native CRS, types, nulls, styles."""

import json
import sqlite3
import warnings
from contextlib import closing
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely

from changedet.errors import MissingDependencyError
from changedet.model import COLUMNS
from changedet.reporting import vectors, write_report
from changedet.reporting.observable import not_observable

pyogrio = pytest.importorskip("pyogrio")
geopandas = pytest.importorskip("geopandas")


def read(path, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix == ".parquet":
            return geopandas.read_parquet(path, **kwargs)
        return geopandas.read_file(path, **kwargs)


@pytest.mark.parametrize("name", ["changes.gpkg", "changes.parquet", "changes.fgb"])
def test_native_crs_and_every_property(written, report, name):
    frame = read(written / name)
    assert frame.crs.to_epsg() == 32652
    # FlatGeobuf sorts its features by place
    frame = frame.sort_values("id", ignore_index=True)
    assert [c for c in frame.columns if c not in ("geometry", "bbox")] == list(COLUMNS)
    for i, true in enumerate(report.changes.geometry):
        assert shapely.equals(shapely.union_all([frame.geometry[i]]), true)
        for column, expected in report.changes.row(i).items():
            value = frame[column][i]
            value = None if str(value) in ("None", "nan", "<NA>") else value
            assert value == expected, (column, i)


def test_geopackage_layers(written, report):
    path = written / "changes.gpkg"
    assert [n for n, kind in pyogrio.list_layers(path) if kind] == [
        "changes",
        "zones",
        "not_observable",
    ]
    zones = read(path, layer="zones")
    assert list(zones["zone"]) == ["yard", "pad", "road <north> & gate", "site"]
    assert list(zones["score"]) == [a.score for a in report.activity]
    unseen = read(path, layer="not_observable")
    assert unseen.area.sum() == pytest.approx(90 * 80 * 0.25)


def test_geopackage_opens_coloured(written):
    with closing(sqlite3.connect(written / "changes.gpkg")) as database:
        rows = database.execute(
            "SELECT f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        ).fetchall()
        geometry = dict(
            database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns")
        )
        kinds = dict(database.execute("SELECT table_name, data_type FROM gpkg_contents"))
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert kinds["layer_styles"] == "attributes"
    assert {r[0]: r[1] for r in rows} == geometry
    assert all(r[2] for r in rows)
    styles = {r[0]: ElementTree.fromstring(r[3]) for r in rows}
    renderer = styles["changes"].find("renderer-v2")
    colours = {
        c.get("value"): renderer.find(
            f"symbols/symbol[@name='{c.get('symbol')}']/layer/prop[@k='outline_color']"
        ).get("v")
        for c in renderer.iter("category")
    }
    blue, red = ([int(v) for v in colours[k].split(",")] for k in ("appeared", "disappeared"))
    assert blue[2] > 200 > blue[0]
    assert red[0] > 200 > red[2]
    assert set(colours) == {"appeared", "disappeared", "modified", "moved", "explained"}


def test_geoparquet_is_1_1_with_a_covering(written):
    parquet = pytest.importorskip("pyarrow.parquet")
    with parquet.ParquetFile(written / "changes.parquet") as file:
        geo = json.loads(file.schema_arrow.metadata[b"geo"])
        assert str(file.schema_arrow.field("moved_from").type) == "int64"
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]
    assert (
        len(read(written / "changes.parquet", bbox=(635_700, 4_697_300, 635_760, 4_697_480))) < 31
    )


@pytest.mark.parametrize("kind", ["pixels", "none"])
def test_no_georeferencing_and_no_changes(build, tmp_path, kind):
    report = build(located=False) if kind == "pixels" else build(changes=False, invalid=False)
    out = write_report(report, tmp_path / "out", formats=("gpkg", "parquet", "fgb"))
    for name in ("changes.gpkg", "changes.parquet", "changes.fgb"):
        frame = read(out / name)
        assert len(frame) == len(report.changes)
        assert (frame.crs is None) == (kind == "pixels")
        assert frame["area_m2"].isna().all()
    assert read(out / "changes.gpkg", layer="zones")["area_m2"].isna().all() == (kind == "pixels")


def test_global_settings_of_pyogrio_are_put_back(report, tmp_path):
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_a_missing_package_is_told_before_anything_is_written(report, tmp_path, monkeypatch):
    def absent(name, extra, purpose):
        raise MissingDependencyError(f"{name} for {purpose}: changedet[{extra}]")

    monkeypatch.setattr(vectors, "require", absent)
    with pytest.raises(
        MissingDependencyError, match=r"pyogrio for write changes.gpkg: changedet\[geo\]"
    ):
        write_report(report, tmp_path / "out", formats=("gpkg",))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("side", [4096, 100, 33])
def test_not_observable_in_coarser_cells_covers_all(report, side):
    polygons, factor = not_observable(report.changed, side)
    assert factor == -(-640 // side) if side < 640 else factor == 1
    whole = shapely.union_all(polygons)
    x, y = report.grid.xy(*np.nonzero(report.changed.array == 255))
    assert shapely.contains_xy(whole, x, y).all()
    assert whole.within(shapely.box(*report.grid.bounds).buffer(1e-6))
