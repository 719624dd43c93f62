"""From the score raster to the table of changed objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.labelling import (
    LABEL_BLOCK,
    Components,
    find_components,
    touched_windows,
)
from changedet.differencing.measuring import (
    RING_PX,
    Measures,
    Shape,
    contrasts,
    directions,
    on_the_ground,
    shape_of,
)
from changedet.differencing.polygonise import outlines, unite
from changedet.differencing.significance import object_q_values
from changedet.differencing.sizes import minimum_pixels
from changedet.differencing.vector import ChangeVector
from changedet.model import ChangeTable, Grid, ImagePair, PairReader, RasterWindows, Window

Run = Callable[[Callable[[Window], Any], Iterable[Window]], Iterator[Any]]
"""Maps a function over windows, in order."""
MINIMUM_WIDTH_M = 1.5
"""Narrowest object unless told otherwise: no vehicle, wagon or container is as narrow. Without
effect where pixels are coarser than that."""
LOOSE = 2.5
"""Tolerance for the colour of a shadow, as a multiple, where the shape of the whole object counts
as well."""
SLIVER_SHARE = 0.5
"""Share of a sliver's pixels that must have that colour."""
STANDING_SHARE = 0.7
"""Share of a standing thing's changed pixels that must have darkened (or brightened) so,"""
CONTRARY = 2.0
"""So many times as much contrast at the date when it is brighter: then it is no shadow."""
STANDING_SPREAD = 0.35
"""and how evenly: standard deviation over mean."""
MISPLACED = 2.5
"""Residual shifts up to so many standard deviations count as an explanation,"""
MISPLACED_SHARE = 0.7
"""of objects of which this share of pixels would not have been marked with a shift so large,"""
MISPLACED_PX = 0.1
"""and where at least this much is expected, pixels: less is far below what makes an object."""


@dataclass(frozen=True, eq=False)
class FoundObjects:
    """The table and what is needed to map it back to pixels."""

    table: ChangeTable
    """One row an object; ids are the labels in the raster plus nothing: row ``i`` is ``i + 1``."""
    lookup: np.ndarray
    """Maps provisional labels to ids (0: none)."""


def explain_pixels(
    score: RasterWindows,
    explained: Any,
    reader: PairReader,
    detection: Detection,
    run: Run = map,
) -> None:
    """Mark the pixels whose change is only a shadow that moved.

    Parameters
    ----------
    score : RasterWindows
        −log10 p.
    explained : RasterWindows with ``write``
        uint8 scratch raster, zero to begin with; blocks without a seed are left alone.
    reader, detection, run
        As for :func:`find_objects`.
    """
    shadow = detection.shadow
    if shadow is None:
        return
    halo = shadow.halo + SHADOW_GUARD

    def work(core: Window) -> None:
        tile = np.nan_to_num(score.read(core))
        if not (tile >= detection.threshold.seed).any():
            return
        window = core.pad(halo)
        wanted = np.zeros(window.shape, dtype=bool)
        wanted[core.within(window)] = tile >= detection.threshold.support
        bright = detection.detector.shadow_logarithms(reader.read(window))  # type: ignore[attr-defined]
        mask = shadow.explains(bright[0], bright[1], wanted)[core.within(window)]
        explained.write(core, mask.astype(np.uint8))

    for _ in run(work, score.grid.tiles(LABEL_BLOCK)):
        pass


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
    run: Run = map,
) -> FoundObjects:
    """Threshold the score with hysteresis, outline and measure what is left.

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
        From :func:`explain_pixels`.
    run : callable
        How to map over blocks; the built-in ``map`` by default.

    Returns
    -------
    FoundObjects
        Objects by falling score; ties by position.
    """
    grid, threshold = score.grid, detection.threshold
    found = find_components(score, threshold.support, threshold.seed, labels.write, explained)
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
        return FoundObjects(ChangeTable.empty(grid.crs), found.lookup)
    geometry, measures = _visit(labels, reader, found, detection, run)
    shape = shape_of(measures.moments, found.first)
    table = _table(grid, found, geometry, measures, shape, detection, p, q)
    order = np.lexsort((found.first[:, 1], found.first[:, 0], -found.peak))
    if min_area_m2 is None and grid.crs is not None:
        order = order[table["width_m"][order] >= MINIMUM_WIDTH_M]
    ids = np.arange(1, len(order) + 1)
    new = np.zeros(len(found) + 1, dtype=np.int64)
    new[order + 1] = ids
    return FoundObjects(table.take(order).with_columns(id=ids), new[found.lookup])


