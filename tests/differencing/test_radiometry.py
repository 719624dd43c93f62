"""Known gains and offsets come back, whatever part of the scene changed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.differencing import fit_radiometry
from changedet.differencing.light.radiometry import vegetation_index

ROLES = ("blue", "green", "red", "nir")


def _two_grounds(seed, n=20_000):
    """Half soil, half grass, well apart in the vegetation index; before values (band, n).

    Brightness is common to all bands, as it is outdoors, and a few pixels lie in deep shadow.
    """
    rng = np.random.default_rng(seed)
    soil = np.array([80, 100, 120, 140])[:, None] + rng.normal(0, 1, (4, n // 2)) * 8
    grass = np.array([40, 70, 50, 260])[:, None] + rng.normal(0, 1, (4, n // 2)) * 8
    light = rng.uniform(0.7, 1.3, n)
    light[rng.choice(n, n // 50, replace=False)] = 0.01
    return np.concatenate([soil, grass], axis=1) * light, np.arange(n) >= n // 2


def _change(values, share, rng):
    """Replace a share of the pixels by another surface: bright roofs and dark water."""
    out, n = values.copy(), values.shape[1]
    chosen = rng.choice(n, int(share * n), replace=False)
    out[:, chosen] = rng.choice([30.0, 420.0], len(chosen)) + rng.normal(0, 15, (4, len(chosen)))
    return out


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_gain_and_offset_of_each_stratum_come_back(share):
    before, green = _two_grounds(1)
    gain = np.array([[1.2, 1.15, 1.1, 1.05], [1.0, 1.1, 0.9, 1.5]])
    haze = np.array([12.0, 8.0, 5.0, 2.0])
    rng = np.random.default_rng(2)
    stratum = green.astype(int)
    after = gain[stratum].T * before + haze[:, None]
    after = _change(after, share, rng) + rng.normal(0, 1.5, before.shape)
    noisy = before + rng.normal(0, 1.5, before.shape)
    fitted = fit_radiometry(noisy.astype(np.float32), after.astype(np.float32), ROLES)
    for s in range(2):
        own = before[:, stratum == s]
        for k in range(4):
            # Gain and offset trade places along the fitted range: compare inside it.
            x = np.quantile(own[k], [0.1, 0.5, 0.9])
            found = fitted.gain[s, k] * x + fitted.offset[s, k]
            np.testing.assert_allclose(found, gain[s, k] * x + haze[k], rtol=0.03, atol=1.0)


@given(st.permutations(range(4)))
@settings(max_examples=8)
def test_without_names_vegetation_is_told_as_well_in_any_order_of_bands(order):
    before, green = _two_grounds(1)
    rng = np.random.default_rng(2)
    gain = np.array([[1.2, 1.15, 1.1, 1.05], [1.0, 1.1, 0.9, 1.5]])[green.astype(int)].T
    after = _change(gain * before + 5.0, 0.1, rng) + rng.normal(0, 1.5, before.shape)
    x, y = before.astype(np.float32), after.astype(np.float32)
    named = fit_radiometry(x, y, ROLES)
    lost = fit_radiometry(x[order], y[order], ("band1", "band2", "band3", "band4"))
    errors = [
        np.median(np.abs(fitted.apply(p) - q), axis=1).mean()
        for fitted, p, q in ((named, x, y), (lost, x[order], y[order]))
    ]
    assert len(lost.gain) == 2
    assert errors[1] < 1.1 * errors[0]


def test_where_nothing_needs_two_strata_there_is_one_without_names():
    before, _ = _two_grounds(3)
    rng = np.random.default_rng(4)
    after = 1.1 * before + 3.0 + rng.normal(0, 1.5, before.shape)
    roles = ("band1", "band2", "band3", "band4")
    fitted = fit_radiometry(before.astype(np.float32), after.astype(np.float32), roles)
    assert fitted.describe()["strata"] == ["all"]


def test_one_stratum_without_vegetation_bands():
    rng = np.random.default_rng(3)
    before = rng.uniform(50, 200, (2, 5000))
    after = np.array([[2.0], [0.5]]) * before + np.array([[-30.0], [40.0]])
    after[:, :1500] = rng.uniform(0, 400, (2, 1500))
    fitted = fit_radiometry(before.astype(np.float32), after.astype(np.float32), ("vv", "x"))
    np.testing.assert_allclose(fitted.gain[0], [2.0, 0.5], rtol=5e-3)
    np.testing.assert_allclose(fitted.offset[0], [-30, 40], atol=1.5)
    assert fitted.describe()["strata"] == ["all"]
    assert fitted.describe()["ndvi_split"] is None


def test_a_small_stratum_is_not_fitted_by_itself():
    before, green = _two_grounds(4)
    before = before[:, np.flatnonzero(green)[:100]].astype(np.float32)
    assert len(fit_radiometry(before, before * 1.1, ROLES).gain) == 1


@pytest.mark.parametrize("unit", [1e-4, 100.0])
def test_the_unit_of_both_dates_does_not_matter(unit):
    before, _ = _two_grounds(5)
    rng = np.random.default_rng(6)
    after = _change(1.2 * before + 5, 0.2, rng) + rng.normal(0, 1, before.shape)
    before, after, unit = before.astype(np.float32), after.astype(np.float32), np.float32(unit)
    plain = fit_radiometry(before, after, ROLES)
    other = fit_radiometry(before * unit, after * unit, ROLES)
    np.testing.assert_allclose(
        other.apply(before * unit) / unit, plain.apply(before), rtol=0.02, atol=0.5
    )


@pytest.mark.parametrize("unit", [0.5, 4.0])
def test_the_gain_of_one_date_is_followed(unit):
    before, after = _dates(seed=10)
    plain = fit_radiometry(before, after, ROLES).apply(before)
    other = fit_radiometry(before, after * np.float32(unit), ROLES).apply(before)
    np.testing.assert_allclose(other / unit, plain, rtol=0.05, atol=2)


@pytest.mark.parametrize("unit", [1e-4, 40.0, 1e4])
def test_dates_in_different_units(unit):
    before, after = _dates(seed=10)
    plain = fit_radiometry(before, after, ROLES).apply(before)
    other = fit_radiometry(before, after * np.float32(unit), ROLES).apply(before)
    np.testing.assert_allclose(other / unit, plain, rtol=0.05, atol=2)


def _dates(seed):
    before, _ = _two_grounds(seed)
    after = 1.2 * before + 5 + np.random.default_rng(seed).normal(0, 1, before.shape)
    return before.astype(np.float32), after.astype(np.float32)


def test_identical_images_give_the_identity():
    before = _two_grounds(7)[0].astype(np.float32)
    fitted = fit_radiometry(before, before, ROLES)
    np.testing.assert_allclose(fitted.apply(before), before, rtol=1e-4)


@pytest.mark.parametrize("which", ["before", "after", "both"])
def test_a_constant_band_gives_its_level_and_no_warning(which):
    before = _two_grounds(8)[0]
    after = 1.1 * before
    if which != "after":
        before[1] = 77
    if which != "before":
        after[1] = 99
    fitted = fit_radiometry(before.astype(np.float32), after.astype(np.float32), ROLES)
    predicted = fitted.apply(before.astype(np.float32))
    assert np.isfinite(predicted).all()
    if which == "both":
        np.testing.assert_allclose(predicted[1], 99, rtol=1e-5)


def test_strata_weigh_up_to_one_and_apply_keeps_shape():
    before, green = _two_grounds(9)
    before = before.astype(np.float32)
    fitted = fit_radiometry(before, before * 1.1, ROLES)
    other, vegetated = fitted.strata(before)
    np.testing.assert_allclose(other + vegetated, 1)
    assert vegetated[green].mean() > 0.9
    assert vegetated[~green].mean() < 0.1
    image = before[:, :200].reshape(4, 10, 20)
    assert fitted.apply(image).shape == image.shape
    np.testing.assert_array_equal(fitted.apply(image).reshape(4, -1), fitted.apply(before[:, :200]))
    json.dumps(fitted.describe())


def test_vegetation_index_of_black_is_zero():
    red, nir = np.array([0.0, 10.0, 0.0]), np.array([0.0, 30.0, 5.0])
    np.testing.assert_allclose(vegetation_index(red, nir), [0.0, 0.5, 1.0])
