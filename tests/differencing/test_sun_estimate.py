"""The sun's direction from the edges of moved shadows; and that it is not made up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from changedet.differencing import shadow_offset
from changedet.differencing.light.half_circle import half_circle
from changedet.differencing.light.sun_estimate import (
    BINS,
    LONGEST_RUN_PX,
    STEPS,
    estimate_sun,
)

from .builders import smooth_field, utm_grid

SIDE = 256
DEPTH = np.array([0.84, 1.05, 1.11])
"""Logarithmic depth of a shadow in blue, green and red."""


def _cast(boxes, away, height_m):
    """Where boxes cast their shadows."""
    out = np.zeros_like(boxes)
    steps = 2 * int(np.ceil(height_m * np.hypot(*away))) + 1
    for s in np.linspace(0, height_m, steps):
        out |= np.roll(boxes, (round(s * away[0]), round(s * away[1])), (0, 1))
    return out & ~boxes


def _town(seed, aways, turn=25.0):
    """Logarithms of two dates: boxes all turned alike, and round things, under two suns."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:SIDE, :SIDE].astype(float)
    boxes = np.zeros((SIDE, SIDE), dtype=bool)
    a = np.deg2rad(turn)
    for r in range(24, SIDE, 44):
        for c in range(24, SIDE, 44):
            dr, dc = rows - r - rng.uniform(-5, 5), cols - c - rng.uniform(-5, 5)
            along, across = dr * np.sin(a) + dc * np.cos(a), dr * np.cos(a) - dc * np.sin(a)
            if rng.uniform() < 0.7:
                boxes |= (np.abs(along) < 9) & (np.abs(across) < 5)
            else:
                boxes |= np.hypot(dr, dc) < 6
    ground = 0.15 * smooth_field(rng, (SIDE, SIDE), 6.0) + np.where(boxes, 0.5, 0.0)
    out = []
    for away in aways:
        dark = gaussian_filter(_cast(boxes, away, 5.0).astype(float), 0.6)
        level = ground - DEPTH[:, None, None] * dark
        out.append((level + 0.01 * rng.standard_normal(level.shape)).astype(np.float32))
    return out


def _blocks(before, after):
    """Four blocks with margins, as the sample gives them."""
    m, half = LONGEST_RUN_PX, SIDE // 2
    pad = ((0, 0), (m, m), (m, m))
    before, after = (np.pad(v, pad, mode="edge") for v in (before, after))
    valid = np.pad(np.ones((SIDE, SIDE), dtype=bool), m)

    def give():
        for r in (0, half):
            for c in (0, half):
                part = (slice(r, r + half + 2 * m), slice(c, c + half + 2 * m))
                yield before[(slice(None), *part)], after[(slice(None), *part)], valid[part]

    return give


def _apart(one, other):
    return abs((one - other + 180) % 360 - 180)


@pytest.mark.parametrize(
    "suns",
    [((150, 40), (170, 34)), ((120, 45), (98, 38)), ((200, 35), (165, 45)), ((335, 40), (10, 36))],
)
def test_the_suns_are_found_whichever_way_the_walls_run(suns):
    grid = utm_grid(SIDE, SIDE)
    for turn in (5.0, 70.0):
        aways = tuple(shadow_offset(grid, *s) for s in suns)
        found = estimate_sun(_blocks(*_town(3, aways, turn)), grid)
        assert found.away is not None, found.reason
        for estimate, (azimuth, _) in zip(found.azimuth_deg, suns, strict=True):
            assert _apart(estimate, azimuth) <= 10
        for away, true in zip(found.away, aways, strict=True):
            cosine = np.dot(away, true) / np.hypot(*away) / np.hypot(*true)
            assert cosine > np.cos(np.deg2rad(10))


def test_in_another_order_of_bands_the_steps_tell_the_same_suns():
    grid = utm_grid(SIDE, SIDE)
    before, after = _town(3, tuple(shadow_offset(grid, *s) for s in ((150, 40), (170, 34))))
    plain = estimate_sun(_blocks(before, after), grid)
    turned = estimate_sun(_blocks(before[::-1], after[::-1]), grid, steps=STEPS[::-1])
    assert turned.azimuth_deg == pytest.approx(plain.azimuth_deg, abs=1.0)
    mistaken = estimate_sun(_blocks(before[::-1], after[::-1]), grid, steps=(1.6, 1.0, 0.4))
    assert max(mistaken.edges) < 0.3 * min(plain.edges)


def test_a_known_sun_gives_the_other_its_length():
    grid = utm_grid(SIDE, SIDE)
    aways = tuple(shadow_offset(grid, *s) for s in ((150, 30), (172, 45)))
    found = estimate_sun(_blocks(*_town(5, aways)), grid, (aways[0], None))
    assert found.away[0] == aways[0]
    assert np.hypot(*found.away[1]) == pytest.approx(np.hypot(*aways[1]), rel=0.4)


def test_where_no_shadow_moved_nothing_is_estimated():
    grid = utm_grid(SIDE, SIDE)
    away = shadow_offset(grid, 150, 40)
    found = estimate_sun(_blocks(*_town(3, (away, away))), grid)
    assert found.away is None
    assert "too few edges" in found.reason


@pytest.mark.parametrize("seed", range(4))
def test_textures_without_shadows_do_not_face_one_way(seed):
    """Two different textures that share the colour of shade: edges enough, and no direction."""
    rng = np.random.default_rng(seed)
    pair = []
    for _ in range(2):
        field = smooth_field(rng, (SIDE, SIDE), 3.0)
        pair.append((0.8 * DEPTH[:, None, None] * field).astype(np.float32))
    found = estimate_sun(_blocks(*pair), utm_grid(SIDE, SIDE))
    assert min(found.edges) > 1500
    assert found.away is None
    assert "do not face one way" in found.reason or "hangs on parts" in found.reason


@pytest.mark.parametrize("middle", [0.0, 77.0, 200.0])
def test_a_half_circle_is_found_by_its_ends(middle):
    """Walls in the half circle may be as uneven as they like."""
    rng = np.random.default_rng(1)
    angle = (np.arange(BINS) + 0.5) * 360 / BINS
    inside = _apart_all(angle, middle) < 90
    counts = np.where(inside, rng.integers(100, 3000, BINS), rng.integers(0, 30, BINS))
    found, fit = half_circle(counts)
    assert _apart(np.degrees(found), middle) < 6
    assert fit > 0.7


def _apart_all(angles, middle):
    return np.abs((angles - middle + 180) % 360 - 180)
