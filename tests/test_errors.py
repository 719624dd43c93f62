from __future__ import annotations

import builtins
import pickle
import sys

import pytest

from changedet import errors
from changedet.errors import AlignmentRefused, MissingDependencyError, NotComparableError, require
from changedet.model import Alignment, Comparability


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("ImageReadError", OSError), ("VectorReadError", OSError), ("OutputError", OSError),
        ("GridError", ValueError), ("NoOverlapError", ValueError), ("MissingCRSError", ValueError),
        ("BandError", ValueError), ("GeometryError", ValueError), ("ConfigError", ValueError),
        ("NotEnoughValidPixels", ValueError), ("UnknownMethodError", ValueError),
        ("AlignmentRefused", RuntimeError), ("NotComparableError", RuntimeError),
        ("MethodError", RuntimeError), ("MissingDependencyError", ImportError),
    ],
)  # fmt: skip
def test_every_error_is_also_a_builtin(name, builtin):
    kind = getattr(errors, name)
    assert issubclass(kind, builtin)
    assert issubclass(kind, errors.ChangedetError)
    assert str(kind("what, what else, what to do")) == "what, what else, what to do"


def test_kinds_of_grid_errors():
    assert issubclass(errors.NoOverlapError, errors.GridError)
    assert issubclass(errors.MissingCRSError, errors.GridError)


def test_every_warning_can_be_silenced_at_once():
    warnings = {v for n, v in vars(errors).items() if n.endswith("Warning")}
    assert all(issubclass(w, errors.ChangedetWarning) for w in warnings)
    assert issubclass(errors.ChangedetWarning, UserWarning)


def test_no_name_hides_a_builtin():
    assert not set(vars(errors)) & {n for n in dir(builtins) if not n.startswith("__")}


def test_a_refusal_carries_its_estimate():
    estimate = Alignment.identity("no agreement")
    assert AlignmentRefused("No.", estimate).alignment is estimate
    assert AlignmentRefused("No.").alignment is None


def test_not_comparable_carries_its_card():
    card = Comparability("no-go", ("clouds",))
    assert NotComparableError("No.", card).comparability is card
    assert NotComparableError("No.").comparability is None


@pytest.mark.parametrize("name", ["GridError", "OutputError", "AlignmentRefused"])
def test_errors_travel_between_processes(name):
    error = getattr(errors, name)("A message.")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), "A message.")


def test_require_gives_the_package():
    assert require("json", "geo", "read") is sys.modules["json"]


def test_require_says_how_to_install():
    with pytest.raises(MissingDependencyError) as caught:
        require("no_such_package", "geo", "make a GeoDataFrame")
    assert str(caught.value) == (
        "The package 'no_such_package' is needed to make a GeoDataFrame and is not installed. "
        'Install it with: python -m pip install "changedet[geo]"'
    )
