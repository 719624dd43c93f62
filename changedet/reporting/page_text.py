"""The words of the page: result, badges, caveats, key figures and legend."""

from __future__ import annotations

import re
from collections import Counter

from changedet.model import ChangeReport
from changedet.reporting.markup import DASH, area, badge, day, esc, number, percent
from changedet.reporting.overlay import GROUPS, group_of
from changedet.reporting.page_tables import unit

_GRADES = {
    "go": "ok", "good": "ok", "caution": "warn", "usable": "warn", "poor": "warn",
    "no-go": "bad", "refused": "bad",
}  # fmt: skip


def counted(report: ChangeReport) -> Counter[str]:
    """How many objects there are of each colour; what moved counts where it arrived."""
    table = report.changes
    pairs = zip(table["change"], table["explained_by"], table.moved_away, strict=True)
    return Counter(group_of(change, why) for change, why, gone in pairs if why or not gone)


def dates(report: ChangeReport) -> tuple[str | None, str | None]:
    """Acquisition times of before and after, ISO 8601."""
    before, after = (
        None if i.acquired is None else i.acquired.isoformat() for i in report.pair.infos
    )
    return before, after


def headline(report: ChangeReport) -> str:
    """The result in one line (plain text)."""
    found = sum(v for k, v in counted(report).items() if k != "explained")
    what = "No change found" if not found else f"{found:,} change{'s' if found > 1 else ''} found"
    before, after = (day(d) for d in dates(report))
    if before and after:
        return f"{what} between {before} and {after}"
    return f"{what} between {report.pair.infos[0].name} and {report.pair.infos[1].name}"


def result(report: ChangeReport) -> str:
    """What was found, or could have been: more stands in the words below."""
    n, sentences = counted(report), []
    found = [f"{n[g]:,} {g}" for g in GROUPS if n[g] and g != "explained"]
    seen = report.summary.get("observable_fraction")
    if found:
        sentences.append(f"{', '.join(found)}.")
    elif seen is not None:
        sentences.append(f"A change could have been seen in {percent(seen)} of the area.")
    names = " → ".join(esc(i.name) for i in report.pair.infos)
    return f'{esc(" ".join(sentences))} <span class="muted">{names}</span>'


def badges(report: ChangeReport) -> str:
    """Grades of the pair and of its alignment, and how much could be seen."""
    pair = report.summary.get("comparability") or {}
    grade = str(pair.get("grade", "not checked"))
    alignment = report.alignment
    left = "" if alignment.residual_px is None else f", {number(alignment.residual_px, 2)} px left"
    off = "switched off" if alignment.grade == "none" else alignment.grade
    parts = [
        badge(_GRADES.get(grade, "none"), "Pair comparable", grade),
        badge(_GRADES.get(alignment.grade, "none"), "Alignment", off + left),
    ]
    seen = report.summary.get("observable_fraction")
    if seen is not None:
        kind = "ok" if seen >= 0.9 else "warn"
        parts.append(badge(kind, "Observable", f"{percent(seen)} of the area"))
    if report.grid.crs is None:
        parts.append(badge("warn", "No georeferencing", "all sizes in pixels"))
    return "".join(parts)


def in_words(report: ChangeReport) -> str:
    """The summary in plain sentences, how confident it is, and what cannot be seen."""
    words = report.summary.get("words")
    if not words:
        return ""
    said = "".join(f"<p>{_unbroken(p)}</p>" for p in paragraphs(words["sentences"]))
    level = words["confidence"]
    kind = {"high": "ok", "moderate": "warn"}.get(level["level"], "bad")
    unseen = "".join(f"<li>{_unbroken(s)}</li>" for s in words["cannot_see"])
    return (
        f'<section class="words" aria-label="In words"><div><h2>In words</h2>{said}</div><div>'
        f'<p class="confidence {kind}">{_unbroken(level["sentence"])}</p>'
        f"<h2>What cannot be seen</h2><ul>{unseen}</ul></div></section>"
    )


def paragraphs(sentences: list[str]) -> list[str]:
    """Zones and tracks each get a paragraph; what is said of the whole runs on."""
    out: list[str] = []
    running = False
    for sentence in sentences:
        own = sentence.startswith(("In ", "On "))
        if running and not own:
            out[-1] += f" {sentence}"
        else:
            out.append(sentence)
        running = not own
    return out


def _unbroken(text: str) -> str:
    """Safe text in which numbers keep their units on the line."""
    return re.sub(r"(\d) (?=(?:%|m|m²|ha|km²)(?:\W|$))", "\\1\N{NO-BREAK SPACE}", esc(text))


def caveats(report: ChangeReport) -> str:
    """What to know before reading on: reasons of grades, warnings."""
    pair = report.summary.get("comparability") or {}
    # A good alignment's reasons are grounds, not caveats; they stand with the numbers below.
    doubts = () if report.alignment.grade == "good" else report.alignment.reasons
    said = [*pair.get("reasons", ()), *doubts]
    said += report.summary.get("warnings") or ()
    if not said:
        return ""
    items = "".join(f"<li>{esc(s)}</li>" for s in dict.fromkeys(map(str, said)))
    return f'<section class="caveats"><h2>Caveats</h2><ul>{items}</ul></section>'


def figures(report: ChangeReport) -> str:
    """The key figures as small cards."""
    n, sizes = counted(report), unit(report)
    site = next((a for a in report.activity if a.zone == "site"), None)
    areas = {} if site is None else {
        "appeared": site.area_appeared_m2, "disappeared": site.area_disappeared_m2,
    }  # fmt: skip
    cards = [
        _figure(g, number(n[g]), g, area(areas[g], sizes) if g in areas else "")
        for g in GROUPS
        if n[g] or g in ("appeared", "disappeared")
    ]
    if site is not None:
        score = DASH if site.score is None else f"{number(site.score)} <small>/ 100</small>"
        cards.append(_figure("", score, "site activity", f"{percent(site.turnover)} turned over"))
    return "".join(cards)


def _figure(kind: str, value: str, name: str, below: str) -> str:
    text = "explained away" if name == "explained" else name
    return (
        f'<div class="figure {kind}"><b>{value}</b><span>{text}</span><small>{below}</small></div>'
    )


def legend(report: ChangeReport, unseen: bool) -> str:
    """What the colours mean, with a switch and a count each."""
    n, faint = counted(report), 'fill-opacity=".3"'
    # Where most of what differs is explained away, its outlines would hide the rest.
    off = {"explained"} if 2 * n["explained"] > sum(n.values()) else set()
    rows = [
        (g, "explained away" if g == "explained" else g, f"{n[g]:,}", f'class="c-{g}" {faint}')
        for g in GROUPS
        if n[g] or g in ("appeared", "disappeared")
    ]
    if report.zones is not None and len(report.zones):
        dotted = 'fill="none" stroke="currentColor" stroke-dasharray="1.5 3"'
        rows.append(("zones", "zones", f"{len(report.zones):,}", dotted))
    if unseen:
        rows.append(("unseen", "not observable", "", 'fill="url(#hatch)" stroke="#8a93a0"'))
    return "".join(
        f'<label><input type="checkbox"{"" if layer in off else " checked"} '
        f'data-layer="{layer}"><svg viewBox="0 0 22 14" '
        f'aria-hidden="true"><rect x="2" y="2" width="18" height="10" {style} '
        'stroke-width="2.5"/></svg>'
        f'{name}<span class="n">{count}</span></label>'
        for layer, name, count, style in rows
    )
