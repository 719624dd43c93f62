from __future__ import annotations

import pytest

from changedet.simulation import Scene, simulate

SMALL = {"size_m": (220.0, 150.0)}


@pytest.fixture(scope="session")
def busy() -> Scene:
    """A yard of which a third changed, with a shift, another sun, season and haze."""
    return simulate(
        "railyard",
        5,
        size_m=(300.0, 180.0),
        change_fraction=0.35,
        shift_m=(0.9, -0.4),
        sun_after=(165.0, 39.0),
        season_after=0.3,
        haze_after=0.3,
        gain_after=1.1,
    )


@pytest.fixture(scope="session")
def quiet() -> Scene:
    """The same yard on which nothing changed, with a perfect sensor and an odd shift."""
    return simulate(
        "railyard",
        5,
        size_m=(300.0, 180.0),
        change_fraction=0.0,
        shift_m=(0.83, -0.61),
        noise_before=0.0,
        noise_after=0.0,
        weathering=0.0,
    )
