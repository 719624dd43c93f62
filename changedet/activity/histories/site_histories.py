"""From what each date gave to one judged series for each place and measure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from changedet.activity.histories.levels import exceedance_p, levels, robust_z
from changedet.activity.histories.place_values import PlaceValue, PlaceValues, row_of
from changedet.activity.histories.states import QUARTER_DAYS, HistoryRules, Verdict, judge_dates
from changedet.activity.histories.track_histories import track_measures
from changedet.errors import HistoryWarning
from changedet.model import (
    COMPARED_WITH,
    HistoryDate,
    Observation,
    SiteHistory,
    day_number,
)


def site_histories(
    observations: Sequence[Observation],
    rules: HistoryRules | None = None,
    *,
    one_reference: bool = True,
) -> tuple[SiteHistory, ...]:
    """Make and judge the series of every zone and track.

    Parameters
    ----------
    observations : sequence of Observation
        By time. Several of one day become one date: of each place, the one that saw most of it.
    rules : HistoryRules, optional
        How dates are judged.
    one_reference : bool
        Whether all were compared with one image. Then zones have levels (what is there); otherwise
        only what appeared and what disappeared since the before image of each.

    Returns
    -------
    tuple of SiteHistory
        Zones and the site, then tracks, then all tracks together where there are several; of each,
        its first measure is the leading one. A measure without any value is left out.

    Warns
    -----
    HistoryWarning
        Of places that are left out because too little of them was seen on every date.
    """
    # The reference has no level of its own in a zone: false objects, of which every comparison has
    # some, would be lacking in it, and it would look quieter than it was.
    rules = rules or HistoryRules()
    days = _by_day(observations)
    out = []
    for zone in _names(observations, "activity", "zone"):
        for measure, values, unit in _zone_measures(days, zone, one_reference):
            out.append(_history(zone, "zone", measure, unit, days, values, rules))
    tracks = _names(observations, "tracks", "id")
    for track, measure, values, unit in track_measures(days, tracks):
        out.append(_history(track, "track", measure, unit, days, values, rules))
    _tell_hardly_seen(out, rules)
    return tuple(h for h in out if h.observed)


def _tell_hardly_seen(histories: Sequence[SiteHistory], rules: HistoryRules) -> None:
    """Warn of places that have no series only because too little of them was seen each time."""
    told = {h.place for h in histories if h.observed}
    for history in histories:
        most = max((d.observable for d in history.dates if d.observable is not None), default=0.0)
        if history.place in told or not 0.0 < most < rules.least_observable:
            continue
        told.add(history.place)
        warnings.warn(
            f"No more than {most:.0%} of {history.kind} {history.place!r} was seen on any date, "
            f"and {rules.least_observable:.0%} is asked for: it has no series. Lower "
            "least_observable to judge it by the part that was seen.",
            HistoryWarning,
            stacklevel=3,
        )


def _by_day(observations: Sequence[Observation]) -> list[list[Observation]]:
    out: list[list[Observation]] = []
    for one in observations:
        if out and out[-1][0].acquired.date() == one.acquired.date():
            out[-1].append(one)
        else:
            out.append([one])
    return out


def _names(observations: Sequence[Observation], rows: str, key: str) -> list[str]:
    """Names of places in the order of their first appearance, the site after the zones."""
    found = dict.fromkeys(str(r[key]) for o in observations for r in getattr(o, rows))
    return sorted(found, key=lambda name: rows == "activity" and name == "site")


def _zone_measures(
    days: list[list[Observation]], zone: str, one_reference: bool
) -> Iterable[tuple[str, PlaceValues, float]]:
    """Name, values by day and image, and unit of each measure of a zone."""
    rows = [[row_of(o, "activity", "zone", zone) for o in day] for day in days]
    flat = [
        (o, r) for day, some in zip(days, rows, strict=True) for o, r in zip(day, some, strict=True)
    ]
    shape = [len(day) for day in days]

    def column(name: str) -> np.ndarray:
        found = [None if r is None else r[name] for _, r in flat]
        return np.array([np.nan if v is None else v for v in found], dtype=np.float64)

    def values(found: np.ndarray) -> PlaceValues:
        seen = [None if r is None else r.get("observable_fraction") for _, r in flat]
        some = [
            PlaceValue(None if np.isnan(v) else float(v), observable=s)
            for v, s in zip(found, seen, strict=True)
        ]
        ends = np.cumsum([0, *shape])
        return [some[a:b] for a, b in pairwise(ends)]

    if not one_reference:
        yield "appeared", values(column("appeared")), 1.0
        yield "disappeared", values(column("disappeared")), 1.0
        return
    yield "objects", values(levels(column("appeared"), column("disappeared"))), 1.0
    count = np.nansum(column("appeared")) + np.nansum(column("disappeared"))
    area = np.nansum(column("area_appeared_m2")) + np.nansum(column("area_disappeared_m2"))
    unit = float(area / count) if count > 0 and area > 0 else 1.0
    yield (
        "area_m2",
        values(levels(column("area_appeared_m2"), column("area_disappeared_m2"))),
        unit,
    )


def _history(
    place: str,
    kind: Any,
    measure: str,
    unit: float,
    days: list[list[Observation]],
    values: PlaceValues,
    rules: HistoryRules,
) -> SiteHistory:
    dates = [_date(day, some, rules, measure) for day, some in zip(days, values, strict=True)]
    at = [i for i, d in enumerate(dates) if d.value is not None]
    times = [dates[i].acquired for i in at]
    found = np.array([dates[i].value for i in at], dtype=np.float64)
    verdicts = judge_dates(
        np.array([day_number(t) for t in times]),
        np.round(found / unit),
        rules,
    )
    judge = _Judged(times, found, unit, rules.level)
    for k, (i, verdict) in enumerate(zip(at, verdicts, strict=True)):
        dates[i] = judge.fill(dates[i], k, verdict)
    return SiteHistory(place, kind, measure, unit, tuple(dates))


def _date(
    day: list[Observation], values: list[PlaceValue], rules: HistoryRules, measure: str
) -> HistoryDate:
    """One date of the series: of several images of a day, the one that saw most of the place."""
    order = sorted(
        range(len(day)),
        key=lambda i: (values[i].value is None, -_seen_share(values[i]), i),
    )
    best = order[0]
    one, value = day[best], values[best]
    missing = one.reason
    if missing is None and value.value is None:
        missing = COMPARED_WITH if one.reference else "not measured"
    seen = value.observable
    if missing is None and seen is not None and seen < rules.least_observable:
        missing = f"only {seen:.0%} of it could be seen"
    if missing is not None:
        return HistoryDate(one.acquired, one.image, None, observable=seen, missing=missing)
    return HistoryDate(one.acquired, one.image, value.value, value.low, value.high, seen)


def _seen_share(value: PlaceValue) -> float:
    return 1.0 if value.observable is None else value.observable


def _season(middle: datetime) -> str:
    """Name the quarter of a year around a date."""
    ends = (middle + timedelta(days=side * QUARTER_DAYS / 2) for side in (-1, 1))
    return " to ".join(f"{end.day} {end:%b}" for end in ends)


@dataclass(frozen=True, eq=False)
class _Judged:
    """Puts a verdict, and what goes with it, into the date it belongs to."""

    times: list[datetime]
    values: np.ndarray
    unit: float
    level: float

    def fill(self, date: HistoryDate, at: int, verdict: Verdict) -> HistoryDate:
        date = replace(date, state=verdict.state, baseline_dates=len(verdict.baseline))
        model = verdict.model
        if model is None:
            return date
        count = float(np.round(self.values[at] / self.unit))
        low, high = model.exceedance_interval(count)
        size, size_low, size_high = model.dispersion
        quantile: Callable[[float], float] = lambda q: self.unit * model.quantile(q)  # noqa: E731
        first = verdict.first_seen
        before = None if first is None or first == 0 else self.times[first - 1]
        return replace(
            date,
            direction=verdict.direction,
            first_seen=None if first is None else self.times[first],
            last_not_seen=before,
            season=_season(date.acquired) if verdict.seasonal else None,
            expected=quantile(0.5),
            band_low=quantile(self.level),
            band_high=quantile(1 - self.level),
            robust_z=robust_z(float(self.values[at]), self.values[:at]),
            rank_p=exceedance_p(float(self.values[at]), self.values[:at]),
            nb_p=verdict.p,
            nb_p_low=low,
            nb_p_high=high,
            dispersion=size,
            dispersion_low=size_low,
            dispersion_high=size_high,
        )
