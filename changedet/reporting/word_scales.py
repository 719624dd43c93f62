"""Words for numbers: how likely, how confident, and the rules by which numbers are rounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeGuard

LIKELIHOODS: tuple[tuple[float, str], ...] = (
    (0.95, "almost certain"),
    (0.80, "very likely"),
    (0.55, "likely"),
    (0.45, "about as likely as not"),
    (0.20, "unlikely"),
    (0.05, "very unlikely"),
    (0.0, "remote"),
)
"""From which probability on a word may be said; the ranges are those of the US Intelligence
Community Directive 203 (2015), section D.6.e."""
RARITIES: tuple[tuple[float, str], ...] = (
    (0.001, "very rare"),
    (0.01, "rare"),
    (0.05, "uncommon"),
)
"""Up to which chance of the ordinary a word may be said of an observation."""
CONFIDENCES = ("low", "moderate", "high")


def likelihood(probability: float) -> str:
    """The word for a probability, never stronger than the number.

    A number exactly on a border gets the word nearer to even chances: 0.8 is ``likely`` and not
    ``very likely``.

    Parameters
    ----------
    probability : float
        0 to 1.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"A probability lies between 0 and 1; {probability!r} does not.")
    for least, word in LIKELIHOODS:
        if probability > least or (probability == least and least < 0.5):
            return word
    return LIKELIHOODS[-1][1]


def rarity(p: float) -> str | None:
    """The word for a chance under ordinary conditions; None where it is nothing special."""
    return next((word for most, word in RARITIES if p < most), None)


def lowest(levels: Iterable[str]) -> str:
    """The lowest of several confidences."""
    return min(levels, key=CONFIDENCES.index, default="high")


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def count(value: float) -> str:
    """A whole number, thousands apart."""
    return f"{round(value):,}"


def significant(value: float, digits: int = 2) -> str:
    """A number to some significant digits, without an exponent; none below 0.001."""
    if value == 0:
        return "0"
    if abs(value) < 0.001:
        return "less than 0.001"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    text = f"{rounded:,.{max(0, decimals)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def about(value: float) -> str:
    """An estimate: ``about 0.35``, ``less than 0.001``."""
    text = significant(value)
    return text if text.startswith("less") else f"about {text}"


def percent(share: float) -> str:
    """A share to whole per cents; never rounded up to all or down to nothing."""
    if share == 0:
        return "0 %"
    if share >= 1:
        return "100 %"
    if share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if share > 0.99 else f"{round(100 * share)} %"


def percent_down(least: float) -> str:
    """A lower bound to whole per cents, rounded down."""
    return f"{math.floor(100 * least + 1e-9)} %"


def chance(p: float) -> str:
    """A chance to one significant digit, rounded up; none below 0.1 %."""
    value = 100 * p
    if value < 0.1:
        return "less than 0.1 %"
    if value >= 10:
        return f"{math.ceil(value - 1e-9)} %"
    decimals = -math.floor(math.log10(value))
    up = math.ceil(value * 10**decimals - 1e-9) / 10**decimals
    return f"{up:g} %"


def area(value: float, located: bool) -> str:
    """An area to two significant digits: square metres, hectares from 1 ha; or pixels."""
    if not located:
        return f"{significant(value)} pixels"
    if value >= 1e6:
        return f"{significant(value / 1e6)} km²"
    return f"{significant(value / 1e4)} ha" if value >= 1e4 else f"{significant(value)} m²"


def metres(value: float) -> str:
    """A length: whole metres from 10 m, else two significant digits."""
    return f"{count(value) if value >= 10 else significant(value)} m"


def span(low: float, high: float) -> str:
    """A range of whole numbers that holds a range of numbers."""
    return f"{math.floor(low + 1e-9):,} to {math.ceil(high - 1e-9):,}"


def day(text: Any) -> str | None:
    """An ISO 8601 time as a date; None where it is none."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return f"{when.day} {when:%b %Y}"


def listing(items: Sequence[str]) -> str:
    """Several things in a row: ``a, b and c``."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def plural(value: int, word: str) -> str:
    """A number and a noun: ``1 object``, ``2 objects``."""
    return f"{count(value)} {word}{'' if value == 1 else 's'}"


def capital(text: str) -> str:
    """The same with a capital at the beginning."""
    return text[:1].upper() + text[1:]
