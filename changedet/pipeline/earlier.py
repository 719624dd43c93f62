"""A history from the folders of earlier reports: nothing is computed again."""

from __future__ import annotations

import warnings
from datetime import datetime
from typing import Any

from changedet.errors import HistoryWarning
from changedet.loading import SeriesItem
from changedet.model import MonitoredDate, Observation

Gathered = tuple[
    list[Observation], tuple[MonitoredDate, ...], dict[str, Any], bool, list[dict[str, Any]]
]


def from_reports(items: tuple[SeriesItem, ...]) -> Gathered:
    """Take what each report says of its after image.

    Parameters
    ----------
    items : tuple of SeriesItem
        Reports, by the date of their after image.

    Returns
    -------
    observations : list of Observation
    dates : tuple of MonitoredDate
    reference : dict
        The before image they share, if they do.
    one_reference : bool
        Whether they do. If not, only what appeared and disappeared can be followed.
    inputs : list of dict
        What the reports are, for the manifest.
    """
    befores = [item.summary["inputs"][0] for item in items if item.summary is not None]
    one = len({b.get("sha256") or b["path"] for b in befores}) == 1
    found, seen, inputs = [], [], []
    start = befores[0].get("acquired") if one else None
    base: dict[str, Any] = {"image": None, "acquired": None, "rule": "each report has its own"}
    if one:
        base = {"image": befores[0]["path"], "acquired": start, "rule": "shared by all reports"}
        _tell_of_settings(items)
    else:
        warnings.warn(
            "The reports do not share one before image: what is there on each date cannot be "
            "followed, only what appeared and disappeared since the image before. Compare all "
            "dates with one image (changedet monitor IMAGE...) to follow levels.",
            HistoryWarning,
            stacklevel=3,
        )
    if start is not None:
        time = datetime.fromisoformat(start)
        found.append(Observation(time, befores[0]["path"], reference=True))
        seen.append(
            MonitoredDate(befores[0]["path"], time, "report", _sensor(befores[0]), "reference")
        )
    for item in items:
        summary = item.summary or {}
        after = summary["inputs"][1]
        found.append(
            Observation(
                item.acquired, item.name, tuple(summary["activity"]), tuple(summary["tracks"])
            )
        )
        grade = summary.get("alignment", {}).get("grade")
        seen.append(
            MonitoredDate(
                item.name, item.acquired, item.date_from, _sensor(after), "scored", None, grade
            )
        )
        inputs.append({"path": f"{item.name}/summary.json", "sha256": item.sha256})
    _tell_of_sensors(seen)
    order = sorted(range(len(found)), key=lambda i: found[i].acquired)
    return [found[i] for i in order], tuple(seen[i] for i in order), base, one, inputs


def tell_unused(**given: Any) -> None:
    """Warn of what was given beside earlier reports, which were made without it.

    Warns
    -----
    HistoryWarning
        If anything but None was given.
    """
    names = [name for name, value in given.items() if value is not None]
    if names:
        warnings.warn(
            f"Earlier reports bring their own results, and nothing is computed again: "
            f"{', '.join(names)} given beside them {'is' if len(names) == 1 else 'are'} not used. "
            "Give images instead of reports to use them.",
            HistoryWarning,
            stacklevel=4,
        )


def _sensor(described: dict[str, Any]) -> str:
    gsd = described.get("gsd_m")
    size = "pixels of unknown size" if gsd is None else f"{gsd:.3g} m"
    return f"{described.get('platform') or 'unknown sensor'}, {size}"


def _tell_of_sensors(seen: list[MonitoredDate]) -> None:
    sensors = list(dict.fromkeys(date.sensor for date in seen))
    if len(sensors) > 1:
        warnings.warn(
            f"The reports are on images of different sensors ({'; '.join(sensors)}): what one sees "
            "and the other does not looks like a change of activity.",
            HistoryWarning,
            stacklevel=4,
        )


def _tell_of_settings(items: tuple[SeriesItem, ...]) -> None:
    """Reports made with different thresholds or versions are not one series."""
    made = {
        (
            s["changedet"],
            s.get("detector", {}).get("name"),
            s.get("calibration", {}).get("nominal_false_per_km2"),
        )
        for s in (item.summary for item in items)
        if s is not None
    }
    if len(made) > 1:
        warnings.warn(
            "The reports were made with different detectors, rates of false objects or versions "
            "of changedet: a jump between them may come from that.",
            HistoryWarning,
            stacklevel=4,
        )
