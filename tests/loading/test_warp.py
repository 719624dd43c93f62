"""Where pixels land, bit for bit through any window; nodata; averaging."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from changedet.loading import open_source
from changedet.loading.reading.resample import check_opencv, keys_weights
from changedet.loading.reading.warp import Warp
from changedet.model import Alignment, Grid, Window

from .builders import UTM, grid_around, local_field, north_up, own_positions, translation

TARGET = north_up()
GEOMETRIES: dict[str, Grid] = {
    "itself": TARGET,
    "half pixel": grid_around(TARGET, UTM, 2.0),
    "south up": grid_around(TARGET, UTM, 2.0, mirror=True),
    "turned": grid_around(TARGET, UTM, 2.0, turn=17.0),
    "turned and mirrored": grid_around(TARGET, UTM, 2.0, turn=-75.0, mirror=True),
    "quarter turn": grid_around(TARGET, UTM, 2.0, turn=90.0),
    "degrees": grid_around(TARGET, CRS.from_epsg(4326), 2e-5),
    "mercator": grid_around(TARGET, CRS.from_epsg(3857), 2.6),
    "other zone": grid_around(TARGET, CRS.from_epsg(32651), 2.0),
    "feet": grid_around(TARGET, CRS.from_proj4("+proj=tmerc +lon_0=130 +units=us-ft"), 6.0),
    "coarser": grid_around(TARGET, UTM, 5.0),
    "finer": grid_around(TARGET, UTM, 0.7),
    "much finer, turned": grid_around(TARGET, UTM, 0.31, turn=10.0),
}
ALIGNMENTS = {"none": None, "shift": translation(1.37, -2.61), "local": local_field()}


def interior(alignment: Alignment | None, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where each target pixel must be read, in target coordinates of the uncorrected source."""
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]].astype(float)
    if alignment is not None:
        dy, dx = alignment.displacement(rows, cols)
        rows, cols = rows - dy, cols - dx
    return rows, cols


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_pixels_land_where_they_belong(geometry: str, alignment: str) -> None:
    grid = GEOMETRIES[geometry]
    source = open_source((own_positions(grid, TARGET), grid))
    pixels, valid = Warp(source, (0, 1), TARGET, ALIGNMENTS[alignment]).read(TARGET.window)
    expected = np.stack(interior(ALIGNMENTS[alignment], TARGET.shape))
    inner = (slice(8, -8), slice(8, -8))
    assert valid[inner].all()
    error = np.abs(pixels - expected)[:, *inner]
    assert error.max() < 0.01


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_any_window_gives_the_same_bits(geometry: str, alignment: str) -> None:
    grid = GEOMETRIES[geometry]
    rng = np.random.default_rng(3)
    image = rng.normal(1000, 300, size=(1, *grid.shape)).astype(np.float32)
    image[0, rng.random(grid.shape) < 0.002] = np.nan
    warp = Warp(open_source((image, grid)), (0,), TARGET, ALIGNMENTS[alignment])
    whole, valid = warp.read(TARGET.window)
    assert 0.5 < valid.mean() <= 1

    @given(
        st.integers(0, TARGET.height - 1), st.integers(0, TARGET.width - 1),
        st.integers(1, 90), st.integers(1, 90),
    )  # fmt: skip
    def same(row: int, col: int, height: int, width: int) -> None:
        window = Window(row, col, height, width).intersect(TARGET.window)
        part, good = warp.read(window)
        assert np.array_equal(part, whole[(slice(None), *window.slices)])
        assert np.array_equal(good, valid[window.slices])

    same()


def test_large_windows_are_cut_without_a_trace() -> None:
    grid = Grid(Affine(2, 0.02, ORIGIN_X, 0.02, -2, ORIGIN_Y), 1300, 1400, UTM)
    target = Grid(Affine(2, 0, ORIGIN_X, 0, -2, ORIGIN_Y), 1290, 1390, UTM)
    image = np.random.default_rng(0).normal(size=(1, 1300, 1400)).astype(np.float32)
    warp = Warp(open_source((image, grid)), (0,), target)
    whole, _ = warp.read(target.window)
    for window in (Window(500, 500, 30, 30), Window(511, 0, 2, 1390), Window(7, 1000, 1200, 25)):
        part, _ = warp.read(window)
        assert np.array_equal(part, whole[(slice(None), *window.slices)])


