"""Edges compared whatever their brightness."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing.ground.structure import fit_structure

SHAPE = (160, 160)
CORE = (slice(40, 120), slice(40, 120))


def pattern(seed):
    import cv2

    noise = np.random.default_rng(seed).normal(0, 30, SHAPE).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1.5) * np.float32(4) + np.float32(200)


def stripes(angle):
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    along = rows * np.sin(angle) + cols * np.cos(angle)
    return (150 + 40 * np.sin(along * 2 * np.pi / 9)).astype(np.float32)


def fitted(before, after):
    valid = np.ones(SHAPE, dtype=bool)
    return fit_structure(4.0, 0.0, [(before, after, valid, CORE)]), valid


def test_a_factor_on_the_light_is_no_difference_of_structure():
    before = pattern(0)
    structure, valid = fitted(before, pattern(1))
    darker = structure.dissimilarity(before, before * np.float32(0.5), valid)[CORE]
    assert np.median(darker) < 0.05


def test_contrast_turned_around_is_the_same_structure_and_edges_turned_are_not():
    before = stripes(0.3)
    structure, valid = fitted(before, stripes(1.2))
    negative = structure.dissimilarity(before, np.float32(300) - before, valid)[CORE]
    turned = structure.dissimilarity(before, stripes(0.3 + np.pi / 2), valid)[CORE]
    assert np.median(negative) < 0.15
    assert np.median(turned) > 0.6


def test_edges_moved_by_less_than_the_neighbourhood_are_forgiven():
    before = stripes(0.0)
    structure, valid = fitted(before, stripes(1.2))
    moved = structure.dissimilarity(before, np.roll(before, 3, axis=1), valid)[CORE]
    assert np.median(moved) < 0.1


def test_new_edges_on_flat_ground_are_a_difference_and_flat_ground_is_none():
    rng = np.random.default_rng(3)
    before = pattern(0) * np.float32(0.1) + np.float32(100)
    after = before + rng.normal(0, 0.3, SHAPE).astype(np.float32)
    after[70:90, 70:90] += 60
    structure, valid = fitted(before, after)
    unlike = structure.dissimilarity(before, after, valid)
    assert unlike[70, 80] > 0.9
    assert np.median(unlike[45:60, 45:115]) < 0.3


def test_where_the_structure_changed_deviations_weigh_more():
    before = pattern(0)
    after = before + np.random.default_rng(3).normal(0, 1, SHAPE).astype(np.float32)
    after[70:90, 70:90] = stripes(0.8)[70:90, 70:90]
    structure, valid = fitted(before, after)
    square = np.full(SHAPE, 4.0, dtype=np.float32)
    weighed = structure.weigh(square, before, after, valid)
    assert weighed[80, 80] > 1.5 * np.median(weighed[CORE])
    assert weighed.max() <= 2.001


def test_what_stands_in_invalid_pixels_does_not_matter():
    before, after = pattern(0), pattern(0)
    structure, valid = fitted(before, pattern(1))
    valid[75:80, 75:80] = False
    results = []
    for garbage in (0.0, 1e6):
        after[~valid] = garbage
        results.append(structure.dissimilarity(before, after, valid)[valid])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_blank_ground_gives_numbers(value):
    flat = np.full(SHAPE, value, np.float32)
    structure, valid = fitted(flat, flat)
    assert structure.dissimilarity(flat, flat, valid).max() < 1e-3
