"""Small pieces of HTML: escaping, numbers and lists for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any

from changedet.reporting.jsonfile import plain

DASH = "–"
"""Shown for what is missing."""
LONG_LIST = 12
"""Longer lists are summed up instead of shown."""


def esc(value: Any) -> str:
    """Text that is safe between tags and in quoted attributes."""
    return escape(str(value), quote=True)


def number(value: Any, digits: int = 3) -> str:
    """Format a number for people: significant digits, thousands apart; a dash when missing."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return DASH
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.{digits - 1}g}".replace("e-0", "e-")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None) -> str:
    """Format a share as a per cent; never rounded up to all or down to nothing."""
    if share is None or not math.isfinite(share):
        return DASH
    value = 100 * share
    if value == 0:
        return "0 %"
    if 0 < value < 0.1:
        return "<0.1 %"
    if 99.9 < value < 100:
        return ">99.9 %"
    return (
        f"{value:.0f} %" if value >= 10 and abs(value - round(value)) < 0.05 else f"{value:.1f} %"
    )


def area(value: float | None, unit: str) -> str:
    """Format an area: square metres, hectares from 1 ha, square kilometres from 1 km²; or px."""
    if value is None or not math.isfinite(value):
        return DASH
    if unit == "m²" and value >= 1e6:
        return f"{number(value / 1e6)} km²"
    if unit == "m²" and value >= 1e4:
        return f"{number(value / 1e4)} ha"
    return f"{number(value)} {unit}"


def moment(text: str | None) -> str:
    """Format an ISO 8601 time as a date and a time, UTC."""
    when = _parse(text)
    return "time unknown" if when is None else f"{when.day} {when:%b %Y, %H:%M} UTC"


def day(text: str | None) -> str:
    """Format an ISO 8601 time as a date."""
    when = _parse(text)
    return "" if when is None else f"{when.day} {when:%b %Y}"


def _parse(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


def definitions(items: Iterable[tuple[str, str]]) -> str:
    """Make a definition list of (plain name, safe HTML) pairs."""
    return "<dl>" + "".join(f"<dt>{esc(n)}</dt><dd>{v}</dd>" for n, v in items) + "</dl>"


def describe(value: Any) -> str:
    """Any plain value as safe HTML: mappings as lists, long lists summed up."""
    if isinstance(value, Mapping):
        return definitions((label(k), describe(v)) for k, v in value.items()) if value else DASH
    if isinstance(value, (list, tuple)):
        if not value:
            return "none"
        if len(value) > LONG_LIST:
            return f"{len(value):,} values"
        if any(isinstance(v, (Mapping, list, tuple)) for v in value):
            return definitions((str(i), describe(v)) for i, v in enumerate(value, start=1))
        return ", ".join(describe(v) for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) or value is None:
        return esc(number(value, 4))
    return esc(value)


_NAMES = {"gsd": "GSD", "crs": "CRS", "ce90": "CE90", "fdr": "FDR", "id": "ID", "aoi": "AOI"}
_UNITS = {
    "m": "m", "m2": "m²", "km2": "km²", "px": "px", "deg": "°", "s": "s",
}  # fmt: skip


def label(key: str) -> str:
    """Turn a key such as ``ce90_px`` into a name for people."""
    words = [_NAMES.get(word, word) for word in key.split("_")]
    unit = _UNITS.get(words[-1]) if len(words) > 1 else None
    if unit is not None and words[-2] != "per":
        text = f"{' '.join(words[:-1])} ({unit})"
    else:
        text = " ".join(_UNITS.get(w, w) if w in ("km2", "m2") else w for w in words)
    return text if words[0] in ("dx", "dy") else text[:1].upper() + text[1:]


def badge(kind: str, name: str, text: str) -> str:
    """A coloured statement; ``kind`` is ok, warn, bad or none."""
    sign = {"ok": "✓", "warn": "!", "bad": "✕"}.get(kind, "·")
    return f'<li class="badge {kind}">{sign} {esc(name)}: <b>{esc(text)}</b></li>'


def meter(score: float | None) -> str:
    """A bar from 0 to 100."""
    if score is None or not math.isfinite(score):
        return ""
    width = max(0.0, min(100.0, score))
    return (
        '<svg class="meter" viewBox="0 0 100 9" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="full" width="100" height="9"/><rect class="part" width="{width:.1f}" '
        'height="9"/></svg>'
    )


def json_block(value: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, code in (
        ("<", "3c"),
        (">", "3e"),
        ("&", "26"),
        ("\u2028", "2028"),
        ("\u2029", "2029"),
    ):
        text = text.replace(sign, f"\\u{code:0>4}")
    return text
