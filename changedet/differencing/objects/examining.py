"""Which places of a score are tested, and which of them hold more than quiet ground does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.null.object_null import CANDIDATE
from changedet.differencing.null.significance import object_q_values
from changedet.differencing.objects.explaining import Run
from changedet.differencing.objects.extents import Shape
from changedet.differencing.objects.holding import date_columns, held_by
from changedet.differencing.objects.labelling import Components, find_components
from changedet.differencing.objects.measuring import Measures
from changedet.differencing.objects.shades import SideSums, side_columns
from changedet.differencing.objects.visiting import look_at
from changedet.differencing.objects.weighting import MOST, weighs, weights_of
from changedet.differencing.sizes import minimum_pixels
from changedet.model import PairReader, RasterWindows


@dataclass(frozen=True, eq=False)
class Examined:
    """Places that have the evidence that is asked for, and what is known of them."""

    places: Components
    """With the evidence by which they were tested as ``peak``."""
    p: np.ndarray
    """(n,) chance that a place of quiet ground has as much."""
    q: np.ndarray
    """(n,) share of false ones among all that have as much."""
    geometry: np.ndarray
    """(n,) outlines in the CRS of the grid."""
    measures: Measures
    shape: Shape
    why: np.ndarray
    """(n,) what explains each, or None."""
    looks: np.ndarray | None
    """(n, column) what their weights rest on; None where they have none."""


def examine_places(
    score: RasterWindows,
    labels: Any,
    reader: PairReader,
    detection: Detection,
    *,
    observed_pixels: int,
    min_area_m2: float | None = None,
    fdr: float | None = None,
    explained: RasterWindows | None = None,
    run: Run = map,
) -> Examined:
    """Find the places of a score, and test each by its evidence and its weight.

    Parameters
    ----------
    score, labels, reader, detection, observed_pixels, min_area_m2, fdr, explained, run
        As for :func:`changedet.differencing.find_objects`.

    Returns
    -------
    Examined
        In the order of their first pixel.
    """
    grid, threshold, weighed = score.grid, detection.threshold, weighs(detection)
    # what has little evidence may have a weight that is enough
    seed = max(threshold.support, threshold.seed - MOST) if weighed else threshold.seed
    found = find_components(
        score, threshold.support, seed, labels.write, explained, thing=detection.thing
    )
    found = found.keep(found.pixels >= minimum_pixels(grid, min_area_m2))
    sums = SideSums.zeros(len(found)) if weighed else None
    geometry, measures, shape, why = look_at(
        labels, reader, found, detection, observed_pixels, run, sums
    )
    looks = None
    if sums is not None:
        dates = date_columns(measures, sums, detection)
        change = held_by(dates)
        held = np.where(change == "disappeared", 0, 1), np.arange(len(found))
        looks = np.hstack([side_columns(measures, sums, shape, change, detection), dates[held]])
        weight = weights_of(looks, found.pixels * (grid.pixel_area_m2 or 1.0))
        # what was a candidate stays one, or those that are left would be fewer than is known
        found = replace(found, peak=np.maximum(found.peak + weight, np.float32(CANDIDATE)))
    chosen = found.peak >= np.float32(threshold.seed)
    p, q = detection.objects.p_value(found.peak), np.ones(len(found))
    # quiet ground holds so many candidates that peak lower, and they were tested as well
    tests = detection.objects.per_mpx * observed_pixels / 1e6 + np.count_nonzero(chosen)
    q[chosen] = object_q_values(p[chosen], tests)
    if fdr is not None:
        chosen &= q <= fdr
    return Examined(
        found.keep(chosen), p[chosen], q[chosen], geometry[chosen], measures.take(chosen),
        shape.take(chosen), why[chosen], None if looks is None else looks[chosen],
    )  # fmt: skip
