"""IR-MAD: indifferent to any linear difference of the dates, not to change."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.differencing import Sample, sample_windows
from changedet.differencing.detectors import irmad
from changedet.differencing.detectors.linear import LinearDetector

from .builders import MemoryPair, landscape, noisy_pair

SHAPE = (128, 144)


def fit(pair: MemoryPair) -> LinearDetector:
    return irmad.fit(Sample(pair, sample_windows(pair.grid, 0)), pair.context())


def whole(pair: MemoryPair, what: str = "chi_square") -> np.ndarray:
    detector = fit(pair)
    padded = pair.grid.window.pad(detector.halo)
    return getattr(detector, what)(pair.read(padded))[pair.grid.window.within(padded)]


def planted(seed: int = 1, bands: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Before, after and where a block changed by five deviations of the noise or more."""
    pair = noisy_pair(seed, bands, SHAPE, noise=2.0)
    before, after = (p.copy() for p in pair.pixels)
    changed = np.zeros(SHAPE, dtype=bool)
    changed[40:60, 50:80] = True
    for k in range(bands):
        after[k, changed] += 15 * (-1) ** k
    return before, after, changed


@pytest.mark.parametrize("seed", [1, 2])
def test_gain_and_offset_of_each_band_of_one_date_do_not_matter(seed):
    before, after, _ = planted(seed)
    plain = whole(MemoryPair(before, after))
    gain, offset = np.array([0.6, 1.5, 2.0, 0.8]), np.array([100, -20, 7, 0])
    other = after * gain[:, None, None] + offset[:, None, None]
    np.testing.assert_allclose(whole(MemoryPair(before, other)), plain, rtol=0.1, atol=0.1)


def test_bands_in_different_units_do_not_matter():
    before, after, _ = planted()
    plain = whole(MemoryPair(before, after))
    other = after * np.array([1e-4, 1.0, 1e3, 10.0])[:, None, None]
    np.testing.assert_allclose(whole(MemoryPair(before, other)), plain, rtol=0.1, atol=0.1)


def test_any_mix_of_the_bands_of_one_date_does_not_matter():
    before, after, _ = planted(3)
    plain = whole(MemoryPair(before, after))
    rotation, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(4, 4)))
    mix = rotation @ np.diag([1.0, 1.4, 0.7, 1.1])
    mixed = np.einsum("ij,jyx->iyx", mix, after)
    found = whole(MemoryPair(before, mixed))
    assert np.corrcoef(np.log(found.ravel()), np.log(plain.ravel()))[0, 1] > 0.999
    np.testing.assert_allclose(np.median(found / plain), 1, atol=0.02)


def test_planted_change_stands_out():
    before, after, changed = planted()
    statistic = whole(MemoryPair(before, 1.3 * after + 20), "statistic")
    quiet = statistic[~changed]
    inside = statistic[42:58, 52:78]
    assert inside.min() > np.quantile(quiet, 0.999)
    assert np.median(inside) > 1.5 * np.quantile(quiet, 0.99)


def test_noise_alone_has_no_structure():
    statistic = whole(noisy_pair(5, 4, SHAPE, noise=2.0), "statistic")
    quarters = [q for half in np.split(statistic, 2) for q in np.split(half, 2, axis=1)]
    medians = [np.median(q) for q in quarters]
    np.testing.assert_allclose(medians, np.median(statistic), rtol=0.05)


def test_correlations_are_at_least_those_of_the_planted_signal():
    ground = landscape(6, 3, SHAPE)
    rng = np.random.default_rng(7)
    before, after = (ground + rng.normal(0, 6, ground.shape) for _ in range(2))
    found = np.sort(fit(MemoryPair(before, after)).describe()["canonical_correlation"])
    # Of x = g + e1, y = g + e2 they are the eigenvalues of C / (C + noise); weights that fade out
    # the noisiest pixels can only raise them.
    covariance = np.cov(ground.reshape(3, -1))
    expected = np.linalg.eigvals(np.linalg.solve(covariance + 36 * np.eye(3), covariance))
    assert (found >= np.sort(expected.real) - 0.02).all()
    assert (found < 1).all()
