"""RFC 7946, line by line."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS, Transformer

from changedet.model import COLUMNS, WGS84, ChangeTable
from changedet.reporting import write_features
from changedet.reporting.geojson import features_of, to_rfc7946


@pytest.fixture(scope="module")
def collection(written):
    return json.loads((written / "changes.geojson").read_text(encoding="utf-8"))


def rings(geometry):
    polygons = (
        geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    )
    for polygon in polygons:
        yield from ((i == 0, ring) for i, ring in enumerate(polygon))


def test_collection(collection, report):
    assert collection["type"] == "FeatureCollection"
    assert "crs" not in collection
    assert collection["changedet"] == {"version": "0.1.0", "georeferenced": True}
    assert len(collection["features"]) == len(report.changes)


def test_properties_are_those_of_the_table(collection, report):
    for i, feature in enumerate(collection["features"]):
        assert list(feature["properties"]) == list(COLUMNS)
        assert feature["properties"] == report.changes.row(i)
        assert feature["id"] == feature["properties"]["id"]
    assert collection["features"][0]["properties"]["moved_from"] is None
    assert collection["features"][0]["properties"]["explained_by"] is None


def test_coordinates_are_longitude_latitude_of_the_object(collection, report):
    back = Transformer.from_crs(WGS84, report.grid.crs, always_xy=True)
    for feature, true in zip(collection["features"], report.changes.geometry, strict=True):
        shape = shapely.geometry.shape(feature["geometry"])
        assert 130.6 < shape.centroid.x < 130.7
        assert 42.4 < shape.centroid.y < 42.5
        moved = shapely.transform(shape, lambda xy: np.column_stack(back.transform(*xy.T)))
        assert shapely.hausdorff_distance(moved, true) < 0.02


def test_rings_are_closed_wound_and_short(collection):
    for feature in collection["features"]:
        for outer, ring in rings(feature["geometry"]):
            assert ring[0] == ring[-1]
            assert shapely.LinearRing(ring).is_ccw is outer
            assert all(round(v, 7) == v for point in ring for v in point)


def test_holes_are_wound_the_other_way():
    hole = shapely.Polygon([(0, 0), (0, 4), (4, 4), (4, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
    shape = to_rfc7946(
        np.array([shapely.MultiPolygon([hole, shapely.box(6, 0, 7, 1)])], dtype=object)
    )[0]
    assert all(p.exterior.is_ccw for p in shape.geoms)
    assert [r.is_ccw for p in shape.geoms for r in p.interiors] == [False]


def test_splits_at_the_antimeridian():
    crs = CRS.from_epsg(32660)  # UTM zone 60 reaches 180 degrees east
    x, y = Transformer.from_crs(WGS84, crs, always_xy=True).transform(180.0, -17.0)
    table = ChangeTable(
        np.array([shapely.box(x - 500, y - 300, x + 500, y + 300)], dtype=object), {}, crs
    )
    (feature,) = features_of(table)
    assert feature["geometry"]["type"] == "MultiPolygon"
    shape = shapely.geometry.shape(feature["geometry"])
    west, east = sorted(shape.geoms, key=lambda p: p.centroid.x)
    assert west.bounds[0] == -180
    assert east.bounds[2] == 180
    assert all(p.bounds[2] - p.bounds[0] < 0.01 for p in shape.geoms)
    for outer, ring in rings(feature["geometry"]):
        assert shapely.LinearRing(ring).is_ccw is outer


def test_rounding_never_breaks_a_valid_polygon():
    sliver = shapely.Polygon(
        [(0, 0), (1, 0), (1, 2e-8), (0.5, 4e-8), (0.5, 1), (0.49, 4e-8), (0, 2e-8)]
    )
    shapes = to_rfc7946(np.array([sliver, shapely.box(0, 0, 1e-9, 1e-9)], dtype=object))
    assert shapes[0].is_valid
    assert shapes[0].area == pytest.approx(sliver.area, rel=1e-3)
    assert shapes[1] is None


def test_without_georeferencing(pixel_report, tmp_path):
    from changedet.reporting.geojson import write_changes

    found = json.loads(write_changes(tmp_path / "x.geojson", pixel_report).read_text())
    assert found["changedet"]["georeferenced"] is False
    assert "pixels" in found["changedet"]["note"]
    assert "crs" not in found
    for feature in found["features"]:
        assert feature["properties"]["area_m2"] is None
        assert feature["properties"]["bearing_deg"] is None
        assert feature["properties"]["score"] > 0
    first = shapely.geometry.shape(found["features"][0]["geometry"])
    assert first.centroid.x == pytest.approx(90.5, abs=0.6)
    assert first.centroid.y == pytest.approx(82.5, abs=0.6)


def test_rotated_grid(build, tmp_path):
    from changedet.reporting.geojson import write_changes

    turned = build(transform=Affine(0.4, 0.3, 635_700, 0.3, -0.4, 4_697_500))
    found = json.loads(write_changes(tmp_path / "x.geojson", turned).read_text())
    for feature in found["features"]:
        for outer, ring in rings(feature["geometry"]):
            assert shapely.LinearRing(ring).is_ccw is outer


def test_write_features_keeps_members_and_is_strict(tmp_path):
    given = {
        "type": "FeatureCollection",
        "name": "truth",
        "features": [{"type": "Feature", "geometry": None, "properties": {"a": float("nan")}}],
    }
    found = json.loads(write_features(tmp_path / "x.geojson", given).read_text())
    assert found["name"] == "truth"
    assert found["features"][0]["properties"]["a"] is None
    empty = write_features(tmp_path / "e.geojson", {"type": "FeatureCollection", "features": []})
    assert json.loads(empty.read_text())["features"] == []