ORIGIN_X, ORIGIN_Y = 635_000.0, 4_698_000.0


@pytest.mark.parametrize(("nodata", "dtype"), [(-9999, "float32"), (65535, "uint16")])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_nodata_never_bleeds(write_tif, geometry: str, nodata: int, dtype: str) -> None:
    grid = GEOMETRIES[geometry]
    image = np.full(grid.shape, 700, dtype=dtype)
    image[np.random.default_rng(1).random(grid.shape) < 0.01] = nodata
    image[10:40, 20:45] = nodata
    source = open_source(write_tif(image, grid=grid, nodata=nodata))
    for alignment in ALIGNMENTS.values():
        pixels, valid = Warp(source, (0,), TARGET, alignment).read(TARGET.window)
        assert valid.any()
        assert not valid.all()
        assert np.abs(pixels[0][valid] - 700).max() < 1e-3
        assert (pixels[0][~valid] == 0).all()


def test_pixels_on_the_grid_are_not_resampled() -> None:
    image = np.random.default_rng(0).integers(0, 60000, (2, *TARGET.shape)).astype(np.uint16)
    pixels, valid = Warp(open_source((image, TARGET)), (1,), TARGET).read(TARGET.window)
    assert np.array_equal(pixels[0], image[1])
    assert valid.all()


@pytest.mark.parametrize("flip", ["rows", "columns", "both"])
def test_mirrored_pixels_on_the_grid_are_not_resampled(flip: str) -> None:
    t = TARGET.transform
    image = np.random.default_rng(0).normal(size=(1, *TARGET.shape)).astype(np.float32)
    image[0, 50, 60] = np.nan
    a, c, e, f, turned = t.a, t.c, t.e, t.f, image
    if flip != "columns":
        turned, f, e = turned[:, ::-1], f + e * TARGET.height, -e
    if flip != "rows":
        turned, c, a = turned[:, :, ::-1], c + a * TARGET.width, -a
    grid = Grid(Affine(a, 0, c, 0, e, f), *TARGET.shape, UTM)
    pixels, valid = Warp(open_source((turned, grid)), (0,), TARGET).read(TARGET.window)
    assert np.array_equal(pixels, np.nan_to_num(image))
    assert (~valid).sum() == 1


def test_edge_pixels_stay_valid_when_the_image_ends_there() -> None:
    image = np.ones((1, *TARGET.shape), dtype=np.float32)
    _, valid = Warp(open_source((image, TARGET)), (0,), TARGET, translation(0.3, -0.3)).read(
        TARGET.window
    )
    assert valid.all()  # still within the outer edge of the last pixels
    _, valid = Warp(open_source((image, TARGET)), (0,), TARGET, translation(0.7, -1.7)).read(
        TARGET.window
    )
    assert not valid[0].any()
    assert not valid[:, -2:].any()
    assert valid[1:, :-2].all()


def test_the_seam_of_a_map_of_the_whole_earth_leaves_a_gap_and_no_garbage() -> None:
    earth = Grid(Affine(0.5, 0, -180, 0, -0.5, 90), 360, 720, CRS.from_epsg(4326))
    lon, lat = earth.xy(*np.mgrid[0:360, 0:720])
    image = np.stack([lat, 90 * np.cos(np.radians(lon))]).astype(np.float32)
    target = Grid(Affine(2e4, 0, 300_000, 0, -2e4, 4_500_000), 100, 100, CRS.from_epsg(32660))
    pixels, valid = Warp(open_source((image, earth)), (0, 1), target).read(target.window)
    x, y = target.xy(*np.mgrid[0:100, 0:100])
    lon, lat = Transformer.from_crs(target.crs, earth.crs, always_xy=True).transform(x, y)
    assert 0.3 < valid.mean() < 1
    assert not valid[np.abs(np.abs(lon) - 180) < 0.01].any()
    assert np.abs(pixels[0] - lat)[valid].max() < 0.05
    assert np.abs(pixels[1] - 90 * np.cos(np.radians(lon)))[valid].max() < 0.05


