"""Which detectors there are, and which one suits a pair."""

from __future__ import annotations

from typing import Any

from changedet.differencing.detector import VERY_HIGH_RESOLUTION_M, DetectionContext, Method
from changedet.differencing.detectors import (
    chronochrome,
    custom,
    irmad,
    likelihood_ratio,
    logratio,
    onnx,
    slowfeatures,
    vector_fit,
)
from changedet.errors import UnknownMethodError

IRMAD_MINIMUM_BANDS = 4
"""Fewer optical bands leave the canonical variates too little to correlate."""

METHODS: dict[str, Method] = {
    "ir-mad": Method(irmad.fit, "iteratively re-weighted multivariate alteration detection"),
    "slow-features": Method(slowfeatures.fit, "slow features of each band's difference"),
    "chronochrome": Method(
        chronochrome.fit_chronochrome, "each date predicted from the other by regression"
    ),
    "covariance-equalisation": Method(
        chronochrome.fit_equalisation, "both dates brought to the same covariance"
    ),
    "change-vector": Method(vector_fit.fit, "change vector over the noise expected at each place"),
    "log-ratio": Method(logratio.fit, "log-ratio of speckle-filtered radar amplitudes"),
    "sar-likelihood-ratio": Method(
        likelihood_ratio.fit, "likelihood ratio of multilooked radar intensities"
    ),
}
"""All detectors by name."""


def choose_method(context: DetectionContext) -> tuple[str, str]:
    """Pick a detector by domain, resolution and bands.

    Returns
    -------
    name, reason : str
    """
    if context.domain != "optical":
        return "log-ratio", (
            f"the images are radar ({context.domain}); a log-ratio whose filter adapts to the "
            "speckle outlines changes best, and its null is taken from the pair"
        )
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


def get_method(method: Any) -> Method:
    """Look a detector up, or make one of what the user brings.

    Parameters
    ----------
    method : str, callable or Method
        A name in the registry; a function ``(before, after, valid) -> score``, or where it stands,
        ``package.module:function`` or ``path/to/file.py:function`` (there may also stand a
        :class:`Method`); the path of an ONNX file; or a :class:`Method`.

    Raises
    ------
    UnknownMethodError
        If there is nothing of this name; lists the choices.
    MethodError
        If there is, and it cannot be used.
    MissingDependencyError
        If a network is asked for, and onnxruntime is not installed.
    """
    if isinstance(method, str) and method not in METHODS:
        if method.lower().endswith(onnx.SUFFIX):
            return onnx.method(method)
        if ":" not in method:
            raise UnknownMethodError(
                f"method={method!r} is not known: choose auto or one of {', '.join(METHODS)}; or "
                "bring your own as package.module:function, path/to/file.py:function or "
                "path/to/model.onnx."
            )
        method = custom.load(method)
    if isinstance(method, str):
        return METHODS[method]
    if isinstance(method, Method):
        return method
    if not callable(method):
        raise UnknownMethodError(
            f"method={method!r} is no detector: give a function (before, after, valid) -> score, "
            "or a changedet.Method."
        )
    return custom.method(method)


def describe_source(method: Any) -> dict[str, Any] | None:
    """Where a detector comes from that the user brought, with its hash; None for our own."""
    if isinstance(method, str):
        if method == "auto" or method in METHODS:
            return None
        if method.lower().endswith(onnx.SUFFIX):
            return onnx.describe_source(method)
        return {**custom.describe_source(custom.load(method)), "function": method}
    return custom.describe_source(method)
