"""Kinds of ground, by what both dates show."""

from __future__ import annotations

import json

import numpy as np
import pytest

from changedet.differencing import STRATA, Sample, fit_strata, sample_windows
from changedet.model import Window

from .builders import MemoryPair, smooth_field, speckled_pair, utm_grid

ROLES = ("blue", "green", "red", "nir")
MEADOW, SOIL, LAKE, ROOF, SHADE = (
    (4, 8, 5, 40), (10, 14, 18, 24), (6, 5, 3, 1), (60, 30, 20, 35), (3, 3, 3, 4)
)  # fmt: skip
SHAPE = (300, 300)


def painted(seed):
    rng = np.random.default_rng(seed)
    ground = np.empty((4, *SHAPE))
    ground[:] = np.array(SOIL)[:, None, None]
    ground[:, :150] = np.array(MEADOW)[:, None, None]
    ground[:, 200:240, 20:80] = np.array(LAKE)[:, None, None]
    ground[:, 190:230, 145:185] = np.array(ROOF)[:, None, None]
    ground[:, 200:220, 200:230] = np.array(SHADE)[:, None, None]
    return ground + 0.15 * rng.standard_normal(ground.shape)


def fitted(pair):
    sample = Sample(pair, sample_windows(pair.grid, 0))
    strata = fit_strata(sample, pair.context())
    window = pair.grid.window.pad(strata.halo)
    core = pair.grid.window.within(window)
    return strata, strata.labels(pair.read(window))[core]


def name_at(labels, row, col, reach=5):
    """Most common stratum around a place."""
    around = labels[row - reach : row + reach, col - reach : col + reach]
    return STRATA[np.bincount(around.ravel()).argmax()]


def test_ground_is_told_by_what_it_is():
    _, labels = fitted(MemoryPair(painted(1), painted(2), roles=ROLES))
    assert name_at(labels, 75, 75) == "vegetation"
    assert name_at(labels, 270, 270) == "open"
    assert name_at(labels, 220, 50) == "water"
    assert name_at(labels, 210, 165) == "built"
    assert name_at(labels, 210, 215) == "shadow"
    assert name_at(labels, 150, 100, reach=2) == "edge"


def test_ground_that_is_new_counts_as_what_it_was():
    before, after = painted(1), painted(2)
    after[:, 50:80, 200:230] = np.array(ROOF)[:, None, None]
    _, labels = fitted(MemoryPair(before, after, roles=ROLES))
    inside = labels[55:75, 205:225]
    assert np.isin(inside, [STRATA.index("open"), STRATA.index("vegetation")]).mean() > 0.4
    assert np.mean(inside == STRATA.index("built")) < 0.1


def test_a_stratum_never_depends_on_the_window():
    pair = MemoryPair(painted(1), painted(2), roles=ROLES)
    strata, labels = fitted(pair)
    for window in (Window(0, 0, 64, 64), Window(120, 90, 77, 33), Window(250, 240, 50, 60)):
        padded = window.pad(strata.halo)
        part = strata.labels(pair.read(padded))[window.within(padded)]
        np.testing.assert_array_equal(part, labels[window.slices])


@pytest.mark.parametrize("bands", [1, 3])
def test_bands_without_names_have_strata_too(bands):
    pair = MemoryPair(painted(1)[:bands], painted(2)[:bands])
    strata, labels = fitted(pair)
    assert not np.isin(labels, [STRATA.index("vegetation"), STRATA.index("water")]).any()
    assert 0.01 < np.mean(labels == STRATA.index("edge")) < 0.31
    json.dumps(strata.describe())


@pytest.mark.parametrize("domain", ["sar-amplitude", "sar-intensity", "sar-db"])
def test_radar_has_dark_water_and_bright_walls_in_any_domain(domain):
    amplitude = [p.copy() for p in speckled_pair(1, SHAPE, looks=8.0)]
    for image in amplitude:
        image[:, 200:260, 30:120] *= 0.05
        image[:, 40:60, 40:60] *= 20
    values = amplitude
    if domain == "sar-intensity":
        values = [a**2 for a in amplitude]
    if domain == "sar-db":
        values = [20 * np.log10(np.maximum(a, 1e-3)) for a in amplitude]
    _, labels = fitted(MemoryPair(*values, domain=domain))
    assert np.mean(labels[210:250, 40:110] == STRATA.index("water")) > 0.6
    assert np.isin(labels[45:55, 45:55], [STRATA.index("built"), STRATA.index("edge")]).mean() > 0.8


@pytest.mark.parametrize("case", ["constant_band", "identical_bands", "holes", "scaled"])
def test_odd_images_have_strata(case):
    rng = np.random.default_rng(3)
    ground = np.stack([10 + smooth_field(rng, SHAPE, 4.0) for _ in range(3)])
    more = {"grid": utm_grid(*SHAPE)}
    if case == "constant_band":
        ground[1] = 5.0
    if case == "identical_bands":
        ground[:] = ground[0]
    if case == "holes":
        more |= {"valid": rng.random(SHAPE) > 0.3, "garbage": 1e6}
    if case == "scaled":
        ground *= 1e5
    _, labels = fitted(MemoryPair(ground, ground + 0.1 * rng.standard_normal(ground.shape), **more))
    assert labels.max() < len(STRATA)
