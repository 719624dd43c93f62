"""A null of references is made as wide as the pair it judges, and no wider than that."""

from __future__ import annotations

import json

import numpy as np
import pytest

from changedet.differencing import made_like, reference_null, weak_ratio
from changedet.differencing.null.curves import Curve
from changedet.differencing.null.reference_null import NOTABLE, RESTLESS, Likeness, bulks_of

from .test_null_model import NOISES, noise, plant

MIDDLE = {"normal": 5.0, "chi": 1.83, "exponential": 0.69}
"""Medians of the noises."""
OPEN, BUILT = 0, 2


def ground_of(blocks, number=OPEN):
    return [np.full(b.shape, number, dtype=np.uint8) for b in blocks]


def wider(blocks, kind, factor):
    """The same noise, of a visit that differs more."""
    middle = np.float32(MIDDLE[kind])
    return [middle + (b - middle) * np.float32(factor) for b in blocks]


def null_from(kind, ground=None):
    blocks = noise(kind, 1)
    return reference_null(blocks, ground or ground_of(blocks), "reference")


def share(null, blocks, strata, p):
    """Pixels with a p-value up to ``p``, as many times as nominal."""
    score = [null.surprise(b, g) for b, g in zip(blocks, strata, strict=True)]
    return float(np.mean(np.stack(score) >= -np.log10(p))) / p


@pytest.mark.parametrize("kind", NOISES)
def test_a_reference_like_the_pair_stays_as_it_is(kind):
    fresh = noise(kind, 2)
    null, likeness = made_like(null_from(kind), fresh, ground_of(fresh), 1.0)
    assert likeness.stretch == pytest.approx(1.0, abs=0.02)
    assert not likeness.notable
    for p in (0.1, 0.01, 0.001):
        assert share(null, fresh, ground_of(fresh), p) == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("factor", [1.3, 1.8])
def test_a_visit_that_differs_more_is_found_out_and_its_p_values_are_uniform(kind, factor):
    fresh = wider(noise(kind, 2), kind, factor)
    ground = ground_of(fresh)
    known = null_from(kind)
    null, likeness = made_like(known, fresh, ground, 1.0)
    assert likeness.stretch == pytest.approx(factor, rel=0.04)
    assert likeness.notable
    assert share(known, fresh, ground, 0.001) > 3
    for p in (0.1, 0.01, 0.001):
        assert share(null, fresh, ground, p) == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize("kind", NOISES)
def test_a_quieter_pair_does_not_make_the_null_narrower(kind):
    quiet = wider(noise(kind, 2), kind, 0.6)
    known = null_from(kind)
    null, likeness = made_like(known, quiet, ground_of(quiet), 1.0)
    assert likeness.stretch == 1.0
    values = np.linspace(0, 30, 200, dtype=np.float32)
    np.testing.assert_allclose(null.surprise(values), known.surprise(values), rtol=1e-5)


@pytest.mark.parametrize("portion", [0.02, 0.1, 0.25])
def test_what_changed_does_not_widen_the_null(portion):
    blocks, where = plant(noise("chi", 2), portion, 8.0)
    null, likeness = made_like(null_from("chi"), blocks, ground_of(blocks), 1.0)
    assert likeness.stretch < 1.03
    score = np.stack([null.surprise(b, g) for b, g in zip(blocks, ground_of(blocks), strict=True)])
    assert np.mean(score[np.stack(where)] > 4) > 0.9


def test_change_on_a_hazy_day_is_no_part_of_the_width():
    blocks, where = plant(wider(noise("chi", 2), "chi", 1.5), 0.1, 12.0)
    null, likeness = made_like(null_from("chi"), blocks, ground_of(blocks), 1.0)
    assert likeness.stretch == pytest.approx(1.5, rel=0.06)
    score = np.stack([null.surprise(b, g) for b, g in zip(blocks, ground_of(blocks), strict=True)])
    assert np.mean(score[np.stack(where)] > 4) > 0.8


