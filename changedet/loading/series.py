"""Many dates of one site: images or earlier reports, each with its date, in order."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import ChangedetError, ConfigError, HistoryWarning, ImageReadError
from changedet.loading.listed import IMAGE_ENDINGS, LIST_ENDINGS, Listed, list_images
from changedet.loading.reading.metadata import parse_time
from changedet.loading.reading.sources import open_source
from changedet.model import ImageInfo


@dataclass(frozen=True, eq=False)
class SeriesItem:
    """One date of a series."""

    source: Any
    """What was given: a path, an open dataset, an array with its grid; the folder of a report."""
    name: str
    """For people."""
    acquired: datetime
    """UTC."""
    date_from: str
    """``image`` (its tags or name), ``list``, ``given`` or ``report``."""
    info: ImageInfo | None = None
    """What is known of an image."""
    summary: dict[str, Any] | None = None
    """The content of ``summary.json`` of a report."""
    sha256: str | None = None
    """Hash of that file."""


def read_series(
    images: Any, *, dates: Sequence[Any] | None = None, domain: str = "auto", clouds: bool = True
) -> tuple[SeriesItem, ...]:
    """Find every date of a series and put them in order.

    Parameters
    ----------
    images : sequence, or one of its elements
        Each an image, a folder of images, a text file with ``path[,date]`` a line, a folder that
        an earlier run wrote, or a folder of such folders.
    dates : sequence of str, date or datetime, optional
        One an image, over what the images themselves say.
    domain, clouds
        As for :func:`changedet.loading.open_source`.

    Returns
    -------
    tuple of SeriesItem
        By time.

    Raises
    ------
    ConfigError
        If there are fewer than two dates, or one has no date, or images and reports are mixed.
    ImageReadError
        If an image or report cannot be read; all that cannot are named.

    Warns
    -----
    HistoryWarning
        If they were not given in order.
    """
    one = isinstance(images, (str, PathLike))
    given = [images] if one else list(images)
    listed = [entry for value in given for entry in _expand(value)]
    if dates is not None:
        if len(dates) != len(listed):
            raise ConfigError(
                f"{len(dates)} dates were given for {len(listed)} images: give one an image."
            )
        times = [_time(d) for d in dates]
        listed = [replace(e, date=t) for e, t in zip(listed, times, strict=True)]
    origin = "list" if dates is None else "given"
    items, broken, undated = [], [], []
    for entry in listed:
        try:
            item = _item(entry, origin, domain, clouds)
        except ChangedetError as error:
            broken.append(str(error))
            continue
        if isinstance(item, str):
            undated.append(item)
        else:
            items.append(item)
    _refuse(broken, undated, items, len(listed))
    ordered = sorted(items, key=lambda item: item.acquired)
    if ordered != items and (dates is not None or any(e.folder is None for e in listed)):
        warnings.warn(
            "The dates of the series were not given in order; they were sorted by time.",
            HistoryWarning,
            stacklevel=2,
        )
    return tuple(ordered)


def _refuse(broken: list[str], undated: list[str], items: list[SeriesItem], count: int) -> None:
    if broken:
        raise ImageReadError(
            f"{len(broken)} of {count} dates of the series cannot be read; mend them or leave them "
            f"out: {' '.join(broken)}"
        )
    if undated:
        raise ConfigError(
            f"{len(undated)} of {count} dates of the series have no date: {', '.join(undated[:5])}"
            f"{' ...' if len(undated) > 5 else ''}. Give it as a tag (ACQUISITION_DATETIME, "
            "TIFFTAG_DATETIME), in the file name (20231005 or 2023-10-05), or in a text file with "
            "one path,date a line (dates= in Python)."
        )
    if len(items) < 2:
        raise ConfigError(
            f"A history needs at least 2 dates, and {len(items)} was given: with one image there "
            "is nothing to compare. A spike can be told from some 9 dates on."
        )
    reports = sum(item.summary is not None for item in items)
    if 0 < reports < len(items):
        raise ConfigError(
            f"{reports} reports and {len(items) - reports} images were given together: reports "
            "have a before image of their own, so give reports alone or images alone."
        )


def _expand(value: Any) -> list[Listed]:
    """Entries of one element of what was given."""
    if not isinstance(value, (str, PathLike)):
        return [Listed(value)]
    path = Path(value)
    if path.suffix.lower() in LIST_ENDINGS and not path.is_dir():
        return [
            replace(e, date=listed.date or e.date)
            for listed in list_images(path, "list")
            for e in _expand(listed.source)
        ]
    if not path.is_dir():
        return [Listed(str(value))]
    if _is_report(path):
        return [Listed(path)]
    reports = [p for p in sorted(path.iterdir()) if p.is_dir() and _is_report(p)]
    if reports:
        return [Listed(p, folder=str(path)) for p in reports]
    if not any(p.suffix.lower() in IMAGE_ENDINGS for p in path.iterdir()):
        raise ImageReadError(
            f"The folder {path} is no report of changedet (no summary.json), holds none, and holds "
            f"no image ({', '.join(IMAGE_ENDINGS)}): give the folder that --out made, or one of "
            "images."
        )
    return list_images(path)


def _is_report(path: Path) -> bool:
    return (path / "summary.json").is_file()


def _item(entry: Listed, origin: str, domain: str, clouds: bool) -> SeriesItem | str:
    """One date, or the name of what has none."""
    if isinstance(entry.source, Path):
        return _report(entry.source, entry.date, origin)
    info = open_source(entry.source, domain=domain, clouds=clouds).info
    if entry.date is not None:
        return SeriesItem(entry.source, info.name, entry.date, origin, info)
    if info.acquired is None:
        return info.name
    return SeriesItem(entry.source, info.name, info.acquired, "image", info)


def _report(path: Path, given: datetime | None, origin: str) -> SeriesItem | str:
    try:
        content = (path / "summary.json").read_bytes()
        summary = json.loads(content)
        after = summary["inputs"][1]
        if not (isinstance(summary["activity"], list) and isinstance(summary["tracks"], list)):
            raise TypeError("activity and tracks must be lists")
        when = None if after["acquired"] is None else parse_time(after["acquired"])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ImageReadError(
            f"The folder {path} is no report of changedet that can be read: its summary.json "
            f"({type(error).__name__}: {error}) lacks what a report holds."
        ) from error
    if given is None and when is None:
        return str(path)
    time, how = (when, "report") if given is None else (given, origin)
    digest = hashlib.sha256(content).hexdigest()
    return SeriesItem(path, str(path), time, how, None, summary, digest)  # type: ignore[arg-type]


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    time = parse_time(str(value))
    if time is None:
        raise ConfigError(
            f"{value!r} is not a date: give ISO 8601, such as 2023-10-05, or a datetime."
        )
    return time
