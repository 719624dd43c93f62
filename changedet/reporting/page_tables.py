"""The tables of the page: objects and activity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from changedet.model import WGS84, ChangeReport, ZoneActivity
from changedet.reporting.geojson import GROUND_COLUMNS
from changedet.reporting.markup import DASH, area, describe, esc, meter, number, percent
from changedet.reporting.overlay import Frame, group_of

MAX_ROWS = 500
"""Objects listed in the table, best scores first."""


def unit(report: ChangeReport) -> str:
    """Unit of areas."""
    return "px" if report.grid.crs is None else "m²"


def best_first(report: ChangeReport, most: int) -> list[int]:
    """Rows of the changes: unexplained before explained ones, then by score, then by id."""
    table = report.changes
    score = np.nan_to_num(table["score"], nan=-np.inf)
    return [int(i) for i in np.lexsort((table["id"], -score, table.explained))[:most]]


def properties(report: ChangeReport, i: int) -> dict[str, Any]:
    """One object's properties, with its area in pixels where there are no square metres."""
    row = report.changes.row(i)
    if report.grid.crs is None:
        row.update(dict.fromkeys(GROUND_COLUMNS))
        row["area_px"] = float(shapely.area(report.changes.geometry[i]))
    return row


def size_of(row: dict[str, Any]) -> float | None:
    """Area in the report's unit."""
    value = row.get("area_px", row["area_m2"])
    return None if value is None else float(value)


def object_table(report: ChangeReport, top: list[int]) -> str:
    """Make the table of objects, and the note on what it leaves out."""
    total = len(report.changes)
    if not total:
        return '<p class="note">No changed object was found.</p>'
    listed = top[:MAX_ROWS]
    note = (
        f"All {total:,} objects."
        if len(listed) == total
        else f"The {len(listed):,} objects with the highest scores out of {total:,}; "
        "all are in <code>changes.geojson</code>."
    )
    heads = [
        ("No.", True), ("Change", False), ("Kind", False), ("Zone", False),
        (f"Area ({unit(report)})", True), ("Length × width (m)", True), ("Score", True),
        ("q-value", True), ("Activity", True), ("Remark", False),
    ]  # fmt: skip
    cells = "".join(
        f'<th scope="col"{" class=n" if right else ""}>'
        f'<button type="button" data-sort="{i}">{esc(name)}</button></th>'
        for i, (name, right) in enumerate(heads)
    )
    rows = "".join(_object_row(report, i) for i in listed)
    return (
        f'<p class="note">{note} Score is −log10 of the p-value: larger is more surprising. '
        "The q-value is the share of false objects to expect among all that score as high. "
        "Objects explained away are listed but count as no activity.</p>"
        f'<div class="scroll tall" tabindex="0" role="region" aria-label="Objects">'
        f"<table><thead><tr>{cells}</tr></thead>"
        f'<tbody id="object-rows">{rows}</tbody></table></div>'
    )


def _object_row(report: ChangeReport, i: int) -> str:
    row = properties(report, i)
    group = group_of(row["change"], row["explained_by"])
    kind = esc(row["kind"] or DASH).replace("_", " ")
    if row["kind_confidence"] is not None:
        kind += f' <span class="muted">{percent(row["kind_confidence"])}</span>'
    size, long, wide = size_of(row), row["length_m"], row["width_m"]
    extent = DASH if long is None or wide is None else f"{number(long)} × {number(wide)}"
    cells = [
        (row["change"], f'<span class="dot {group}"></span>{esc(row["change"] or DASH)}', ""),
        (row["kind"], kind, ""),
        (row["zone"], esc(row["zone"] or DASH), ""),
        (size, number(size), " class=n"),
        (long, extent, " class=n"),
        (row["score"], number(row["score"]), " class=n"),
        (row["q_value"], number(row["q_value"], 2), " class=n"),
        (row["activity"], number(row["activity"]), " class=n"),
        (remark(row), esc(remark(row)), ""),
    ]
    body = "".join(
        f'<td{style} data-v="{"" if value is None else esc(value)}">{text}</td>'
        for value, text, style in cells
    )
    return (
        f'<tr data-i="{i}" data-group="{group}"><th scope="row" data-v="{row["id"]}">'
        f'<button type="button" class="pick" aria-label="Show object {row["id"]}">{row["id"]}'
        f"</button></th>{body}</tr>"
    )


def remark(row: dict[str, Any]) -> str:
    """What else is to be said about an object, in words."""
    parts = []
    if row["explained_by"]:
        parts.append(f"probably {row['explained_by']}")
    if row["moved_from"] is not None:
        parts.append(f"moved from no. {row['moved_from']}")
    if row["group"]:
        parts.append(f"part of {row['group']}")
    return "; ".join(parts)


