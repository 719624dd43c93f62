"""From outlined changes to things with a name: kinds, groups, and what moved where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from changedet.activity.things.bands import find_bands, ground_likelihood
from changedet.activity.things.chains import Links, components, find_links
from changedet.activity.things.claims import TRAINS_GSD_M, choose_kinds, supported_kinds
from changedet.activity.things.ends import find_ends
from changedet.activity.things.grounds import look_around, same_ground
from changedet.activity.things.grouping import group_objects
from changedet.activity.things.kinds import (
    OUTLINE_PX,
    Setting,
    colour_indices,
    kind_probabilities,
    standing,
)
from changedet.activity.things.likeness import Sight, look_closely
from changedet.activity.things.looking import Matching, look_of, matching
from changedet.activity.things.moving import Moves, pair_moves
from changedet.activity.things.pairing import LEARNT_KINDS, SORTS, pair_cuts
from changedet.activity.things.placing import (
    Lines,
    Placed,
    lay_lines,
    place_objects,
    relate,
    straightened,
    to_plane,
)
from changedet.activity.things.reasons import kind_reasons
from changedet.activity.things.tracing import FINE_GSD_M, line_likelihood, look_along
from changedet.errors import GridError
from changedet.model import (
    GSD_TOLERANCE,
    KINDS,
    SAR_ROLES,
    Appearance,
    ChangeTable,
    Grid,
    PairReader,
    Places,
)

FIXED = ("building", "earthwork", "vegetation", "water", "vehicle", "truck", "convoy")
"""Kinds that do not move, or of which one looks like the next."""
WHOLE_M = {"railcar": 8.5, "container": 5.0}
"""Shorter outlines hold a part of a thing of that kind: which part cannot be told, so that nothing
is said of its moves."""
ONLY_SHADOW = "more likely only the rim or the shadow of something"
SURE_BODY, BODY_IN_ROW = 0.8, 0.5
"""What is less likely a body may be a shadow, and all shadows look alike. Wagons move in rows,
whose order bears them out: of them it is enough to be a body more likely than not."""


def interpret(
    changes: ChangeTable,
    appearance: Appearance | None,
    grid: Grid,
    *,
    tracks: Places | None = None,
    roads: Places | None = None,
    roles: tuple[str, ...] = (),
    radiometry: Matching | None = None,
    pair: PairReader | None = None,
) -> ChangeTable:
    """Say of each object what it is, what it belongs to, and whether it moved.

    Fills ``kind``, ``kind_confidence``, ``kind_reason`` and ``group``; of what departed and is
    found elsewhere, ``change`` becomes ``moved``, with ``moved_to``, ``moved_from`` and
    ``moved_m``. A moved thing stays two rows.

    Parameters
    ----------
    changes : ChangeTable
        In the grid's CRS, with ``change`` and the sizes.
    appearance : Appearance or None
        Row by row beside it; without it nothing is said of moves, and kinds rest on size and
        place.
    grid : Grid
        The common grid.
    tracks, roads : Places, optional
        Centrelines in the grid's CRS.
    roles : tuple of str
        One a band, of the appearance.
    radiometry : object with ``apply``, optional
        Brings before values to the radiometry of the after image; by default the surroundings of
        the objects are matched in median and spread.
    pair : PairReader, optional
        The aligned pair; with it tracks and roads that are not given are looked for along each
        object, and moved things are told by their colours from end to end, too.

    Returns
    -------
    ChangeTable
        A copy; rows in the same order. Objects that are explained away stay ``other``. Without
        georeferencing, and in radar images (where an outline is not the size of a thing), no kind
        is claimed: ``other`` with null confidence.

    Raises
    ------
    GridError
        If objects, lines or appearance do not fit the grid or each other.
    """
    if appearance is not None and len(appearance) != len(changes):
        raise GridError(
            f"The appearance has {len(appearance)} objects and the table {len(changes)}: give "
            "both of the same objects."
        )
    track_lines, road_lines = lay_lines(tracks, grid), lay_lines(roads, grid)
    counted = np.flatnonzero(~changes.explained)
    table = changes.take(counted)
    look = None if appearance is None else appearance.take(counted)
    objects = place_objects(table, grid, OUTLINE_PX)
    objects = straightened(objects)
    links = find_links(objects)
    n = len(changes)
    columns = {
        "kind": np.full(n, "other", dtype=object),
        "kind_confidence": np.full(n, np.nan),
        "kind_reason": np.array(
            [None if why is None else f"explained by {why}" for why in changes["explained_by"]],
            dtype=object,
        ).reshape(-1),
        "group": np.full(n, None, dtype=object),
    }
    radar = any(role in SAR_ROLES for role in roles)
    if len(table) == 0:
        return changes.with_columns(**columns)
    if grid.gsd_m is None or radar:
        why = "sizes are unknown without georeferencing" if not radar else "radar shows no sizes"
        columns["kind_reason"][counted] = why
    else:
        setting = setting_of(objects, links, look, grid, (track_lines, road_lines), roles, pair)
        told = supported_kinds(setting)
        probability = kind_probabilities(setting, links)
        likely = np.asarray(KINDS, dtype=object)[probability.argmax(axis=1)]
        kind, confidence = choose_kinds(probability, told)
        kind, confidence, none = unless_shadow(kind, confidence, look)
        names = (track_lines.names, road_lines.names)
        columns["kind"][counted] = kind
        columns["kind_confidence"][counted] = confidence
        chain = components(links, len(table))
        reasons = kind_reasons(setting, names, kind, likely, told, chain)
        columns["kind_reason"][counted] = [
            f"{reason}, {ONLY_SHADOW}" if no else reason
            for reason, no in zip(reasons, none.tolist(), strict=True)
        ]
        if grid.gsd_m <= TRAINS_GSD_M * GSD_TOLERANCE:
            shapes = to_plane(table.geometry, grid)
            columns["group"][counted] = group_objects(
                objects, shapes, kind, find_links(objects, mutual=False)
            )
    found = changes.with_columns(**columns)
    if look is None or radar:
        return found
    kinds, change = columns["kind"][counted], table["change"]
    moves = find_moves(objects, kinds, change, links, look, grid.gsd_m, radiometry, pair)
    far = np.hypot(
        objects.x[moves.departed] - objects.x[moves.arrived],
        objects.y[moves.departed] - objects.y[moves.arrived],
    )
    if grid.gsd_m is None:
        far = np.full(len(far), np.nan)
    return _with_moves(found, counted[moves.departed], counted[moves.arrived], far)


def find_moves(
    objects: Placed,
    kinds: np.ndarray,
    change: np.ndarray,
    links: Links,
    look: Appearance,
    gsd_m: float | None,
    radiometry: Matching | None,
    pair: PairReader | None,
) -> Moves:
    """Which objects that departed are which of those that arrived.

    Kinds of which it was learnt how they look are told at fine pixels by whole cuts of bodies
    (:func:`pair_cuts`), the others by mean colour and size (:func:`pair_moves`).
    """
    free = movable(objects, kinds, gsd_m, look.body)
    gone = np.flatnonzero(free & (change == "disappeared"))
    come = np.flatnonzero(free & (change == "appeared"))
    learnt = pair is not None and _is_fine(gsd_m)
    rest = ~(np.isin(kinds, LEARNT_KINDS) & learnt)
    moves = pair_moves(
        objects, kinds, look_of(objects, kinds, look, radiometry, pair), links,
        gone[rest[gone]], come[rest[come]],
    )  # fmt: skip
    if pair is None or not learnt:
        return moves
    bodies, sight = look_again(objects, kinds, look, radiometry, pair)
    rows = tuple(find_links(bodies, mutual=mutual) for mutual in (True, False))
    return moves.joined(pair_cuts(bodies, kinds, rows, sight, gone, come, objects))


def unless_shadow(
    kind: np.ndarray, confidence: np.ndarray, look: Appearance | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kinds and how sure they are, counting that an object may be no body at all.

    Returns
    -------
    kind : (n,) object array
        ``other`` where that is more likely than the kind.
    confidence : (n,) float64 array
        Of the kind; of ``other``, that it is no body.
    none : (n,) bool array
        Which those are.
    """
    if look is None or look.body is None:
        return kind, confidence, np.zeros(len(kind), dtype=bool)
    body = np.where(np.isfinite(look.body), look.body, 1.0)
    none = 1.0 - body > confidence * body
    sure = np.where(none, 1.0 - body, confidence * body)
    return np.where(none, "other", kind), sure, none


