"""The common grid, and what happens when there is none."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

from changedet.errors import (
    GridError,
    MissingCRSError,
    NoGeoreferencingWarning,
    NoOverlapError,
)
from changedet.loading import choose_grid, metric_crs, open_source
from changedet.model import WGS84, Grid, ImageInfo, Places

from .builders import UTM, grid_around, north_up

GRID = north_up(height=130, width=170)


def info(grid: Grid, name: str = "image.tif") -> ImageInfo:
    return ImageInfo(name, grid, ("band1",), "uint8")


def utm(size: float, height: int, width: int, x: float = 635_000, y: float = 4_698_000) -> Grid:
    return Grid(Affine(size, 0, x, 0, -size, y), height, width, UTM)


def test_the_before_grid_when_it_is_the_coarser() -> None:
    assert choose_grid(info(GRID), info(grid_around(GRID, UTM, 0.5))) == GRID
    assert choose_grid(info(GRID), info(grid_around(GRID, UTM, 2.01))) == GRID  # within 1 %


def test_the_after_grid_when_that_is_the_coarser() -> None:
    after = utm(5, 40, 50)
    chosen = choose_grid(info(GRID), info(after))
    assert (chosen.transform, chosen.crs) == (after.transform, UTM)
    assert chosen.shape == (40, 50)


def test_cropped_to_the_overlap() -> None:
    chosen = choose_grid(info(utm(2, 100, 100)), info(utm(2, 100, 100, 635_051, 4_697_899)))
    assert chosen.transform == Affine(2, 0, 635_050, 0, -2, 4_697_900)
    assert chosen.shape == (50, 75)


def test_a_shared_edge_takes_no_sliver_of_a_pixel() -> None:
    chosen = choose_grid(info(utm(2, 100, 100)), info(utm(2, 100, 50, 635_000 + 1e-7)))
    assert chosen.shape == (100, 50)


@pytest.mark.parametrize(
    "before",
    [
        grid_around(GRID, UTM, 2.0, turn=20),
        grid_around(GRID, CRS.from_epsg(3857), 2.7),
        grid_around(GRID, WGS84, 2e-5),
        Grid(Affine(2, 0, 635_000, 0, -4, 4_698_000), 60, 170, UTM),
    ],
    ids=["turned", "mercator", "degrees", "oblong"],
)
def test_utm_on_round_numbers_where_no_grid_will_do(before: Grid) -> None:
    chosen = choose_grid(info(before), info(grid_around(GRID, UTM, 1.0)))
    assert chosen.crs == UTM
    t = chosen.transform
    assert (t.b, t.d) == (0, 0)
    assert t.a == -t.e == pytest.approx(before.gsd_m, rel=0.01)
    assert abs(t.c / t.a - round(t.c / t.a)) < 1e-6
    assert abs(t.f / t.a - round(t.f / t.a)) < 1e-6
    overlap = GRID.bounds
    assert chosen.bounds[0] <= overlap[0] + 1
    assert chosen.bounds[3] >= overlap[3] - 1


def test_south_up_becomes_north_up_on_the_same_pixels() -> None:
    south_up = Grid(Affine(2, 0, 635_000, 0, 2, 4_698_000 - 260), 130, 170, UTM)
    assert choose_grid(info(south_up), info(south_up)) == GRID


def test_a_wanted_pixel_size() -> None:
    chosen = choose_grid(info(GRID), info(GRID), 7.0)
    assert chosen.transform.a == 7
    assert chosen.transform.c % 7 == 0
    assert choose_grid(info(GRID), info(GRID), 2.0) == GRID
    degrees = grid_around(GRID, WGS84, 2e-5)
    assert choose_grid(info(degrees), info(degrees), 5.0).crs == UTM


def test_a_metre_of_the_grid_is_a_metre_on_the_ground() -> None:
    mercator = grid_around(GRID, CRS.from_epsg(3857), 4.0)
    chosen = choose_grid(info(mercator), info(mercator))
    assert chosen.gsd_m == pytest.approx(chosen.transform.a, rel=1e-3)
    assert chosen.gsd_m == pytest.approx(4 * np.cos(np.radians(42.4)), rel=0.01)


def test_across_the_antimeridian() -> None:
    east = Grid(Affine(1e-4, 0, 179.99, 0, -1e-4, -16.5), 200, 200, WGS84)  # reaches 180.01
    west = Grid(Affine(1e-4, 0, -180.005, 0, -1e-4, -16.5), 200, 200, WGS84)
    chosen = choose_grid(info(east), info(west))
    width = 0.015 * 111_320 * np.cos(np.radians(16.5))
    assert chosen.width * chosen.transform.a == pytest.approx(width, rel=0.04)
    image = np.zeros((1, 200, 200), dtype=np.float32)
    image[0, 100, 150] = 1  # 180.005 E
    from changedet.loading.reading.warp import Warp

    pixels, valid = Warp(open_source((image, east)), (0,), chosen).read(chosen.window)
    assert valid.mean() > 0.9
    found = np.unravel_index(pixels[0].argmax(), chosen.shape)
    other = np.zeros((1, 200, 200), dtype=np.float32)
    other[0, 100, 100] = 1  # -179.995 E, the same place
    there, _ = Warp(open_source((other, west)), (0,), chosen).read(chosen.window)
    assert found == np.unravel_index(there[0].argmax(), chosen.shape)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [(130.65, 42.4, 32652), (-180, 10, 32601), (179.99, -10, 32760), (10, 85, 32661),
     (10, -85, 32761), (180, 0, 32601)],
)  # fmt: skip
def test_metric_crs(lon: float, lat: float, code: int) -> None:
    assert metric_crs(lon, lat).to_epsg() == code


def test_beyond_84_north() -> None:
    polar = Grid(Affine(1e-3, 0, 20, 0, -1e-4, 86), 100, 100, WGS84)
    assert choose_grid(info(polar), info(polar)).crs.to_epsg() == 32661


def test_cropped_to_the_area_of_interest() -> None:
    box = shapely.box(635_011, 4_697_901, 635_033, 4_697_950)
    area = Places(("a",), np.array([box], dtype=object), UTM)
    chosen = choose_grid(info(GRID), info(GRID), aoi=area)
    assert chosen.bounds == (635_010, 4_697_900, 635_034, 4_697_950)


def test_area_of_interest_elsewhere() -> None:
    area = Places(("a",), np.array([shapely.box(0, 0, 9, 9)], dtype=object), UTM, source="aoi.shp")
    with pytest.raises(NoOverlapError, match=r"area of interest aoi\.shp lies outside .*longitude"):
        choose_grid(info(GRID), info(GRID), aoi=area)


def test_no_overlap_names_both_places() -> None:
    far = utm(2, 100, 100, 700_000)
    with pytest.raises(
        NoOverlapError,
        match=r"no common ground: b\.tif covers longitude 130\.6.* a\.tif covers longitude 131\.4",
    ):
        choose_grid(info(GRID, "b.tif"), info(far, "a.tif"))


def test_touching_edges_are_no_overlap() -> None:
    with pytest.raises(NoOverlapError, match="no common ground"):
        choose_grid(info(utm(2, 100, 100)), info(utm(2, 100, 100, 635_200)))


def test_other_side_of_the_earth() -> None:
    there = Grid(Affine(10, 0, 500_000, 0, -10, 6_000_000), 100, 100, CRS.from_epsg(32720))
    with pytest.raises(NoOverlapError, match="no common ground"):
        choose_grid(info(GRID), info(there))


def test_only_one_has_a_crs() -> None:
    plain = Grid.pixels(130, 170)
    with pytest.raises(
        MissingCRSError, match=r"a\.tif has no coordinate reference.*b\.tif has one"
    ):
        choose_grid(info(GRID, "b.tif"), info(plain, "a.tif"))
    with pytest.raises(
        MissingCRSError, match=r"b\.tif has no coordinate reference.*a\.tif has one"
    ):
        choose_grid(info(plain, "b.tif"), info(GRID, "a.tif"))


def test_neither_has_a_crs() -> None:
    plain = info(Grid.pixels(130, 170))
    with pytest.warns(NoGeoreferencingWarning, match="working in pixels"):
        assert choose_grid(plain, plain) == plain.grid
    box = Places(("a",), np.array([shapely.box(10, 20, 60, 50)], dtype=object))
    with pytest.warns(NoGeoreferencingWarning):
        cropped = choose_grid(plain, plain, aoi=box)
    assert cropped.shape == (30, 50)
    assert cropped.bounds == (10, 20, 60, 50)


def test_neither_has_a_crs_and_the_sizes_differ() -> None:
    with pytest.raises(GridError, match=r"sizes differ: b has 130 x 170 pixels, a 130 x 171"):
        choose_grid(info(Grid.pixels(130, 170), "b"), info(Grid.pixels(130, 171), "a"))


def test_neither_has_a_crs_and_the_transforms_differ() -> None:
    moved = info(Grid(Affine(1, 0, 5, 0, 1, 0), 130, 170), "a")
    with pytest.raises(GridError, match="their geotransforms differ: b has"):
        choose_grid(info(Grid.pixels(130, 170), "b"), moved)
    with pytest.warns(NoGeoreferencingWarning):
        assert choose_grid(moved, moved) == moved.grid


def test_metres_without_georeferencing() -> None:
    plain = info(Grid.pixels(130, 170))
    with pytest.raises(GridError, match="grid of 5 m was asked for, but neither"):
        choose_grid(plain, plain, 5.0)


def test_an_absurd_pixel_size() -> None:
    with pytest.raises(GridError, match="at most 2000000 a side"):
        choose_grid(info(GRID), info(GRID), 1e-5)


def test_a_crs_that_is_not_tied_to_the_earth() -> None:
    local = CRS.from_wkt(
        'ENGCRS["yard",EDATUM["yard"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],'
        'LENGTHUNIT["metre",1]]'
    )
    grid = Grid(GRID.transform, *GRID.shape, local)
    with pytest.raises(GridError, match=r"yard.* cannot be related"):
        choose_grid(info(grid), info(GRID))
