"""Two images in, a change report out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Literal

from changedet.activity import (
    OUTSIDE,
    Control,
    assign_zones,
    check_kind_weights,
    check_tracks,
    check_zones,
    interpret,
    outlined_wagons,
    track_activity,
    zone_activity,
    zone_occupancy,
)
from changedet.config import Config
from changedet.differencing import FoundObjects, fit_detection, get_method
from changedet.engines import check_engine
from changedet.errors import ChangedetWarning
from changedet.loading import AlignedPair, read_places
from changedet.model import (
    Alignment,
    ChangeReport,
    ChangeTable,
    Grid,
    ImageInfo,
    Places,
    RasterWindows,
    ScoreMap,
    ZoneActivity,
)
from changedet.pipeline.lighting import around_tracks
from changedet.pipeline.opening import align_pair, open_pair, require_comparable, settle
from changedet.pipeline.references import References, gather, judge_by
from changedet.pipeline.running import Clock, Running, at_work
from changedet.pipeline.steps import context_of, outline_objects, score_pixels
from changedet.pipeline.summary import build_manifest, build_summary
from changedet.progress import ProgressCallback, ProgressEvent, as_progress, close_progress
from changedet.reporting import quicklooks, write_report


def detect(
    before: Any,
    after: Any,
    *,
    zones: Any = None,
    control: Any = None,
    tracks: Any = None,
    roads: Any = None,
    aoi: Any = None,
    mask_before: Any = None,
    mask_after: Any = None,
    reference_before: Any = None,
    reference_after: Any = None,
    history: Any = None,
    config: Config | None = None,
    alignment: Alignment | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> ChangeReport:
    """Compare two georeferenced images of one site.

    Parameters
    ----------
    before, after : path, URL, open rasterio dataset, Image, or (array, Grid)
        The two images; any CRS, pixel size and band order.
    zones, tracks, roads, aoi : path, GeoJSON mapping or GeoDataFrame, optional
        Zones get their own activity; outside the area of interest nothing is looked at.
    control : path, GeoJSON mapping, GeoDataFrame or "outside", optional
        Ground where nothing is expected (``outside``: all that lies in no zone); what changed
        there is taken off the activity of the zones. None: zones with a property ``control``.
    mask_before, mask_after : path, (y, x) array or polygons, optional
        Where not zero, or inside the polygons, the image is not used (clouds, shadows, layover).
    reference_before, reference_after : image or list of images, optional
        Two images between which nothing out of the ordinary happened: what is found between them
        is the null by which the pair is judged.
    history : folder, text file with a path a line, or list of images, optional
        The same from a series: each image is compared with the next, the last with ``before``.
    config : Config, optional
        All settings as one value.
    alignment : Alignment, optional
        An earlier estimate to use instead of a new one.
    engine : {"serial", "threads"} or concurrent.futures.Executor
        How tiles are run. Never changes a result.
    progress : bool or callable, optional
        True for bars, or a function that takes a :class:`changedet.ProgressEvent`.
    **settings
        Single settings by name, see :class:`changedet.Config`.

    Returns
    -------
    ChangeReport
        Changes, activity, summary; ``report.write(folder)`` writes everything.

    Raises
    ------
    ImageReadError, GridError, BandError, GeometryError, NotEnoughValidPixels
        If an input cannot be used.
    NotComparableError
        If comparing the two would mean nothing.
    AlignmentRefused
        If they cannot be aligned with confidence; carries the estimate.
    """
    chosen = settle(config, settings)
    check_engine(engine)
    _check_method(chosen)
    run = Running(chosen, engine, as_progress(progress))
    clock = Clock()
    caught: list[warnings.WarningMessage]
    try:
        with warnings.catch_warnings(record=True) as caught, at_work():
            warnings.simplefilter("always", ChangedetWarning)
            with clock.stage("open"):
                references = gather(before, reference_before, reference_after, history, chosen)
                pair, infos, comparability, view = open_pair(
                    before, after, chosen,
                    mask_before=mask_before, mask_after=mask_after, aoi=aoi,
                )  # fmt: skip
                require_comparable(comparability, infos)
                zone_places = _places(zones, "polygon", pair.grid, scored=True)
                control_places = _control(control, pair.grid)
                track_places = _places(tracks, "line", pair.grid)
                road_places = _places(roads, "line", pair.grid)
                check_zones(zone_places, pair.grid)
                check_kind_weights(chosen.kind_weights)
                check_tracks(track_places, pair.grid)
            with clock.stage("align"):
                pair = align_pair(pair, chosen, run.tell, alignment)
            score_map, quiet = _score(pair, infos, chosen, run, clock, references)
            with clock.stage("objects"):
                found, changed = outline_objects(score_map, chosen, run)
            with clock.stage("activity"):
                table = _interpret(found, score_map, track_places, road_places)
                table, rows = _activity(
                    table, zone_places, control_places, score_map, changed, chosen
                )
                on_tracks = track_activity(
                    pair, track_places, **around_tracks(infos, pair.grid, score_map)
                )
                on_tracks = outlined_wagons(on_tracks, track_places, table, pair.grid)
                rows = zone_occupancy(
                    rows, zone_places, track_places, [t.describe() for t in on_tracks]
                )
            with clock.stage("pictures"):
                pictures = quicklooks(pair)
    finally:
        close_progress(run.tell)
    for warning in caught:
        warnings.warn(warning.message, stacklevel=2)
    messages = tuple(str(w.message) for w in caught if isinstance(w.message, ChangedetWarning))
    arguments = {
        "zones": zones, "control": control, "tracks": tracks, "roads": roads, "aoi": aoi,
        "mask_before": mask_before, "mask_after": mask_after,
        "reference_before": reference_before, "reference_after": reference_after,
        "history": history,
    }  # fmt: skip
    manifest = build_manifest(pair, infos, chosen, arguments, alignment, quiet)
    summary = build_summary(
        infos,
        comparability,
        view,
        score_map,
        table,
        rows,
        on_tracks,
        messages,
        clock.seconds,
        manifest,
    )
    return ChangeReport(
        pair.grid, table, rows, pair.alignment, summary, manifest, changed, score_map.score, pair,
        zone_places, track_places, pictures, write_report, on_tracks,
    )  # fmt: skip


def _check_method(config: Config) -> None:
    """Refuse before any work a detector that would be refused after the alignment."""
    if config.method != "auto":
        get_method(config.method)


def _places(
    value: Any, kind: Literal["polygon", "line"], grid: Grid, *, scored: bool = False
) -> Places | None:
    if value is None:
        return None
    # of a zone that lies outside, its activity tells
    seen = grid if kind == "line" else None
    return read_places(value, kind=kind, crs=grid.crs, grid=seen, scored=scored)


def _control(value: Any, grid: Grid) -> Control:
    if isinstance(value, str) and value == OUTSIDE:
        return "outside"
    return _places(value, "polygon", grid)


def _score(
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


def _interpret(
    found: FoundObjects, score_map: ScoreMap, tracks: Places | None, roads: Places | None
) -> ChangeTable:
    """Kinds, groups and moves of the objects."""
    return interpret(
        found.table, found.appearance, score_map.grid, tracks=tracks, roads=roads,
        roles=score_map.pair.roles,
        radiometry=getattr(score_map.detection.detector, "radiometry", None),
        pair=score_map.pair,
    )  # fmt: skip


def _activity(
    table: ChangeTable,
    zones: Places | None,
    control: Control,
    score_map: ScoreMap,
    changed: RasterWindows,
    config: Config,
) -> tuple[ChangeTable, tuple[ZoneActivity, ...]]:
    rows = zone_activity(
        table,
        zones,
        score_map.grid,
        changed,
        expected_false_per_km2=score_map.detection.threshold.expected_false_per_km2,
        kind_weights=config.kind_weights,
        control=control,
    )
    return assign_zones(table, zones, rows), rows


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
    _check_method(chosen)
    run = Running(chosen, engine, as_progress(progress))
    try:
        with at_work():
            references = gather(before, reference_before, reference_after, history, chosen)
            pair, infos, comparability, _ = open_pair(
                before, after, chosen, mask_before=mask_before, mask_after=mask_after, aoi=aoi
            )
            require_comparable(comparability, infos)
            pair = align_pair(pair, chosen, run.tell, alignment)
            return _score(pair, infos, chosen, run, Clock(), references)[0]
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
            lines = (_places(value, "line", score_map.grid) for value in (tracks, roads))
            return _interpret(outline_objects(score_map, chosen, run)[0], score_map, *lines)
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
        _places(zones, "polygon", changed.grid, scored=True),
        changed.grid,
        changed,
        expected_false_per_km2=expected_false_per_km2,
        kind_weights=kind_weights,
        control=_control(control, changed.grid),
    )
