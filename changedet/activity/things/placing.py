"""Objects and lines in metres on the ground, and how they lie to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from changedet.errors import GridError
from changedet.model import WGS84, ChangeTable, Grid, Places

TANGENT_M = 5.0
"""Half the length over which the direction of a line is taken, metres."""
NEAR_M, PARALLEL_DEG = 60.0, 6.0
"""Objects so near each other that point nearly the same way point the same way."""
LONG_M = 30.0
"""Longer objects may follow a curve: their ends are looked up in the outline, metres."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Objects as rectangles in a plane of ground metres (x right, y up along the grid).

    Without georeferencing the plane is that of the pixels and directions are unknown.
    """

    x: np.ndarray
    """(n,) middle, metres."""
    y: np.ndarray
    """(n,) middle, metres."""
    length: np.ndarray
    """(n,) metres."""
    width: np.ndarray
    """(n,) metres."""
    fill: np.ndarray
    """(n,) area over length times width: 1 for a full rectangle."""
    along: np.ndarray
    """(n, 2) unit vector of the long side; NaN where unknown."""
    ends: np.ndarray
    """(n, 2, 2) both ends of the long axis, (x, y); NaN where the direction is unknown."""
    dates: np.ndarray
    """(n,) which dates hold the object: 1 before, 2 after, 3 both."""
    cut: np.ndarray
    """(n,) bool: a part of the object is hidden, so it may be longer."""
    error_m: float
    """Standard deviation of the place of an outline, metres."""

    def __len__(self) -> int:
        return len(self.x)

    def apart(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """(k,) bool: pairs of rows that lie at two places, beyond what outlines err."""
        far = np.hypot(self.x[i] - self.x[j], self.y[i] - self.y[j])
        return np.asarray(far > 3 * self.error_m)

    def strip(
        self, rows: np.ndarray, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places u metres along the axis of some objects and v metres across it: x and y.

        Both (row, u, v), about the middle of each object.
        """
        dx, dy = self.along[rows, 0, None, None], self.along[rows, 1, None, None]
        along, across = u[None, :, None], v[None, None, :]
        x = self.x[rows, None, None] + along * dx - across * dy
        y = self.y[rows, None, None] + along * dy + across * dx
        return x, y


def to_plane(geometry: Any, grid: Grid) -> np.ndarray:
    """Return geometries (in the grid's CRS) in the plane of ground metres.

    One step of a row and of a column is taken as long as it is in the middle of the grid.
    """
    row_m, col_m = grid.pixel_size_m or (1.0, 1.0)

    def move(xy: np.ndarray) -> np.ndarray:
        rows, cols = grid.rowcol(xy[:, 0], xy[:, 1])
        return np.column_stack([cols * col_m, -rows * row_m])

    return np.asarray(shapely.transform(np.asarray(geometry, dtype=object), move))


def place_objects(changes: ChangeTable, grid: Grid, outline_px: float) -> Placed:
    """Lay the objects of a table in the plane of ground metres.

    Parameters
    ----------
    changes : ChangeTable
        In the grid's CRS, with ``length_m``, ``width_m``, ``area_m2`` and ``bearing_deg``.
    grid : Grid
        The common grid.
    outline_px : float
        Standard deviation of the place of an outline, pixels.

    Raises
    ------
    GridError
        If the objects are in another CRS than the grid.
    """
    if changes.crs != grid.crs:
        raise GridError(
            "The objects and the grid are in different coordinate reference systems: bring them "
            "to one CRS first."
        )
    shapes = to_plane(changes.geometry, grid)
    middle = shapely.centroid(shapes)
    x, y = shapely.get_x(middle), shapely.get_y(middle)
    length, width = changes["length_m"], changes["width_m"]
    turn = np.radians(changes["bearing_deg"]) - _north(changes.geometry, grid)
    along = np.column_stack([np.sin(turn), np.cos(turn)])
    half = 0.5 * length[:, None] * along
    here = np.column_stack([x, y])
    ends = np.stack([here - half, here + half], axis=1)
    error = outline_px * (grid.gsd_m or 1.0)
    ends = _true_ends(shapes, ends, along, length, error)
    with np.errstate(divide="ignore", invalid="ignore"):
        fill = changes["area_m2"] / (length * width)
    dates = np.array([_DATES.get(c, 3) for c in changes["change"]], dtype=np.int64).reshape(-1)
    moved = changes["change"] == "moved"
    dates = np.where(moved, np.where(changes["moved_from"] >= 0, 2, 1), dates)
    cut = np.array([why is not None for why in changes["cut_by"]], dtype=bool)
    return Placed(x, y, length, width, fill, along, ends, dates, cut, error)


_DATES = {"disappeared": 1, "appeared": 2, "modified": 3}


def _north(geometry: np.ndarray, grid: Grid) -> np.ndarray:
    """Direction of true north in the plane at each object, radians counter-clockwise from up."""
    if grid.crs is None or len(geometry) == 0:
        return np.zeros(len(geometry))
    row_m, col_m = grid.pixel_size_m or (1.0, 1.0)
    middle = shapely.centroid(geometry)
    x, y = shapely.get_x(middle), shapely.get_y(middle)
    lon, lat = Transformer.from_crs(grid.crs, WGS84, always_xy=True).transform(x, y)
    step = np.where(np.asarray(lat) > 0, -1e-4, 1e-4)  # towards the equator, never over a pole
    back = Transformer.from_crs(WGS84, grid.crs, always_xy=True).transform(lon, lat + step)
    r0, c0 = grid.rowcol(x, y)
    r1, c1 = grid.rowcol(*back)
    right, up = np.sign(step) * (c1 - c0) * col_m, -np.sign(step) * (r1 - r0) * row_m
    return np.asarray(np.arctan2(-right, up))


