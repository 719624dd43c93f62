"""What is refused of zones before any work, and what is to be known of those that pass."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from changedet.errors import ConfigError, GeometryError, GridError, MetadataWarning
from changedet.model import KINDS, Grid, Places

SITE = "site"
"""Name under which the whole observed area is reported."""
LEAST_OVERLAP = 1e-3
"""Zones whose common area is less than this share of the smaller one only touch: borders that were
drawn as one come out of a change of CRS as two."""
ALIKE = 1e-6
"""Zones that differ by less than this share of their area have the same outline."""


def check_zones(zones: Places | None, grid: Grid) -> None:
    """Refuse zones that cannot be scored, before any work is done.

    Raises
    ------
    GridError
        If the zones are in another CRS than the grid.
    GeometryError
        If a name is taken twice or is ``site``, or a weight is not usable.
    """
    if zones is None:
        return
    where = f" of {zones.source}" if zones.source else ""
    if zones.crs != grid.crs:
        raise GridError(
            f"The zones{where} are in {crs_name(zones.crs)} and the grid is in "
            f"{crs_name(grid.crs)}: bring the zones to the grid's CRS first."
        )
    for name in zones.names:
        if name == SITE or zones.names.count(name) > 1:
            why = "the name of the whole observed area" if name == SITE else "taken twice"
            raise GeometryError(f"The zone name {name!r}{where} is {why}: give it another name.")
    for name, weight in zip(zones.names, zones.weights, strict=False):
        if not (math.isfinite(weight) and weight >= 0):
            raise GeometryError(
                f"The weight {weight!r} of zone {name!r}{where} is not usable: give 0 or more."
            )


def check_kind_weights(kind_weights: Mapping[str, float] | None) -> None:
    """Refuse weights of kinds that do not exist, before any work is done.

    Raises
    ------
    ConfigError
        If a kind is not known or a weight is not a number of 0 or more.
    """
    for kind, weight in (kind_weights or {}).items():
        if kind not in KINDS:
            raise ConfigError(
                f"A weight is given for the kind {kind!r}, which is not known: kinds are "
                f"{', '.join(KINDS)}."
            )
        if not (isinstance(weight, (int, float)) and math.isfinite(weight) and weight >= 0):
            raise ConfigError(
                f"The weight {weight!r} of the kind {kind!r} is not usable: give 0 or more."
            )


def crs_name(crs: Any) -> str:
    """Name of a CRS for messages."""
    return "pixels (no CRS)" if crs is None else str(crs.name)


def frame_of(grid: Grid) -> Any:
    """Outline of the grid, through the outer corners of its pixels."""
    rows = np.array([-0.5, -0.5, grid.height - 0.5, grid.height - 0.5])
    cols = np.array([-0.5, grid.width - 0.5, grid.width - 0.5, -0.5])
    return shapely.Polygon(np.column_stack(grid.xy(rows, cols)))


def zone_notes(zones: Places | None, grid: Grid) -> list[dict[str, Any]]:
    """What to know of each zone: how much lies outside the image, and with which it overlaps.

    Parameters
    ----------
    zones : Places or None
        In the grid's CRS.
    grid : Grid
        The common grid.

    Returns
    -------
    list of dict
        ``outside_share`` (0 to 1) and ``overlaps`` (names), one a zone.

    Warns
    -----
    MetadataWarning
        If two zones have the same outline.
    """
    if zones is None or not len(zones):
        return []
    shapes = np.asarray(zones.geometry, dtype=object)
    invalid = ~shapely.is_valid(shapes)
    if invalid.any():
        shapes = np.where(invalid, shapely.make_valid(shapes), shapes)
    area = shapely.area(shapes)
    inside = shapely.area(shapely.intersection(shapes, frame_of(grid)))
    with np.errstate(divide="ignore", invalid="ignore"):
        outside = np.where(area > 0, np.clip(1 - inside / area, 0, 1), 0.0)
    outside[outside < ALIKE] = 0.0
    overlaps: list[list[str]] = [[] for _ in range(len(zones))]
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = (one < other) & (area[one] > 0) & (area[other] > 0)
    one, other = one[pairs], other[pairs]
    common = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    smaller = np.minimum(area[one], area[other])
    larger = np.maximum(area[one], area[other])
    for i, j, shared, small, large in zip(one, other, common, smaller, larger, strict=True):
        if shared >= LEAST_OVERLAP * small:
            overlaps[i].append(zones.names[j])
            overlaps[j].append(zones.names[i])
        if shared >= (1 - ALIKE) * large:
            warnings.warn(
                f"Zones {zones.names[i]!r} and {zones.names[j]!r} have the same outline: each is "
                "scored, with the same objects. Remove one of them if that is not meant.",
                MetadataWarning,
                stacklevel=3,
            )
    return [
        {"outside_share": float(share), "overlaps": names}
        for share, names in zip(outside, overlaps, strict=True)
    ]
