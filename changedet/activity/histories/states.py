"""Is a date a spike, part of a level shift or a drift, or normal: rules, applied date by date.

A date is judged by the dates before it alone, as it would have been on that day.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import numpy as np

from changedet.activity.histories.predictive import CountModel, fit_counts
from changedet.errors import ConfigError

State = Literal["spike", "level shift", "drift", "normal", "insufficient_baseline"]
STATES: tuple[State, ...] = ("spike", "level shift", "drift", "normal", "insufficient_baseline")
WINDOWS = (3, 4, 6, 8, 12, 16, 24, 32)
"""Numbers of latest dates that are taken together when a lasting change is looked for."""
SEASONAL_SPAN_DAYS = 730
SEASONAL_DATES = 3
"""Least dates in each quarter of the year for a seasonal baseline, over at least the span."""
YEAR_DAYS = 365.2425
QUARTER_DAYS = YEAR_DAYS / 4


@dataclass(frozen=True)
class HistoryRules:
    """How a history is judged."""

    level: float = 0.01
    """Probability at which a normal date is called a spike, above 0 to 0.2."""
    least_baseline: int = 8
    """Fewest earlier dates by which a date is judged, at least 5."""
    least_observable: float = 0.8
    """Share of a place that must be seen for its date to count, above 0 to 1."""
    baseline_until: date | None = None
    """Later dates never join the baseline; None: every earlier date that stood out by nothing."""
    seasonal: bool = True
    """Compare with the same season, where the history is long enough for that."""

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("level", self.level, 0.0, 0.2), ("least_observable", self.least_observable, 0.0, 1.0)
        ):  # fmt: skip
            if not isinstance(value, (int, float)) or not low < value <= high:
                raise ConfigError(
                    f"{name}={value!r} is not usable: give a number above {low:g} to {high:g}."
                )
        if not isinstance(self.least_baseline, int) or self.least_baseline < 5:
            raise ConfigError(
                f"least_baseline={self.least_baseline!r} is not usable: give a whole number of at "
                "least 5; fewer dates say nothing of what is normal."
            )

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        until = self.baseline_until
        return {**asdict(self), "baseline_until": None if until is None else until.isoformat()}


@dataclass(frozen=True, eq=False)
class Verdict:
    """What one observed date was, judged by those before it."""

    state: State
    baseline: np.ndarray
    """Positions of the dates by which it was judged."""
    seasonal: bool = False
    """Whether it was compared with its own season."""
    model: CountModel | None = None
    """What was to be expected (first group: the date's season); None with too few dates."""
    p: float | None = None
    """Predictive probability of at least this count."""
    first_seen: int | None = None
    """Position of the first date of what is going on; None where nothing is."""
    direction: Literal["up", "down"] | None = None
    """Of a spike (up), a level shift or a drift."""


def season_groups(days: np.ndarray, day: float) -> np.ndarray:
    """Quarter of the year of each date, counted from the one that has a certain day in its middle.

    Parameters
    ----------
    days : (n,) array
        Times in days.
    day : float
        The day around which the first quarter lies.

    Returns
    -------
    (n,) array of int
        0 to 3; 0 within 46 days of that day in any year.
    """
    phase = (days - day + QUARTER_DAYS / 2) % YEAR_DAYS
    return np.minimum(phase // QUARTER_DAYS, 3).astype(np.int64)


def judge_dates(
    days: np.ndarray,
    counts: np.ndarray,
    rules: HistoryRules | None = None,
) -> list[Verdict]:
    """Judge every date of a series by the dates before it.

    In this order: with fewer than ``rules.least_baseline`` earlier dates,
    ``insufficient_baseline``; where the latest three or more dates *together* are less likely than
    ``rules.level``, ``level shift`` or ``drift``, whichever describes the series better; where the
    predictive probability of the date is below ``rules.level``, ``spike``; otherwise ``normal``.
    Dates that stood out do not join the baseline of later ones.

    Parameters
    ----------
    days : (n,) array
        Times in days since the year 1, rising. Missing dates are left out.
    counts : (n,) array
        Whole numbers.
    rules : HistoryRules, optional
        Defaults suit most sites.

    Returns
    -------
    list of Verdict
        One a date.

    Notes
    -----
    Taking several dates together is the idea of the cumulative sum (Page 1954,
    doi:10.1093/biomet/41.1-2.100): a rise too small to see on one date is seen on ten. It
    misleads where dates follow each other so closely that they see the same trains.
    """
    rules = rules or HistoryRules()
    counts = np.round(np.asarray(counts, dtype=np.float64))
    days = np.asarray(days, dtype=np.float64)
    limit = np.inf
    if rules.baseline_until is not None:
        limit = float(rules.baseline_until.toordinal() + 1)
    # dates that stood out at all, and those that stood out within their season
    unusual = np.zeros((2, len(counts)), dtype=bool)
    out: list[Verdict] = []
    for now in range(len(counts)):
        usable = ~unusual[:, :now] & (days[:now] < limit)
        base, seasonal = np.flatnonzero(usable[0]), False
        if rules.seasonal:
            base, seasonal = _seasonal_baseline(now, base, usable[1], days, out)
        verdict = _judge(now, base, seasonal, days, counts, rules, out)
        if verdict.first_seen is not None:
            # what turns out to be lasting began before it could be known
            start = verdict.first_seen
            if np.count_nonzero(base < start) < rules.least_baseline:
                start = now
            unusual[: 1 + seasonal, start : now + 1] = True
        out.append(verdict)
    return out


def _seasonal_baseline(
    now: int, base: np.ndarray, usable: np.ndarray, days: np.ndarray, past: list[Verdict]
) -> tuple[np.ndarray, bool]:
    """Baseline with seasons where two years with dates in every quarter are known.

    What stood out before the season was known may have been the season: it comes back in, unless
    it belongs to what is still going on.
    """
    usable = usable.copy()
    if past and past[-1].first_seen is not None:
        usable[past[-1].first_seen :] = False
    known = np.flatnonzero(usable)
    groups = season_groups(days[known], float(days[now]))
    enough = np.bincount(groups, minlength=4).min() >= SEASONAL_DATES
    if enough and np.ptp(days[known]) >= SEASONAL_SPAN_DAYS:
        return known, True
    return base, False


def _judge(
    now: int,
    base: np.ndarray,
    seasonal: bool,
    days: np.ndarray,
    counts: np.ndarray,
    rules: HistoryRules,
    past: list[Verdict],
) -> Verdict:
    if len(base) < rules.least_baseline:
        return Verdict("insufficient_baseline", base)
    groups = season_groups(days, float(days[now]))
    if not seasonal:
        groups[:] = 0
    # the date itself is in the first group, with or without seasons
    model = fit_counts(counts[base], groups[base])
    p = model.exceedance(float(counts[now]))
    level = _without_season(counts, groups, model) if seasonal else counts
    together, way = _lasting(now, base, level, rules)
    state: State = "normal"
    first: int | None = None
    direction: Literal["up", "down"] | None = None
    if together < rules.level:
        direction = way
        state, first = _shape(now, days, level)
    elif p < rules.level:
        state, first, direction = "spike", now, "up"
    if state == "spike":
        first = _since(now, past, direction)
    return Verdict(state, base, seasonal, model, p, first, direction)


def _without_season(counts: np.ndarray, groups: np.ndarray, model: CountModel) -> np.ndarray:
    """Counts brought to the mean of the year."""
    # half a count more: an empty season still has a factor
    means = (model.totals + 0.5) / model.dates
    factor = means / (means @ model.dates / model.dates.sum())
    return np.asarray(counts / factor[groups])


def _lasting(
    now: int, base: np.ndarray, counts: np.ndarray, rules: HistoryRules
) -> tuple[float, Literal["up", "down"] | None]:
    """Probability of what the latest dates are together, by chance, and which way they lie off."""
    usual = float(np.median(counts[base]))
    latest = counts[now - 2 : now + 1]
    up = bool((latest > usual).all())
    if not up and not (latest < usual).all():
        return 1.0, None
    best, tested = 1.0, 0
    for window in WINDOWS:
        before = base[base <= now - window]
        if len(before) < rules.least_baseline:
            break
        tested += 1
        model = fit_counts(counts[before])
        # one extreme date is a spike, not a level: it counts as the second most extreme
        values = np.sort(counts[now - window + 1 : now + 1])
        if up:
            values[-1] = values[-2]
            p = model.exceedance(float(np.floor(values.sum())), dates=window)
        else:
            values[0] = values[1]
            p = model.shortfall(float(np.ceil(values.sum())), dates=window)
        best = min(best, p)
    # both directions and every window had their chance
    return min(1.0, best * 2 * tested) if tested else 1.0, "up" if up else "down"


def _shape(now: int, days: np.ndarray, counts: np.ndarray) -> tuple[State, int]:
    """Step, or flat and then a slope: which fits the variance-stabilised counts better, and whence.

    Both have three numbers to fit: two levels, or a level and a slope, and where they meet.
    """
    y, x = np.sqrt(counts[: now + 1] + 0.375), days[: now + 1]
    at = np.arange(3, now - 1)
    later = np.arange(now + 1) >= at[:, None]
    slopes = np.maximum(x - x[np.arange(now - 2), None], 0.0)
    step, slope = _misfit(later.astype(np.float64), y), _misfit(slopes, y)
    if slope.min() < step.min():
        return "drift", int(slope.argmin()) + 1
    return "level shift", int(at[step.argmin()])


def _misfit(shapes: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sum of squares that each shape, times a factor and on a level, leaves of a series."""
    shapes, y = shapes - shapes.mean(axis=1, keepdims=True), y - y.mean()
    return np.asarray((y @ y) - (shapes @ y) ** 2 / (shapes**2).sum(axis=1))


def _since(now: int, past: list[Verdict], direction: str | None) -> int:
    """First date of an unbroken run of dates that stood out the same way."""
    if past and past[-1].first_seen is not None and past[-1].direction == direction:
        return past[-1].first_seen
    return now
