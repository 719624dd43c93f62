"""Thresholds: what parts change from its surroundings, and what keeps to a rate."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from skimage.filters import threshold_otsu

from changedet.differencing import (
    CANDIDATE,
    balanced_threshold,
    choose_threshold,
    fit_null,
    from_pair,
    from_reference,
)

from .test_null_model import NOISES, SIDE, calibrated, noise, plant


def test_rare_change_is_parted_where_otsu_fails():
    blocks, where = plant(noise("normal", 9, 1.2), 0.004, 8.0, side=10)
    level = balanced_threshold(blocks)
    values, mask = np.concatenate([b.ravel() for b in blocks]), np.ravel(where)
    otsu = threshold_otsu(values)
    # Otsu cuts the noise itself in two; the balanced level lies between noise and change.
    assert np.mean(values[~mask] > otsu) > 0.05
    assert np.mean(values[~mask] > level) < 0.005
    assert np.mean(values[mask] > level) > 0.9


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_common_change_is_parted_too(share):
    blocks, where = plant(noise("normal", 10, 1.2), share, 8.0)
    level = balanced_threshold(blocks)
    values, mask = np.concatenate([b.ravel() for b in blocks]), np.ravel(where)
    assert np.mean(values[~mask] > level) < 0.01
    assert np.mean(values[mask] > level) > 0.9


def test_strong_change_is_not_parted_from_stronger():
    """A tight scene: what lies above the usual start, and right around it, changed itself."""
    blocks, where = plant(noise("normal", 14, 1.2), 0.25, 12.0, side=40)
    cores = [ndimage.binary_erosion(mask, iterations=12) for mask in where]
    blocks = [b + np.float32(15.0) * c for b, c in zip(blocks, cores, strict=True)]
    level = balanced_threshold(blocks)
    values, mask = np.concatenate([b.ravel() for b in blocks]), np.ravel(where)
    assert 0.03 < np.mean(cores) < 0.15
    assert np.mean(values[~mask] > level) < 0.01
    assert np.mean(values[mask] > level) > 0.95


def test_invalid_ground_does_not_move_the_level():
    blocks, _ = plant(noise("normal", 11, 1.2), 0.05, 8.0)
    holes = [b.copy() for b in blocks]
    for block in holes:
        block[:, : SIDE // 3] = np.nan
    assert balanced_threshold(holes) == pytest.approx(balanced_threshold(blocks), rel=0.1)
    null, _ = calibrated(holes)
    assert null.unchanged_fraction <= 1


def quiet_objects(n=400, pixels=2_000_000, seed=1):
    peaks = CANDIDATE + np.random.default_rng(seed).exponential(0.5, n)
    return from_reference(peaks, pixels, "reference")


def choose(null, level, rate=None, **more):
    more = {
        "optical": True,
        "gsd_m": 0.5,
        "pixel_area_m2": 0.25,
        "objects": quiet_objects(),
        "noise": null,
        **more,
    }
    return choose_threshold(null, level=level, false_alarms_per_km2=rate, **more)


@pytest.mark.parametrize("kind", NOISES)
def test_fewer_false_alarms_need_higher_levels(kind):
    null, level = calibrated(noise(kind, 12, 1.2))
    rates = (0.01, 0.1, 1.0, 10.0, 100.0)
    chosen = [choose(null, level, rate) for rate in rates]
    for strict, loose in pairwise(chosen):
        assert strict.seed > loose.seed
        assert strict.support >= loose.support
    for rate, threshold in zip(rates, chosen, strict=True):
        assert CANDIDATE <= threshold.support <= threshold.seed
        assert threshold.p_seed == pytest.approx(max(10**-threshold.seed, 1e-9), rel=1e-5)
        assert threshold.nominal_false_per_km2 == rate
        assert threshold.expected_false_per_km2 == pytest.approx(rate, rel=0.05)
        assert not threshold.is_map
        json.dumps(threshold.describe())


def test_the_rate_of_false_objects_on_fresh_ground_is_what_was_asked_for():
    null, level = calibrated(noise("chi", 13, 1.0))
    objects = quiet_objects(n=2000, pixels=10_000_000)
    threshold = choose(null, level, 20.0, objects=objects)
    fresh = CANDIDATE + np.random.default_rng(5).exponential(0.5, 20_000)
    found = np.count_nonzero(fresh >= threshold.seed) / 25.0
    assert 20 / 1.5 < found < 20 * 1.5


def test_more_false_alarms_than_candidates_take_every_candidate():
    null, level = calibrated(noise("chi", 14, 1.0))
    threshold = choose(null, level, 1e9)
    assert threshold.seed == threshold.support == CANDIDATE


@pytest.mark.parametrize(
    ("gsd", "georeferenced", "rate"),
    [(0.5, True, 2.0), (10.0, True, None), (None, False, None)],
)
def test_by_default_things_are_counted_and_areas_mapped(gsd, georeferenced, rate):
    null, level = calibrated(noise("chi", 15, 1.2))
    area = gsd**2 if georeferenced else None
    threshold = choose(null, level, gsd_m=gsd, pixel_area_m2=area)
    assert threshold.nominal_false_per_km2 == rate
    assert threshold.is_map == (rate is None)
    assert (threshold.expected_false_per_km2 is None) == (not georeferenced)


def test_a_reference_makes_a_rate_the_default():
    blocks = noise("chi", 16, 1.2)
    null, level = calibrated(blocks)
    known = fit_null(blocks, level)
    object.__setattr__(known, "source", "reference")
    threshold = choose(known, level, gsd_m=10.0, pixel_area_m2=100.0, noise=null)
    assert threshold.nominal_false_per_km2 == pytest.approx(0.2)


def test_a_map_follows_its_surroundings_beyond_the_noise():
    blocks, where = plant(noise("chi", 17, 1.2), 0.05, 12.0)
    null, level = calibrated(blocks)
    threshold = choose(null, level, gsd_m=30.0, pixel_area_m2=900.0)
    surprise, changed = null.surprise(np.stack(blocks)), np.stack(where)
    assert np.mean(surprise[changed] >= threshold.support) > 0.9
    assert np.mean(surprise[~changed] >= threshold.seed) < 1e-3


def test_a_share_of_false_ones_keeps_every_candidate_for_its_q_value():
    null, level = calibrated(noise("chi", 18, 1.2))
    threshold = choose(null, level, fdr=0.1)
    assert threshold.seed == CANDIDATE
    assert "q <= 0.1" in threshold.rule


def test_the_pairs_own_candidates_serve_where_nothing_else_is_known():
    null, level = calibrated(noise("chi", 19, 1.2))
    peaks = CANDIDATE + np.random.default_rng(2).exponential(0.5, 300)
    strict, loose = (
        choose(null, level, rate, objects=from_pair(peaks, 1_000_000)) for rate in (1.0, 50.0)
    )
    assert strict.seed > loose.seed > CANDIDATE
