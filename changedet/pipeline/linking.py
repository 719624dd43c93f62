"""Whether the histories of two sites go together."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from changedet.activity import lagged_correlation
from changedet.errors import ConfigError, HistoryWarning, ImageReadError
from changedet.model import LaggedCorrelation, MonitorReport, day_number

Series = tuple[str, np.ndarray, np.ndarray]
"""Name, days and values."""


def link(
    a: MonitorReport | str | PathLike[str],
    b: MonitorReport | str | PathLike[str],
    *,
    place: str | tuple[str, str] = "site",
    measure: str | tuple[str, str] | None = None,
    max_lag_days: float = 60.0,
    **settings: Any,
) -> LaggedCorrelation:
    """Correlate a series of one site with one of another, at many lags.

    Parameters
    ----------
    a, b : MonitorReport or path
        Reports, or the folders (or ``monitor.json``) they were written to.
    place, measure : str or pair of str
        Which series; a pair where the two differ. The leading measure of the site by default.
    max_lag_days : float
        Longest lag, either way.
    **settings
        As for :func:`changedet.activity.histories.linking.lagged_correlation`: ``step_days``,
        ``detrend``, ``permutations``, ``seed``.

    Returns
    -------
    LaggedCorrelation
        A positive lag: ``b`` follows ``a``.

    Raises
    ------
    ConfigError
        If there is no such series, or it is too short.
    ImageReadError
        If a folder holds no history.
    """
    places = (place, place) if isinstance(place, str) else place
    measures = measure if isinstance(measure, tuple) else (measure, measure)
    name_a, days_a, values_a = _series(a, places[0], measures[0])
    name_b, days_b, values_b = _series(b, places[1], measures[1])
    if name_a == name_b:
        name_a, name_b = f"first {name_a}", f"second {name_b}"
    found = lagged_correlation(
        days_a, values_a, days_b, values_b, max_lag_days=max_lag_days, **settings
    )
    return replace(found, names=(name_a, name_b))


def check_links(links: Sequence[Any]) -> None:
    """Refuse other sites that hold no series of the site, before any work is done.

    Raises
    ------
    ConfigError, ImageReadError
        As :func:`link`.
    """
    for other in links:
        _series(other, "site", None)


def link_all(report: MonitorReport, links: Sequence[Any]) -> MonitorReport:
    """Correlate a history with those of other sites; what is too short for it is warned of.

    Warns
    -----
    HistoryWarning
        Where one of two series is too short.
    """
    found, warned = [], []
    for other in links:
        try:
            found.append(link(report, other))
        except ConfigError as error:
            where = "another site" if isinstance(other, MonitorReport) else str(other)
            warned.append(f"No correlation with {where} is given: {error}")
    for text in warned:
        warnings.warn(text, HistoryWarning, stacklevel=3)
    return replace(report, links=tuple(found), warnings=(*report.warnings, *warned))


def _series(source: Any, place: str, measure: str | None) -> Series:
    if isinstance(source, MonitorReport):
        history = source.history(place, measure)
        return f"{place} {history.measure}", history.days, history.values
    path = Path(source)
    path = path / "monitor.json" if path.is_dir() else path
    try:
        histories = json.loads(path.read_text(encoding="utf-8"))["histories"]
        rows = {(h["place"], h["measure"]): h["dates"] for h in histories}
        times = {
            key: [datetime.fromisoformat(d["acquired"]) for d in dates]
            for key, dates in rows.items()
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImageReadError(
            f"{path} holds no history that can be read ({type(error).__name__}: {error}): give the "
            "folder that changedet monitor wrote."
        ) from error
    for key, dates in rows.items():
        if key[0] == place and measure in (None, key[1]):
            values = [np.nan if d["value"] is None else d["value"] for d in dates]
            days = np.array([day_number(t) for t in times[key]])
            site = path.parent.name or "site"
            return f"{site} {place} {key[1]}", days, np.array(values, dtype=np.float64)
    raise ConfigError(
        f"{path} holds no series {place}{'' if measure is None else f'/{measure}'}: there are "
        f"{', '.join('/'.join(k) for k in rows)}."
    )