def test_straight_ramps_are_reproduced_up_to_rounding() -> None:
    for fraction in (0.0, 0.1, 0.25, 0.5, 0.9):
        weights = keys_weights(fraction)
        assert weights.sum() == pytest.approx(1, abs=1e-7)
        assert weights @ np.array([-1, 0, 1, 2]) == pytest.approx(fraction, abs=1e-6)


def test_the_two_ways_to_interpolate_agree() -> None:
    image = np.random.default_rng(5).normal(size=(1, *TARGET.shape)).astype(np.float32)
    source = open_source((image, TARGET))
    fast = Warp(source, (0,), TARGET, translation(0.3125, -0.6875))
    slow = Warp(source, (0,), TARGET, translation(0.3125, -0.6875))
    slow.positions.shift, slow.positions.step = None, 16
    inner = Window(10, 10, 100, 120)
    assert np.abs(fast.read(inner)[0] - slow.read(inner)[0]).max() < 1e-5


def test_this_opencv_is_exact_enough() -> None:
    check_opencv()


def test_an_opencv_that_rounds_positions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    from changedet.errors import MissingDependencyError

    exact = cv2.remap
    monkeypatch.setattr(cv2, "remap", lambda a, x, y, *k: exact(a, np.round(x * 32) / 32, y, *k))
    with pytest.raises(MissingDependencyError, match="rounded to 1/32 pixel"):
        check_opencv.__wrapped__()


# -- coarsening ---------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [2, 3, 7])
def test_coarsening_on_matching_edges_is_the_plain_mean(times: int) -> None:
    image = np.random.default_rng(0).normal(size=(1, 84, 126)).astype(np.float32)
    fine = Grid(Affine(2, 0, ORIGIN_X, 0, -2, ORIGIN_Y), 84, 126, UTM)
    coarse = Grid(
        Affine(2 * times, 0, ORIGIN_X, 0, -2 * times, ORIGIN_Y), 84 // times, 126 // times, UTM
    )
    pixels, valid = Warp(open_source((image, fine)), (0,), coarse).read(coarse.window)
    h, w = coarse.shape
    expected = image.reshape(h, times, w, times).mean(axis=(1, 3), dtype=np.float64)
    assert valid.all()
    np.testing.assert_allclose(pixels[0], expected, atol=1e-6)


@pytest.mark.parametrize("size", [3.0, 5.3, 6.6, 13.0])
def test_coarsening_keeps_the_mean_and_does_not_alias(size: float) -> None:
    fine = Grid(Affine(2, 0, ORIGIN_X, 0, -2, ORIGIN_Y), 600, 600, UTM)
    n = int(1000 / size)
    coarse = Grid(Affine(size, 0, ORIGIN_X + 101.3, 0, -size, ORIGIN_Y - 100.9), n, n, UTM)
    rows, cols = np.mgrid[0:600, 0:600]
    smooth = 100 + 20 * np.sin(rows / 40) * np.cos(cols / 40)
    stripes = 50.0 * (-1.0) ** cols  # the finest there is: must vanish
    source = open_source((np.stack([smooth, stripes]).astype(np.float32), fine))
    pixels, valid = Warp(source, (0, 1), coarse).read(coarse.window)
    assert valid.all()
    r, c = fine.rowcol(*coarse.xy(*np.mgrid[0:n, 0:n]))
    expected = 100 + 20 * np.sin(r / 40) * np.cos(c / 40)
    assert np.abs(pixels[0] - expected).max() < 0.5
    assert abs(float(np.mean(pixels[0] - expected))) < 0.02
    assert np.abs(pixels[1]).max() < 50 / (size / 2) + 1  # what an exact box leaves of them


def test_averaging_is_centred() -> None:
    fine = Grid(Affine(0.5, 0, ORIGIN_X, 0, -0.5, ORIGIN_Y), 400, 400, UTM)
    coarse = Grid(Affine(3.1, 0, ORIGIN_X + 7.7, 0, -3.1, ORIGIN_Y - 6.2), 50, 50, UTM)
    source = open_source((own_positions(fine, coarse), fine))
    pixels, valid = Warp(source, (0, 1), coarse).read(coarse.window)
    assert valid.all()
    assert np.abs(pixels - np.mgrid[0:50, 0:50]).max() < 0.005
