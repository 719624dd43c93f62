from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from pyproj import CRS

from changedet.errors import GridError
from changedet.model import COLUMNS, WGS84, ChangeTable

UTM = CRS.from_epsg(32652)
BOX = shapely.box(635_000, 4_697_000, 635_020, 4_697_010)


def table(n=3, crs=UTM, **columns):
    return ChangeTable(np.array([BOX] * n, dtype=object), columns, crs)


def test_what_is_missing_is_null_in_the_files_never_a_made_up_number():
    row = table(1).row(0)
    assert list(row) == list(COLUMNS)
    assert row == {**dict.fromkeys(COLUMNS), "id": 1}


def test_values_that_are_not_finite_are_null():
    row = table(2, area_m2=[np.nan, np.inf], moved_from=[-1, 4]).row(1)
    assert row["area_m2"] is None
    assert row["moved_from"] == 4


def test_rows_are_plain_json():
    full = table(
        2, change=["appeared", "moved"], area_m2=np.array([200.0, 50.5], dtype=np.float32),
        score=[3, 4], explained_by=[None, "shadow"], zone=["yard", None],
    )  # fmt: skip
    value = json.loads(json.dumps(full.__geo_interface__, allow_nan=False))
    assert value["type"] == "FeatureCollection"
    first, second = value["features"]
    assert first["properties"]["area_m2"] == 200.0
    assert (first["id"], second["id"]) == (1, 2)
    assert second["properties"]["explained_by"] == "shadow"


def test_the_geo_interface_is_longitude_latitude():
    lon, lat = table(1).__geo_interface__["features"][0]["geometry"]["coordinates"][0][0]
    assert 130 < lon < 131
    assert 42 < lat < 43


def test_without_a_crs_geometry_stays_in_pixels():
    plain = table(1, crs=None)
    (feature,) = plain.__geo_interface__["features"]
    assert shapely.geometry.shape(feature["geometry"]).equals(BOX)
    assert plain.to_crs(WGS84) is plain


def test_to_crs_and_back():
    there = table(2, area_m2=[1.0, 2.0]).to_crs(WGS84)
    back = there.to_crs(UTM)
    assert (there.crs, back.crs) == (WGS84, UTM)
    assert shapely.equals_exact(back.geometry, table(2).geometry, tolerance=1e-6).all()
    assert back["area_m2"].tolist() == [1, 2]
    assert there.to_crs(WGS84) is there


def test_types_of_columns_are_fixed():
    plain = table(2, id=[7, 9], score=[1, 2], change=["appeared", None])
    kinds = {int: "i", float: "f", str: "O"}
    assert {n: plain[n].dtype.kind for n in COLUMNS} == {n: kinds[t] for n, t in COLUMNS.items()}


def test_ids_count_from_one_unless_given():
    assert table(3)["id"].tolist() == [1, 2, 3]
    assert table(2, id=[5, 3])["id"].tolist() == [5, 3]


def test_explained():
    assert table(3, explained_by=[None, "shadow", None]).explained.tolist() == [False, True, False]
    assert table(2).explained.tolist() == [False, False]


def test_with_columns_leaves_the_table_as_it_was():
    plain = table(2)
    assert plain.with_columns(zone=["a", "b"])["zone"].tolist() == ["a", "b"]
    assert plain["zone"].tolist() == [None, None]


@pytest.mark.parametrize("rows", [[2, 0], np.array([True, False, True])[[2, 1, 0]]])
def test_take(rows):
    pixel = np.array([[0, 0], [1, 1], [2, 2]])
    whole = ChangeTable(np.array([BOX] * 3, dtype=object), {"score": [1.0, 2.0, 3.0]}, UTM, pixel)
    part = whole.take(rows)
    expected = np.arange(3)[rows]
    assert part["id"].tolist() == (expected + 1).tolist()
    assert part.pixel[:, 0].tolist() == expected.tolist()
    assert part.crs == UTM


def test_an_empty_table():
    empty = ChangeTable.empty(UTM)
    assert len(empty) == 0
    assert list(empty) == []
    assert empty.explained.dtype == bool
    assert empty.__geo_interface__ == {"type": "FeatureCollection", "features": []}
    assert len(empty.to_crs(WGS84)) == 0


def test_geodataframe_is_in_the_native_crs():
    pytest.importorskip("geopandas")
    frame = table(2, area_m2=[200.0, np.nan], zone=["yard", None]).to_geodataframe()
    assert frame.crs == UTM
    assert frame.geometry.iloc[0].equals(BOX)
    assert list(frame.columns) == [*COLUMNS, "geometry"]


class TestRefusals:
    def test_unknown_columns(self):
        with pytest.raises(GridError, match="Unknown columns aera; known are id, change, kind"):
            table(1, aera=[1])

    def test_columns_of_another_length(self):
        with pytest.raises(GridError, match=r"'score' has shape \(2,\); 3 objects need \(3,\)"):
            table(3, score=[1, 2])
