"""What a detector is, and what it may know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from changedet.differencing.sampling import Sample
from changedet.model import Domain, ImagePair

VERY_HIGH_RESOLUTION_M = 5.0
"""Finer pixels resolve single objects."""


def is_fine(gsd_m: float | None) -> bool:
    """Whether pixels of this size resolve single objects."""
    return gsd_m is not None and gsd_m < VERY_HIGH_RESOLUTION_M


class FittedDetector(Protocol):
    """A detector after its estimate: a pure function of a window of the pair."""

    @property
    def name(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`statistic` needs."""
        ...

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Evidence of change, (y, x) float32, larger = more, NaN where not observable.

        On a scale on which noise is about equally wide everywhere. Only pixels at least ``halo``
        away from the window's edge may be used.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated, as plain JSON values."""
        ...


@dataclass(frozen=True)
class DetectionContext:
    """What a detector may know besides pixels."""

    roles: tuple[str, ...]
    """Role of each band."""
    domain: Domain
    """What pixel values are."""
    gsd_m: float | None
    """Ground sample distance of the common grid, metres; None without georeferencing."""
    seed: int = 0
    """Seed of random choices."""
    shadow_away: tuple[tuple[float, float] | None, tuple[float, float] | None] | None = None
    """(before, after): where the shadow of a thing one metre tall ends, (rows, columns) of the
    grid, and None for a date whose sun is to be estimated; None alone: shadows are not looked
    for."""
    sun_source: str | None = None
    """How the suns' positions are known: ``given``, ``metadata`` or both."""
    lean_away: tuple[tuple[float, float], tuple[float, float]] | None = None
    """(before, after): where the top of a thing one metre tall is seen, (rows, columns) of the grid
    from its foot; None where the views are not known."""


Fit = Callable[[Sample, DetectionContext], FittedDetector]


@dataclass(frozen=True)
class Method:
    """A detector that is estimated on a sample before it is applied.

    One in the registry, or one's own: ``detect(..., method=Method(fit))``. A score that needs no
    estimate is simpler given as a plain function, see ``docs/methods/methods.md``.
    """

    fit: Fit
    """``(sample, context) -> FittedDetector``: see :class:`changedet.differencing.Sample`,
    :class:`changedet.differencing.DetectionContext`,
    :class:`changedet.differencing.FittedDetector`."""
    summary: str = ""
    """One line for people."""
