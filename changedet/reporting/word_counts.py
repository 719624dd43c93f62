"""How objects are counted in words: by what became of them, and by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changedet.model import GSD_TOLERANCE
from changedet.reporting.word_limits import SINGLE_M, SINGLES, group, is_located, is_map
from changedet.reporting.word_scales import count, is_number, listing, percent, plural

CHANGES = ("appeared", "disappeared", "modified", "moved")
SAID = {"modified": "changed in place"}


def changes_of(row: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Changes of a row that are not none, with their words."""
    found = [(name, row.get(name)) for name in CHANGES]
    return [(SAID.get(name, name), int(n)) for name, n in found if is_number(n) and n]


def noun_of(summary: Mapping[str, Any]) -> str:
    """What is counted: an outline on a map need not be one thing."""
    return "outlined area" if is_map(summary) else "object"


def counts_in_words(
    summary: Mapping[str, Any], row: Mapping[str, Any], *, kinds: bool = False
) -> str:
    """``3 objects appeared (2 railcars and 1 truck), 2 disappeared and 1 moved``."""
    said: list[str] = []
    for name in CHANGES:
        number = row.get(name)
        if not is_number(number) or not number:
            continue
        text = count(number) if said else plural(int(number), noun_of(summary))
        text += f" {SAID.get(name, name)}"
        named = kinds_in_words(summary, row, name) if kinds else ""
        said.append(f"{text} ({named})" if named else text)
    return listing(said)


def kinds_in_words(summary: Mapping[str, Any], row: Mapping[str, Any], change: str) -> str:
    """Numbers by kind, the largest first, as far as pixels of this size can tell."""
    gsd = group(summary, "grid").get("gsd_m")
    coarse = not is_located(summary) or not is_number(gsd) or gsd > SINGLE_M * GSD_TOLERANCE
    found = [
        (int(numbers.get(change) or 0), kind)
        for kind, numbers in (row.get("by_kind") or {}).items()
        if kind != "other" and not (coarse and kind in SINGLES)
    ]
    ranked = sorted((pair for pair in found if pair[0]), key=lambda pair: -pair[0])
    return listing([plural(n, kind.replace("_", " ")) for n, kind in ranked]) if ranked else ""


def interval(parts: Mapping[str, Any]) -> str:
    """What an interval of these numbers is called: ``80% interval``."""
    level = parts.get("interval")
    return f"{percent(level)} interval" if is_number(level) else "interval"
