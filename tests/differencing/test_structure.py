"""Patterns compared whatever their brightness."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.detector import DetectionContext
from changedet.differencing.structure import fit_structure
from changedet.differencing.vector import structure_window

SHAPE = (160, 160)
CORE = (slice(40, 120), slice(40, 120))


def pattern(seed):
    import cv2

    noise = np.random.default_rng(seed).normal(0, 30, SHAPE).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1.5) * np.float32(4) + np.float32(100)


def fitted(before, after):
    valid = np.ones(SHAPE, dtype=bool)
    return fit_structure(4.0, [(before, after, valid, CORE)]), valid


def test_brightness_alone_is_no_difference_of_pattern():
    before = pattern(0)
    structure, valid = fitted(before, before + pattern(9) * np.float32(0.02))
    brighter = structure.dissimilarity(before, before + np.float32(40), valid)[CORE]
    assert np.abs(brighter).max() < 1e-3


def test_another_pattern_is_one_and_a_negative_more():
    before, other = pattern(0), pattern(1)
    structure, valid = fitted(before, other)
    assert np.median(structure.dissimilarity(before, other, valid)[CORE]) == pytest.approx(
        0.8, abs=0.3
    )
    negative = structure.dissimilarity(before, np.float32(200) - before, valid)[CORE]
    assert np.median(negative) > 1.2


def test_flat_ground_is_quiet():
    before = pattern(0)
    before[:, 80:] = 100
    after = before + np.random.default_rng(3).normal(0, 0.3, SHAPE).astype(np.float32)
    structure, valid = fitted(before, after)
    assert structure.dissimilarity(before, after, valid)[60:100, 110:118].max() < 0.05


def test_where_the_pattern_changed_deviations_weigh_more():
    before = pattern(0)
    after = before + np.random.default_rng(3).normal(0, 3, SHAPE).astype(np.float32)
    after[70:90, 70:90] = pattern(5)[70:90, 70:90]
    structure, valid = fitted(before, after)
    square = np.full(SHAPE, 4.0, dtype=np.float32)
    weighed = structure.weigh(square, before, after, valid)
    assert weighed[80, 80] > 5 * np.median(weighed[CORE])


def test_what_stands_in_invalid_pixels_does_not_matter():
    before, after = pattern(0), pattern(0)
    structure, valid = fitted(before, pattern(1))
    valid[75:80, 75:80] = False
    results = []
    for garbage in (0.0, 1e6):
        after[~valid] = garbage
        results.append(structure.dissimilarity(before, after, valid)[valid])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    ("bands", "gsd", "window"),
    [(3, None, 6.0), (1, None, None), (3, 0.5, None), (3, 30.0, None), (4, None, None)],
)
def test_patterns_are_compared_in_pictures_without_georeferencing(bands, gsd, window):
    context = DetectionContext(tuple(f"band{i}" for i in range(bands)), "optical", gsd)
    assert structure_window(context) == window
