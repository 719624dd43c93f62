"""Series of tracks: each by itself, and all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import floor, hypot, sqrt
from typing import Any

import numpy as np

from changedet.activity.histories.place_values import PlaceValue, PlaceValues, row_of
from changedet.model import ALL_TRACKS, Observation

CAR_M = 13.92
"""Length of a freight car over its couplers, metres: one count of occupied track."""
MEASURES = (("occupied_m", CAR_M), ("cars", 1.0))
"""Measures of a track, the leading one first, and the value of one count."""
NORMAL_95 = 1.96
COMMON = 0.1
"""Share of the variance of a track's value that all tracks have in common."""


def track_measures(
    days: list[list[Observation]], tracks: Sequence[str]
) -> Iterator[tuple[str, str, PlaceValues, float]]:
    """Name, measure, values by day and image, and unit of each series of tracks.

    Where several tracks were measured, their sum comes last, under the name
    :data:`changedet.model.ALL_TRACKS`.
    """
    found = {
        measure: {track: _values(days, track, measure) for track in tracks}
        for measure, _ in MEASURES
    }
    for track in tracks:
        for measure, unit in MEASURES:
            yield track, measure, found[measure][track], unit
    lengths = _lengths(days)
    for measure, unit in MEASURES:
        known = {t: v for t, v in found[measure].items() if _ever(v)}
        if len(known) > 1 and ALL_TRACKS not in tracks:
            yield ALL_TRACKS, measure, together(known, lengths, whole=measure == "cars"), unit


def together(
    parts: dict[str, PlaceValues], lengths: dict[str, float], *, whole: bool = False
) -> PlaceValues:
    """Sum the values of tracks.

    An image lacks the sum if it lacks one of them. Intervals of tracks do not add up: on ten tracks
    of which each is right almost surely, one is wrong now and then. So it is the variances that
    are summed, and a share of them is taken to be common to all tracks (the same sun, haze and
    ground), of which deviations add up as they are. Where a row does not tell deviations, the
    distances to the ends of its interval stand for them.

    Parameters
    ----------
    parts : dict
        Values by track.
    lengths : dict
        Length of each track, metres: its weight in the share that was seen.
    whole : bool
        Whether it is a count: then the interval is widened to whole numbers.
    """
    weights = [lengths[track] for track in parts]
    return [
        [_sum(some, weights, whole) for some in zip(*images, strict=True)]
        for images in zip(*parts.values(), strict=True)
    ]


def _sum(some: Sequence[PlaceValue], weights: list[float], whole: bool) -> PlaceValue:
    seen = [v.observable for v in some if v.observable is not None]
    observable = None
    if len(seen) == len(some) and sum(weights) > 0:
        observable = float(np.average(seen, weights=weights))
    values = [v.value for v in some if v.value is not None]
    if len(values) < len(some):
        return PlaceValue(None, observable=observable)
    total = sum(values)
    each = [NORMAL_95 * v.deviation for v in some if v.deviation is not None]
    below = [v.value - v.low for v in some if v.value is not None and v.low is not None]
    above = [v.high - v.value for v in some if v.value is not None and v.high is not None]
    if len(each) == len(some):
        below = above = each
    if len(below) < len(some) or len(above) < len(some):
        return PlaceValue(total, observable=observable)
    low, high = max(0.0, total - _joined(below)), total + _joined(above)
    if whole:
        # a whole number counts up to a half beyond it
        low, high = min(total, float(floor(low + 0.5))), max(total, float(floor(high + 0.5)))
    return PlaceValue(total, low, high, observable)


def _joined(halves: Sequence[float]) -> float:
    """Half of the interval of a sum from those of its parts."""
    return hypot(sqrt(1 - COMMON) * hypot(*halves), sqrt(COMMON) * sum(halves))


def _ever(values: PlaceValues) -> bool:
    return any(v.value is not None for images in values for v in images)


def _lengths(days: list[list[Observation]]) -> dict[str, float]:
    """Length of each track, metres; 0 where no row tells."""
    out: dict[str, float] = {}
    for row in (r for day in days for o in day for r in o.tracks):
        name = str(row["id"])
        out[name] = max(out.get(name, 0.0), float(row.get("length_m") or 0.0))
    return out


def _values(days: list[list[Observation]], track: str, measure: str) -> PlaceValues:
    values = [[_track_value(o, track, measure) for o in day] for day in days]
    return _with_reference(days, values, track, measure)


def _track_value(observation: Observation, track: str, measure: str) -> PlaceValue:
    row = row_of(observation, "tracks", "id", track)
    if row is None:
        return PlaceValue(None)
    return PlaceValue(
        _number(row.get(f"{measure}_after")),
        _number(row.get(f"{measure}_after_low")),
        _number(row.get(f"{measure}_after_high")),
        _seen_of(row, "after"),
        _number(row.get(f"{measure}_after_sd")),
    )


def _seen_of(row: dict[str, Any], date: str) -> float | None:
    """Share of a track that was seen on a date; None where the row does not tell.

    What another track counts is not asked of this one.
    """
    seen, length = row.get(f"observable_m_{date}"), row.get("length_m")
    if seen is None or not length:
        return None
    own = float(length) - float(row.get("shared_m") or 0.0)
    return min(1.0, float(seen) / own) if own > 0 else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _with_reference(
    days: list[list[Observation]], values: PlaceValues, track: str, measure: str
) -> PlaceValues:
    """The reference was measured as the before image of every other date: the median of those."""
    if not any(o.reference for day in days for o in day):
        return values
    rows = [row_of(o, "tracks", "id", track) for day in days for o in day]

    def median(values: Iterable[Any]) -> float | None:
        some = [float(v) for v in values if v is not None]
        return float(np.median(some)) if some else None

    known = [r for r in rows if r is not None]
    value, low, high = (
        median(r.get(f"{measure}_before{end}") for r in known) for end in ("", "_low", "_high")
    )
    own = PlaceValue(
        value, low, high, median(_seen_of(r, "before") for r in known),
        median(r.get(f"{measure}_before_sd") for r in known),
    )  # fmt: skip
    return [
        [own if o.reference else v for o, v in zip(day, some, strict=True)]
        for day, some in zip(days, values, strict=True)
    ]
