"""What the README shows runs as it stands there, and points at what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
COMMANDS = """\
python -m pip install ".[all]" && changedet detect sample_tiles/railyard/before.tif \
sample_tiles/railyard/after.tif --zones sample_tiles/railyard/zones.geojson --out railyard_report
python -m pip install -e ".[all,dev]" && python -m pytest
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return found


def test_the_two_commands():
    assert block("bash") == COMMANDS


def test_the_example_has_ten_lines_and_runs(tmp_path):
    pytest.importorskip("geopandas")
    code = block("python")
    assert len([line for line in code.splitlines() if line.strip()]) == 10
    (tmp_path / "sample_tiles").symlink_to(ROOT / "sample_tiles")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=200,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("translation +2.")
    assert "\nyard " in done.stdout
    assert (tmp_path / "railyard_report" / "report.html").exists()


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{p.relative_to(ROOT / 'docs')}" for p in
                                               sorted((ROOT / "docs").rglob("*.md")))])  # fmt: skip
def test_links_lead_somewhere(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_picture_is_not_heavy():
    assert (ROOT / "docs" / "images" / "railyard.png").stat().st_size < 500_000
