"""The plan of the house, enforced: who may import what, and what library code never does.

errors, progress, config < model < the wings < pipeline < integrations < cli
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent / "changedet"

WINGS = ("loading", "differencing", "activity", "reporting", "simulation", "engines")
LEVELS = {
    "errors": 0, "progress": 0, "config": 0,
    "model": 1,
    **dict.fromkeys(WINGS, 2),
    "pipeline": 3,
    "integrations": 4,
    "cli": 5,
    "__main__": 6,
}  # fmt: skip
CORE = {
    "rasterio", "affine", "numpy", "scipy", "skimage", "shapely", "pyproj", "cv2", "click", "tqdm",
}  # fmt: skip
OPTIONAL = {
    "geopandas", "pyogrio", "pyarrow", "pandas", "matplotlib", "dask", "distributed", "xarray",
    "rioxarray", "pystac_client", "odc", "onnxruntime",
}  # fmt: skip
FENCES = {
    "rasterio": ("loading", "reporting", "differencing/objects/polygonise.py"),
    "click": ("cli",),
    "dask": ("engines",),
    "distributed": ("engines",),
    "xarray": ("integrations",),
    "rioxarray": ("integrations",),
}


class Import(NamedTuple):
    """One imported module."""

    module: str
    line: int
    deferred: bool
    """Inside a function."""


class Finder(ast.NodeVisitor):
    """Collects what a module imports at run time, and what library code must not do."""

    def __init__(self, name: str, is_package: bool) -> None:
        self.package = name if is_package else name.rpartition(".")[0]
        self.imports: list[Import] = []
        self.forbidden: list[str] = []
        self.depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]
    visit_Lambda = visit_FunctionDef  # type: ignore[assignment]

    def visit_If(self, node: ast.If) -> None:
        """Leave out what only type checkers see."""
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self.package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1])
            module = f"{base}.{module}" if module else base
        if module == "changedet":
            for alias in node.names:
                self.add(f"changedet.{alias.name}", node)
        else:
            self.add(module, node)

    def visit_Call(self, node: ast.Call) -> None:
        """Also ``require("name", ...)`` and ``import_module("name")``; and ``print``."""
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in ("require", "import_module", "__import__") and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                self.add(first.value, node)
        if called == "print" and isinstance(node.func, ast.Name):
            self.forbidden.append(f"line {node.lineno}: print()")
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self.forbidden.append(f"line {node.lineno}: assert (gone under python -O, no message)")
        self.generic_visit(node)

    def add(self, module: str, node: ast.stmt | ast.expr) -> None:
        self.imports.append(Import(module, node.lineno, self.depth > 0))


def find(source: str, name: str, is_package: bool = False) -> Finder:
    finder = Finder(name, is_package)
    finder.visit(ast.parse(source))
    return finder


def violations(source: str, path: str) -> Iterator[str]:
    """What a module at a path relative to the package must not import."""
    room = path.split("/")[0].removesuffix(".py")
    name = "changedet." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    for module, line, deferred in find(source, name, path.endswith("__init__.py")).imports:
        where = f"line {line}: imports {module}"
        top, _, rest = module.partition(".")
        if top == "changedet":
            yield from (f"{where}, {why}" for why in inward(room, rest.split(".")[0]))
        elif top in FENCES and not path.startswith(FENCES[top]):
            yield f"{where}, which belongs in {' and '.join(FENCES[top])} only"
        elif top in OPTIONAL and not deferred:
            yield f"{where}, which is optional: import it inside the function that needs it"
        elif top not in sys.stdlib_module_names | CORE | OPTIONAL:
            yield f"{where}, which is not among the dependencies in pyproject.toml"


def inward(room: str, target: str) -> Iterator[str]:
    """Why one room must not import another."""
    if target not in LEVELS:
        yield "the front door, which nothing inside imports"
    elif target != room:
        mine, other = LEVELS[room], LEVELS[target]
        if other > mine:
            yield f"which is above {room}"
        elif mine == other == LEVELS["model"] + 1:
            yield "another wing: they meet in model"


def inner_imports(package: str) -> dict[str, set[str]]:
    """Which parts of a package (modules and sub-packages) take from which, at run time."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / package).rglob("*.py"):
        inside = file.relative_to(ROOT / package)
        part = inside.parts[0].removesuffix(".py")
        whole = f"changedet.{package.replace('/', '.')}."
        name = whole + ".".join(inside.with_suffix("").parts)
        for module, *_ in find(file.read_text(encoding="utf-8"), name).imports:
            taken = module.removeprefix(whole).split(".")[0]
            if part != "__init__" and module.startswith(whole) and taken != part:
                found.setdefault(part, set()).add(taken)
    return found


