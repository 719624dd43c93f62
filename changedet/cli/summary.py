"""What a run found, in a few lines for people and a few fields for programs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from changedet.model import CHANGES, ChangeReport, TrackActivity, ZoneActivity
from changedet.model.tracks import IN_DOUBT

TOP = 5
"""Zones shown, and tracks."""


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
        *_tracks(report.track_activity),
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
    from changedet.reporting.page_grounds import hidden_by

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


def _tracks(tracks: tuple[TrackActivity, ...]) -> list[str]:
    """The tracks that changed most, with intervals; none that could not be told."""
    known = [t for t in tracks if t.occupied_before and t.occupied_after]
    if not tracks:
        return []
    if not known:
        why = next((note for t in tracks for note in t.notes), "nothing could be seen")
        return [f"Tracks: none could be told ({why})."]
    ranked = sorted(known, key=_gained, reverse=True)
    width = max(len(t.track) for t in ranked[:TOP])
    lines = ["Tracks, before and after:"]
    lines += [f"  {t.track:<{width}}  {_held(t)}" for t in ranked[:TOP]]
    if len(tracks) > len(ranked[:TOP]):
        lines.append(f"  ... and {len(tracks) - len(ranked[:TOP])} more tracks in the report")
    return lines


def _gained(track: TrackActivity) -> float:
    before, after = track.occupied_before, track.occupied_after
    return abs(after[0] - before[0]) if before and after else -1.0


def _held(track: TrackActivity) -> str:
    wagons = track.cars_before, track.cars_after
    single = track.grade == "single wagons" and all(wagons)
    pair = wagons if single else (track.occupied_before, track.occupied_after)
    said = [f"{v[0]:.0f} ({v[1]:.0f} to {v[2]:.0f})" for v in pair if v is not None]
    doubt = ", in doubt" if any(n.startswith(IN_DOUBT) for n in track.notes) else ""
    return f"{' -> '.join(said)} {'wagons' if single else 'm occupied'}{doubt}"


def _row(a: ZoneActivity) -> str:
    if a.score is None:
        return "  –  could not be observed"
    counts = ", ".join(f"{n} {name}" for name in CHANGES if (n := getattr(a, name)))
    return f"{a.score:3.0f}  {counts or 'nothing'}"
