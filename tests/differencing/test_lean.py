"""What stands at both dates and leans otherwise is explained; what came or went is not."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.config import Config
from changedet.differencing import find_objects, fit_detection, lean_offset
from changedet.differencing.objects.lean import lean_reach, relative_lean

from .builders import MemoryPair, Scratch, smooth_field, utm_grid

SHAPE = (220, 220)
VIEWS = ((100.0, 5.0), (100.0, 25.0))

LOOSE = Config(method="change-vector", false_alarms_per_km2=200.0)
"""Small things on small ground: what explains them is asked, not whether they are significant."""


def test_tops_lean_away_from_the_sensor():
    grid = utm_grid(50, 50, size=0.5)
    for azimuth, direction in ((0, (1, 0)), (90, (0, -1)), (180, (-1, 0)), (270, (0, 1))):
        found = lean_offset(grid, azimuth, 45.0)
        np.testing.assert_allclose(found, np.multiply(direction, 2.0), rtol=2e-3, atol=1e-6)
    assert lean_offset(grid, 30, 0.0) == pytest.approx((0.0, 0.0))


def _scene(truck=None, moved=True):
    """Six roofs of one height seen from two sides, on textured ground; a truck comes or goes."""
    grid = utm_grid(*SHAPE)
    rng = np.random.default_rng(2)
    away = tuple(lean_offset(grid, *v) for v in VIEWS)
    ground = 1000 + 60 * smooth_field(rng, SHAPE, 2.0)
    roofs = [(r, c, 24, 36) for r in (30, 100, 170) for c in (40, 140)]
    texture = 60 * smooth_field(rng, SHAPE, 1.5)
    images = []
    for date, a in enumerate(away):
        image = np.stack([ground, 1.1 * ground, 0.9 * ground])
        if truck == ("appeared", "disappeared")[1 - date]:
            image[:, 70:78, 100:120] = np.array([2500, 500, 400])[:, None, None]
        for k, (r, c, h, w) in enumerate(roofs):
            dr, dc = (round(9.0 * v) if moved else 0 for v in a)
            tone = np.array([600.0 + 300 * k, 2200.0 - 200 * k, 1700.0])[:, None, None]
            inner = tone + texture[r : r + h, c : c + w]
            image[:, r + dr : r + dr + h, c + dc : c + dc + w] = inner
        images.append(image + rng.normal(0, 8, image.shape))
    pair = MemoryPair(*images, grid=grid, roles=("blue", "green", "red"))
    return pair, away


def _find(pair, away):
    context = pair.context(lean_away=away)
    detection = fit_detection(pair, context, LOOSE)
    score = Scratch(detection.score(pair, pair.grid.window), pair.grid)
    labels = Scratch(np.zeros(SHAPE, dtype=np.int32), pair.grid)
    found = find_objects(score, labels, pair, detection, observed_pixels=score.array.size)
    return found.table, found.lookup[labels.array], context


def test_lean_of_roofs_is_explained():
    pair, away = _scene()
    table, _, context = _find(pair, away)
    assert lean_reach(context) >= 9 * np.hypot(*relative_lean(context))
    assert len(table) >= 6
    assert (table["explained_by"] == "lean").mean() >= 0.8


def test_without_the_views_nothing_is():
    pair, _ = _scene()
    table, _, _ = _find(pair, None)
    assert not (table["explained_by"] == "lean").any()


@pytest.mark.parametrize("change", ["appeared", "disappeared"])
def test_a_truck_between_the_roofs_is_not(change):
    pair, away = _scene(change)
    table, raster, _ = _find(pair, away)
    rows = np.unique(raster[72:76, 104:116])
    rows = rows[rows > 0] - 1
    assert len(rows) > 0
    assert not table.explained[rows].any()


def test_views_that_are_alike_move_nothing():
    pair, away = _scene(moved=False)
    _, _, context = _find(pair, (away[0], away[0]))
    assert relative_lean(context) is None
    assert lean_reach(context) == 0
