"""The folder of a self-test, and the sentences in it."""

from __future__ import annotations

import csv
import json
import sys

import pytest

from changedet.errors import OutputError
from changedet.model import DetectionCurve, PlantedTarget, SelfTest, TargetType
from changedet.reporting import selftest_sentences, write_selftest

CONTAINER = TargetType("12 m container", "container", 12.192, 2.438, 2.59)
PATCH = TargetType("8 m patch", "other", 8.0, 8.0)


def targets(type: TargetType, contrast: float, seen: int, of: int) -> list[PlantedTarget]:
    return [
        PlantedTarget(type.name, contrast, contrast, 0.3, 4.0, 5.0, 10.0, 60, 1, float(i < seen),
                      i < seen, "appeared", None if i < seen else "not significant")
        for i in range(of)
    ]  # fmt: skip


@pytest.fixture
def make():
    def make(**changed) -> SelfTest:
        planted = (*targets(CONTAINER, 0.1, 20, 50), *targets(CONTAINER, 0.4, 47, 50),
                   *targets(PATCH, 0.1, 40, 40), *targets(PATCH, 0.4, 40, 40))  # fmt: skip
        curve = DetectionCurve(CONTAINER.name, (0.1, 0.2, 0.4), (0.4, 0.7, 0.94), (0.3, 0.6, 0.9),
                               (0.5, 0.8, 0.97), 0.33)  # fmt: skip
        value = {
            "types": (CONTAINER, PATCH), "contrasts": (0.1, 0.4), "unit": "share",
            "length_unit": "m", "targets": planted, "curves": (curve,), "rounds": 5,
            "expected_false_per_km2": 2.0, "found_per_km2": 120.0, "found": 12,
            "observed_km2": 0.1, "rule": "at most 2 false objects per km2",
            "cannot_tell": ("Targets are boxes.",), "manifest": {"changedet": "0"},
            "writer": write_selftest,
        }  # fmt: skip
        return SelfTest(**{**value, **changed})

    return make


def test_the_sentence_that_was_asked_for(make):
    words = selftest_sentences(make())
    assert words[0] == (
        "At this site with these two images a 12 m container that differs from its ground by 40 % "
        "is seen 94 % of the time (47 of 50, 95 % interval 84 % to 98 %)."
    )
    text = " ".join(words)
    assert "an 8 m patch that differs" in text
    assert "A 12 m container is seen nine times out of ten from a contrast of about 33 %" in text
    assert "An 8 m patch is seen nine times out of ten at every contrast tried" in text
    assert "2 false objects per km2 are expected" in text
    assert "12 unexplained objects were found on 0.1 km2 (120 per km2)" in text
    assert "Of 180 targets 33 were missed: 33 not significant." in text
    few = make(targets=(*targets(PATCH, 0.1, 6, 6), *targets(PATCH, 0.4, 6, 6)), types=(PATCH,))
    assert "nine times out of ten" not in " ".join(selftest_sentences(few))
    assert words[-1] == "Targets are boxes."


def test_words_without_metres_and_for_radar(make):
    text = " ".join(selftest_sentences(make(
        unit="dB", contrasts=(0.1, 0.4), expected_false_per_km2=None, found_per_km2=None,
        observed_km2=None,
    )))  # fmt: skip
    assert "that is 0.4 dB brighter than its ground" in text
    assert "Without metres there is no rate of false objects" in text


def test_the_folder(make, tmp_path):
    folder = make().write(tmp_path / "out")
    names = {p.name for p in folder.iterdir()}
    assert names == {"selftest.json", "selftest.txt", "rates.csv", "targets.csv", "selftest.png",
                     "manifest.json"}  # fmt: skip
    value = json.loads((folder / "selftest.json").read_text())
    assert value["rates"][1]["probability"] == 0.94
    assert value["sentences"] == (folder / "selftest.txt").read_text().splitlines()
    with (folder / "rates.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [r["planted"] for r in rows] == ["50", "50", "40", "40"]
    with (folder / "targets.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 180
    assert rows[0]["seen"] == "true"
    assert rows[0]["missed_by"] == ""
    assert (folder / "selftest.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_self_test_gives_the_same_bytes(make, tmp_path):
    one, two = (make().write(tmp_path / name) for name in ("one", "two"))
    for path in sorted(one.iterdir()):
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


def test_without_matplotlib_there_is_no_figure(make, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    folder = make().write(tmp_path / "out")
    assert not (folder / "selftest.png").exists()
    assert (folder / "selftest.json").exists()


def test_an_existing_folder_is_refused(make, tmp_path):
    folder = make().write(tmp_path / "out")
    with pytest.raises(OutputError, match=r"exists\. Give another one, or replace it with --overw"):
        make().write(folder)
    make().write(folder, overwrite=True)
