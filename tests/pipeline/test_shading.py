"""How dark shadows are is read off those that moved."""

from __future__ import annotations

import numpy as np
import pytest

import changedet as cd
from changedet.pipeline.shading import with_measured_shade
from changedet.simulation import measure_quality
from changedet.simulation.image_quality import CLEAR_SKY
from changedet.simulation.materials import HAZE

SUN = (150.0, 48.0)


def measured(sun_after):
    scene = cd.simulate(
        "railyard", seed=103, size_m=(260.0, 180.0), change_fraction=0.0, sun_before=SUN,
        sun_after=sun_after, haze_after=0.35, season_after=0.5,
    )  # fmt: skip
    scored = cd.score(scene.before, scene.after, align=False, sun_before=SUN, sun_after=sun_after)
    start = measure_quality([scene.after])
    window = scored.grid.window
    return with_measured_shade(start, scored.detection, scored.pair, [window]), start


@pytest.mark.slow
def test_light_and_haze_of_shadows_are_those_of_the_scene():
    quality, _ = measured((170.0, 39.0))
    assert quality.light_source == "measured"
    assert np.allclose(quality.light, [CLEAR_SKY[r] for r in ("blue", "green", "red", "nir")],
                       atol=0.04)  # fmt: skip
    assert np.allclose(quality.dark, np.array(HAZE[:4]) * 0.35 * 2500, atol=15)


def test_where_no_shadow_moved_typical_values_stay():
    quality, start = measured(SUN)
    assert quality == start
    assert quality.light_source == "clear sky"
