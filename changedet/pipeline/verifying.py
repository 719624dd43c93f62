"""Check that a folder is what was once written, and that the same run gives the same result."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.config import Config
from changedet.differencing import describe_source
from changedet.errors import OutputError
from changedet.model import Alignment
from changedet.pipeline.recipe import detect
from changedet.progress import ProgressCallback
from changedet.reporting import Verification, compare_folders, verify_folder
from changedet.reporting.verify import read_manifest


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
        Written by ``report.write`` or ``changedet detect``.
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
    if "monitor" in manifest:
        raise OutputError(
            f"{folder} holds a history and not a report on two images, which alone can be "
            "repeated here: verify it without --rerun, or run changedet monitor again."
        )
    if "selftest" in manifest:
        raise OutputError(
            f"{folder} holds a self-test and not a report: verify it without --rerun, and run "
            "changedet selftest again to repeat it."
        )
    with tempfile.TemporaryDirectory() as scratch:
        report = detect(*_inputs(manifest), **_arguments(manifest), progress=progress)
        formats = [Path(n).suffix[1:] for n in manifest["outputs"] if n.startswith("changes.")]
        again = report.write(Path(scratch) / "again", formats=formats)
        differences = compare_folders(Path(folder), again)
    problems = (*found.problems, *(f"The rerun differs: {d}" for d in differences))
    return replace(found, ok=not problems, problems=problems)


def _inputs(manifest: dict[str, Any]) -> tuple[str, str]:
    before, after = (entry["path"] for entry in manifest["inputs"])
    return before, after


def _arguments(manifest: dict[str, Any]) -> dict[str, Any]:
    arguments = dict(manifest["arguments"])
    for name, value in arguments.items():
        if isinstance(value, dict):
            raise OutputError(
                f"This report cannot be run again from its manifest: {name} was a "
                f"{value['in_memory']} in memory, not a file. Run changedet.detect with it again."
            )
    _check_method(manifest)
    given = manifest["alignment_given"]
    return {
        **arguments,
        "config": Config(**manifest["config"]),
        "alignment": None if given is None else Alignment.from_description(given),
    }


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
