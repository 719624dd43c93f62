"""The speckle filter: wide as the noise asks for, sharp at edges, the same through any window."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing import Sample, sample_windows
from changedet.differencing.detectors import likelihood_ratio, logratio, speckle
from changedet.differencing.ground.filters import smooth
from changedet.model import Window

from .builders import MemoryPair, speckled_pair

SHAPE = (200, 210)
ALL = np.ones(SHAPE, dtype=bool)


def fit(looks, seed=1, domain="sar-amplitude", change=None, **more):
    before, after = speckled_pair(seed, SHAPE, looks=looks, **more)
    if change is not None:
        change(before, after)
    pair = MemoryPair(before, after, domain=domain)
    return pair, logratio.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


def scores(pair, detector, window=None):
    window = window or pair.grid.window
    padded = window.pad(detector.halo)
    return detector.statistic(pair.read(padded))[window.within(padded)]


def test_more_speckle_is_averaged_more_widely():
    widths = [fit(looks)[1].speckle_filter.width for looks in (0.7, 1.0, 2.0, 4.0, 16.0)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == speckle.WIDEST or widths[0] > 2.5
    assert widths[-1] == speckle.LEAST_WIDE


@pytest.mark.parametrize("looks", [1.0, 1.5])
def test_the_width_reaches_the_wanted_deviation(looks):
    _, detector = fit(looks)
    assert detector.speckle_filter.width < speckle.WIDEST
    assert detector.deviation[0] == pytest.approx(speckle.TARGET, rel=0.15)


def test_correlated_speckle_is_averaged_more_widely():
    rng = np.random.default_rng(1)
    ratios = [rng.standard_normal((1, *SHAPE)).astype(np.float32) for _ in range(2)]
    ratios[1][0] = smooth(ratios[1][0], 1.0)
    ratios[1] /= ratios[1].std()
    widths = [
        speckle.choose_width([speckle.probe(speckle.widen(0.2 * r, ALL, 0.81), ALL)[0]])
        for r in ratios
    ]
    assert widths[1] > widths[0] + 0.3


def test_calm_ground_is_as_smooth_as_the_wide_average():
    pair, detector = fit(4.0)
    ratio, _ = logratio.log_ratio(pair.read(pair.grid.window), detector.values, detector.floor)
    ratio -= np.float32(detector.centre[0])
    inside = np.s_[:, 20:-20, 20:-20]
    filtered = detector.speckle_filter(ratio, ALL)[inside]
    wide = speckle.widen(ratio, ALL, detector.speckle_filter.width)[inside]
    assert filtered.std() < 1.1 * wide.std()
    assert filtered.std() < 0.7 * ratio[inside].std()


def filtered_and_wide(looks, change):
    """Log-ratio by the filter and by the wide average alone."""
    pair, detector = fit(looks, change=change)
    ratio, _ = logratio.log_ratio(pair.read(pair.grid.window), detector.values, detector.floor)
    ratio -= np.float32(detector.centre[0])
    wide = speckle.widen(ratio, ALL, detector.speckle_filter.width)
    return detector.speckle_filter(ratio, ALL)[0], wide[0]


def test_an_edge_is_sharper_than_the_wide_average():
    def change(before, after):
        after[:, 60:140, 60:140] *= 4

    steps = [
        image[70:130, 61].mean() - image[70:130, 58].mean()
        for image in filtered_and_wide(4, change)
    ]
    assert steps[0] > 0.7 * np.log(4)
    assert steps[0] > 1.1 * steps[1]


@pytest.mark.parametrize("looks", [1.0, 4.0])
def test_a_small_bright_thing_keeps_its_strength(looks):
    def change(before, after):
        after[:, 20:180:20, 20:180:20] *= 6
        after[:, 21:180:20, 20:180:20] *= 6
        after[:, 20:180:20, 21:180:20] *= 6
        after[:, 21:180:20, 21:180:20] *= 6

    filtered, wide = (
        np.mean([image[i::20, j::20][1:9, 1:9] for i in (0, 1) for j in (0, 1)])
        for image in filtered_and_wide(looks, change)
    )
    assert filtered > 1.5 * wide


@pytest.mark.parametrize("looks", [1.0, 4.0])
def test_the_tail_of_quiet_ground_is_that_of_a_normal(looks):
    """The weight of the details does not let speckle through."""
    from scipy.stats import norm

    found = np.concatenate([scores(*fit(looks, seed))[15:-15, 15:-15].ravel() for seed in range(4)])
    z = 6.75 * np.expm1(found / 6.75)
    for share in (0.9, 0.99, 0.999):
        assert np.quantile(z, share) == pytest.approx(norm.ppf(0.5 + share / 2), rel=0.15)


def test_noise_is_as_wide_at_the_edge_of_the_image_as_inside():
    found = np.stack([scores(*fit(4.0, seed)) for seed in range(6)])
    rim = np.concatenate([found[:, :2].ravel(), found[:, :, -2:].ravel()])
    inner = found[:, 30:-30, 30:-30]
    for share in (0.5, 0.9, 0.99):
        assert np.quantile(rim, share) == pytest.approx(np.quantile(inner, share), rel=0.15)


QUANTILES = (0.5, 0.9, 0.99)


@pytest.mark.parametrize("method", [logratio, likelihood_ratio])
def test_the_null_does_not_depend_on_looks_domain_gain_or_brightness(method):
    from changedet.simulation import simulate

    shapes = {}
    for looks in (1.0, 4.0):
        for domain in ("sar-amplitude", "sar-intensity", "sar-db"):
            scene = simulate(
                "sar", 3, site="fields", looks=looks, domain=domain, change_fraction=0,
                imaging_seed=77, gain_after=1.4, size_m=(2600, 2600),
            )  # fmt: skip
            pair = MemoryPair(scene.before.pixels, scene.after.pixels, domain=domain)
            sample = Sample(pair, sample_windows(pair.grid, 0))
            detector = method.fit(sample, pair.context())
            found = scores(pair, detector)
            amplitude = detector.values.amplitude(scene.before.pixels[0])
            bright = smooth(amplitude, 4.0) > np.median(amplitude)
            for name, part in (("all", found), ("dark", found[~bright]), ("bright", found[bright])):
                shapes[looks, domain, name] = np.quantile(part, QUANTILES)
    typical = np.median(list(shapes.values()), axis=0)
    for case, quantiles in shapes.items():
        np.testing.assert_allclose(quantiles, typical, rtol=0.08, err_msg=str(case))


@pytest.mark.parametrize("method", [logratio, likelihood_ratio])
@pytest.mark.parametrize("bands", [1, 2])
def test_the_same_bits_through_any_window(method, bands):
    before, after = speckled_pair(5, SHAPE, looks=1.0, bands=bands)
    after[:, 50:90, 70:120] *= 3
    valid = np.ones(SHAPE, dtype=bool)
    valid[120:150, 30:80] = False
    pair = MemoryPair(before, after, domain="sar-amplitude", valid=valid, garbage=-7.0)
    detector = method.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())
    whole = scores(pair, detector)
    for window in (Window(0, 0, 64, 64), Window(37, 91, 50, 33), Window(111, 3, 89, 207)):
        np.testing.assert_array_equal(scores(pair, detector, window), whole[window.slices])
