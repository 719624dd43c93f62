"""Pooling that the edges of either date stop."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.ground.guided import fit_guide

SHAPE = (120, 120)
VALID = np.ones(SHAPE, dtype=bool)
THING = (slice(40, 80), slice(50, 70))


def scene(seed=0):
    """Flat ground with noise before, and a thing on it after."""
    rng = np.random.default_rng(seed)
    before, after = (rng.normal(100, 1, SHAPE).astype(np.float32) for _ in range(2))
    after[THING] += 60
    return before, after


def noisy_statistic(seed=1):
    statistic = np.abs(np.random.default_rng(seed).normal(0, 1, SHAPE)).astype(np.float32)
    statistic[THING] += 3
    return statistic


def test_noise_within_a_thing_is_pooled_and_its_edge_stays():
    before, after = scene()
    raw = noisy_statistic()
    guide = fit_guide(2.0, 0.02, [(before, after)])
    pooled = guide.pool(raw, before, after, VALID)
    inner = (slice(44, 76), slice(54, 66))
    assert pooled[inner].std() < 0.4 * raw[inner].std()
    just_in, just_out = pooled[41:79, 51].mean(), pooled[41:79, 48].mean()
    step = raw[inner].mean() - raw[:30].mean()
    assert just_in - just_out > 0.75 * step


def test_without_an_edge_in_either_image_the_step_is_blurred():
    before, _ = scene()
    guide = fit_guide(2.0, 0.02, [scene()])
    pooled = guide.pool(noisy_statistic(), before, before.copy(), VALID)
    assert pooled[41:79, 51].mean() - pooled[41:79, 48].mean() < 1.5


def test_invalid_pixels_count_nowhere():
    before, after = scene()
    guide = fit_guide(2.0, 0.02, [(before, after)])
    valid = VALID.copy()
    valid[50:60, 55:65] = False
    spoiled = [np.where(valid, v, np.float32(np.nan)) for v in (noisy_statistic(), before, after)]
    garbage = [np.where(valid, v, np.float32(1e6)) for v in (noisy_statistic(), before, after)]
    one, other = guide.pool(*spoiled, valid), guide.pool(*garbage, valid)
    np.testing.assert_array_equal(one[valid], other[valid])
    assert np.isfinite(one).all()


@pytest.mark.parametrize("row", [37, 64])
def test_a_pixel_depends_on_its_neighbourhood_only(row):
    before, after = scene()
    statistic = noisy_statistic()
    guide = fit_guide(1.5, 0.02, [(before, after)])
    whole = guide.pool(statistic, before, after, VALID)
    part = slice(row - guide.halo, row + guide.halo + 1)
    cut = guide.pool(statistic[part], before[part], after[part], VALID[part])
    np.testing.assert_array_equal(cut[guide.halo], whole[row])


def test_units_of_the_images_do_not_matter():
    before, after = scene()
    statistic = noisy_statistic()
    guide = fit_guide(2.0, 0.02, [(before, after)])
    other = fit_guide(2.0, 0.02, [(before * 40 + 7, after * 40 + 7)])
    np.testing.assert_allclose(
        guide.pool(statistic, before, after, VALID),
        other.pool(statistic, before * 40 + 7, after * 40 + 7, VALID),
        atol=0.02,
    )


def test_nothing_to_pool_by():
    flat = np.full(SHAPE, 5.0, dtype=np.float32)
    assert fit_guide(2.0, 0.02, [(flat, flat)]) is None
    assert fit_guide(0.5, 0.02, [scene()]) is None
