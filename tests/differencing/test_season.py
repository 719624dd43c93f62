"""A field that did what its like did is explained; one that was cleared alone is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from changedet.differencing.objects.season import fit_season
from changedet.differencing.sampling import Sample, sample_windows

from .builders import MemoryPair, utm_grid

SHAPE = (200, 200)
ROLES = ("green", "red", "nir")
GREEN = np.array([80.0, 50.0, 420.0])
DRY = np.array([130.0, 170.0, 260.0])
MEADOW = np.array([85.0, 60.0, 400.0])
SOIL = np.array([125.0, 165.0, 230.0])
PAVED = np.array([200.0, 210.0, 230.0])
SHARE = np.array([400 / 40_000])
BLUE = {id(GREEN): 40.0, id(DRY): 90.0, id(MEADOW): 45.0, id(SOIL): 85.0, id(PAVED): 190.0}
VISIBLE = ("blue", "green", "red")


def seen(ground, roles):
    """What ground looks like in the bands asked for."""
    return ground if roles != VISIBLE else np.array([BLUE[id(ground)], ground[0], ground[1]])


def _season(crops=0.4, roles=ROLES):
    """Crops that ripen, meadows that stay, and some bare soil, in stripes."""
    rng = np.random.default_rng(0)
    kind = np.repeat(rng.choice(3, SHAPE[1] // 10, p=[crops, 0.8 - crops, 0.2]), 10)
    green, dry, meadow, soil = (seen(g, roles) for g in (GREEN, DRY, MEADOW, SOIL))
    before = np.stack([green, meadow, soil])[kind].T[:, None, :].repeat(SHAPE[0], axis=1)
    after = np.stack([dry, 0.95 * meadow, soil])[kind].T[:, None, :].repeat(SHAPE[0], axis=1)
    noise = [1 + 0.03 * rng.standard_normal(before.shape) for _ in range(2)]
    pair = MemoryPair(before * noise[0], after * noise[1], grid=utm_grid(*SHAPE), roles=roles)
    return fit_season(Sample(pair, sample_windows(pair.grid, 0)), roles)


def _explains(season, before, after):
    return bool(season.explains(before[None], after[None], SHARE)[0])


def test_a_crop_that_ripened_with_the_others_is_explained():
    season = _season()
    assert season.trend < 0
    assert _explains(season, GREEN, DRY)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(MEADOW * 1.02, SOIL * 0.6, id="cleared"),
        pytest.param(GREEN, PAVED, id="paved"),
        pytest.param(GREEN, np.array([90.0, 60.0, 30.0]), id="flooded"),
        pytest.param(SOIL, PAVED, id="never green"),
        pytest.param(DRY, GREEN, id="against the season"),
        pytest.param(GREEN, GREEN, id="unchanged"),
    ],
)
def test_what_its_like_did_not_do_is_not_explained(before, after):
    assert not _explains(_season(), before, after)


def test_a_clearing_is_not_its_own_evidence():
    """The only crop that ripened is the object itself."""
    season = _season(crops=0.15)
    ripened = np.mean(np.exp(season.before[1] - season.after[1]) < 0.6)
    assert 0.02 < ripened < 0.3
    assert season.explains(GREEN[None], DRY[None], np.zeros(1))[0]
    assert not season.explains(GREEN[None], DRY[None], np.array([ripened]))[0]


def test_without_near_infrared_green_is_told_by_the_visible_bands():
    season = _season(roles=VISIBLE)
    green, dry, meadow, soil, paved = (seen(g, VISIBLE) for g in (GREEN, DRY, MEADOW, SOIL, PAVED))
    assert season.greenness.kind == "visible"
    assert season.trend < 0
    assert _explains(season, green, dry)
    for before, after in ((meadow * 1.02, soil * 0.6), (green, paved), (soil, paved), (dry, green)):
        assert not _explains(season, before, after)


@pytest.mark.parametrize("roles", [("green", "red", "swir1"), ("vv", "vh", "hh")])
def test_without_the_bands_that_tell_green_there_is_no_season(roles):
    assert _season(roles=roles) is None


def test_what_half_of_its_like_did_not_do_is_not_explained():
    """A kind of ground of which a third was built over is no season."""
    season = _season()
    mixed = season.after.copy()
    crop = np.abs(season.before - np.log(GREEN)[:, None].astype(np.float32)).max(axis=0) < 0.2
    stays = crop & (np.arange(crop.size) % 3 != 0)
    mixed[:, stays] = season.before[:, stays]
    assert _explains(season, GREEN, DRY)
    assert not _explains(replace(season, after=mixed), GREEN, DRY)
