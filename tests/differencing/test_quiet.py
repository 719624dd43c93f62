"""What is known of quiet pairs, and how it adapts to the pair at hand."""

import json
import math
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from changedet.differencing.detector import DetectionContext
from changedet.differencing.null.curves import Curve
from changedet.differencing.null.object_null import ObjectNull
from changedet.differencing.null.quiet import (
    WEAK_BELOW,
    QuietPairs,
    _all,
    from_json,
    kind_of,
    to_json,
)


def known(weak_below: float = WEAK_BELOW) -> QuietPairs:
    curve = Curve(np.array([2.0, 3.0, 5.0]), np.array([0.0, -2.0, -6.0]), 2.0)
    return QuietPairs({"all": curve}, ObjectNull(50.0, curve, 900, "pair"), 100.0, weak_below)


def test_a_pair_with_twice_as_many_weak_candidates_has_twice_as_many_quiet_objects():
    weak = np.linspace(2.0, 3.9, 200)
    assert known().objects_for(weak, 1_000_000).per_mpx == pytest.approx(100.0, rel=0.02)
    assert known().objects_for(weak[:100], 1_000_000).per_mpx == pytest.approx(50.0)


def test_what_changed_does_not_speak_for_quiet_objects():
    weak, strong = np.linspace(2.0, 3.9, 100), np.linspace(5.0, 20.0, 300)
    alone = known().objects_for(weak, 1_000_000)
    busy = known().objects_for(np.concatenate([weak, strong]), 1_000_000)
    assert busy.per_mpx == alone.per_mpx
    # where all candidates were counted, they all have to count here, too
    every = known(math.inf).objects_for(np.concatenate([weak, strong]), 1_000_000)
    assert every.per_mpx == pytest.approx(4 * alone.per_mpx, rel=0.05)


def test_a_crop_that_happens_to_have_none_is_not_known_to_be_calm():
    """A crop of 200 by 200 pixels has four by the mean; the whole image a hundred."""
    none = np.zeros(0)
    crop, whole = (known().objects_for(none, n).per_mpx for n in (40_000, 1_000_000))
    assert crop == pytest.approx(25.0)
    assert whole == pytest.approx(12.5)
    assert known().objects_for(none, 0).per_mpx == pytest.approx(50.0)


def test_a_pair_adapts_within_limits():
    assert known().objects_for(np.zeros(0), 1_000_000).per_mpx == pytest.approx(12.5)
    assert known().objects_for(np.full(10_000, 2.5), 1_000_000).per_mpx == pytest.approx(200.0)


@pytest.mark.parametrize("limit", [WEAK_BELOW, math.inf])
def test_the_file_keeps_how_candidates_were_counted(limit):
    written = json.dumps(to_json(known(limit)), allow_nan=False)
    assert from_json(json.loads(written)).weak_below == limit


@pytest.mark.parametrize(("power", "expected"), [(1.0, 100.0), (0.5, 50.0 * 2**0.5), (0.0, 50.0)])
def test_weak_candidates_speak_for_strong_ones_as_far_as_was_learnt(power, expected):
    weak = np.linspace(2.0, 3.9, 200)
    found = replace(known(), weak_power=power).objects_for(weak, 1_000_000)
    assert found.per_mpx == pytest.approx(expected, rel=0.02)


@dataclass
class Told:
    """What a detector knows of shadows and structure."""

    shadow: object = None
    structure: object = None


def lit(before: float, after: float, bands: int = 4, named: bool = True) -> Told:
    """Shadows that go two pixels a metre up at both dates, and so many across."""
    away = ((-2.0, before), (-2.0, after))
    colour = SimpleNamespace(named=named)
    return Told(shadow=SimpleNamespace(away=away, bands=tuple(range(bands)), colour=colour))


@pytest.mark.parametrize(
    ("gsd_m", "bands", "detector", "shade_px", "kind"),
    [
        (10.0, 4, Told(), 0.0, "medium"),
        (2.5, 4, Told(), 0.0, "metres"),
        (0.5, 4, lit(0.0, 0.5), 200.0, "fine"),
        (0.5, 4, lit(-1.0, 1.0), 40.0, "fine, other light"),
        (0.5, 4, lit(-1.0, 1.0), 200.0, "fine, large shadows"),
        (0.5, 4, lit(-1.0, 1.0, named=False), 200.0, "fine, no names"),
        (2.5, 4, lit(-1.0, 1.0, named=False), 200.0, "metres"),
        (0.5, 1, lit(-1.0, 1.0, bands=1), 200.0, "one band, sun known"),
        (0.5, 3, Told(structure=object()), 0.0, "picture"),
        (0.5, 1, Told(structure=object()), 0.0, "one band"),
        (None, 1, Told(structure=object()), 0.0, "one band"),
    ],
)
def test_kinds_of_pairs(gsd_m, bands, detector, shade_px, kind):
    context = DetectionContext(("blue", "green", "red", "nir")[:bands], "optical", gsd_m)
    assert kind_of(detector, context, shade_px) == kind


def test_every_kind_of_fine_pair_is_known():
    every = ("fine", "fine, other light", "fine, large shadows", "picture", "one band", "metres",
             "one band, sun known", "fine, no names")  # fmt: skip
    assert set(every) <= set(_all()["change-vector"])
