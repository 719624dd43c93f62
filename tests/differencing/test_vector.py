"""Change vector: noise, texture and misregistration where they are, change where it was planted."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from changedet.differencing import DetectionContext, Sample, sample_windows
from changedet.differencing.detectors import vector, vector_fit
from changedet.differencing.light.illumination import EXPLAINED_LIGHT, LIGHT
from changedet.model import Window

from .builders import MemoryPair, landscape, noisy_pair, smooth_field

SHAPE = (144, 160)


def fit(pair: MemoryPair, **more) -> vector.ChangeVector:
    return vector_fit.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context(**more))


def whole(detector, pair: MemoryPair) -> np.ndarray:
    padded = pair.grid.window.pad(detector.halo)
    return detector.statistic(pair.read(padded))[pair.grid.window.within(padded)]


def steps(seed=1, noise=1.0, shift=0.0):
    """Flat fields with sharp borders, twice, the second shifted by a part of a pixel."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    field = np.where(((rows // 24) + (cols // 24)) % 2 == 0, 80.0, 180.0)
    moved = field * (1 - shift) + np.roll(field, 1, axis=1) * shift
    return tuple((f + rng.normal(0, noise, SHAPE))[None].astype(np.float32) for f in (field, moved))


@pytest.mark.parametrize("noise", [0.5, 3.0])
def test_planted_noise_comes_back_roughly(noise):
    ground = np.stack(
        [100 + 20 * smooth_field(np.random.default_rng(k), SHAPE, 12) for k in (1, 2)]
    )
    rng = np.random.default_rng(3)
    before, after = (ground + noise * rng.standard_normal(ground.shape) for _ in range(2))
    found = fit(MemoryPair(before, after)).noise
    # Pooling with a Gaussian of sigma s leaves 1 / (2 s sqrt(pi)) of white noise; two dates.
    expected = noise * np.sqrt(2) / (2 * vector.POOLING_SIGMA * np.sqrt(np.pi))
    np.testing.assert_allclose(found, expected, rtol=0.5)


def test_more_noise_is_seen_as_more():
    low, high = (fit(noisy_pair(4, 2, SHAPE, noise=n)).noise for n in (1.0, 4.0))
    assert (high > 2 * low).all()


def test_planted_change_stands_out_under_gain_offset_and_noise():
    pair = noisy_pair(5, 3, SHAPE, noise=1.5)
    before, after = pair.pixels[0], 1.4 * pair.pixels[1] + 10
    after[:, 50:70, 60:90] += np.array([40, -40, 40])[:, None, None]
    changed = MemoryPair(before, after)
    statistic = whole(fit(changed), changed)
    quiet = np.concatenate([statistic[:40].ravel(), statistic[80:].ravel()])
    assert statistic[54:66, 64:86].min() > np.quantile(quiet, 0.999)


def test_the_statistic_does_not_know_units():
    pair = noisy_pair(6, 3, SHAPE)
    before, after = pair.pixels
    after = after.copy()
    after[:, 50:70, 60:90] *= 1.5
    plain, other = (
        MemoryPair(before * np.float32(unit), after * np.float32(unit)) for unit in (1, 64)
    )
    np.testing.assert_allclose(
        whole(fit(other), other), whole(fit(plain), plain), rtol=1e-3, atol=1e-3
    )


def test_a_larger_residual_lowers_the_statistic_on_edges_only():
    before, after = steps(shift=0.3)
    columns = np.arange(SHAPE[1]) % 24
    rows = np.arange(SHAPE[0]) % 24
    edges = (rows[:, None] > 6) & (rows[:, None] < 18) & ((columns < 2) | (columns > 22))
    flats = (rows[:, None] > 9) & (rows[:, None] < 15) & (columns > 9) & (columns < 15)
    edges[:, :8] = False
    medians, flat = [], []
    detector = fit(MemoryPair(before, after, residual=np.full(SHAPE, 0.1, np.float32)))
    for sigma in (0.05, 0.3, 1.0):
        pair = MemoryPair(before, after, residual=np.full(SHAPE, sigma, np.float32))
        statistic = whole(detector, pair)
        medians.append(float(np.median(statistic[edges])))
        flat.append(float(np.median(statistic[flats])))
    assert medians[0] > medians[1] > medians[2]
    assert medians[0] > 1.5 * medians[2]
    np.testing.assert_allclose(flat, flat[0], rtol=0.2)


def test_the_residual_counts_by_place():
    before, after = steps(shift=0.3)
    residual = np.full(SHAPE, 0.05, np.float32)
    detector = fit(MemoryPair(before, after, residual=residual))
    worse = residual.copy()
    worse[:, 80:] = 1.0
    plain = whole(detector, MemoryPair(before, after, residual=residual))
    found = whole(detector, MemoryPair(before, after, residual=worse))
    np.testing.assert_array_equal(found[:, :80], plain[:, :80])
    assert (found[:, 80:] <= plain[:, 80:]).all()
    assert (found[:, 80:] < plain[:, 80:]).mean() > 0.5


