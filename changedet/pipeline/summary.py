"""What a run has to say, as plain values: ``summary.json`` and ``manifest.json``."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import replace
from importlib.metadata import version
from os import PathLike
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.differencing import Likeness, describe_source, minimum_pixels
from changedet.loading import AlignedPair, Observability, sha256
from changedet.model import (
    Alignment,
    ChangeTable,
    Comparability,
    ImageInfo,
    ScoreMap,
    TrackActivity,
    ZoneActivity,
)
from changedet.reporting import words_of

PACKAGES = ("numpy", "scipy", "rasterio", "opencv-python-headless", "scikit-image", "shapely")
TIE_POINTS = 500
"""Tie points kept in the summary at most."""


def build_manifest(
    pair: AlignedPair,
    infos: tuple[ImageInfo, ImageInfo],
    config: Config,
    arguments: dict[str, Any],
    alignment: Alignment | None,
    references: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything needed to run again: inputs with hashes, settings, versions."""
    inputs = []
    for info, source in zip(infos, pair.sources, strict=True):
        known = info if info.sha256 is not None else replace(info, sha256=sha256(source))
        inputs.append(known.describe())
    return {
        "changedet": version("changedet"),
        "inputs": inputs,
        "references": references,
        "arguments": {k: plain_argument(v) for k, v in arguments.items()},
        "alignment_given": None if alignment is None else alignment.describe(),
        "config": config.describe(),
        "method": describe_source(config.method),
        "seed": config.seed,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions on which a result may depend."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def plain_argument(value: Any) -> Any:
    """A path as text; what lives only in memory cannot be run again and is only named."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, PathLike):
        return str(value)
    if isinstance(value, list) and all(isinstance(v, (str, PathLike)) for v in value):
        return [str(v) for v in value]
    return {"in_memory": type(value).__name__}


def build_summary(
    infos: tuple[ImageInfo, ImageInfo],
    comparability: Comparability,
    observability: Observability,
    score_map: ScoreMap,
    table: ChangeTable,
    rows: tuple[ZoneActivity, ...],
    on_tracks: tuple[TrackActivity, ...],
    messages: tuple[str, ...],
    seconds: dict[str, float],
    manifest: dict[str, Any],
) -> dict[str, Any]:
    """The content of ``summary.json``."""
    detection = score_map.detection
    detector = detection.describe()
    threshold = detection.threshold
    smallest = minimum_pixels(score_map.grid, manifest["config"]["min_area_m2"])
    summary = {
        "changedet": manifest["changedet"],
        "inputs": manifest["inputs"],
        "grid": score_map.grid.describe(),
        "comparability": comparability.describe(),
        "alignment": _alignment(score_map.alignment),
        "radiometry": _radiometry(detection),
        "detector": detector,
        "calibration": {
            **detection.null.describe(),
            **_likeness(detection.likeness),
            "objects": detection.objects.describe(),
            "nominal_false_per_km2": threshold.nominal_false_per_km2,
            "expected_false_per_km2": threshold.expected_false_per_km2,
            "p_seed": threshold.p_seed,
            "rule": threshold.rule,
            "is_map": threshold.is_map,
        },
        "observable_fraction": score_map.observable_fraction,
        "observability": observability.describe(),
        "counts": {
            **_counts(table),
            "smallest_reported_m2": smallest * (score_map.grid.pixel_area_m2 or 1.0),
        },
        "activity": [row.describe() for row in rows],
        "tracks": [row.describe() for row in on_tracks],
        "timings_s": dict(seconds),
        "warnings": list(messages),
    }
    return {**summary, "words": words_of(summary)}


def _likeness(likeness: Likeness | None) -> dict[str, Any]:
    """How far references resemble the pair; None where there are none."""
    if likeness is None:
        return {"stretch": None, "references": None}
    return {"stretch": likeness.stretch, "references": likeness.describe()}


def _alignment(alignment: Alignment) -> dict[str, Any]:
    value = alignment.describe()
    value["tie_points_used"] = int(np.count_nonzero(alignment.tie_points[:, 5:] > 0))
    value["tie_points"] = value["tie_points"][:TIE_POINTS]
    return value


def _radiometry(detection: Any) -> dict[str, Any]:
    radiometry = getattr(detection.detector, "radiometry", None)
    if radiometry is None:
        return {"method": "within the detector"}
    return {"method": "gain and offset on unchanged pixels", **radiometry.describe()}


def _counts(table: ChangeTable) -> dict[str, Any]:
    """Numbers of objects: of what moved the arrival counts, and what is cut has no kind."""
    counted = ~table.explained & ~table.moved_away
    cut = np.array([v is not None for v in table["cut_by"]], dtype=bool)
    explained = [v for v in table["explained_by"] if v is not None]
    return {
        "objects": len(table),
        "by_change": dict(sorted(Counter(map(str, table["change"][counted])).items())),
        "by_kind": dict(sorted(Counter(map(str, table["kind"][counted & ~cut])).items())),
        "cut": int(np.count_nonzero(counted & cut)),
        "explained": dict(sorted(Counter(map(str, explained)).items())),
    }