def look_again(
    objects: Placed,
    kinds: np.ndarray,
    look: Appearance,
    radiometry: Matching | None,
    pair: PairReader,
) -> tuple[Placed, Sight]:
    """Bodies between their ends as the images show them, and what they look like."""
    match = matching(look, radiometry)
    around = look.around[1]
    usual = float(np.nanmedian(around)) if np.isfinite(around).any() else 1.0
    bodies = find_ends(objects, kinds, pair, match, usual)
    return bodies, look_closely(bodies, pair, match)


def movable(
    objects: Placed, kinds: np.ndarray, gsd_m: float | None, body: np.ndarray | None = None
) -> np.ndarray:
    """(n,) bool: whole things of kinds that move and differ from each other, and no shadows."""
    # a part of a thing has the size and look of nothing
    least = np.array([WHOLE_M.get(k, 0.0) for k in kinds])
    whole = ~objects.cut & ((objects.length >= least) | (gsd_m is None))
    if body is not None:
        in_row = np.isin(kinds, SORTS["wagon"])
        whole &= ~(body < np.where(in_row, BODY_IN_ROW, SURE_BODY))
    return np.asarray(whole & ~np.isin(kinds, FIXED))


def setting_of(
    objects: Placed,
    links: Links,
    look: Appearance | None,
    grid: Grid,
    lines: tuple[Lines, Lines],
    roles: tuple[str, ...],
    pair: PairReader | None,
) -> Setting:
    """What is known about where and how objects lie."""
    tracks, roads = lines
    vegetated, wet = colour_indices(look, roles, objects.dates)
    setting = Setting(
        objects,
        relate(objects, tracks) if len(tracks) else None,
        relate(objects, roads) if len(roads) else None,
        grid.gsd_m or 1.0,
        vegetated,
        wet,
    )
    # at coarser pixels rails and lanes do not show
    if pair is None or not _is_fine(grid.gsd_m) or (len(tracks) and len(roads)):
        return setting
    line = line_likelihood(look_along(objects, pair))
    setting = replace(setting, seen=ground_likelihood(line, find_bands(objects, pair)))
    # where most objects stand is clear by now: they tell what the ground looks like there
    where, chain = standing(setting, links), components(links, len(objects))
    return replace(setting, ground=same_ground(look_around(objects, pair), where, chain))


def _is_fine(gsd_m: float | None) -> bool:
    """Whether pixels show what runs along an object and the look of single things."""
    return (gsd_m or np.inf) <= FINE_GSD_M * GSD_TOLERANCE


def _with_moves(
    changes: ChangeTable, departed: np.ndarray, arrived: np.ndarray, far: np.ndarray
) -> ChangeTable:
    """Mark pairs as moved, each row with the id of the other."""
    change = changes["change"].copy()
    old, new, metres = (changes[name].copy() for name in ("moved_from", "moved_to", "moved_m"))
    change[departed] = change[arrived] = "moved"
    old[arrived] = changes["id"][departed]
    new[departed] = changes["id"][arrived]
    metres[departed] = metres[arrived] = far
    return changes.with_columns(change=change, moved_from=old, moved_to=new, moved_m=metres)
