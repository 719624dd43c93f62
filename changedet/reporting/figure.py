"""A figure of the result: before and after beside each other, with the changes outlined."""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import OutputError, require
from changedet.model import ChangeReport
from changedet.reporting import page_text
from changedet.reporting.markup import day
from changedet.reporting.overlay import GROUPS, MAX_OUTLINES, Frame, group_of
from changedet.reporting.page_tables import best_first
from changedet.reporting.pictures import quicklooks

COLORS = {
    "appeared": "#1f6feb",
    "disappeared": "#d72638",
    "modified": "#e89b00",
    "moved": "#8e44ad",
    "explained": "#787878",
}
"""The colours of the page."""


def change_figure(
    report: ChangeReport,
    path: str | PathLike[str],
    *,
    window: tuple[int, int, int, int] | None = None,
    title: str | None = None,
    width: float = 12.0,
    dpi: int = 120,
) -> Path:
    """Write a picture of before and after with the changes outlined.

    Parameters
    ----------
    report : ChangeReport
        What to draw.
    path : path
        The picture to make; its ending says the format (``.png``).
    window : tuple of int, optional
        ``(row, col, height, width)`` of the part to show, in pixels of the grid; all by default.
    title : str, optional
        Above the pictures; the result in one line by default.
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
    OutputError
        If the file cannot be written.
    """
    module: Any = require("matplotlib.figure", "plot", "draw a figure")
    pictures = report.quicklooks or quicklooks(report.pair)
    frame = Frame.of(report.grid, pictures[0])
    row, col, rows, cols = window or (0, 0, *report.grid.shape)
    fx, fy = frame.factor
    view = (col / fx, (col + cols) / fx, (row + rows) / fy, row / fy)
    shape = (rows / fy) / (cols / fx)
    height = (width / 2) * 0.98 * shape + 1.0
    figure = module.Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    low, high = 0.5 / height, 1 - 0.5 / height
    outlines = _outlines(report, frame)
    days = [day(d) for d in page_text.dates(report)]
    for i, (name, picture) in enumerate(zip(("Before", "After"), pictures, strict=True)):
        axes = figure.add_axes((0.004 + 0.5 * i, low, 0.492, high - low))
        axes.imshow(
            picture,
            extent=(0, frame.width, frame.height, 0),
            interpolation="nearest" if cols / fx < 400 else "antialiased",
        )
        _draw(axes, outlines)
        axes.set(xlim=view[:2], ylim=view[2:])
        axes.set_axis_off()
        axes.text(
            0.012, 0.975, f"{name}  {days[i]}".strip(), transform=axes.transAxes, va="top",
            color="white", fontsize=11, weight="bold",
            bbox={"facecolor": "#0c0f13", "alpha": 0.75, "edgecolor": "none", "pad": 4},
        )  # fmt: skip
    _scale_bar(axes, frame, view)
    figure.text(
        0.004, 1 - 0.13 / height, title or page_text.headline(report), va="top", fontsize=14,
        weight="bold", color="#16202c",
    )  # fmt: skip
    _legend(figure, report)
    # no software or date in the file: the same report gives the same bytes
    try:
        figure.savefig(path, metadata={"Software": None} if str(path).endswith(".png") else None)
    except OSError as error:
        raise OutputError(f"The figure {path} could not be written: {error}.") from error
    return Path(path)


def _outlines(report: ChangeReport, frame: Frame) -> list[tuple[str, Any]]:
    table, top = report.changes, best_first(report, MAX_OUTLINES)
    if not top:
        return []
    shapes = frame.geometry(table.geometry[top])
    groups = [group_of(table["change"][i], table["explained_by"][i]) for i in top]
    return list(zip(groups, shapes, strict=True))


def _draw(axes: Any, outlines: list[tuple[str, Any]]) -> None:
    for group, shape in reversed(outlines):
        dashes = (0, (3, 2)) if group == "explained" else "solid"
        for part in getattr(shape, "geoms", [shape]):
            x, y = part.exterior.xy
            axes.plot(x, y, color="white", alpha=0.7, linewidth=2.6, solid_joinstyle="round")
            axes.plot(x, y, color=COLORS[group], linewidth=1.4, linestyle=dashes)


def _legend(figure: Any, report: ChangeReport) -> None:
    lines: Any = require("matplotlib.lines", "plot", "draw a figure")
    counts = page_text.counted(report)
    handles = [
        lines.Line2D(
            [], [], color=COLORS[g], linewidth=3, linestyle="--" if g == "explained" else "-",
            label=f"{'explained away' if g == 'explained' else g} ({counts[g]:,})",
        )
        for g in GROUPS
        if counts[g] or g in ("appeared", "disappeared")
    ]  # fmt: skip
    figure.legend(
        handles=handles, loc="lower left", ncols=len(handles), frameon=False, fontsize=10.5,
        bbox_to_anchor=(0.0, 0.0), handlelength=1.6, columnspacing=1.6, borderaxespad=0.4,
    )  # fmt: skip


def _scale_bar(axes: Any, frame: Frame, view: tuple[float, float, float, float]) -> None:
    if frame.metres is None:
        return
    left, right, bottom, top = view
    most = (right - left) * 0.25 * frame.metres
    power = 10.0 ** math.floor(math.log10(most))
    metres = next(k * power for k in (5, 2, 1) if k * power <= most)
    span = metres / frame.metres
    x, y = right - 0.03 * (right - left), bottom + 0.04 * (top - bottom)
    for color, width in (("black", 5.0), ("white", 2.5)):
        axes.plot([x - span, x], [y, y], color=color, linewidth=width, solid_capstyle="butt")
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    axes.text(
        x - span / 2, y + 0.012 * (top - bottom), text, ha="center", va="bottom", color="white",
        fontsize=10, weight="bold",
        bbox={"facecolor": "#0c0f13", "alpha": 0.6, "edgecolor": "none", "pad": 2},
    )  # fmt: skip
