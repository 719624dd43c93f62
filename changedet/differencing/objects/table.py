"""From the score raster to the table of changed objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.objects.borders import cut_by
from changedet.differencing.objects.examining import examine_places
from changedet.differencing.objects.explaining import Run
from changedet.differencing.objects.extents import Shape, on_the_ground
from changedet.differencing.objects.holding import date_columns, held_by, held_by_sum
from changedet.differencing.objects.labelling import Components
from changedet.differencing.objects.measuring import Measures, appearances, contrasts, directions
from changedet.differencing.objects.refining import can_refine, refine
from changedet.differencing.objects.shades import (
    LARGEST_M2,
    SideSums,
    side_columns,
    told,
)
from changedet.differencing.objects.visiting import look_at
from changedet.differencing.sizes import minimum_pixels
from changedet.model import Appearance, ChangeTable, Grid, PairReader, RasterWindows

MINIMUM_WIDTH_M = 1.5
"""Narrowest object unless told otherwise: no vehicle, wagon or container is as narrow. Without
effect where pixels are coarser than that."""
PART_EXPLANATIONS = ("lean", "misregistration")
"""What may explain a part of a place that is not explained as a whole."""


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """The table and what is needed to map it back to pixels."""

    table: ChangeTable
    """One row an object; ids are the labels in the raster plus nothing: row ``i`` is ``i + 1``."""
    lookup: np.ndarray
    """Maps provisional labels to ids (0: none)."""
    appearance: Appearance
    """How they and their surroundings look, one entry a row."""
    looks: np.ndarray | None = None
    """(n, column) what was weighed to tell bodies from shadows or, of places that were not cut into
    parts, their weights rest on; None where nothing was."""
    dates: np.ndarray | None = None
    """(date, n, column) what was weighed to tell which date holds each; None where nothing was."""


def find_objects(
    score: RasterWindows,
    labels: Any,
    reader: PairReader,
    detection: Detection,
    *,
    observed_pixels: int,
    min_area_m2: float | None = None,
    fdr: float | None = None,
    explained: RasterWindows | None = None,
    parts: Any = None,
    run: Run = map,
) -> FoundObjects:
    """Threshold the score with hysteresis, outline and measure what is left.

    What is tested is a place of connected pixels. Where places are tested one by one, at pixels
    that resolve single objects, and ``parts`` is given, those that nothing explains are cut into
    the things they hold, which keep the significance of their place.

    Parameters
    ----------
    score : RasterWindows
        −log10 p, NaN where not observable.
    labels : RasterWindows with ``write``
        int32 scratch raster for provisional labels, zero to begin with.
    reader : PairReader
        The aligned pair.
    detection : Detection
        Threshold, null model of objects and typical contrast.
    observed_pixels : int
        Pixels of the score that are not NaN.
    min_area_m2 : float, optional
        Smallest object; by default four pixels, 4.5 m² and 1.5 m in width.
    fdr : float, optional
        Keep only objects whose q-value is at most this.
    explained : RasterWindows, optional
        From :func:`changedet.differencing.explain_pixels`.
    parts : RasterWindows with ``write``, optional
        int32 scratch raster, zero to begin with; without it places are left as they were tested.
    run : callable
        How to map over blocks; the built-in ``map`` by default.

    Returns
    -------
    FoundObjects
        Objects by falling score; ties by position.
    """
    grid = score.grid
    tested = examine_places(
        score, labels, reader, detection, observed_pixels=observed_pixels,
        min_area_m2=min_area_m2, fdr=fdr, explained=explained, run=run,
    )  # fmt: skip
    found, p, q = tested.places, tested.p, tested.q
    if not len(found):
        none = appearances(Measures.zeros(0, len(reader.roles)), detection.contrast)
        return FoundObjects(ChangeTable.empty(grid.crs), found.lookup, none)
    geometry, measures, shape, why = tested.geometry, tested.measures, tested.shape, tested.why
    looks, dates, body, change = tested.looks, None, None, None
    resolved = parts is not None and can_refine(detection)
    if resolved:
        asked = np.array([v is None for v in why], dtype=bool)
        least, peak = minimum_pixels(grid, min_area_m2), found.peak
        found, parent, is_part = refine(
            score, labels, parts, found, asked, reader, detection, least, run
        )
        of_place = why[parent], p[parent], q[parent]
        found = replace(found, peak=peak[parent])
        looks, sums = None, None if detection.shadow is None else SideSums.zeros(len(found))
        geometry, measures, shape, why = look_at(
            labels, reader, found, detection, observed_pixels, run, sums
        )
        # of a place that no shadow explains a dark part is no shadow that moved; but some are
        # those of what changed
        why[is_part & ~np.isin(why.astype(str), PART_EXPLANATIONS)] = None
        why, p, q = np.where(is_part, why, of_place[0]), *of_place[1:]
        if sums is None:
            change = held_by_sum(measures)
        else:
            dates = date_columns(measures, sums, detection)
            change = held_by(dates)
            looks = side_columns(measures, sums, shape, change, detection)
            body, hardly = told(looks)
            small = found.pixels * (detection.context.gsd_m or 1.0) ** 2 <= LARGEST_M2
            # a small place that nothing explains and that holds no parts is judged as one is
            judged = is_part | (asked[parent] & small)
            body[~judged] = np.nan
            why[judged & hardly & small] = "shadow"
    if change is None:
        change = directions(contrasts(measures, detection.contrast))
    table = _table(grid, found, geometry, measures, shape, change, p, q, why)
    order = np.lexsort((found.first[:, 1], found.first[:, 0], -found.peak))
    if min_area_m2 is None and grid.crs is not None:
        order = order[table["width_m"][order] >= MINIMUM_WIDTH_M]
    ids = np.arange(1, len(order) + 1)
    new = np.zeros(len(found) + 1, dtype=np.int64)
    new[order + 1] = ids
    return FoundObjects(
        table.take(order).with_columns(id=ids),
        new[found.lookup],
        replace(appearances(measures, detection.contrast), body=body).take(order),
        None if looks is None else looks[order],
        None if dates is None else dates[:, order],
    )


def _table(
    grid: Grid,
    found: Components,
    geometry: np.ndarray,
    measures: Measures,
    shape: Shape,
    change: np.ndarray,
    p: np.ndarray,
    q: np.ndarray,
    explained: np.ndarray,
) -> ChangeTable:
    length, width, bearing = on_the_ground(shape, grid)
    area = 1.0 if grid.pixel_area_m2 is None else grid.pixel_area_m2
    n = len(found)
    return ChangeTable(
        geometry,
        {
            "id": np.arange(1, n + 1),
            "change": change,
            "kind": np.full(n, "other", dtype=object),
            "explained_by": explained,
            "area_m2": found.pixels * area,
            "length_m": length,
            "width_m": width,
            "bearing_deg": bearing,
            "score": found.peak.astype(np.float64),
            "p_value": p,
            "q_value": q,
            "cut_by": cut_by(measures),
            "residual_shift_px": measures.residual / np.maximum(found.pixels, 1),
        },
        grid.crs,
        found.first,
    )
