"""Time, sun, view, platform and domain from tags and names."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from changedet.loading import open_source
from changedet.loading.metadata import collect_tags, parse_time, read_acquisition

from .builders import north_up

GRID = north_up(height=4, width=5)


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


def test_saturation(write_tif) -> None:
    assert open_source(write_tif(np.ones((1, 4, 5), "uint8"), grid=GRID)).info.saturation == 255
    assert open_source(write_tif(np.ones((1, 4, 5), "int16"), grid=GRID)).info.saturation is None
