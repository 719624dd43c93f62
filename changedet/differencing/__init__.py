"""The differencing core: radiometry, detectors, calibration, objects."""

from changedet.differencing.calibration import (
    NullModel,
    Threshold,
    balanced_threshold,
    choose_threshold,
    fit_null,
)
from changedet.differencing.detection import Detection, fit_detection
from changedet.differencing.detector import DetectionContext, FittedDetector, Method
from changedet.differencing.explaining import explain_pixels
from changedet.differencing.objects import FoundObjects, find_objects, minimum_pixels
from changedet.differencing.radiometry import Radiometry, fit_radiometry
from changedet.differencing.registry import (
    METHODS,
    choose_method,
    describe_source,
    get_method,
)
from changedet.differencing.sampling import Sample, sample_windows
from changedet.differencing.shadow import ShadowModel, lean_offset, shadow_offset

__all__ = [
    "METHODS",
    "Detection",
    "DetectionContext",
    "FittedDetector",
    "FoundObjects",
    "Method",
    "NullModel",
    "Radiometry",
    "Sample",
    "ShadowModel",
    "Threshold",
    "balanced_threshold",
    "choose_method",
    "choose_threshold",
    "describe_source",
    "explain_pixels",
    "find_objects",
    "fit_detection",
    "fit_null",
    "fit_radiometry",
    "get_method",
    "lean_offset",
    "minimum_pixels",
    "sample_windows",
    "shadow_offset",
]
