"""Every error and warning of the package.

Each error is also a builtin (``ValueError``, ``OSError`` ...), so that ``except`` clauses written
for the builtin keep working. Every message says what was given, what is allowed and what to do.
"""

from __future__ import annotations


class ChangedetError(Exception):
    """Root of every error raised on purpose by changedet."""


class ImageReadError(ChangedetError, OSError):
    """An image cannot be opened, or its pixels cannot be read."""


class VectorReadError(ChangedetError, OSError):
    """A vector file (zones, tracks, roads, area of interest) cannot be read."""


class GridError(ChangedetError, ValueError):
    """Two grids do not fit together, or a grid makes no sense."""


class NoOverlapError(GridError):
    """The two images do not cover any common ground."""


class MissingCRSError(GridError):
    """A coordinate reference system is needed and is not there."""


class BandError(ChangedetError, ValueError):
    """The bands of the two images cannot be matched."""


class GeometryError(ChangedetError, ValueError):
    """A zone, track or mask geometry cannot be used."""


class AlignmentRefused(ChangedetError, RuntimeError):
    """The images could not be aligned with confidence.

    Attributes
    ----------
    alignment : Alignment or None
        The estimate that was refused, with its reasons.
    """

    def __init__(self, message: str, alignment: object = None) -> None:
        super().__init__(message)
        self.alignment = alignment


class NotComparableError(ChangedetError, RuntimeError):
    """The two images cannot be compared; says why.

    Attributes
    ----------
    comparability : Comparability or None
        The grade and its reasons.
    """

    def __init__(self, message: str, comparability: object = None) -> None:
        super().__init__(message)
        self.comparability = comparability


class NotEnoughValidPixels(ChangedetError, ValueError):
    """Too few pixels are valid in both images."""


class UnknownMethodError(ChangedetError, ValueError):
    """A name is not in a registry; the message lists what is."""


class MethodError(ChangedetError, RuntimeError):
    """A detector that the user brought does not do what a detector must."""


class ConfigError(ChangedetError, ValueError):
    """A setting is out of range, or does not exist."""


class MissingDependencyError(ChangedetError, ImportError):
    """An optional package is needed; the message holds the pip line."""


class OutputError(ChangedetError, OSError):
    """An output cannot be written. Nothing half-written is left behind."""


class ChangedetWarning(UserWarning):
    """Root of every warning of changedet."""


class NoGeoreferencingWarning(ChangedetWarning):
    """Both images lack georeferencing: the work is done in pixels."""


class GeometryRepairedWarning(ChangedetWarning):
    """An invalid geometry was repaired before use."""


class CoverageWarning(ChangedetWarning):
    """Something lies partly or wholly outside the observed area."""


class CalibrationWarning(ChangedetWarning):
    """The null distribution rests on weak ground."""


class MetadataWarning(ChangedetWarning):
    """Metadata is missing or contradicts itself; says what was assumed."""


class HistoryWarning(ChangedetWarning):
    """A date of a history is missing, there twice, out of order or unlike the others."""


def require(name: str, extra: str, purpose: str) -> object:
    """Import an optional package, or say how to install it.

    Parameters
    ----------
    name : str
        Import name of the package.
    extra : str
        The extra of changedet that holds it.
    purpose : str
        What it is needed for, as the end of "needed to ...".

    Returns
    -------
    module

    Raises
    ------
    MissingDependencyError
        If the package is not installed.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDependencyError(
            f"The package {name!r} is needed to {purpose} and is not installed. "
            f'Install it with: python -m pip install "changedet[{extra}]"'
        ) from error
