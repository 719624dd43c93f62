"""Which band is which."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.errors import BandError
from changedet.loading import match_bands, open_source, role_of_name
from changedet.loading.reading.roles import assign_roles, role_of_wavelength
from changedet.model import Grid, ImageInfo

from .builders import north_up

GRID = north_up(height=4, width=5)


@pytest.mark.parametrize(
    ("name", "platform", "role"),
    [
        ("red", None, "red"), ("NIR", None, "nir"), ("Near Infrared", None, "nir"),
        ("B02", None, "blue"), ("b8a", None, "nir08"), ("B8A", "sentinel-2a", "nir08"),
        ("B12", "Sentinel-2B", "swir22"), ("B12", None, None), ("B4", None, None),
        ("B4", "sentinel-2a", "red"), ("B4, central wavelength 665 nm", "Sentinel-2A", "red"),
        ("Band 4", "LANDSAT_8", "red"), ("Band 4", "LANDSAT_7", "nir08"),
        ("SR_B5", "landsat-9", "nir08"), ("ST_B10", "landsat-8", "lwir"),
        ("coastal_blue", None, "coastal"), ("green_i", None, "green"), ("RedEdge", None,
        "rededge071"), ("SWIR 1", None, "swir16"), ("NIR2", None, "nir09"), ("swir22", None,
        "swir22"), ("VV", None, "vv"), ("Sigma0_VH_db", None, "vh"), ("Amplitude_HH", None, "hh"),
        ("panchromatic", None, "pan"), ("Layer 1", None, None), ("", None, None),
        ("cloud mask", None, None),
    ],
)  # fmt: skip
def test_names(name: str, platform: str | None, role: str | None) -> None:
    assert role_of_name(name, platform) == role


@pytest.mark.parametrize(
    ("wavelength", "role"),
    [(0.49, "blue"), (665, "red"), (0.842, "nir"), (865, "nir08"), (1.61, "swir16"), (3.0, None)],
)
def test_wavelengths(wavelength: float, role: str | None) -> None:
    assert role_of_wavelength(wavelength) == role


def test_roles_from_all_there_is() -> None:
    assert assign_roles(
        ["B04", None, None, "thing", "B04"],
        ["gray", "green", "undefined", "undefined", "undefined"],
        [{}, {}, {"COMMON_NAME": "swir16"}, {"CENTRAL_WAVELENGTH_UM": "0.86"}, {}],
    ) == ("red", "green", "swir16", "nir08", "band5")


def test_a_sentinel2_set_without_zeros_is_known_by_its_b8a() -> None:
    names = ["B2", "B4", "B8A", "B11"]
    assert assign_roles(names, ["undefined"] * 4, [{}] * 4) == ("blue", "red", "nir08", "swir16")


def test_landsat_file_by_its_name(write_tif) -> None:
    path = write_tif(
        np.ones((2, 4, 5), np.uint8), "LE07_L2SP_118038_20000317_02_T1.tif", GRID,
        descriptions=("SR_B1", "SR_B4"),
    )  # fmt: skip
    assert open_source(path).info.roles == ("blue", "nir08")
    assert open_source(path).info.platform == "landsat-7"


def info(*roles: str, name: str = "x") -> ImageInfo:
    return ImageInfo(name, Grid.pixels(2, 2), roles, "uint8")


def test_same_bands_in_another_order() -> None:
    match = match_bands(info("blue", "green", "red", "nir"), info("nir", "red", "green", "blue"))
    assert match == (("blue", "green", "red", "nir"), (0, 1, 2, 3), (3, 2, 1, 0))


def test_only_common_bands() -> None:
    match = match_bands(info("blue", "red", "nir"), info("red", "swir16", "nir", "blue"))
    assert match == (("blue", "red", "nir"), (0, 1, 2), (3, 0, 2))


def test_the_two_near_infrareds_stand_in_for_each_other() -> None:
    assert match_bands(info("red", "nir"), info("red", "nir08"))[0] == ("red", "nir")
    both = match_bands(info("nir", "nir08"), info("nir08", "nir"))
    assert both == (("nir", "nir08"), (0, 1), (1, 0))


def test_unknown_bands_in_order() -> None:
    match = match_bands(info("band1", "band2"), info("band1", "band2"))
    assert match == (("band1", "band2"), (0, 1), (0, 1))


def test_identical_lists_match_with_their_unknown_bands() -> None:
    roles = ("red", "green", "blue", "band4")
    assert match_bands(info(*roles), info(*roles)) == (roles, (0, 1, 2, 3), (0, 1, 2, 3))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("band1", "band2", "band3"), ("band1", "band2")),
        (("red", "green", "blue"), ("band1", "band2", "band3")),
        (("pan",), ("red", "green", "blue")),
        (("vv",), ("red",)),
    ],
)
def test_bands_that_cannot_be_matched(before, after) -> None:
    text = rf"cannot be matched: before b has {len(before)} \({before[0]}.*after a has.*--bands"
    with pytest.raises(BandError, match=text):
        match_bands(info(*before, name="b"), info(*after, name="a"))


def test_chosen_bands() -> None:
    before, after = info("blue", "green", "red", "nir"), info("nir", "red", "green")
    assert match_bands(before, after, ("red", "nir")) == (("red", "nir"), (2, 3), (1, 0))
    unknown = info("band1", "band2", "band3", "band4")
    assert match_bands(before, unknown, ("4", "3")) == (("nir", "red"), (3, 2), (3, 2))
    assert match_bands(before, after, ("1", "2")) == (("band1", "band2"), (0, 1), (0, 1))
    assert match_bands(before, info("nir08"), ("nir",)) == (("nir",), (3,), (0,))


def test_as_many_roles_as_bands_name_those_of_an_image_that_does_not() -> None:
    unknown, named = info("band1", "band2", "band3"), info("nir", "red", "green", "blue")
    asked = ("blue", "B3", "red")
    assert match_bands(unknown, unknown, ("blue", "green", "red")) == (
        ("blue", "green", "red"), (0, 1, 2), (0, 1, 2),
    )  # fmt: skip
    assert match_bands(unknown, named, ("red", "green", "blue")) == (
        ("red", "green", "blue"), (0, 1, 2), (1, 2, 3),
    )  # fmt: skip
    with pytest.raises(BandError, match=r"Band 'blue' .* as many roles as it has \(3\), in the"):
        match_bands(unknown, unknown, asked)


@pytest.mark.parametrize("asked", [("red", "nir"), ("blue", "green", "red", "nir")])
def test_fewer_or_more_roles_name_nothing(asked) -> None:
    unknown = info("band1", "band2", "band3", name="u")
    with pytest.raises(BandError, match=r"u has 3 .* give as many roles as it has \(3\)"):
        match_bands(unknown, unknown, asked)


def test_roles_that_an_image_has_are_never_renamed() -> None:
    known = info("red", "green", "blue", name="k")
    assert match_bands(known, known, ("blue", "green", "red"))[1] == (2, 1, 0)
    with pytest.raises(BandError, match=r"choose among these roles, or numbers 1 to 3\.$"):
        match_bands(known, known, ("blue", "green", "nir"))


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (("swir16",), r"Band 'swir16' was asked for, but b has 2 \(red, nir\)"),
        (("3",), r"Band '3' .* numbers 1 to 2"),
        (("0",), r"Band '0'"),
        ((), "No bands were asked for"),
        (("red", "1"), "one band twice"),
    ],
)
def test_bad_choices(bands, message: str) -> None:
    with pytest.raises(BandError, match=message):
        match_bands(info("red", "nir", name="b"), info("red", "nir", name="a"), bands)
