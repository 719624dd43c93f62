"""Files, datasets and arrays as sources: values, validity, errors."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.io import MemoryFile
from rasterio.rpc import RPC

from changedet.errors import (
    BandError,
    ConfigError,
    GridError,
    ImageReadError,
    MissingCRSError,
)
from changedet.loading import open_source, read_pair_sources, register_adapter, sha256
from changedet.loading.reading.source import ArraySource
from changedet.loading.reading.sources import _ADAPTERS
from changedet.model import Grid, Image, Window

from .builders import UTM, grid_around, north_up

GRID = north_up(height=40, width=50)
ALL = GRID.window


def counts(bands: int = 1, dtype: str = "uint16") -> np.ndarray:
    return (np.arange(bands * 2000).reshape(bands, 40, 50) % 251 + 1).astype(dtype)


# -- values and validity ------------------------------------------------------------------------


def test_a_plain_file(write_tif) -> None:
    path = write_tif(counts(3), grid=GRID, descriptions=("B04", "B03", "B02"))
    source = open_source(path)
    assert source.info.grid == GRID
    assert source.info.name == path
    assert source.info.roles == ("red", "green", "blue")
    assert source.info.dtype == "uint16"
    assert (source.info.domain, source.info.domain_source) == ("optical", "guessed")
    assert source.info.size_bytes == os.path.getsize(path)
    pixels, valid = source.read(Window(3, 4, 10, 20), (2, 0))
    assert pixels.dtype == np.float32
    assert np.array_equal(pixels, counts(3)[[2, 0], 3:13, 4:24])
    assert valid.all()


def test_path_objects_and_file_uris(write_tif) -> None:
    path = write_tif(counts(), grid=GRID)
    assert open_source(Path(path)).info.grid == GRID
    assert open_source(Path(path).as_uri()).info.grid == GRID


@pytest.mark.parametrize(
    ("dtype", "nodata", "stored"),
    [("uint16", 7, 7), ("int16", -9999, -9999), ("float32", -9999.0, -9999.0),
     ("float32", float("nan"), np.nan), ("float64", -1e300, -1e300), ("uint8", 0, 0)],
)  # fmt: skip
def test_nodata_is_not_valid(write_tif, dtype: str, nodata: float, stored: float) -> None:
    image = np.full((2, 40, 50), 3, dtype=dtype)
    image[1, 5, 6] = stored
    source = open_source(write_tif(image, grid=GRID, nodata=nodata))
    pixels, valid = source.read(ALL)
    assert np.argwhere(~valid).tolist() == [[5, 6]]
    assert (pixels[:, 5, 6] == 0).all()
    assert source.read(ALL, (0,))[1].all()
    assert any("no-data value" in note for note in source.info.notes)


def test_what_is_not_finite_is_not_valid(write_tif) -> None:
    image = np.ones((1, 40, 50), dtype=np.float64)
    image[0, 1, :4] = [np.nan, np.inf, -np.inf, 1e200]
    pixels, valid = open_source(write_tif(image, grid=GRID)).read(ALL)
    assert np.argwhere(~valid).tolist() == [[1, 0], [1, 1], [1, 2], [1, 3]]
    assert np.isfinite(pixels).all()


def test_alpha_band_is_a_mask_and_no_band(write_tif) -> None:
    image = counts(4, "uint8")
    image[3] = 255
    image[3, 2:5, 6] = 0
    path = write_tif(image, grid=GRID, photometric="RGB", alpha="YES")
    source = open_source(path)
    assert source.info.roles == ("red", "green", "blue")
    assert np.argwhere(~source.read(ALL)[1]).tolist() == [[2, 6], [3, 6], [4, 6]]
    assert "alpha band used as mask" in source.info.notes


@pytest.mark.parametrize("internal", [True, False], ids=["internal", "msk"])
def test_mask_band_together_with_nodata(write_tif, internal: bool) -> None:
    image = counts()
    image[0, 9, 9] = 0
    path = write_tif(image, grid=GRID, nodata=0)
    mask = np.full((40, 50), 255, dtype=np.uint8)
    mask[4, 5] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)
    assert Path(path + ".msk").exists() != internal
    source = open_source(path)
    assert np.argwhere(~source.read(ALL)[1]).tolist() == [[4, 5], [9, 9]]
    assert "mask band used" in source.info.notes


def test_user_mask_of_the_same_size(write_tif) -> None:
    mask = np.zeros((40, 50), dtype=np.uint8)
    mask[3, 4] = 200
    image = write_tif(counts(), grid=GRID)
    for given in (write_tif(mask, "mask.tif", GRID), mask, mask.astype(bool)):
        source = open_source(image, mask=given)
        assert np.argwhere(~source.read(ALL)[1]).tolist() == [[3, 4]]
        part = source.read(Window(3, 4, 2, 2))[1]
        assert part.tolist() == [[False, True], [True, True]]
        assert "user mask used" in source.info.notes
    array = open_source((counts(), GRID), mask=write_tif(mask, "mask.tif", GRID))
    assert np.argwhere(~array.read(ALL)[1]).tolist() == [[3, 4]]


def test_user_mask_on_another_grid(write_tif) -> None:
    coarse = Grid(Affine(10, 0, 635_000, 0, -10, 4_698_000), 8, 5, UTM)  # the left half
    mask = np.zeros((8, 5), dtype=np.uint8)
    mask[1, 2] = 1
    source = open_source(write_tif(counts(), grid=GRID), mask=write_tif(mask, "m.tif", coarse))
    valid = source.read(ALL)[1]
    expected = np.ones((40, 50), dtype=bool)
    expected[5:10, 10:15] = False
    assert np.array_equal(valid, expected)
    assert np.array_equal(source.read(Window(7, 8, 9, 10))[1], expected[7:16, 8:18])


def test_user_masks_that_do_not_fit(write_tif) -> None:
    image = write_tif(counts(), grid=GRID)
    with pytest.raises(GridError, match=r"mask of .* has shape \(3, 3\)"):
        open_source(image, mask=np.zeros((3, 3)))
    with pytest.raises(ImageReadError, match=r"mask of .* is a int: give a raster file"):
        open_source(image, mask=5)
    with pytest.raises(
        MissingCRSError, match="Only one of mask and image has a coordinate reference"
    ):
        open_source(image, mask=write_tif(np.zeros((3, 3), np.uint8), "m.tif"))
    plain = write_tif(counts(), "plain.tif")
    with pytest.raises(GridError, match="Without georeferencing sizes must agree"):
        open_source(plain, mask=write_tif(np.zeros((3, 3), np.uint8), "m.tif"))
    with pytest.raises(ImageReadError, match="does not exist"):
        open_source(image, mask="nowhere.tif")


def test_scale_and_offset(write_tif) -> None:
    path = write_tif(counts(2), grid=GRID, nodata=1)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.5, 2.0), (-3.0, 1.0)
    source = open_source(path)
    pixels, valid = source.read(ALL)
    expected = counts(2) * np.array([0.5, 2.0])[:, None, None] + np.array([-3, 1])[:, None, None]
    assert np.allclose(pixels[:, valid], expected[:, valid])
    assert not valid[0, 0]
    assert "scale 0.5 and offset -3 applied" in source.info.notes


@pytest.mark.parametrize(
    ("name", "tags", "scales", "offset", "note"),
    [
        ("S2A_MSIL2A_20230101T022111_N0509_R003_T52TCN_20230101T052753.SAFE/B04.tif", {}, 1, -1000,
         "baseline 05.09"),
        ("S2A_MSIL2A_20200101T022111_N0213_R003_T52TCN_20200101T052753.SAFE/B04.tif", {}, 1, 0,
         "taken as no data"),
        ("a.tif", {"PROCESSING_BASELINE": "04.00"}, 1, -1000, "baseline 04.00"),
        ("a.tif", {"PROCESSING_BASELINE": "03.01"}, 1, 0, "taken as no data"),
        ("a.tif", {"BOA_ADD_OFFSET_B4": "-900"}, 1, -900, "-900 from BOA_ADD_OFFSET_B4"),
        ("a.tif", {"PROCESSING_BASELINE": "05.00", "BOA_OFFSET_APPLIED": "True"}, 1, 0,
         "already applied by the provider"),
        ("a.tif", {"PROCESSING_BASELINE": "05.00"}, 0.0001, -0.1, "offset -1000 applied"),
        ("a.tif", {}, 1, 0, None),
    ],
)  # fmt: skip
def test_sentinel2_offset(write_tif, name, tags, scales, offset, note) -> None:
    image = counts() + 2000
    image[0, 0, 0] = 0
    path = write_tif(image, name, GRID, tags=tags, descriptions=("B04",))
    if scales != 1:
        with rasterio.open(path, "r+") as dataset:
            dataset.scales = (scales,)
    source = open_source(path)
    pixels, valid = source.read(ALL)
    assert source.info.roles == ("red",)
    assert np.allclose(pixels[0, 1:], image[0, 1:] * float(scales) + offset, rtol=1e-5)
    assert valid[0, 0] == (note is None)
    if note is None:
        assert source.info.notes == ()
    else:
        assert any(note in text for text in source.info.notes)


def test_sentinel2_offset_is_not_applied_twice(write_tif) -> None:
    path = write_tif(counts(), grid=GRID, tags={"PROCESSING_BASELINE": "05.00"})
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.0001,), (-0.1,)
    source = open_source(path)
    assert np.allclose(source.read(ALL)[0][0, 1:], counts()[0, 1:] * 1e-4 - 0.1, atol=1e-6)
    assert any("offset in the file itself" in note for note in source.info.notes)


def test_sentinel2_reflectance_in_floats_is_left_alone(write_tif) -> None:
    image = counts().astype(np.float32) / 251
    path = write_tif(image, grid=GRID, tags={"PROCESSING_BASELINE": "05.00"})
    assert np.array_equal(open_source(path).read(ALL)[0], image)


# -- other kinds of input -----------------------------------------------------------------------


def test_an_open_dataset_is_borrowed(write_tif) -> None:
    with rasterio.open(write_tif(counts(), grid=GRID)) as dataset:
        source = open_source(dataset)
        assert np.array_equal(source.read(ALL)[0], counts())
        source.close()
        assert not dataset.closed
        with pytest.raises(ImageReadError, match="give its path instead"):
            pickle.dumps(source)
    with pytest.raises(ImageReadError, match=r"dataset .* was closed"):
        source.read(ALL)
    with pytest.raises(ImageReadError, match="is closed"):
        open_source(dataset)


def test_a_dataset_in_memory(write_tif) -> None:
    data = Path(write_tif(counts(), grid=GRID)).read_bytes()
    with MemoryFile(data) as memory, memory.open() as dataset:
        assert np.array_equal(open_source(dataset, name="memory").read(ALL)[0], counts())


def test_a_dataset_open_for_writing(tmp_path: Path) -> None:
    with (
        rasterio.open(tmp_path / "w.tif", "w", driver="GTiff", height=4, width=4, count=1,
                      dtype="uint8", crs="EPSG:32652", transform=GRID.transform) as dataset,
        pytest.raises(ImageReadError, match="open for writing only"),
    ):  # fmt: skip
        open_source(dataset)


def test_arrays() -> None:
    image = counts(2, "int32")
    source = open_source((image, GRID, ("red", "nir")), name="mine", bands=("nir",))
    assert source.info.roles == ("nir",)
    assert source.info.name == "mine"
    assert np.array_equal(source.read(ALL)[0], image[1:])
    flat = open_source((image[0], GRID))
    assert flat.info.roles == ("band1",)
    masked = np.ma.masked_equal(image[0], 5)
    assert np.array_equal(open_source((masked, GRID)).read(ALL)[1], image[0] != 5)


def test_an_image_of_the_model() -> None:
    valid = np.ones(GRID.shape, dtype=bool)
    valid[3, 3] = False
    image = Image(counts(2, "float32"), valid, GRID, ("vv", "vh"))
    source = open_source(image, bands=("2",))
    assert source.info.roles == ("vh",)
    assert source.info.domain.startswith("sar")
    assert np.array_equal(source.read(ALL)[1], valid)


def test_arrays_that_do_not_fit() -> None:
    with pytest.raises(GridError, match=r"array of shape \(40, 50, 3\) does not fit"):
        open_source((np.zeros((40, 50, 3)), GRID))
    with pytest.raises(GridError, match="came with a Affine instead of a Grid"):
        open_source((np.zeros((40, 50)), GRID.transform))
    with pytest.raises(BandError, match=r"2 roles .* for 1 bands"):
        open_source((np.zeros((40, 50)), GRID, ("red", "nir")))
    with pytest.raises(ImageReadError, match="values of type complex128"):
        open_source((np.zeros((40, 50), dtype=complex), GRID))


def test_what_is_no_image() -> None:
    with pytest.raises(ImageReadError, match=r"type float is not an image.*path or URL"):
        open_source(3.14)
    with pytest.raises(ConfigError, match="domain='radar' is not known"):
        open_source((np.zeros((40, 50)), GRID), domain="radar")


def test_a_source_is_taken_as_it_is() -> None:
    source = open_source((counts(), GRID))
    assert open_source(source) is source


def test_new_kinds_can_be_added() -> None:
    class Tile:
        pass

    before = list(_ADAPTERS)
    try:
        register_adapter(
            "a Tile",
            lambda obj: isinstance(obj, Tile),
            lambda obj, options: open_source((counts(), GRID), name=options.name),
        )
        assert isinstance(open_source(Tile(), name="t"), ArraySource)
    finally:
        _ADAPTERS[:] = before


def test_wanted_bands(write_tif) -> None:
    path = write_tif(counts(3), grid=GRID, descriptions=("red", "nir", "x"))
    assert open_source(path, bands=("nir", "3")).info.roles == ("nir", "band3")
    assert np.array_equal(open_source(path, bands=("nir",)).read(ALL)[0], counts(3)[1:2])
    with pytest.raises(BandError, match=r"Band 'blue' was asked for.*red, nir, band3"):
        open_source(path, bands=("blue",))


# -- hashes, pickles, memory --------------------------------------------------------------------


def test_hashes(write_tif) -> None:
    path = write_tif(counts(), grid=GRID)
    expected = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert sha256(open_source(path)) == expected
    one, other = (open_source((counts() + i, GRID)).sha256() for i in (0, 1))
    assert one != other
    assert one == open_source((counts(), GRID)).sha256()


def test_a_file_source_can_be_pickled(write_tif) -> None:
    mask = write_tif(np.eye(40, 50).astype(np.uint8), "m.tif", GRID)
    source = open_source(write_tif(counts(), grid=GRID), mask=mask)
    source.read(ALL)
    copy = pickle.loads(pickle.dumps(source))
    assert np.array_equal(copy.read(ALL)[1], source.read(ALL)[1])
    assert len(pickle.dumps(source)) < 10_000


def test_the_file_is_opened_anew_now_and_then(write_tif, monkeypatch) -> None:
    monkeypatch.setattr("changedet.loading.reading.files._REOPEN_AFTER_BYTES", 5000)
    source = open_source(write_tif(counts(), grid=GRID))
    for _ in range(10):
        assert np.array_equal(source.read(ALL)[0], counts())


def test_windows_must_lie_inside(write_tif) -> None:
    source = open_source(write_tif(counts(), grid=GRID))
    with pytest.raises(GridError, match="does not lie inside"):
        source.read(Window(30, 0, 11, 5))


# -- bad files ----------------------------------------------------------------------------------


def test_a_missing_file() -> None:
    with pytest.raises(ImageReadError, match=r"nowhere\.tif does not exist: check the path"):
        open_source("nowhere.tif")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="is a folder"):
        open_source(tmp_path)


def test_a_file_that_is_no_raster(tmp_path: Path) -> None:
    path = tmp_path / "text.tif"
    path.write_text("hello")
    with pytest.raises(ImageReadError, match=r"text\.tif cannot be opened as a raster.*complete"):
        open_source(path)


def test_a_truncated_file_names_file_and_window(write_tif) -> None:
    image = np.random.default_rng(0).integers(0, 60000, (1, 400, 500)).astype(np.uint16)
    path = write_tif(image, "cut.tif", north_up(height=400, width=500))
    os.truncate(path, 200_000)
    source = open_source(path)
    assert np.array_equal(source.read(Window(0, 0, 50, 500))[0], image[:, :50])
    with pytest.raises(
        ImageReadError,
        match=r"cut\.tif cannot be read at rows 350 to 359, columns 0 to 499.*damaged",
    ):
        source.read(Window(350, 0, 10, 500))
    pair = read_pair_sources(path, path)
    with pytest.raises(ImageReadError, match="truncated or damaged"):
        pair.read(pair.grid.window)
    with pytest.raises(ImageReadError, match="truncated or damaged"):
        pair.overview(4)


def test_a_file_cut_before_its_directory(write_tif) -> None:
    path = write_tif(counts(), "short.tif", GRID, compress="deflate")
    os.truncate(path, 20)
    with pytest.raises(ImageReadError, match=r"short\.tif cannot be opened"):
        open_source(path)


def test_a_file_that_vanishes(write_tif) -> None:
    path = write_tif(counts(), grid=GRID)
    source = open_source(path)
    os.remove(path)
    with pytest.raises(ImageReadError, match="does not exist"):
        source.read(ALL)


def test_ground_control_points_and_rpcs_only(tmp_path: Path) -> None:
    points = [GroundControlPoint(r, c, c * 2.0, r * -2.0, 0) for r in (0, 9) for c in (0, 9)]
    profile = {"driver": "GTiff", "height": 10, "width": 10, "count": 1, "dtype": "uint8"}
    image = np.ones((1, 10, 10), np.uint8)
    with rasterio.open(tmp_path / "g.tif", "w", gcps=points, crs="EPSG:32652", **profile) as d:
        d.write(image)
    with pytest.raises(GridError, match=r"g\.tif .* 4 ground control points.*orthorectify it"):
        open_source(tmp_path / "g.tif")
    ones = [1.0] * 20
    scales = {f"{k}_scale": 1.0 for k in ("height", "lat", "long", "line", "samp")}
    offsets = {f"{k}_off": 0.0 for k in ("height", "lat", "long", "line", "samp")}
    rpc = RPC(
        line_den_coeff=ones, line_num_coeff=ones, samp_den_coeff=ones, samp_num_coeff=ones,
        **scales, **offsets,
    )  # fmt: skip
    with rasterio.open(tmp_path / "r.tif", "w", rpcs=rpc, **profile) as d:
        d.write(image)
    with pytest.raises(GridError, match=r"RPC coefficients.*orthorectify it"):
        open_source(tmp_path / "r.tif")


def test_a_crs_without_a_geotransform(write_tif) -> None:
    path = write_tif(counts(), grid=Grid(Affine.identity(), 40, 50, UTM))
    with pytest.raises(GridError, match="but no geotransform"):
        open_source(path)


def test_a_geotransform_without_a_crs(write_tif) -> None:
    source = open_source(write_tif(counts(), grid=Grid(GRID.transform, 40, 50)))
    assert source.info.grid == Grid.pixels(40, 50)
    assert "has a geotransform but no CRS: taken as pixels" in source.info.notes


def test_complex_values_and_palettes(write_tif) -> None:
    with pytest.raises(ImageReadError, match=r"complex values .*amplitude or intensity"):
        open_source(write_tif(np.ones((1, 40, 50), np.complex64), grid=GRID))
    path = write_tif(counts(1, "uint8"), "p.tif", GRID)
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (0, 0, 0, 255), 1: (255, 0, 0, 255)})
    with pytest.raises(ImageReadError, match=r"palette.*-expand rgb"):
        open_source(path)


def test_keys_in_a_url_do_not_reach_the_report() -> None:
    from changedet.loading.reading.rasters import display_name, is_url

    assert display_name("https://host/a.tif?sig=secret") == "https://host/a.tif"
    assert is_url("/vsicurl/https://host/a.tif")
    assert is_url("s3://bucket/a.tif")
    assert not is_url("/data/a?.tif")
    assert not is_url("file:///data/a.tif")


def test_rotated_files_keep_their_transform(write_tif) -> None:
    turned = grid_around(GRID, UTM, 2.0, turn=30)
    image = np.ones((1, *turned.shape), np.uint8)
    assert np.allclose(
        open_source(write_tif(image, grid=turned)).info.grid.transform, turned.transform
    )
