"""Log-ratio: the same scene in any domain, at any gain, with zeros."""

from __future__ import annotations

import json

import numpy as np
import pytest

from changedet.differencing import Sample, sample_windows
from changedet.differencing.detectors import logratio
from changedet.differencing.detectors.sar_values import to_amplitude

from .builders import MemoryPair, speckled_pair

SHAPE = (140, 150)
INSIDE = np.s_[64:76, 64:86]


def scene(seed=1, factor=3.0):
    before, after = speckled_pair(seed, SHAPE)
    after[:, 60:80, 60:90] *= factor
    return before, after


def in_domain(amplitude, domain):
    if domain == "sar-intensity":
        return amplitude**2
    return 20 * np.log10(amplitude) if domain == "sar-db" else amplitude


def statistic(before, after, domain="sar-amplitude", **more):
    pair = MemoryPair(before, after, domain=domain, **more)
    detector = logratio.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())
    padded = pair.grid.window.pad(detector.halo)
    return detector.statistic(pair.read(padded))[pair.grid.window.within(padded)], detector


@pytest.mark.parametrize("domain", ["sar-intensity", "sar-db"])
def test_the_same_scene_in_any_domain_gives_the_same_statistic(domain):
    before, after = scene()
    plain, _ = statistic(before, after)
    other, _ = statistic(in_domain(before, domain), in_domain(after, domain), domain)
    np.testing.assert_allclose(other, plain, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("domain", ["sar-amplitude", "sar-intensity", "sar-db"])
def test_values_become_amplitudes(domain):
    amplitude = np.array([0.01, 1, 30], dtype=np.float32)
    np.testing.assert_allclose(
        to_amplitude(in_domain(amplitude, domain), domain), amplitude, rtol=1e-5
    )


def test_negative_values_count_as_zero():
    values = np.array([-3.0, 0.0, 4.0], dtype=np.float32)
    np.testing.assert_array_equal(to_amplitude(values, "sar-amplitude"), [0, 0, 4])
    np.testing.assert_array_equal(to_amplitude(values, "sar-intensity"), [0, 0, 2])


@pytest.mark.parametrize("gain", [0.1, 7.0, 1000.0])
def test_gain_between_the_dates_does_not_matter_and_is_reported(gain):
    before, after = scene()
    plain, detector = statistic(before, after)
    other, scaled = statistic(before, after * np.float32(gain))
    np.testing.assert_allclose(other, plain, rtol=1e-3, atol=2e-3)
    difference = scaled.describe()["gain_db"][0] - detector.describe()["gain_db"][0]
    assert difference == pytest.approx(20 * np.log10(gain), abs=0.01)
    json.dumps(scaled.describe())


@pytest.mark.parametrize("factor", [3.0, 1 / 3])
def test_planted_change_stands_out_in_both_directions(factor):
    found, _ = statistic(*scene(factor=factor))
    quiet = np.concatenate([found[:50].ravel(), found[95:].ravel()])
    assert np.median(found[INSIDE]) > np.quantile(quiet, 0.999)
    assert found[INSIDE].min() > np.median(quiet)


def test_dates_may_be_swapped():
    before, after = scene()
    np.testing.assert_allclose(
        statistic(before, after)[0], statistic(after, before)[0], rtol=1e-3, atol=2e-3
    )


def test_noise_is_equally_wide_on_bright_and_dark_ground():
    before, after = speckled_pair(3, SHAPE)
    dark = np.zeros(SHAPE, dtype=bool)
    dark[:, :75] = True
    step = np.where(dark, np.float32(1.0), np.float32(6.0))
    found, _ = statistic(before * step, after * step)
    spread = [np.median(found[:, s]) for s in (np.s_[10:65], np.s_[85:140])]
    assert spread[0] == pytest.approx(spread[1], rel=0.25)


@pytest.mark.parametrize("domain", ["sar-amplitude", "sar-intensity"])
def test_zeros_are_quiet_where_both_dates_are_black(domain):
    before, after = scene()
    before[:, 100:130, 20:60] = after[:, 100:130, 20:60] = 0
    found, _ = statistic(in_domain(before, domain), in_domain(after, domain), domain)
    assert np.isfinite(found).all()
    assert found[106:124, 26:54].max() < np.median(found[INSIDE])


@pytest.mark.parametrize("case", ["black", "identical", "constant"])
def test_degenerate_images_give_finite_numbers_and_no_warning(case):
    before, after = scene()
    if case == "black":
        before[:] = after[:] = 0
    if case == "identical":
        after = before
    if case == "constant":
        before[:], after[:] = 5, 9
    found, detector = statistic(before, after)
    assert np.isfinite(found).all()
    json.dumps(detector.describe())


def test_optical_values_are_taken_as_amplitudes():
    before, after = scene()
    found, detector = statistic(before, after, "optical")
    np.testing.assert_array_equal(found, statistic(before, after)[0])
    assert detector.values.domain == "sar-amplitude"


def test_any_value_may_stand_in_an_invalid_decibel_pixel():
    before, after = (in_domain(a, "sar-db") for a in scene())
    valid = np.ones(SHAPE, dtype=bool)
    valid[20:40, 20:40] = False
    plain, _ = statistic(before, after, "sar-db", valid=valid)
    other, _ = statistic(before, after, "sar-db", valid=valid, garbage=9999.0)
    np.testing.assert_array_equal(other, plain)
