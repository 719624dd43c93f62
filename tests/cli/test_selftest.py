"""``changedet selftest``: options reach the pipeline, words reach people."""

from __future__ import annotations

import json

import pytest

from changedet.model import PlantedTarget, SelfTest, TargetType
from changedet.reporting import write_selftest

BOX = TargetType("12 m container", "container", 12.192, 2.438, 2.59)


@pytest.fixture
def asked(pipeline):
    """What the pipeline was asked."""
    calls = []

    def selftest(before, after, **given):
        calls.append((before, after, given))
        target = PlantedTarget(BOX.name, 0.4, 0.4, 0.1, 3.0, 4.0, 5.0, 60, 1, 1.0, True,
                               "appeared", None)  # fmt: skip
        return SelfTest((BOX,), (0.4,), "share", "m", (target,), (), 1, 2.0, 0.0, 0, 0.1, "rule",
                        writer=write_selftest)  # fmt: skip

    pipeline.selftest = selftest
    return calls


def test_options_reach_the_pipeline(run, asked, tmp_path):
    done = run("selftest", "a.tif", "b.tif", "--out", tmp_path / "out", "--targets", 7,
               "--contrasts", "0.1,0.3", "--blur", 0.8, "--zones", "z.geojson", "--seed", 4,
               "--false-alarms", 5, "--sun-after", "150,40")  # fmt: skip
    assert done.exit_code == 0, done.output
    ((before, after, given),) = asked
    assert (before, after) == ("a.tif", "b.tif")
    assert (given["per_cell"], given["contrasts"], given["blur_px"]) == (7, (0.1, 0.3), 0.8)
    assert (given["zones"], given["seed"], given["sun_after"]) == ("z.geojson", 4, (150.0, 40.0))
    assert given["false_alarms_per_km2"] == 5
    assert "a 12 m container that differs from its ground by 40 % is seen 100 %" in done.stdout
    assert (tmp_path / "out" / "selftest.json").exists()


def test_defaults_are_those_of_the_pipeline(run, asked, tmp_path):
    run("selftest", "a.tif", "b.tif", "--out", tmp_path / "out")
    ((_, _, given),) = asked
    assert "per_cell" not in given
    assert given["contrasts"] is None
    assert "seed" not in given


def test_json_lines(run, asked, tmp_path):
    done = run("selftest", "a.tif", "b.tif", "--out", tmp_path / "out", "--json-progress")
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["planted"], last["seen"]) == ("done", 1, 1)


@pytest.mark.parametrize("value", ["dark", "0.1,,0.2", "0.1;0.2"])
def test_contrasts_that_are_no_numbers(run, asked, tmp_path, value):
    done = run("selftest", "a.tif", "b.tif", "--out", tmp_path / "out", "--contrasts", value)
    assert done.exit_code == 2
    assert repr(value) in done.stderr
    assert not asked


def test_an_existing_folder_is_refused_before_any_work(run, asked, tmp_path):
    done = run("selftest", "a.tif", "b.tif", "--out", tmp_path)
    assert done.exit_code == 3
    assert not asked
