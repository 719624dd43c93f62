"""Curves of detection probability recover the truth they were drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from changedet.model import PlantedTarget, TargetType
from changedet.simulation.detectability import detection_curves, logistic

BOX = TargetType("box", "container", 12, 2.4, 2.6)


def target(contrast: float, seen: bool) -> PlantedTarget:
    missed = None if seen else "not significant"
    return PlantedTarget("box", contrast, contrast, 0.0, 1.0, 1.0, 0.0, 9, 1, float(seen), seen,
                         "appeared" if seen else None, missed)  # fmt: skip


def drawn(share, levels=(0.1, 0.2, 0.4, 0.8), n=400, seed=0) -> list[PlantedTarget]:
    rng = np.random.default_rng(seed)
    return [target(c, bool(rng.uniform() < share(c))) for c in levels for _ in range(n)]


def test_the_curve_is_the_one_that_was_drawn_from():
    def share(c):
        return 1 / (1 + np.exp(-(5 + 3 * np.log(c))))

    (curve,) = detection_curves([BOX], drawn(share))
    true = share(np.array(curve.contrast))
    assert np.abs(np.array(curve.probability) - true).max() < 0.05
    assert np.mean((np.array(curve.low) <= true) & (true <= np.array(curve.high))) > 0.9
    assert curve.contrast_of_90 == pytest.approx(np.exp((np.log(9) - 5) / 3), rel=0.1)


def test_no_curve_where_ground_hides_some_whatever_their_contrast():
    assert detection_curves([BOX], drawn(lambda c: 0.0 if c < 0.15 else 0.6)) == ()


def test_no_curve_from_few_targets_or_one_contrast():
    assert detection_curves([BOX], drawn(lambda c: 0.5, n=5)) == ()
    assert detection_curves([BOX], drawn(lambda c: 0.5, levels=(0.4,))) == ()


@pytest.mark.parametrize("seen", [0.0, 1.0])
def test_all_or_nothing_stays_finite(seen):
    (curve,) = detection_curves([BOX], drawn(lambda c: seen, n=20))
    assert np.abs(np.array(curve.probability) - seen).max() < 0.05
    assert curve.contrast_of_90 is None


def test_a_step_between_contrasts_stays_finite():
    design = np.column_stack([np.ones(40), np.repeat([-1.0, 1.0], 20)])
    fitted = logistic(design, np.repeat([0.0, 1.0], 20))
    assert fitted is not None
    assert 2 < fitted[0][1] < 10
