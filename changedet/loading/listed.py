"""Lists of images: folders, text files and tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import ConfigError
from changedet.loading.reading.metadata import parse_time

IMAGE_ENDINGS = (".tif", ".tiff", ".vrt", ".jp2", ".img", ".cog")
"""Files of a folder that are taken as images."""
LIST_ENDINGS = (".txt", ".csv", ".lst")
"""Files that hold one path a line, and a date after a comma where it is known."""
PATH_HEADS = ("path", "file", "filename", "image", "source", "location")
"""Heads of columns of paths, in any case,"""
DATE_HEADS = ("date", "datetime", "acquired", "acquisition", "time", "timestamp")
"""and of dates."""


@dataclass(frozen=True)
class Listed:
    """One entry of a list of images."""

    source: Any
    date: datetime | None = None
    folder: str | None = None
    """Where it was found; the order in a folder is that of names and means nothing."""


def list_images(value: Any, what: str = "history") -> list[Listed]:
    """Images of a folder, of a text file, or as they are.

    Parameters
    ----------
    value : folder, text file with ``path[,date]`` a line, path, or sequence of images
        Paths in a text file are relative to it; lines that start with ``#`` are left out. Cells
        may also be parted by semicolons or tabs, and a head (:data:`PATH_HEADS`,
        :data:`DATE_HEADS`) puts them in another order.
    what : str
        What they are, for messages.

    Raises
    ------
    ConfigError
        If there is none, or the text file cannot be read.
    """
    if not isinstance(value, (str, PathLike)):
        found = [Listed(v) for v in value]
    else:
        path = Path(value)
        if path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if p.suffix.lower() in IMAGE_ENDINGS]
            found = [Listed(str(p), folder=str(path)) for p in inside]
        elif path.suffix.lower() in LIST_ENDINGS:
            found = list(_lines(path, what))
        else:
            found = [Listed(str(path))]
    if not found:
        raise ConfigError(
            f"The {what} {value} holds no image: give a folder of images "
            f"({', '.join(IMAGE_ENDINGS)}), a text file with one path a line, or a list."
        )
    return found


def _lines(path: Path, what: str) -> Iterator[Listed]:
    """Entries of a list: a path a line, or a table of paths and dates, with a head or without."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The {what} {path} cannot be read: {error}.") from error
    table = [
        (number, [part.strip() for part in next(csv.reader([line], delimiter=_parted_by(line)))])
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    at_path, at_date = 0, 1
    if table and (head := _head(table[0][1])) is not None:
        (at_path, at_date), table = head, table[1:]
    for number, cells in table:
        name, text = (cells[at] if 0 <= at < len(cells) else "" for at in (at_path, at_date))
        if not name:
            continue
        when = parse_time(text) if text else None
        if text and when is None:
            raise ConfigError(
                f"Line {number} of {path} gives {text!r} as a date: give ISO 8601, such as "
                "2023-10-05 or 2023-10-05T02:13:05Z."
            )
        yield Listed(name if "://" in name else str(path.parent / name), when)


def _parted_by(line: str) -> str:
    """What parts the cells of a line: a comma, or what spreadsheets write elsewhere.

    Only what parts a date, or a head, from the rest: names of files may hold any of them.
    """
    for mark in ("\t", ";"):
        cells = [part.strip() for part in line.split(mark)]
        if len(cells) > 1 and (_head(cells) or any(parse_time(cell) for cell in cells)):
            return mark
    return ","


def _head(cells: list[str]) -> tuple[int, int] | None:
    """Columns of paths and dates by their names; None where the first line is an entry.

    A column of dates that is not there is -1.
    """
    names = [cell.lower() for cell in cells]
    paths = [i for i, name in enumerate(names) if name in PATH_HEADS]
    dates = [i for i, name in enumerate(names) if name in DATE_HEADS]
    if not paths:
        return None
    return paths[0], dates[0] if dates else -1
