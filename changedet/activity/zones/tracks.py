"""What the tracks in a zone tell of it: how much of them is occupied, and how much of that changed.

Objects are what changed. What stands at both dates is none, so that only the profiles of tracks
know how full a zone is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from changedet.model import Places, ZoneActivity


def zone_occupancy(
    rows: tuple[ZoneActivity, ...],
    zones: Places | None,
    tracks: Places | None,
    track_rows: Sequence[Mapping[str, Any]],
) -> tuple[ZoneActivity, ...]:
    """Fill occupancy and churn of zones from the rows of tracks.

    A track counts in a zone with the part of its length that lies inside, as if what stands on it
    were spread evenly; the site holds all tracks.

    Parameters
    ----------
    rows : tuple of ZoneActivity
        From :func:`changedet.activity.zone_activity`, the site last.
    zones, tracks : Places or None
        In one CRS.
    track_rows : sequence of mapping
        One a track, found by ``id`` among the names of ``tracks``: ``occupied_m_before``,
        ``occupied_m_after``; ``observable_m_before`` and ``observable_m_after`` or else
        ``length_m`` (metres of which this is true); ``arrived_m`` and ``departed_m``, where they
        are known.

    Returns
    -------
    tuple of ZoneActivity
        With ``occupancy_before`` and ``occupancy_after``, 0 to 1, and with ``churn``: (arrived +
        departed metres) / (occupied before + after). Null where the rows do not tell; without
        arrivals and departures, ``parts.churn_low`` is what the difference of both dates proves.
    """
    known = {} if tracks is None else {str(row.get("id")): row for row in track_rows}
    if tracks is None or not known:
        return rows
    lines = np.asarray(tracks.geometry, dtype=object)
    out = []
    for i, row in enumerate(rows):
        share = np.ones(len(lines))
        if zones is not None and i < len(zones):
            inside = shapely.length(shapely.intersection(lines, zones.geometry[i]))
            share = inside / shapely.length(lines)
        members = [
            (float(part), known[name], name)
            for name, part in zip(tracks.names, share, strict=True)
            if part > 0 and name in known
        ]
        out.append(_filled(row, members))
    return tuple(out)


def _filled(row: ZoneActivity, members: list[tuple[float, Mapping[str, Any], str]]) -> ZoneActivity:
    told = [m for m in members if _known(m[1], "occupied_m_before", "occupied_m_after")]
    if not told:
        why = "no track in it" if not members else "its tracks could not be measured"
        return replace(row, parts={**row.parts, "occupancy_reason": why})

    def total(*names: str) -> float:
        """Sum over tracks of the first of the names that a row has."""
        return math.fsum(
            part * float(next((track[n] for n in names if track.get(n) is not None), 0.0))
            for part, track, _ in told
        )

    before, after = total("occupied_m_before"), total("occupied_m_after")
    seen_before = total("observable_m_before", "length_m")
    seen_after = total("observable_m_after", "length_m")
    net = math.fsum(
        part * abs(track["occupied_m_after"] - track["occupied_m_before"])
        for part, track, _ in told
    )
    flows = all(_known(track, "arrived_m", "departed_m") for _, track, _ in told)
    both = before + after
    churn = None
    if flows and both > 0:
        churn = min(1.0, (total("arrived_m") + total("departed_m")) / both)
    parts = {
        **row.parts,
        "occupancy_from": [name for _, _, name in told],
        "occupancy_reason": None,
        "occupied_m_before": before,
        "occupied_m_after": after,
        "track_m_before": seen_before,
        "track_m_after": seen_after,
        "churn_low": min(1.0, net / both) if both > 0 else None,
        "churn_high": 1.0 if both > 0 else None,
    }
    return replace(
        row,
        occupancy_before=min(1.0, before / seen_before) if seen_before > 0 else None,
        occupancy_after=min(1.0, after / seen_after) if seen_after > 0 else None,
        churn=churn,
        parts=parts,
    )


def _known(row: Mapping[str, Any], *names: str) -> bool:
    return all(row.get(name) is not None and math.isfinite(row[name]) for name in names)
