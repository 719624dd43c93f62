"""Two images in, a change report out."""

from __future__ import annotations

import warnings
from concurrent.futures import Executor
from typing import Any, Literal

import numpy as np

from changedet.activity import assign_zones, check_zones, zone_activity
from changedet.config import Config
from changedet.differencing import (
    DetectionContext,
    FoundObjects,
    explain_pixels,
    find_objects,
    fit_detection,
    get_method,
)
from changedet.engines import ScratchRaster, check_engine
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
    Window,
    ZoneActivity,
)
from changedet.pipeline.lighting import light_and_view
from changedet.pipeline.opening import align_pair, open_pair, require_comparable, settle
from changedet.pipeline.running import ChangedView, Clock, Running, at_work
from changedet.pipeline.summary import build_manifest, build_summary
from changedet.progress import ProgressCallback, ProgressEvent, as_progress, close_progress
from changedet.reporting import quicklooks, write_report


def detect(
    before: Any,
    after: Any,
    *,
    zones: Any = None,
    tracks: Any = None,
    roads: Any = None,
    aoi: Any = None,
    mask_before: Any = None,
    mask_after: Any = None,
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
    mask_before, mask_after : path or (y, x) array, optional
        Where not zero, the image is not used (clouds, shadows, layover).
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
                pair, infos, comparability, _ = open_pair(
                    before, after, chosen,
                    mask_before=mask_before, mask_after=mask_after, aoi=aoi,
                )  # fmt: skip
                require_comparable(comparability, infos)
                zone_places = _places(zones, "polygon", pair.grid)
                track_places = _places(tracks, "line", pair.grid)
                _places(roads, "line", pair.grid)
                check_zones(zone_places, pair.grid)
            with clock.stage("align"):
                pair = align_pair(pair, chosen, run.tell, alignment)
            score_map = _score(pair, infos, chosen, run, clock)
            with clock.stage("objects"):
                found, changed = _objects(score_map, chosen, run)
            with clock.stage("activity"):
                table, rows = _activity(found.table, zone_places, score_map, changed)
            with clock.stage("pictures"):
                pictures = quicklooks(pair)
    finally:
        close_progress(run.tell)
    for warning in caught:
        warnings.warn(warning.message, stacklevel=2)
    messages = tuple(str(w.message) for w in caught if isinstance(w.message, ChangedetWarning))
    arguments = {
        "zones": zones, "tracks": tracks, "roads": roads, "aoi": aoi,
        "mask_before": mask_before, "mask_after": mask_after,
    }  # fmt: skip
    manifest = build_manifest(pair, infos, chosen, arguments, alignment)
    summary = build_summary(
        infos, comparability, score_map, table, rows, messages, clock.seconds, manifest
    )
    return ChangeReport(
        pair.grid, table, rows, pair.alignment, summary, manifest, changed, score_map.score, pair,
        zone_places, track_places, pictures, write_report,
    )  # fmt: skip


def _check_method(config: Config) -> None:
    """Refuse before any work a detector that would be refused after the alignment."""
    if config.method != "auto":
        get_method(config.method)


def _places(value: Any, kind: Literal["polygon", "line"], grid: Grid) -> Places | None:
    if value is None:
        return None
    # of a zone that lies outside, its activity tells
    seen = grid if kind == "line" else None
    return read_places(value, kind=kind, crs=grid.crs, grid=seen)


def _score(
    pair: AlignedPair,
    infos: tuple[ImageInfo, ImageInfo],
    config: Config,
    run: Running,
    clock: Clock,
) -> ScoreMap:
    """Fit the detector on a sample, then score every pixel, tile by tile."""
    context = DetectionContext(
        pair.roles, infos[0].domain, pair.grid.gsd_m, config.seed,
        **light_and_view(infos, pair.grid, config),
    )  # fmt: skip
    with clock.stage("fit"):
        run.tell(ProgressEvent("fit", 0, 1))
        detection = fit_detection(pair, context, config)
        run.tell(ProgressEvent("fit", 1, 1))
    raster = ScratchRaster(pair.grid, np.float32, fill=np.nan)

    def work(window: Window) -> int:
        tile = detection.score(pair, window)
        raster.write(window, tile)
        return int(np.count_nonzero(np.isfinite(tile)))

    with clock.stage("score"):
        observed = sum(run.over("score", work, pair.grid.tiles(config.tile_size)))
    return ScoreMap(raster, pair, pair.alignment, detection, observed)


def _objects(score_map: ScoreMap, config: Config, run: Running) -> tuple[FoundObjects, ChangedView]:
    labels = ScratchRaster(score_map.grid, np.int32)
    explained = ScratchRaster(score_map.grid, np.uint8)
    explain_pixels(
        score_map.score, explained, score_map.pair, score_map.detection,
        run=lambda function, windows: run.over("explain", function, windows),
    )  # fmt: skip
    found = find_objects(
        score_map.score,
        labels,
        score_map.pair,
        score_map.detection,
        observed_pixels=score_map.observed_pixels,
        min_area_m2=config.min_area_m2,
        fdr=config.fdr,
        explained=explained,
        run=lambda function, windows: run.over("objects", function, windows),
    )
    counts = np.concatenate([[False], ~found.table.explained]).astype(np.uint8)
    return found, ChangedView(score_map.score, labels, counts[found.lookup])


def _activity(
    table: ChangeTable, zones: Places | None, score_map: ScoreMap, changed: RasterWindows
) -> tuple[ChangeTable, tuple[ZoneActivity, ...]]:
    rows = zone_activity(
        table,
        zones,
        score_map.grid,
        changed,
        expected_false_per_km2=score_map.detection.threshold.expected_false_per_km2,
    )
    return assign_zones(table, zones, rows), rows


def score(
    before: Any,
    after: Any,
    *,
    mask_before: Any = None,
    mask_after: Any = None,
    aoi: Any = None,
    config: Config | None = None,
    alignment: Alignment | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> ScoreMap:
    """Align two images and score every pixel.

    Parameters
    ----------
    before, after, mask_before, mask_after, aoi, config, alignment, engine, progress, **settings
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
            pair, infos, comparability, _ = open_pair(
                before, after, chosen, mask_before=mask_before, mask_after=mask_after, aoi=aoi
            )
            require_comparable(comparability, infos)
            pair = align_pair(pair, chosen, run.tell, alignment)
            return _score(pair, infos, chosen, run, Clock())
    finally:
        close_progress(run.tell)


def objects(
    score_map: ScoreMap,
    *,
    config: Config | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> ChangeTable:
    """Outline and measure the changed objects of a score map.

    Parameters
    ----------
    score_map : ScoreMap
        From :func:`changedet.score`.
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
            return _objects(score_map, chosen, run)[0].table
    finally:
        close_progress(run.tell)


def activity(
    changes: ChangeTable,
    changed: RasterWindows,
    *,
    zones: Any = None,
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
    expected_false_per_km2 : float, optional
        Calibrated rate of false objects.

    Returns
    -------
    tuple of ZoneActivity
        One a zone; the site last.
    """
    places = _places(zones, "polygon", changed.grid)
    return zone_activity(
        changes, places, changed.grid, changed, expected_false_per_km2=expected_false_per_km2
    )
