"""The HTML page of a report: one file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from pathlib import Path

from changedet.model import ChangeReport
from changedet.reporting import page_grounds, page_tables, page_text, page_tracks
from changedet.reporting.markup import day, esc, json_block
from changedet.reporting.overlay import MAX_OUTLINES, Frame, draw_map, draw_still
from changedet.reporting.pictures import data_uri, encode, quicklooks


def write_page(path: Path, report: ChangeReport) -> Path:
    """Write ``report.html``: self-contained, works offline, the same bytes for the same report."""
    path.write_text(make_page(report), encoding="utf-8", newline="\n")
    return path


def make_page(report: ChangeReport) -> str:
    """Make the page of a report as HTML text.

    All text that comes from files is escaped. The page may load nothing: its content security
    policy allows its own style and script by their hashes, and pictures inside it.
    """
    pictures = report.quicklooks or quicklooks(report.pair)
    frame = Frame.of(report.grid, pictures[0])
    before, after = (data_uri(*encode(picture)) for picture in pictures)
    top = page_tables.best_first(report, MAX_OUTLINES)
    drawn = draw_map(report, frame, before, after, top)
    style, script = read_piece("style.css"), read_piece("script.js")
    data = {
        "size": [frame.width, frame.height],
        "factor": frame.factor,
        "metres": frame.metres,
        "lonlat": frame.lonlat(),
        "objects": page_tables.object_data(report, frame, top),
    }
    days = [day(d) for d in page_text.dates(report)]
    headline = page_text.headline(report)
    return fill(
        read_piece("page.html"),
        policy=policy(style, script),
        version=esc(report.summary.get("changedet", "")),
        title=esc(f"Change report: {headline}"),
        style=style,
        script=script,
        headline=esc(headline),
        result=page_text.result(report),
        badges=page_text.badges(report),
        words=page_text.in_words(report),
        caveats=page_text.caveats(report),
        figures=page_text.figures(report),
        map=drawn,
        before_day=esc(days[0]),
        after_day=esc(days[1]),
        north=_north(frame.north()),
        picture_note=_picture_note(report, frame, len(top)),
        legend=page_text.legend(report, unseen='class="unseen"' in drawn),
        still=draw_still(frame),
        objects=page_tables.object_table(report, top),
        activity=page_tables.activity_table(report),
        tracks=page_tracks.track_section(report),
        grounds=page_grounds.grounds(report),
        inputs=page_grounds.inputs(report),
        parameters=page_grounds.parameters(report),
        data=json_block(data),
    )


def read_piece(name: str) -> str:
    """Read one of the files the page is made of."""
    return files("changedet.reporting").joinpath("html", name).read_text(encoding="utf-8")


def fill(template: str, **pieces: str) -> str:
    """Put pieces in the places of a template marked ``{{name}}``, each looked at once only."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: pieces[found.group(1)], template)


def policy(style: str, script: str) -> str:
    """Content security policy: nothing from outside, nothing inline but these two pieces."""

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")

    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def _north(angle: float | None) -> str:
    if angle is None:
        return ""
    return (
        '<svg class="north" viewBox="-20 -20 40 40" role="img" aria-label="North arrow">'
        '<circle r="20" fill="#0c0f13" fill-opacity=".78"/>'
        f'<g transform="rotate({angle:.1f})"><path d="M0 -6 L6 14 L0 10 L-6 14 Z" fill="#fff"/>'
        '<text y="-7" text-anchor="middle" font-size="11" font-weight="700" fill="#fff">N</text>'
        "</g></svg>"
    )


def _picture_note(report: ChangeReport, frame: Frame, drawn: int) -> str:
    notes = [
        "Contrast is stretched for the eye, not for measuring: alike for both dates unless their "
        "brightness differs greatly."
    ]
    if frame.factor[0] > 1:
        notes.append(f"One picture pixel is {frame.factor[0]:g} × {frame.factor[1]:g} pixels.")
    if drawn < len(report.changes):
        notes.append(f"The {drawn:,} objects with the highest scores are drawn.")
    return esc(" ".join(notes))
