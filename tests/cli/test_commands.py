"""inspect, simulate, verify, and what the group itself does."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest


class Inspection:
    grade = "go"

    def describe(self):
        return {"comparability": {"grade": self.grade, "reasons": []}}

    def __str__(self):
        return "The card."


@pytest.fixture
def inspection(pipeline):
    found = Inspection()

    def inspect(before, after, **kwargs):
        pipeline.given = kwargs
        return found

    pipeline.inspect = inspect
    return found


def test_inspect_prints_a_card(run, inspection, pipeline):
    done = run("inspect", "b", "a", "--domain", "optical", "--mask-after", "m.geojson")
    assert (done.exit_code, done.output) == (0, "The card.\n")
    assert pipeline.given == {
        "config": None, "progress": None, "aoi": None, "mask_before": None,
        "mask_after": "m.geojson", "domain": "optical",
    }  # fmt: skip


def test_inspect_as_json(run, inspection):
    assert json.loads(run("inspect", "b", "a", "--json").stdout) == inspection.describe()


def test_inspect_as_a_json_line(run, inspection):
    event = json.loads(run("inspect", "b", "a", "--json-progress").stdout)
    assert event == {"event": "done", "inspection": inspection.describe()}


def test_inspect_of_a_pair_that_cannot_be_compared(run, inspection):
    inspection.grade = "no-go"
    done = run("inspect", "b", "a")
    assert (done.exit_code, done.stdout, done.stderr) == (4, "The card.\n", "")


def test_simulate(run, pipeline, tmp_path):
    calls = []
    pipeline.simulate = lambda *args, **kwargs: calls.append((args, kwargs))
    out = tmp_path / "scene"
    done = run("simulate", "--kind", "railyard", "--seed", "3", "--out", out)
    assert (done.exit_code, done.output) == (0, f"Scene railyard, seed 3: {out}\n")
    assert calls == [(("railyard",), {"seed": 3, "out": out, "overwrite": False})]


def verification(**fields):
    full = {"ok": True, "problems": (), "checked": ("a", "b"), "notes": (), **fields}
    return SimpleNamespace(**full)


def test_verify(run, pipeline):
    found = verification(notes=("The input x is not there.",))
    pipeline.verify = lambda folder, *, rerun, progress: found
    done = run("verify", "out")
    assert done.exit_code == 0
    assert done.stdout == (
        "Note: The input x is not there.\n2 files checked: all as the manifest says.\n"
    )
    event = json.loads(run("verify", "out", "--rerun", "--json-progress").stdout)
    assert event == {
        "event": "done", "out": "out", "ok": True, "checked": ["a", "b"],
        "notes": ["The input x is not there."], "rerun": True,
    }  # fmt: skip


def test_verify_that_fails(run, pipeline):
    found = verification(ok=False, problems=("a is missing.", "b was changed."))
    pipeline.verify = lambda folder, **kwargs: found
    done = run("verify", "out")
    assert done.exit_code == 3
    assert done.stderr == "Error: out is not as it was written. a is missing. b was changed.\n"


def test_version(run):
    assert run("--version").output == f"changedet, version {version('changedet')}\n"


def test_help_names_the_exit_status(run):
    shown = " ".join(run("--help").output.split())
    assert "0 done (finding no change is success), 2 bad usage, 3 input refused, 4 the" in shown


@pytest.mark.parametrize("command", ["detect", "inspect", "simulate", "verify"])
def test_every_command_and_option_explains_itself(command):
    from changedet.cli import cli

    found = cli.commands[command]
    assert found.help
    assert all(p.help for p in found.params if p.param_type_name == "option")


def test_help_is_quick_to_come():
    code = (
        "import sys; from changedet.cli import cli\n"
        "heavy = ('numpy', 'rasterio', 'cv2', 'shapely', 'pyproj', 'tqdm')\n"
        "try: cli(['detect', '--help'])\n"
        "finally: print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "changedet", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("changedet, version ")
