"""Which detectors there are, and which one suits a pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from changedet.differencing import irmad, logratio, vector
from changedet.differencing.detector import (
    VERY_HIGH_RESOLUTION_M,
    DetectionContext,
    FittedDetector,
)
from changedet.differencing.sampling import Sample
from changedet.errors import UnknownMethodError

IRMAD_MINIMUM_BANDS = 4
"""Fewer optical bands leave the canonical variates too little to correlate."""

Fit = Callable[[Sample, DetectionContext], FittedDetector]


@dataclass(frozen=True)
class Method:
    """A detector in the registry."""

    fit: Fit
    """Makes the fitted detector from a sample."""
    summary: str
    """One line for people."""


METHODS: dict[str, Method] = {
    "ir-mad": Method(irmad.fit, "iteratively re-weighted multivariate alteration detection"),
    "change-vector": Method(vector.fit, "change vector over the noise expected at each place"),
    "log-ratio": Method(logratio.fit, "log-ratio of speckle-filtered radar amplitudes"),
}
"""All detectors by name."""


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
    if name not in METHODS:
        raise UnknownMethodError(
            f"method={name!r} is not known: choose auto or one of {', '.join(METHODS)}."
        )
    return METHODS[name]
