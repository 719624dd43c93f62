"""Zones, tracks and areas from files and objects."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from changedet.errors import (
    CoverageWarning,
    GeometryError,
    GeometryRepairedWarning,
    MetadataWarning,
    MissingCRSError,
    MissingDependencyError,
    VectorReadError,
)
from changedet.loading import places_on, read_places
from changedet.model import WGS84, Grid, Places

from .builders import UTM, north_up

GRID = north_up(height=130, width=170)
TO_LONLAT = Transformer.from_crs(UTM, WGS84, always_xy=True).transform


def square(x: float = 635_020, y: float = 4_697_800, side: float = 100) -> shapely.Polygon:
    return shapely.box(x, y, x + side, y + side)


def lonlat(shape: Any) -> Any:
    return shapely.transform(shape, lambda xy: np.column_stack(TO_LONLAT(xy[:, 0], xy[:, 1])))


def collection(*features: tuple[Any, dict[str, Any]], **extra: Any) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties,
             "geometry": None if shape is None else shapely.geometry.mapping(shape)}
            for shape, properties in features
        ],
        **extra,
    }  # fmt: skip


@pytest.fixture
def write_json(tmp_path: Path):
    def write(value: Any, name: str = "zones.geojson") -> Path:
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return write


def test_geojson_is_longitude_and_latitude(write_json) -> None:
    path = write_json(
        collection(
            (lonlat(square()), {"name": "yard", "weight": 2}),
            (lonlat(square(635_150)), {"zone": "pad"}),
            (lonlat(square(635_200)), {"other": 1}),
            (lonlat(square(635_210)), {"id": 7}),
        )
    )
    places = read_places(path, crs=UTM, grid=GRID)
    assert places.names == ("yard", "pad", "zone 3", "7")
    assert places.weights == (2.0, 1.0, 1.0, 1.0)
    assert places.crs == UTM
    assert places.source == str(path)
    assert places.geometry[0].symmetric_difference(square()).area < 1e-3


def test_an_old_crs_member_is_honoured(write_json) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32652"}}
    path = write_json(collection((square(), {}), crs=crs))
    assert read_places(path, crs=UTM).geometry[0].equals(square())
    crs84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    places = read_places(collection((lonlat(square()), {}), crs=crs84), crs=UTM)
    assert places.geometry[0].symmetric_difference(square()).area < 1e-3
    with pytest.raises(VectorReadError, match="crs member that cannot be understood"):
        read_places(collection((square(), {}), crs={"properties": {"name": "nonsense"}}), crs=UTM)


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "fgb", "parquet"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    geopandas = pytest.importorskip("geopandas")
    table = {"name": ["a", "b"], "weight": [0.5, None]}
    frame = geopandas.GeoDataFrame(table, geometry=[square(), square(635_200)], crs=UTM)
    path = tmp_path / f"zones.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    for source in (path, frame):
        places = read_places(source, crs=CRS.from_epsg(32651), grid=None)
        back = dict(zip(places.names, places_on(places, UTM).geometry, strict=True))
        assert sorted(back) == ["a", "b"]  # FlatGeobuf has an order of its own
        assert back["a"].symmetric_difference(square()).area < 1e-2
        assert sorted(places.weights) == [0.5, 1.0]


def test_objects_with_a_geo_interface() -> None:
    class Thing:
        __geo_interface__ = collection((lonlat(square()), {"name": "t"}))

    assert read_places(Thing(), crs=UTM).names == ("t",)
    assert read_places(lonlat(square()), crs=UTM).names == ("zone 1",)
    feature = collection((lonlat(square()), {"name": "f"}))["features"][0]
    assert read_places(feature, crs=UTM).names == ("f",)


def test_places_are_brought_to_the_grid() -> None:
    places = Places(("a",), np.array([square()], dtype=object), UTM, (1.0,), "x")
    assert read_places(places, crs=UTM) is places
    moved = read_places(places, crs=WGS84)
    assert moved.geometry[0].bounds[0] == pytest.approx(130.641, abs=1e-3)


def test_pixels_are_taken_as_they_are() -> None:
    places = read_places(collection((shapely.box(1, 2, 3, 4), {})), grid=Grid.pixels(9, 9))
    assert places.crs is None
    assert places.geometry[0].bounds == (1, 2, 3, 4)


def test_the_property_for_names() -> None:
    value = collection((lonlat(square()), {"name": "n", "label": "L"}))
    assert read_places(value, crs=UTM, name_property="label").names == ("L",)
    with pytest.raises(VectorReadError, match=r"no property 'x' for names.*label, name"):
        read_places(value, crs=UTM, name_property="x")


def test_names_are_unique() -> None:
    shape = lonlat(square())
    value = collection((shape, {"name": "a"}), (shape, {"name": "a"}), (shape, {"name": "a (2)"}))
    with pytest.warns(MetadataWarning, match="more than one feature named 'a'"):
        names = read_places(value, crs=UTM).names
    assert names == ("a", "a (3)", "a (2)")


def test_names_that_turn_up_often_are_told_once() -> None:
    value = collection(*[(lonlat(square()), {"name": "main"})] * 4)
    with pytest.warns(MetadataWarning, match=r"'main \(2\)', and 2 more are numbered") as said:
        names = read_places(value, crs=UTM).names
    assert names == ("main", "main (2)", "main (3)", "main (4)")
    assert len(said) == 1


def test_features_of_openstreetmap_keep_what_they_are_called_there() -> None:
    line = lonlat(shapely.LineString([(635_000, 4_697_900), (635_100, 4_697_900)]))
    value = collection(
        (line, {"railway": "rail"}), (line, {"@id": "way/7"}), (line, {}), (line, {"osm_id": 9}),
        (line, {"@id": "way/8", "name": "north"}),
    )  # fmt: skip
    value["features"][0]["id"] = "way/6"
    value["features"][2]["id"] = "2"
    names = read_places(value, kind="line", crs=UTM).names
    assert names == ("way/6", "way/7", "line 3", "9", "north")


def test_lines_on_which_no_train_can_stand_are_left_out() -> None:
    line = lonlat(shapely.LineString([(635_000, 4_697_900), (635_100, 4_697_900)]))
    some = [(line, {"name": n, "railway": n}) for n in ("rail", "platform", "disused", "razed")]
    with pytest.warns(MetadataWarning, match=r"2 of 4 features .* \(railway = platform, razed\)"):
        places = read_places(collection(*some), kind="line", crs=UTM)
    assert places.names == ("rail", "disused")
    with pytest.raises(VectorReadError, match=r"All 1 features of .* without trains"):
        read_places(collection(some[1]), kind="line", crs=UTM)


def test_lines() -> None:
    parts = shapely.MultiLineString(
        [[(635_000, 4_697_900), (635_100, 4_697_900)], [(635_100, 4_697_900), (635_200, 4_697_800)]]
    )
    places = read_places(collection((lonlat(parts), {})), kind="line", crs=UTM)
    assert places.names == ("line 1",)
    assert places.geometry[0].geom_type == "LineString"
    assert places.geometry[0].length == pytest.approx(parts.length, rel=1e-6)
    dot = shapely.LineString([(130, 42), (130, 42)])
    with pytest.raises(GeometryError, match=r"Feature 'line 1' .* line of length zero"):
        read_places(collection((dot, {})), kind="line", crs=UTM)


def test_an_invalid_polygon_is_repaired() -> None:
    bow = shapely.Polygon([(130.0, 42.0), (130.2, 42.2), (130.2, 42.0), (130.0, 42.2)])
    with pytest.warns(GeometryRepairedWarning, match=r"Feature 'bow' .*Self-intersection.*2 parts"):
        places = read_places(collection((bow, {"name": "bow"})), crs=UTM)
    assert places.geometry[0].is_valid
    assert places.geometry[0].geom_type == "MultiPolygon"


@pytest.mark.parametrize(
    ("crs", "side", "before", "now"),
    [(UTM, 10.0, "0 m2", "50 m2"), (WGS84, 1e-4, "0 m2|.*e-[0-9]+ m2", r"4\d\.\d+ m2")],
)
def test_a_repair_says_how_the_area_changed(crs, side, before, now) -> None:
    """Two triangles that lie around a crossing: drawn one way and the other, they cancel."""
    x, y = (635_000, 4_697_800) if crs is UTM else (130.65, 42.42)
    bow = shapely.Polygon([(x, y), (x + side, y + side), (x + side, y), (x, y + side)])
    member = {"properties": {"name": crs.to_string()}}
    message = rf"its area was ({before}) as it was drawn and is now {now} in 2 parts"
    with pytest.warns(GeometryRepairedWarning, match=message):
        read_places(collection((bow, {"name": "bow"}), crs=member), crs=UTM)


def test_a_polygon_without_area_is_refused() -> None:
    flat = shapely.Polygon([(130.0, 42.0), (130.1, 42.0), (130.2, 42.0), (130.0, 42.0)])
    with pytest.raises(GeometryError, match=r"Feature 'flat' .* no area is left after repair"):
        read_places(collection((flat, {"name": "flat"})), crs=UTM)


@pytest.mark.parametrize(
    ("shape", "kind", "message"),
    [
        (None, "polygon", "Feature 'f' in .* has no geometry"),
        (shapely.Polygon(), "polygon", "Feature 'f' in .* has no geometry"),
        (shapely.Point(1, 2), "polygon", "is a Point; needed is a Polygon or MultiPolygon"),
        (shapely.box(0, 0, 1, 1), "line", "is a Polygon; needed is a LineString or MultiLine"),
    ],
)
def test_wrong_geometries(shape, kind, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        read_places(collection((shape, {"name": "f"})), kind=kind, crs=UTM)


def test_coordinates_that_are_none() -> None:
    value = collection((lonlat(square()), {}))
    value["features"][0]["geometry"] = {"type": "Polygon", "coordinates": [[1, 2], "x"]}
    with pytest.raises(GeometryError, match=r"Feature 1 in .* coordinates that make no geometry"):
        read_places(value, crs=UTM)
    value["features"][0]["geometry"] = shapely.geometry.mapping(
        shapely.Polygon([(635_000, 4e9), (635_100, 4e9), (635_100, 5e9)])
    )
    with pytest.raises(GeometryError, match=r"'zone 1' .* cannot be projected.*in WGS 84"):
        read_places(value, crs=UTM)


def test_a_weight_that_is_no_number() -> None:
    with pytest.raises(GeometryError, match=r"'a' .* has weight 'heavy': give a number"):
        read_places(collection((lonlat(square()), {"name": "a", "weight": "heavy"})), crs=UTM)


class TestScored:
    """What only zones that are scored by name are asked."""

    def test_zones_without_names_are_told(self) -> None:
        shape = lonlat(square())
        value = collection((shape, {"name": "a"}), (shape, {}), (shape, {"name": ""}))
        with pytest.warns(
            MetadataWarning,
            match=r"2 of 3 features in the given mapping have no name: called zone 2, zone 3\. "
            "Give them a property name or zone or id",
        ):
            places = read_places(value, crs=UTM, scored=True)
        assert places.names == ("a", "zone 2", "zone 3")
        assert read_places(value, crs=UTM).names == places.names, "areas need no names"

    def test_weights_of_kinds_and_the_control(self) -> None:
        shape = lonlat(square())
        value = collection(
            (shape, {"NAME": "yard", "Weight": 2, "weight_railcar": 3, "Weight_Truck": "0.5"}),
            (shape, {"NAME": "ring", "control": "yes"}),
            (shape, {"NAME": "quiet", "control": 0.0, "weight_railcar": None}),
            (shape, {"NAME": "Control"}),
        )
        places = read_places(value, crs=UTM, scored=True)
        assert places.names == ("yard", "ring", "quiet", "Control")
        assert places.weights == (2.0, 1.0, 1.0, 1.0)
        assert places.kind_weights == ({"railcar": 3.0, "truck": 0.5}, {}, {}, {})
        assert places.control == (False, True, False, True)

    @pytest.mark.parametrize(
        ("properties", "message"),
        [
            ({"weight_waggon": 2}, "'a' .* property 'weight_waggon', and 'waggon' is no kind of"),
            ({"weight_truck": "x"}, "'a' .* has weight_truck 'x': give a number of 0 or more"),
            ({"control": "perhaps"}, "'a' .* has control 'perhaps': give true or false"),
        ],
    )
    def test_refusals(self, properties, message: str) -> None:
        value = collection((lonlat(square()), {"name": "a", **properties}))
        with pytest.raises(GeometryError, match=message):
            read_places(value, crs=UTM, scored=True)


def test_a_file_of_several_layers(tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    path = tmp_path / "zones.gpkg"
    for layer in ("pads", "yards"):
        frame = geopandas.GeoDataFrame({"name": [layer]}, geometry=[square()], crs=UTM)
        frame.to_file(path, layer=layer)
    with pytest.warns(MetadataWarning, match=r"holds 2 layers \(pads, yards\): 'pads' is read"):
        assert read_places(path, crs=UTM).names == ("pads",)


def test_outside_the_images() -> None:
    value = collection(
        (lonlat(square()), {"name": "in"}),
        (lonlat(square(635_300)), {"name": "partly"}),
        (lonlat(square(700_000)), {"name": "far"}),
    )
    with pytest.warns(CoverageWarning, match="'far' .* wholly outside") as caught:
        places = read_places(value, crs=UTM, grid=GRID)
    assert len(caught) == 1
    assert places.names == ("in", "partly", "far")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type": "Feature', "is not valid GeoJSON.*complete"),
        ("[1, 2]", "is not GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "holds no features"),
        ('{"type": "FeatureCollection"}', "is not GeoJSON"),
    ],
)
def test_bad_geojson(write_json, text: str, message: str) -> None:
    with pytest.raises(VectorReadError, match=message):
        read_places(write_json(text), crs=UTM)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(VectorReadError, match=r"nowhere\.geojson cannot be read"):
        read_places("nowhere.geojson", crs=UTM)
    with pytest.raises(VectorReadError, match=r"nowhere\.gpkg does not exist"):
        read_places("nowhere.gpkg", crs=UTM)
    path = tmp_path / "bad.gpkg"
    path.write_text("hello")
    pytest.importorskip("pyogrio")
    with pytest.raises(VectorReadError, match=r"bad\.gpkg cannot be read as a vector file"):
        read_places(path, crs=UTM)
    with pytest.raises(VectorReadError, match="int is none of them"):
        read_places(5, crs=UTM)


def test_a_file_without_a_crs(tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.GeoDataFrame({"name": ["a"]}, geometry=[square()])
    with pytest.raises(MissingCRSError, match="does not say its coordinate reference system"):
        read_places(frame, crs=UTM)


def test_without_the_geo_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "zones.gpkg"
    path.touch()
    monkeypatch.setitem(sys.modules, "pyogrio.raw", None)
    with pytest.raises(MissingDependencyError, match=r'changedet\[geo\]"'):
        read_places(path, crs=UTM)
