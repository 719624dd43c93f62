"""What a run found, in a few lines for people and a few fields for programs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from changedet.model import CHANGES, ChangeReport, ZoneActivity

TOP = 5
"""Zones shown."""


def report_fields(report: ChangeReport) -> dict[str, Any]:
    """Return the fields of the last JSON line."""
    changes, site = report.changes, report.activity[-1]
    return {
        "objects": len(changes),
        "changes": {name: getattr(site, name) for name in CHANGES},
        "explained": int(changes.explained.sum()),
        "activity": {a.zone: a.score for a in report.activity},
        "alignment": report.alignment.grade,
    }


def describe_report(report: ChangeReport, folder: Path) -> str:
    """Say in a few lines what was found and where it lies."""
    lines = [
        _found(report),
        *_hidden(report),
        *_explained(report),
        *_words(report),
        f"On {report.grid}.",
        f"Alignment: {report.alignment}.",
        *_zones(report.activity),
        f"Report: {folder / 'report.html'}",
    ]
    return "\n".join(lines)


def _found(report: ChangeReport) -> str:
    site = report.activity[-1]
    counts = {name: getattr(site, name) for name in CHANGES}
    total = sum(counts.values())
    seen = "" if site.observable_fraction is None else f" ({site.observable_fraction:.0%})"
    if total == 0:
        return f"No change found in what could be observed{seen}."
    kinds = ", ".join(f"{n} {name}" for name, n in counts.items() if n)
    return f"{total} change{'s' * (total > 1)} in what could be observed{seen}: {kinds}."


def _hidden(report: ChangeReport) -> list[str]:
    from changedet.reporting.page_text import hidden_by

    reasons = hidden_by(report.summary.get("observability"))
    return [f"Not observable: {'; '.join(reasons)}."] if reasons else []


def _explained(report: ChangeReport) -> list[str]:
    reasons = Counter(str(v) for v in report.changes["explained_by"] if v is not None)
    if not reasons:
        return []
    named = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common())
    return [f"Explained and left out: {named}."]


def _words(report: ChangeReport) -> list[str]:
    """How likely it is, and how confident that can be said."""
    words = report.summary.get("words")
    if not words:
        return []
    likely = [s for s in words["sentences"] if s.startswith(("It is ", "Whether "))]
    return [*likely, words["confidence"]["sentence"]]


def _zones(activity: tuple[ZoneActivity, ...]) -> list[str]:
    """The busiest zones first, then the site."""
    *zones, site = activity
    ranked = sorted(zones, key=lambda a: (a.score is None, -(a.score or 0.0)))
    shown = [*ranked[:TOP], site]
    width = max(len(a.zone) for a in shown)
    lines = ["Activity, 0 to 100:", *(f"  {a.zone:<{width}}  {_row(a)}" for a in shown)]
    if len(ranked) > TOP:
        lines.insert(-1, f"  ... and {len(ranked) - TOP} more zones in the report")
    return lines


def _row(a: ZoneActivity) -> str:
    if a.score is None:
        return "  –  could not be observed"
    counts = ", ".join(f"{n} {name}" for name in CHANGES if (n := getattr(a, name)))
    return f"{a.score:3.0f}  {counts or 'nothing'}"
