"""A site over many dates: every date against one reference, every series against its own past."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from os import PathLike
from typing import Any

from changedet.activity import HistoryRules, site_histories
from changedet.config import Config
from changedet.differencing import describe_source
from changedet.errors import (
    AlignmentRefused,
    CalibrationWarning,
    ChangedetError,
    ChangedetWarning,
    HistoryWarning,
    ImageReadError,
    NotComparableError,
    NotEnoughValidPixels,
)
from changedet.loading import SeriesItem, read_series
from changedet.model import MonitoredDate, MonitorReport, Observation
from changedet.pipeline.doubts import tell_of_doubts
from changedet.pipeline.earlier import from_reports, tell_unused
from changedet.pipeline.linking import check_links, link_all
from changedet.pipeline.opening import settle
from changedet.pipeline.recipe import detect
from changedet.pipeline.reference import choose_reference
from changedet.pipeline.sensors import sensor_of, tell_of_sensors
from changedet.pipeline.summary import plain_argument, versions
from changedet.progress import ProgressCallback, ProgressEvent, as_progress, close_progress
from changedet.reporting import write_monitor

MISSING = (AlignmentRefused, NotComparableError, NotEnoughValidPixels, ImageReadError)
"""What makes one date missing and not the whole run fail."""


def monitor(
    images: Any,
    *,
    dates: Sequence[Any] | None = None,
    zones: Any = None,
    tracks: Any = None,
    roads: Any = None,
    aoi: Any = None,
    reference: int | str | None = None,
    rules: HistoryRules | None = None,
    links: Sequence[Any] = (),
    config: Config | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> MonitorReport:
    """Follow the activity of a site over many dates, and say which dates stand out.

    Every image is aligned on, and compared with, one reference image, a pair at a time; what each
    has more and less than the reference gives one series for each zone, for the site and for each
    track. Each date is then judged by the dates before it.

    Parameters
    ----------
    images : sequence
        Images of any date, in any order; a text file or CSV with ``path,date`` a line; a folder of
        images; or folders written by earlier runs of :func:`changedet.detect`.
    dates : sequence of str, date or datetime, optional
        One an image, where tags and file names do not tell.
    zones, tracks, roads, aoi
        As for :func:`changedet.detect`. Earlier reports bring their own.
    reference : int or str, optional
        Position in time of the image with which all others are compared (negative ones count from
        the end), or its path. By default the earliest of the clearest ones.
    rules : HistoryRules, optional
        How dates are judged.
    links : sequence of MonitorReport or folder, optional
        Other sites with which this one is correlated, see :func:`changedet.link`.
    config, engine, progress, **settings
        As for :func:`changedet.detect`.

    Returns
    -------
    MonitorReport
        One series a place and measure; ``write(folder)`` writes tables, JSON and a plot.

    Raises
    ------
    ConfigError
        If there are fewer than two dates, or dates are not known.
    ImageReadError, NoOverlapError
        If an image cannot be read, or does not overlap the reference.

    Warns
    -----
    HistoryWarning
        If the order was put right, a date is there twice, sensors differ, or a date is missing.
    """
    chosen, judged_by = settle(config, settings), rules or HistoryRules()
    images = images if isinstance(images, (str, PathLike)) else list(images)
    places = {"zones": zones, "tracks": tracks, "roads": roads, "aoi": aoi}
    given = {"images": images, "links": list(links), **places}
    arguments: dict[str, Any] = {
        **{name: plain_argument(value) for name, value in given.items()},
        "dates": None if dates is None else [
            d.isoformat() if isinstance(d, date) else str(d) for d in dates
        ],
        "reference": reference if isinstance(reference, int) else plain_argument(reference),
    }  # fmt: skip
    check_links(links)
    tell = as_progress(progress)
    caught: list[warnings.WarningMessage]
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ChangedetWarning)
            items = read_series(
                images, dates=dates, domain=chosen.domain, clouds=chosen.clouds == "auto"
            )
            _tell_of_days(items)
            if items[0].summary is not None:
                tell_unused(reference=reference, **places, **settings)
                found, seen, base, one, inputs = from_reports(items)
            else:
                found, seen, base, inputs = _compare(items, reference, places, chosen, engine, tell)
                one = True
            tell_of_doubts(found)
            histories = site_histories(found, judged_by, one_reference=one)
    finally:
        close_progress(tell)
    said = _said_once(caught)
    for text, category in said:
        warnings.warn(text, category, stacklevel=2)
    report = MonitorReport(
        histories, seen, base, judged_by.describe(), tuple(text for text, _ in said),
        {
            "changedet": version("changedet"),
            "inputs": inputs,
            "arguments": arguments,
            "monitor": {"reference": base, "rules": judged_by.describe()},
            "config": chosen.describe(),
            "method": describe_source(chosen.method),
            "versions": versions(),
        },
        writer=write_monitor,
    )  # fmt: skip
    return link_all(report, links)


def _compare(
    items: tuple[SeriesItem, ...],
    reference: int | str | None,
    places: dict[str, Any],
    config: Config,
    engine: str | Executor,
    tell: ProgressCallback,
) -> tuple[list[Observation], tuple[MonitoredDate, ...], dict[str, Any], list[dict[str, Any]]]:
    """Compare every image with the reference, one pair at a time; only rows are kept."""
    at, base = choose_reference(items, reference, config, tell)
    infos = tuple(item.info for item in items if item.info is not None)
    tell_of_sensors(infos, at)
    found, seen, inputs = [], [], []
    for done, item in enumerate(items):
        tell(ProgressEvent("dates", done, len(items), f"{item.acquired:%Y-%m-%d}"))
        sensor = sensor_of(infos[done])
        if done == at:
            found.append(Observation(item.acquired, item.name, reference=True))
            seen.append(_monitored(item, sensor, "reference"))
            continue
        try:
            observation, grade, described = _pair(items[at], item, places, config, engine)
        except MISSING as error:
            reason = _reason(error)
            warnings.warn(
                f"{item.name} ({item.acquired:%Y-%m-%d}) is missing from the series: {reason}",
                HistoryWarning,
                stacklevel=2,
            )
            found.append(Observation(item.acquired, item.name, reason=reason))
            seen.append(replace(_monitored(item, sensor, "missing"), reason=reason))
            inputs.append(infos[done].describe())
            continue
        found.append(observation)
        seen.append(replace(_monitored(item, sensor, "scored"), alignment=grade))
        known = {entry["path"] for entry in inputs}
        inputs += [entry for entry in described if entry["path"] not in known]
    tell(ProgressEvent("dates", len(items), len(items)))
    return found, tuple(seen), base, inputs


def _pair(
    base: SeriesItem,
    item: SeriesItem,
    places: dict[str, Any],
    config: Config,
    engine: str | Executor,
) -> tuple[Observation, str, list[dict[str, Any]]]:
    """Rows of one comparison; everything else of it is let go."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ChangedetWarning)
            report = detect(base.source, item.source, config=config, engine=engine, **places)
    finally:
        _pass_on(caught, item)
    summary = report.summary
    rows, tracks = tuple(summary["activity"]), tuple(summary["tracks"])
    return (
        Observation(item.acquired, item.name, rows, tracks),
        report.alignment.grade,
        summary["inputs"],
    )


