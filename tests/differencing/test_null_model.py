"""Null models: p-values that mean what they say, by kind of ground, from pair or reference."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import ndimage

from changedet.differencing import STRATA, balanced_threshold, fit_null, reference_null
from changedet.differencing.null.curves import Curve, ranks
from changedet.differencing.null.null_model import NullModel
from changedet.errors import NotEnoughValidPixels

BLOCKS = 8
SIDE = 192
NOISES = ("normal", "chi", "exponential")


def noise(kind: str, seed: int, sigma: float = 0.0, blocks: int = BLOCKS) -> list[np.ndarray]:
    """Blocks of pure noise of one distribution, correlated over about ``sigma`` pixels."""
    rng = np.random.default_rng(seed)

    def field():
        white = rng.standard_normal((SIDE, SIDE))
        if sigma == 0:
            return white
        smooth = ndimage.gaussian_filter(white, sigma, mode="wrap")
        return smooth * (2 * sigma * np.sqrt(np.pi))

    out = []
    for _ in range(blocks):
        if kind == "normal":
            values = 5 + field()
        elif kind == "chi":
            values = np.sqrt(sum(field() ** 2 for _ in range(4)))
        else:
            values = 0.5 * (field() ** 2 + field() ** 2)
        out.append(values.astype(np.float32))
    return out


def plant(blocks, share, strength, seed=0, side=16):
    """Squares of strong statistic on a share of the ground; blocks and where."""
    rng = np.random.default_rng(seed)
    out, where = [], []
    for block in blocks:
        mask = np.zeros(block.shape, dtype=bool)
        while mask.mean() < share:
            row, col = rng.integers(0, SIDE - side, 2)
            mask[row : row + side, col : col + side] = True
        out.append(np.where(mask, block + rng.uniform(0.7, 1.3, block.shape) * strength, block))
        where.append(mask)
    return [b.astype(np.float32) for b in out], where


def calibrated(blocks):
    level = balanced_threshold(blocks)
    return fit_null(blocks, level), level


clusters_of_noise = pytest.mark.xfail(
    strict=True, reason="clusters of correlated noise with a long tail are taken for change"
)


@pytest.mark.parametrize(
    ("kind", "sigma"),
    [
        ("normal", 0.0),
        ("normal", 1.2),
        ("chi", 0.0),
        ("chi", 1.2),
        ("exponential", 0.0),
        pytest.param("exponential", 1.2, marks=clusters_of_noise),
    ],
)
def test_surprise_of_fresh_noise_is_calibrated(kind, sigma):
    null, _ = calibrated(noise(kind, 1, sigma))
    fresh = null.surprise(np.concatenate(noise(kind, 2, sigma, 24)))
    for nominal in (1e-1, 1e-2, 1e-3):
        found = float(np.mean(fresh >= -np.log10(nominal)))
        assert nominal / 2 < found < nominal * 2, (nominal, found)


@pytest.mark.parametrize("share", [0.01, 0.2])
@pytest.mark.parametrize("kind", NOISES)
def test_change_does_not_spoil_the_null(kind, share):
    blocks, _ = plant(noise(kind, 3, 1.2), share, 12.0)
    null, _ = calibrated(blocks)
    fresh = null.surprise(np.concatenate(noise(kind, 4, 1.2, 16)))
    for nominal in (1e-1, 1e-2):
        found = float(np.mean(fresh >= -np.log10(nominal)))
        assert nominal / 2.5 < found < nominal * 2, (nominal, found)
    assert float(np.mean(fresh >= 3)) < 3e-3


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_change_is_more_surprising_than_noise(share):
    blocks, where = plant(noise("chi", 5, 1.2), share, 12.0)
    null, _ = calibrated(blocks)
    inside = np.concatenate([null.surprise(b)[m] for b, m in zip(blocks, where, strict=True)])
    assert np.quantile(inside, 0.02) > 3


def test_surprise_never_falls_and_is_never_negative():
    null, _ = calibrated(noise("chi", 6))
    x = np.linspace(-5, 60, 20_000).astype(np.float32)
    surprise = null.surprise(x)
    assert surprise.dtype == np.float32
    assert (surprise >= 0).all()
    assert (np.diff(surprise) >= -1e-5).all()
    assert surprise[-1] > surprise[len(x) // 2] > surprise[0]


def test_nan_stays_nan():
    null, _ = calibrated(noise("chi", 7, 1.2))
    found = null.surprise(np.array([np.nan, 2.0], dtype=np.float32))
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


@pytest.mark.parametrize("kind", NOISES)
def test_value_at_is_the_inverse_of_surprise(kind):
    null, _ = calibrated(noise(kind, 8, 1.2))
    p = np.logspace(-0.1, -12, 40)
    values = np.array([null.value_at(v) for v in p], dtype=np.float32)
    assert (np.diff(values) > 0).all()
    np.testing.assert_allclose(null.surprise(values), -np.log10(p), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("curvature", [0.0, 0.3])
def test_the_tail_goes_on_where_the_bulk_ends(curvature):
    curve = Curve(np.array([0.0, 1.0, 2.0]), np.log([1.0, 0.3, 0.05]), 2.0, curvature)
    null = NullModel(curve, "pair", 1.0)
    around = null.surprise(np.array([2.0 - 1e-4, 2.0, 2.0 + 1e-4], dtype=np.float32))
    np.testing.assert_allclose(around, around[1], atol=1e-3)
    expected = -(np.log(0.05) - 2.0 * 3.0 - curvature * 9.0) / np.log(10)
    assert null.surprise(np.array([5.0], dtype=np.float32))[0] == pytest.approx(expected, rel=1e-5)
    assert null.value_at(10**-expected) == pytest.approx(5.0, rel=1e-5)


@pytest.mark.parametrize("case", ["constant", "two_values", "mostly_constant"])
def test_noise_without_spread_gives_no_warning(case):
    block = np.full((SIDE, SIDE), 2.0, dtype=np.float32)
    if case == "two_values":
        block[::2] = 3.0
    if case == "mostly_constant":
        block[:4] = 9.0
    null, level = calibrated([block])
    assert np.isfinite(level)
    surprise = null.surprise(np.array([1.9, 2.0, 3.0, 50.0], dtype=np.float32))
    assert np.isfinite(surprise).all()
    assert surprise[-1] > 3
    json.dumps(null.describe())


def test_change_on_every_side_leaves_no_null_and_is_refused():
    block = noise("normal", 18, blocks=1)[0][:-3]
    block[np.arange(SIDE - 3) % 8 < 2] += 30
    with pytest.raises(NotEnoughValidPixels, match="pixels look unchanged") as caught:
        fit_null([block], 20.0)
    message = str(caught.value)
    assert f"of {block.size} sampled pixels" in message
    assert "most of the scene did not change" in message
    assert "compare a larger area" in message


def two_grounds(seed):
    """Quiet left halves, and right halves where the same noise is three times as wide."""
    blocks = noise("chi", seed, 1.2)
    strata = [np.zeros(b.shape, dtype=np.uint8) for b in blocks]
    for block, ground in zip(blocks, strata, strict=True):
        ground[:, SIDE // 2 :] = STRATA.index("edge")
        block[:, SIDE // 2 :] *= 3
    return blocks, strata


def test_each_kind_of_ground_has_its_own_null():
    blocks, strata = two_grounds(20)
    null = fit_null(blocks, np.inf, strata=strata)
    fresh, ground = two_grounds(21)
    surprise, where = null.surprise(np.stack(fresh), np.stack(ground)), np.stack(ground)
    together = null.surprise(np.stack(fresh))
    for number in (0, STRATA.index("edge")):
        for nominal in (1e-1, 1e-2, 1e-3):
            found = np.mean(surprise[where == number] >= -np.log10(nominal))
            assert nominal / 2 < found < nominal * 2, (number, nominal, found)
    # judged together, the noisier ground takes all the false alarms
    assert np.mean(together[where == 0] >= 2) < 1e-3
    assert np.mean(together[where > 0] >= 2) > 0.015


def test_ground_too_small_to_be_judged_alone_is_judged_with_all():
    blocks, strata = two_grounds(22)
    for ground in strata:
        ground[:] = 0
        ground[:4, :4] = STRATA.index("water")
    null = fit_null(blocks, np.inf, strata=strata)
    assert set(null.strata) == {0}
    value = np.array([[4.0]], dtype=np.float32)
    water = np.full((1, 1), STRATA.index("water"), dtype=np.uint8)
    assert null.surprise(value, water) == null.surprise(value)


def test_a_known_tail_takes_the_place_of_the_pairs_own():
    blocks = noise("chi", 23, 1.2)
    heavy = ranks(np.concatenate([3 * b.ravel() for b in blocks]))
    own, known = (fit_null(blocks, np.inf, tails=t) for t in (None, {"all": heavy}))
    median = own.value_at(0.5)
    np.testing.assert_allclose(known.value_at(0.5), median, rtol=1e-3)
    assert known.value_at(1e-4) > 1.5 * own.value_at(1e-4)
    assert "quiet pairs" in known.describe()["tail"]
    x = np.linspace(0, 60, 5000).astype(np.float32)
    assert (np.diff(known.surprise(x)) >= -1e-5).all()


@pytest.mark.parametrize("kind", NOISES)
def test_a_reference_is_exact_by_ranks(kind):
    blocks = noise(kind, 24, 1.2, 20)
    null = reference_null(blocks, [np.zeros(b.shape, np.uint8) for b in blocks], "reference")
    fresh = np.stack(noise(kind, 25, 1.2, 20))
    surprise = null.surprise(fresh, np.zeros(fresh.shape, dtype=np.uint8))
    for nominal in (1e-1, 1e-2, 1e-3):
        found = float(np.mean(surprise >= -np.log10(nominal)))
        assert nominal / 1.5 < found < nominal * 1.5, (nominal, found)
    assert null.source == "reference"
    assert null.unchanged_fraction == 1.0


def test_change_in_a_reference_counts_as_quiet():
    """What happens in the reference is what may happen: it is not trimmed."""
    blocks, _ = plant(noise("chi", 26, 1.2), 0.05, 12.0)
    ground = [np.zeros(b.shape, np.uint8) for b in blocks]
    assert reference_null(blocks, ground, "history").value_at(0.02) > 8


@pytest.mark.parametrize("n", [1, 2, 5, 40, 5000])
def test_ranks_of_few_values_are_a_curve(n):
    values = np.random.default_rng(n).exponential(size=n)
    curve = ranks(values)
    assert (np.diff(curve.values) > 0).all()
    assert (np.diff(curve.log_survival) <= 0).all()
    assert np.isfinite(curve.log(np.array([0.0, 1.0, 100.0], dtype=np.float32))).all()


def test_change_on_a_third_of_the_ground_is_no_null():
    """Crops are cut around what changed: much lies above the level then, which is right."""
    quiet = noise("normal", 31, 1.2)
    blocks, where = plant(quiet, 0.36, 12.0)
    null, level = calibrated(blocks)
    still = fit_null(quiet, np.inf)
    values, mask = np.concatenate([b.ravel() for b in blocks]), np.ravel(where)
    assert np.mean(values > level) > 0.3
    assert null.unchanged_fraction < 0.7
    assert null.value_at(0.01) == pytest.approx(still.value_at(0.01), rel=0.1)
    assert np.median(null.surprise(values[mask].astype(np.float32))) > 6
