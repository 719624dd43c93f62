"""The HTML page of a report: one file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from changedet.model import ChangeReport


def write_page(path: Path, report: ChangeReport) -> Path:
    """Write ``report.html``."""
    path.write_text("<!doctype html><title>Change report</title>\n", encoding="utf-8")
    return path
