"""Choosing the common grid of two images."""

from __future__ import annotations

import math
import warnings
from typing import Literal

import numpy as np
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from changedet.errors import (
    GridError,
    MissingCRSError,
    NoGeoreferencingWarning,
    NoOverlapError,
)
from changedet.loading.reading.gridlink import GridLink, frame, lonlat_bounds
from changedet.model import WGS84, Grid, ImageInfo, Places, Window

_SCALE_TOLERANCE = 0.01
"""Largest deviation from true ground scale of a grid on which metres are counted."""
_SLIVER = 1e-3
"""Overlap narrower than this (pixels) at the rim of a pixel does not count as touching it."""
_MAX_SIDE = 2_000_000


def choose_grid(
    before: ImageInfo,
    after: ImageInfo,
    grid: Literal["native"] | float = "native",
    aoi: Places | None = None,
) -> Grid:
    """Choose the common grid: metric, north up, over the ground that both images cover.

    The grid of the coarser image, cropped to whole pixels of the overlap, if its CRS is projected
    in metres with true scale (within 1 %): that image is then read as it is, without resampling.
    If both are of one size (within 1 %), the before image's. Otherwise a UTM zone (a polar
    stereographic grid beyond 84 N and 80 S) with pixel edges on multiples of the pixel size.

    Parameters
    ----------
    before, after : ImageInfo
        The two images.
    grid : "native" or float
        The coarser ground sample distance of the two, or a pixel size in metres.
    aoi : Places, optional
        Polygons to which the grid is cropped.

    Returns
    -------
    Grid

    Raises
    ------
    NoOverlapError
        If the images (or the area of interest) have no ground in common.
    MissingCRSError
        If only one image is georeferenced.
    GridError
        If neither is and their sizes differ, or the grid would be absurdly large.

    Warns
    -----
    NoGeoreferencingWarning
        If neither image is georeferenced: the grid is then in pixels.
    """
    if not (before.grid.is_georeferenced and after.grid.is_georeferenced):
        return _crop_to_aoi(_pixel_grid(before, after, grid), aoi)
    try:
        return _ground_grid(before, after, grid, aoi)
    except ProjError as error:
        raise GridError(
            f"The coordinate reference systems of {before.name} ({_crs_name(before)}) and "
            f"{after.name} ({_crs_name(after)}) cannot be related: {error}. "
            "Give images whose CRS is tied to the Earth."
        ) from error


def _crs_name(info: ImageInfo) -> str:
    return "none" if info.grid.crs is None else info.grid.crs.name


def _pixel_grid(before: ImageInfo, after: ImageInfo, grid: Literal["native"] | float) -> Grid:
    for info, other in ((before, after), (after, before)):
        if info.grid.is_georeferenced:
            raise MissingCRSError(
                f"{other.name} has no coordinate reference system, {info.name} has one "
                f"({_crs_name(info)}): give both a CRS (for example with gdal_edit.py -a_srs), or "
                "remove it from both to work in pixels."
            )
    if before.grid.shape != after.grid.shape:
        raise GridError(
            f"Neither image is georeferenced, and their sizes differ: {before.name} has "
            f"{before.grid.height} x {before.grid.width} pixels, {after.name} "
            f"{after.grid.height} x {after.grid.width}. Without georeferencing both must have one "
            "size: crop them, or give them a CRS and a geotransform."
        )
    if before.grid != after.grid:
        raise GridError(
            f"Neither image has a coordinate reference system, and their geotransforms differ: "
            f"{before.name} has {tuple(before.grid.transform[:6])}, {after.name} "
            f"{tuple(after.grid.transform[:6])}. Give both the same, or a CRS."
        )
    if grid != "native":
        raise GridError(
            f"A grid of {grid:g} m was asked for, but neither image is georeferenced: use 'native'."
        )
    warnings.warn(
        f"Neither {before.name} nor {after.name} is georeferenced: working in pixels; lengths and "
        "areas are counted in pixels and geographic fields stay empty.",
        NoGeoreferencingWarning,
        stacklevel=4,
    )
    return before.grid


def _ground_grid(
    before: ImageInfo, after: ImageInfo, grid: Literal["native"] | float, aoi: Places | None
) -> Grid:
    small, large = sorted((before.grid, after.grid), key=_ground_area)
    overlap = _overlap(small, large)
    if overlap.is_empty or overlap.area < _SLIVER:
        raise NoOverlapError(
            f"The images cover no common ground: {before.name} covers "
            f"{lonlat_bounds(before.grid)}; {after.name} covers {lonlat_bounds(after.grid)}. "
            "Give two images of one place, or check their CRS."
        )
    centre = overlap.representative_point()
    lon, lat = _lonlat(large, centre.y, centre.x)
    candidates = []
    for info in (before, after):
        row, col = GridLink(_point_grid(lon, lat), info.grid).rowcol(np.zeros(1), np.zeros(1))
        here = Window(round(float(row[0])), round(float(col[0])), 1, 1)
        candidates.append((info.grid, info.grid.subset(here)))
    sizes = [local.gsd_m or 0.0 for _, local in candidates]
    coarsest = max(sizes)
    for (own, local), gsd in zip(candidates, sizes, strict=True):
        if gsd >= coarsest * (1 - _SCALE_TOLERANCE) and _usable_as_is(own, local, grid):
            return _crop_to_aoi(_crop(_north_up(own), small, large), aoi)
    size = coarsest if grid == "native" else float(grid)
    metric = [own.crs for own, local in candidates if own.crs and _true_scale(local)]
    crs = metric[0] if metric and grid != "native" else metric_crs(lon, lat)
    chosen = _snapped(crs, size, large, overlap)
    return _crop_to_aoi(chosen, aoi)