def test_no_residual_means_a_well_aligned_pair():
    before, after = steps()
    pair = MemoryPair(before, after)
    detector = fit(pair)
    zero = MemoryPair(before, after, residual=np.zeros(SHAPE, np.float32))
    np.testing.assert_array_equal(whole(detector, pair), whole(detector, zero))


def test_texture_that_changes_a_little_everywhere_is_not_change():
    """Grass that waves: the same roughness at both dates, not the same blades."""
    rng = np.random.default_rng(7)
    rough = np.zeros(SHAPE, dtype=bool)
    rough[:, 80:] = True
    ground = 100 + 10 * smooth_field(rng, SHAPE, 15)
    images = []
    for _ in range(2):
        blades = 12 * smooth_field(rng, SHAPE, 1.5)
        images.append((ground + rough * blades + rng.normal(0, 1, SHAPE))[None])
    pair = MemoryPair(*images)
    detector = fit(pair)
    statistic = whole(detector, pair)
    without = whole(replace(detector, texture=np.zeros(1)), pair)
    inside = np.s_[10:-10, 95:-10]
    assert detector.texture[0] > 0.1
    assert np.median(statistic[inside]) < 0.5 * np.median(without[inside])


def test_an_object_on_rough_ground_does_not_hide_itself():
    """Common texture is what both dates show; an object is texture at one of them."""
    pair = noisy_pair(8, 1, SHAPE, noise=1.0)
    before, after = (p.copy() for p in pair.pixels)
    after[:, 60:66, 60:75] += 80
    pair = MemoryPair(before, after)
    statistic = whole(fit(pair), pair)
    quiet = np.concatenate([statistic[:45].ravel(), statistic[80:].ravel()])
    assert statistic[61:65, 61:74].min() > quiet.max()


@pytest.mark.parametrize("case", ["identical", "linear", "constant_band", "all_constant", "black"])
def test_degenerate_images_give_finite_numbers_and_no_warning(case):
    before = landscape(9, 3, SHAPE)
    after = before.copy()
    if case == "linear":
        after = 2 * before + 10
    if case == "constant_band":
        before[1] = after[1] = 50
    if case == "all_constant":
        before[:], after[:] = 50, 70
    if case == "black":
        before[:] = after[:] = 0
    pair = MemoryPair(before, after)
    detector = fit(pair)
    assert np.isfinite(whole(detector, pair)).all()
    json.dumps(detector.describe())


@pytest.mark.parametrize(
    ("bands", "gsd", "sun", "light", "width", "window"),
    [
        (3, None, False, LIGHT, 1, 6.0),  # a picture
        (1, None, False, None, 0, None),
        (4, 0.5, False, LIGHT, 1, 6.0),
        (4, 0.5, True, EXPLAINED_LIGHT, 1, None),
        (1, 0.5, True, EXPLAINED_LIGHT, 1, None),  # shadows told by where they fall alone
        (1, 2.0, True, LIGHT, 0, 2.0),  # not where pixels are that large
        (3, 0.3, True, EXPLAINED_LIGHT, 2, None),
        (3, 2.0, False, LIGHT, 0, 2.0),
        (3, 10.0, False, None, 0, None),
    ],
)
def test_what_is_weighed_where_pixels_resolve_objects(bands, gsd, sun, light, width, window):
    pair = noisy_pair(10, bands, SHAPE, roles=("blue", "green", "red", "nir")[:bands])
    suns = ((-1.0, 0.5), (-1.2, 0.1)) if sun else None
    context = DetectionContext(pair.roles, "optical", gsd, 0, suns)
    detector = vector_fit.fit(Sample(pair, sample_windows(pair.grid, 0)), context)
    if light is None:
        assert detector.light is None
    else:
        assert EXPLAINED_LIGHT <= detector.light.light <= light
    assert detector.half_width == width
    assert (None if detector.structure is None else detector.structure.window) == window
    assert np.isfinite(whole(detector, pair)).all()
    json.dumps(detector.describe())


def fit_fine(pair, sun=False, gsd=0.5, once=False):
    suns = ((-1.0, 0.5), (-1.2, 0.1)) if sun else None
    context = DetectionContext(pair.roles, "optical", gsd, 0, suns)
    sample = Sample(pair, sample_windows(pair.grid, 0))
    return vector_fit._fit(sample, sample, context) if once else vector_fit.fit(sample, context)


RGB = ("blue", "green", "red")


def crowded(share, seed=8):
    """Ground seen twice with noise 1; blocks of wagon size came and went on a share of it."""
    pair = noisy_pair(seed, 3, (256, 256), noise=1.0)
    rng, where = np.random.default_rng(seed), np.zeros((256, 256), dtype=bool)
    before, after = (p.copy() for p in pair.pixels)
    while where.mean() < share:
        row, col = rng.integers(0, 244), rng.integers(0, 228)
        where[row : row + 6, col : col + 26] = True
        colour = rng.uniform(-90, 90, (3, 1, 1)).astype(np.float32)
        (before if rng.random() < 0.5 else after)[:, row : row + 6, col : col + 26] += colour
    return MemoryPair(before, after, roles=RGB), where


