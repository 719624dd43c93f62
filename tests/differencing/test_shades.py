"""Bodies and their shadows: what is counted of each side, and what is learnt of it."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet.differencing.detectors.vector import colours
from changedet.differencing.objects import shades
from changedet.differencing.objects.shades import SideSums, count_sides, learnt, told
from changedet.model import Image, ImagePair, Window
from changedet.simulation import simulate

from .builders import utm_grid

AWAY = (-2.0, 0.0)
"""The sun stands in the south: a thing one metre tall casts two pixels to the north."""
SIZE = 48
BOX, SHADE = np.s_[24:30, 12:36], np.s_[18:24, 12:36]


def painted():
    """A box in the middle of lit ground and its shadow north of it, in the after image."""
    before = np.full((3, SIZE, SIZE), 0.5, dtype=np.float32)
    after = before.copy()
    after[:, *BOX] = 2.0
    after[:, *SHADE] = 0.1
    labels = np.zeros((SIZE, SIZE), dtype=np.int64)
    labels[BOX], labels[SHADE] = 1, 2
    grid = utm_grid(SIZE, SIZE)
    images = [
        Image(v, np.ones((SIZE, SIZE), dtype=bool), grid, ("blue", "green", "red"))
        for v in (before, after)
    ]
    detector = SimpleNamespace(radiometry=SimpleNamespace(apply=lambda v: v), dark=np.zeros(3))
    shadow = SimpleNamespace(away=(AWAY, AWAY), bands=(0, 1, 2))
    detection = SimpleNamespace(detector=detector, shadow=shadow, contrast=np.ones((2, 3)))
    return ImagePair(*images), labels, detection


def counted(blocks):
    pair, labels, detection = painted()
    dates = colours(pair, detection.detector, detection.contrast[1])
    window, sums = Window(0, 0, SIZE, SIZE), SideSums.zeros(2)
    for core in blocks:
        part = SideSums.zeros(2)
        count_sides(part, labels, pair, dates, window, core, detection)
        sums.merge(part)
    return sums


def test_a_box_is_darker_beyond_and_its_shadow_brighter():
    sums = counted([Window(8, 8, 32, 32)])
    sun, away = 0, 1
    mean = sums.step[1] / sums.rim[1]
    assert (sums.rim[1] > 0).all()
    # of the box shadow lies away from the sun and ground towards it
    assert mean[away, 0] < -1.0
    assert mean[sun, 0] < 0.0
    # of the shadow the box lies towards the sun and ground away from it
    assert mean[sun, 1] > 1.0
    assert mean[away, 1] > 0.5
    # before, nothing was there
    assert np.allclose(sums.step[0], 0.0, atol=1e-6)
    beside = sums.beside[1] / sums.rim[1]
    assert beside[away, 0] == beside[sun, 1] == 1.0
    assert beside[sun, 0] == beside[away, 1] == 0.0


def test_blocks_change_nothing():
    whole = counted([Window(8, 8, 32, 32)])
    parts = counted([Window(r, c, 16, 16) for r in (8, 24) for c in (8, 24)])
    for name in ("bright", "rim", "rise", "step", "beside"):
        np.testing.assert_allclose(getattr(whole, name), getattr(parts, name), atol=1e-9)


def test_what_was_learnt_says_a_chance_and_no_more():
    columns = learnt().trees.column
    assert columns.min() >= 0
    looks = np.random.default_rng(0).normal(size=(50, columns.max() + 1))
    chance, hardly = told(looks)
    assert ((chance > 0) & (chance < 1)).all()
    limit = 1 / (1 + np.exp(-learnt().least))
    assert np.array_equal(hardly, chance < limit)
    assert limit < 0.5
    assert shades.FILE.endswith(".json")


def covered(table, scene):
    """Share of each row that things of the truth cover."""
    things = np.array([*(o.geometry for o in scene.truth.changed), None], dtype=object)[:-1]
    row, thing = shapely.STRtree(things).query(table.geometry, predicate="intersects")
    common = shapely.area(shapely.intersection(table.geometry[row], things[thing]))
    return np.bincount(row, common, minlength=len(table)) / shapely.area(table.geometry)


@pytest.mark.slow
def test_shadows_of_what_changed_are_explained_and_bodies_are_not():
    held, empty, lost, kept = 0, 0, 0, 0
    for seed in (31, 32):
        scene = simulate("railyard", seed, gsd_before=0.5, change_fraction=0.3)
        suns = {"sun_before": scene.options.sun_before, "sun_after": scene.options.sun_after}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = cd.detect(scene.before, scene.after, **suns).changes
        share, shadow = covered(table, scene), table["explained_by"] == "shadow"
        counts = ~table.explained | shadow
        held += int((counts & (share >= 0.5)).sum())
        lost += int((shadow & (share >= 0.5)).sum())
        empty += int((counts & (share < 0.15)).sum())
        kept += int((~table.explained & (share < 0.15)).sum())
    assert held > 60
    assert empty > 10
    assert lost <= 0.03 * held
    # shadows of faint bodies are no longer among the rows, so fewer of those left are told
    assert kept <= 0.7 * empty, (held, lost, empty, kept)
