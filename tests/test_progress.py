from __future__ import annotations

import pytest

from changedet.errors import ConfigError
from changedet.progress import ProgressEvent, TqdmProgress, as_progress, close_progress


@pytest.mark.parametrize(
    ("done", "total", "fraction"), [(0, 4, 0), (1, 4, 0.25), (9, 4, 1), (0, 0, 1)]
)
def test_fraction(done, total, fraction):
    assert ProgressEvent("score", done, total).fraction == fraction


@pytest.mark.parametrize("progress", [None, False])
def test_silent(progress, capsys):
    as_progress(progress)(ProgressEvent("score", 1, 4))
    assert capsys.readouterr() == ("", "")


def test_a_function_is_taken_as_it_is():
    events = []
    as_progress(events.append)(ProgressEvent("score", 1, 4))
    assert events == [ProgressEvent("score", 1, 4)]


@pytest.mark.parametrize("progress", [3, "yes", 1])
def test_what_cannot_be_used(progress):
    with pytest.raises(ConfigError, match="is not usable: pass True, False, None or a function"):
        as_progress(progress)


def test_bars_go_to_stderr_one_a_stage(capsys):
    progress = as_progress(True)
    assert isinstance(progress, TqdmProgress)
    for stage in ("align", "score"):
        for done in (1, 2):
            progress(ProgressEvent(stage, done, 2, "tile"))
    close_progress(progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert "align" in err
    assert "score" in err


def test_closing_twice_or_what_cannot_be_closed_does_no_harm():
    progress = TqdmProgress()
    close_progress(progress)
    close_progress(progress)
    close_progress(print)
