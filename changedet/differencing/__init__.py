"""The differencing core: radiometry, detectors, calibration, objects."""

from changedet.differencing.detection import Detection, QuietSample
from changedet.differencing.detector import DetectionContext, FittedDetector, Method
from changedet.differencing.detectors.registry import (
    METHODS,
    choose_method,
    describe_source,
    get_method,
)
from changedet.differencing.fitting import fit_detection, weak_candidates
from changedet.differencing.ground.strata import STRATA, Strata, fit_strata
from changedet.differencing.light.directions import lean_offset, shadow_offset
from changedet.differencing.light.radiometry import Radiometry, fit_radiometry
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.null.null_model import NullModel, Source, fit_null
from changedet.differencing.null.object_null import (
    CANDIDATE,
    ObjectNull,
    candidate_peaks,
    from_pair,
    from_reference,
)
from changedet.differencing.null.quiet import QuietPairs, quiet_pairs
from changedet.differencing.null.reference_null import (
    Likeness,
    made_like,
    reference_null,
    weak_ratio,
)
from changedet.differencing.null.thresholds import Threshold, balanced_threshold, choose_threshold
from changedet.differencing.objects.explaining import explain_pixels
from changedet.differencing.objects.table import FoundObjects, find_objects
from changedet.differencing.sampling import Sample, sample_windows
from changedet.differencing.sizes import minimum_pixels

__all__ = [
    "CANDIDATE",
    "METHODS",
    "STRATA",
    "Detection",
    "DetectionContext",
    "FittedDetector",
    "FoundObjects",
    "Likeness",
    "Method",
    "NullModel",
    "ObjectNull",
    "QuietPairs",
    "QuietSample",
    "Radiometry",
    "Sample",
    "ShadowModel",
    "Source",
    "Strata",
    "Threshold",
    "balanced_threshold",
    "candidate_peaks",
    "choose_method",
    "choose_threshold",
    "describe_source",
    "explain_pixels",
    "find_objects",
    "fit_detection",
    "fit_null",
    "fit_radiometry",
    "fit_strata",
    "from_pair",
    "from_reference",
    "get_method",
    "lean_offset",
    "made_like",
    "minimum_pixels",
    "quiet_pairs",
    "reference_null",
    "sample_windows",
    "shadow_offset",
    "weak_candidates",
    "weak_ratio",
]