def _true_ends(
    shapes: np.ndarray, ends: np.ndarray, along: np.ndarray, length: np.ndarray, error: float
) -> np.ndarray:
    """Ends of long objects from their outlines: a train in a curve does not end on its axis."""
    for i in np.flatnonzero((length > LONG_M) & np.isfinite(along[:, 0])):
        xy = shapely.get_coordinates(shapes[i])
        reach = xy @ along[i]
        for side, far in ((0, reach.min()), (1, reach.max())):
            ends[i, side] = xy[np.abs(reach - far) <= error + 1e-9].mean(axis=0)
    return ends


def straightened(objects: Placed) -> Placed:
    """Draw directions towards those of objects nearby that point nearly the same way.

    An outline of a part of a thing points a few degrees off; what stands in a yard is parallel. Of
    long objects, which tell their direction well and may follow a curve, the ends stay.
    """
    from scipy.spatial import cKDTree

    angle = np.arctan2(objects.along[:, 1], objects.along[:, 0])
    known = np.flatnonzero(np.isfinite(angle))
    if len(known) < 2:
        return objects
    here, length = np.column_stack([objects.x, objects.y]), objects.length[known]
    pairs = cKDTree(here[known]).query_pairs(NEAR_M, output_type="ndarray").reshape(-1, 2)
    own = np.arange(len(known))
    i = np.concatenate([pairs[:, 0], pairs[:, 1], own])
    j = np.concatenate([pairs[:, 1], pairs[:, 0], own])
    # a long and narrow thing tells its direction better
    slender = np.clip(length / np.maximum(objects.width[known], 1e-3) - 1.2, 0.01, 3.0)
    weight, theta = length[j] ** 2 * slender[j], angle[known]
    mean = theta.copy()
    for _ in range(3):
        apart = (theta[j] - mean[i] + np.pi / 2) % np.pi - np.pi / 2
        near = np.exp(-0.5 * np.minimum((np.degrees(apart) / PARALLEL_DEG) ** 2, 60.0))
        total = np.bincount(i, weight * near, minlength=len(known))
        mean += np.bincount(i, weight * near * apart, minlength=len(known)) / total
    along = objects.along.copy()
    along[known] = np.column_stack([np.cos(mean), np.sin(mean)])
    half = 0.5 * objects.length[:, None] * along
    ends = np.stack([here - half, here + half], axis=1)
    ends = np.where((objects.length > LONG_M)[:, None, None], objects.ends, ends)
    return replace(objects, along=along, ends=ends)


@dataclass(frozen=True, eq=False)
class Lines:
    """Centrelines of tracks or roads in the plane of ground metres."""

    names: tuple[str, ...]
    """One a part: parts of one multi-line share a name."""
    parts: np.ndarray
    """(k,) LineStrings."""

    def __len__(self) -> int:
        return len(self.parts)


def lay_lines(places: Places | None, grid: Grid) -> Lines:
    """Lay tracks or roads in the plane; multi-lines fall into their parts.

    Parts of length zero have no direction and are left out.

    Raises
    ------
    GridError
        If the lines are in another CRS than the grid.
    """
    if places is None or len(places) == 0:
        return Lines((), np.zeros(0, dtype=object))
    if places.crs != grid.crs:
        given = "pixels (no CRS)" if places.crs is None else places.crs.name
        wanted = "pixels (no CRS)" if grid.crs is None else grid.crs.name
        raise GridError(
            f"The lines of {places.source or 'the places'} are in {given} and the grid is in "
            f"{wanted}: bring the lines to the grid's CRS first."
        )
    parts, owner = shapely.get_parts(to_plane(places.geometry, grid), return_index=True)
    keep = shapely.length(parts) > 0
    return Lines(tuple(places.names[k] for k in owner[keep]), parts[keep])


@dataclass(frozen=True, eq=False)
class Relation:
    """How each object lies to the nearest of some lines."""

    line: np.ndarray
    """(n,) position of the line; -1 without lines."""
    distance: np.ndarray
    """(n,) from the middle of the object to the line, metres; infinite without lines."""
    angle: np.ndarray
    """(n,) between the long side and the line, degrees, 0 to 90; NaN where unknown."""


def relate(objects: Placed, lines: Lines) -> Relation:
    """Distance and angle of every object to its nearest line."""
    n = len(objects)
    line = np.full(n, -1, dtype=np.int64)
    distance, angle = np.full(n, np.inf), np.full(n, np.nan)
    if len(lines) == 0 or n == 0:
        return Relation(line, distance, angle)
    points = shapely.points(objects.x, objects.y)
    tree = shapely.STRtree(lines.parts)
    (who, which), far = tree.query_nearest(points, all_matches=False, return_distance=True)
    line[who], distance[who] = which, far
    nearest = lines.parts[which]
    at = shapely.line_locate_point(nearest, points[who])
    total = shapely.length(nearest)
    first = shapely.get_coordinates(
        shapely.line_interpolate_point(nearest, np.clip(at - TANGENT_M, 0, None))
    )
    last = shapely.get_coordinates(
        shapely.line_interpolate_point(nearest, np.minimum(at + TANGENT_M, total))
    )
    angle[who] = angle_between(last - first, objects.along[who])
    return Relation(line, distance, angle)


def angle_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle between undirected directions, degrees, 0 to 90; rows are vectors."""
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    dot = a[:, 0] * b[:, 0] + a[:, 1] * b[:, 1]
    return np.asarray(np.degrees(np.arctan2(np.abs(cross), np.abs(dot))))
