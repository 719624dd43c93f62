"""How many wagons the outlined objects show on each track, to be held against the track's count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from changedet.activity.histories.track_histories import CAR_M
from changedet.model import GSD_TOLERANCE, ChangeTable, Grid, Places, TrackActivity

SINGLE_GSD_M = 1.0
"""Coarser pixels show no single wagons, and nothing is outlined as one."""
BESIDE_M = 2.6
"""An outline belongs to the track whose centre is no farther from its middle: half of what two
tracks are apart."""


def outlined_wagons(
    rows: tuple[TrackActivity, ...], tracks: Places | None, table: ChangeTable, grid: Grid
) -> tuple[TrackActivity, ...]:
    """Tell each track how many wagons were outlined on it.

    Parameters
    ----------
    rows : tuple of TrackActivity
        From :func:`changedet.activity.track_activity`.
    tracks : Places or None
        The same tracks, in the grid's CRS.
    table : ChangeTable
        Objects with kinds and moves. A train counts by its length.
    grid : Grid
        Of the pair.

    Returns
    -------
    tuple of TrackActivity
        With ``outlined_arrived`` and ``outlined_departed`` where wagons are counted.
    """
    gsd, size = grid.gsd_m, grid.pixel_size_m
    if (
        tracks is None
        or not rows
        or gsd is None
        or size is None
        or gsd > SINGLE_GSD_M * GSD_TOLERANCE
    ):
        return rows
    table = table if grid.crs is None else table.to_crs(grid.crs)
    rail = np.isin(table["kind"].astype(str), ("railcar", "train")) & ~table.explained
    rolling = table.take(rail)
    change, away = rolling["change"].astype(str), rolling.moved_away
    arrived = (change == "appeared") | ((change == "moved") & ~away)
    departed = (change == "disappeared") | away
    length = np.nan_to_num(rolling["length_m"].astype(np.float64))
    single = rolling["kind"].astype(str) == "railcar"
    wagons = np.where(single, 1.0, np.maximum(1.0, np.round(length / CAR_M)))
    owner = _owner(rows, tracks, rolling.geometry, grid, size)
    numbers = [
        np.bincount(owner[at], weights=wagons[at], minlength=len(rows) + 1)
        for at in (arrived, departed)
    ]
    return tuple(
        row
        if row.cars_after is None
        else replace(row, outlined_arrived=int(numbers[0][k]), outlined_departed=int(numbers[1][k]))
        for k, row in enumerate(rows)
    )


def _owner(
    rows: Sequence[TrackActivity],
    tracks: Places,
    outlines: np.ndarray,
    grid: Grid,
    size: tuple[float, float],
) -> np.ndarray:
    """(n,) number of the track that an outline lies on; the number of tracks where on none."""

    def plane(shapes: np.ndarray) -> np.ndarray:
        return np.asarray(
            shapely.transform(shapes, lambda xy: np.column_stack(grid.rowcol(*xy.T)) * size)
        )

    middles = plane(shapely.centroid(outlines))
    if not len(middles):
        return np.zeros(0, dtype=np.int64)
    away = np.full((len(rows) + 1, len(middles)), np.inf)
    away[-1] = BESIDE_M
    for k, (row, line) in enumerate(zip(rows, plane(tracks.geometry), strict=True)):
        # to the left is positive
        aside = -float(np.mean(row.offset_m)) if row.offset_m else 0.0
        parts = [shapely.offset_curve(part, aside) for part in shapely.get_parts(line)]
        away[k] = shapely.distance(middles, shapely.union_all(parts))
    return np.asarray(away.argmin(axis=0))
