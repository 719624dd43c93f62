"""What stands on railway tracks at both dates, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan
from typing import Any

from changedet.model import GSD_TOLERANCE
from changedet.model.tracks import IN_DOUBT
from changedet.reporting.word_limits import SINGLE_M, group
from changedet.reporting.word_scales import count, is_number, listing, metres, span

TRACKS = 3
"""Tracks that get a sentence of their own, those that changed most."""
CONTRADICTS = (3, 0.2)
"""Wagons, and share of the larger number, by which the outlines on a track have to lie outside the
interval of its count before they are said to contradict it."""


def words_of_tracks(summary: Mapping[str, Any]) -> list[str]:
    """Say of the tracks that changed most what stood on them, and what came and went."""
    rows = [t for t in summary.get("tracks") or () if isinstance(t, Mapping)]

    def size(row: Mapping[str, Any]) -> float:
        before, after = row.get("occupied_m_before"), row.get("occupied_m_after")
        return abs(after - before) if is_number(before) and is_number(after) else -1.0

    ranked = sorted(rows, key=size, reverse=True)
    said = [text for row in ranked if (text := _track(summary, row)) is not None]
    return said[:TRACKS]


def words_of_doubts(summary: Mapping[str, Any]) -> list[str]:
    """Say which tracks may have been read wrongly, and why."""
    named: dict[str, list[str]] = {}
    for row in summary.get("tracks") or ():
        for note in (row.get("notes") or ()) if isinstance(row, Mapping) else ():
            if str(note).startswith(IN_DOUBT):
                named.setdefault(str(note), []).append(str(row.get("id", "?")))
    out = []
    for note, tracks in named.items():
        some = listing(tracks[:TRACKS]) + (" and of others" if len(tracks) > TRACKS else "")
        plural, why = "s" * (len(tracks) > 1), note.removeprefix(IN_DOUBT)
        out.append(f"The numbers of track{plural} {some} are in doubt: {why}.")
    return out


def words_of_contradictions(summary: Mapping[str, Any]) -> list[str]:
    """Say where a track and the outlines on it tell of different numbers, and which to go by.

    A difference counts where the number of outlines lies outside the interval of the track's count
    by more than :data:`CONTRADICTS` wagons and share.
    """
    gsd = group(summary, "grid").get("gsd_m")
    if not is_number(gsd) or gsd > SINGLE_M * GSD_TOLERANCE:
        return []
    found = []
    for row in summary.get("tracks") or ():
        if isinstance(row, Mapping):
            found += [_contradiction(row, way) for way in ("arrived", "departed")]
    ranked = sorted((f for f in found if f is not None), key=lambda f: -f[0])
    said = [text for _, text in ranked[:TRACKS]]
    if len(ranked) > TRACKS:
        said.append("On other tracks counts and outlines differ as well: see the table of tracks.")
    return said


def _contradiction(row: Mapping[str, Any], way: str) -> tuple[float, str] | None:
    """By how many wagons track and outlines differ, and the sentence; None where they agree."""
    counted, low, high = (row.get(f"cars_{way}{end}") for end in ("", "_low", "_high"))
    outlined = row.get(f"outlined_{way}")
    if not (is_number(counted) and is_number(low) and is_number(high) and is_number(outlined)):
        return None
    gap = max(low - outlined, outlined - high)
    wagons, share = CONTRADICTS
    if gap < wagons or gap < share * max(counted, outlined):
        return None
    verb = "arrived" if way == "arrived" else "left"
    text = f"On {_named(row)}, {_estimate(row, f'cars_{way}', count)} wagons {verb} by the track's "
    text += f"profile; outlines show {count(outlined)}: "
    if outlined < low:
        # outlines can only miss or run together; what is outlined is among what is counted
        text += "take the track's count, as outlines may miss wagons or run into each other."
        return gap, text
    own, seen = _own_metres(row), row.get("observable_m")
    if is_number(own) and is_number(seen) and seen < 0.9 * own:
        text += f"only {metres(seen)} of {metres(own)} of the track were judged, so its count may "
        text += "lack what stands on the rest."
    else:
        text += "take the track's count, as shadows and parts of one wagon can be outlined by "
        text += "themselves, and look at the outlines on it."
    return gap, text


def _named(row: Mapping[str, Any]) -> str:
    name = str(row.get("id", "?"))
    return name if name.lower().startswith(("track", "line")) else f"track {name}"


def _own_metres(row: Mapping[str, Any]) -> float | None:
    """Length of a track without what another one counts."""
    length, shared = row.get("length_m"), row.get("shared_m")
    if not is_number(length):
        return None
    return float(length - shared) if is_number(shared) else float(length)


def _track(summary: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
    """One track: wagons with intervals where they can be counted, else occupied metres."""
    name = _named(row)
    gsd = group(summary, "grid").get("gsd_m")
    countable = is_number(gsd) and gsd <= SINGLE_M * GSD_TOLERANCE
    wagons = [_estimate(row, f"cars_{date}", count) for date in ("before", "after")]
    lengths = [_estimate(row, f"occupied_m_{date}", metres) for date in ("before", "after")]
    if countable and all(wagons):
        text, stem = f"On {name}, {wagons[0]} wagons before and {wagons[1]} after", "cars"
        flows = _flows(row, "cars_arrived", "cars_departed", count)
    elif all(lengths):
        text, stem = f"On {name}, {lengths[0]} occupied before and {lengths[1]} after", "occupied_m"
        flows = _flows(row, "arrived_m", "departed_m", metres)
    else:
        return None
    if flows:
        text += f"; {flows}"
    elif _apart(row, stem) is False:
        text += ", which is no sure difference"
    seen, own = row.get("observable_m"), _own_metres(row)
    if is_number(seen) and is_number(own) and seen < 0.9 * own:
        text += f" ({metres(seen)} of {metres(own)} could be observed)"
    return f"{text}."


def _flows(row: Mapping[str, Any], arrived: str, departed: str, say: Any) -> str:
    """``7 (6 to 7) arrived and 2 (1 to 3) left``; empty where that is not known."""
    keys = ((arrived, "arrived"), (departed, "left"))
    if not all(is_number(row.get(key)) for key, _ in keys):
        return ""
    said = [
        f"{_estimate(row, key, say)} {name}"
        for key, name in keys
        if row[key] or row.get(f"{key}_high")
    ]
    return listing(said) if said else "nothing seems to have arrived or left"


def _estimate(row: Mapping[str, Any], key: str, say: Any) -> str | None:
    """A value with its interval: ``12 (10 to 14)``."""
    value, low, high = (row.get(key + end) for end in ("", "_low", "_high"))
    if not is_number(value):
        return None
    if is_number(low) and is_number(high):
        unit = " m" if say is metres else ""
        return f"{say(value)} ({span(low, high)}{unit})"
    return f"about {say(value)}"


def _apart(row: Mapping[str, Any], stem: str) -> bool | None:
    """Whether the intervals of both dates do not overlap; None where there are none."""
    ends = [row.get(f"{stem}_{d}_{e}") for d in ("before", "after") for e in ("low", "high")]
    low, high, low_after, high_after = [float(v) if is_number(v) else nan for v in ends]
    if isnan(low + high + low_after + high_after):
        return None
    return low > high_after or low_after > high
