"""Real images, where there are any: set CHANGEDET_BENCHMARK_DATA to the folder of pairs."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from changedet.errors import NoGeoreferencingWarning
from changedet.loading import read_pair_sources, valid_fraction

from .builders import translation

DATA = os.environ.get("CHANGEDET_BENCHMARK_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="CHANGEDET_BENCHMARK_DATA is not set")
PAIRS = sorted(p.parent.name for p in Path(DATA).glob("*/before.tif")) if DATA else []


def load(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoGeoreferencingWarning)
        return read_pair_sources(
            str(Path(DATA, name, "before.tif")), str(Path(DATA, name, "after.tif"))
        )


@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_loads(name: str) -> None:
    pair = load(name)
    read = pair.read(pair.grid.window)
    assert read.valid.mean() == pytest.approx(valid_fraction(pair), abs=0.02)
    assert read.valid.mean() > 0.9
    assert np.isfinite(read.before.pixels).all()
    assert np.isfinite(read.after.pixels).all()


def test_a_known_shift_is_undone_to_the_bit() -> None:
    """Of this pair the after image is the before image moved 30 m (3 px) to the north-east."""
    if "coreg_aber_s2" not in PAIRS:
        pytest.skip("coreg_aber_s2 is not in the folder")
    pair = load("coreg_aber_s2").with_alignment(translation(3, -3))
    read = pair.read(pair.grid.window)
    assert read.valid.mean() > 0.95
    assert np.array_equal(read.before.pixels[:, read.valid], read.after.pixels[:, read.valid])
