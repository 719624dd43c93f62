"""Brightness apart from colour."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.light.illumination import EXPLAINED_LIGHT, LIGHT, illumination
from changedet.differencing.light.shadow import ShadowColour, ShadowModel

ROLES = ("blue", "green", "red", "nir")


def shadows(depth, named):
    """Shadows that are so deep in the bands."""
    count = len(depth)
    colour = ShadowColour(np.array(depth), np.full((count, 2), 0.1), min(count, 3), named)
    return ShadowModel(tuple(range(count)), np.zeros(count), colour, ((-1.0, 0.0), (-1.0, 0.5)))


SHADOW = shadows([0.8, 1.05, 1.15, 1.2], named=True)


def split(light, before, after, noise=1.0):
    before, after = np.float32(before)[:, None], np.float32(after)[:, None]
    variance = [np.full(1, noise**2, np.float32)] * len(before)
    return [float(v[0]) for v in light.split(after - before, (before + after) / 2, variance)]


@pytest.mark.parametrize("factor", [0.3, 0.7, 1.5, 3.0])
def test_a_factor_on_the_light_is_brightness(factor):
    light = illumination(("band1", "band2", "band3"), None)
    before = np.array([80.0, 100.0, 130.0])
    colour, brightness, _ = split(light, before, factor * before)
    assert brightness > 100
    assert colour < 1e-4 * brightness


def test_a_shadow_is_brightness_though_blue_sky_lights_it():
    light = illumination(ROLES, SHADOW)
    before = np.array([80.0, 100.0, 130.0, 300.0])
    shaded = before * np.exp(-0.7 * light.depth)
    colour, brightness, _ = split(light, before, shaded)
    assert brightness > 100
    assert colour < 5


def test_what_light_does_to_bands_without_names_is_what_shadows_do():
    depth = np.array([1.2, 1.1, 0.7, 1.0])
    roles = tuple(f"band{k + 1}" for k in range(6))
    light = illumination(roles, shadows(depth, named=False))
    np.testing.assert_allclose(light.depth[:4] / light.depth[4], depth)
    before = np.array([80.0, 100.0, 130.0, 300.0, 200.0, 150.0])
    told, untold = (
        split(one, before, before * np.exp(-0.7 * light.depth))
        for one in (light, illumination(roles, None))
    )
    assert told[0] < 0.2 * untold[0]


def test_paint_is_colour():
    light = illumination(ROLES, None)
    colour, brightness, _ = split(light, [90, 100, 110, 120], [125, 100, 80, 110])
    assert colour > brightness
    assert colour > 200


def test_the_parts_add_up_without_tolerance():
    from dataclasses import replace

    light = replace(illumination(ROLES, None), tolerance=np.zeros(4))
    before, after = np.array([90.0, 100, 110, 120]), np.array([50.0, 130, 150, 100])
    colour, brightness, _ = split(light, before, after, noise=2.0)
    assert colour + brightness == pytest.approx(((after - before) ** 2).sum() / 4.0, rel=1e-4)


def test_one_band_has_no_colour():
    light = illumination(("pan",), None)
    assert split(light, [100], [200])[0] == 0.0
    assert light.fitted(*[np.zeros(1000, np.float32)] * 3, [np.ones(1000, np.float32)]).colour == (
        1.0,
    )


def test_brightness_saturates_at_the_spread_of_light():
    ones = np.ones(1, np.float32)
    for explained, spread in ((None, LIGHT), (SHADOW, EXPLAINED_LIGHT)):
        light = illumination(("pan",), explained)
        colour, brightness, precision = (ones * v for v in split(light, [100], [300], 0.01))
        relative = 200 / 200
        found = light.deviation(colour, brightness, precision, [ones])
        assert np.sqrt(found[0]) == pytest.approx(relative / spread, rel=1e-3)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_noise_of_colour_comes_back_by_stratum(share):
    rng = np.random.default_rng(0)
    plants = np.repeat([0.0, 1.0], 20_000).astype(np.float32)
    variance = np.where(plants > 0, 2 * share, share) / 1.0
    colour = (variance * rng.chisquare(3, plants.size)).astype(np.float32)
    found = (
        illumination(ROLES, SHADOW)
        .fitted(colour, 0 * colour, 0 * colour, [1 - plants, plants])
        .colour
    )
    np.testing.assert_allclose(found, [share, 2 * share], rtol=0.05)


@pytest.mark.parametrize(
    ("spread", "expected"), [(0.01, EXPLAINED_LIGHT), (0.1, 0.1), (1.0, LIGHT)]
)
def test_the_spread_of_light_comes_back_within_its_limits(spread, expected):
    change = np.random.default_rng(1).normal(0, spread, 20_000).astype(np.float32)
    ones = np.ones_like(change)
    found = illumination(ROLES, None).fitted(0 * ones, 50 * change**2, 50 * ones, [ones])
    assert found.light == pytest.approx(expected, rel=0.05)


def test_black_ground_gives_numbers():
    light = illumination(ROLES, None)
    zero = np.zeros((4, 5), np.float32)
    parts = light.split(zero, zero, [np.ones(5, np.float32)] * 4)
    assert np.isfinite(light.deviation(*parts, [np.ones(5, np.float32)])).all()
