"""Wishart tests: planted sizes, planted dates, and the identity that splits the omnibus test."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.detectors.omnibus import (
    change_dates,
    omnibus_test,
    successive_tests,
    wishart_test,
)
from changedet.errors import ConfigError

LEVELS = (0.05, 0.01, 0.001)


def gamma(seed, looks, shape):
    return np.random.default_rng(seed).gamma(looks, 1 / looks, shape)


def wishart(seed, p, looks, dates, n):
    """(dates, p, p, n) sample covariance matrices of correlated channels."""
    rng = np.random.default_rng(seed)
    mix = np.eye(p) + 0.4 * np.tri(p, k=-1) * (1 + 0.5j)
    out = []
    for _ in range(dates):
        x = rng.standard_normal((looks, p, n)) + 1j * rng.standard_normal((looks, p, n))
        x = np.einsum("ij,ljn->lin", mix, x)
        out.append(np.einsum("lin,ljn->ijn", x, x.conj()) / looks)
    return np.stack(out)


def assert_sizes(p_values, slack=4.0):
    """Shares below the levels within a few standard errors, or 8 % for the approximation."""
    for level in LEVELS:
        error = np.sqrt(level * (1 - level) / p_values.size)
        assert abs(np.mean(p_values < level) - level) < slack * error + 0.08 * level, level


@pytest.mark.parametrize("looks", [4.4, 20.0])
def test_size_of_dual_polarisation(looks):
    x = gamma(1, looks, (2, 2, 100_000))
    test = wishart_test(x[0], x[1], looks, independent=True)
    assert test.degrees == 2
    assert_sizes(test.p_value)


@pytest.mark.parametrize(("p", "looks", "n"), [(2, 5, 100_000), (3, 9, 60_000), (4, 12, 40_000)])
def test_size_of_full_covariance(p, looks, n):
    before, after = wishart(p, p, looks, 2, n)
    test = wishart_test(before, after, looks)
    assert test.degrees == p * p
    assert_sizes(test.p_value)


def test_size_with_different_looks():
    before, after = wishart(5, 2, 5, 1, 100_000)[0], wishart(6, 2, 11, 1, 100_000)[0]
    assert_sizes(wishart_test(before, after, 5, 11).p_value)


def test_size_of_the_omnibus_test_and_of_its_parts():
    x = wishart(7, 2, 5, 4, 60_000)
    whole, parts = omnibus_test(x, 5), successive_tests(x, 5)
    assert (whole.degrees, [t.degrees for t in parts]) == (12, [4, 4, 4])
    for test in (whole, *parts):
        assert_sizes(test.p_value)
    first, second = (t.p_value for t in parts[:2])
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


def test_size_of_the_omnibus_test_of_intensities():
    x = gamma(8, 4.4, (5, 2, 100_000))
    whole, parts = (f(x, 4.4, independent=True) for f in (omnibus_test, successive_tests))
    assert whole.degrees == 8
    for test in (whole, *parts):
        assert_sizes(test.p_value)


def test_a_wrong_number_of_looks_is_seen_in_the_size():
    """The test of sizes can fail: this is what it would look like."""
    x = gamma(9, 4.4 * 0.7, (2, 2, 100_000))
    p = wishart_test(x[0], x[1], 4.4, independent=True).p_value
    assert np.mean(p < 0.05) > 0.09
    assert np.mean(p < 0.001) > 0.004


def test_the_parts_add_up_to_the_whole():
    x, n, p, k = wishart(10, 2, 6, 4, 200), 6, 2, 4
    rho = [1 - (2 * p**2 - 1) / (6 * p * n) * (1 + 1 / (j * (j - 1))) for j in range(2, k + 1)]
    parts = sum(t.statistic / r for t, r in zip(successive_tests(x, n), rho, strict=True))
    whole_rho = 1 - (2 * p**2 - 1) / (6 * (k - 1) * p) * (k / n - 1 / (n * k))
    np.testing.assert_allclose(parts, omnibus_test(x, n).statistic / whole_rho, rtol=1e-9)


def test_two_dates_are_the_smallest_omnibus_test():
    x = wishart(11, 3, 9, 2, 300)
    for other in (omnibus_test(x, 9), successive_tests(x, 9)[0]):
        two = wishart_test(x[0], x[1], 9)
        np.testing.assert_allclose(two.statistic, other.statistic, rtol=1e-9)
        np.testing.assert_allclose(two.p_value, other.p_value, rtol=1e-6)


def test_one_channel_in_either_layout():
    x = gamma(12, 4.0, (3, 1, 500))
    np.testing.assert_allclose(
        omnibus_test(x, 4.0, independent=True).p_value, omnibus_test(x[:, :, None], 4.0).p_value
    )


def test_closed_determinants_agree_with_the_general_one():
    from changedet.differencing.detectors import omnibus

    for p in (2, 3):
        c = wishart(13, p, 9, 1, 100)[0]
        expected = np.linalg.slogdet(np.moveaxis(c, (0, 1), (-2, -1)))[1]
        np.testing.assert_allclose(omnibus._log_det(c, p), expected, rtol=1e-9)


def test_a_common_mixing_of_channels_does_not_matter():
    x = wishart(14, 3, 9, 2, 100)
    a = np.array([[2, 0.3j, 0], [0, 0.5, 0.1], [1, 0, 1]])
    y = np.einsum("ij,djkn,lk->diln", a, x, a.conj())
    np.testing.assert_allclose(
        wishart_test(*y, 9).statistic, wishart_test(*x, 9).statistic, rtol=1e-6
    )


def test_correlation_between_channels_is_found_where_intensities_show_nothing():
    before, after = wishart(15, 2, 30, 2, 400)
    after[0, 1] *= -1
    after[1, 0] *= -1
    assert np.median(wishart_test(before, after, 30).p_value) < 0.01
    plain = [np.stack([c[0, 0].real, c[1, 1].real]) for c in (before, after)]
    assert np.median(wishart_test(*plain, 30, independent=True).p_value) > 0.1


@pytest.mark.parametrize("layout", ["intensities", "covariance"])
def test_change_dates_finds_the_planted_dates(layout):
    if layout == "intensities":
        x, settings = gamma(16, 30.0, (6, 2, 20, 30)), {"looks": 30.0, "independent": True}
        x[2:, :, :10] *= 4.0
        x[4:, :, :5] /= 5.0
    else:
        x, settings = wishart(16, 2, 30, 6, 600).reshape(6, 2, 2, 20, 30), {"looks": 30}
        x[2:, :, :, :10] *= 4.0
        x[4:, :, :, :5] /= 5.0
    found = change_dates(x, significance=1e-4, **settings)
    assert found.shape == (5, 20, 30)
    share = found.mean(axis=2)
    assert (share[1, :10] > 0.8).all()
    assert (share[3, :5] > 0.8).all()
    assert found[[0, 2, 4]].mean() < 0.005
    assert found[:, 10:].mean() < 0.005


def test_what_cannot_be_tested_is_nan_and_disturbs_nothing_else():
    x = wishart(17, 2, 5, 3, 10)
    plain = omnibus_test(x, 5).p_value
    broken = x.copy()
    broken[1, :, :, 4] = 0
    broken[2, 0, 0, 7] = np.nan
    found = omnibus_test(broken, 5).p_value
    assert np.isnan(found[[4, 7]]).all()
    np.testing.assert_array_equal(np.delete(found, [4, 7]), np.delete(plain, [4, 7]))
    assert not change_dates(broken, 5)[:, [4, 7]].any()
    negative = wishart_test([[1.0, -1.0]], [[2.0, 1.0]], 4.0, independent=True)
    np.testing.assert_array_equal(np.isnan(negative.p_value), [False, True])


def test_equal_dates_have_p_of_one():
    x = wishart(18, 2, 5, 1, 50)[0]
    test = wishart_test(x, x.copy(), 5)
    np.testing.assert_allclose(test.statistic, 0, atol=1e-9)
    np.testing.assert_allclose(test.p_value, 1, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wishart_test(np.ones((2, 2, 3)), np.ones((2, 2, 4)), 5), "differ"),
        (lambda: wishart_test(np.ones((2, 3, 3)), np.ones((2, 3, 3)), 5), "must be"),
        (lambda: wishart_test(np.ones((2, 2, 3)), np.ones((2, 2, 3)), 1.5), "at least 2"),
        (lambda: wishart_test(np.ones((1, 3)), np.ones((1, 3)), -1, independent=True), "looks=-1"),
        (lambda: omnibus_test(np.ones((1, 2, 2, 3)), 5), "two dates or more"),
        (lambda: omnibus_test(np.ones((2, 2, 3)) * 1j, 5, independent=True), "real numbers"),
        (lambda: change_dates(np.ones((3, 1, 4)), 5, 1.5, independent=True), "no share"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
