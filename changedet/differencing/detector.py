"""What a detector is, which ones there are, and which one suits a pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from changedet.differencing.sampling import Sample
from changedet.errors import UnknownMethodError
from changedet.model import Domain, ImagePair

IRMAD_MINIMUM_BANDS = 4
VERY_HIGH_RESOLUTION_M = 5.0


class FittedDetector(Protocol):
    """A detector after its estimate: a pure function of a window of the pair."""

    name: str
    halo: int

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
    shadow_away: tuple[tuple[float, float], tuple[float, float]] | None = None
    """(before, after): where the shadow of a thing one metre tall ends, (rows, columns) of the
    grid; None where the sun's position is not known."""


Fit = Callable[[Sample, DetectionContext], FittedDetector]


@dataclass(frozen=True)
class Method:
    """A detector in the registry."""

    fit: Fit
    """Makes the fitted detector from a sample."""
    summary: str
    """One line for people."""


def methods() -> dict[str, Method]:
    """All detectors by name."""
    from changedet.differencing import irmad, logratio, vector

    return {
        "ir-mad": Method(irmad.fit, "iteratively re-weighted multivariate alteration detection"),
        "change-vector": Method(vector.fit, "normalised change vector with local structure"),
        "log-ratio": Method(logratio.fit, "log-ratio of speckle-filtered radar amplitudes"),
    }


def choose_method(context: DetectionContext) -> tuple[str, str]:
    """Pick a detector by domain, resolution and bands.

    Returns
    -------
    name, reason : str
    """
    if context.domain != "optical":
        return "log-ratio", f"the images are radar ({context.domain})"
    bands = len(context.roles)
    if bands < IRMAD_MINIMUM_BANDS:
        return "change-vector", f"{bands} optical band{'s' if bands > 1 else ''}"
    if context.gsd_m is not None and context.gsd_m < VERY_HIGH_RESOLUTION_M:
        return (
            "change-vector",
            f"{context.gsd_m:.2g} m pixels resolve single objects, whose colours lie outside what "
            "a linear map between the dates can be fitted on",
        )
    return "ir-mad", f"{bands} optical bands"


def get_method(name: str) -> Method:
    """Look a detector up.

    Raises
    ------
    UnknownMethodError
        If there is none of this name; lists those there are.
    """
    known = methods()
    if name not in known:
        raise UnknownMethodError(
            f"method={name!r} is not known: choose auto or one of {', '.join(known)}."
        )
    return known[name]
