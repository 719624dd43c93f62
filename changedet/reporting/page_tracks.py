"""The table of tracks on the page."""

from __future__ import annotations

from changedet.model import ChangeReport, TrackActivity
from changedet.model.tracks import Estimate
from changedet.reporting.markup import DASH, esc, number

HEADS = (
    "Track", "Length (m)", "Occupied before (m)", "Occupied after (m)", "Wagons before",
    "Wagons after", "Arrived (m)", "Departed (m)", "Observable (m)", "Remark",
)  # fmt: skip

WORTH_SAYING_M = 5.0
"""Shorter parts left out, as at the edges of the images, are not named."""


def track_section(report: ChangeReport) -> str:
    """Make the section of tracks; empty text where none were given."""
    if not report.track_activity:
        return ""
    heads = "".join(
        f'<th scope="col"{" class=n" if 0 < i < len(HEADS) - 1 else ""}>{h}</th>'
        for i, h in enumerate(HEADS)
    )
    rows = "".join(_row(track) for track in report.track_activity)
    return (
        '<section id="tracks"><h2>Tracks</h2>'
        '<p class="note">In brackets an interval that holds the truth in about 95 of 100 tracks. '
        "Wagons include locomotives. Lengths are those of the part that could be seen; what "
        "could not is named in the remark.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Tracks">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _row(track: TrackActivity) -> str:
    cells = [
        number(track.length_m), _with_interval(track.occupied_before),
        _with_interval(track.occupied_after), _with_interval(track.cars_before),
        _with_interval(track.cars_after), _with_interval(track.arrived),
        _with_interval(track.departed), number(track.observable_m),
    ]  # fmt: skip
    body = "".join(f"<td class=n>{c}</td>" for c in cells)
    return f'<tr><th scope="row">{esc(track.track)}</th>{body}<td>{esc(remark(track))}</td></tr>'


def _with_interval(value: Estimate | None) -> str:
    if value is None:
        return DASH
    best, low, high = (f"{v:,.0f}" for v in value)
    return f"{best} ({low}–{high})"


def remark(track: TrackActivity) -> str:
    """What was left out and why, and what else is to be said, in words."""
    parts = [
        f"{metres:,.0f} m not judged: {why}"
        for why, metres in track.skipped.items()
        if metres >= WORTH_SAYING_M
    ]
    if track.shared_m >= WORTH_SAYING_M:
        parts.append(f"{track.shared_m:,.0f} m shared with another track, which counts them")
    return "; ".join([*parts, *track.notes])
