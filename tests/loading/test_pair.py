"""The aligned pair: windows, overviews, area of interest, threads, pickling."""

from __future__ import annotations

import json
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from changedet.config import Config
from changedet.errors import BandError, NoGeoreferencingWarning
from changedet.loading import (
    AlignedPair,
    choose_grid,
    open_source,
    read_pair_sources,
    valid_fraction,
)
from changedet.model import WGS84, Alignment, Grid, Places, Window

from .builders import UTM, grid_around, local_field, north_up, own_positions, translation

GRID = north_up(height=130, width=170)


def random_image(grid: Grid, bands: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(500, 90, (bands, *grid.shape)).astype(np.float32)


@pytest.fixture
def pair() -> AlignedPair:
    after = grid_around(GRID, UTM, 1.5, turn=5)
    return read_pair_sources((random_image(GRID, 2), GRID), (random_image(after, 2, 1), after))


def test_before_is_read_as_it_is_and_after_is_laid_on_it(pair: AlignedPair) -> None:
    assert pair.grid == GRID
    read = pair.read(GRID.window)
    assert np.array_equal(read.before.pixels, random_image(GRID, 2))
    assert read.valid.all()
    assert pair.roles == ("band1", "band2")
    assert read.residual_px is None


def test_partial_overlap_is_cropped_to_whole_pixels() -> None:
    t = GRID.transform
    after = Grid(Affine(t.a, 0, t.c + 41.0, 0, t.e, t.f + 13.0), *GRID.shape, UTM)
    source = (own_positions(after, GRID), after)
    pair = read_pair_sources((own_positions(GRID, GRID), GRID), source)
    assert (pair.grid.transform.c, pair.grid.transform.f) == (t.c + 40, t.f)
    assert pair.grid.shape == (124, 150)
    read = pair.read(pair.grid.window)
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert np.abs(read.before.pixels - read.after.pixels)[inner].max() < 0.005
    assert read.valid[1:-1, 1:-1].all()


@pytest.mark.parametrize("size", ["native", 6.0])
def test_images_of_unlike_projection_and_size_meet(size: str | float) -> None:
    before = grid_around(GRID, WGS84, 2e-5, turn=3)
    after = grid_around(GRID, CRS.from_epsg(3857), 2.0, mirror=True)
    images = ((own_positions(g, GRID), g) for g in (before, after))
    pair = read_pair_sources(*images, config=Config(grid=size))
    assert pair.grid.crs == UTM
    read = pair.read(pair.grid.window)
    assert 0.5 < read.valid.mean() < 1
    for image in (read.before, read.after):
        expected = np.stack(GRID.rowcol(*pair.grid.xy(*np.mgrid[pair.grid.window.slices])))
        # at the rim the last pixel is repeated: up to half a source pixel off
        assert np.abs(image.pixels - expected)[:, read.valid].max() < 0.6
        inner = read.valid & _away_from_rim(read.valid)
        assert np.abs(image.pixels - expected)[:, inner].max() < 0.01


def _away_from_rim(valid: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_erosion

    return np.asarray(binary_erosion(valid, iterations=3))


@given(
    st.integers(-40, 140), st.integers(-40, 180), st.integers(1, 60), st.integers(1, 60),
    st.booleans(),
)  # fmt: skip
def test_windows_may_reach_beyond_the_grid(
    row: int, col: int, height: int, width: int, aligned: bool
) -> None:
    after = grid_around(GRID, UTM, 1.5, turn=5)
    plain = AlignedPair(
        open_source((random_image(GRID), GRID)), open_source((random_image(after), after)),
        GRID, ("band1",), (0,), (0,),
    )  # fmt: skip
    pair = plain.with_alignment(local_field()) if aligned else plain
    window = Window(row, col, height, width)
    read, whole = pair.read(window), pair.read(GRID.window)
    assert read.grid == GRID.subset(window)
    inner = window.intersect(GRID.window)
    outside = np.ones(window.shape, dtype=bool)
    if not inner.empty:
        place = inner.within(window)
        outside[place] = False
        for name in ("before", "after"):
            part, full = getattr(read, name), getattr(whole, name)
            assert np.array_equal(part.pixels[:, *place], full.pixels[:, *inner.slices])
            assert np.array_equal(part.valid[place], full.valid[inner.slices])
        if aligned:
            assert read.residual_px is not None
            assert np.array_equal(read.residual_px[place], whole.residual_px[inner.slices])
    assert not read.valid[outside].any()
    assert not read.before.pixels[:, outside].any()


def test_the_residual_comes_from_the_alignment(pair: AlignedPair) -> None:
    field = local_field()
    read = pair.with_alignment(field).read(GRID.window)
    rows, cols = np.mgrid[0:130, 0:170]
    assert read.residual_px is not None
    assert np.abs(read.residual_px - field.residual(rows, cols)).max() < 0.05
    constant = pair.with_alignment(translation(0, 0)).read(Window(5, 5, 9, 9)).residual_px
    assert constant is not None
    assert (constant == np.float32(0.1)).all()


@pytest.mark.parametrize("factor", [2, 5, 8])
def test_overview_is_the_mean_of_the_pixels(factor: int) -> None:
    image = random_image(GRID)
    image[0, 20:40, 30:60] = np.nan
    pair = read_pair_sources((image, GRID), (random_image(GRID, 1, 4), GRID))
    seen = pair.overview(factor)
    h, w = 130 // factor, 170 // factor
    assert seen.grid.shape == (-(-130 // factor), -(-170 // factor))
    assert seen.grid.transform.a == factor * 2
    blocks = image[0, : h * factor, : w * factor].reshape(h, factor, w, factor)
    share = np.isfinite(blocks).mean(axis=(1, 3))
    assert np.array_equal(seen.before.valid[:h, :w], share >= 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.nanmean(blocks, axis=(1, 3))
    good = share >= 0.5
    np.testing.assert_allclose(seen.before.pixels[0, :h, :w][good], expected[good], rtol=1e-5)


@pytest.mark.parametrize("turn", [0.0, 12.0])
@pytest.mark.parametrize("alignment", [Alignment.identity(), translation(7.3, -11.8)])
def test_overview_shows_each_place_where_it_is(turn: float, alignment: Alignment) -> None:
    after = grid_around(GRID, UTM, 0.9, turn=turn)
    pair = AlignedPair(
        open_source((own_positions(GRID, GRID), GRID)),
        open_source((own_positions(after, GRID), after)),
        GRID, ("band1", "band2"), (0, 1), (0, 1), alignment,
    )  # fmt: skip
    seen = pair.overview(4)
    rows, cols = np.mgrid[0:32, 0:42] * 4 + 1.5
    inner = (slice(None), slice(5, -5), slice(5, -5))
    assert seen.valid[5:-5, 5:-5].all()
    expected = np.stack([rows, cols])
    assert np.abs(seen.before.pixels[:, :32, :42] - expected)[inner].max() < 1e-3
    moved = expected - np.array([alignment.dy_px, alignment.dx_px])[:, None, None]
    assert np.abs(seen.after.pixels[:, :32, :42] - moved)[inner].max() < 0.02


def test_only_the_area_of_interest_is_valid(pair: AlignedPair) -> None:
    x0, y0 = GRID.transform.c, GRID.transform.f
    triangle = shapely.Polygon([(x0 + 51, y0 - 40), (x0 + 249, y0 - 61), (x0 + 100, y0 - 201)])
    area = Places(("a",), np.array([triangle], dtype=object), UTM)
    image = (np.ones((1, *GRID.shape), dtype=np.float32), GRID)
    cropped = read_pair_sources(image, image, aoi=area)
    assert cropped.grid.shape == (81, 100)
    whole = AlignedPair(
        open_source(image), open_source(image), GRID, ("band1",), (0,), (0,), aoi=area
    )
    valid = whole.read(GRID.window).valid
    rows, cols = np.mgrid[0 : GRID.height, 0 : GRID.width]
    inside = shapely.contains_xy(triangle, *GRID.xy(rows, cols))
    assert (valid != inside).mean() < 1e-3
    for window in (Window(30, 40, 50, 60), Window(33, 57, 1, 1), Window(0, 0, 130, 3)):
        assert np.array_equal(whole.read(window).valid, valid[window.slices])
    assert whole.overview(5).valid.mean() == pytest.approx(inside.mean(), abs=0.02)
    assert valid_fraction(whole) == pytest.approx(inside.mean(), abs=1e-3)


def test_area_of_interest_across_blocks_is_the_same_through_any_window() -> None:
    grid = Grid(Affine(2, 0, 0, 0, -2, 0), 1100, 1200, UTM)
    ring = shapely.Point(1200, -1100).buffer(900).difference(shapely.Point(1300, -900).buffer(301))
    area = Places(("ring",), np.array([ring], dtype=object), UTM)
    image = (np.ones((1, *grid.shape), dtype=np.uint8), grid)
    source = open_source(image)
    pair = AlignedPair(source, source, grid, ("band1",), (0,), (0,), aoi=area)
    valid = pair.read(grid.window).valid
    assert valid.mean() == pytest.approx(ring.area / (1100 * 1200 * 4), abs=1e-3)
    for window in (Window(500, 500, 40, 40), Window(0, 1023, 1100, 3), Window(511, 0, 2, 1200)):
        assert np.array_equal(pair.read(window).valid, valid[window.slices])


def test_threads_read_the_same(write_tif) -> None:
    after = grid_around(GRID, UTM, 1.5, turn=5)
    before_path = write_tif(
        random_image(GRID, 2), "before.tif", GRID, tiled=True, blockxsize=32, blockysize=32
    )
    after_path = write_tif(random_image(after, 2, 1), "after.tif", after)
    pair = read_pair_sources(before_path, after_path).with_alignment(local_field())
    windows = list(pair.grid.tiles(33)) * 3
    alone = [pair.read(w).after.pixels for w in windows]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda w: pair.read(w).after.pixels, windows))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_pair_of_files_can_be_pickled(write_tif) -> None:
    after = grid_around(GRID, UTM, 1.5, turn=5)
    paths = (
        write_tif(random_image(GRID), "b.tif", GRID),
        write_tif(random_image(after), "a.tif", after),
    )
    pair = read_pair_sources(*paths, aoi=Path(_square(paths[0])))
    pair.read(Window(0, 0, 20, 20))
    copy = pickle.loads(pickle.dumps(pair))
    window = Window(3, 4, 50, 60)
    assert np.array_equal(copy.read(window).after.pixels, pair.read(window).after.pixels)


def _square(near: str) -> str:
    path = Path(near).with_name("area.geojson")
    corners = shapely.get_coordinates(shapely.box(*GRID.bounds).buffer(-20))
    move = Transformer.from_crs(UTM, WGS84, always_xy=True).transform
    ring = [list(move(x, y)) for x, y in corners]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return str(path)


def test_inputs_are_not_touched(pair: AlignedPair) -> None:
    image = random_image(GRID)
    image[0, 3, 3] = np.nan
    copy = image.copy()
    other = read_pair_sources((image, GRID), (image, GRID))
    read = other.read(GRID.window)
    read.before.pixels[:] = 7
    other.overview(3)
    assert np.array_equal(image, copy, equal_nan=True)


def test_pixels_without_georeferencing() -> None:
    image = random_image(Grid.pixels(40, 50))
    with pytest.warns(NoGeoreferencingWarning, match="working in pixels") as caught:
        pair = read_pair_sources((image, Grid.pixels(40, 50)), (image, Grid.pixels(40, 50)))
    assert len(caught) == 1
    read = pair.with_alignment(translation(2, 1)).read(pair.grid.window)
    assert np.array_equal(read.after.pixels[:, 2:, 1:], read.before.pixels[:, :-2, :-1])


def test_settings_are_heeded() -> None:
    image = (random_image(GRID, 3), GRID, ("red", "green", "nir"))
    config = Config(bands=("nir", "red"), grid=6.0, domain="sar-amplitude")
    pair = read_pair_sources(image, image, config=config)
    assert pair.roles == ("nir", "red")
    assert pair.grid.transform.a == 6
    assert [i.domain for i in pair.infos] == ["sar-amplitude", "sar-amplitude"]
    assert [i.roles for i in pair.infos] == [("nir", "red")] * 2
    assert pair.grid == choose_grid(pair.infos[0], pair.infos[1], 6.0)


def test_bands_must_be_given_for_both() -> None:
    source = open_source((random_image(GRID), GRID))
    with pytest.raises(BandError, match="1 roles, 2 bands before and 1 after were given"):
        AlignedPair(source, source, GRID, ("band1",), (0, 0), (0,))
