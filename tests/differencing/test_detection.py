"""The whole estimate: detector, null and threshold from one pair, and what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from changedet.config import Config
from changedet.differencing import fit_detection
from changedet.errors import NotEnoughValidPixels, UnknownMethodError

from .builders import MemoryPair, landscape, noisy_pair, smooth_field, speckled_pair, utm_grid

SHAPE = (240, 240)
METHODS = {"ir-mad": 4, "change-vector": 3, "log-ratio": 1}


def quiet(method, seed=1, shape=SHAPE, **more):
    """A pair in which nothing changed."""
    if method == "log-ratio":
        return MemoryPair(*speckled_pair(seed, shape), domain="sar-amplitude", **more)
    return noisy_pair(seed, METHODS[method], shape, noise=2.0, **more)


def changed(method, share, strength, seed=1, **more):
    """The same with rectangles that changed; and where."""
    pair, rng = quiet(method, seed), np.random.default_rng(seed)
    mask = np.zeros(SHAPE, dtype=bool)
    while mask.mean() < share:
        row, col = rng.integers(0, SHAPE[0] - 24, 2)
        mask[row : row + 14, col : col + 24] = True
    before, after = (p.copy() for p in pair.pixels)
    if method == "log-ratio":
        after[:, mask] *= 1 + strength / 5
    else:
        after[:, mask] += (2.0 * strength * (-1.0) ** np.arange(len(after)))[:, None]
    return MemoryPair(before, after, domain=pair.domain, **more), mask


def fit(pair, method="auto", **settings):
    return fit_detection(pair, pair.context(), Config(method=method, **settings))


@pytest.mark.parametrize(
    "method",
    ["ir-mad", "change-vector", "log-ratio"],
)
def test_a_quiet_pair_is_calibrated_and_stays_quiet(method):
    pair = quiet(method)
    detection = fit(pair, method)
    score = detection.score(pair, pair.grid.window)
    assert detection.null.unchanged_fraction > 0.5
    assert 0.05 < np.mean(score >= 1) < 0.2
    # far out a pair that holds nothing but noise is quieter than what may happen on real ground
    assert np.mean(score >= 2) < 0.02
    assert np.mean(score >= detection.threshold.seed) < 3e-3


@pytest.mark.parametrize(("share", "strength"), [(0.01, 10), (0.1, 5), (0.2, 10)])
@pytest.mark.parametrize("method", METHODS)
def test_change_is_found_and_the_rest_stays_quiet(method, share, strength):
    pair, mask = changed(method, share, strength)
    detection = fit(pair, method)
    score = detection.score(pair, pair.grid.window)
    assert np.mean(score[mask] >= detection.threshold.support) > 0.8
    away = ~binary_dilation(mask, iterations=6)
    assert np.mean(score[away] >= 1) < 0.25
    assert np.mean(score[away] >= detection.threshold.seed) < 3e-3


@pytest.mark.parametrize("method", METHODS)
def test_the_description_is_plain_json_and_always_the_same(method):
    pair, _ = changed(method, 0.03, 10)
    described = json.loads(json.dumps(fit(pair, method).describe()))
    assert json.loads(json.dumps(fit(pair, method).describe())) == described
    assert described["method"] == method
    assert described["reason"] == "asked for"
    assert described["bands"] == list(pair.roles)
    assert described["threshold"]["seed"] >= described["threshold"]["support"] > 0


def test_auto_says_why():
    pair, _ = changed("log-ratio", 0.03, 10)
    detection = fit(pair)
    assert detection.detector.name == "log-ratio"
    assert detection.reason.startswith("the images are radar (sar-amplitude)")


def test_an_unknown_method_is_refused_before_any_pixel_is_read():
    class Closed(MemoryPair):
        def read(self, window):
            raise AssertionError("a pixel was read")

    ground = landscape(1, 2, (64, 64))
    with pytest.raises(UnknownMethodError, match="method='magic' is not known"):
        fit(Closed(ground, ground), "magic")


@pytest.mark.parametrize("method", METHODS)
def test_a_pair_without_valid_pixels_is_refused(method):
    pair = quiet(method, shape=(64, 64), valid=np.zeros((64, 64), dtype=bool))
    with pytest.raises(NotEnoughValidPixels, match="Only 0 pixels"):
        fit(pair, method)


@pytest.mark.parametrize("method", METHODS)
def test_more_false_alarms_lower_the_seed(method):
    pair, _ = changed(method, 0.03, 10, grid=utm_grid(*SHAPE, 10.0))
    strict, loose = (fit(pair, method, false_alarms_per_km2=r).threshold for r in (0.01, 1.0))
    assert strict.seed > loose.seed


def test_the_score_of_an_unobservable_pixel_is_nan():
    valid = smooth_field(np.random.default_rng(1), SHAPE, 5.0) > -1
    pair, _ = changed("change-vector", 0.03, 10, valid=valid)
    score = fit(pair, "change-vector").score(pair, pair.grid.window)
    np.testing.assert_array_equal(np.isnan(score), ~valid)


@pytest.mark.parametrize("noise", [4.0, 8.0])
def test_grain_is_noise_from_pixel_to_pixel_and_not_what_differs_between_the_dates(noise):
    pair = noisy_pair(3, 3, SHAPE, noise=noise)
    before, after = pair.pixels
    expected = max(np.median(noise / p.std(axis=(1, 2))) for p in pair.pixels)
    patches = 1 + 0.5 * (np.indices(SHAPE).sum(axis=0) // 40 % 2)
    for later in (after, after * patches):
        seen = fit(MemoryPair(before, later), "change-vector").sample
        assert seen.grain == pytest.approx(expected, rel=0.5)


@pytest.mark.parametrize("method", METHODS)
def test_identical_images_are_no_change(method):
    pair = quiet(method)
    same = MemoryPair(pair.pixels[0], pair.pixels[0], domain=pair.domain)
    detection = fit(same, method)
    score = detection.score(same, same.grid.window)
    assert np.isfinite(score).all()
    assert not (score >= detection.threshold.seed).any()


def test_thinly_spread_valid_pixels_give_no_warning():
    """Enough in all, but few in each block."""
    shape = (512, 1024)
    valid = np.zeros(shape, dtype=bool)
    valid[::52, ::9] = True
    pair = quiet("change-vector", shape=shape, valid=valid)
    detection = fit(pair, "change-vector")
    assert np.isfinite(detection.contrast).all()
