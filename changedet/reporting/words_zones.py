"""Zones in plain sentences, from the numbers of a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from changedet.reporting.word_counts import changes_of, counts_in_words, interval
from changedet.reporting.word_limits import group
from changedet.reporting.word_scales import capital, count, is_number, listing, percent, span

ZONES = 3
"""Zones that get a sentence of their own, the busiest ones."""
PARTLY = 0.1
"""Zones of which more than this share lies outside the images are named."""


def words_of_zones(summary: Mapping[str, Any]) -> list[str]:
    """Say what the busiest zones hold, which are quiet, unseen, partly outside or overlap."""
    rows = [a for a in summary.get("activity") or () if a.get("zone") != "site"]
    hidden = [str(a["zone"]) for a in rows if a.get("score") is None]
    busy = sorted((a for a in rows if changes_of(a)), key=lambda a: -(a.get("score") or 0.0))
    quiet = [str(a["zone"]) for a in rows if a.get("score") is not None and not changes_of(a)]
    out = [_zone(summary, a) for a in busy[:ZONES] if a.get("score") is not None]
    if quiet:
        out.append(f"No change was found in {_names(quiet)}.")
    if hidden:
        out.append(f"Nothing could be observed in {_names(hidden)}.")
    out += _outside(rows)
    pairs = {
        tuple(sorted((str(a["zone"]), str(b))))
        for a in rows
        for b in group(a, "parts").get("overlaps") or ()
    }
    out += [
        f"The zones {one} and {other} overlap: what lies in both counts in both."
        for one, other in sorted(pairs)[:ZONES]
    ]
    return out


def _names(names: list[str]) -> str:
    """Names in a row; of many the first ones, in no number that the summary lacks."""
    return listing(names[:ZONES]) + (" and other zones" if len(names) > ZONES else "")


def _zone(summary: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    parts = group(row, "parts")
    text = f"In {row['zone']}, {counts_in_words(summary, row, kinds=True)}"
    text += f"; activity {count(row['score'])} of 100"
    low, high = row.get("score_low"), row.get("score_high")
    if is_number(low) and is_number(high):
        text += f" ({interval(parts)} {span(low, high)})"
    seen = row.get("observable_fraction")
    if is_number(seen) and seen < 0.9:
        text += f", from the {percent(seen)} of it that could be observed"
    return f"{text}."


def _outside(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say of which zones a good part lies where no image is: shares are of the rest."""
    found = [
        (float(share), str(a["zone"]))
        for a in rows
        if is_number(share := group(a, "parts").get("outside_share"))
        and a.get("score") is not None and share > PARTLY
    ]  # fmt: skip
    return [
        f"{capital(percent(share))} of {zone} lies outside the images: what is said of it is said "
        "of the rest."
        for share, zone in sorted(found, key=lambda pair: -pair[0])[:ZONES]
    ]
