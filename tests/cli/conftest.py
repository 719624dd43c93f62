from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import shapely
from click.testing import CliRunner, Result

import changedet
from changedet.cli import cli
from changedet.model import Alignment, ChangeReport, ChangeTable, Grid, Lattice, ZoneActivity


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command line as a user would."""
    return lambda *args: CliRunner().invoke(cli, [str(a) for a in args], prog_name="changedet")


@pytest.fixture
def pipeline(monkeypatch) -> ModuleType:
    """A pipeline of which every verb has to be put in place by the test."""
    module = ModuleType("changedet.pipeline")
    monkeypatch.setitem(sys.modules, "changedet.pipeline", module)
    monkeypatch.setattr(changedet, "pipeline", module, raising=False)
    return module


def zone(name: str, score: float | None, **counts: int) -> ZoneActivity:
    """A row with a score and counts."""
    full = {"appeared": 0, "disappeared": 0, "modified": 0, "moved": 0, "explained": 0, **counts}
    return ZoneActivity(
        name, 100.0, None if score is None else 0.984, score, **full, area_appeared_m2=0.0,
        area_disappeared_m2=0.0, area_modified_m2=0.0, turnover=None, weighted_share=None,
        expected_false_objects=None,
    )  # fmt: skip


@pytest.fixture
def make_report() -> Callable[..., ChangeReport]:
    """A report with the activity given, whose writer makes the folder with one file."""

    def write(report: ChangeReport, out: Path, **options: Any) -> Path:
        out.mkdir(exist_ok=True)
        (out / "manifest.json").write_text("{}")
        (out / "written.txt").write_text(repr(options))
        return out

    def make(*activity: ZoneActivity, explained: tuple[str | None, ...] = ()) -> ChangeReport:
        geometry = np.array([shapely.box(0, 0, 1, 1)] * len(explained), dtype=object)
        zero = Lattice.constant(0)
        empty: Any = None
        return ChangeReport(
            Grid.pixels(10, 20),
            ChangeTable(geometry, {"explained_by": list(explained)}),
            activity or (zone("site", 0.0),),
            Alignment(zero, zero, zero, "translation", "good", dx_px=1.5, dy_px=-0.25),
            {}, {}, empty, empty, empty, writer=write,
        )  # fmt: skip

    return make


@pytest.fixture
def make_zone() -> Callable[..., ZoneActivity]:
    """The maker of rows."""
    return zone
