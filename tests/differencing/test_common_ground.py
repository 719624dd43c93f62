"""Whether two images show anything in common."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.config import Config
from changedet.differencing import Sample, fit_detection, sample_windows
from changedet.differencing.ground.common_ground import common_ground
from changedet.errors import CalibrationWarning

from .builders import MemoryPair, landscape, noisy_pair, smooth_field, speckled_pair

SHAPE = (256, 256)


def shared(pair):
    return common_ground(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


def flood(seed=1):
    """Land before; after, water with its own wind streaks everywhere."""
    rng = np.random.default_rng(seed + 500)
    before = landscape(seed, 4, SHAPE)
    streaks = np.stack([20 + 2 * smooth_field(rng, SHAPE, 6.0) for _ in range(4)])
    return MemoryPair(before, streaks + 0.3 * rng.standard_normal(streaks.shape))


def test_a_quiet_pair_has_its_ground_in_common():
    found = shared(noisy_pair(1, 4, SHAPE, noise=2.0))
    assert found.correlation > 0.8
    assert not found.nothing


def test_gain_contrast_and_gamma_do_not_matter():
    ground = landscape(2, 3, SHAPE)
    assert shared(MemoryPair(ground, 500 - 3 * ground)).correlation > 0.95
    assert shared(MemoryPair(ground, np.exp(ground / 40))).correlation > 0.95


def test_a_flood_of_the_whole_scene_has_nothing_in_common():
    assert shared(flood()).nothing


@pytest.mark.parametrize("looks", [1.0, 4.0])
def test_speckle_does_not_hide_the_ground(looks):
    found = shared(MemoryPair(*speckled_pair(3, SHAPE, looks), domain="sar-amplitude"))
    assert not found.nothing


def test_noise_alone_shows_nothing_that_could_be_missed():
    rng = np.random.default_rng(4)
    pair = MemoryPair(*(100 + rng.standard_normal((2, *SHAPE)) for _ in range(2)))
    assert not shared(pair).patterned
    assert not shared(pair).nothing


@pytest.mark.parametrize("method", ["auto", "change-vector", "ir-mad"])
def test_everything_changed_is_said_and_not_called_calm(method):
    pair = flood()
    with pytest.warns(CalibrationWarning, match="next to nothing in common") as caught:
        fit_detection(pair, pair.context(), Config(method=method))
    message = str(caught[0].message)
    assert "flood" in message
    assert "--reference-before" in message
