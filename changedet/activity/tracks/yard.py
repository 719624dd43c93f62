"""Rail-yard mode: what stands on every track before and after."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from changedet.activity.tracks import seen
from changedet.activity.tracks.bands import (
    Away,
    TrackSamples,
    body_profile,
    dark_levels,
    take_samples,
)
from changedet.activity.tracks.doubt import Doubt, doubt_of
from changedet.activity.tracks.judging import judge
from changedet.activity.tracks.occupancy import Occupation, find_occupation
from changedet.activity.tracks.offset import TrackOffsets, doubts_of_place, find_offsets
from changedet.activity.tracks.profile import TrackStrip, track_strips
from changedet.activity.tracks.wagon_count import (
    Count,
    add_up,
    count_by_gaps,
    count_by_length,
    runs_of,
)
from changedet.errors import GeometryError, GridError
from changedet.model import GSD_TOLERANCE, Grid, PairReader, Places, TrackActivity
from changedet.model.tracks import Estimate, TrackGrade

GAPS_GSD_M = 0.6
"""Gaps of 1.1 m between wagons show up to this ground sample distance."""
COUNT_GSD_M = 3.0
"""Coarser pixels do not carry a count,"""
LENGTH_GSD_M = 6.0
"""and coarser than this no length: one pixel holds two tracks."""
TRAIN_GSD_M = 20.0
"""Coarser than this nothing is told."""
END_M = 0.7
"""Standard deviation with which an end of a train is found, metres or so many pixels."""
ROUGH = 0.02
"""Standard deviation of occupied length besides, as a share of it, for each metre of ground
sample distance: what is taken for train and is none, and the other way round."""
_METRES = {
    "before": "occupied_m_before", "after": "occupied_m_after",
    "arrived": "arrived_m", "departed": "departed_m",
}  # fmt: skip


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
        row = _row(name, mine, usable, samples, found, placed, levels, reasons)
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


def _row(
    name: str,
    mine: list[int],
    strips: list[TrackStrip],
    samples: TrackSamples,
    found: Occupation,
    placed: TrackOffsets,
    levels: tuple[np.ndarray, np.ndarray],
    reasons: dict[str, np.ndarray],
) -> TrackActivity:
    gsd, step = strips[0].step, samples.step
    at = np.concatenate([np.arange(samples.parts[i].start, samples.parts[i].stop) for i in mine])
    breaks = np.cumsum([samples.parts[i].stop - samples.parts[i].start for i in mine])[:-1]
    hidden = np.logical_or.reduce([r[:, at] for r in reasons.values()])
    clear = ~hidden
    both = clear.all(axis=0)
    states = found.states[at]
    chances = {
        "before": states[:, 2] + states[:, 3], "after": states[:, 1] + states[:, 3],
        "arrived": states[:, 1], "departed": states[:, 2],
    }  # fmt: skip
    judged = {"before": clear[0], "after": clear[1], "arrived": both, "departed": both}
    grade = _grade(gsd)
    gaps = [
        _profile(mine, strips, samples, placed, levels, date) if grade == "single wagons" else None
        for date in range(2)
    ]
    metres: dict[str, Estimate | None] = dict.fromkeys(chances)
    cars: dict[str, Estimate | None] = dict.fromkeys(chances)
    spread: dict[str, float] = {}
    for what, chance in chances.items():
        if not judged[what].any() or grade in ("train-like", "none"):
            continue
        runs = _runs(chance, judged[what], breaks)
        doubt = doubt_of(chance, judged[what], runs, step)
        metres[what], spread[_METRES[what]] = _metres(runs, judged[what], step, gsd, doubt)
        if grade == "occupied":
            continue
        profile = gaps[0 if what in ("before", "departed") else 1]
        counts = _counts(runs, judged[what], step, gsd, breaks, profile)
        cars[what], spread[f"cars_{what}"] = add_up(counts, doubt)
    skipped = {
        reason: round(float(steps[:, at].any(axis=0).sum() * step), 2)
        for reason, steps in reasons.items()
        if reason != seen.SHARED and steps[:, at].any()
    }
    return TrackActivity(
        name,
        round(sum(strips[i].length for i in mine), 2),
        round(float(both.sum() * step), 2),
        round(float(clear[0].sum() * step), 2),
        round(float(clear[1].sum() * step), 2),
        metres["before"], metres["after"], metres["arrived"], metres["departed"],
        cars["before"], cars["after"], cars["arrived"], cars["departed"],
        (round(float(placed.offsets[0, mine].mean()), 2),
         round(float(placed.offsets[1, mine].mean()), 2)),
        grade, skipped, _notes(grade, gsd),
        round(float(reasons[seen.SHARED][0, at].sum() * step), 2),
        {name: round(value, 3) for name, value in spread.items()},
    )  # fmt: skip


def _given_up(row: TrackActivity) -> tuple[str, ...]:
    """Say why a track has no value of its own, where another one counts all of it."""
    whole = row.observable_m == 0 and row.length_m and row.shared_m >= 0.98 * row.length_m
    return ("another line runs through the same places and counts them",) if whole else ()


def _profile(
    mine: list[int],
    strips: list[TrackStrip],
    samples: TrackSamples,
    placed: TrackOffsets,
    levels: tuple[np.ndarray, np.ndarray],
    date: int,
) -> np.ndarray:
    """(n, feature) look of the bodies along all pieces of a track at full resolution."""
    fine = round(samples.step / strips[0].step)
    out = []
    for i in mine:
        part = samples.parts[i]
        rows = (part.stop - part.start) * fine
        profile = body_profile(strips[i], date, placed.offsets[date, i], levels)
        # a piece shorter than one step
        out.append(np.pad(profile, ((0, max(0, rows - len(profile))), (0, 0)), "edge")[:rows])
    return np.concatenate(out)


def _grade(gsd: float) -> TrackGrade:
    if gsd <= GAPS_GSD_M:
        return "single wagons"
    if gsd <= COUNT_GSD_M * GSD_TOLERANCE:
        return "length"
    return "occupied" if gsd <= LENGTH_GSD_M * GSD_TOLERANCE else "train-like"


def _notes(grade: TrackGrade, gsd: float) -> tuple[str, ...]:
    if grade == "length":
        return (f"at {gsd:.3g} m single wagons are not seen: counted by the length of the runs",)
    if grade == "occupied":
        return (f"at {gsd:.3g} m wagons are not counted",)
    if grade == "train-like":
        return (f"at {gsd:.3g} m one pixel holds two tracks: no length is given",)
    return ()


def _runs(chance: np.ndarray, judged: np.ndarray, breaks: np.ndarray) -> list[tuple[int, int]]:
    """Runs of occupied steps; pieces of track are runs of their own."""
    occupied = (chance > 0.5) & judged
    out = []
    for a, b in runs_of(occupied):
        cuts = [a, *(int(c) for c in breaks if a < c < b), b]
        out += list(pairwise(cuts))
    return out


def _metres(
    runs: list[tuple[int, int]], judged: np.ndarray, step: float, gsd: float, doubt: Doubt
) -> tuple[Estimate, float]:
    """Occupied metres with an interval, and their standard deviation.

    Steps may have been taken for the wrong thing, ends are uncertain, and a share besides.
    """
    value = float(sum(b - a for a, b in runs) * step)
    ends = 2 * len(runs) * (END_M * max(1.0, gsd)) ** 2
    deviation = float(np.hypot(np.sqrt(ends), ROUGH * gsd * value))
    low, high = doubt.bounds(value, deviation)
    low, high = max(0.0, min(low, value)), max(value, high)
    ceiling = float(judged.sum() * step)
    estimate = round(value, 2), round(low, 2), round(min(high, ceiling), 2)
    return estimate, float(np.hypot(deviation, np.sqrt(doubt.variance)))


def _counts(
    runs: list[tuple[int, int]],
    judged: np.ndarray,
    step: float,
    gsd: float,
    breaks: np.ndarray,
    profile: np.ndarray | None,
) -> list[Count]:
    """Wagons of each run, by their gaps where a profile is given and by their length elsewhere."""
    ends = np.sqrt(2) * END_M * max(1.0, gsd)
    counts = []
    for a, b in runs:
        if profile is None or b - a < 2:
            length = (b - a) * step
            counts.append(count_by_length(length, float(np.hypot(ends, ROUGH * gsd * length))))
            continue
        fine = round(step / gsd)
        cut = (a in (0, *breaks) or not judged[a - 1], b in (len(judged), *breaks))
        cut = (cut[0], cut[1] or not judged[b])
        counts.append(count_by_gaps(profile[a * fine : b * fine], gsd, cut))
    return counts
