"""The image along and across each track: a straightened strip, one row a step along the rails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from changedet.model import Grid, PairReader, Places, Window

HALF_WIDTH_M = 9.0
"""Strips reach so far to either side: the largest error of a centreline and the next track."""
BLOCK = 512
"""Side of the blocks in which the pair is read; never changes a result."""
FINE_GSD_M = 1.25
"""Coarser pixels mix a track with its neighbours: they are interpolated sharply,"""
SHARPEN = 0.2
"""with so much of the difference to either neighbour added, along rows and along columns."""
CHORD_M = 6.0
"""The direction of a track is taken over so many metres: corners of a drawn line are none."""


@dataclass(frozen=True, eq=False)
class TrackStrip:
    """One unbroken piece of a track, sampled along and across; lengths are metres."""

    track: int
    """Position of the track in its places."""
    step: float
    """Distance between samples along the track."""
    along: np.ndarray
    """(n,) distance of each sample from the start of the piece."""
    across: np.ndarray
    """(m,) distance of each sample from the drawn centreline, right of the way is positive."""
    rows: np.ndarray
    """(n, m) rows of the samples on the grid."""
    cols: np.ndarray
    """(n, m) columns of the samples on the grid."""
    centre: np.ndarray
    """(n, 2) metres down and to the right of the grid's first pixel, on the drawn line."""
    right: np.ndarray
    """(n, 2) unit vector to the right of the way, in the same frame."""
    pixels: np.ndarray
    """(date, band, n, m) float32 values, meaningless where not valid."""
    valid: np.ndarray
    """(date, n, m) bool."""

    @property
    def length(self) -> float:
        """Length of the piece."""
        return len(self.along) * self.step


def track_strips(pair: PairReader, tracks: Places) -> list[TrackStrip]:
    """Sample both dates along and across every track.

    The parts of a line that join end to end are one piece; what lies outside the grid is left out.

    Parameters
    ----------
    pair : PairReader
        The aligned pair.
    tracks : Places
        Centrelines in the grid's CRS (in pixels without one).

    Returns
    -------
    list of TrackStrip
        In the order of the tracks; none for a track outside the grid, or shorter than a step.
    """
    strips = [
        strip
        for number, line in enumerate(tracks.geometry)
        for strip in _lay(number, line, pair.grid, len(pair.roles))
    ]
    for window in pair.grid.tiles(BLOCK):
        touched = [(s, *_inside(s, window)) for s in strips]
        touched = [(s, at, near) for s, at, near in touched if near]
        if not touched:
            continue
        # neighbours for the interpolation
        reach = len(_taps(np.zeros(1), pair.grid.gsd_m)[0])
        around = window.pad(reach)
        read = pair.read(around)
        for strip, at, _ in touched:
            for date, image in enumerate((read.before, read.after)):
                _interpolate(strip, date, at, image.pixels, image.valid, around)
    return strips


def _inside(strip: TrackStrip, window: Window) -> tuple[np.ndarray, bool]:
    """(n, m) bool: samples whose upper left neighbour lies in the window; and whether any does."""
    r, c = np.floor(strip.rows), np.floor(strip.cols)
    at = (r >= window.row) & (r < window.row + window.height)
    at &= (c >= window.col) & (c < window.col + window.width)
    return at, bool(at.any())


def _taps(fraction: np.ndarray, gsd: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of a fractional position and their weights along one axis.

    Bilinear where a pixel is much narrower than a track. Coarser pixels mix neighbouring tracks,
    and mixing them further would hide what is left of them: cubic convolution, and a sharpening
    that gives back about what the point spread took (Keys 1981, doi:10.1109/TASSP.1981.1163711).

    Returns
    -------
    steps : (k,) int array
        From the pixel at or before the position.
    weights : (k, n) float array
        They add up to 1.
    """
    if gsd is None or gsd <= FINE_GSD_M:
        return np.array([0, 1]), np.stack([1 - fraction, fraction])
    distance = np.abs(fraction - np.arange(-1, 3)[:, None])
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    cubic = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    wide = np.zeros((6, len(fraction)))
    for shift, weight in ((0, -SHARPEN), (1, 1 + 2 * SHARPEN), (2, -SHARPEN)):
        wide[shift : shift + 4] += weight * cubic
    return np.arange(-2, 4), wide


def _interpolate(
    strip: TrackStrip, date: int, at: np.ndarray, pixels: np.ndarray, valid: np.ndarray,
    window: Window,
) -> None:  # fmt: skip
    """Interpolated values of some samples; valid where the four pixels around are."""
    r, c = strip.rows[at] - window.row, strip.cols[at] - window.col
    i, j = np.floor(r).astype(np.int64), np.floor(c).astype(np.int64)
    steps, down = _taps(r - i, strip.step)
    steps, right = _taps(c - j, strip.step)
    value, total = np.zeros((len(pixels), len(r))), np.zeros(len(r))
    good = np.ones(len(r), dtype=bool)
    for a, row in zip(steps, down, strict=True):
        for b, column in zip(steps, right, strict=True):
            usable = valid[i + a, j + b]
            weight = row * column * usable
            value += pixels[:, i + a, j + b] * weight
            total += weight
            if a in (0, 1) and b in (0, 1):
                good &= usable
    good &= total > 0.5
    strip.pixels[date][:, at] = value / np.where(good, total, 1.0)
    strip.valid[date][at] = good


def _lay(number: int, line: Any, grid: Grid, bands: int) -> Iterator[TrackStrip]:
    """Lay the samples of one track, without values yet."""
    gsd, steps = grid.gsd_m, grid.pixel_size_m
    if gsd is None or steps is None:
        return
    in_pixels = shapely.transform(line, lambda xy: np.column_stack(grid.rowcol(*xy.T)))
    frame = shapely.box(-0.5, -0.5, grid.height - 0.5, grid.width - 0.5)
    merged = shapely.line_merge(shapely.intersection(in_pixels, frame))
    n = int(np.ceil(HALF_WIDTH_M / (gsd / 2)))
    across = np.arange(-n, n + 1) * (gsd / 2)
    for part in shapely.get_parts(merged):
        if part.geom_type != "LineString":
            continue
        # metres along rows and along columns: pixels need not be square
        metric = shapely.transform(part, lambda xy: xy * steps)
        count = int(metric.length / gsd)
        if count < 2:
            continue
        along = (np.arange(count) + 0.5) * gsd
        points = _points(metric, along)
        forward = _points(metric, np.minimum(along + CHORD_M / 2, metric.length))
        forward -= _points(metric, np.maximum(along - CHORD_M / 2, 0.0))
        forward /= np.maximum(np.hypot(*forward.T)[:, None], 1e-9)
        # rows run down: a quarter turn clockwise as seen
        right = np.column_stack([forward[:, 1], -forward[:, 0]])
        rows = (points[:, :1] + right[:, :1] * across) / steps[0]
        cols = (points[:, 1:] + right[:, 1:] * across) / steps[1]
        shape = rows.shape
        yield TrackStrip(
            number, gsd, along, across, rows, cols, points, right,
            np.zeros((2, bands, *shape), dtype=np.float32), np.zeros((2, *shape), dtype=bool),
        )  # fmt: skip


def _points(line: Any, along: np.ndarray) -> np.ndarray:
    return shapely.get_coordinates(shapely.line_interpolate_point(line, along))
