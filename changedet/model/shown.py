"""How values show themselves in a console and in a notebook: short, and escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def html_table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a plain HTML table; everything is escaped."""
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def rounded(value: object) -> str:
    """Return a number to four figures, a dash for what is not known, other values as they are."""
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
