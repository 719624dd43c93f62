"""Check that a folder is what was once written, and that the same run gives the same result."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from datetime import date
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.activity import HistoryRules
from changedet.config import Config
from changedet.differencing import describe_source
from changedet.errors import HistoryWarning, OutputError
from changedet.model import Alignment, TargetType
from changedet.pipeline.monitoring import monitor
from changedet.pipeline.recipe import detect
from changedet.pipeline.selftesting import selftest
from changedet.progress import ProgressCallback
from changedet.reporting import Verification, compare_folders, verify_folder
from changedet.reporting.verify import read_manifest

Progress = bool | ProgressCallback | None


def verify(
    folder: str | PathLike[str],
    *,
    rerun: bool = False,
    progress: bool | ProgressCallback | None = None,
) -> Verification:
    """Check an output folder against its manifest.

    Parameters
    ----------
    folder : path
        Written by ``write`` of a report, a history or a self-test, or by the command line.
    rerun : bool
        Also run it again from the same inputs and compare the files.
    progress : bool or callable, optional
        For the rerun.

    Returns
    -------
    Verification

    Raises
    ------
    OutputError
        If there is no manifest, or a rerun is not possible.
    """
    found = verify_folder(folder)
    if not rerun:
        return found
    manifest = read_manifest(Path(folder))
    if "scene" in manifest:
        raise OutputError(
            f"{folder} holds a simulated scene and not a report, so there is no run to repeat: "
            "verify it without --rerun."
        )
    repeat = next((r for key, r in REPEATS.items() if key in manifest), _detected)
    with tempfile.TemporaryDirectory() as scratch:
        again = repeat(manifest, Path(scratch) / "again", progress)
        differences = compare_folders(Path(folder), again)
    problems = (*found.problems, *(f"The rerun differs: {d}" for d in differences))
    return replace(found, ok=not problems, problems=problems)


def _detected(manifest: dict[str, Any], out: Path, progress: Progress) -> Path:
    arguments = _arguments(manifest, "detect")
    arguments["alignment"] = _alignment(manifest)
    report = detect(*_inputs(manifest), **arguments, progress=progress)
    return report.write(out, formats=_formats(manifest, "changes."))


def _monitored(manifest: dict[str, Any], out: Path, progress: Progress) -> Path:
    arguments = _arguments(manifest, "monitor")
    rules = dict(manifest["monitor"]["rules"])
    until = rules["baseline_until"]
    rules["baseline_until"] = None if until is None else date.fromisoformat(until)
    with warnings.catch_warnings():
        # they are in monitor.json, and compared with it
        warnings.simplefilter("ignore", HistoryWarning)
        report = monitor(
            arguments.pop("images"), rules=HistoryRules(**rules), **arguments, progress=progress
        )
    return report.write(out, formats=_formats(manifest, "history."))


def _tested(manifest: dict[str, Any], out: Path, progress: Progress) -> Path:
    arguments, planted = _arguments(manifest, "selftest"), dict(manifest["selftest"])
    types = [TargetType(**one) for one in planted.pop("types")]
    arguments |= {**planted, "types": types, "alignment": _alignment(manifest)}
    test = selftest(*_inputs(manifest), **arguments, progress=progress)
    return test.write(out)


REPEATS = {"monitor": _monitored, "selftest": _tested}
"""How to run again what the manifest holds by this key; without any, a report on two images."""


def _formats(manifest: dict[str, Any], stem: str) -> list[str]:
    """Formats of the files whose names begin so."""
    return [n.removeprefix(stem) for n in manifest["outputs"] if n.startswith(stem)]


def _inputs(manifest: dict[str, Any]) -> tuple[str, str]:
    before, after = (entry["path"] for entry in manifest["inputs"])
    return before, after


def _arguments(manifest: dict[str, Any], function: str) -> dict[str, Any]:
    arguments = dict(manifest["arguments"])
    for name, value in arguments.items():
        if isinstance(value, dict):
            raise OutputError(
                f"This report cannot be run again from its manifest: {name} was a "
                f"{value['in_memory']} in memory, not a file. Run changedet.{function} with it "
                "again."
            )
    _check_method(manifest)
    return {**arguments, "config": Config(**manifest["config"])}


def _alignment(manifest: dict[str, Any]) -> Alignment | None:
    given = manifest["alignment_given"]
    return None if given is None else Alignment.from_description(given)


def _check_method(manifest: dict[str, Any]) -> None:
    """Refuse to repeat a run whose detector was the user's own code, or a network that changed."""
    source = manifest.get("method")
    if source is None:
        return
    if "function" in source:
        where = "" if source["file"] is None else f" of {source['file']}"
        raise OutputError(
            f"This report was made with the user's own function {source['function']}{where} "
            f"(SHA-256 of the file: {source['sha256']}). A rerun needs it, and code that a "
            "manifest names is not run on its word: run changedet.detect with it again."
        )
    try:
        found = describe_source(source["model"])
    except OSError:
        found = None
    if found != source:
        raise OutputError(
            f"This report was made with the network {source['model']} (SHA-256 "
            f"{source['sha256']}), which {'is not there' if found is None else 'has changed'}: "
            "put that file in its place."
        )
