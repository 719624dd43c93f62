"""Many dates on one reference: known shifts come back, and fit each other."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

import changedet as cd
from changedet.loading.alignment.stack import solve_network

from .test_align import moved, texture

SHIFTS = [(0.0, 0.0), (1.4, -2.3), (-0.6, 0.8), (3.2, 1.1), (-2.2, -1.7)]
GRID = cd.Grid(Affine(2.0, 0, 5e5, 0, -2.0, 4.7e6), 360, 380, CRS.from_epsg(32652))


def stack(cloudy=None):
    import cv2

    ground, rng = texture((360, 380)), np.random.default_rng(3)
    out = []
    for k, (dy, dx) in enumerate(SHIFTS):
        image = moved(ground, -dy, -dx) * (1 + 0.05 * k) + rng.normal(0, 0.1, ground.shape)
        image[:, 40 * k + 20 : 40 * k + 60, 200:260] += 3
        if k == cloudy:
            field = cv2.GaussianBlur(rng.normal(size=(360, 380)), (0, 0), 25)
            image[:, field > np.quantile(field, 0.5)] = image.max()
        out.append(cd.Image(image.astype(np.float32), np.ones(GRID.shape, bool), GRID,
                            ("red", "green", "blue")))  # fmt: skip
    return out


@pytest.mark.parametrize("reference", [0, 2, -1])
def test_five_dates_one_of_them_cloudy(reference):
    found = cd.align_stack(stack(cloudy=3), reference=reference)
    at = SHIFTS[reference]
    for alignment, (dy, dx) in zip(found, SHIFTS, strict=True):
        want = (dy - at[0], dx - at[1])
        assert (alignment.dy_px, alignment.dx_px) == pytest.approx(want, abs=0.05)
        assert np.ravel(alignment.displacement(180, 190)) == pytest.approx(want, abs=0.06)
        assert alignment.dx_m == pytest.approx(2 * want[1], abs=0.11)
        assert dict(alignment.measures).get("closure_px", 0.0) < 0.05
    assert found[reference].dy_px == found[reference].dx_px == 0


def test_a_date_unlike_the_reference_is_placed_through_its_neighbour():
    images = stack()
    half = GRID.width // 2
    # the first shows only the west, the last only the east: nothing of theirs is common
    valid = [np.ones(GRID.shape, bool) for _ in images]
    valid[0][:, half:], valid[4][:, :half] = False, False
    images = [cd.Image(i.pixels, v, GRID, i.roles) for i, v in zip(images, valid, strict=True)]
    last = cd.align_stack(images)[4]
    assert last.grade == "usable"
    assert "neighbouring dates" in last.reasons[0]
    assert (last.dy_px, last.dx_px) == pytest.approx(SHIFTS[4], abs=0.05)


def test_one_wrong_pair_does_not_bend_the_network():
    truth = np.array(SHIFTS)
    pairs = [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4)]
    given = np.array([truth[j] - truth[i] for i, j in pairs])
    given[5] += 9
    solved, sigma = solve_network(pairs, given, np.full(7, 0.03), 5, 0)
    assert solved == pytest.approx(truth, abs=0.02)
    assert (sigma[1:] < 0.05).all()


def test_what_is_not_connected_is_not_invented():
    solved, _ = solve_network([(1, 2)], np.ones((1, 2)), np.ones(1), 3, 0)
    assert np.isnan(solved[1:]).all()


@pytest.mark.parametrize(("count", "reference"), [(1, 0), (5, 5)])
def test_a_stack_needs_two_images_and_its_reference(count, reference):
    with pytest.raises(cd.ConfigError, match="reference"):
        cd.align_stack(stack()[:count], reference=reference)
