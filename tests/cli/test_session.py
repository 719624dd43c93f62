"""Exit status, errors, warnings and progress, the same for every command."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings

import pytest

from changedet import errors
from changedet.cli.session import exit_status
from changedet.errors import CoverageWarning
from changedet.progress import ProgressEvent

STATUS = {
    "AlignmentRefused": 3,
    "MethodError": 3,
    "BandError": 3,
    "ChangedetError": 3,
    "ConfigError": 2,
    "GeometryError": 3,
    "GridError": 3,
    "ImageReadError": 3,
    "MissingCRSError": 3,
    "MissingDependencyError": 3,
    "NoOverlapError": 3,
    "NotComparableError": 4,
    "NotEnoughValidPixels": 3,
    "OutputError": 3,
    "UnknownMethodError": 2,
    "VectorReadError": 3,
}


def raising(error):
    def verb(*args, **kwargs):
        raise error

    return verb


@pytest.fixture
def detect(run, pipeline, tmp_path):
    """Run detect with a pipeline that does what the test says."""

    def detect(verb, *options):
        pipeline.detect = verb
        return run("detect", "b", "a", "--out", tmp_path / "out", *options)

    return detect


def test_every_error_has_a_status():
    classes = {
        n for n, v in vars(errors).items()
        if isinstance(v, type) and issubclass(v, errors.ChangedetError)
    }  # fmt: skip
    assert classes == set(STATUS)


@pytest.mark.parametrize("name", sorted(STATUS))
def test_an_error_is_one_line_and_a_status(detect, name):
    done = detect(raising(getattr(errors, name)("What was given,\n  what to do.")))
    assert done.exit_code == STATUS[name]
    assert done.stderr == "Error: What was given, what to do.\n"
    assert done.stdout == ""


def test_errors_as_json_lines(detect):
    done = detect(raising(errors.NoOverlapError("No ground in common.")), "--json-progress")
    assert json.loads(done.stdout) == {
        "event": "error", "type": "NoOverlapError", "message": "No ground in common.", "exit": 3,
    }  # fmt: skip
    assert done.stderr == "Error: No ground in common.\n"


def test_bad_usage_as_json_lines(run):
    done = run("detect", "b", "a", "--json-progress")
    event = json.loads(done.stdout)
    assert (event["event"], event["exit"]) == ("error", 2)
    assert "--out" in event["message"]
    assert done.exit_code == 2


def test_debug_shows_where(detect):
    done = detect(raising(errors.GridError("No.")), "--debug")
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert "in verb" in done.stderr
    assert done.stderr.endswith("\nError: No.\n")
    assert done.exit_code == 3


def test_what_was_not_foreseen_is_one_line_too(detect):
    done = detect(raising(ZeroDivisionError("division by zero")))
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: ZeroDivisionError: division by zero (this was not foreseen: please report it, "
        "with what --debug shows)\n"
    )


def test_interrupted(detect):
    done = detect(raising(KeyboardInterrupt()), "--json-progress")
    assert (done.exit_code, exit_status(KeyboardInterrupt())) == (130, 130)
    assert done.stderr == "Error: interrupted; nothing was written.\n"
    assert json.loads(done.stdout)["exit"] == 130


def warn_thrice(make_report):
    def verb(*args, **kwargs):
        for text in ("Zone 'a' is\noutside.", "Zone 'a' is outside.", "Zone 'b' is outside."):
            warnings.warn(text, CoverageWarning, stacklevel=1)
        return make_report()

    return verb


def test_warnings_are_one_line_each_and_once(detect, make_report):
    done = detect(warn_thrice(make_report), "--quiet")
    assert done.exit_code == 0
    assert done.stderr == "Warning: Zone 'a' is outside.\nWarning: Zone 'b' is outside.\n"


def test_warnings_as_json_lines(detect, make_report):
    done = detect(warn_thrice(make_report), "--json-progress")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["event"] for e in events] == ["warning", "warning", "done"]
    assert events[0] == {
        "event": "warning", "type": "CoverageWarning", "message": "Zone 'a' is outside.",
    }  # fmt: skip


@pytest.mark.filterwarnings("default")
def test_warnings_of_others_are_for_debugging(detect, make_report):
    def verb(*args, **kwargs):
        warnings.warn("mean of empty slice", RuntimeWarning, stacklevel=1)
        return make_report()

    assert detect(verb).stderr == ""
    shown = detect(verb, "--debug", "--overwrite").stderr
    assert shown.startswith("Warning: RuntimeWarning: mean of empty slice (")


def test_filters_are_as_before_afterwards(detect, make_report):
    before = (warnings.showwarning, list(warnings.filters))
    detect(warn_thrice(make_report))
    assert (warnings.showwarning, list(warnings.filters)) == before


class TestBars:
    @pytest.fixture
    def on_a_terminal(self, monkeypatch):
        from changedet.cli import session

        class Terminal:
            stderr = type("Stderr", (), {"isatty": staticmethod(lambda: True)})()

        monkeypatch.setattr(session, "sys", Terminal)

    def seen(self, detect, make_report, *options):
        given = []

        def verb(*args, progress, **kwargs):
            given.append(progress)
            if progress is not None:
                progress(ProgressEvent("score", 1, 2))
            return make_report()

        assert detect(verb, *options).exit_code == 0
        return type(given[0]).__name__

    def test_not_in_a_file(self, detect, make_report):
        assert self.seen(detect, make_report) == "NoneType"

    @pytest.mark.usefixtures("on_a_terminal")
    def test_on_a_terminal(self, detect, make_report):
        assert self.seen(detect, make_report) == "TqdmProgress"

    @pytest.mark.usefixtures("on_a_terminal")
    def test_not_when_quiet(self, detect, make_report):
        assert self.seen(detect, make_report, "--quiet") == "NoneType"

    @pytest.mark.usefixtures("on_a_terminal")
    def test_not_with_json(self, detect, make_report):
        assert self.seen(detect, make_report, "--json-progress") == "function"


SCRIPT = """
import sys, time, types
module = sys.modules["changedet.pipeline"] = types.ModuleType("changedet.pipeline")
import changedet; changedet.pipeline = module
def verify(folder, *, rerun, progress):
    from changedet.progress import ProgressEvent
    for n in range(100000):
        progress(ProgressEvent("x", n, 100000))
        if {slow}: time.sleep(0.01)
module.verify = verify
from changedet.cli import main
sys.argv = ["changedet", "verify", "out", "--json-progress"]
try:
    main()
finally:
    print("cleaned up", file=sys.stderr, flush=True)
"""


def test_a_reader_who_hangs_up_is_no_error():
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(slow=False)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline().startswith('{"event": "progress"')
    child.stdout.close()
    assert child.stderr.read() == "cleaned up\n"
    child.stderr.close()
    assert child.wait(30) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_signals_clean_up(name, status):
    import signal

    if signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        pytest.skip(
            f"{name} is ignored here, as in a job of the background: its children inherit that"
        )
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(slow=True)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout.readline()
    time.sleep(0.05)
    child.send_signal(getattr(signal, name))
    _, shown = child.communicate(timeout=30)
    assert child.returncode == status
    assert shown.endswith("cleaned up\n")
    assert "Traceback" not in shown
