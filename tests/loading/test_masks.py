"""Masks: rasters, arrays and polygons, in any coordinate reference system."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from shapely.geometry import mapping

from changedet.errors import GeometryError, ImageReadError, MissingCRSError, VectorReadError
from changedet.loading import open_source
from changedet.loading.reading.screens import MASK
from changedet.model import Grid, Places, Window

from .builders import UTM, north_up

GRID = north_up(10.0, 40, 50)
ALL = GRID.window


def image() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 250, (2, 40, 50)).astype(np.uint16)


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """Between pixel corners (columns and rows), in the CRS of the grid."""
    x, y = GRID.xy(np.array([top, bottom]) - 0.5, np.array([left, right]) - 0.5)
    return shapely.box(x[0], y[1], x[1], y[0])


def collection(*shapes: shapely.Geometry | None, crs: CRS = UTM) -> dict:
    """GeoJSON in WGS84 of shapes on the grid; all features share one name."""
    to = Transformer.from_crs(crs, 4326, always_xy=True).transform
    features = [
        {
            "type": "Feature",
            "properties": {"name": "cloud"},
            "geometry": None
            if s is None
            else mapping(shapely.transform(s, lambda xy: np.column_stack(to(*xy.T)))),
        }
        for s in shapes
    ]
    return {"type": "FeatureCollection", "features": features}


def hidden(source) -> np.ndarray:
    return ~source.read(ALL)[1]


def test_polygons_in_another_crs_hide_the_pixels_whose_centres_they_cover(tmp_path) -> None:
    path = tmp_path / "clouds.geojson"
    path.write_text(json.dumps(collection(box(10, 5, 20, 12), box(30, 30, 33, 34))))
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[5:12, 10:20] = expected[30:34, 30:33] = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # names need not be unique here
        for given in (path, str(path), json.loads(path.read_text())):
            source = open_source((image(), GRID), mask=given)
            assert np.array_equal(hidden(source), expected)
            assert "user mask used" in source.info.notes
    part = Window(7, 13, 9, 11)
    assert np.array_equal(~source.read(part)[1], expected[part.slices])
    assert set(np.unique(source.codes(ALL))) == {0, MASK}


def test_polygons_as_places_in_utm_and_pickled(write_tif) -> None:
    places = Places(("a",), np.array([box(0, 0, 50, 3)], dtype=object), UTM, (1.0,))
    source = open_source(write_tif(image(), grid=GRID), mask=places)
    assert hidden(source)[:3].all()
    assert not hidden(source)[3:].any()
    again = pickle.loads(pickle.dumps(source))
    assert np.array_equal(hidden(again), hidden(source))


def test_polygons_in_pixels_without_georeferencing(write_tif) -> None:
    square = {"type": "Polygon", "coordinates": [[[2, 1], [5, 1], [5, 4], [2, 4], [2, 1]]]}
    source = open_source(write_tif(image(), "plain.tif"), mask=square)
    assert np.argwhere(hidden(source)).tolist() == [[r, c] for r in (1, 2, 3) for c in (2, 3, 4)]


@pytest.mark.parametrize("shapes", [(), (None,), (shapely.Polygon(),)])
def test_a_mask_without_any_polygon_hides_nothing(shapes) -> None:
    source = open_source((image(), GRID), mask=collection(*shapes))
    assert not hidden(source).any()


def test_a_raster_mask_in_another_crs(write_tif) -> None:
    lonlat = CRS.from_epsg(4326)
    left, bottom, right, top = (
        f(GRID.corners(lonlat)[:, k])
        for f, k in ((np.min, 0), (np.min, 1), (np.max, 0), (np.max, 1))
    )

    wide = Grid(
        Affine((right - left) / 200, 0, left, 0, -(top - bottom) / 160, top), 160, 200, lonlat
    )
    x, y = wide.xy(*np.mgrid[0:160, 0:200])
    rows, cols = GRID.rowcol(*Transformer.from_crs(lonlat, UTM, always_xy=True).transform(x, y))
    mask = ((rows > 9.5) & (rows < 19.5) & (cols > 4.5) & (cols < 30.5)).astype(np.uint8)
    source = open_source(write_tif(image(), grid=GRID), mask=write_tif(mask, "m.tif", wide))
    inner = hidden(source)[11:19, 6:30]
    assert inner.all()
    assert 10 * 26 <= hidden(source).sum() <= 12 * 28


def test_a_mask_over_a_source_that_is_open_already(write_tif) -> None:
    first = open_source(write_tif(image(), grid=GRID), mask=np.eye(40, 50))
    second = open_source(first, mask=np.eye(40, 50)[:, ::-1])
    expected = (np.eye(40, 50) + np.eye(40, 50)[:, ::-1]) > 0
    assert np.array_equal(hidden(second), expected)
    assert second.sha256() == first.sha256()


def test_masks_that_cannot_be_used(write_tif, tmp_path) -> None:
    path = write_tif(image(), grid=GRID)
    with pytest.raises(VectorReadError, match=r"nowhere\.geojson cannot be read"):
        open_source(path, mask="nowhere.geojson")
    with pytest.raises(GeometryError, match=r"polygon 1 of the mask .* is a LineString; needed is"):
        open_source(path, mask=collection(shapely.LineString([(0, 0), (1, 1)])))
    with pytest.raises(ImageReadError, match="polygons"):
        open_source(path, mask=object())


def test_polygons_without_crs_are_refused() -> None:
    class Frame:
        columns = ("geometry",)
        crs = None
        index = (0,)

        class geometry:
            name = "geometry"

            def __iter__(self):
                return iter([box(0, 0, 5, 5)])

        geometry = geometry()

        def __getitem__(self, names):
            return self

        def to_dict(self, kind):
            return [{}]

        __geo_interface__ = property(lambda self: {})

    with pytest.raises(MissingCRSError, match="does not say its coordinate reference system"):
        open_source((image(), GRID), mask=Frame())
