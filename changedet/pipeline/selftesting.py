"""Known targets planted into the user's own pair: what is seen of them, and what is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.differencing import Detection, fit_detection
from changedet.engines import check_engine
from changedet.errors import ConfigError
from changedet.loading import read_places
from changedet.model import Alignment, SelfTest, TargetType
from changedet.pipeline.opening import align_pair, open_pair, require_comparable, settle
from changedet.pipeline.planting import Ready, make_queue, make_site, plant_all
from changedet.pipeline.references import gather, judge_by
from changedet.pipeline.running import Running, at_work
from changedet.pipeline.steps import context_of, outline_objects, score_pixels
from changedet.pipeline.summary import build_manifest
from changedet.progress import ProgressCallback, ProgressEvent, as_progress, close_progress
from changedet.reporting import write_selftest
from changedet.simulation import Site, default_contrasts, detection_curves, target_types

PER_CELL = 40
"""Targets of each type at each contrast, unless told otherwise."""


def selftest(
    before: Any,
    after: Any,
    *,
    zones: Any = None,
    tracks: Any = None,
    roads: Any = None,
    aoi: Any = None,
    mask_before: Any = None,
    mask_after: Any = None,
    reference_before: Any = None,
    reference_after: Any = None,
    history: Any = None,
    types: Sequence[TargetType] | None = None,
    contrasts: Sequence[float] | None = None,
    per_cell: int = PER_CELL,
    blur_px: float | None = None,
    config: Config | None = None,
    alignment: Alignment | None = None,
    engine: str | Executor = "threads",
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> SelfTest:
    """Plant known targets into the after image, run the detection, and count what is seen.

    The detector, its null and its threshold are those that :func:`changedet.detect` fits on the
    pair without any target, so that targets cannot spoil the fit; every round plants some, scores
    the ground around them and outlines objects by the same steps.

    Parameters
    ----------
    before, after : path, URL, open rasterio dataset, Image, or (array, Grid)
        The two images, as for :func:`changedet.detect`.
    zones : path, GeoJSON mapping or GeoDataFrame, optional
        Plant only there; anywhere by default.
    tracks, roads : path, GeoJSON mapping or GeoDataFrame, optional
        Lines along which wagons and lorries are planted instead.
    aoi, mask_before, mask_after, reference_before, reference_after, history
        As for :func:`changedet.detect`.
    types : sequence of TargetType, optional
        What to plant; by default what images of this resolution and kind can show.
    contrasts : sequence of float, optional
        Differences from the ground: shares of the light that it reflects (0.4 is 40 %), decibels
        for radar.
    per_cell : int
        Targets of each type at each contrast.
    blur_px : float, optional
        Standard deviation of the point spread of the after image on the common grid, pixels;
        measured by default.
    config, alignment, engine, progress, **settings
        As for :func:`changedet.detect`.

    Returns
    -------
    SelfTest
        Detection probability by type and contrast with intervals, false objects;
        ``write(folder)`` writes it.

    Raises
    ------
    ConfigError
        If contrasts, numbers or blur make no sense.
    NotEnoughValidPixels
        If no target finds a place.
    ImageReadError, GridError, BandError, GeometryError, NotComparableError, AlignmentRefused
        As :func:`changedet.detect` does.

    Warns
    -----
    CoverageWarning
        If some targets found no place.
    """
    chosen = settle(config, settings)
    check_engine(engine)
    levels = _check(contrasts, per_cell, blur_px)
    _check_types(types)
    tell = as_progress(progress)
    run = Running(chosen, engine, tell)
    try:
        with at_work():
            references = gather(before, reference_before, reference_after, history, chosen)
            pair, infos, comparability, view = open_pair(
                before, after, chosen, mask_before=mask_before, mask_after=mask_after, aoi=aoi
            )
            require_comparable(comparability, infos)
            places = {
                name: None if given is None
                else read_places(given, kind="polygon" if name == "zones" else "line",
                                 crs=pair.grid.crs, grid=pair.grid)
                for name, given in (("zones", zones), ("tracks", tracks), ("roads", roads))
            }  # fmt: skip
            pair = align_pair(pair, chosen, tell, alignment)
            detection = fit_detection(pair, context_of(pair, infos, chosen), chosen)
            quiet: list[dict[str, Any]] = []
            if references is not None:
                detection, quiet = judge_by(references, detection, pair, chosen, run)
            base = score_pixels(pair, detection, chosen, run)
            found, changed = outline_objects(base, chosen, run)
            ready = Ready(pair, detection, chosen, replace(run, tell=_silent), base)
            site = make_site(ready, infos, found, changed, blur_px, places)
            usual, untold = target_types(pair.grid.gsd_m, infos[0].domain)
            kinds = usual if types is None else tuple(types)
            levels = levels or default_contrasts(infos[0].domain)
            queue = make_queue(kinds, levels, per_cell, len(pair.roles), chosen.seed)
            targets, rounds = plant_all(ready, site, queue, tell)
    finally:
        close_progress(tell)
    arguments = {
        "zones": zones, "tracks": tracks, "roads": roads, "aoi": aoi,
        "mask_before": mask_before, "mask_after": mask_after,
        "reference_before": reference_before, "reference_after": reference_after,
        "history": history,
    }  # fmt: skip
    manifest = build_manifest(pair, infos, chosen, arguments, alignment, quiet)
    manifest["selftest"] = {
        "types": [asdict(one) for one in kinds], "contrasts": list(levels), "per_cell": per_cell,
        "blur_px": blur_px,
    }  # fmt: skip
    planted = tuple(t for t in kinds if any(one.type == t.name for one in targets))
    area = pair.grid.pixel_area_m2
    seen_km2 = None if area is None else base.observed_pixels * area / 1e6
    count = int(np.count_nonzero(~found.table.explained))
    return SelfTest(
        planted, levels, "share" if infos[0].domain == "optical" else "dB",
        "px" if area is None else "m", targets, detection_curves(planted, targets), rounds,
        detection.threshold.expected_false_per_km2,
        None if seen_km2 is None else count / seen_km2, count, seen_km2,
        detection.threshold.rule, _light(site, detection),
        (*untold, *_untold(detection, site)),
        {
            "changedet": manifest["changedet"],
            "inputs": manifest["inputs"],
            "grid": pair.grid.describe(),
            "comparability": comparability.describe(),
            "alignment_grade": pair.alignment.grade,
            "detector": detection.describe(),
            "observable_fraction": base.observable_fraction,
            "observability": view.describe(),
            "planted_on": {k: None if v is None else v.source for k, v in places.items()},
        },
        manifest, write_selftest,
    )  # fmt: skip


def _silent(event: ProgressEvent) -> None:
    """Rounds tell their progress as a whole."""


def _check_types(types: Sequence[TargetType] | None) -> None:
    if types is None:
        return
    if not types:
        raise ConfigError(
            f"types={types!r} is not usable: give at least one changedet.TargetType, or leave it "
            "out for the usual ones."
        )
    for one in types:
        if not (one.length > 0 and one.width > 0 and one.height_m >= 0):
            raise ConfigError(
                f"The target {one.name!r} of {one.length:g} x {one.width:g} is not usable: give a "
                "length and a width above 0, and a height of at least 0."
            )
        if not 0 <= one.uneven <= 1:
            raise ConfigError(
                f"uneven={one.uneven:g} of the target {one.name!r} is not usable: give a share "
                "from 0 to 1."
            )


def _check(
    contrasts: Sequence[float] | None, per_cell: int, blur_px: float | None
) -> tuple[float, ...]:
    if not isinstance(per_cell, int) or isinstance(per_cell, bool) or per_cell < 1:
        raise ConfigError(
            f"per_cell={per_cell!r} is not usable: give how many targets of each type to plant at "
            "each contrast, a whole number of at least 1."
        )
    if blur_px is not None and not 0 < blur_px <= 5:
        raise ConfigError(
            f"blur_px={blur_px!r} is not usable: give the standard deviation of the point spread "
            "in pixels, above 0 to 5."
        )
    if contrasts is None:
        return ()
    try:
        levels = tuple(sorted({float(c) for c in contrasts}))
    except (TypeError, ValueError):
        levels = ()
    if not levels or not all(math.isfinite(c) and 0 < c <= 30 for c in levels):
        raise ConfigError(
            f"contrasts={contrasts!r} is not usable: give numbers above 0, shares of the ground's "
            "brightness such as 0.1, 0.2, 0.4 (decibels for radar, at most 30)."
        )
    return levels


def _light(site: Site, detection: Detection) -> dict[str, Any]:
    """Blur, noise and light that the targets share."""
    context = detection.context
    return {
        **site.quality.describe(),
        "shadow_of_one_metre_px": None if site.shadow_away is None else list(site.shadow_away),
        "lean_of_one_metre_px": None if site.lean_away is None else list(site.lean_away),
        "sun": context.sun_source,
    }


def _untold(detection: Detection, site: Site) -> tuple[str, ...]:
    """What the targets do not have, though real things may."""
    out = [
        "Targets arrive: what departs is seen about as well, for the detector treats both dates "
        "alike.",
        "Targets are boxes of one colour, unevenly bright where loads, roofs and cabs make real "
        "things so.",
    ]
    if detection.context.domain != "optical":
        return ()
    if site.shadow_away is None and site.grid.crs is not None and (site.grid.gsd_m or 0) <= 3.0:
        out.append(
            "The sun of the after image is not known, so targets cast no shadow (give it with "
            "--sun-after)."
        )
    if site.lean_away is None and site.grid.crs is not None and (site.grid.gsd_m or 0) <= 3.0:
        out.append(
            "From where the images were taken is not known for both, so targets do not lean, as "
            "tall things do in slant views (give it with --view-before and --view-after)."
        )
    return tuple(out)
