"""Activity of every zone and of the whole site."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np

from changedet.activity.zones.areas import observable_area
from changedet.activity.zones.checks import (
    SITE,
    check_kind_weights,
    check_zones,
    crs_name,
    zone_notes,
)
from changedet.activity.zones.control import Control, ControlShare, control_ground, control_share
from changedet.activity.zones.row import make_row
from changedet.activity.zones.scoring import object_weights
from changedet.activity.zones.share import (
    Members,
    Null,
    Objects,
    Place,
    changed_share,
    rim_areas,
)
from changedet.activity.zones.sharing import share_objects
from changedet.errors import CoverageWarning, GridError
from changedet.model import ChangeTable, Grid, Places, RasterWindows, ZoneActivity


def zone_activity(
    changes: ChangeTable,
    zones: Places | None,
    grid: Grid,
    changed: RasterWindows,
    *,
    expected_false_per_km2: float | None = None,
    false_object_area_m2: float | None = None,
    kind_weights: Mapping[str, float] | None = None,
    control: Control = None,
) -> tuple[ZoneActivity, ...]:
    """Score the activity of each zone, and of the whole site last.

    The score rests on the share of the observable ground that changed, estimated twice and taken
    at the lower of the two:

    * ``weighted_share``: each object's area counts by its weight 1 - q
      (:func:`changedet.activity.object_weights`), so doubtful objects count little;
    * ``share - false_share``: all the area, less what false alarms alone would be expected to
      bring at the calibrated rate.

    Either takes the false alarms out once; the lower one is not fooled when the q-values or the
    rate are too hopeful. What the control changed by is taken off, and
    :func:`changedet.activity.activity_score` turns the rest into 0 to 100.

    Areas are divided exactly where an object crosses the border of a zone. As a number, an object
    counts in its main zone and in every other zone that holds at least half of it. Objects with
    an ``explained_by`` are only counted as ``explained``; those with a ``cut_by`` count as changes
    and with their area, and not by kind.

    Parameters
    ----------
    changes : ChangeTable
        In the grid's CRS, with ``change``, ``area_m2``, ``explained_by`` and, for the weights,
        ``q_value``, ``p_value`` or ``score``.
    zones : Places or None
        In the grid's CRS; they may overlap. None: the site alone.
    grid : Grid
        The common grid.
    changed : RasterWindows
        uint8 on that grid; 255 where nothing could be observed.
    expected_false_per_km2 : float, optional
        Calibrated rate of false objects (per million pixels without georeferencing).
    false_object_area_m2 : float, optional
        Area of a typical false object, such as the smallest area that is reported, near which
        false alarms crowd; by default that of the smallest object there is.
    kind_weights : mapping of str to float, optional
        How much an object of a kind counts in the score; 1 for kinds left out. A zone's own
        weights take their place.
    control : Places, "outside" or None
        Ground where nothing is expected (``outside``: all that lies in no zone). Its changed share
        is taken off that of every zone and of the site. None: zones that say they are one, or
        else none; what lies outside all zones is then told beside the score.

    Returns
    -------
    tuple of ZoneActivity
        ``score`` is None where nothing could be observed.

    Warns
    -----
    CoverageWarning
        For zones outside the image, and a control of which nothing could be observed.
    MetadataWarning
        For zones with the same outline.

    Raises
    ------
    GridError, GeometryError
        See :func:`check_zones`; also if the objects are in another CRS.
    ConfigError
        If a kind that is weighed does not exist.
    """
    check_zones(zones, grid)
    check_kind_weights(kind_weights)
    if changes.crs != grid.crs:
        raise GridError(
            f"The objects are in {crs_name(changes.crs)} and the grid is in "
            f"{crs_name(grid.crs)}: bring them to one CRS first."
        )
    weights, source = object_weights(changes)
    objects = Objects(changes, weights, source, rim_areas(changes, grid))
    counted = changes["area_m2"][~changes.explained]
    if false_object_area_m2 is None:
        false_object_area_m2 = float(counted.min()) if len(counted) else 0.0
    null = Null(expected_false_per_km2, false_object_area_m2)
    found = control_ground(zones, control, grid)
    ground = None if found is None else found[0]
    places, parts = _places(zones, ground, grid, changed)
    compared = None
    if found is not None:
        compared = _compare(found, parts, objects, null)
    own = [dict(w) for w in (() if zones is None else zones.kind_weights)]
    rows = []
    for i, (place, members) in enumerate(zip(places, _members(changes, zones), strict=True)):
        flagged = zones is not None and i < len(zones.control) and zones.control[i]
        weigh = {**(kind_weights or {}), **(own[i] if i < len(own) else {})}
        against = None if flagged else compared
        rows.append(make_row(place, members, objects, null, against, weigh))
        if place.area_m2 == 0:
            warnings.warn(
                f"Zone {place.name!r} covers no pixel of the image: it gets no score.",
                CoverageWarning,
                stacklevel=2,
            )
    return tuple(rows)


def _places(
    zones: Places | None, ground: Places | None, grid: Grid, changed: RasterWindows
) -> tuple[list[Place], list[Place]]:
    """Zones and the site, and the parts of the control, with their areas: one pass over pixels."""
    known = [] if zones is None else [zones]
    measured = [*known, *([] if ground is None else [ground])]
    outlines = None
    if measured:
        names = tuple(name for places in measured for name in places.names)
        outlines = Places(names, np.concatenate([p.geometry for p in measured]), grid.crs)
    inside, observable = observable_area(outlines, changed)
    pixel = 1.0 if grid.pixel_area_m2 is None else grid.pixel_area_m2
    areas = [(float(a * pixel), float(b * pixel)) for a, b in zip(inside, observable, strict=True)]
    notes = zone_notes(zones, grid)
    n = len(notes)
    weights = () if zones is None else zones.weights
    rows = [
        Place(name, *areas[i], weights[i] if i < len(weights) else 1.0, tuple(notes[i].items()))
        for i, name in enumerate(() if zones is None else zones.names)
    ]
    parts = [
        Place(name, *areas[n + i]) for i, name in enumerate(() if ground is None else ground.names)
    ]
    return [*rows, Place(SITE, *areas[-1])], parts


def _compare(
    found: tuple[Places, str, bool], parts: list[Place], objects: Objects, null: Null
) -> ControlShare | None:
    """Estimate how much the control changed."""
    ground, what, asked = found
    members = _members(objects.changes, ground)
    shares = [
        changed_share(place, part, objects, null)
        for place, part in zip(parts, members, strict=False)
    ]
    compared = control_share(
        [0.0 if share is None else share.net for share in shares],
        [place.observable_m2 for place in parts],
        what,
        asked,
    )
    if compared is None and asked:
        warnings.warn(
            "Nothing of the control could be observed: no change of the surroundings is taken off "
            "the zones.",
            CoverageWarning,
            stacklevel=3,
        )
    return compared


def _members(changes: ChangeTable, zones: Places | None) -> list[Members]:
    """Members of each zone, and of the site (all objects, whole) last."""
    out = []
    if zones is not None:
        shares = share_objects(changes, zones)
        for i in range(len(zones)):
            mine = shares.zones == i
            out.append(Members(shares.rows[mine], shares.share[mine], shares.counted[mine]))
    n = len(changes)
    return [*out, Members(np.arange(n), np.ones(n), np.ones(n, dtype=bool))]
