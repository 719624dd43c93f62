"""Simulated yards with exact truth: other season, haze, moved sun, things that came and went."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.loading.alignment.estimating import estimate_alignment
from changedet.simulation import simulate

from .test_align import MemoryPair, off_by

HARD = {
    "change_fraction": 0.3,
    "season_before": 0.3,
    "season_after": 0.8,
    "sun_before": (150.0, 46.0),
    "sun_after": (165.0, 39.0),
    "haze_after": 0.5,
    "gain_after": 1.12,
    "shift_m": (1.3, -0.7),
}


def aligned(seed, **options):
    scene = simulate("railyard", seed, **{**HARD, **options})
    pair = MemoryPair(
        scene.before.pixels, scene.after.pixels, scene.before.valid, scene.after.valid
    )
    found = estimate_alignment(pair)
    return found, off_by(found, scene.truth.shift_field, scene.before.grid.shape)


def test_yard_of_which_a_third_changed():
    found, error = aligned(4, size_m=(300.0, 250.0))
    assert found.grade == "good"
    assert error < 0.06
    assert 0.01 < float(found.residual(100, 100)) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({}, 0.05),
        ({"sun_after": (210.0, 35.0), "change_fraction": 0.4, "season_before": 0.1}, 0.05),
        ({"shift_field_px": 3.0}, 0.10),
        ({"rotation_deg": 1.5, "scale_ppm": 10000.0, "shift_m": (10.0, 5.0)}, 0.05),
        ({"cloud_after": 0.4}, 0.08),
    ],
    ids=["season and sun", "noon to evening", "local field", "turned", "cloud"],
)
def test_whole_yards(seed, options, allowed):
    found, error = aligned(seed, **options)
    assert found.grade == "good"
    assert error < allowed


@pytest.mark.slow
def test_two_yards_are_not_the_same_place():
    one, other = simulate("railyard", 1, **HARD), simulate("railyard", 2, **HARD)
    found = estimate_alignment(MemoryPair(one.before.pixels, other.after.pixels))
    assert found.grade == "refused"
    assert np.isfinite(found.dx_px)
