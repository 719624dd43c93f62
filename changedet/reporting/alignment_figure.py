"""A figure of an alignment: tie points, what is left of the shift, and a checkerboard."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from changedet.errors import OutputError, require
from changedet.model import Alignment, Grid, PairReader, Window
from changedet.reporting.overlay import Frame
from changedet.reporting.pictures import quicklooks, stretch_pair

AGREE, REJECTED = "#2dd4bf", "#f43f5e"
"""Tie points that agree with the model, and those that do not."""
MOST_ARROWS = 500
ZOOM = 320
"""Side of the part of which a checkerboard is drawn, pixels of the grid."""
CELLS = 8
"""Fields of the checkerboard a side."""


def alignment_figure(
    pair: PairReader,
    corrected: PairReader,
    alignment: Alignment,
    path: str | PathLike[str],
    *,
    title: str | None = None,
    width: float = 14.0,
    dpi: int = 110,
) -> Path:
    """Draw how an alignment was found, what is left of the shift, and how the dates fit.

    Parameters
    ----------
    pair : PairReader
        The pair as its coordinates put it.
    corrected : PairReader
        The same pair with the alignment applied.
    alignment : Alignment
        What to draw.
    path : path
        The picture to make; its ending says the format (``.png``).
    title : str, optional
        Above the pictures; the estimate in one line by default.
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
    pictures = quicklooks(pair, 1200)
    rows, cols = pair.grid.shape
    upper = float(np.clip(width * 0.62 * rows / cols, 3.0, 11.0))
    height = upper + width / 3 + 1.1
    figure = module.Figure(
        figsize=(width, height), dpi=dpi, facecolor="white", layout="constrained"
    )
    grid = figure.add_gridspec(2, 6, height_ratios=(upper, width / 3))
    figure.suptitle(title or str(alignment), fontsize=13, weight="bold", x=0.01, ha="left")
    _tie_points(figure.add_subplot(grid[0, :4]), pictures[0], pair.grid, alignment)
    _left_over(figure, figure.add_subplot(grid[0, 4:]), pair.grid, alignment)
    part = _telling_part(pair.grid, pictures[0])
    for place, reader, name in (
        (grid[1, :2], pair, "as the coordinates put them"), (grid[1, 2:4], corrected, "corrected")
    ):  # fmt: skip
        _checkerboard(figure.add_subplot(place), reader, part, name)
    _residuals(figure.add_subplot(grid[1, 4:]), alignment)
    # no software or date in the file: the same pair gives the same bytes
    try:
        figure.savefig(path, metadata={"Software": None} if str(path).endswith(".png") else None)
    except OSError as error:
        raise OutputError(f"The figure {path} could not be written: {error}.") from error
    return Path(path)


def _picture(axes: Any, picture: np.ndarray, grid: Grid) -> None:
    """Show a picture of the whole grid; axes count pixels of the grid."""
    frame = Frame.of(grid, picture)
    fx, fy = frame.factor
    axes.imshow(picture, extent=(-0.5, frame.width * fx - 0.5, frame.height * fy - 0.5, -0.5))
    axes.set(xlim=(-0.5, grid.width - 0.5), ylim=(grid.height - 0.5, -0.5))
    axes.set_axis_off()


