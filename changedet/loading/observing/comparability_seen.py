"""What the pixels themselves say against comparing two images: clouds, snow, range, sharpness."""

from __future__ import annotations

import math

from changedet.loading.observing.likeness import Likeness
from changedet.loading.observing.observability import Observability

CLOUDY = 0.25
SNOWY = 0.1
SATURATED = 0.05
FEW_LEVELS = 32
SHARPER = 1.4
MORE_CONTRAST = 2.5

Verdict = tuple[list[tuple[str, float]], list[str], list[str]]


def judge_hidden(view: Observability) -> Verdict:
    """Clouds, and snow that lies at one date."""
    values: list[tuple[str, float]] = []
    cautions: list[str] = []
    for date, seen in (("before", view.before), ("after", view.after)):
        values.append((f"cloud_{date}", seen.covered))
        if seen.covered >= CLOUDY:
            cautions.append(
                f"clouds and their shadows hide {seen.covered:.0%} of the {date} image: what thin "
                "cloud is left around them may look like change"
            )
        if seen.note:
            cautions.append(f"{date}: {seen.note}; it was not taken out and will look changed")
    if view.before.snow is not None and view.after.snow is not None:
        apart = abs(view.before.snow - view.after.snow)
        values.append(("snow_difference", apart))
        if apart >= SNOWY:
            date = "before" if view.before.snow > view.after.snow else "after"
            cautions.append(
                f"snow lies on {apart:.0%} more of the ground in the {date} image: expect false "
                "change wherever it does"
            )
    return values, cautions, []


def judge_range(view: Observability) -> Verdict:
    """Saturation, and values too few to tell weak changes."""
    values: list[tuple[str, float]] = []
    cautions: list[str] = []
    for date, seen in (("before", view.before), ("after", view.after)):
        share, levels = seen.saturation.share, seen.saturation.levels
        values += [(f"saturated_{date}", share), (f"levels_{date}", float(levels))]
        if share >= SATURATED:
            cautions.append(
                f"{share:.0%} of the {date} image is saturated in some band: changes of bright "
                "things are missed or look smaller"
            )
        if 0 < levels < FEW_LEVELS:
            cautions.append(
                f"the {date} image has only {levels} different values in one band: weak changes "
                "cannot be told from rounding"
            )
    return values, cautions, []


def judge_pictures(likeness: Likeness) -> Verdict:
    """Sharpness and contrast."""
    values: list[tuple[str, float]] = []
    cautions: list[str] = []
    for name, pair, limit, false in (
        ("sharpness_ratio", likeness.sharpness, SHARPER,
         "sharper: edges and small things will look changed"),
        ("contrast_ratio", likeness.contrast, MORE_CONTRAST,
         "richer in contrast: haze, fog or another stretch may hide change in the other"),
    ):  # fmt: skip
        if not all(math.isfinite(v) and v > 0 for v in pair):
            continue
        ratio = pair[0] / pair[1]
        values.append((name, ratio))
        if max(ratio, 1 / ratio) >= limit:
            date = "before" if ratio > 1 else "after"
            times = max(ratio, 1 / ratio)
            cautions.append(f"the {date} image is {times:.1f} times {false}")
    return values, cautions, []
