"""The figure of an alignment: it is made for every grade, and says what was found."""

from __future__ import annotations

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

import changedet as cd

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def pair():
    options = {"size_m": (220, 160), "shift_m": (0.9, -0.4), "shift_field_px": 2.0}
    scene = cd.simulate("railyard", seed=6, **options)
    return scene.before, scene.after


def picture(path):
    import cv2

    return cv2.imread(str(path))


def test_it_is_drawn_the_same_twice(pair, tmp_path):
    for name in ("one.png", "two.png"):
        cd.inspect(*pair, figure=tmp_path / name)
    assert picture(tmp_path / "one.png").std() > 20
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_nothing_measured_is_drawn_too(pair, tmp_path):
    flat = np.full((3, 90, 120), 5.0, np.float32)
    grid = cd.Grid(Affine(2.0, 0, 5e5, 0, -2.0, 4.7e6), 90, 120, CRS.from_epsg(32652))
    found = cd.inspect((flat, grid), (flat + 1, grid), figure=tmp_path / "flat.png")
    assert found.alignment.grade == "poor"
    cd.inspect(*pair, align=False, figure=tmp_path / "off.png")
    for name in ("flat.png", "off.png"):
        assert picture(tmp_path / name).std() > 5


@pytest.mark.slow
def test_an_alignment_is_a_value(pair):
    found = cd.align(*pair)
    assert str(found).startswith(found.model)
    assert found.grade in str(found)
    again = cd.Alignment.from_description(json.loads(json.dumps(found.describe())))
    assert str(again) == str(found)
    one, two = (cd.detect(*pair, alignment=a, progress=False) for a in (found, again))
    assert one.alignment is found
    assert two.alignment.describe() == found.describe()
    assert len(one.changes) == len(two.changes)
    np.testing.assert_array_equal(one.changes["score"], two.changes["score"])