def _pass_on(caught: list[warnings.WarningMessage], item: SeriesItem) -> None:
    """Warn again, and say of which date what is about the pair and not about the places."""
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, CalibrationWarning):
            text = f"{item.name} ({item.acquired:%Y-%m-%d}): {text}"
        warnings.warn(text, warning.category, stacklevel=4)


def _monitored(item: SeriesItem, sensor: str, role: Any) -> MonitoredDate:
    return MonitoredDate(item.name, item.acquired, item.date_from, sensor, role)


def _reason(error: ChangedetError) -> str:
    """The first sentence says what; the rest is advice for a single pair."""
    text = " ".join(str(error).split())
    kind = {
        AlignmentRefused: "it could not be aligned", NotComparableError: "it cannot be compared",
        NotEnoughValidPixels: "too little of it can be seen", ImageReadError: "it cannot be read",
    }  # fmt: skip
    return f"{kind[type(error)]} ({text})" if type(error) in kind else text


def _tell_of_days(items: tuple[SeriesItem, ...]) -> None:
    """Warn of a day that is there more than once."""
    days = Counter(item.acquired.date() for item in items)
    twice = [day for day, count in days.items() if count > 1]
    if twice:
        named = ", ".join(f"{day} ({days[day]} images)" for day in twice[:5])
        warnings.warn(
            f"The series holds days more than once: {named}{' ...' if len(twice) > 5 else ''}. "
            "Each is one date: of every zone and track, the image that sees most of it counts.",
            HistoryWarning,
            stacklevel=3,
        )


def _said_once(caught: list[warnings.WarningMessage]) -> list[tuple[str, type[Warning]]]:
    """Each warning once; those that differ in numbers alone are told by the first of them."""
    alike: dict[str, dict[str, type[Warning]]] = {}
    for warning in caught:
        if isinstance(warning.message, ChangedetWarning):
            text = str(warning.message)
            alike.setdefault(re.sub(r"[\d.]+", "0", text), {})[text] = warning.category
    return [
        (f"{next(iter(some))}{_more(len(some) - 1)}", next(iter(some.values())))
        for some in alike.values()
    ]


def _more(count: int) -> str:
    return f" (and {count} more like this)" if count else ""
