"""What one track holds: occupied metres and wagons of both dates, each with an interval."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from changedet.activity.tracks import seen
from changedet.activity.tracks.bands import TrackSamples, body_profile
from changedet.activity.tracks.doubt import Doubt, doubt_of
from changedet.activity.tracks.occupancy import Occupation
from changedet.activity.tracks.offset import TrackOffsets
from changedet.activity.tracks.profile import TrackStrip
from changedet.activity.tracks.wagon_count import (
    Count,
    add_up,
    count_by_gaps,
    count_by_length,
    runs_of,
)
from changedet.model import GSD_TOLERANCE, TrackActivity
from changedet.model.tracks import Estimate, TrackGrade

GAPS_GSD_M = 0.6
"""Gaps of 1.1 m between wagons show up to this ground sample distance."""
COUNT_GSD_M = 3.0
"""Coarser pixels do not carry a count,"""
LENGTH_GSD_M = 6.0
"""and coarser than this no length: one pixel holds two tracks."""
END_M = 0.7
"""Standard deviation with which an end of a train is found, metres or so many pixels."""
ROUGH = 0.02
"""Standard deviation of occupied length besides, as a share of it, for each metre of ground
sample distance: what is taken for train and is none, and the other way round."""
_METRES = {
    "before": "occupied_m_before", "after": "occupied_m_after",
    "arrived": "arrived_m", "departed": "departed_m",
}  # fmt: skip


def track_row(
    name: str,
    mine: list[int],
    strips: list[TrackStrip],
    samples: TrackSamples,
    found: Occupation,
    placed: TrackOffsets,
    levels: tuple[np.ndarray, np.ndarray],
    reasons: dict[str, np.ndarray],
) -> TrackActivity:
    """Add up what was found along the pieces of one track.

    Parameters
    ----------
    name : str
        Of the track.
    mine : list of int
        Which of the strips are its pieces.
    strips : list of TrackStrip
        Of all tracks.
    samples : TrackSamples
        What was read along them, step by step.
    found : Occupation
        How likely each step is occupied.
    placed : TrackOffsets
        How far off its centreline each track lies.
    levels : (dark, typical)
        From :func:`changedet.activity.tracks.bands.dark_levels`.
    reasons : dict of str to (date, n) bool array
        Which steps cannot be judged, and why.
    """
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