def object_data(report: ChangeReport, frame: Frame, top: list[int]) -> dict[str, Any]:
    """What the script shows of each drawn object, by its row."""
    if not top:
        return {}
    table = report.changes
    geometry = table.geometry[top]
    boxes = shapely.bounds(frame.geometry(geometry)).round(1)
    centres = shapely.get_coordinates(shapely.centroid(geometry))
    if table.crs is not None:
        to_wgs84 = Transformer.from_crs(table.crs, WGS84, always_xy=True)
        centres = np.column_stack(to_wgs84.transform(centres[:, 0], centres[:, 1]))
    out = {}
    for i, box, centre in zip(top, boxes, centres, strict=True):
        row = properties(report, i)
        out[str(i)] = {
            "box": box.tolist(),
            "tip": _tip(row, unit(report)),
            "rows": _details(row, centre, report),
        }
    return out


def _tip(row: dict[str, Any], unit: str) -> str:
    what = " ".join(str(v).replace("_", " ") for v in (row["kind"], row["change"]) if v)
    parts = [f"No. {row['id']}: {what}", area(size_of(row), unit), f"score {number(row['score'])}"]
    if row["explained_by"]:
        parts.append(f"probably {row['explained_by']}")
    return ", ".join(parts)


def _details(row: dict[str, Any], centre: np.ndarray, report: ChangeReport) -> list[list[str]]:
    located = report.changes.crs is not None
    where = (
        f"{centre[1]:.6f}, {centre[0]:.6f} (lat, lon)"
        if located
        else f"column {centre[0]:.1f}, row {centre[1]:.1f}"
    )
    kind = str(row["kind"] or DASH).replace("_", " ")
    if row["kind_confidence"] is not None:
        kind += f" ({percent(row['kind_confidence'])})"
    lines = [
        ("Number", str(row["id"])),
        ("Change", str(row["change"] or DASH)),
        ("Kind", kind),
        ("Zone", str(row["zone"] or DASH)),
        ("Area", area(size_of(row), unit(report))),
    ]
    if located:
        lines += [
            ("Length", f"{number(row['length_m'])} m"),
            ("Width", f"{number(row['width_m'])} m"),
            ("Bearing", f"{number(row['bearing_deg'])}°"),
        ]
    lines += [
        ("Score", number(row["score"])),
        ("p-value", number(row["p_value"], 2)),
        ("q-value", number(row["q_value"], 2)),
        ("Activity", number(row["activity"])),
        ("Shift left", f"{number(row['residual_shift_px'])} px"),
        ("Centre", where),
        ("Remark", remark(row)),
    ]
    return [[n, v] for n, v in lines if v and not v.startswith(DASH)]


def activity_table(report: ChangeReport) -> str:
    """Make the table of activity, one row a zone with the parts of its score below."""
    if not report.activity:
        return '<p class="note">No activity was computed.</p>'
    heads = (
        "Zone", "Score", "Appeared", "Gone", "Modified", "Moved", "Explained", "Area appeared",
        "Area gone", "Turnover", "Observable", "False expected",
    )  # fmt: skip
    cells = "".join(
        f'<th scope="col"{" class=n" if i > 1 else ""}>{h}</th>' for i, h in enumerate(heads)
    )
    rows = "".join(_activity_rows(a, unit(report), len(heads)) for a in report.activity)
    return (
        '<p class="note">Score from 0 (nothing happened) to 100, between these two dates only: it '
        "says how much changed, not whether that is unusual for the place. Turnover is changed "
        "area over observable area.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Activity by zone">'
        f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _activity_rows(a: ZoneActivity, unit: str, columns: int) -> str:
    numbers = (
        number(a.appeared), number(a.disappeared), number(a.modified), number(a.moved),
        number(a.explained), area(a.area_appeared_m2, unit), area(a.area_disappeared_m2, unit),
        percent(a.turnover), percent(a.observable_fraction), number(a.expected_false_objects, 2),
    )  # fmt: skip
    score = "not observable" if a.score is None else f"{meter(a.score)}{number(a.score)}"
    if a.score_low is not None and a.score_high is not None:
        # rounded outwards, so that the interval shown holds the one that was found
        low, high = math.floor(a.score_low), math.ceil(a.score_high)
        score += f' <span class="muted">{low} to {high}</span>'
    cells = "".join(f"<td class=n>{n}</td>" for n in numbers)
    site = a.zone == "site"
    name = "whole site" if site else a.zone
    parts = {
        "area": area(a.area_m2, unit),
        "area modified or moved": area(a.area_modified_m2, unit),
        "share weighted by significance": percent(a.weighted_share),
        **{
            name: value
            for name in (
                "by_kind",
                "cut",
                "arrivals",
                "departures",
                "occupancy_before",
                "occupancy_after",
                "churn",
            )
            if (value := getattr(a, name)) not in (None, {})
        },
        **a.parts,
    }
    return (
        f'<tr class="zone-row{" site" if site else ""}"><th scope="row">{esc(name)}</th>'
        f"<td>{score}</td>{cells}</tr>"
        f'<tr class="parts"><td colspan="{columns}"><details><summary>Parts of this score'
        f"</summary>{describe(parts)}</details></td></tr>"
    )
