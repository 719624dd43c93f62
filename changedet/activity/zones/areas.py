"""How much of each zone lies in the image, and how much of that could be observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from changedet.model import Grid, Places, RasterWindows, Window

NOT_OBSERVABLE = 255
"""Value of ``changed.tif`` where no change could have been seen."""
BLOCK = 1024
"""Side of the blocks in which the raster is read; never changes a result."""


@dataclass(frozen=True, eq=False)
class _Crossings:
    """Where the outline of a zone crosses the centre lines of pixel rows, sorted by row.

    Going along a row of pixel centres from the left, each crossing is a step into the zone or out
    of it again.
    """

    rows: np.ndarray
    cols: np.ndarray
    """First column whose centre lies at or right of the crossing."""

    def mask(self, window: Window) -> np.ndarray:
        """(y, x) bool of a window: pixel centres inside the zone."""
        first, last = np.searchsorted(self.rows, [window.row, window.row + window.height])
        rows = self.rows[first:last] - window.row
        cols = np.clip(self.cols[first:last] - window.col, 0, window.width)
        steps = np.zeros((window.height, window.width + 1), dtype=np.uint8)
        np.bitwise_xor.at(steps, (rows, cols), 1)
        inside = np.bitwise_xor.accumulate(steps[:, :-1], axis=1)
        return inside.view(np.bool_)


def zone_mask(geometry: Any, grid: Grid, window: Window) -> np.ndarray:
    """Pixels of a window whose centre lies inside a polygon.

    The exact pixel-centre rule: a centre on an outline belongs to the zone on one side of it only,
    so zones that share a border share no pixel and leave none out.

    Parameters
    ----------
    geometry : shapely geometry
        In the grid's CRS (in pixels without one). Only its polygons count.
    grid : Grid
        Where pixels lie.
    window : Window
        Part of the grid.

    Returns
    -------
    (y, x) bool array
    """
    return _crossings(geometry, grid).mask(window)


def observable_area(zones: Places | None, changed: RasterWindows) -> tuple[np.ndarray, np.ndarray]:
    """Count the pixels of each zone, and those in which a change could have been seen.

    The raster is read once, in blocks, whatever the number of zones.

    Parameters
    ----------
    zones : Places or None
        In the CRS of the raster. They may overlap.
    changed : RasterWindows
        uint8: 255 where nothing could be observed.

    Returns
    -------
    inside : (n + 1,) int64 array
        Pixels of the grid in each zone, and in the whole grid last.
    observable : (n + 1,) int64 array
        Those that are not 255.
    """
    grid = changed.grid
    outlines = [] if zones is None else [_crossings(g, grid) for g in zones.geometry]
    inside = np.zeros(len(outlines) + 1, dtype=np.int64)
    observable = np.zeros(len(outlines) + 1, dtype=np.int64)
    for window in grid.tiles(BLOCK):
        seen = changed.read(window) != NOT_OBSERVABLE
        inside[-1] += seen.size
        observable[-1] += np.count_nonzero(seen)
        for i, outline in enumerate(outlines):
            if not _touches(outline, window):
                continue
            mask = outline.mask(window)
            inside[i] += np.count_nonzero(mask)
            observable[i] += np.count_nonzero(mask & seen)
    return inside, observable


def _touches(outline: _Crossings, window: Window) -> bool:
    """Whether a zone has crossings in the window's rows, and not all of them right of it."""
    first, last = np.searchsorted(outline.rows, [window.row, window.row + window.height])
    cols = outline.cols[first:last]
    return bool(len(cols)) and cols.min() < window.col + window.width and cols.max() > window.col


def _crossings(geometry: Any, grid: Grid) -> _Crossings:
    """Crossings of all rings of a geometry; even-odd, so holes come out right."""
    rings = shapely.get_rings(shapely.get_parts(_polygons(geometry)))
    rows, cols = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for ring in rings:
        xy = shapely.get_coordinates(ring)
        r, c = grid.rowcol(xy[:, 0], xy[:, 1])
        ring_rows, ring_cols = _ring_crossings(r, c, grid.height)
        rows.append(ring_rows)
        cols.append(ring_cols)
    all_rows, all_cols = np.concatenate(rows), np.concatenate(cols)
    order = np.argsort(all_rows, kind="stable")
    return _Crossings(all_rows[order], all_cols[order])


def _polygons(geometry: Any) -> Any:
    """Return the polygons of a geometry as one multipolygon (empty for None, lines, points)."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def _ring_crossings(r: np.ndarray, c: np.ndarray, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Cross every edge of a closed ring with the integer rows from 0 to ``height`` - 1.

    An edge owns its upper end and not its lower one, so a corner on a row is crossed once.
    """
    top, bottom = np.minimum(r[:-1], r[1:]), np.maximum(r[:-1], r[1:])
    first = np.clip(np.ceil(top), 0, height).astype(np.int64)
    stop = np.clip(np.ceil(bottom), 0, height).astype(np.int64)
    count = np.maximum(stop - first, 0)
    edge = np.repeat(np.arange(len(count)), count)
    rows = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    along = (rows - r[:-1][edge]) / (r[1:] - r[:-1])[edge]
    at = c[:-1][edge] + along * (c[1:] - c[:-1])[edge]
    return rows, np.ceil(np.clip(at, -1, 2**40)).astype(np.int64)
