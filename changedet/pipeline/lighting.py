"""Where the sun stood and the sensor was, in pixels of the common grid."""

from __future__ import annotations

from typing import Any

from changedet.config import Config
from changedet.differencing import lean_offset, shadow_offset
from changedet.model import Grid, ImageInfo, ScoreMap

SHADOW_GSD_M = 3.0
"""Coarser pixels do not show the shadows of single things, nor how they lean."""


def light_and_view(
    infos: tuple[ImageInfo, ImageInfo], grid: Grid, config: Config
) -> dict[str, Any]:
    """What a :class:`changedet.differencing.DetectionContext` knows of sun and view.

    Parameters
    ----------
    infos : (before, after)
        With what was given in place of the metadata.
    grid : Grid
        The common grid.
    config : Config
        Tells what was given.
    """
    if grid.gsd_m is None or grid.gsd_m > SHADOW_GSD_M or infos[0].domain != "optical":
        return {}
    suns = [
        None
        if i.sun_azimuth_deg is None or i.sun_elevation_deg is None
        else shadow_offset(grid, i.sun_azimuth_deg, i.sun_elevation_deg)
        for i in infos
    ]
    given = [c is not None for c in (config.sun_before, config.sun_after)]
    sources = dict.fromkeys(
        "given" if g else "metadata" for g, s in zip(given, suns, strict=True) if s is not None
    )
    views = [
        None
        if i.view_azimuth_deg is None or i.off_nadir_deg is None
        else lean_offset(grid, i.view_azimuth_deg, i.off_nadir_deg)
        for i in infos
    ]
    return {
        "shadow_away": (suns[0], suns[1]),
        "sun_source": " and ".join(sources) or None,
        "lean_away": None if None in views else (views[0], views[1]),
    }


def around_tracks(
    infos: tuple[ImageInfo, ImageInfo], grid: Grid, score_map: ScoreMap
) -> dict[str, Any]:
    """Where trains throw their shadows, and how they lean: arguments of ``track_activity``.

    Shadows that the images told the detector fill in where nothing else is known.
    """
    shadow = getattr(score_map.detection.detector, "shadow", None)
    away: list[tuple[float, float] | None] = []
    lean: list[tuple[float, float] | None] = []
    for date, info in enumerate(infos):
        if info.sun_azimuth_deg is not None and info.sun_elevation_deg is not None:
            away.append(shadow_offset(grid, info.sun_azimuth_deg, info.sun_elevation_deg))
        else:
            away.append(None if shadow is None else shadow.away[date])
        if info.view_azimuth_deg is not None and info.off_nadir_deg is not None:
            lean.append(lean_offset(grid, info.view_azimuth_deg, info.off_nadir_deg))
        else:
            lean.append(None)
    return {"shadow_away": tuple(away), "lean_away": tuple(lean)}