@pytest.mark.parametrize("share", [0.2, 0.35])
def test_noise_is_that_of_the_ground_between_what_changed(share):
    """A crop cut around a busy yard: hardly a place is far from what changed."""
    pair, where = crowded(share)
    still, tight = fit_fine(crowded(0.0)[0], True), fit_fine(pair, True)
    assert (tight.noise < 1.5 * still.noise).all()
    assert (tight.surface < still.surface + 0.02).all()
    np.testing.assert_allclose(tight.radiometry.gain, still.radiometry.gain, rtol=0.05)
    once = fit_fine(pair, True, once=True)
    assert (once.surface > 2 * tight.surface).all()
    assert np.median(whole(tight, pair)[where]) > 1.2 * np.median(whole(once, pair)[where])


def test_a_few_changed_things_are_no_reason_to_estimate_again():
    pair, _ = crowded(0.02)
    once = fit_fine(pair, True, once=True)
    np.testing.assert_array_equal(fit_fine(pair, True).noise, once.noise)


def test_rough_ground_does_not_stand_out_as_changed_things_do():
    """Grass that waves on half of the scene keeps its texture."""
    rng = np.random.default_rng(7)
    rough = np.zeros(SHAPE, dtype=bool)
    rough[:, 80:] = True
    ground = 100 + 10 * smooth_field(rng, SHAPE, 15)
    images = []
    for _ in range(2):
        blades = 12 * smooth_field(rng, SHAPE, 1.5)
        images.append(np.stack([ground + rough * blades + rng.normal(0, 1, SHAPE)] * 3))
    assert fit_fine(MemoryPair(*images, roles=RGB), True).texture.min() > 0.1


@pytest.mark.parametrize("sun", [True, False])
def test_a_new_colour_outranks_a_change_of_brightness(sun):
    """One block darker in all bands alike, one as bright as before but of other colour."""
    before, after = (p.copy() for p in noisy_pair(12, 3, SHAPE).pixels)
    after[:, 20:40, 20:40] *= 0.5
    after[:, 90:110, 90:110] *= np.array([1.25, 1.0, 0.75], np.float32)[:, None, None]
    pair = MemoryPair(before, after, roles=RGB)
    statistic = whole(replace(fit_fine(pair, sun), structure=None), pair)
    plain = whole(replace(fit_fine(pair, True), light=None), pair)
    assert np.median(plain[22:38, 22:38]) > np.median(plain[92:108, 92:108])
    assert np.median(statistic[22:38, 22:38]) < np.median(statistic[92:108, 92:108])
    quiet = statistic[50:80, 20:140]
    assert np.median(statistic[92:108, 92:108]) > 2 * np.quantile(quiet, 0.99)


def test_slivers_count_no_more_and_wagons_do():
    before, after = (p.copy() for p in noisy_pair(13, 3, SHAPE).pixels)
    after[:, 30:31, 20:120] *= 1.6
    after[:, 80:86, 40:68] *= 1.6
    pair = MemoryPair(before, after, roles=RGB)
    detector = fit_fine(pair, True)
    opened, closed = whole(detector, pair), whole(replace(detector, half_width=0), pair)
    middle = np.s_[81:85, 44:64]
    np.testing.assert_allclose(np.median(opened[middle]), np.median(closed[middle]), rtol=0.2)
    assert np.median(opened[30, 30:110]) < 0.9 * np.median(closed[30, 30:110])


@pytest.mark.parametrize("sun", [True, False])
def test_the_fine_statistic_is_the_same_through_any_window(sun):
    rng = np.random.default_rng(5)
    valid = rng.random(SHAPE) > 0.02
    pair = noisy_pair(14, 3, SHAPE, roles=RGB, valid=valid, garbage=1e4)
    detector = fit_fine(pair, sun)
    full = whole(detector, pair)
    for window in (Window(0, 0, 50, 61), Window(37, 90, 40, 33), Window(100, 20, 44, 140)):
        padded = window.pad(detector.halo)
        part = detector.statistic(pair.read(padded))[window.within(padded)]
        np.testing.assert_array_equal(part, full[window.slices])


def test_without_the_suns_positions_there_is_no_shadow_model():
    pair = noisy_pair(11, 3, SHAPE, roles=("blue", "green", "red"))
    detector = fit(pair)
    assert detector.shadow is None
    with pytest.raises(ValueError, match="the sun's positions are not known"):
        detector.shadow_logarithms(pair.read(pair.grid.window))
    suns = ((-1.0, 0.5), (-1.2, 0.1))
    assert fit(pair, shadow_away=suns).shadow is not None
    no_blue = noisy_pair(11, 3, SHAPE, roles=("green", "red", "nir"))
    assert not fit(no_blue, shadow_away=suns).shadow.colour.named
    assert fit(no_blue, shadow_away=(None, None)).shadow is None
