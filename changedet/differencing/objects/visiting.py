"""Looking at objects where they lie: their outlines, what is measured, what explains them."""

from __future__ import annotations

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.detectors.vector import ChangeVector, colours
from changedet.differencing.objects.borders import count_cuts
from changedet.differencing.objects.explaining import (
    Run,
    count_explanations,
    explaining_halo,
    explanations,
)
from changedet.differencing.objects.extents import Shape, shape_of
from changedet.differencing.objects.labelling import Components, touched_windows
from changedet.differencing.objects.measuring import RING_PX, Measures
from changedet.differencing.objects.polygonise import outlines, unite
from changedet.differencing.objects.shades import SideSums, count_sides
from changedet.differencing.objects.standing import GROUND_PX, count_standing
from changedet.model import Grid, PairReader, RasterWindows, Window


def look_at(
    labels: RasterWindows,
    reader: PairReader,
    found: Components,
    detection: Detection,
    observed_pixels: int,
    run: Run,
    sums: SideSums | None = None,
) -> tuple[np.ndarray, Measures, Shape, np.ndarray]:
    """Outline, measure and explain; with ``sums`` to add to, look at the sides of each, too.

    Returns
    -------
    geometry : (n,) array of polygons
        In the grid's CRS.
    measures : Measures
    shape : Shape
    why : (n,) object array
        What explains each, or None.
    """
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
    if not all_ids:
        return np.zeros(0, dtype=object), measures
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
