"""Likelihood ratio of intensities: exact sizes, looks from the pair, calm in every domain."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import f as fisher

from changedet.differencing import METHODS, Sample, sample_windows
from changedet.differencing.detectors import likelihood_ratio
from changedet.differencing.detectors.likelihood_ratio import ratio_test
from changedet.differencing.ground.filters import COMPRESSION
from changedet.errors import ConfigError, NotEnoughValidPixels

from .builders import MemoryPair, speckled_pair

SHAPE = (150, 160)


def statistic(before, after, domain="sar-amplitude", **more):
    pair = MemoryPair(before, after, domain=domain, **more)
    detector = likelihood_ratio.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())
    padded = pair.grid.window.pad(detector.halo)
    return detector.statistic(pair.read(padded))[pair.grid.window.within(padded)], detector


def expanded(compressed):
    return COMPRESSION * np.expm1(compressed / COMPRESSION)


@pytest.mark.parametrize(("before", "after"), [(1.0, 1.0), (4.4, 4.4), (1.0, 4.0), (60.0, 60.0)])
def test_the_ratio_test_has_its_size(before, after):
    rng = np.random.default_rng(1)
    x, y = (rng.gamma(n, 1 / n, 200_000) for n in (before, after))
    p = ratio_test(x, y, before, after)
    for level in (0.05, 0.01, 0.001):
        assert np.mean(p < level) == pytest.approx(level, abs=4 * np.sqrt(level / p.size))


def test_the_ratio_test_is_fishers():
    ratio = np.array([0.05, 0.5, 1.0, 1.7, 9.0])
    expected = 2 * np.minimum(fisher.cdf(ratio, 8, 8), fisher.sf(ratio, 8, 8))
    np.testing.assert_allclose(ratio_test(np.ones(5), ratio, 4.0), expected, rtol=1e-9)
    np.testing.assert_allclose(ratio_test(ratio, np.ones(5), 4.0), expected, rtol=1e-9)


def test_small_p_values_keep_their_digits():
    p = ratio_test([1.0, 1.0], [1e3, 1e-3], 20.0)
    assert (p > 0).all()
    assert (p < 1e-30).all()
    assert p[0] == pytest.approx(p[1], rel=1e-9)


def test_the_ratio_test_says_nothing_without_signal():
    found = ratio_test([0.0, -1.0, 1.0, np.nan], [1.0, 1.0, 1.0, 1.0], 4.0)
    np.testing.assert_array_equal(np.isnan(found), [True, True, False, True])
    with pytest.raises(ConfigError, match="positive"):
        ratio_test([1.0], [1.0], 0.0)


@pytest.mark.parametrize(("looks", "window"), [(1.0, 7), (4.0, 5), (16.0, 3), (60.0, 1)])
def test_looks_and_window_come_from_the_pair(looks, window):
    _, detector = statistic(*speckled_pair(2, SHAPE, looks=looks))
    assert detector.window == window
    assert detector.looks[0] == pytest.approx(looks * window**2, rel=0.1)
    assert detector.describe()["exact"]
    json.dumps(detector.describe())


@pytest.mark.parametrize("looks", [1.0, 4.0])
@pytest.mark.parametrize("bands", [1, 2])
def test_the_statistic_is_what_theory_says_where_nothing_changed(looks, bands):
    from scipy.stats import chi2

    found, _ = statistic(*speckled_pair(3, SHAPE, looks=looks, bands=bands))
    inner = expanded(found[8:-8, 8:-8].astype(np.float64)) ** 2 * bands
    for share in (0.5, 0.9, 0.99):
        assert np.quantile(inner, share) == pytest.approx(chi2.ppf(share, bands), rel=0.15)


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("bands", [1, 2])
def test_planted_change_stands_out_in_both_directions(factor, bands):
    before, after = speckled_pair(4, SHAPE, bands=bands)
    after[:, 60:80, 60:90] *= factor
    found, _ = statistic(before, after)
    assert np.median(found[64:76, 64:86]) > np.quantile(found[:50], 0.9999)


def test_two_polarisations_see_more_than_one():
    before, after = speckled_pair(5, SHAPE, bands=2)
    after[:, 60:80, 60:90] *= 1.3
    strength = []
    for bands in (slice(0, 1), slice(0, 2)):
        found, _ = statistic(before[bands], after[bands])
        quiet = np.quantile(found[:50], 0.99)
        strength.append(np.mean(found[62:78, 62:88] > quiet))
    assert strength[1] > strength[0] + 0.05


@pytest.mark.parametrize("gain", [0.2, 5.0])
def test_gain_between_the_dates_does_not_matter_and_is_reported(gain):
    before, after = speckled_pair(6, SHAPE)
    plain, first = statistic(before, after)
    other, second = statistic(before, after * np.float32(gain))
    np.testing.assert_allclose(other, plain, rtol=2e-3, atol=0.02)
    difference = second.describe()["gain_db"][0] - first.describe()["gain_db"][0]
    assert difference == pytest.approx(20 * np.log10(gain), abs=0.01)


def test_stretched_values_claim_no_looks():
    before, after = (np.clip(np.rint(a), 0, 255) for a in speckled_pair(7, SHAPE))
    described = statistic(before, after)[1].describe()
    assert not described["exact"]
    assert "equivalent_looks" not in described
    assert "apparent_looks" in described


def test_holes_are_not_seen_and_their_rims_are_not_loud():
    before, after = speckled_pair(8, SHAPE)
    valid = np.ones(SHAPE, dtype=bool)
    valid[40:80, 40:80] = False
    found, _ = statistic(before, after, valid=valid, garbage=1e4)
    assert np.isnan(found[~valid]).all()
    assert np.isfinite(found[valid]).all()
    rim = valid & (np.pad(~valid, 2)[4:, 2:-2] | np.pad(~valid, 2)[:-4, 2:-2])
    assert np.quantile(found[rim], 0.95) < 1.2 * np.nanquantile(found, 0.95)


@pytest.mark.parametrize("case", ["black", "identical", "constant", "zeros"])
def test_degenerate_images_give_finite_numbers_and_no_warning(case):
    before, after = speckled_pair(9, SHAPE)
    if case == "black":
        before[:] = after[:] = 0
    if case == "identical":
        after = before
    if case == "constant":
        before[:], after[:] = 5, 9
    if case == "zeros":
        before[:, :70] = after[:, 30:90] = 0
    found, detector = statistic(before, after)
    assert np.isfinite(found).all()
    json.dumps(detector.describe())


def test_too_few_pixels_are_refused():
    before, after = speckled_pair(10, (20, 20))
    with pytest.raises(NotEnoughValidPixels):
        statistic(before, after)


def test_it_is_in_the_registry():
    assert METHODS["sar-likelihood-ratio"].fit is likelihood_ratio.fit
