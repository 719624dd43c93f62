"""Stretches, quicklooks and the figure."""

from dataclasses import replace

import numpy as np
import pytest

from changedet.model import Grid, Image
from changedet.reporting import change_figure, quicklooks, stretch_pair
from changedet.reporting.pictures import encode, picture_bands


def image(pixels, roles, valid=None):
    pixels = np.asarray(pixels, dtype=np.float32)
    grid = Grid.pixels(*pixels.shape[1:])
    return Image(pixels, np.ones(grid.shape, bool) if valid is None else valid, grid, roles)


@pytest.mark.parametrize(
    ("roles", "bands"),
    [
        (("blue", "green", "red", "nir"), (2, 1, 0)),
        (("vv", "vh"), (0, 0, 0)),
        (("pan",), (0, 0, 0)),
        (("nir", "pan"), (1, 1, 1)),
        (("band1", "band2", "band3"), (0, 1, 2)),
        (("nir", "swir16"), (0, 0, 0)),
    ],
)
def test_bands(roles, bands):
    assert picture_bands(roles) == bands


def test_one_stretch_for_both_dates():
    ramp = np.linspace(0, 1000, 10_000).reshape(1, 100, 100)
    before, after = stretch_pair(image(ramp, ("pan",)), image(ramp + 200, ("pan",)))
    assert before.shape == (100, 100, 3)
    assert before.dtype == np.uint8
    # the same value has the same grey at both dates
    assert int(before[60, 0, 0]) == pytest.approx(int(after[40, 0, 0]), abs=1)
    assert int(after.mean()) > int(before.mean()) + 30
    assert np.array_equal(before[..., 0], before[..., 2])


def test_each_date_has_its_own_stretch_when_one_would_be_dark():
    ramp = np.linspace(0, 100, 10_000).reshape(1, 100, 100)
    before, after = stretch_pair(image(ramp, ("pan",)), image(ramp * 8 + 500, ("pan",)))
    assert abs(int(after.mean()) - int(before.mean())) < 5


def test_bright_new_objects_do_not_split_the_stretch():
    ground = np.random.default_rng(0).normal(100, 5, (1, 100, 100))
    built = ground.copy()
    built[:, :30, :30] = 900
    before, after = stretch_pair(image(ground, ("pan",)), image(built, ("pan",)))
    assert np.array_equal(before[40:], after[40:])


def test_dark_pictures_are_brightened():
    dark = np.random.default_rng(0).exponential(1, (1, 200, 200))
    before, _ = stretch_pair(image(dark, ("pan",)), image(dark, ("pan",)))
    assert 85 < np.median(before) < 115


@pytest.mark.parametrize("domain", ["optical", "sar-amplitude", "sar-intensity", "sar-db"])
@pytest.mark.parametrize("value", [0.0, 5.0])
def test_flat_and_invalid_images_have_a_picture(domain, value):
    flat = np.full((1, 20, 20), value)
    nothing = image(flat, ("vv",), np.zeros((20, 20), bool))
    before, after = stretch_pair(image(flat, ("vv",)), nothing, domain=domain)
    assert before.min() == before.max()
    assert set(np.unique(after)) == {178, 206}


def test_quicklooks_shrink_large_pairs_only(report):
    full, _ = quicklooks(report.pair)
    assert full.shape == (420, 640, 3)
    small, _ = quicklooks(report.pair, max_size=200)
    assert small.shape == (105, 160, 3)


def test_encoding_keeps_to_its_budget():
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
    data, kind = encode(noise, max_bytes=60_000)
    assert len(data) <= 60_000
    assert kind == "image/webp"
    assert encode(noise, max_bytes=60_000)[0] == data


def test_figure(report, build, tmp_path):
    pytest.importorskip("matplotlib")
    path = change_figure(report, tmp_path / "a.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert change_figure(report, tmp_path / "b.png").read_bytes() == path.read_bytes()
    change_figure(
        replace(build(located=False), quicklooks=quicklooks(report.pair)),
        tmp_path / "c.png",
        window=(50, 60, 100, 200),
    )
    change_figure(build(changes=False), tmp_path / "d.png", title="Nothing moved")
