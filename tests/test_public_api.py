"""The front door: light, lazy, and the same for people and for type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import changedet as cd

ROOT = Path(cd.__file__).parent
HEAVY = (
    "cv2", "skimage", "geopandas", "pandas", "pyogrio", "rasterio", "matplotlib", "scipy", "numpy",
    "shapely", "pyproj", "tqdm", "click", "dask", "xarray",
)  # fmt: skip


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_it_loads_nothing_heavy():
    code = f"import sys, changedet; print([m for m in {HEAVY} if m in sys.modules])"
    assert python(code) == "[]"


def test_nouns_do_not_load_the_pipeline():
    code = (
        "import sys, changedet as cd; cd.Grid, cd.Config, cd.GridError; "
        "heavy = ('changedet.pipeline', 'cv2', 'rasterio', 'skimage'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    assert python(code) == "[]"


@pytest.mark.parametrize(
    "before",
    ["", "import changedet.activity", "from changedet.activity import zone_activity",
     "from changedet.activity.zones.areas import zone_mask", "import changedet.pipeline",
     "cd.detect"],
)  # fmt: skip
def test_the_function_wins_over_the_room_of_the_same_name(before):
    code = (
        f"import changedet as cd; {before}\n"
        "import types, changedet.pipeline\n"
        "from changedet import activity\n"
        "assert activity is cd.activity is changedet.pipeline.activity\n"
        "assert isinstance(activity, types.FunctionType), activity\n"
        "import changedet.activity\n"
        "from changedet.activity import zone_activity\n"
        "import changedet.activity.zones.rows\n"
        "assert cd.activity is activity\n"
        "print(zone_activity.__module__)"
    )
    assert python(code) == "changedet.activity.zones.rows"


@pytest.mark.parametrize("name", [n for n in cd.__all__ if n != "__version__"])
def test_every_public_name_is_there(name):
    value = getattr(cd, name)
    assert getattr(value, "__name__", name) == name
    assert value.__doc__


def test_the_stub_for_type_checkers_says_the_same():
    tree = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    stub = {
        alias.asname: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert stub == cd._HOME


def test_every_error_and_warning_is_public():
    from changedet import errors

    classes = {n for n, v in vars(errors).items() if isinstance(v, type)}
    assert classes <= set(cd.__all__)


def test_the_version_is_that_of_the_installed_package():
    from importlib.metadata import version

    assert cd.__version__ == version("changedet")


def test_completion_offers_every_public_name():
    assert set(cd.__all__) <= set(dir(cd))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'changedet' has no attribute 'detekt'"):
        cd.detekt  # noqa: B018


def test_names_can_be_replaced_for_a_test(monkeypatch):
    monkeypatch.setattr(cd, "activity", len)
    assert cd.activity is len
