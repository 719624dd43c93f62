"""Satellite before/after change detection: align, score, and report what changed.

The front door. Everything public can be reached from here, and is loaded when it is first asked
for: ``import changedet`` itself stays light. Nothing inside the package imports it.
"""

import logging
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_WHERE = {
    "changedet.pipeline": (
        "activity", "align", "align_stack", "detect", "inspect", "link", "monitor", "objects",
        "score", "selftest", "simulate", "verify",
    ),
    "changedet.activity": ("HistoryRules",),
    "changedet.config": ("Config",),
    "changedet.differencing": ("Method",),
    "changedet.progress": ("ProgressEvent", "TqdmProgress"),
    "changedet.model": (
        "Alignment", "ChangeReport", "ChangeTable", "Comparability", "Grid", "Image", "ImageInfo",
        "ImagePair", "LaggedCorrelation", "Lattice", "MonitorReport", "PairReader", "Places",
        "RasterWindows", "SelfTest", "SiteHistory", "TargetType", "Window", "ZoneActivity",
    ),
    "changedet.errors": (
        "AlignmentRefused", "BandError", "CalibrationWarning", "ChangedetError",
        "ChangedetWarning", "ConfigError", "CoverageWarning", "GeometryError",
        "GeometryRepairedWarning", "GridError", "HistoryWarning", "ImageReadError",
        "MetadataWarning", "MethodError", "MissingCRSError", "MissingDependencyError",
        "NoGeoreferencingWarning",
        "NoOverlapError", "NotComparableError", "NotEnoughValidPixels", "OutputError",
        "UnknownMethodError", "VectorReadError",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _WHERE.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("changedet")
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names for completion: the public ones, loaded or not."""
    return sorted({*globals(), *__all__})


class _FrontDoor(ModuleType):
    """A package whose public names win over its sub-packages of the same name.

    ``changedet.activity`` is both a public function and a room of the package. When a room is
    imported, from anywhere, the import system sets it as an attribute of its parent, and so
    ``cd.activity`` would be a function or a module depending on what ran before. Here that one
    assignment is left out for names that are public; the room stays in ``sys.modules``, and
    ``from changedet.activity import ...`` finds it there.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor
