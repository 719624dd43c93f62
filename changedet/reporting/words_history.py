"""What a site's history says about its latest date, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changedet.model import ALL_TRACKS, COMPARED_WITH
from changedet.reporting.word_scales import (
    about,
    chance,
    count,
    day,
    is_number,
    listing,
    metres,
    percent,
    rarity,
    significant,
)

STATES = ("spike", "level shift", "drift", "normal", "insufficient_baseline")
"""What the latest date of a series can be called, the remarkable first."""
QUIET = STATES.index("normal")
"""From here on states are nothing remarkable."""
FEW = 6
"""So many series are told in full on a screen."""
_UNITS = {"cars": "wagons", "objects": "objects", "appeared": "objects that appeared",
          "disappeared": "objects that disappeared"}  # fmt: skip
_LEVEL = {"up": "higher", "down": "lower"}


def words_of_history(history: Mapping[str, Any]) -> list[str]:
    """Say for each series of a history whether its latest date is out of the ordinary.

    Parameters
    ----------
    history : mapping
        What ``monitor.json`` holds. Needed is ``histories``, a list of mappings with ``place`` and
        ``state`` (one of :data:`STATES`). Said where they are there: ``kind`` (``zone``,
        ``track``), ``measure`` (``objects``, ``area_m2``, ``cars``, ``occupied_m``, ``appeared``,
        ``disappeared``), ``direction`` (``up``, ``down``), ``first_seen``, ``last_not_seen``,
        ``missing_dates``, and of the last of ``dates`` that has a ``value``: ``acquired``,
        ``value`` with ``value_low`` and ``value_high``, ``expected`` with ``band_low`` and
        ``band_high``, ``baseline_dates``, ``observable``, ``nb_p`` with ``nb_p_low`` and
        ``nb_p_high``, ``rank_p`` (chances of at least this value on an ordinary date).
        ``dates_tested`` and ``false_spikes_expected`` of the whole history.

    Returns
    -------
    list of str
        One sentence a series, the remarkable ones first, and one on false spikes.

    Notes
    -----
    A p-value is the chance to see as much on an ordinary date, and never the probability that
    the date is ordinary: no word of likelihood is made from it. Of the negative binomial's
    chances the largest is told, with a word for how rare that is; the empirical one stands
    beside it.
    """
    rows = [row for row in history.get("histories") or () if isinstance(row, Mapping)]
    rows.sort(key=lambda row: _rank(row.get("state")))
    return [*(_series(row) for row in rows), *_false(history)]


def short_words_of_history(history: Mapping[str, Any]) -> list[str]:
    """As :func:`words_of_history`, for a screen: of many places only what is remarkable.

    Each place is told once, by its first measure that is out of the ordinary. Places that are not,
    and whose latest date was seen, share a sentence. Few series are told in full.
    """
    rows = [row for row in history.get("histories") or () if isinstance(row, Mapping)]
    if len(rows) <= FEW:
        return words_of_history(history)
    places: dict[tuple[Any, Any], Mapping[str, Any]] = {}
    for row in rows:
        key = row.get("kind"), row.get("place")
        remarkable = _rank(row.get("state")) < QUIET
        if key not in places or (remarkable and _rank(places[key].get("state")) >= QUIET):
            places[key] = row
    ranked = sorted(places.values(), key=lambda row: _rank(row.get("state")))
    told = [r for r in ranked if _rank(r.get("state")) < QUIET or _unseen_latest(r)]
    out = [_series(row) for row in told]
    for state, words in (("normal", _normal), ("insufficient_baseline", _insufficient)):
        names = [_place(r) for r in ranked if r.get("state") == state and r not in told]
        if names:
            out.append(f"{listing(names)}: {words({}, {})}.")
    return [*out, *_false(history)]


def _false(history: Mapping[str, Any]) -> list[str]:
    """How many spikes would be called where nothing happens."""
    false, tested = history.get("false_spikes_expected"), history.get("dates_tested")
    if not (is_number(false) and is_number(tested) and tested):
        return []
    return [
        f"Among {count(tested)} values that were judged, {about(false)} would be called spikes on "
        "ordinary dates alone."
    ]


def _rank(state: Any) -> int:
    return STATES.index(state) if state in STATES else len(STATES)


def _series(row: Mapping[str, Any]) -> str:
    known = [d for d in row.get("dates") or () if is_number(d.get("value"))]
    last: Mapping[str, Any] = known[-1] if known else {}
    state, when = row.get("state"), day(last.get("acquired") or row.get("latest"))
    said = {
        "spike": _spike, "level shift": _shift, "drift": _drift, "normal": _normal,
        "insufficient_baseline": _insufficient,
    }.get(str(state), _unknown)  # fmt: skip
    date = f", on {when}" if when else ""
    parts = [f"{_place(row)}{date}: {said(row, last)}", _value(row, last)]
    if state in STATES[:3]:
        parts += [_oddity(row, last), _since(row)]
    seen, missing = last.get("observable"), row.get("missing_dates")
    if is_number(seen) and seen < 0.9:
        parts.append(f"only {percent(seen)} of it could be observed")
    parts.append(_unseen_latest(row))
    if is_number(missing) and missing:
        dates = "date is" if missing == 1 else "dates are"
        parts.append(f"{count(missing)} {dates} missing, and not taken for quiet")
    return "; ".join(part for part in parts if part) + "."


def _unseen_latest(row: Mapping[str, Any]) -> str:
    """Say that the newest date is not the one that was judged, and why."""
    dates = list(row.get("dates") or ())
    if not dates or is_number(dates[-1].get("value")):
        return ""
    why, when = dates[-1].get("missing"), day(dates[-1].get("acquired"))
    if not why or not when or why == COMPARED_WITH:
        return ""
    return f"of the latest date, {when}, nothing is said ({why})"


def _place(row: Mapping[str, Any]) -> str:
    name = str(row.get("place", "?"))
    if name in ("site", ALL_TRACKS):
        return "Whole site" if name == "site" else "All tracks"
    kind = str(row.get("kind") or "zone").capitalize()
    return name if name.lower().startswith(kind.lower()) else f"{kind} {name}"


def _plain(value: float, measure: Any) -> str:
    """A number without its unit, to as many digits as are said with it."""
    if measure == "area_m2":
        return significant(value)
    return count(value) if abs(value) >= 10 or value == round(value) else significant(value)


def _amount(value: float, measure: Any) -> str:
    if measure == "occupied_m":
        return f"{metres(value)} of track"
    if measure == "area_m2":
        return f"{_plain(value, measure)} m²"
    plain = _plain(value, measure)
    unit = _UNITS.get(str(measure), str(measure or ""))
    if plain == "1":
        first, *rest = unit.split(" ")
        unit = " ".join([first.removesuffix("s"), *rest])
    return f"{plain} {unit}".strip()


def _value(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """``73 wagons (68 to 77), where 12 are usual (4 to 20)``."""
    value, measure = last.get("value"), row.get("measure")
    if not is_number(value):
        return ""
    text = _amount(value, measure) + _range(last, "value_low", "value_high", measure)
    expected, dates = last.get("expected"), last.get("baseline_dates")
    if is_number(expected):
        bare = _plain(expected, measure)
        text += f", where {bare} would be usual{_range(last, 'band_low', 'band_high', measure)}"
    if is_number(dates):
        how = ", by" if row.get("state") != "insufficient_baseline" else ";"
        text += f"{how} {count(dates)} earlier date{'' if dates == 1 else 's'}"
    return text


def _range(last: Mapping[str, Any], low: str, high: str, measure: Any) -> str:
    ends = last.get(low), last.get(high)
    if not (is_number(ends[0]) and is_number(ends[1])):
        return ""
    return f" ({_plain(ends[0], measure)} to {_plain(ends[1], measure)})"


def model_chance(last: Mapping[str, Any]) -> float | None:
    """The largest of the chances that the model gives; None without any."""
    known = [float(p) for k in ("nb_p", "nb_p_low", "nb_p_high") if is_number(p := last.get(k))]
    return max(known) if known else None


def _oddity(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    """How rare as much is on an ordinary date; of low values the chances given say nothing."""
    if row.get("direction") == "down":
        return ""
    p, rank = model_chance(last), last.get("rank_p")
    by_rank = f"by rank alone, {chance(rank)}" if is_number(rank) else ""
    if p is None:
        if not is_number(rank):
            return "how rare that is cannot be said"
        return f"as much is to be expected on {chance(rank)} of ordinary dates, by rank alone"
    word = rarity(p)
    share = chance(p)
    share = share if share.startswith("less") else f"at most {share}"
    text = f"as much is to be expected on {share} of ordinary dates"
    text += f", which is {word}" if word else ", which is nothing uncommon"
    return f"{text} ({by_rank})" if by_rank else text


def _since(row: Mapping[str, Any]) -> str:
    first, before = day(row.get("first_seen")), day(row.get("last_not_seen"))
    if not first:
        return ""
    return f"first seen on {first}" + (f" and not yet on {before}" if before else "")


def _spike(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    way = "less" if row.get("direction") == "down" else "more"
    p = model_chance(last)
    if way == "more" and p is not None and rarity(p) is None:
        return "perhaps more than usual"  # a state is not said more firmly than its chance
    return f"{way} than usual"


def _shift(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    return f"at a {_LEVEL.get(str(row.get('direction')), 'different')} level than before"


def _drift(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    way = {"up": " upwards", "down": " downwards"}.get(str(row.get("direction")), "")
    return f"drifting{way} from its former level"


def _normal(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    return "within what is usual"


def _insufficient(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    return "too few earlier dates to say what is usual"


def _unknown(row: Mapping[str, Any], last: Mapping[str, Any]) -> str:
    return "what this is cannot be said"
