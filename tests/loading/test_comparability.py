"""Each reason for caution, with its number, and none where there is nothing to say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from changedet.loading import judge_pair, read_pair_sources
from changedet.loading.observing.likeness import Likeness, measure_likeness
from changedet.loading.observing.observability import DateView, Observability
from changedet.loading.reading.saturation import Saturation
from changedet.model import ImageInfo
from changedet.simulation import simulate

from .builders import north_up

GRID = north_up(10.0, 200, 200)
SUMMER = datetime(2023, 7, 1, 2, 10, tzinfo=UTC)
INFO = ImageInfo(
    "a", GRID, ("red", "nir"), "uint16", acquired=SUMMER, sun_azimuth_deg=150.0,
    sun_elevation_deg=60.0, view_azimuth_deg=100.0, off_nadir_deg=4.0, platform="sentinel-2a",
    notes=("Sentinel-2: processing baseline 05.09, offset -1000 applied",),
)  # fmt: skip


def view(**shares: float) -> DateView:
    """One date; what is no share by its own name."""
    snow, note = shares.pop("snow", 0.0), shares.pop("note", "")
    saturation = Saturation(255.0, shares.pop("saturated", 0.0), shares.pop("levels", 4000))
    return DateView(tuple(shares.items()), "scl", snow, saturation, (), note)


def judged(after: ImageInfo = INFO, *, before: ImageInfo = INFO, grid=GRID, valid: float = 1.0,
           first: DateView | None = None, second: DateView | None = None,
           likeness: Likeness | None = None):  # fmt: skip
    seen = Observability(valid, 0.0, 0.0, first or view(), second or view())
    return judge_pair(before, after, grid, valid, seen, likeness)


def test_nothing_to_say() -> None:
    found = judged(likeness=Likeness((0.4, 0.42), (1.2, 1.3)))
    assert found.grade == "go"
    assert found.reasons == ()
    measured = dict(found.measures)
    assert measured["overlap"] == 1
    assert measured["gsd_ratio"] == 1
    assert measured["view_difference_deg"] == pytest.approx(0, abs=1e-5)
    assert measured["sharpness_ratio"] == pytest.approx(0.952, abs=1e-3)


S2 = {"notes": (), "platform": "S2B"}
CAUTIONS = {
    "pixels": (
        {"after": replace(INFO, grid=north_up(13.0, 154, 154))},
        "pixels of 10 m and 13 m: compared at the coarser",
    ),
    "season": (
        {"after": replace(INFO, acquired=datetime(2024, 1, 1, tzinfo=UTC))},
        "lie 181 days apart in the year: expect false change on vegetation, snow",
    ),
    "sun": ({"after": replace(INFO, sun_azimuth_deg=178.0)}, "the sun stood 28 degrees further"),
    "height of the sun": (
        {"after": replace(INFO, sun_elevation_deg=31.0)}, "the sun stood 29 degrees higher"),
    "view": (
        {"after": replace(INFO, off_nadir_deg=19.0)}, "seen from directions 15 degrees apart"),
    "view from the other side": (
        {"before": replace(INFO, off_nadir_deg=12.0),
         "after": replace(INFO, off_nadir_deg=12.0, view_azimuth_deg=280.0)},
        "seen from directions 24 degrees apart: tall things lean differently",
    ),
    "sensors": (
        {"after": replace(INFO, platform="landsat-8")},
        r"different sensors took them \(sentinel-2a, landsat-8\)",
    ),
    "offset that is not told": (
        {"after": replace(INFO, **S2)},
        "the after image is of Sentinel-2 and does not say its processing baseline: 1000 may",
    ),
    "bits": (
        {"after": replace(INFO, dtype="uint8")}, "values of 16 and 8 bits: the one of 8 bits"),
    "overlap": ({"grid": north_up(10.0, 50, 100)}, "only 13% of the smaller image is compared"),
    "valid": ({"valid": 0.15}, "only 15% of the common area is valid in both"),
    "cloud": (
        {"second": view(cloud=0.2, cloud_shadow=0.11)},
        "clouds and their shadows hide 31% of the after image",
    ),
    "snow": ({"first": view(snow=0.4)}, "snow lies on 40% more of the ground in the before image"),
    "saturation": ({"second": view(saturated=0.12)}, "12% of the after image is saturated in some"),
    "levels": ({"first": view(levels=17)}, "the before image has only 17 different values"),
    "overcast": ({"first": view(note="70% is white")}, "before: 70% is white; it was not taken"),
    "sharpness": (
        {"likeness": Likeness((0.5, 0.25), (1, 1))}, "the before image is 2.0 times sharper"),
    "contrast": (
        {"likeness": Likeness((1, 1), (0.5, 1.6))}, "the after image is 3.2 times richer in contr"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "reason"), CAUTIONS.values(), ids=CAUTIONS)
def test_a_caution_is_one_sentence_with_its_number(given, reason) -> None:
    found = judged(**given)
    assert found.grade == "caution"
    assert len(found.reasons) == 1
    assert re.search(reason, found.reasons[0])


@pytest.mark.parametrize(
    "given",
    [
        {"after": replace(INFO, grid=north_up(12.0, 167, 167))},
        {"after": replace(INFO, acquired=datetime(2025, 6, 5, tzinfo=UTC))},
        {"after": replace(INFO, platform="Sentinel-2C")},
        {"before": replace(INFO, platform="landsat-8", notes=()),
         "after": replace(INFO, platform="LANDSAT_9", notes=())},
        {"after": replace(INFO, **S2, acquired=datetime(2021, 7, 1, tzinfo=UTC))},
        {"second": view(cloud=0.2)},
        {"first": view(snow=0.4), "second": view(snow=0.38)},
    ],
)  # fmt: skip
def test_what_is_within_bounds(given) -> None:
    assert judged(**given).reasons == ()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"after": replace(INFO, grid=north_up(150.0, 14, 14))}, "differ by a factor of 15"),
        ({"after": replace(INFO, domain="sar-db")}, "one image is optical and the other radar"),
        ({"before": replace(INFO, domain="sar-amplitude"),
          "after": replace(INFO, domain="sar-db")}, "one image holds sar-amplitude"),
    ],
)  # fmt: skip
def test_no_go(given, reason) -> None:
    found = judged(**given)
    assert found.grade == "no-go"
    assert reason in found.reasons[0]


def test_radar_seen_from_another_side() -> None:
    one = replace(INFO, domain="sar-intensity", off_nadir_deg=35.0, platform="sentinel-1a")
    found = judged(replace(one, view_azimuth_deg=280.0), before=one)
    assert "70 degrees apart: layover and radar shadow fall differently" in found.reasons[0]


@pytest.mark.parametrize(("blur", "least", "most"), [(0.45, 0.85, 1.2), (1.6, 1.5, 5.0)])
def test_sharpness_of_simulated_images(blur, least, most) -> None:
    scene = simulate("town", 1, size_m=(1280.0, 1280.0), blur_after=blur, season_after=0.4,
                     sun_after=(160.0, 40.0), haze_after=0.3, shift_m=(3.0, 2.0))  # fmt: skip
    pair = read_pair_sources(scene.before, scene.after)
    found = measure_likeness(pair)
    assert least < found.sharpness[0] / found.sharpness[1] < most
    assert found.contrast[0] == pytest.approx(found.contrast[1], rel=0.5)


def test_likeness_of_what_cannot_be_measured() -> None:
    flat = np.full((1, 50, 50), 7, np.float32)
    rough = gaussian_filter(np.random.default_rng(0).random((50, 50)), 1)[None].astype(np.float32)
    grid = north_up(10.0, 50, 50)
    found = measure_likeness(read_pair_sources((flat, grid), (rough, grid)))
    assert np.isnan(found.sharpness).all()
    none = np.ma.masked_array(rough, True)
    found = measure_likeness(read_pair_sources((none, grid), (rough, grid)))
    assert np.isnan(found.contrast).all()
    assert judge_pair(INFO, INFO, GRID, 1.0, None, found).grade == "go"
