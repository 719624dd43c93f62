"""The cloud test on planted clouds, and on what must not be taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, uniform_filter

from changedet.loading.observing import clouds
from changedet.loading.observing.cloud_cells import can_test, prepare
from changedet.loading.observing.cloud_shadows import shadow_shift
from changedet.loading.observing.clouds import CloudTest, find_clouds
from changedet.loading.reading.screens import CLOUD, CLOUD_SHADOW

SHAPE = (200, 240)
ROLES = ("blue", "green", "red", "nir", "swir16")
GROUND = np.array([800.0, 1000.0, 1200.0, 2500.0, 2300.0])
WHITE = np.array([6200.0, 6300.0, 6400.0, 6600.0, 4800.0])
SUN = 150.0
AWAY = (-33, -19)
"""Rows and columns away from a sun at 150 degrees: north-north-west."""


def ground(seed: int = 0) -> np.ndarray:
    """Fields, some bright roofs, texture."""
    rng = np.random.default_rng(seed)
    field = 1 + 0.25 * uniform_filter(rng.standard_normal(SHAPE), 9) * 9 / 2
    pixels = GROUND[:, None, None] * np.clip(field, 0.4, 1.8)
    for _ in range(60):
        r, c = rng.integers(0, SHAPE[0] - 4), rng.integers(0, SHAPE[1] - 4)
        pixels[:, r : r + 3, c : c + 3] = 3000
    return pixels


def seen(pixels: np.ndarray, seed: int, gain: float = 1.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(scale=15, size=pixels.shape)
    return (gain * pixels + noise).astype(np.float32)


def blob(row: int, col: int, radius: float, soft: float) -> np.ndarray:
    """Opacity 0 to 1 of something round."""
    r, c = np.mgrid[: SHAPE[0], : SHAPE[1]]
    hard = (np.hypot(r - row, c - col) <= radius).astype(float)
    return gaussian_filter(hard, soft) if soft else hard


def under(pixels: np.ndarray, cover: np.ndarray, dim: np.ndarray | None = None) -> np.ndarray:
    """Ground under cloud, and in its shadow."""
    light = 1.0 if dim is None else 1 - 0.7 * dim
    return pixels * light * (1 - cover) + WHITE[:, None, None] * cover


def run(before: np.ndarray, after: np.ndarray, which: int = 1, sun: float | None = SUN,
        roles: tuple[str, ...] = ROLES, valid: np.ndarray | None = None) -> CloudTest:  # fmt: skip
    valid = np.ones(SHAPE, dtype=bool) if valid is None else valid
    dates = prepare(before, after, valid, roles, 10.0)
    return find_clouds(dates, which, sun)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_a_soft_cloud_and_its_shadow(seed, which) -> None:
    cover = np.maximum(blob(120, 130, 26, 5), blob(150, 60, 20, 5))
    dim = np.roll(cover, AWAY, (0, 1))
    cloudy = seen(under(ground(seed), cover, dim), 1, 1.2)
    clear = seen(ground(seed), 2)
    pair = (cloudy, clear) if which == 0 else (clear, cloudy)
    test = run(*pair, which)
    assert np.mean(test.codes[cover > 0.5] == CLOUD) > 0.97
    assert np.mean(test.codes[(dim > 0.5) & (cover < 0.1)] == CLOUD_SHADOW) > 0.9
    untouched = (cover < 0.005) & (dim < 0.005)
    assert np.mean(test.codes[untouched] > 0) < 0.005
    assert test.cloud_share == pytest.approx(np.mean(test.codes == CLOUD))
    assert not run(*pair, 1 - which).codes.any()  # nothing at the clear date


@pytest.mark.parametrize("bands", [(0, 1, 2), (1, 2)])
def test_visible_bands_alone_suffice(bands) -> None:
    cover = blob(100, 120, 28, 5)
    roles = tuple(ROLES[b] for b in bands)
    test = run(seen(ground(), 2)[list(bands)], seen(under(ground(), cover), 1)[list(bands)],
               roles=roles)  # fmt: skip
    assert np.mean(test.codes[cover > 0.5] == CLOUD) > 0.97


@pytest.mark.parametrize("size", [3, 8, 20, 40, 70])
@pytest.mark.parametrize("blur", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sun", [SUN, None])
def test_a_new_white_roof_is_no_cloud(size, blur, sun) -> None:
    new = np.zeros(SHAPE)
    new[60 : 60 + size, 80 : 80 + size] = 1
    new = gaussian_filter(new, blur) if blur else new
    assert not run(seen(ground(), 2), seen(under(ground(), new), 1), sun=sun).codes.any()


def test_a_white_district_of_many_roofs_is_no_cloud() -> None:
    rng = np.random.default_rng(5)
    new = np.zeros(SHAPE)
    for _ in range(90):
        r, c = rng.integers(60, 110), rng.integers(60, 130)
        new[r : r + rng.integers(3, 9), c : c + rng.integers(3, 9)] = rng.uniform(0.6, 1)
    assert not run(seen(ground(), 2), seen(under(ground(), new), 1)).codes.any()


def test_bare_soil_after_harvest_is_no_cloud() -> None:
    bare = ground()
    soil = np.array([2200.0, 2900.0, 3900.0, 4600.0, 5200.0])
    bare[:, 40:110, 30:150] = soil[:, None, None]
    soft = ground() + (soil - GROUND)[:, None, None] * blob(120, 120, 40, 8)
    for after in (bare, soft):
        assert not run(seen(ground(), 2), seen(after, 1)).codes.any()


def test_snow_is_told_by_the_short_wave_infrared() -> None:
    cover = blob(100, 120, 40, 8)
    snow = np.array([8000.0, 8000.0, 7800.0, 7000.0, 900.0])
    after = ground() * (1 - cover) + snow[:, None, None] * cover
    assert not run(seen(ground(), 2), seen(after, 1)).codes.any()


def test_a_flood_and_a_dark_roof_are_no_shadows() -> None:
    after = ground()
    after[:, 90:140, 60:160] *= 0.3
    assert not run(seen(ground(), 2), seen(after, 1)).codes.any()


def test_a_sharp_cloud_needs_a_shadow_away_from_a_known_sun() -> None:
    cover = blob(120, 130, 26, 0.7)
    dim = np.roll(cover, AWAY, (0, 1))
    clear, cloudy = seen(ground(), 2), seen(under(ground(), cover, dim), 1)
    proven = run(clear, cloudy, sun=SUN)
    assert np.mean(proven.codes[cover > 0.5] == CLOUD) > 0.9
    assert not run(clear, cloudy, sun=SUN + 180).codes.any()
    assert not run(clear, cloudy, sun=None).codes.any()


def test_the_displacement_of_shadows() -> None:
    cover = blob(120, 130, 26, 0) > 0
    valid = np.ones(SHAPE, dtype=bool)
    dark = np.roll(cover, AWAY, (0, 1))
    for sun in (SUN, None):
        shift = shadow_shift(cover, cover, dark, valid, sun, 0.75, 200.0)
        assert shift == pytest.approx(AWAY, abs=1)
    assert shadow_shift(cover, cover, dark, valid, SUN, 0.75, 10.0) is None
    assert shadow_shift(cover, cover, dark, valid, 330.0, 0.4, 200.0) is None


def test_more_cloud_than_ground_is_said_and_left_in(monkeypatch) -> None:
    cover = blob(100, 120, 80, 10)
    clear, cloudy = seen(ground(), 2), seen(under(ground(), cover), 1)
    assert np.mean(run(clear, cloudy).codes[cover > 0.5] == CLOUD) > 0.97
    monkeypatch.setattr(clouds, "TOO_MUCH", 0.3)
    test = run(clear, cloudy)
    assert not test.codes.any()
    assert test.note.endswith("of the ground is bright and white at this date only: cloud or snow")
    # where next to nothing is clear, nothing can be told
    assert not run(clear, seen(under(ground(), blob(100, 120, 130, 10)), 1)).codes.any()


def test_what_cannot_be_tested() -> None:
    assert can_test(("red", "green", "nir"))
    assert not can_test(("pan",))
    assert not can_test(("red", "nir"))
    assert not can_test(("band1", "band2", "band3"))
    flat = np.full((5, *SHAPE), 100, np.float32)
    assert prepare(flat, flat, np.ones(SHAPE, bool), ROLES, 10.0) is None
    assert prepare(seen(ground(), 1), seen(ground(), 2), np.zeros(SHAPE, bool), ROLES, 10.0) is None
