"""Kinds, groups and moves through the whole chain."""

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS

import changedet as cd
from changedet.model import Grid, Image, Places

UTM = CRS.from_epsg(32652)
ROLES = ("blue", "green", "red", "nir")
TRACK_ROW = 150


@pytest.fixture(scope="module")
def pair():
    """Even ground; four coupled wagons arrive on a track, a lone box of the same size leaves."""
    rng = np.random.default_rng(5)
    grid = Grid(Affine(0.5, 0, 470_000.0, 0, -0.5, 4_696_500.0), 400, 400, UTM)
    coarse = np.kron(rng.normal(0, 12, (4, 50, 50)), np.ones((8, 8)))
    images = []
    for date in range(2):
        pixels = 400 + coarse + rng.normal(0, 4, (4, 400, 400))
        if date == 1:
            for k in range(4):
                pixels[:, TRACK_ROW - 3 : TRACK_ROW + 3, 60 + 30 * k : 86 + 30 * k] = 900 + 20 * k
        else:
            pixels[:, 300:305, 200:224] = 100
        images.append(Image(pixels.astype(np.float32), np.ones((400, 400), bool), grid, ROLES))
    x, y = grid.xy([TRACK_ROW - 0.5, TRACK_ROW - 0.5], [5, 390])
    line = np.array([shapely.LineString(np.column_stack([x, y])), None], dtype=object)[:-1]
    return images, Places(("7",), line, UTM, (1.0,), "test")


def test_things_on_a_track_are_said_to_be_on_it(pair):
    (before, after), tracks = pair
    report = cd.detect(before, after, tracks=tracks, align=False, engine="serial")
    changes = report.changes.take(~report.changes.explained)
    arrived = changes["change"] == "appeared"
    assert arrived.any()
    assert all(why.endswith("on track 7") for why in changes["kind_reason"][arrived])
    assert np.isfinite(changes["kind_confidence"]).all()
    assert set(report.summary["counts"]["by_kind"]) == set(changes["kind"])


def test_the_objects_step_takes_lines_as_well(pair):
    (before, after), tracks = pair
    score_map = cd.score(before, after, align=False, engine="serial")
    with_lines = cd.objects(score_map, tracks=tracks, engine="serial")
    without = cd.objects(score_map, engine="serial")
    assert any("on track" in (why or "") for why in with_lines["kind_reason"])
    assert not any("on track" in (why or "") for why in without["kind_reason"])
    assert with_lines["area_m2"].tolist() == without["area_m2"].tolist()
