"""Step by step: score, objects and activity, each by itself and as ``detect`` takes them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Literal

from changedet.activity import OUTSIDE, Control, interpret, zone_activity
from changedet.config import Config
from changedet.differencing import FoundObjects, fit_detection, get_method
from changedet.loading import AlignedPair, read_places
from changedet.model import (
    Alignment,
    ChangeTable,
    Grid,
    ImageInfo,
    Places,
    RasterWindows,
    ScoreMap,
    ZoneActivity,
)
from changedet.pipeline.opening import align_pair, open_pair, require_comparable, settle
from changedet.pipeline.references import References, gather, judge_by
from changedet.pipeline.running import Clock, Running, at_work
from changedet.pipeline.steps import context_of, outline_objects, score_pixels
from changedet.progress import ProgressCallback, ProgressEvent, as_progress, close_progress


def check_method(config: Config) -> None:
    """Refuse before any work a detector that would be refused after the alignment."""
    if config.method != "auto":
        get_method(config.method)


def given_places(
    value: Any, kind: Literal["polygon", "line"], grid: Grid, *, scored: bool = False
) -> Places | None:
    """Read what the caller gave as polygons or lines, in the CRS of the grid."""
    if value is None:
        return None
    # of a zone that lies outside, its activity tells
    seen = grid if kind == "line" else None
    return read_places(value, kind=kind, crs=grid.crs, grid=seen, scored=scored)


def given_control(value: Any, grid: Grid) -> Control:
    """Read the ground where nothing is expected: polygons, or all that lies in no zone."""
    if isinstance(value, str) and value == OUTSIDE:
        return "outside"
    return given_places(value, "polygon", grid)


def fit_and_score(
    pair: AlignedPair,
    infos: tuple[ImageInfo, ImageInfo],
    config: Config,
    run: Running,
    clock: Clock,
    references: References | None,
) -> tuple[ScoreMap, list[dict[str, Any]]]:
    """Fit the detector on a sample, then score every pixel, tile by tile."""
    quiet: list[dict[str, Any]] = []
    with clock.stage("fit"):
        run.tell(ProgressEvent("fit", 0, 1))
        detection = fit_detection(pair, context_of(pair, infos, config), config)
        run.tell(ProgressEvent("fit", 1, 1))
    if references is not None:
        with clock.stage("references"):
            detection, quiet = judge_by(references, detection, pair, config, run)
    with clock.stage("score"):
        return score_pixels(pair, detection, config, run), quiet


def name_objects(
    found: FoundObjects, score_map: ScoreMap, tracks: Places | None, roads: Places | None
) -> ChangeTable:
    """Kinds, groups and moves of the objects."""
    return interpret(
        found.table, found.appearance, score_map.grid, tracks=tracks, roads=roads,
        roles=score_map.pair.roles,
        radiometry=getattr(score_map.detection.detector, "radiometry", None),
        pair=score_map.pair,
    )  # fmt: skip


def score(
    before: Any,
    after: Any,
    *,
    mask_before: Any = None,
    mask_after: Any = None,
    aoi: Any = None,
    reference_before: Any = None,
    reference_after: Any = None,
    history: Any = None,
    config: Config | None = None,
    alignment: Alignment | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> ScoreMap:
    """Align two images and score every pixel.

    Parameters
    ----------
    before, after, mask_before, mask_after, aoi, reference_before, reference_after, history, config
        As for :func:`changedet.detect`.
    alignment, engine, progress, **settings
        As for :func:`changedet.detect`.

    Returns
    -------
    ScoreMap
        To be read by window, or given to :func:`changedet.objects`.
    """
    chosen = settle(config, settings)
    check_method(chosen)
    run = Running(chosen, engine, as_progress(progress))
    try:
        with at_work():
            references = gather(before, reference_before, reference_after, history, chosen)
            pair, infos, comparability, _ = open_pair(
                before, after, chosen, mask_before=mask_before, mask_after=mask_after, aoi=aoi
            )
            require_comparable(comparability, infos)
            pair = align_pair(pair, chosen, run.tell, alignment)
            return fit_and_score(pair, infos, chosen, run, Clock(), references)[0]
    finally:
        close_progress(run.tell)


def objects(
    score_map: ScoreMap,
    *,
    tracks: Any = None,
    roads: Any = None,
    config: Config | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> ChangeTable:
    """Outline, measure and name the changed objects of a score map.

    Parameters
    ----------
    score_map : ScoreMap
        From :func:`changedet.score`.
    tracks, roads : path, GeoJSON mapping or GeoDataFrame, optional
        Centrelines that tell wagons and lorries from other things.
    config, engine, progress, **settings
        As for :func:`changedet.detect`; ``min_area_m2`` and ``fdr`` are used.

    Returns
    -------
    ChangeTable
        In the CRS of the grid, by falling score.
    """
    chosen = settle(config, settings)
    run = Running(chosen, engine, as_progress(progress))
    try:
        with at_work():
            lines = (given_places(value, "line", score_map.grid) for value in (tracks, roads))
            return name_objects(outline_objects(score_map, chosen, run)[0], score_map, *lines)
    finally:
        close_progress(run.tell)


def activity(
    changes: ChangeTable,
    changed: RasterWindows,
    *,
    zones: Any = None,
    control: Any = None,
    kind_weights: Mapping[str, float] | None = None,
    expected_false_per_km2: float | None = None,
) -> tuple[ZoneActivity, ...]:
    """Activity of each zone and of the whole site, from a table of changes.

    Parameters
    ----------
    changes : ChangeTable
        In the CRS of the grid.
    changed : RasterWindows
        uint8: 255 where nothing could be observed.
    zones : path, GeoJSON mapping or GeoDataFrame, optional
        The site alone by default.
    control : path, GeoJSON mapping, GeoDataFrame or "outside", optional
        Ground where nothing is expected; what changed there is taken off.
    kind_weights : mapping of str to float, optional
        How much an object of a kind counts in the score.
    expected_false_per_km2 : float, optional
        Calibrated rate of false objects.

    Returns
    -------
    tuple of ZoneActivity
        One a zone; the site last.
    """
    return zone_activity(
        changes,
        given_places(zones, "polygon", changed.grid, scored=True),
        changed.grid,
        changed,
        expected_false_per_km2=expected_false_per_km2,
        kind_weights=kind_weights,
        control=given_control(control, changed.grid),
    )
