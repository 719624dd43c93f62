"""A function of the user's own as a detector.

One signature: ``(before, after, valid) -> score`` with (band, y, x) float32 arrays, a (y, x) bool
array, and a (y, x) array of real numbers as the answer, larger = more change, NaN where it cannot
tell. Optional attributes of the function: ``halo``, the pixels of neighbourhood it uses (default
0), and ``name``. It is called from several threads at a time, and must be a pure function of its
arguments. What wants to see the whole sample first is a :class:`changedet.Method` instead.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from changedet.config import method_name
from changedet.differencing.detector import DetectionContext, Method
from changedet.differencing.detectors.patches import (
    TOLERANCE,
    PatchDetector,
    Score,
    fit_scale,
    largest_difference,
    typical_values,
)
from changedet.differencing.sampling import Sample
from changedet.errors import ChangedetError, MethodError, UnknownMethodError

CELL = 256
"""Rows and columns of the patches in which a function is called, beside its halo."""
MAXIMUM_HALO = 512
"""A function that looks further sees the whole image, and is no function of a neighbourhood."""
OTHER_MARGIN = 17
"""Pixels by which the second margin of the check is wider: odd, against grids within a function."""


def load(text: str) -> Any:
    """Load what ``package.module:name`` or ``path/to/file.py:name`` stands for.

    Raises
    ------
    UnknownMethodError
        If the module, the file or the name in it is not there.
    MethodError
        If the code fails while it is imported.
    """
    where, _, name = text.rpartition(":")
    try:
        module = _load_file(where) if where.endswith(".py") else importlib.import_module(where)
    except ChangedetError:
        raise
    except ModuleNotFoundError as error:
        if not where.startswith(error.name or " "):
            raise MethodError(f"method={text!r} cannot be imported: {error}.") from error
        raise UnknownMethodError(
            f"method={text!r}: there is no module {where!r} that Python can import. Give "
            "package.module:function of an installed package, or path/to/file.py:function."
        ) from error
    except Exception as error:
        raise MethodError(
            f"method={text!r} cannot be imported: {type(error).__name__}: {error}."
        ) from error
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise UnknownMethodError(f"method={text!r}: {where} holds no {name!r}.")
        found = getattr(found, part)
    return found


def _load_file(where: str) -> Any:
    path = Path(where).expanduser()
    if not path.is_file():
        raise UnknownMethodError(f"method: there is no file {where!r} to take a function from.")
    # named after its place and contents: it is run once, and again after it was edited
    digest = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()[:12]
    name = f"{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UnknownMethodError(f"method: {where!r} is no file of Python code.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def describe_source(target: Any) -> dict[str, Any]:
    """Where a function's code stands: qualified name, file, and the file's hash (None: no file)."""
    inner = getattr(target, "fit", target)
    inner = inspect.unwrap(inner) if callable(inner) else inner
    if not (inspect.isroutine(inner) or isinstance(inner, type)):
        inner = getattr(inner, "func", type(inner))
    try:
        file = inspect.getsourcefile(inner)
    except TypeError:
        file = None
    path = None if file is None else Path(file)
    known = path is not None and path.is_file()
    return {
        "function": method_name(target),
        "file": str(path) if known else None,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path and known else None,
    }


def method(function: Callable[..., Any]) -> Method:
    """Make a detector of a function.

    Parameters
    ----------
    function : callable
        ``(before, after, valid) -> score``, see the head of this module.

    Returns
    -------
    Method

    Raises
    ------
    MethodError
        If its ``halo`` or ``name`` cannot be used.
    """
    qualified = method_name(function)
    name, halo = getattr(function, "name", qualified), getattr(function, "halo", 0)
    if not isinstance(name, str) or not name.strip():
        raise MethodError(f"The method {qualified} has name={name!r}: give a text.")
    if isinstance(halo, bool) or not isinstance(halo, (int, np.integer)) or not (
        0 <= halo <= MAXIMUM_HALO
    ):  # fmt: skip
        raise MethodError(
            f"The method {qualified} has halo={halo!r}: give a whole number of pixels, 0 to "
            f"{MAXIMUM_HALO}."
        )

    def fit(sample: Sample, context: DetectionContext) -> PatchDetector:
        raw = PatchDetector(
            name, _guarded(function, qualified), sample.reader.grid, (CELL, CELL), int(halo),
            typical_values(sample), describe_source(function),
        )  # fmt: skip
        fitted = fit_scale(raw, sample)
        _check_halo(fitted, sample)
        return fitted

    return Method(fit, f"the function {qualified}")


def _guarded(function: Callable[..., Any], name: str) -> Score:
    """Call the function, and name it in whatever goes wrong in it."""

    def score(before: np.ndarray, after: np.ndarray, valid: np.ndarray) -> np.ndarray:
        shown = f"before and after {before.shape} float32, valid {valid.shape} bool"
        try:
            result: np.ndarray = function(before, after, valid)
        except ChangedetError:
            raise
        except Exception as error:
            raise MethodError(
                f"The method {name} failed with {type(error).__name__}: {error} (it was given "
                f"{shown})."
            ) from error
        return result

    return score


def _check_halo(fitted: PatchDetector, sample: Sample) -> None:
    """Refuse a function whose score depends on more than the halo it declares."""
    margins = [(fitted.margin + extra,) * 2 for extra in (0, OTHER_MARGIN)]
    apart = largest_difference(fitted, sample, margins[0], margins[1])
    if apart > TOLERANCE:
        raise MethodError(
            f"The method {fitted.name} gives other scores to the same pixels when {OTHER_MARGIN} "
            f"more pixels around them are shown (by up to {apart:.2g} deviations): set its "
            f"attribute halo (now {fitted.margin}) to the pixels of neighbourhood it uses, and "
            "take no statistics over the whole array: what needs them is a changedet.Method, which "
            "sees a sample of the pair first."
        )
