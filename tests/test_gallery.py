"""What the gallery tells is what its scripts define and print."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
IMAGES = GALLERY.parent / "images"
PAGE = (GALLERY / "tumangang.md").read_text("utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tumangang", GALLERY / "tumangang.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def printed(title: str) -> list[str]:
    """Lines of one block of output on the page."""
    (found,) = re.findall(rf"^== {re.escape(title)}\n(.*?)(?=^\s*$|^```)", PAGE, re.M | re.S)
    return found.splitlines()


def test_the_page_says_first_that_the_images_are_simulated():
    head = PAGE.split("\n## ")[0]
    assert "simulated" in head
    assert "no satellite took them" in head


def test_the_days_follow_the_published_case(script):
    *before, last = script.DAYS
    assert last.date == f"{script.PUBLISHED_DAY:%Y-%m-%d}" == "2023-10-05"
    assert last.wagons == script.PUBLISHED_WAGONS == 73
    assert max(day.wagons for day in before) == script.PUBLISHED_MOST_BEFORE == 20
    assert len(before) >= 8
    dates = [day.date for day in script.DAYS]
    assert dates == sorted(set(dates))
    for published in ("73 freight cars", "20", "175 ore", "14 box", "66 tank"):
        assert published in PAGE


def test_the_table_of_the_page_has_every_day_with_its_true_wagons(script):
    lines = printed("Wagons on all tracks")
    rows = [re.match(r"(\d{4}-\d\d-\d\d) +(\d+) +(\d+) to (\d+) +(\d+)(.*)", x) for x in lines]
    rows = [row for row in rows if row]
    assert [(r[1], int(r[5])) for r in rows] == [(day.date, day.wagons) for day in script.DAYS]
    held = 0
    for row in rows:
        inside = int(row[3]) <= int(row[5]) <= int(row[4])
        held += inside
        assert inside == (row[6] == "")
    off = sum(abs(int(r[2]) - int(r[5])) for r in rows)
    total = sum(day.wagons for day in script.DAYS)
    assert lines[-1] == (
        f"The interval holds the truth on {held} of {len(rows)} dates; "
        f"in all, counts are off by {off} of {total} wagons."
    )


def test_the_pictures_are_there_and_not_heavy():
    shown = re.findall(r"\]\(\.\./images/([\w.]+)\)", PAGE)
    assert len(shown) >= 2
    for name in shown:
        assert (IMAGES / name).stat().st_size < 400_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_script_runs_from_nothing(script, tmp_path):
    text = script.run(script.DAYS[-3:], tmp_path / "out", tmp_path / "pictures")
    assert "insufficient_baseline" in text
    last = re.search(r"2023-10-05 +(\d+) ", text)
    assert int(last[1]) == pytest.approx(73, abs=8)
    assert (tmp_path / "out" / "report" / "report.html").exists()
    assert (tmp_path / "pictures" / "tumangang_pair.png").exists()
