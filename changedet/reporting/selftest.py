"""Write a self-test to a folder: numbers, tables, words, and a figure if it can be drawn."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from changedet.errors import MissingDependencyError
from changedet.model import SelfTest
from changedet.reporting.folder import new_folder
from changedet.reporting.jsonfile import write_json
from changedet.reporting.manifest import write_manifest
from changedet.reporting.selftest_figure import selftest_figure
from changedet.reporting.selftest_text import sentences


def write_selftest(test: SelfTest, out: Path, *, overwrite: bool = False) -> Path:
    """Write a self-test into a folder, whole or not at all.

    ``selftest.json`` (everything), ``rates.csv`` (one row a type and contrast), ``targets.csv``
    (one row a target), ``selftest.txt`` (the sentences), ``selftest.png`` where matplotlib is
    installed, and ``manifest.json``.

    Parameters
    ----------
    test : SelfTest
        What to write.
    out : Path
        The folder to make.
    overwrite : bool
        Replace an earlier output of changedet.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
        If the folder exists, is not an output of changedet, or the file system refuses.
    """
    words = sentences(test)
    with new_folder(out, overwrite=overwrite) as folder:
        write_json(folder / "selftest.json", {"sentences": words, **test.describe()})
        _write_csv(folder / "rates.csv", [asdict(r) for r in test.rates()])
        _write_csv(folder / "targets.csv", [asdict(t) for t in test.targets])
        (folder / "selftest.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        with suppress(MissingDependencyError):  # the numbers are all there without it
            selftest_figure(test, folder / "selftest.png")
        write_manifest(folder, test.manifest)
    return out


def _write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One line a row; nothing where nothing is known."""
    lines = [{k: _cell(v) for k, v in row.items()} for row in rows]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0]) if lines else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "true" if value is True else "false" if value is False else value
