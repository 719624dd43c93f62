"""A plot of a history: what was there, what was to be expected, and which dates stand out."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from changedet.errors import ConfigError, OutputError, require
from changedet.model import COMPARED_WITH, MEASURES, MonitorReport, SiteHistory

MOST_PANELS = 12
"""Series drawn in one picture."""
INK, GREY, BAND = "#16202c", "#8a949e", "#dfe5ea"
UP, DOWN = "#1f6feb", "#d72638"
MARKERS = {"spike": "^", "level shift": "s", "drift": "D"}
LONG_GAP = 3.0
"""Times the median spacing of the dates, beyond which the line is broken."""


def history_figure(
    report: MonitorReport,
    path: str | PathLike[str],
    *,
    places: list[str] | None = None,
    measure: str | None = None,
    title: str | None = None,
    width: float = 11.0,
    dpi: int = 120,
) -> Path:
    """Draw the series of a site, one above the other.

    Parameters
    ----------
    report : MonitorReport
        What to draw.
    path : path
        The picture to make; its ending says the format (``.png``, ``.svg``).
    places : list of str, optional
        Zones and tracks to draw; those that stand out first by default.
    measure : str, optional
        Which measure; the leading one of each place by default.
    title : str, optional
        Above the panels.
    width : float
        Inches.
    dpi : int
        Dots per inch.

    Returns
    -------
    Path
        The picture.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    ConfigError
        If there is nothing to draw.
    OutputError
        If the file cannot be written.
    """
    module: Any = require("matplotlib.figure", "plot", "draw a history")
    matplotlib: Any = require("matplotlib", "plot", "draw a history")
    chosen, left_out = _choose(report, places, measure)
    height = 1.25 + 1.85 * len(chosen)
    figure = module.Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    top, bottom = 1 - 0.62 / height, 0.72 / height
    axes = figure.subplots(len(chosen), 1, sharex=True, squeeze=False)[:, 0]
    figure.subplots_adjust(left=0.075, right=0.985, top=top, bottom=bottom, hspace=0.42)
    for one, history in zip(axes, chosen, strict=True):
        _panel(one, history)
    _time_axis(axes[-1])
    figure.text(
        0.012, 1 - 0.12 / height, title or _title(report, left_out), va="top", fontsize=12,
        weight="bold", color=INK,
    )  # fmt: skip
    _legend(figure, chosen, float(report.rules["level"]))
    # no software or date in the file, fixed names: the same report gives the same bytes
    png = str(path).endswith(".png")
    try:
        with matplotlib.rc_context({"svg.hashsalt": "changedet", "svg.fonttype": "none"}):
            figure.savefig(path, metadata={"Software": None} if png else {"Date": None})
    except OSError as error:
        raise OutputError(f"The figure {path} could not be written: {error}.") from error
    return Path(path)


def _choose(
    report: MonitorReport, places: list[str] | None, measure: str | None
) -> tuple[list[SiteHistory], int]:
    """The series to draw, in the order of the report, and how many were left out."""
    if places is not None:
        found = [report.history(place, measure) for place in places]
    else:
        leading: dict[tuple[str, str], SiteHistory] = {}
        for h in report.histories:
            if measure in (None, h.measure):
                leading.setdefault((h.kind, h.place), h)
        found = list(leading.values())
    if not found:
        raise ConfigError("There is no series to draw: nothing was seen on any date.")
    ranked = sorted(found, key=lambda h: (h.place != "site", _rank(h)))[:MOST_PANELS]
    return [h for h in found if h in ranked], len(found) - len(ranked)


def _rank(history: SiteHistory) -> float:
    last = history.latest
    return 1.0 if last is None or last.nb_p is None else last.nb_p


def _title(report: MonitorReport, left_out: int) -> str:
    first, last = report.images[0].acquired, report.images[-1].acquired
    text = f"Activity over {len(report.images)} dates, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return text + (f" ({left_out} quieter series not drawn)" if left_out else "")


def _panel(axes: Any, history: SiteHistory) -> None:
    times = np.array(
        [d.acquired.replace(tzinfo=None) for d in history.dates], dtype="datetime64[s]"
    )
    values = history.values
    seen = np.isfinite(values)
    _band(axes, history, times)
    _line(axes, times, values)
    judged = np.array([d.state not in (None, "insufficient_baseline") for d in history.dates])
    axes.plot(times[seen & judged], values[seen & judged], "o", color=INK, markersize=4, zorder=4)
    axes.plot(
        times[seen & ~judged], values[seen & ~judged], "o", markerfacecolor="white",
        markeredgecolor=INK, markersize=4, zorder=4,
    )  # fmt: skip
    for state, marker in MARKERS.items():
        for way, color in (("up", UP), ("down", DOWN)):
            here = np.array([d.state == state and d.direction == way for d in history.dates])
            axes.plot(
                times[here], values[here], marker, color=color, markersize=8.5, zorder=5,
                markeredgecolor="white", markeredgewidth=0.8,
            )  # fmt: skip
    _intervals(axes, history, times)
    high = max(axes.get_ylim()[1], 1.0)
    axes.set_ylim(-0.05 * high, 1.04 * high)
    # a date without a value has no height: it stands on the axis
    compared = np.array([d.missing == COMPARED_WITH for d in history.dates])
    for here, marker in ((~seen & ~compared, "x"), (~seen & compared, "|")):
        axes.plot(
            times[here], np.full(int(here.sum()), -0.05 * high), marker, color=GREY, markersize=6,
            clip_on=False, zorder=6, markeredgewidth=1.4, linewidth=0,
        )  # fmt: skip
    axes.set_title(_heading(history), loc="left", fontsize=9.5, color=INK, pad=4)
    axes.grid(axis="y", color="#eef1f4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, colors=INK)
    axes.locator_params(axis="y", nbins=4)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _heading(history: SiteHistory) -> str:
    bare = history.kind == "track" and "track" not in history.place.lower()
    text = f"{'track ' if bare else ''}{history.place}: {MEASURES[history.measure]}"
    last = history.latest
    if last is None or last.state is None:
        return text
    if last.state == "insufficient_baseline":
        return f"{text}. Too few dates before to judge ({last.baseline_dates})"
    text += f". On {last.acquired:%Y-%m-%d}: {last.state}"
    if last.direction is not None and last.first_seen is not None:
        text += f" {last.direction}, first seen {last.first_seen:%Y-%m-%d}"
    return text + f" (p {last.nb_p:.2g}, {last.nb_p_low:.1g} to {last.nb_p_high:.1g})"


def _band(axes: Any, history: SiteHistory, times: np.ndarray) -> None:
    """What was to be expected; a date without a baseline breaks the band."""
    low, high, middle = (
        np.array([np.nan if v is None else v for v in column], dtype=np.float64)
        for column in (
            [d.band_low for d in history.dates], [d.band_high for d in history.dates],
            [d.expected for d in history.dates],
        )
    )  # fmt: skip
    known = np.isfinite(high)
    if not known.any():
        return
    axes.fill_between(times[known], low[known], high[known], color=BAND, linewidth=0, zorder=1)
    axes.plot(times[known], middle[known], color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=2)
    if known.sum() == 1:
        axes.vlines(times[known], low[known], high[known], color=BAND, linewidth=6, zorder=1)


def _line(axes: Any, times: np.ndarray, values: np.ndarray) -> None:
    """Join neighbouring dates; missing dates and long gaps are left open."""
    days = times.astype("int64") / 86400
    spacing = np.diff(days)
    usual = float(np.median(spacing)) if len(spacing) else 0.0
    x, y = list(times), list(values)
    for i in np.flatnonzero(spacing > LONG_GAP * usual)[::-1]:
        x.insert(int(i) + 1, times[i])
        y.insert(int(i) + 1, np.nan)
    axes.plot(np.array(x), np.array(y, dtype=np.float64), color=INK, linewidth=1, zorder=3)


def _intervals(axes: Any, history: SiteHistory, times: np.ndarray) -> None:
    """Where a value was measured with an interval, draw it."""
    for time, d in zip(times, history.dates, strict=True):
        if d.value is not None and d.value_low is not None and d.value_high is not None:
            axes.plot([time, time], [d.value_low, d.value_high], color=INK, linewidth=0.9, zorder=3)


def _time_axis(axes: Any) -> None:
    dates: Any = require("matplotlib.dates", "plot", "draw a history")
    locator = dates.AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _legend(figure: Any, drawn: list[SiteHistory], level: float) -> None:
    lines: Any = require("matplotlib.lines", "plot", "draw a history")
    patches: Any = require("matplotlib.patches", "plot", "draw a history")
    seen = {(d.state, d.direction) for h in drawn for d in h.dates}
    one_in = f"1 in {1 / level:.0f}"
    handles = [
        patches.Patch(color=BAND, label=f"expected; {one_in} normal dates lies above"),
        lines.Line2D([], [], marker="o", color=INK, linewidth=1, markersize=4, label="normal"),
    ]
    if ("insufficient_baseline", None) in seen:
        handles.append(
            lines.Line2D(
                [], [], marker="o", markerfacecolor="white", markeredgecolor=INK, linewidth=0,
                markersize=4, label="too few dates before",
            )
        )  # fmt: skip
    for state, marker in MARKERS.items():
        for way, color in (("up", UP), ("down", DOWN)):
            if (state, way) in seen:
                handles.append(
                    lines.Line2D([], [], marker=marker, color=color, linewidth=0, markersize=8,
                                 label=f"{state} {way}")
                )  # fmt: skip
    absent = {d.missing == COMPARED_WITH for h in drawn for d in h.dates if d.value is None}
    for reference, marker, name in ((False, "x", "not seen"), (True, "|", "reference")):
        if reference in absent:
            handles.append(lines.Line2D([], [], marker=marker, color=GREY, linewidth=0, label=name))
    figure.legend(
        handles=handles, loc="lower left", ncols=len(handles), frameon=False, fontsize=9,
        bbox_to_anchor=(0.0, 0.0), columnspacing=1.6, handlelength=1.5, borderaxespad=0.5,
    )  # fmt: skip
