"""A figure of a self-test: how often targets are seen, against their contrast."""

from __future__ import annotations

import textwrap
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import OutputError, require
from changedet.model import SelfTest, TargetType
from changedet.reporting.selftest_text import contrast_text

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9")
"""Can be told apart with the common kinds of colour blindness (Okabe and Ito, 2008)."""
MARKERS = "osD^vP"
SIDESTEP = 0.035
"""Points of one contrast stand beside each other: so much of the axis apart."""


def selftest_figure(test: SelfTest, path: str | PathLike[str]) -> Path:
    """Draw detection probability against contrast, with intervals and fitted curves.

    Parameters
    ----------
    test : SelfTest
        What to draw.
    path : path
        The picture to make.

    Raises
    ------
    MissingDependencyError
        Without matplotlib.
    OutputError
        If the file cannot be written.
    """
    module: Any = require("matplotlib.figure", "plot", "draw a figure")
    things = [t for t in test.types if t.kind != "other"]
    patches = [t for t in test.types if t.kind == "other"]
    panels = [p for p in (("Things", things), ("Flat patches", patches)) if p[1]]
    figure = module.Figure(figsize=(6.4 * len(panels) + 0.4, 5.6), dpi=120, facecolor="white")
    for i, (title, types) in enumerate(panels):
        axes = figure.add_axes(((0.66 + 6.4 * i) / (6.4 * len(panels) + 0.4), 0.225,
                                5.55 / (6.4 * len(panels) + 0.4), 0.57))  # fmt: skip
        _panel(axes, test, types)
        axes.set_title(title, loc="left", fontsize=11.5, weight="bold")
    figure.text(
        0.012, 0.972, "How often planted targets are seen", va="top", fontsize=14.5,
        weight="bold", color="#16202c",
    )  # fmt: skip
    figure.text(
        0.012, 0.916, textwrap.fill(_subtitle(test), 92 * len(panels)), va="top", fontsize=10,
        color="#4a5866",
    )  # fmt: skip
    try:
        figure.savefig(path, metadata={"Software": None})
    except OSError as error:
        raise OutputError(f"The figure {path} could not be written: {error}.") from error
    return Path(path)


def _panel(axes: Any, test: SelfTest, types: list[TargetType]) -> None:
    curves = {c.type: c for c in test.curves}
    middle = (len(types) - 1) / 2
    reach = test.contrasts[-1] / test.contrasts[0]
    for n, one in enumerate(types):
        colour, marker = COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]
        step = max(reach, 1.5) ** (SIDESTEP * (n - middle))
        rates = [r for r in (test.rate(one.name, c) for c in test.contrasts) if r.planted]
        at = [(r.contrast or 0.0) * step for r in rates]
        share = [r.probability or 0.0 for r in rates]
        low = [p - (r.low or 0.0) for p, r in zip(share, rates, strict=True)]
        high = [(r.high or 0.0) - p for p, r in zip(share, rates, strict=True)]
        axes.errorbar(
            at, share, yerr=[[max(v, 0.0) for v in low], [max(v, 0.0) for v in high]], fmt=marker,
            color=colour, markersize=6, elinewidth=1.2, capsize=2.5, label=one.name, zorder=3,
        )  # fmt: skip
        curve = curves.get(one.name)
        if curve is None:
            axes.plot(at, share, color=colour, linewidth=0.9, linestyle=":", zorder=2)
            continue
        x = [c * step for c in curve.contrast]
        axes.plot(x, curve.probability, color=colour, linewidth=1.5, zorder=2)
        axes.fill_between(x, curve.low, curve.high, color=colour, alpha=0.10, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(test.contrasts, [contrast_text(test, c) for c in test.contrasts])
    axes.minorticks_off()
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1.0], ["0", "25 %", "50 %", "75 %", "90 %", "100 %"])
    axes.grid(color="#dfe5ea", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel(
        "brighter than the ground by" if test.unit == "dB" else
        "difference from the ground, share of the light that it reflects",
        fontsize=9.5,
    )  # fmt: skip
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.175), ncols=min(len(types), 3), frameon=False,
        fontsize=9.5, handletextpad=0.3, columnspacing=1.2,
    )  # fmt: skip


def _subtitle(test: SelfTest) -> str:
    per = [r.planted for r in test.rates() if r.planted]
    parts = [
        f"{len(test.targets):,} targets, {min(per)} to {max(per)} each"
        if min(per) != max(per)
        else f"{len(test.targets):,} targets, {per[0]} each"
    ]
    parts.append("bars: 95 % intervals; lines: logistic fits, or dotted, only joining points")
    if test.expected_false_per_km2 is not None:
        parts.append(f"false objects expected: {test.expected_false_per_km2:.3g} per km²")
    return "; ".join(parts)
