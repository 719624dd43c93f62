"""What a site's history says about its last date, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changedet.reporting.word_scales import (
    capital,
    chance,
    count,
    day,
    is_number,
    percent,
    rarity,
    significant,
)

STATES = ("spike", "level shift", "drift", "normal", "insufficient_baseline")
"""What a series can be called."""


def words_of_history(history: Mapping[str, Any]) -> list[str]:
    """Say for each zone and track whether its last date is out of the ordinary.

    Parameters
    ----------
    history : mapping
        ``zones`` and ``tracks``, each a list of mappings. Needed of each: ``name`` and ``state``
        (one of :data:`STATES`). Said where they are there: ``date`` (ISO 8601, the date judged),
        ``value`` and ``unit``, ``baseline`` (the typical value before), ``n_baseline`` (dates it
        rests on), ``p_empirical`` and ``p_predictive`` (chances of a value as high under ordinary
        conditions; ``p_predictive_high`` its upper end), ``first_seen`` and ``last_not_seen``
        (ISO 8601), ``missing`` (dates without a value), ``observable_fraction``.

    Returns
    -------
    list of str
        One sentence a series, the remarkable ones first; the order within a state is kept.

    Notes
    -----
    A p-value is the chance to see as much under ordinary conditions, and never the probability
    that conditions are ordinary. No word of likelihood is made from it: the larger, that is the
    more cautious, of those given is told, with a word for how rare it is.
    """
    rows = [
        (row, what)
        for what, key in (("zone", "zones"), ("track", "tracks"))
        for row in history.get(key) or ()
    ]
    rows.sort(key=lambda pair: _rank(pair[0]))
    return [_series(row, what) for row, what in rows]


def _rank(row: Mapping[str, Any]) -> int:
    state = row.get("state")
    return STATES.index(state) if state in STATES else len(STATES)


def _series(row: Mapping[str, Any], what: str) -> str:
    name = str(row.get("name", row.get("zone", row.get("track", row.get("id", what)))))
    when = day(row.get("date"))
    subject = f"{capital(name)}{f', {when}' if when else ''}: "
    state = row.get("state")
    said = {
        "spike": _spike, "level shift": _shift, "drift": _drift, "normal": _normal,
        "insufficient_baseline": _insufficient,
    }.get(str(state))  # fmt: skip
    if said is None:
        return f"{subject}what it is cannot be said."
    text = subject + said(row)
    seen, missing = row.get("observable_fraction"), row.get("missing")
    if is_number(seen) and seen < 0.9:
        text += f"; only {percent(seen)} of it could be observed"
    if is_number(missing) and missing:
        text += f"; {count(missing)} dates are missing and were not taken for quiet ones"
    return f"{text}."


def _value(row: Mapping[str, Any]) -> str:
    """``73 objects against 20 before``."""
    value, unit = row.get("value"), str(row.get("unit") or "").replace("_", " ")
    if not is_number(value):
        return ""
    text = f"{_plain(value)} {unit}".strip()
    baseline = row.get("baseline")
    if is_number(baseline):
        text += f" against {_plain(baseline)} before"
    dates = row.get("n_baseline")
    if is_number(dates):
        text += f" ({count(dates)} dates)"
    return text


def _plain(value: float) -> str:
    return count(value) if abs(value) >= 10 or value == round(value) else significant(value)


def _cautious_p(row: Mapping[str, Any]) -> float | None:
    """The largest of the chances that are given."""
    keys = ("p_empirical", "p_predictive", "p_predictive_high", "p_value")
    known = [float(v) for v in (row.get(k) for k in keys) if is_number(v)]
    return max(known) if known else None


def _oddity(row: Mapping[str, Any]) -> str:
    p = _cautious_p(row)
    if p is None:
        return "how rare that is cannot be said"
    word = rarity(p)
    often = f"as much is to be expected on up to {chance(p)} of ordinary dates"
    return f"{often}, which is {word}" if word else f"{often}, which is nothing special"


def _since(row: Mapping[str, Any]) -> str:
    first, last = day(row.get("first_seen")), day(row.get("last_not_seen"))
    if first and last:
        return f"; it began after {last} and was first seen on {first}"
    return f"; it was first seen on {first}" if first else ""


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _spike(row: Mapping[str, Any]) -> str:
    p = _cautious_p(row)
    # a state is not said more firmly than its chance allows
    name = "above what is usual here" if p is not None and rarity(p) else "perhaps above the usual"
    return _join(name, _value(row), _oddity(row)) + _since(row)


def _shift(row: Mapping[str, Any]) -> str:
    text = _join("at another level than before, and staying there", _value(row), _oddity(row))
    return text + _since(row)


def _drift(row: Mapping[str, Any]) -> str:
    text = _join("slowly moving away from its former level", _value(row), _oddity(row))
    return text + _since(row)


def _normal(row: Mapping[str, Any]) -> str:
    return _join("within what is usual here", _value(row))


def _insufficient(row: Mapping[str, Any]) -> str:
    return _join("too few earlier dates to say whether this is unusual", _value(row))