def _tie_points(axes: Any, picture: np.ndarray, grid: Grid, alignment: Alignment) -> None:
    """Arrows from where the after image has it to where it belongs, over the before image."""
    _picture(axes, picture, grid)
    ties = alignment.tie_points
    ties = ties[:: -(-len(ties) // MOST_ARROWS)] if len(ties) else ties
    good = ties[:, 5] > 0
    axes.set_title(
        f"Correction at tie points: {int((alignment.tie_points[:, 5] > 0).sum())} agree, "
        f"{int((alignment.tie_points[:, 5] == 0).sum())} rejected",
        fontsize=11, loc="left",
    )  # fmt: skip
    axes.plot(ties[~good, 1], ties[~good, 0], "x", color=REJECTED, markersize=4, linewidth=0.8)
    if not good.any():
        axes.text(
            0.5, 0.5, "\n".join(alignment.reasons[:2]) or "nothing was measured",
            transform=axes.transAxes, ha="center", va="center", color="white", wrap=True,
            bbox={"facecolor": "#0c0f13", "alpha": 0.75, "edgecolor": "none", "pad": 6},
        )  # fmt: skip
        return
    _arrows(axes, ties[good, :2], ties[good, 2:4], grid, AGREE, "px")


def _arrows(
    axes: Any, places: np.ndarray, vectors: np.ndarray, grid: Grid, color: str, unit: str
) -> None:
    """Arrows as long as fits between tie points, with a key that says how long they are."""
    spacing = np.sqrt(grid.height * grid.width / max(len(places), 1))
    usual = float(np.percentile(np.hypot(*vectors.T), 90))
    scale = max(usual, 1e-3) / (0.8 * max(spacing, max(grid.shape) / 25))
    quiver = axes.quiver(
        places[:, 1], places[:, 0], vectors[:, 1], vectors[:, 0], angles="xy", scale_units="xy",
        scale=scale, color=color, edgecolor="#0c0f13", linewidth=0.5, width=0.0032, headwidth=4.5,
        headlength=5, headaxislength=4.5, minlength=0.5, pivot="mid", zorder=3,
    )  # fmt: skip
    length = _rounded(usual)
    text = axes.quiverkey(
        quiver, 0.88, 0.06, length, f"{length:g} {unit}", labelpos="N", coordinates="axes",
        color=color, labelcolor="white", fontproperties={"weight": "bold", "size": 10}, zorder=5,
    )  # fmt: skip
    text.text.set_bbox({"facecolor": "#0c0f13", "alpha": 0.75, "edgecolor": "none", "pad": 3})


def _rounded(value: float) -> float:
    """Nearest of 1, 2 and 5 times a power of ten, not above twice the value."""
    power = 10.0 ** np.floor(np.log10(max(value, 1e-6)))
    return float(min((k * power for k in (1, 2, 5, 10)), key=lambda v: abs(np.log(v / value))))


def _off(alignment: Alignment) -> tuple[np.ndarray, np.ndarray]:
    """Places of the tie points that agree, and how far they stand off the correction (dy, dx)."""
    ties = alignment.tie_points[alignment.tie_points[:, 5] > 0]
    return ties[:, :2], ties[:, 2:4] - np.stack(alignment.displacement(ties[:, 0], ties[:, 1]), -1)


def _left_over(figure: Any, axes: Any, grid: Grid, alignment: Alignment) -> None:
    """Map of sigma with how far tie points stand off the correction."""
    rows = np.linspace(0, grid.height - 1, 120)[:, None]
    cols = np.linspace(0, grid.width - 1, 120)[None]
    sigma = alignment.residual(rows, cols)
    shown = axes.imshow(
        sigma, extent=(-0.5, grid.width - 0.5, grid.height - 0.5, -0.5), cmap="magma",
        vmin=0, vmax=max(0.2, float(np.percentile(sigma, 99))),
    )  # fmt: skip
    axes.set(xlim=(-0.5, grid.width - 0.5), ylim=(grid.height - 0.5, -0.5))
    axes.set_title("What is left: standard deviation by place (px)", fontsize=11, loc="left")
    axes.set_axis_off()
    axes.set_anchor("N")
    bar = figure.colorbar(shown, ax=axes, orientation="horizontal", shrink=0.8, aspect=30)
    bar.ax.locator_params(nbins=5)
    places, off = _off(alignment)
    if len(places):
        few = slice(None, None, -(-len(places) // (MOST_ARROWS // 2)))
        _arrows(axes, places[few], off[few], grid, AGREE, "px off")


def _residuals(axes: Any, alignment: Alignment) -> None:
    """Histogram of how far tie points stand off, and its sum curve."""
    _, off = _off(alignment)
    axes.set_title("Tie points: distance from the correction", fontsize=11, loc="left")
    if not len(off):
        axes.text(0.5, 0.5, "no tie points", transform=axes.transAxes, ha="center")
        axes.set_axis_off()
        return
    length = np.sort(np.hypot(*off.T))
    top = max(float(length[-1]), 1e-3)
    axes.hist(length, bins=np.linspace(0, top, 31), color="#9db4c0")
    axes.set(xlabel="px", ylabel="tie points", xlim=(0, top))
    curve = axes.twinx()
    curve.plot(length, np.arange(1, len(length) + 1) / len(length), color="#16202c", linewidth=1.6)
    curve.set(ylim=(0, 1.02), ylabel="share below")
    for value, name, color in (
        (alignment.residual_px, "held-out RMSE", "#1f6feb"), (alignment.ce90_px, "CE90", "#d72638"),
    ):  # fmt: skip
        if value is not None:
            curve.axvline(value, color=color, linewidth=1.4, label=f"{name} {value:.3f} px")
    curve.legend(loc="center right", frameon=False, fontsize=10)
    for side in (axes, curve):
        side.spines["top"].set_visible(False)


def _telling_part(grid: Grid, picture: np.ndarray) -> Window:
    """Square of ground with the most edges."""
    import cv2

    frame = Frame.of(grid, picture)
    fy, fx = frame.factor[1], frame.factor[0]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=1))
    high, wide = min(ZOOM, grid.height), min(ZOOM, grid.width)
    size = (max(1, round(wide / fx)), max(1, round(high / fy)))
    # many moderate edges tell more than a few glaring ones
    around = cv2.blur(np.minimum(edges, np.percentile(edges, 90)), size)
    around = around[size[1] // 2 :: 8, size[0] // 2 :: 8][
        : max(1, (picture.shape[0] - size[1]) // 8 + 1),
        : max(1, (picture.shape[1] - size[0]) // 8 + 1),
    ]
    r, c = np.unravel_index(int(around.argmax()), around.shape)
    row = int(np.clip(r * 8 * fy, 0, grid.height - high))
    return Window(row, int(np.clip(c * 8 * fx, 0, grid.width - wide)), high, wide)


def _checkerboard(axes: Any, reader: PairReader, part: Window, name: str) -> None:
    """Before and after in turn: lines run on where the two fit."""
    both = reader.read(part)
    before, after = stretch_pair(both.before, both.after, domain=reader.infos[0].domain)
    rows, cols = np.arange(part.height), np.arange(part.width)
    odd = (
        (rows * CELLS // part.height)[:, None] + (cols * CELLS // part.width)[None]
    ) % 2 == 1  # fmt: skip
    axes.imshow(np.where(odd[..., None], after, before), interpolation="nearest")
    axes.set_title(f"Checkerboard, {name}", fontsize=11, loc="left")
    axes.set_axis_off()
    for k in range(1, CELLS):
        for line, n in ((axes.axhline, part.height), (axes.axvline, part.width)):
            line(k * n / CELLS - 0.5, color="white", linewidth=0.35, alpha=0.5)
