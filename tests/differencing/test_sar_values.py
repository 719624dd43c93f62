"""Domains of radar values: told apart, refused where they contradict the pixels, reported."""

from __future__ import annotations

import json

import numpy as np
import pytest

from changedet.differencing import Sample, sample_windows
from changedet.differencing.detectors import likelihood_ratio, logratio
from changedet.differencing.detectors.sar_values import inspect_values, to_amplitude
from changedet.errors import ConfigError, MetadataWarning

from .builders import MemoryPair, speckled_pair

SHAPE = (80, 90)


def inspect(before, after, domain, **more):
    pair = MemoryPair(before, after, domain=domain, **more)
    return inspect_values(Sample(pair, sample_windows(pair.grid, 0)), domain)


def decibels(amplitude):
    return 20 * np.log10(amplitude)


@pytest.mark.parametrize("domain", ["sar-amplitude", "sar-intensity"])
@pytest.mark.parametrize("detector", [logratio, likelihood_ratio])
def test_decibels_mistaken_for_something_linear_are_refused(domain, detector):
    before, after = (decibels(a / 200) for a in speckled_pair(1, SHAPE))
    pair = MemoryPair(before, after, domain=domain)
    with pytest.raises(ConfigError, match=r"look like decibels. Say --domain sar-db"):
        detector.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


def test_one_date_in_decibels_is_enough_to_refuse():
    before, after = speckled_pair(1, SHAPE)
    with pytest.raises(ConfigError, match="after is said to hold intensities"):
        inspect(before**2, decibels(after / 200), "sar-intensity")


def test_linear_values_mistaken_for_decibels_are_refused():
    before, after = speckled_pair(1, SHAPE)
    with pytest.raises(ConfigError, match=r"decibels lie between -100 and 100"):
        inspect(before**2, after**2, "sar-db")


def test_small_linear_values_said_to_be_decibels_are_doubted():
    before, after = (np.minimum((a / 100) ** 2, 2.5) for a in speckled_pair(1, SHAPE))
    with pytest.warns(MetadataWarning, match="as linear intensities do"):
        assert inspect(before, after, "sar-db").domain == "sar-db"


def test_real_decibels_pass_in_silence():
    before, after = (decibels(a / 200) for a in speckled_pair(1, SHAPE))
    assert inspect(before, after, "sar-db").negative == (0.0, 0.0)


def test_negative_intensities_are_counted_as_zero_and_said():
    before, after = (a**2 for a in speckled_pair(1, SHAPE))
    rng = np.random.default_rng(1)
    dark = np.zeros((1, *SHAPE), dtype=bool)
    dark[:, :, :30] = True
    noisy = [np.where(dark, rng.normal(0, 40, a.shape), a) for a in (before, after)]
    values = inspect(*noisy, "sar-intensity")
    for share, image in zip(values.negative, noisy, strict=True):
        assert share == pytest.approx(np.mean(image < 0))
    described = json.loads(json.dumps(values.describe()))
    assert described["negative_values_counted_as_zero"] == list(values.negative)
    np.testing.assert_array_equal(values.amplitude(np.float32([-4, 0, 9])), [0, 0, 3])
    np.testing.assert_array_equal(values.linear(np.float32([-4, 0, 9])), [0, 0, 9])


@pytest.mark.parametrize("method", [logratio, likelihood_ratio])
def test_noise_below_zero_does_not_become_change(method):
    """Calm where noise subtraction left nothing but noise around 0."""
    before, after = (a**2 for a in speckled_pair(1, (140, 150)))
    rng = np.random.default_rng(1)
    for image in (before, after):
        image[:, :, :50] = rng.normal(20, 40, (1, 140, 50))
    pair = MemoryPair(before, after, domain="sar-intensity")
    detector = method.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())
    window = pair.grid.window.pad(detector.halo)
    found = detector.statistic(pair.read(window))[pair.grid.window.within(window)]
    quiet, noisy = found[20:120, 70:140], found[20:120, 8:42]
    assert np.quantile(noisy, 0.99) < 1.6 * np.quantile(quiet, 0.99)


def test_overshoots_of_resampling_are_no_subtracted_noise():
    before, after = (a**2 for a in speckled_pair(1, SHAPE))
    after[:, 10:12, 10:14] = -500
    values = inspect(before, after, "sar-intensity")
    assert values.negative[1] > 0
    assert values.subtracted_noise(after) == 0
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 7, (1, *SHAPE))
    assert values.subtracted_noise(noise) == pytest.approx(7, rel=0.05)


@pytest.mark.parametrize(
    ("dtype", "whole", "domain", "stretched"),
    [
        ("uint8", True, "sar-amplitude", True),
        ("float32", True, "sar-amplitude", True),
        ("float32", False, "sar-amplitude", False),
        ("uint16", True, "sar-intensity", False),
    ],
)
def test_eight_bits_are_told_by_type_or_values(monkeypatch, dtype, whole, domain, stretched):
    before, after = (np.minimum(a, 255) for a in speckled_pair(1, SHAPE))
    if whole:
        before, after = np.rint(before), np.rint(after)
    pair = MemoryPair(before, after, domain=domain)
    infos = tuple(type(i)(i.name, i.grid, i.roles, dtype, domain) for i in pair.infos)
    monkeypatch.setattr(MemoryPair, "infos", infos)
    values = inspect_values(Sample(pair, sample_windows(pair.grid, 0)), domain)
    assert values.stretched is stretched
    assert ("stretched" in values.describe()["values"]) is stretched


def test_whole_numbers_beyond_eight_bits_are_no_stretch():
    before, after = (np.rint(a * 30) for a in speckled_pair(1, SHAPE))
    assert not inspect(before, after, "sar-amplitude").stretched


def test_stretched_values_are_not_squared():
    values = inspect(*(np.rint(np.minimum(a, 255)) for a in speckled_pair(1, SHAPE)), "optical")
    assert values.stretched
    np.testing.assert_array_equal(values.linear(np.float32([-1, 7])), [0, 7])


@pytest.mark.parametrize("domain", ["sar-amplitude", "sar-intensity", "sar-db"])
def test_linear_is_the_square_of_the_amplitude(domain):
    a, b = speckled_pair(1, SHAPE)
    pair = {"sar-amplitude": (a, b), "sar-intensity": (a**2, b**2)}.get(
        domain, (decibels(a), decibels(b))
    )
    values = inspect(*pair, domain)
    np.testing.assert_allclose(values.linear(pair[0]), a**2, rtol=1e-4)
    np.testing.assert_allclose(to_amplitude(pair[0], domain), a, rtol=1e-5)
