"""Time, sun, view, platform and domain from tags and names."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from changedet.errors import ConfigError
from changedet.loading import open_source
from changedet.loading.reading.metadata import collect_tags, parse_time, read_acquisition

from .builders import north_up

GRID = north_up(height=4, width=5)
SQUARE = north_up(height=20, width=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020:03:04 05:06:07", datetime(2020, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2020-03-04T05:06:07Z", datetime(2020, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2020-03-04T05:06:07.1234567+09:00", datetime(2020, 3, 3, 20, 6, 7, 123456, tzinfo=UTC)),
        ("20200304T050607", datetime(2020, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("20200304T050607_N0500", datetime(2020, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2020-03-04", datetime(2020, 3, 4, tzinfo=UTC)),
        ("2020-13-04", None), ("yesterday", None), ("", None), ("1234", None),
    ],
)  # fmt: skip
def test_times(text: str, expected: datetime | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("tags", "name", "expected"),
    [
        ({"TIFFTAG_DATETIME": "2021:01:02 03:04:05"}, "a.tif", "2021-01-02T03:04:05"),
        ({"acquisition_datetime": "2019-05-06T07:08:09", "TIFFTAG_DATETIME": "2021:01:02 03:04:05"},
         "a.tif", "2019-05-06T07:08:09"),
        ({"DATE_ACQUIRED": "2000-03-17", "SCENE_CENTER_TIME": '"02:17:05.1234567Z"'}, "a.tif",
         "2000-03-17T02:17:05"),
        ({}, "/x/20190101/S2A_MSIL2A_20230102T022111_N0509_R003.tif", "2023-01-02T02:21:11"),
        ({}, "yard_2018-07-09.tif", "2018-07-09T00:00:00"),
        ({}, "LC08_L1TP_116031_20200304_20200314_01_T1.tif", "2020-03-04T00:00:00"),
        ({}, "tile_12345678901.tif", None),
    ],
)  # fmt: skip
def test_time_of_acquisition(tags: dict[str, str], name: str, expected: str | None) -> None:
    found = read_acquisition(collect_tags(tags), name).acquired
    assert (found and found.replace(tzinfo=None).isoformat()) == expected


def test_sun_and_view() -> None:
    landsat = read_acquisition({"SUN_AZIMUTH": "-150.5", "SUN_ELEVATION": "35.25"}, "")
    assert (landsat.sun_azimuth_deg, landsat.sun_elevation_deg) == (209.5, 35.25)
    tags = {"MEAN_SOLAR_AZIMUTH_ANGLE": "160", "MEAN_SOLAR_ZENITH_ANGLE": "50",
            "VIEW:AZIMUTH": "100", "VIEW:OFF_NADIR": "12.5", "PLATFORM": "WV03"}  # fmt: skip
    other = read_acquisition(tags, "")
    assert (other.sun_azimuth_deg, other.sun_elevation_deg) == (160, 40)
    assert (other.view_azimuth_deg, other.off_nadir_deg, other.platform) == (100, 12.5, "WV03")
    nothing = read_acquisition({"SUN_AZIMUTH": "n/a", "SUN_ELEVATION": "400"}, "a.tif")
    assert (nothing.sun_azimuth_deg, nothing.sun_elevation_deg, nothing.platform) == (None,) * 3


@pytest.mark.parametrize(
    ("descriptions", "tags", "dtype", "domain", "how"),
    [
        ((), {}, "uint8", "optical", "guessed"),
        ((), {"DOMAIN": "sar-intensity"}, "float32", "sar-intensity", "metadata"),
        (("Sigma0_VV_db",), {}, "float32", "sar-db", "metadata"),
        (("Sigma0_VV",), {}, "float32", "sar-intensity", "metadata"),
        (("Amplitude_VH",), {}, "uint16", "sar-amplitude", "metadata"),
        (("VV",), {"UNITS": "dB"}, "float32", "sar-db", "metadata"),
        (("VV",), {"UNITS": "decibel"}, "float32", "sar-db", "metadata"),
        (("VV",), {}, "uint8", "sar-amplitude", "guessed"),
        (("VV",), {}, "uint16", "sar-amplitude", "guessed"),
        (("VV",), {}, "float32", "sar-intensity", "guessed"),
    ],
)
def test_domain(write_tif, descriptions, tags, dtype: str, domain: str, how: str) -> None:
    path = write_tif(np.ones((1, 4, 5), dtype), grid=GRID, descriptions=descriptions, tags=tags)
    info = open_source(path).info
    assert (info.domain, info.domain_source) == (domain, how)
    declared = open_source(path, domain="sar-amplitude").info
    assert (declared.domain, declared.domain_source) == ("sar-amplitude", "declared")


def test_negative_radar_values_are_decibels(write_tif) -> None:
    path = write_tif(np.full((1, 4, 5), -12, "float32"), grid=GRID, descriptions=("VV",))
    info = open_source(path).info
    assert (info.domain, info.domain_source) == ("sar-db", "guessed")
    assert any("declare --domain" in note for note in info.notes)


def _noisy(negative: float) -> np.ndarray:
    """Intensities of which a share is slightly below 0, as noise subtraction leaves them."""
    values = np.full((1, 20, 20), 0.2, "float32")
    values.reshape(-1)[: int(400 * negative)] = -0.01
    return values


def test_noise_subtracted_intensities_are_not_decibels(write_tif) -> None:
    path = write_tif(_noisy(0.3), grid=SQUARE, descriptions=("VV",))
    assert open_source(path).info.domain == "sar-intensity"
    array = open_source((_noisy(0.3), SQUARE, ("vv",)))
    assert array.info.domain == "sar-intensity"


def test_decibels_in_an_array_are_recognised() -> None:
    source = open_source((_noisy(0.0) - 12, SQUARE, ("vv",)))
    assert (source.info.domain, source.info.domain_source) == ("sar-db", "guessed")


@pytest.mark.parametrize("domain", ["sar-intensity", "sar-amplitude"])
def test_decibels_declared_as_something_linear_are_refused(write_tif, domain: str) -> None:
    values = np.full((1, 20, 20), -12, "float32")
    for given in (
        write_tif(values, grid=SQUARE),
        (values, SQUARE, ("vv",)),
    ):
        with pytest.raises(ConfigError, match="look like decibels"):
            open_source(given, domain=domain)


def test_intensities_declared_as_decibels_are_refused(write_tif) -> None:
    with pytest.raises(ConfigError, match="decibels lie between -100 and 100"):
        open_source(
            write_tif(np.full((1, 20, 20), 4000, "float32"), grid=SQUARE),
            domain="sar-db",
        )


def test_what_is_no_data_does_not_count_as_negative(write_tif) -> None:
    values = _noisy(0.0)
    values[:, :12] = -50
    path = write_tif(values, grid=SQUARE, nodata=-50, descriptions=("VV",))
    assert open_source(path).info.domain == "sar-intensity"
    values[values < 0] = -9999
    silent = write_tif(values, grid=SQUARE, descriptions=("VV",))
    assert open_source(silent, domain="sar-intensity").info.domain == "sar-intensity"


def test_scaled_decibels_are_recognised_by_their_physical_values() -> None:
    from changedet.loading.reading.domains import settle_domain

    stored = np.full(100, -1200, "int16")
    assert settle_domain("auto", None, True, stored.dtype, stored * 0.01)[0] == "sar-db"


def test_eight_bit_radar_is_said_to_be_stretched(write_tif) -> None:
    path = write_tif(np.ones((1, 4, 5), "uint8"), grid=GRID, descriptions=("VV",))
    assert any("stretched for display" in note for note in open_source(path).info.notes)


def test_saturation(write_tif) -> None:
    assert open_source(write_tif(np.ones((1, 4, 5), "uint8"), grid=GRID)).info.saturation == 255
    assert open_source(write_tif(np.ones((1, 4, 5), "int16"), grid=GRID)).info.saturation is None
