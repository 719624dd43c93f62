"""Quality bands of Sentinel-2 and Landsat, in the file and beside it."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from changedet.errors import BandError, MetadataWarning
from changedet.loading import open_source
from changedet.loading.reading.quality import (
    find_sidecar,
    is_auxiliary,
    quality_codes,
    quality_kind,
)
from changedet.loading.reading.screens import (
    CLEAR,
    CLOUD,
    CLOUD_SHADOW,
    NODATA,
    SATURATION,
    SNOW,
)

from .builders import north_up

GRID = north_up(10.0, 40, 50)
ALL = GRID.window
COARSE = north_up(20.0, 20, 25)


def image(bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(100, 9000, (bands, 40, 50)).astype(np.uint16)


def classes(shape=(20, 25)) -> np.ndarray:
    """Scene classification: vegetation with a cloud, its shadow and snow."""
    out = np.full(shape, 4, dtype=np.uint8)
    out[2:5, 3:7], out[8:10, 3:7], out[12:14, 3:7] = 9, 3, 11
    return out


def test_classes_of_sentinel2() -> None:
    codes = quality_codes("scl")(np.arange(12))
    expected = [NODATA, SATURATION, CLEAR, CLOUD_SHADOW, CLEAR, CLEAR, CLEAR, CLEAR, CLOUD, CLOUD,
                CLOUD, SNOW]  # fmt: skip
    assert codes.tolist() == expected


@pytest.mark.parametrize(
    ("kind", "number", "code"),
    [
        # Landsat 8, Collection 2: clear, cloud, shadow, snow, fill, cirrus, dilated
        ("qa_pixel", 21824, CLEAR), ("qa_pixel", 22280, CLOUD), ("qa_pixel", 23888, CLOUD_SHADOW),
        ("qa_pixel", 30048, SNOW), ("qa_pixel", 1, NODATA), ("qa_pixel", 54596, CLOUD),
        ("qa_pixel", 21826, CLOUD), ("qa_pixel", 21952, CLEAR),
        # Collection 1: clear, water, shadow, snow, cloud, fill
        ("pixel_qa", 322, CLEAR), ("pixel_qa", 324, CLEAR), ("pixel_qa", 328, CLOUD_SHADOW),
        ("pixel_qa", 336, SNOW), ("pixel_qa", 352, CLOUD), ("pixel_qa", 1, NODATA),
    ],
)  # fmt: skip
def test_bits_of_landsat(kind, number, code) -> None:
    assert quality_codes(kind)(np.array([number], dtype=np.float32)).tolist() == [code]


def test_names() -> None:
    for name in ("SCL", "scl", "SCL_20m", "B_SCL", "Scene Classification Map"):
        assert quality_kind(name) == "scl"
    assert quality_kind("QA_PIXEL") == quality_kind("qa_pixel") == "qa_pixel"
    assert quality_kind("pixel_qa") == "pixel_qa"
    for name in ("red", "B04", "SR_B4", "clear", "muscle"):
        assert quality_kind(name) is None
        assert not is_auxiliary(name)
    for name in ("QA_RADSAT", "SR_QA_AEROSOL", "MSK_CLDPRB", "AOT", "WVP", "QA60", "BQA"):
        assert is_auxiliary(name)


def test_a_band_of_the_file_hides_and_is_not_compared(write_tif) -> None:
    scl = np.repeat(np.repeat(classes(), 2, 0), 2, 1)
    stack = np.concatenate([image(), scl[None].astype(np.uint16), image(1)])
    path = write_tif(stack, grid=GRID, descriptions=("B02", "B03", "B04", "SCL", "AOT"))
    source = open_source(path)
    assert source.info.roles == ("blue", "green", "red")
    pixels, valid = source.read(ALL)
    assert np.array_equal(~valid, np.isin(scl, (3, 9)))
    assert np.array_equal(pixels[:, valid], stack[:3][:, valid])
    notes = " ".join(source.info.notes)
    assert "band 4 is a Sentinel-2 scene classification: not compared" in notes
    assert "scene classification used (in the file)" in notes
    assert "band 5 (AOT) holds no brightness: left out" in notes
    with rasterio.open(path) as dataset:
        assert np.array_equal(open_source(dataset).read(ALL)[1], valid)
    bare = open_source(path, clouds=False)
    assert bare.info.roles == ("blue", "green", "red")
    assert bare.read(ALL)[1].all()


def test_a_band_of_an_array() -> None:
    qa = np.full((40, 50), 21824, dtype=np.uint16)
    qa[3:9, 4:8] = 22280
    source = open_source((np.concatenate([image(2), qa[None]]), GRID, ("red", "nir", "qa_pixel")))
    assert source.info.roles == ("red", "nir")
    assert np.array_equal(~source.read(ALL)[1], qa == 22280)


PRODUCTS = {
    "in a product of Sentinel-2": (
        "R10m/T52TCN_20230812T021131_B04_10m.tif", "R20m/T52TCN_20230812T021131_SCL_20m.tif"),
    "beside a stack of Sentinel-2": (
        "S2B_T52TCN_20230812T021131_stack.tif", "T52TCN_20230812T021131_SCL_20m.tif"),
    "of Landsat": (
        "LC08_L2SP_114031_20230812_20230819_02_T1_SR_B4.tif",
        "LC08_L2SP_114031_20230812_20230819_02_T1_QA_PIXEL.TIF"),
    "with the image's own name": ("site_2023.tif", "site_2023_SCL.tif"),
    "of single bands in a folder": ("B04.tif", "SCL.tif"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "beside"), PRODUCTS.values(), ids=PRODUCTS)
def test_a_file_beside_the_image(write_tif, name, beside) -> None:
    path = write_tif(image(), name, GRID)
    quality = np.where(classes() == 9, 22280, 21824) if "QA_PIXEL" in beside else classes()
    where = write_tif(quality.astype(np.uint16), beside, COARSE)
    kind, found = find_sidecar(path)
    assert found == where
    assert kind == ("qa_pixel" if "QA_PIXEL" in beside else "scl")
    hidden = ~open_source(path).read(ALL)[1]
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[4:10, 6:14] = True
    if kind == "scl":
        expected[16:20, 6:14] = True
    assert np.array_equal(hidden, expected)


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("before.tif", "SCL.tif"),
        ("before.tif", "after_SCL.tif"),
        ("T52TCN_20230812T021131_B04_10m.tif", "T52TCN_20230817T021131_SCL_20m.tif"),
        ("LC08_L2SP_114031_20230812_20230819_02_T1_SR_B4.tif",
         "LC08_L2SP_114031_20230828_20230901_02_T1_QA_PIXEL.TIF"),
    ],
)  # fmt: skip
def test_a_file_of_another_product_is_left_alone(write_tif, name, beside) -> None:
    path = write_tif(image(), name, GRID)
    write_tif(classes(), beside, COARSE)
    assert find_sidecar(path) is None
    assert open_source(path).read(ALL)[1].all()


def test_radar_images_have_none(write_tif) -> None:
    path = write_tif(image(1), "a.tif", GRID, descriptions=("VV",))
    write_tif(classes(), "a_SCL.tif", COARSE)
    assert open_source(path).read(ALL)[1].all()


def test_a_quality_file_that_does_not_fit_is_left_out_with_a_warning(write_tif, tmp_path) -> None:
    plain = write_tif(image(), "a.tif")
    write_tif(classes(), "a_SCL.tif")  # neither a CRS nor the image's size
    with pytest.warns(MetadataWarning, match=r"a_SCL\.tif beside .* was not used: Without georef"):
        assert open_source(plain).read(ALL)[1].all()
    broken = write_tif(image(), "b.tif", GRID)
    (tmp_path / "b_SCL.tif").write_bytes(b"II*\0 torn")
    with pytest.warns(MetadataWarning, match="was not used: .* cannot be opened as a raster"):
        open_source(broken)


def test_a_quality_band_alone_is_no_image(write_tif) -> None:
    path = write_tif(classes(), "x.tif", COARSE, descriptions=("SCL",))
    with pytest.raises(BandError, match="quality or auxiliary bands and nothing else"):
        open_source(path)
    with pytest.raises(BandError, match="quality bands and nothing else"):
        open_source((classes()[None], COARSE, ("SCL",)))
