"""Rail-yard mode: what stands on every track before and after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from changedet.activity.tracks import seen
from changedet.activity.tracks.bands import Away, TrackSamples, dark_levels, take_samples
from changedet.activity.tracks.judging import judge
from changedet.activity.tracks.occupancy import Occupation, find_occupation
from changedet.activity.tracks.offset import TrackOffsets, doubts_of_place, find_offsets
from changedet.activity.tracks.profile import TrackStrip, track_strips
from changedet.activity.tracks.track_row import track_row
from changedet.errors import GeometryError, GridError
from changedet.model import Grid, PairReader, Places, TrackActivity

TRAIN_GSD_M = 20.0
"""Coarser than this nothing is told."""


def check_tracks(tracks: Places | None, grid: Grid) -> None:
    """Refuse tracks that cannot be used, before any work is done.

    Raises
    ------
    GridError
        If the tracks are in another CRS than the grid.
    GeometryError
        If a name is taken twice, or a line has no length.
    """
    if tracks is None:
        return
    where = f" of {tracks.source}" if tracks.source else ""
    if tracks.crs != grid.crs:
        raise GridError(
            f"The tracks{where} are in {_name(tracks.crs)} and the grid is in {_name(grid.crs)}: "
            "bring the tracks to the grid's CRS first."
        )
    for name, line in zip(tracks.names, tracks.geometry, strict=True):
        if tracks.names.count(name) > 1:
            raise GeometryError(f"The track name {name!r}{where} is taken twice: rename one.")
        if line is None or line.geom_type not in ("LineString", "MultiLineString"):
            what = "nothing" if line is None else line.geom_type
            raise GeometryError(
                f"The track {name!r}{where} is a {what}; needed is a LineString or MultiLineString."
            )
        if not line.length > 0:
            raise GeometryError(
                f"The track {name!r}{where} has no length: draw a line along it, or remove it."
            )


def _name(crs: Any) -> str:
    return "pixels (no CRS)" if crs is None else str(crs.name)


def track_activity(
    pair: PairReader,
    tracks: Places | None,
    *,
    shadow_away: tuple[Away, Away] = (None, None),
    lean_away: tuple[Away, Away] = (None, None),
) -> tuple[TrackActivity, ...]:
    """Occupied metres, wagons, arrivals and departures of every track.

    Parameters
    ----------
    pair : PairReader
        The aligned pair.
    tracks : Places or None
        Centrelines in the grid's CRS. They may be off by up to 3 m, all by the same vector.
    shadow_away : (before, after)
        Where the shadow of a thing one metre tall ends, (rows, columns) of the grid; None where
        it is not known: the images then tell the side.
    lean_away : (before, after)
        Where the top of a thing one metre tall is seen, (rows, columns) from its foot.

    Returns
    -------
    tuple of TrackActivity
        One a track, in the order of the tracks.

    Raises
    ------
    GridError, GeometryError
        See :func:`check_tracks`.
    """
    check_tracks(tracks, pair.grid)
    if tracks is None or not len(tracks):
        return ()
    gsd, size = pair.grid.gsd_m, pair.grid.pixel_size_m
    why = _hopeless(pair)
    if why is not None or gsd is None or size is None:
        return tuple(_nothing(n, None, why or "") for n in tracks.names)
    strips = track_strips(pair, tracks)
    usable = [s for s in strips if s.valid.any()]
    if not usable:
        return tuple(_unseen(k, n, strips) for k, n in enumerate(tracks.names))
    levels = dark_levels(usable)
    placed = find_offsets(usable, shadow_away, lean_away, size, levels)
    samples = take_samples(usable, placed.offsets, placed.away, size, levels)
    found = judge(samples, find_occupation(samples))
    owner = np.array([s.track for s in usable])
    lengths = np.array([sum(s.length for s in usable if s.track == k) for k in owner])
    reasons = _reasons(usable, samples, found, placed, lengths, owner)
    rows = []
    for k, name in enumerate(tracks.names):
        mine = [i for i, s in enumerate(usable) if s.track == k]
        if not mine:
            rows.append(_unseen(k, name, strips))
            continue
        row = track_row(name, mine, usable, samples, found, placed, levels, reasons)
        notes = row.notes + _given_up(row)
        if row.occupied_before is not None or row.occupied_after is not None:
            notes += doubts_of_place(placed, mine, owner)
        rows.append(replace(row, notes=notes))
    return tuple(rows)


def _hopeless(pair: PairReader) -> str | None:
    """Why nothing can be told about any track."""
    gsd = pair.grid.gsd_m
    if gsd is None:
        return "without georeferencing the size of a pixel is not known"
    if any(i.domain != "optical" for i in pair.infos):
        return "tracks are read in optical images only"
    if gsd > TRAIN_GSD_M:
        return f"pixels of {gsd:.3g} m show no trains"
    return None


def _nothing(name: str, length: float | None, why: str) -> TrackActivity:
    seen_m = None if length is None else 0.0
    return TrackActivity(name, length, seen_m, seen_m, seen_m, *(None,) * 9, "none", {}, (why,))


def _unseen(number: int, name: str, strips: list[TrackStrip]) -> TrackActivity:
    length = round(sum(s.length for s in strips if s.track == number), 2)
    if not length:
        return _nothing(name, 0.0, "outside the images")
    row = _nothing(name, length, "nothing valid along the track")
    row.skipped[seen.NOT_VALID] = length
    return row


def _reasons(
    strips: list[TrackStrip],
    samples: TrackSamples,
    found: Occupation,
    placed: TrackOffsets,
    lengths: np.ndarray,
    owner: np.ndarray,
) -> dict[str, np.ndarray]:
    """(date, n) bool by reason: what cannot be judged; the first reason counts."""
    raw = {
        seen.SHARED: np.tile(seen.shared_steps(samples, placed.offsets, lengths, owner), (2, 1)),
        seen.NOT_VALID: ~samples.seen[:, :, 1:3].all(axis=2),
        seen.BRIDGE: np.tile(seen.bridged_steps(strips, samples), (2, 1)),
        seen.SHADOW: seen.shadowed_steps(found),
    }
    out, taken = {}, np.zeros((2, len(samples)), dtype=bool)
    for reason, steps in raw.items():
        out[reason] = steps & ~taken
        taken |= steps
    return out


def _given_up(row: TrackActivity) -> tuple[str, ...]:
    """Say why a track has no value of its own, where another one counts all of it."""
    whole = row.observable_m == 0 and row.length_m and row.shared_m >= 0.98 * row.length_m
    return ("another line runs through the same places and counts them",) if whole else ()
