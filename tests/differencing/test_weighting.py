"""Weights of places: bounded, none where nothing is known, and more found at the same rate."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet.config import Config
from changedet.differencing import find_objects, fit_detection
from changedet.differencing.objects import examining, weighting
from changedet.differencing.objects.extents import Shape
from changedet.differencing.objects.measuring import Measures
from changedet.differencing.objects.weighting import LARGEST_M2, LEAST, MOST, learnt, weights_of
from changedet.simulation import simulate

from .boxes import AWAY, RED, SHAPE, find, scene
from .builders import Scratch

BOX = np.s_[60:68, 60:84]


def looks(count, seed=0):
    columns = int(learnt().trees.column.max()) + 1
    return np.random.default_rng(seed).normal(size=(count, columns))


def test_weights_are_bounded_and_large_places_have_none():
    weight = weights_of(looks(500), np.full(500, 40.0))
    assert weight.min() >= LEAST
    assert weight.max() <= MOST
    assert np.ptp(weight) > 0.2
    assert not weights_of(looks(500), np.full(500, LARGEST_M2 + 1.0)).any()


def test_places_that_cannot_be_looked_at_closely_have_no_weight():
    pair = scene([(BOX, RED)])
    config = Config(method="change-vector", false_alarms_per_km2=200.0)
    known = fit_detection(pair, pair.context(shadow_away=(AWAY, AWAY)), config)
    assert weighting.weighs(known)
    # shadows unknown, and pixels that show no single thing
    assert not weighting.weighs(fit_detection(pair, pair.context(), config))
    coarse = replace(known, context=replace(known.context, gsd_m=2.0))
    assert not weighting.weighs(coarse)


@pytest.mark.parametrize("weight", [-0.5, 0.5])
def test_evidence_with_its_weight_is_what_is_tested_and_reported(monkeypatch, weight):
    def best(added):
        monkeypatch.setattr(
            examining, "weights_of", lambda looks, area: np.full(len(area), added, np.float32)
        )
        table = find(scene([(BOX, RED)]))[0]
        return table["score"].max(), table["p_value"].min()

    (bare, p), (weighed, q) = best(0.0), best(weight)
    assert weighed == pytest.approx(bare + weight, abs=1e-5)
    assert (q < p) == (weight > 0)


def test_what_a_weight_lifts_over_the_seed_is_found_and_what_it_sinks_is_not(monkeypatch):
    pair = scene([(BOX, RED)])

    def rows(weight, above):
        monkeypatch.setattr(
            examining, "weights_of", lambda looks, area: np.full(len(area), weight, np.float32)
        )

        def change(detection):
            threshold = detection.threshold
            return replace(detection, threshold=replace(threshold, seed=above))

        return len(find(pair, change=change)[0])

    monkeypatch.setattr(
        examining, "weights_of", lambda looks, area: np.zeros(len(area), np.float32)
    )
    peak = float(find(pair)[0]["score"].max())
    assert rows(0.0, peak - 0.5) > 0
    assert rows(-0.8, peak - 0.5) == 0
    assert rows(0.0, peak + 0.5) == 0
    assert rows(0.8, peak + 0.5) > 0


def test_nothing_is_found_where_nothing_reaches_the_support():
    pair = scene()
    config = Config(method="change-vector", false_alarms_per_km2=200.0)
    detection = fit_detection(pair, pair.context(shadow_away=(AWAY, AWAY)), config)
    score = Scratch(np.zeros(SHAPE, dtype=np.float32), pair.grid)
    labels, parts = (Scratch(np.zeros(SHAPE, dtype=np.int32), pair.grid) for _ in range(2))
    found = find_objects(
        score, labels, pair, detection, observed_pixels=score.array.size, parts=parts
    )
    assert len(found.table) == 0
    assert not found.lookup[labels.array].any()


def test_measures_and_shapes_are_taken_row_by_row():
    rng = np.random.default_rng(5)
    n, bands = 6, 3
    keep = np.array([True, False, True, True, False, True])
    every, some = Measures.zeros(n, bands), Measures.zeros(int(keep.sum()), bands)
    for name in Measures.__dataclass_fields__:
        array = getattr(every, name)
        array += rng.integers(1, 9, array.shape).astype(array.dtype)
    taken = every.take(keep)
    for name in Measures.__dataclass_fields__:
        assert getattr(taken, name).shape == getattr(some, name).shape, name
    np.testing.assert_array_equal(taken.inside, every.inside[:, keep])
    np.testing.assert_array_equal(taken.moments, every.moments[keep])
    np.testing.assert_array_equal(taken.cut, every.cut[:, keep])
    shape = Shape(*(rng.normal(size=n) for _ in range(4)), rng.normal(size=(n, 2)))
    np.testing.assert_array_equal(shape.take(keep).direction, shape.direction[keep])


ASLANT = {
    "off_nadir_before": 18.0, "off_nadir_after": 12.0, "view_azimuth_after": 140.0,
    "haze_after": 0.4, "sun_after": (165.0, 40.0), "shift_m": (0.6, -0.9),
}  # fmt: skip


@pytest.mark.slow
def test_seen_aslant_more_is_found_and_less_that_is_false_than_without_weights():
    def count(weighed):
        found = false = 0
        for seed in (35, 36):
            yard = simulate("railyard", seed, gsd_before=0.5, change_fraction=0.3, **ASLANT)
            suns = {"sun_before": yard.options.sun_before, "sun_after": yard.options.sun_after}
            with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
                warnings.simplefilter("ignore")
                if not weighed:
                    patch.setattr(
                        examining, "weights_of", lambda looks, area: np.zeros(len(area), np.float32)
                    )
                table = cd.detect(yard.before, yard.after, **suns).changes
            table = table.take(~table.explained)
            near = shapely.union_all([o.geometry for o in yard.truth.changed]).buffer(15.0)
            false += int((~shapely.intersects(table.geometry, near)).sum())
            for thing in yard.truth.changed:
                common = shapely.area(shapely.intersection(table.geometry, thing.geometry)).sum()
                found += common >= 0.5 * thing.geometry.area
        return found, false

    (more, fewer), (found, false) = count(weighed=True), count(weighed=False)
    assert more > found
    assert fewer < false