def circle(of: dict[str, set[str]]) -> list[str]:
    """Those that are left when whatever takes from nothing that is left has been taken away."""
    left = dict(of)
    while free := [part for part in left if not left[part] & set(left)]:
        for part in free:
            del left[part]
    return sorted(left)


PACKAGES = sorted(
    p.parent.relative_to(ROOT).as_posix() for p in ROOT.rglob("__init__.py") if p.parent != ROOT
)
MODULES = sorted(str(p.relative_to(ROOT).as_posix()) for p in ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", [p for p in MODULES if p != "__init__.py"])
def test_imports(path):
    source = (ROOT / path).read_text(encoding="utf-8")
    assert list(violations(source, path)) == []


@pytest.mark.parametrize("path", MODULES)
def test_no_print_and_no_assert(path):
    name = "changedet." + path
    found = find((ROOT / path).read_text(encoding="utf-8"), name).forbidden
    if path.startswith("cli/"):
        found = [f for f in found if "print()" not in f]
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circles_among_the_parts_of_a_package(package):
    assert circle(inner_imports(package)) == []


def test_circles_are_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["a", "b", "c"]
    assert "null" in inner_imports("differencing")["objects"]


def test_every_room_has_a_level():
    rooms = {p.split("/")[0].removesuffix(".py") for p in MODULES} - {"__init__"}
    assert rooms <= set(LEVELS)


@pytest.mark.parametrize(
    ("path", "source", "why"),
    [
        ("model/x.py", "from changedet.loading import y", "which is above model"),
        ("errors.py", "import changedet.model.grid", "which is above errors"),
        ("loading/x.py", "def f():\n    from changedet.reporting import y", "another wing"),
        ("loading/x.py", "from ..activity import y", "changedet.activity, another wing"),
        ("pipeline.py", "from changedet import cli", "which is above pipeline"),
        ("cli/x.py", "from changedet import detect", "the front door"),
        ("cli/x.py", "import changedet", "the front door"),
        ("differencing/x.py", "import rasterio.features", "belongs in loading and reporting"),
        ("pipeline.py", "import click", "belongs in cli only"),
        ("loading/x.py", "def f():\n    import xarray", "belongs in integrations only"),
        ("pipeline.py", "def f():\n    require('dask.array', 'dask', '')", "in engines only"),
        ("reporting/x.py", "import geopandas", "inside the function that needs it"),
        ("reporting/x.py", "import requests", "not among the dependencies"),
    ],
)
def test_the_rules_see_what_breaks_them(path, source, why):
    (found,) = violations(source, path)
    assert why in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("errors.py", "if TYPE_CHECKING:\n    from changedet.model import Grid"),
        ("config.py", "from changedet.errors import ConfigError"),
        ("loading/x.py", "import rasterio, numpy\nfrom changedet.loading.y import z"),
        ("loading/x.py", "from .y import z"),
        ("differencing/objects/polygonise.py", "from rasterio import features"),
        ("reporting/x.py", "def f():\n    import geopandas"),
        ("cli/x.py", "from changedet import pipeline\nimport click"),
        ("__main__.py", "from changedet.cli import main"),
    ],
)
def test_the_rules_let_pass_what_is_right(path, source):
    assert list(violations(source, path)) == []


def test_print_and_assert_are_seen():
    found = find("def f(x):\n    assert x\n    print(x)\n    log.print(x)", "changedet.x").forbidden
    assert [f.split()[2] for f in found] == ["assert", "print()"]
