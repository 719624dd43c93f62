"""Check a written report against its manifest, and compare two of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import OutputError
from changedet.reporting.folder import MANIFEST
from changedet.reporting.manifest import sha256_of

VOLATILE = frozenset({"timings_s", "created", "started", "finished", "elapsed_s"})
"""Keys that tell when and how long, not what; ignored when two results are compared."""
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Verification:
    """What checking a folder found."""

    ok: bool
    """Whether there is no problem."""
    problems: tuple[str, ...]
    """What is wrong, one sentence each."""
    checked: tuple[str, ...]
    """Files whose hash was computed and is right."""
    notes: tuple[str, ...] = ()
    """What could not be checked, and why; not a problem."""

    def __str__(self) -> str:
        if self.ok:
            return f"{len(self.checked)} files checked: all as the manifest says."
        return f"{len(self.problems)} problem(s): " + " ".join(self.problems)


def verify_folder(path: str | PathLike[str]) -> Verification:
    """Recompute the hashes of a report's files and inputs.

    Outputs must be there with the size and hash in the manifest, and no file may be there that is
    not in it. An input that is no longer where it was is a note; one that is there and has other
    bytes is a problem. Relative input paths are looked for from the current folder.

    Parameters
    ----------
    path : path
        The folder of a report.

    Returns
    -------
    Verification

    Raises
    ------
    OutputError
        If the folder or its manifest cannot be read.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    problems: list[str] = []
    checked: list[str] = []
    notes: list[str] = []
    outputs = manifest["outputs"]
    for name, entry in sorted(outputs.items()):
        problem = _check_output(folder, name, entry)
        (checked if problem is None else problems).append(problem or name)
    extra = sorted(p.name for p in folder.iterdir() if p.name not in outputs)
    problems += [f"{n} is not in the manifest." for n in extra if n != MANIFEST]
    for name, expected in _inputs(manifest.get("inputs")):
        _check_input(name, expected, problems, checked, notes)
    return Verification(not problems, tuple(problems), tuple(checked), tuple(notes))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a report.

    Raises
    ------
    OutputError
        If there is none, or it cannot be understood.
    """
    if not folder.is_dir():
        raise OutputError(f"{folder} is not a folder: give the folder that --out made.")
    path = folder / MANIFEST
    if not path.is_file():
        raise OutputError(
            f"{folder} holds no {MANIFEST}: it is not an output of changedet, or the file was "
            "removed. Give the folder that --out made."
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not all({"sha256", "size"} <= set(v) for v in manifest["outputs"].values()):
            raise KeyError("outputs")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(
            f"{path} cannot be understood ({type(error).__name__}: {error}): it was damaged or not "
            "written by changedet."
        ) from error
    return dict(manifest)


def _check_output(folder: Path, name: str, entry: dict[str, Any]) -> str | None:
    if Path(name).name != name or name in ("", ".", ".."):
        return f"The manifest names {name!r}, which is not a file of the folder."
    path = folder / name
    if not path.is_file():
        return f"{name} is missing."
    size = path.stat().st_size
    if size != entry["size"]:
        return f"{name} has {size} bytes; the manifest says {entry['size']}."
    if sha256_of(path) != entry["sha256"]:
        return f"{name} was changed: its hash is not the one in the manifest."
    return None


def _inputs(value: Any) -> Iterator[tuple[str, str | None]]:
    """Find every ``path`` and ``sha256`` in the manifest's inputs, however they are nested."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            yield value["path"], value.get("sha256")
        else:
            for item in value.values():
                yield from _inputs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _inputs(item)


def _check_input(
    name: str, expected: str | None, problems: list[str], checked: list[str], notes: list[str]
) -> None:
    if expected is None:
        notes.append(f"The input {name} has no hash in the manifest and was not checked.")
    elif not Path(name).is_file():
        notes.append(f"The input {name} is not there (any more) and was not checked.")
    elif sha256_of(Path(name)) != expected:
        problems.append(f"The input {name} was changed: its hash is not the one in the manifest.")
    else:
        checked.append(name)


def compare_folders(a: str | PathLike[str], b: str | PathLike[str]) -> tuple[str, ...]:
    """Say which outputs of two reports differ.

    Files are compared byte by byte, but for ``summary.json`` and ``manifest.json``, whose values
    are compared without :data:`VOLATILE` keys (and without the hash of ``summary.json``, which
    holds timings).

    Parameters
    ----------
    a, b : path
        Folders of two reports.

    Returns
    -------
    tuple of str
        One sentence a difference; empty when the results are the same.

    Raises
    ------
    OutputError
        If one is not a report.
    """
    first, second = Path(a), Path(b)
    manifests = read_manifest(first), read_manifest(second)
    names = [{p.name for p in folder.iterdir()} for folder in (first, second)]
    differences = [f"{n} is only in {first}." for n in sorted(names[0] - names[1])]
    differences += [f"{n} is only in {second}." for n in sorted(names[1] - names[0])]
    for name in sorted(names[0] & names[1] - {SUMMARY, MANIFEST}):
        if sha256_of(first / name) != sha256_of(second / name):
            differences.append(f"{name} differs.")
    if SUMMARY in names[0] & names[1]:
        summaries = (json.loads((f / SUMMARY).read_text("utf-8")) for f in (first, second))
        differences += [f"{SUMMARY} differs at {w}." for w in _differing(*summaries)]
    for manifest in manifests:
        # compared above, file by file
        manifest.pop("outputs")
    differences += [f"{MANIFEST} differs at {where}." for where in _differing(*manifests)]
    return tuple(differences)


def _differing(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Where two JSON values differ, as dotted paths."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted((set(a) | set(b)) - VOLATILE):
            path = f"{where}.{key}" if where else key
            if key in a and key in b:
                yield from _differing(a[key], b[key], path)
            else:
                yield path
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _differing(x, y, f"{where}[{i}]")
    elif a != b:
        yield where
