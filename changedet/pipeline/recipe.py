"""Two images in, a change report out."""

from __future__ import annotations

import warnings
from concurrent.futures import Executor
from typing import Any

from changedet.activity import (
    Control,
    assign_zones,
    check_kind_weights,
    check_tracks,
    check_zones,
    outlined_wagons,
    track_activity,
    zone_activity,
    zone_occupancy,
)
from changedet.config import Config
from changedet.engines import check_engine
from changedet.errors import ChangedetWarning
from changedet.model import (
    Alignment,
    ChangeReport,
    ChangeTable,
    Places,
    RasterWindows,
    ScoreMap,
    ZoneActivity,
)
from changedet.pipeline.lighting import around_tracks
from changedet.pipeline.opening import align_pair, open_pair, require_comparable, settle
from changedet.pipeline.references import gather
from changedet.pipeline.running import Clock, Running, at_work
from changedet.pipeline.steps import outline_objects
from changedet.pipeline.stepwise import (
    check_method,
    fit_and_score,
    given_control,
    given_places,
    name_objects,
)
from changedet.pipeline.summary import build_manifest, build_summary
from changedet.progress import ProgressCallback, as_progress, close_progress
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
    check_method(chosen)
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
                zone_places = given_places(zones, "polygon", pair.grid, scored=True)
                control_places = given_control(control, pair.grid)
                track_places = given_places(tracks, "line", pair.grid)
                road_places = given_places(roads, "line", pair.grid)
                check_zones(zone_places, pair.grid)
                check_kind_weights(chosen.kind_weights)
                check_tracks(track_places, pair.grid)
            with clock.stage("align"):
                pair = align_pair(pair, chosen, run.tell, alignment)
            score_map, quiet = fit_and_score(pair, infos, chosen, run, clock, references)
            with clock.stage("objects"):
                found, changed = outline_objects(score_map, chosen, run)
            with clock.stage("activity"):
                table = name_objects(found, score_map, track_places, road_places)
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