def _visit(
    labels: RasterWindows,
    reader: PairReader,
    found: Components,
    detection: Detection,
    run: Run,
) -> tuple[np.ndarray, Measures]:
    """Outline and measure, reading only the blocks that hold an object."""
    grid, n = labels.grid, len(found)
    shadow = detection.shadow
    halo = max(RING_PX + 2 + SHADOW_GUARD, detection.halo)

    def work(core: Window) -> tuple[np.ndarray, np.ndarray, Measures]:
        window = core.pad(halo)
        inner = window.intersect(grid.window)
        numbers = np.zeros(window.shape, dtype=np.int64)
        numbers[inner.within(window)] = found.lookup[labels.read(inner)]
        ids, pieces = outlines(numbers[core.within(window)], core)
        partial = Measures.zeros(n, len(reader.roles))
        pair = reader.read(window)
        partial.add(numbers, pair, window, core, found.first, detection.contrast)
        if shadow is not None:
            before, after = detection.detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
            colour = shadow.coloured(before, after, LOOSE)
            darkening = (after[:3] - before[:3]).mean(axis=0)
            partial.add_shaded(numbers, window, core, colour, darkening)
        misplaced = _misplaced(pair, numbers, detection)
        if misplaced is not None:
            partial.add_misplaced(numbers, window, core, misplaced)
        return ids, pieces, partial

    measures = Measures.zeros(n, len(reader.roles))
    all_ids, all_pieces = [], []
    for ids, pieces, partial in run(work, touched_windows(grid, found)):
        all_ids.append(ids)
        all_pieces.append(pieces)
        measures.merge(partial)
    polygons = unite(np.concatenate(all_ids), np.concatenate(all_pieces), n)
    return _to_crs(polygons, grid), measures


def _misplaced(pair: ImagePair, labels: np.ndarray, detection: Detection) -> np.ndarray | None:
    """Pixels that a residual shift of :data:`MISPLACED` standard deviations would explain.

    None where so little is left that it explains nothing, and for detectors that do not know what
    a shift does.
    """
    left = pair.residual_px
    if left is None or not isinstance(detection.detector, ChangeVector):
        return None
    asked = (labels > 0) & (left >= MISPLACED_PX)
    if not asked.any():
        return None
    score = detection.surprise(pair, detection.detector.statistic(pair, MISPLACED))
    out: np.ndarray = asked & (np.nan_to_num(score) < detection.threshold.support)
    return out


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
    detection: Detection,
    p: np.ndarray,
    q: np.ndarray,
) -> ChangeTable:
    contrast = contrasts(measures, detection.contrast)
    change = directions(contrast)
    length, width, bearing = on_the_ground(shape, grid)
    area = 1.0 if grid.pixel_area_m2 is None else grid.pixel_area_m2
    n = len(found)
    return ChangeTable(
        geometry,
        {
            "id": np.arange(1, n + 1),
            "change": change,
            "kind": np.full(n, "other", dtype=object),
            "explained_by": _explained(found, measures, shape, contrast, detection),
            "area_m2": found.pixels * area,
            "length_m": length,
            "width_m": width,
            "bearing_deg": bearing,
            "score": found.peak.astype(np.float64),
            "p_value": p,
            "q_value": q,
            "residual_shift_px": measures.residual / np.maximum(found.pixels, 1),
        },
        grid.crs,
        found.first,
    )


def _explained(
    found: Components,
    measures: Measures,
    shape: Shape,
    contrast: np.ndarray,
    detection: Detection,
) -> np.ndarray:
    """``shadow`` where only the light changed, ``misregistration`` where a shift would do.

    Besides objects made of explained pixels these are slivers with the colour of a shadow that
    are no wider than the tip of a shadow travels from one date to the other, and things that
    stand at both dates and of which one side fell into the shade, as the slopes of a roof do.
    """
    away = found.explained.copy()
    change = directions(contrast)
    if detection.shadow is not None:
        pixels = np.maximum(found.pixels, 1)
        count, total, squares = np.moveaxis(measures.shaded, 1, 0)
        share = count.sum(axis=0) / pixels
        mean = np.abs(total) / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0.0))
        even = (count / pixels >= STANDING_SHARE) & (spread <= STANDING_SPREAD * mean)
        # A shadow that comes darkens and one that goes brightens; a thing may do the contrary.
        before, after = contrast
        darker = count[0] >= count[1]
        contrary = np.where(darker, before > CONTRARY * after, after > CONTRARY * before)
        narrow = shape.width_px <= detection.shadow.sliver_px
        away |= (share >= SLIVER_SHARE) & narrow & ~contrary
        away |= even.any(axis=0) & (change == "modified")
    out = np.full(len(found), None, dtype=object)
    out[measures.misplaced >= MISPLACED_SHARE * np.maximum(found.pixels, 1)] = "misregistration"
    out[away] = "shadow"
    return out
