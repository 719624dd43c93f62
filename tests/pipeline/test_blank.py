"""Images that show nothing, and images that are equal but for one thing."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

import changedet as cd

GRID = cd.Grid(Affine(0.5, 0, 600000, 0, -0.5, 4700000), 160, 160, CRS.from_epsg(32652))


def ground():
    return np.random.default_rng(0).normal(100, 20, (4, 160, 160)).astype(np.float32)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_image_of_one_value_is_refused(when):
    blank = np.full((4, 160, 160), 7, dtype=np.float32)
    pair = (blank, ground()) if when == "before" else (ground(), blank)
    with pytest.raises(cd.NotComparableError, match=f"The {when} image .* one value everywhere"):
        cd.detect((pair[0], GRID), (pair[1], GRID), align=False)


def test_one_box_on_otherwise_equal_images_is_found():
    before = ground()
    after = before.copy()
    after[:, 50:70, 60:100] += 80
    report = cd.detect((before, GRID), (after, GRID))
    assert len(report.changes) == 1
    # ground without any noise tells the box from nothing as far as the filters reach
    assert 0.5 * 20 * 40 / 4 < report.changes["area_m2"][0] < 2.5 * 20 * 40 / 4
    assert report.changed.read(report.grid.window)[60, 80] == 1
