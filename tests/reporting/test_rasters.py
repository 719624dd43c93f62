"""Cloud-optimised GeoTIFFs and images."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from pyproj import CRS
from rasterio.errors import NotGeoreferencedWarning

from changedet.errors import OutputError
from changedet.model import Grid, Image, Window
from changedet.reporting import cog, write_cog, write_image


def open_quietly(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path)


def validate(path):
    cogeo = pytest.importorskip("rio_cogeo")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return cogeo.cog_validate(str(path), strict=True)


class Computed:
    """A raster that exists only window by window, and remembers how large they were."""

    def __init__(self, height, width, dtype="float32"):
        self.grid, self.dtype, self.largest = Grid.pixels(height, width), np.dtype(dtype), 0

    def read(self, window):
        self.largest = max(self.largest, window.height * window.width)
        rows = np.arange(window.row, window.row + window.height)[:, None]
        cols = np.arange(window.col, window.col + window.width)[None]
        return ((rows * 7 + cols * 3) % 251).astype(self.dtype)


def test_changed_and_score_are_valid_and_true(written, report):
    for name, raster in (("changed.tif", report.changed), ("score.tif", report.score)):
        ok, problems, remarks = validate(written / name)
        assert ok, (problems, remarks)
        assert not remarks
        with rasterio.open(written / name) as file:
            assert file.crs.to_epsg() == 32652
            assert file.transform == report.grid.transform
            assert file.dtypes[0] == raster.dtype.name
            assert file.overviews(1)
            assert file.profile["compress"] == "deflate"
            assert file.tags()["AFTER_ACQUISITION_DATETIME"] == "2023-10-05T02:09:08+00:00"
            np.testing.assert_array_equal(file.read(1), raster.read(report.grid.window))


def test_nodata_and_colours(written):
    with rasterio.open(written / "changed.tif") as file:
        assert file.nodata == 255
        assert file.colormap(1)[1] == (214, 40, 110, 255)
    with rasterio.open(written / "score.tif") as file:
        assert np.isnan(file.nodata)
        over = file.read(1, out_shape=(210, 320))
        assert np.isnan(over[-1, -1])
        assert np.isfinite(over[:150]).all()


def test_without_georeferencing_no_warning_leaks(pixel_report, tmp_path):
    path = write_cog(tmp_path / "x.tif", pixel_report.changed, nodata=255, overviews="mode")
    assert validate(path)[0]
    with open_quietly(path) as file:
        assert file.crs is None
        assert file.transform.is_identity


def test_large_raster_is_streamed(tmp_path):
    raster = Computed(2600, 4100)
    path = write_cog(tmp_path / "x.tif", raster, nodata=float("nan"), overviews="average")
    assert raster.largest <= cog.READ**2
    ok, problems, remarks = validate(path)
    assert ok, (problems, remarks)
    assert not remarks
    assert [p.name for p in tmp_path.iterdir()] == ["x.tif"]
    with open_quietly(path) as file:
        np.testing.assert_array_equal(file.read(1), raster.read(Window(0, 0, 2600, 4100)))


def test_same_bytes_whatever_the_windows(tmp_path, monkeypatch):
    raster = Computed(1500, 1700, "uint8")
    first = write_cog(tmp_path / "a.tif", raster, nodata=255, overviews="mode")
    monkeypatch.setattr(cog, "READ", 512)
    second = write_cog(tmp_path / "b.tif", raster, nodata=255, overviews="mode")
    assert first.read_bytes() == second.read_bytes()


def test_a_truncated_file_is_noticed(report, tmp_path):
    path = write_cog(tmp_path / "x.tif", report.score, nodata=float("nan"), overviews="average")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 1000])
    with pytest.raises(OutputError, match=r"a block is missing\. The disk may be full"):
        cog._check_complete(path)


def test_image_round_trip(report, tmp_path):
    image = report.pair.read(report.grid.window).before
    path = write_image(tmp_path / "x.tif", image, report.pair.infos[0])
    with rasterio.open(path) as file:
        assert file.dtypes == ("uint16",) * 4
        assert file.descriptions == ("blue", "green", "red", "nir")
        assert file.nodata == 0
        assert file.crs.to_epsg() == 32652
        tags = file.tags()
        assert tags["ACQUISITION_DATETIME"] == "2023-09-03T02:14:31+00:00"
        assert (tags["SUN_AZIMUTH"], tags["SUN_ELEVATION"]) == ("155.0", "48.0")
        pixels = file.read()
        np.testing.assert_array_equal(pixels[:, image.valid], image.pixels[:, image.valid])
        np.testing.assert_array_equal(file.dataset_mask() > 0, image.valid)
    assert (
        write_image(tmp_path / "y.tif", image, report.pair.infos[0]).read_bytes()
        == path.read_bytes()
    )


@pytest.mark.parametrize(
    ("values", "dtype", "expected", "nodata"),
    [
        ([0, 7], "uint16", "uint16", 65535),
        ([3, 7], "uint8", "uint8", 0),
        ([0, 65535], "uint16", "uint16", 65534),
        ([0.5, 7], "uint16", "float32", np.nan),
        ([-3, 7], "int16", "float32", np.nan),
    ],
)
def test_image_types(tmp_path, report, values, dtype, expected, nodata):
    pixels = np.full((1, 4, 5), values[0], dtype=np.float32)
    pixels[0, 1, 1] = values[1]
    valid = np.ones((4, 5), dtype=bool)
    valid[3, 4] = False
    image = Image(pixels, valid, Grid.pixels(4, 5), ("band1",))
    path = write_image(tmp_path / "x.tif", image, replace(report.pair.infos[0], dtype=dtype))
    with open_quietly(path) as file:
        assert file.dtypes == (expected,)
        np.testing.assert_equal(file.nodata, nodata)
        np.testing.assert_array_equal(file.read()[:, valid], pixels[:, valid])
        np.testing.assert_array_equal(file.read_masks(1) > 0, valid)


def test_image_that_cannot_be_written(report, tmp_path):
    image = Image(
        np.ones((1, 4, 4), np.float32), np.ones((4, 4), bool), Grid.pixels(4, 4), ("band1",)
    )
    with pytest.raises(OutputError, match="could not be written"):
        write_image(tmp_path / "nowhere" / "x.tif", image)


def test_image_keeps_an_odd_crs(tmp_path):
    crs = CRS.from_proj4("+proj=laea +lat_0=42 +lon_0=130 +datum=WGS84")
    grid = Grid(Grid.pixels(1, 1).transform, 4, 4, crs)
    image = Image(np.ones((1, 4, 4), np.float32), np.ones((4, 4), bool), grid, ("pan",))
    with rasterio.open(write_image(tmp_path / "x.tif", image)) as file:
        assert (
            CRS.from_user_input(file.crs.to_wkt()).is_exact_same(crs)
            or "laea" in file.crs.to_proj4()
        )
