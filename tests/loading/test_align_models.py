"""Models are recovered from planted tie points, the simplest one that serves is taken."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.loading.alignment.choice import choose
from changedet.loading.alignment.features import Recipe, feature
from changedet.loading.alignment.models import fit
from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.spectra import (
    gather,
    peaks,
    phases,
    surfaces,
    taper,
    weighted_by_coherence,
)
from changedet.loading.alignment.ties import Ties
from changedet.loading.alignment.trust import agreement, sunlit, textured, tones
from changedet.model import Grid, Image, ImagePair

SHAPE = (900, 1100)


def lattice(step=64):
    rows, cols = np.meshgrid(
        np.arange(64, SHAPE[0] - 63, step), np.arange(64, SHAPE[1] - 63, step), indexing="ij"
    )
    return np.stack([rows, cols], -1).reshape(-1, 2).astype(float)


def ties_of(truth, noise=0.03, wrong=0.0, seed=0):
    rng = np.random.default_rng(seed)
    places = lattice()
    shifts = truth(places) + rng.normal(0, noise, places.shape)
    bad = rng.random(len(places)) < wrong
    shifts[bad] += rng.uniform(-4, 4, (bad.sum(), 2))
    return Ties(places, shifts, np.full(len(places), noise), np.full(len(places), 30.0)), bad


def motion_of(kind):
    rng = np.random.default_rng(7)
    if kind == "translation":
        return Motion.shift(SHAPE, 1.2, -3.4)
    if kind == "similarity":
        return Motion(SHAPE, kind, np.array([[1.0, -2.0], [3.0, -5.0], [5.0, 3.0]]))
    if kind == "affine":
        return Motion(SHAPE, kind, np.array([[1.0, -2.0], [3.0, 1.0], [-2.0, -4.0]]))
    return Motion(SHAPE, kind, rng.normal(0, 2, (6, 2)))


@pytest.mark.parametrize("kind", ["translation", "similarity", "affine", "second-order"])
@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_simplest_model_that_serves(kind, wrong):
    truth = motion_of(kind)
    ties, bad = ties_of(lambda p: truth.at(p[:, 0], p[:, 1]), wrong=wrong)
    found = choose(ties, SHAPE, 128)
    assert found.motion.model == kind
    rows, cols = np.mgrid[0 : SHAPE[0] : 90, 0 : SHAPE[1] : 90]
    error = found.motion.at(rows, cols) - truth.at(rows, cols)
    assert np.abs(error).max() < 0.05
    far = bad & (np.hypot(*(ties.shifts - truth.at(*ties.places.T)).T) > 0.5)
    assert (found.weights[far] == 0).all()


def test_smooth_field_is_followed_and_lattices_hold_it():
    def truth(p):
        return np.stack([2 * np.sin(p[:, 0] / 120), 1.5 * np.cos(p[:, 1] / 150)], -1)

    ties, _ = ties_of(truth, wrong=0.1)
    found = choose(ties, SHAPE, 128)
    assert found.motion.model == "local"
    inner = lattice(50)
    error = found.motion.at(*inner.T) - truth(inner)
    assert np.sqrt((error**2).sum(1).mean()) < 0.06
    dy, dx = found.motion.lattices()
    np.testing.assert_allclose(dy.at(*inner.T), found.motion.at(*inner.T)[:, 0], atol=5e-3)
    np.testing.assert_allclose(dx.at(*inner.T), found.motion.at(*inner.T)[:, 1], atol=5e-3)


@pytest.mark.parametrize("kind", ["translation", "similarity", "affine", "second-order"])
def test_lattices_of_polynomials_are_exact(kind):
    motion = motion_of(kind)
    dy, dx = motion.lattices()
    places = lattice(37)
    both = np.stack([dy.at(*places.T), dx.at(*places.T)], -1)
    np.testing.assert_allclose(both, motion.at(*places.T), atol=1e-9)


def test_a_similarity_keeps_angles():
    truth = motion_of("affine")
    ties, _ = ties_of(lambda p: truth.at(p[:, 0], p[:, 1]))
    motion, _ = fit(ties, "similarity", SHAPE)
    _, down, across = motion.coefficients
    assert down[0] == pytest.approx(across[1])
    assert down[1] == pytest.approx(-across[0])


def test_peaks_have_no_pull_to_whole_pixels():
    rng = np.random.default_rng(3)
    size, n = 64, 6
    wide = rng.normal(size=(n, 256, 256))
    f = np.fft.fftfreq(256)
    soft = np.exp(-0.5 * (f[:, None] ** 2 + f[None] ** 2) / 0.12**2)
    spectrum = np.fft.fft2(wide) * soft
    cut = slice(96, 96 + size)
    hann = taper(size)
    before = np.fft.ifft2(spectrum).real[:, cut, cut] * hann
    for true in (0.0, 0.25, 0.5, -0.37):
        turn = np.exp(2j * np.pi * (f[:, None] * true - f[None] * true))
        after = np.fft.ifft2(spectrum * turn).real[:, cut, cut] * hann
        spectra = gather(phases(before.astype(np.complex64), after.astype(np.complex64)), size)
        spectra = weighted_by_coherence(spectra, np.array([true, -true]))
        shifts, values = surfaces(spectra.pooled(), 2.0)
        r, c = np.unravel_index(values[0].argmax(), values[0].shape)
        top, height = peaks(spectra.pooled(), np.array([[shifts[r], shifts[c]]]))
        assert top[0] == pytest.approx([true, -true], abs=0.02)
        assert 0.3 < height[0] <= 1.001


def test_features_do_not_see_gain_offset_or_holes():
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(2, 80, 90)).astype(np.float32).cumsum(1).cumsum(2)
    valid = np.ones((80, 90), bool)
    recipe = Recipe("contrast", (0, 1), 0.7, (False, False), "contrast")
    plain = feature(pixels, valid, recipe, 0)
    np.testing.assert_allclose(feature(pixels * 3 + 50, valid, recipe, 0), plain, atol=0.02)
    valid[30:40, 30:50] = False
    holed = pixels.copy()
    holed[:, ~valid] = 1e6
    there = feature(holed, valid, recipe, 0)
    assert np.isfinite(there).all()
    assert (there[30:40, 30:50] == 0).all()
    np.testing.assert_allclose(there[:10, :10], plain[:10, :10], atol=0.02)


def test_shadows_and_disagreement_lose_their_vote():
    ground = np.full((1, 120, 120), 100.0, np.float32)
    ground[:, 50:70, 50:60] = 15
    valid = np.ones((120, 120), bool)
    grid = Grid.pixels(120, 120)
    image = Image(ground, valid, grid, ("pan",))
    tone, _ = tones(ImagePair(image, image))
    light = sunlit(ground, valid, tone)
    assert light[60, 48] == 0
    assert light[10, 10] == 1
    rng = np.random.default_rng(1)
    f = (rng.normal(size=(120, 120)) + 1j * rng.normal(size=(120, 120))).astype(np.complex64)
    g = f.copy()
    g[:40] = rng.normal(size=(40, 120))
    alike = agreement(f, g)
    assert alike[60:].min() == pytest.approx(1)
    assert alike[5:30].mean() < 0.1


def test_noise_is_not_texture():
    rng = np.random.default_rng(0)
    grid = Grid.pixels(150, 150)
    valid = np.ones((150, 150), bool)
    noise = Image(rng.normal(5, 1, (1, 150, 150)).astype(np.float32), valid, grid, ("pan",))
    walk = rng.normal(size=(1, 150, 150)).astype(np.float32).cumsum(1).cumsum(2)
    land = Image(walk, valid, grid, ("pan",))
    assert not textured(ImagePair(noise, land))
    assert textured(ImagePair(land, land))
