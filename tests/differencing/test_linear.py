"""What IR-MAD, slow features, chronochrome and covariance equalisation have in common."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from changedet.differencing import METHODS, Sample, sample_windows
from changedet.errors import ChangedetWarning, NotEnoughValidPixels
from changedet.simulation import simulate

from .builders import MemoryPair, noisy_pair, smooth_field

NAMES = ("ir-mad", "slow-features", "chronochrome", "covariance-equalisation")
SHAPE = (128, 144)
BLOCK = (slice(40, 60), slice(50, 80))
INNER = (slice(42, 58), slice(52, 78))

each_method = pytest.mark.parametrize("name", NAMES)


def fit(name: str, pair: MemoryPair):
    return METHODS[name].fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


def whole(name: str, pair: MemoryPair, what: str = "statistic") -> np.ndarray:
    detector = fit(name, pair)
    padded = pair.grid.window.pad(detector.halo)
    return getattr(detector, what)(pair.read(padded))[pair.grid.window.within(padded)]


def planted(seed: int = 1, bands: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Before, after and where a block changed by seven deviations of the noise."""
    pair = noisy_pair(seed, bands, SHAPE, noise=2.0)
    before, after = (p.copy() for p in pair.pixels)
    changed = np.zeros(SHAPE, dtype=bool)
    changed[BLOCK] = True
    for k in range(bands):
        after[k, changed] += 20 * (-1) ** k
    return before, after, changed


def stands_out(statistic: np.ndarray, quantile: float = 0.999) -> bool:
    """Whether the block is above the ground, beyond where either or a broken pixel blurs."""
    quiet = np.ones(SHAPE, dtype=bool)
    quiet[36:64, 46:84] = quiet[:9, :9] = False
    return bool(statistic[INNER].min() > np.quantile(statistic[quiet], quantile))


def area_under_curve(statistic: np.ndarray, changed: np.ndarray) -> float:
    """Chance that a changed pixel has a larger statistic than an unchanged one."""
    high, low = np.sort(statistic[changed]), np.sort(statistic[~changed])
    return float(np.searchsorted(low, high).mean() / low.size)


def patches(seed: int, share: float) -> np.ndarray:
    """(y, x) bool: coherent patches that cover a share of the scene."""
    field = smooth_field(np.random.default_rng(seed), SHAPE, 12.0)
    return field > np.quantile(field, 1 - share)


@each_method
@pytest.mark.parametrize("bands", [1, 3, 13])
def test_planted_change_stands_out_whatever_the_number_of_bands(name, bands):
    before, after, _ = planted(bands=bands)
    assert stands_out(whole(name, MemoryPair(before, 1.3 * after + 20)), 0.995)


@each_method
def test_units_gain_and_offset_do_not_matter(name):
    before, after, _ = planted()
    plain = whole(name, MemoryPair(before, after))
    gain = np.array([1e-4, 1.0, 300.0, 10.0])[:, None, None]
    offset = np.array([0, -20, 7e3, 1e2])[:, None, None]
    other = whole(name, MemoryPair(before, after * gain + offset))
    np.testing.assert_allclose(other, plain, atol=0.02)


@each_method
def test_a_pixel_does_not_depend_on_its_window(name):
    before, after, _ = planted()
    pair = MemoryPair(before, after)
    detector = fit(name, pair)
    complete = whole(name, pair)
    for window in pair.grid.tiles(50):
        padded = window.pad(detector.halo)
        tile = detector.statistic(pair.read(padded))[window.within(padded)]
        np.testing.assert_array_equal(tile, complete[window.slices])


def two_colours(rng: np.random.Generator) -> np.ndarray:
    """Ground of six bands that are mixtures of two, nearly."""
    mix = rng.normal(size=(6, 2))
    fields = np.stack([smooth_field(rng, SHAPE, 4.0) for _ in range(2)])
    own = np.stack([smooth_field(rng, SHAPE, 3.0) for _ in range(6)])
    return 100 + 15 * np.einsum("ij,jyx->iyx", mix, fields) + 2 * own


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in ("flood", "other ground") for name in NAMES]
    + [("other bands", "slow-features"), ("other bands", "covariance-equalisation")],
)
def test_change_of_45_percent_does_not_capture_the_transform(kind, name):
    rng = np.random.default_rng(22)
    ground = two_colours(rng)
    before, after = (ground + rng.normal(0, 5, ground.shape) for _ in range(2))
    after = 1.2 * after + 15
    changed = patches(23, 0.45)
    if kind == "flood":
        new = np.quantile(after, 0.03, axis=(1, 2))[:, None, None]
        new = new + rng.normal(0, 0.5, after.shape)
    elif kind == "other ground":
        new = 1.2 * two_colours(rng) + 15
    else:
        new = after[::-1]
    pair = MemoryPair(before, np.where(changed, new, after))
    assert area_under_curve(whole(name, pair), changed) > 0.97