def test_each_kind_of_ground_is_made_as_wide_as_it_is():
    ground = [g for n in (OPEN, BUILT) for g in ground_of(noise("chi", 1, blocks=4), n)]
    fresh = noise("chi", 2)
    fresh[4:] = wider(fresh[4:], "chi", 1.6)
    null, likeness = made_like(null_from("chi", ground), fresh, ground, 1.0)
    assert likeness.by_ground["open"] == pytest.approx(1.0, abs=0.02)
    assert likeness.by_ground["built"] == pytest.approx(1.6, rel=0.04)
    # half of the ground
    assert likeness.stretch == pytest.approx(1.3, rel=0.03)
    for part in (slice(0, 4), slice(4, 8)):
        assert share(null, fresh[part], ground[part], 0.01) == pytest.approx(1.0, abs=0.3)


def test_ground_that_the_references_lack_is_judged_as_all_together():
    fresh = wider(noise("chi", 2), "chi", 1.5)
    null, likeness = made_like(null_from("chi"), fresh, ground_of(fresh, BUILT), 1.0)
    assert likeness.by_ground == {}
    assert likeness.stretch == pytest.approx(1.5, rel=0.04)
    assert share(null, fresh, ground_of(fresh, BUILT), 0.01) == pytest.approx(1.0, abs=0.3)


def test_too_little_ground_says_nothing():
    tiny = [noise("chi", 2)[0][:30, :30] * 3]
    known = null_from("chi")
    assert bulks_of(tiny, ground_of(tiny), known) == {}
    null, likeness = made_like(known, tiny, ground_of(tiny), 1.0)
    assert likeness.stretch == 1.0
    assert null.value_at(0.01) == known.value_at(0.01)


def test_the_width_does_not_depend_on_the_order_of_blocks():
    fresh = wider(noise("chi", 2), "chi", 1.4)
    ground = ground_of(fresh)
    one = made_like(null_from("chi"), fresh, ground, 1.0)[1]
    other = made_like(null_from("chi"), fresh[::-1], ground, 1.0)[1]
    assert one.stretch == other.stretch


@pytest.mark.parametrize("curvature", [0.0, 0.3])
def test_a_stretched_curve_says_of_a_distance_what_it_said_of_a_shorter_one(curvature):
    curve = Curve(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, -1.0, -2.5, -4.0]), 2.0, curvature)
    wide = curve.stretched(1.0, 1.5)
    distance = np.array([0.0, 0.4, 1.7, 2.0, 5.0], dtype=np.float32)
    np.testing.assert_allclose(wide.log(1 + 1.5 * distance), curve.log(1 + distance), rtol=1e-5)
    # what lies below the middle is not touched
    np.testing.assert_allclose(wide.log(np.array([0.3])), curve.log(np.array([0.3])))


def test_many_more_weak_candidates_make_a_pair_restless_and_a_handful_do_not():
    quiet = [(40, 1_000_000)] * 3
    assert weak_ratio((40, 1_000_000), quiet) == pytest.approx(1.0, abs=0.05)
    assert weak_ratio((100, 1_000_000), quiet) > RESTLESS
    assert weak_ratio((50, 500_000), quiet) > RESTLESS
    assert weak_ratio((70, 1_000_000), quiet) < RESTLESS
    # on little ground
    assert weak_ratio((5, 50_000), [(1, 50_000)]) < RESTLESS
    assert weak_ratio((40, 50_000), [(1, 50_000)]) > RESTLESS


def test_only_a_pair_that_is_wider_as_well_is_too_restless():
    # many weak candidates under a bulk like that of the references: a busy day, not an unlike one
    assert not Likeness("reference", 1.0, {}, 2 * RESTLESS).restless
    assert not Likeness("reference", 2 * NOTABLE, {}, 1.0).restless
    assert Likeness("reference", NOTABLE, {}, 2 * RESTLESS).restless


def test_the_description_is_plain_and_says_whether_it_was_used():
    calm = Likeness("history", NOTABLE, {"open": 1.2}, 1.0)
    wild = Likeness("reference", NOTABLE, {"open": 1.2}, 2 * RESTLESS)
    assert json.loads(json.dumps(calm.describe()))["used"]
    assert not wild.describe()["used"]