def _usable_as_is(own: Grid, local: Grid, grid: Literal["native"] | float) -> bool:
    """Whether an image's own grid can be the common one."""
    t = own.transform
    wanted = grid == "native" or math.isclose(float(grid), abs(t.a), rel_tol=1e-6)
    return wanted and t.b == t.d == 0 and _square(local) and _true_scale(local)


def _point_grid(lon: float, lat: float) -> Grid:
    return Grid(Affine(1e-9, 0, lon, 0, -1e-9, lat), 1, 1, WGS84)


def _ground_area(grid: Grid) -> float:
    return (grid.pixel_area_m2 or 0.0) * grid.height * grid.width


def _lonlat(grid: Grid, row: float, col: float) -> tuple[float, float]:
    x, y = grid.xy(row, col)
    lon, lat = Transformer.from_crs(grid.crs, WGS84, always_xy=True).transform(float(x), float(y))
    return (lon + 180) % 360 - 180, lat


def _overlap(small: Grid, large: Grid) -> shapely.Geometry:
    """Common ground in the pixels of the larger grid."""
    return shapely.intersection(GridLink(small, large).outline(), frame(large))


def _true_scale(local: Grid) -> bool:
    """Whether a metre of this grid is a metre on the ground, at its (only) pixel."""
    crs, steps = local.crs, local.pixel_size_m
    if crs is None or steps is None or not crs.is_projected:
        return False
    if any(not math.isclose(a.unit_conversion_factor, 1.0) for a in crs.axis_info[:2]):
        return False
    t = local.transform
    nominal = (math.hypot(t.b, t.e), math.hypot(t.a, t.d))
    return all(abs(s / n - 1) < _SCALE_TOLERANCE for s, n in zip(steps, nominal, strict=True))


def _square(local: Grid) -> bool:
    steps = local.pixel_size_m
    return steps is not None and abs(steps[0] / steps[1] - 1) < _SCALE_TOLERANCE


def _north_up(grid: Grid) -> Grid:
    """Return the same pixels counted from the north-west."""
    t = grid.transform
    x = t.c + min(0.0, t.a * grid.width)
    y = t.f + max(0.0, t.e * grid.height)
    return Grid(Affine(abs(t.a), 0, x, 0, -abs(t.e), y), grid.height, grid.width, grid.crs)


def _crop(grid: Grid, small: Grid, large: Grid) -> Grid:
    """Crop to whole pixels of what both grids cover."""
    common = shapely.intersection(
        shapely.intersection(GridLink(small, grid).outline(), GridLink(large, grid).outline()),
        frame(grid),
    )
    window = _pixels_touched(common.bounds, grid)
    return grid if window == grid.window else grid.subset(window)


def _pixels_touched(bounds: tuple[float, float, float, float], grid: Grid) -> Window:
    left, top, right, bottom = (v + 0.5 for v in bounds)
    row, col = math.floor(top + _SLIVER), math.floor(left + _SLIVER)
    window = Window(row, col, math.ceil(bottom - _SLIVER) - row, math.ceil(right - _SLIVER) - col)
    return window.intersect(grid.window)


def _snapped(crs: CRS, size: float, large: Grid, overlap: shapely.Geometry) -> Grid:
    """North-up grid over the overlap with pixel edges on multiples of the pixel size."""
    edge = shapely.segmentize(overlap, max(large.shape) / 64)
    points = shapely.get_coordinates(edge)
    x, y = large.xy(points[:, 1], points[:, 0])
    x, y = Transformer.from_crs(large.crs, crs, always_xy=True).transform(x, y)
    ok = np.isfinite(x) & np.isfinite(y)
    slack = _SLIVER
    left, right = math.floor(x[ok].min() / size + slack), math.ceil(x[ok].max() / size - slack)
    bottom, top = math.floor(y[ok].min() / size + slack), math.ceil(y[ok].max() / size - slack)
    width, height = max(1, right - left), max(1, top - bottom)
    if max(width, height) > _MAX_SIDE:
        raise GridError(
            f"A pixel size of {size:g} m gives a grid of {height} x {width} pixels over the "
            f"overlap; at most {_MAX_SIDE} a side are allowed: give a larger pixel size."
        )
    return Grid(Affine(size, 0, left * size, 0, -size, top * size), height, width, crs)


def metric_crs(lon: float, lat: float) -> CRS:
    """UTM zone of a place; Universal Polar Stereographic beyond 84 N and 80 S."""
    if lat >= 84:
        return CRS.from_epsg(32661)
    if lat < -80:
        return CRS.from_epsg(32761)
    zone = int(((lon + 180) % 360) // 6) + 1
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def _crop_to_aoi(grid: Grid, aoi: Places | None) -> Grid:
    """Crop to the pixels that an area of interest touches."""
    if aoi is None:
        return grid
    from changedet.loading.vectors.places import places_on

    shapes = places_on(aoi, grid.crs).geometry
    left, bottom, right, top = shapely.total_bounds(shapes)
    rows, cols = grid.rowcol([left, left, right, right], [top, bottom, top, bottom])
    bounds = (float(cols.min()), float(rows.min()), float(cols.max()), float(rows.max()))
    window = _pixels_touched(bounds, grid)
    if window.empty:
        where = "" if grid.crs is None else f", which covers {lonlat_bounds(grid)}"
        raise NoOverlapError(
            f"The area of interest {aoi.source or ', '.join(aoi.names)} lies outside the ground "
            f"that both images cover{where}: give an area inside it."
        )
    return grid.subset(window)
