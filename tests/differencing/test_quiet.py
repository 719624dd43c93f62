"""What is known of quiet pairs, and how it adapts to the pair at hand."""

import json
import math

import numpy as np
import pytest

from changedet.differencing.null.null_model import Curve
from changedet.differencing.null.object_null import ObjectNull
from changedet.differencing.null.quiet import WEAK_BELOW, QuietPairs, from_json, to_json


def known(weak_below: float = WEAK_BELOW) -> QuietPairs:
    curve = Curve(np.array([2.0, 3.0, 5.0]), np.array([0.0, -2.0, -6.0]), 2.0)
    return QuietPairs({"all": curve}, ObjectNull(50.0, curve, 900, "pair"), 100.0, weak_below)


def test_a_pair_with_twice_as_many_weak_candidates_has_twice_as_many_quiet_objects():
    weak = np.linspace(2.0, 3.9, 200)
    assert known().objects_for(weak, 1_000_000).per_mpx == pytest.approx(100.0)
    assert known().objects_for(weak[:100], 1_000_000).per_mpx == pytest.approx(50.0)


def test_what_changed_does_not_speak_for_quiet_objects():
    weak, strong = np.linspace(2.0, 3.9, 100), np.linspace(5.0, 20.0, 300)
    alone = known().objects_for(weak, 1_000_000)
    busy = known().objects_for(np.concatenate([weak, strong]), 1_000_000)
    assert busy.per_mpx == alone.per_mpx
    # where all candidates were counted, they all have to count here, too
    every = known(math.inf).objects_for(np.concatenate([weak, strong]), 1_000_000)
    assert every.per_mpx == pytest.approx(4 * alone.per_mpx)


def test_a_pair_adapts_within_limits():
    assert known().objects_for(np.zeros(0), 1_000_000).per_mpx == pytest.approx(12.5)
    assert known().objects_for(np.full(10_000, 2.5), 1_000_000).per_mpx == pytest.approx(200.0)


@pytest.mark.parametrize("limit", [WEAK_BELOW, math.inf])
def test_the_file_keeps_how_candidates_were_counted(limit):
    written = json.dumps(to_json(known(limit)), allow_nan=False)
    assert from_json(json.loads(written)).weak_below == limit