@pytest.mark.parametrize("seed", [1, 5])
def test_a_flood_of_45_percent_of_a_town_is_told_from_the_rest(seed):
    # From equal weights, slow features take part of the flood for unchanged: 0.86 and 0.89.
    name = "slow-features"
    scene = simulate(
        "town", seed, size_m=(1440, 1280), change_fraction=0, season_before=0.7, season_after=0.5,
        sun_after=(165.0, 40.0), haze_after=0.4, gain_after=1.08,
    )  # fmt: skip
    before, after = scene.before.pixels, scene.after.pixels
    changed = patches(seed, 0.45)
    noise = 0.01 * after.std(axis=(1, 2), keepdims=True)
    water = np.quantile(after, 0.03, axis=(1, 2), keepdims=True)
    flood = water + noise * np.random.default_rng(3).standard_normal(after.shape)
    pair = MemoryPair(before, np.where(changed, flood, after))
    assert area_under_curve(whole(name, pair), changed) > 0.98


BREAKS = {
    "constant_before": lambda b, a: (_set(b, 1, 50), a),
    "constant_after": lambda b, a: (b, _set(a, 1, 70)),
    "constant_both": lambda b, a: (_set(b, 1, 50), _set(a, 1, 70)),
    "all_constant": lambda b, a: (np.full_like(b, 50), np.full_like(a, 70)),
    "copied_band": lambda b, a: (_set(b, 2, b[0]), _set(a, 2, a[0])),
    "all_bands_alike": lambda b, a: (np.repeat(b[:1], 4, 0), np.repeat(a[:1], 4, 0)),
    "identical": lambda b, a: (b, b.copy()),
    "linear": lambda b, a: (b, 2 * b + 10),
    "negative": lambda b, a: (b - 1000, a - 1000),
    "tiny": lambda b, a: (b * 1e-6, a * 1e-6),
    "uint16": lambda b, a: (np.round(b * 200), np.round(a * 300)),
    "broken pixel": lambda b, a: (_pixel(b, 65535.0), _pixel(a, -1e9)),
    "mostly one value": lambda b, a: (np.maximum(b, 125), np.maximum(a, 125)),
}


def _set(image: np.ndarray, band: int, value) -> np.ndarray:
    image[band] = value
    return image


def _pixel(image: np.ndarray, value: float) -> np.ndarray:
    image[:, 5, 5] = value
    return image


@each_method
@pytest.mark.parametrize("case", list(BREAKS))
def test_bad_bands_give_finite_numbers(name, case):
    before, after, _ = planted()
    pair = MemoryPair(*BREAKS[case](before, after))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ChangedetWarning)
        detector = fit(name, pair)
        statistic = whole(name, pair)
    assert np.isfinite(statistic).all()
    assert statistic.dtype == np.float32
    json.dumps(detector.describe(), allow_nan=False)


@each_method
@pytest.mark.parametrize(
    "case", ["constant_both", "copied_band", "uint16", "negative", "broken pixel", "tiny"]
)
def test_bad_bands_do_not_hide_change(name, case):
    before, after, _ = planted()
    pair = MemoryPair(*BREAKS[case](before, after))
    assert stands_out(whole(name, pair))


@each_method
def test_a_band_that_is_constant_at_one_date_is_left_out_and_named(name):
    before, after, _ = planted()
    after[1] = 70
    pair = MemoryPair(before, after)
    with pytest.warns(ChangedetWarning, match="band2 of the after image holds one value"):
        detector = fit(name, pair)
    assert detector.describe()["bands_used"] == 3
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ChangedetWarning)
        assert stands_out(whole(name, pair))


@each_method
def test_identical_images_show_nothing(name):
    before, _, _ = planted()
    pair = MemoryPair(before, before)
    assert (whole(name, pair, "chi_square") == 0).all()


@each_method
def test_thirteen_bands_of_three_colours_are_solvable(name):
    before, after, _ = planted(bands=3)
    mix = np.random.default_rng(3).uniform(0, 1, (13, 3))
    rng = np.random.default_rng(4)
    pair = MemoryPair(
        *(
            np.einsum("ij,jyx->iyx", mix, image) + rng.normal(0, 0.2, (13, *SHAPE))
            for image in (before, after)
        )
    )
    assert stands_out(whole(name, pair), 0.995)


@each_method
def test_too_few_valid_pixels_are_an_error(name):
    before, after, _ = planted()
    valid = np.zeros(SHAPE, dtype=bool)
    valid[:20, :40] = True
    with pytest.raises(NotEnoughValidPixels, match="Only 800 pixels"):
        fit(name, MemoryPair(before, after, valid=valid))


@each_method
def test_pixels_that_are_not_valid_have_no_weight(name):
    before, after, _ = planted()
    valid = np.ones(SHAPE, dtype=bool)
    valid[:30] = False
    clean = whole(name, MemoryPair(before, after, valid=valid))
    dirty = whole(name, MemoryPair(before, after, valid=valid, garbage=1e6))
    assert np.isnan(clean[:30]).all()
    np.testing.assert_array_equal(dirty, clean)
