"""Strict JSON: the same value gives the same bytes, and NaN is never written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from changedet.errors import OutputError


def plain(value: Any, where: str = "") -> Any:
    """Turn a value into plain JSON types.

    NaN and infinities become None, arrays and tuples lists, dates ISO 8601 text, paths text.

    Parameters
    ----------
    value : object
        Anything made of mappings, sequences, numbers, text, dates, paths and numpy values.
    where : str
        Name of the value, for the message.

    Raises
    ------
    OutputError
        If something in it has no JSON form; the message says where it stands.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item(), where)
    if isinstance(value, Mapping):
        return {str(k): plain(v, f"{where}.{k}" if where else str(k)) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), where)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [plain(v, f"{where}[{i}]") for i, v in enumerate(items)]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, PathLike):
        return str(fspath(value))
    raise OutputError(
        f"The value at {where or 'the top'} is a {type(value).__name__}, which JSON cannot hold: "
        "give numbers, text, lists or dicts."
    )


def dumps(value: Any, *, sort_keys: bool = False, indent: int | None = 2) -> str:
    """Write a value as strict JSON text (see :func:`plain`)."""
    return json.dumps(
        plain(value), sort_keys=sort_keys, indent=indent, ensure_ascii=False, allow_nan=False
    )


def write_json(path: Path, value: Any, *, sort_keys: bool = False) -> Path:
    """Write a value as a strict JSON file in UTF-8 with a closing newline."""
    path.write_text(dumps(value, sort_keys=sort_keys) + "\n", encoding="utf-8", newline="\n")
    return path
