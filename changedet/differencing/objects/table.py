"""From the score raster to the table of changed objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.detectors.vector import ChangeVector, colours
from changedet.differencing.null.significance import object_q_values
from changedet.differencing.objects.explaining import (
    Run,
    count_explanations,
    explaining_halo,
    explanations,
)
from changedet.differencing.objects.holding import date_columns, held_by
from changedet.differencing.objects.labelling import (
    Components,
    find_components,
    touched_windows,
)
from changedet.differencing.objects.measuring import (
    RING_PX,
    Measures,
    Shape,
    appearances,
    contrasts,
    count_cuts,
    cut_by,
    directions,
    on_the_ground,
    shape_of,
)
from changedet.differencing.objects.polygonise import outlines, unite
from changedet.differencing.objects.refining import can_refine, refine
from changedet.differencing.objects.shades import (
    LARGEST_M2,
    SideSums,
    count_sides,
    side_columns,
    told,
)
from changedet.differencing.objects.standing import GROUND_PX, count_standing
from changedet.differencing.sizes import minimum_pixels
from changedet.model import Appearance, ChangeTable, Grid, PairReader, RasterWindows, Window

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
    """(n, column) what was weighed to tell bodies from shadows; None where nothing was."""
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
    grid, threshold = score.grid, detection.threshold
    found = find_components(
        score, threshold.support, threshold.seed, labels.write, explained,
        thing=detection.thing,
    )  # fmt: skip
    large = found.pixels >= minimum_pixels(grid, min_area_m2)
    p = detection.objects.p_value(found.peak)
    # quiet ground holds so many candidates that peak lower, and they were tested as well
    q = object_q_values(
        p, detection.objects.per_mpx * observed_pixels / 1e6 + np.count_nonzero(large)
    )
    chosen = large
    if fdr is not None:
        chosen = large & (q <= fdr)
    found, p, q = found.keep(chosen), p[chosen], q[chosen]
    if not len(found):
        none = appearances(Measures.zeros(0, len(reader.roles)), detection.contrast)
        return FoundObjects(ChangeTable.empty(grid.crs), found.lookup, none)
    looks = dates = body = change = None
    geometry, measures, shape, why = _look_at(
        labels, reader, found, detection, observed_pixels, run
    )
    resolved = parts is not None and can_refine(detection)
    if resolved:
        asked = np.array([v is None for v in why], dtype=bool)
        least, peak = minimum_pixels(grid, min_area_m2), found.peak
        found, parent, is_part = refine(
            score, labels, parts, found, asked, reader, detection, least, run
        )
        tested = why[parent], p[parent], q[parent]
        found = replace(found, peak=peak[parent])
        sums = None if detection.shadow is None else SideSums.zeros(len(found))
        geometry, measures, shape, why = _look_at(
            labels, reader, found, detection, observed_pixels, run, sums
        )
        # of a place that no shadow explains a dark part is no shadow that moved; but some are
        # those of what changed
        why[is_part & ~np.isin(why.astype(str), PART_EXPLANATIONS)] = None
        dates = date_columns(measures, sums, detection)
        change = held_by(dates)
        if sums is not None:
            looks = side_columns(measures, sums, shape, change, detection)
            body, hardly = told(looks)
            body[~is_part] = np.nan
            small = found.pixels * (detection.context.gsd_m or 1.0) ** 2 <= LARGEST_M2
            why[is_part & hardly & small] = "shadow"
        why, p, q = np.where(is_part, why, tested[0]), *tested[1:]
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


def _look_at(
    labels: RasterWindows,
    reader: PairReader,
    found: Components,
    detection: Detection,
    observed_pixels: int,
    run: Run,
    sums: SideSums | None = None,
) -> tuple[np.ndarray, Measures, Shape, np.ndarray]:
    """Outline, measure and explain; with ``sums`` to add to, look at the sides of each, too."""
    geometry, measures = _visit(labels, reader, found, detection, run, sums)
    shape = shape_of(measures.moments, found.first)
    why = explanations(found, measures, shape, detection, reader, observed_pixels)
    return geometry, measures, shape, why


def _visit(
    labels: RasterWindows,
    reader: PairReader,
    found: Components,
    detection: Detection,
    run: Run,
    sums: SideSums | None,
) -> tuple[np.ndarray, Measures]:
    """Outline and measure, reading only the blocks that hold an object."""
    grid, n = labels.grid, len(found)
    halo = max(RING_PX + 2 + SHADOW_GUARD, GROUND_PX, detection.halo, explaining_halo(detection))

    def work(core: Window) -> tuple[np.ndarray, np.ndarray, Measures, SideSums | None]:
        window = core.pad(halo)
        inner = window.intersect(grid.window)
        numbers = np.zeros(window.shape, dtype=np.int64)
        numbers[inner.within(window)] = found.lookup[labels.read(inner)]
        ids, pieces = outlines(numbers[core.within(window)], core)
        partial = Measures.zeros(n, len(reader.roles))
        pair = reader.read(window)
        partial.add(numbers, pair, window, core, found.first, detection.contrast)
        count_explanations(partial, numbers, pair, window, core, detection)
        count_cuts(partial, numbers, pair, window, core, grid)
        sides = None if sums is None else SideSums.zeros(n)
        if isinstance(detection.detector, ChangeVector):
            dates = colours(pair, detection.detector, detection.contrast[1])
            count_standing(partial, numbers, pair, dates, window, core, detection)
            if sides is not None:
                count_sides(sides, numbers, pair, dates, window, core, detection)
        return ids, pieces, partial, sides

    measures = Measures.zeros(n, len(reader.roles))
    all_ids, all_pieces = [], []
    for ids, pieces, partial, sides in run(work, touched_windows(grid, found, RING_PX)):
        all_ids.append(ids)
        all_pieces.append(pieces)
        measures.merge(partial)
        if sums is not None and sides is not None:
            sums.merge(sides)
    polygons = unite(np.concatenate(all_ids), np.concatenate(all_pieces), n)
    return _to_crs(polygons, grid), measures


def _to_crs(polygons: np.ndarray, grid: Grid) -> np.ndarray:
    """Pixel corners to coordinates of the grid's CRS (unchanged without one)."""
    if grid.crs is None:
        return polygons
    import shapely

    return shapely.transform(
        polygons, lambda xy: np.column_stack(grid.xy(xy[:, 1] - 0.5, xy[:, 0] - 0.5))
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
