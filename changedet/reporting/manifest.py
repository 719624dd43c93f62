"""The manifest: what went in, what came out, with hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from changedet.reporting.folder import MANIFEST
from changedet.reporting.jsonfile import plain, write_json


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_outputs(folder: Path) -> dict[str, dict[str, Any]]:
    """Hash and size of every file of a folder except the manifest, by name."""
    return {
        path.name: {"sha256": sha256_of(path), "size": path.stat().st_size}
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write ``manifest.json``: what is given, and ``outputs`` for every file now in the folder."""
    value = {**plain(manifest, "manifest"), "outputs": describe_outputs(folder)}
    return write_json(folder / MANIFEST, value, sort_keys=True)
