"""Judge whether two images can be compared, and what false changes are to be expected."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import numpy as np

from changedet.loading.observing.comparability_seen import (
    Verdict,
    judge_hidden,
    judge_pictures,
    judge_range,
)
from changedet.loading.observing.likeness import Likeness
from changedet.loading.observing.observability import Observability
from changedet.model import Comparability, Grid, ImageInfo

LARGE_GSD_RATIO = 1.25
HOPELESS_GSD_RATIO = 10.0
LOW_OVERLAP = 0.2
SEASON_DAYS = 60
SUN_AZIMUTH_DEG = 15.0
SUN_ELEVATION_DEG = 10.0
VIEW_DEG = 10.0
OFFSET_SINCE = datetime(2022, 1, 25, tzinfo=UTC)
"""When Sentinel-2's processing baseline 04.00, with its offset of 1000, came into use."""


def judge_pair(
    before: ImageInfo,
    after: ImageInfo,
    grid: Grid,
    valid_fraction: float,
    view: Observability | None = None,
    likeness: Likeness | None = None,
) -> Comparability:
    """Grade a pair from what is known of its images.

    Parameters
    ----------
    before, after : ImageInfo
        The two images.
    grid : Grid
        The common grid.
    valid_fraction : float
        Share of the grid that is valid in both images, 0 to 1.
    view : Observability, optional
        What hides the ground.
    likeness : Likeness, optional
        Sharpness and contrast.

    Returns
    -------
    Comparability
        ``no-go`` where a comparison would mean nothing, ``caution`` with the false changes to
        expect, or ``go``.
    """
    measures: list[tuple[str, float]] = [("valid_fraction", float(valid_fraction))]
    fatal = _domains(before, after)
    reasons: list[str] = []
    verdicts = [
        judge(before, after)
        for judge in (_resolution, _season, _sun, _view, _sensors, _offsets, _depth)
    ]
    verdicts.append(_overlap(before, after, grid))
    if view is not None:
        verdicts += [judge_hidden(view), judge_range(view)]
    if likeness is not None and before.domain == after.domain == "optical":
        verdicts.append(judge_pictures(likeness))
    for values, cautions, blockers in verdicts:
        measures += values
        reasons += cautions
        fatal += blockers
    if valid_fraction < LOW_OVERLAP:
        reasons.append(
            f"only {valid_fraction:.0%} of the common area is valid in both images: the estimates "
            "rest on little ground"
        )
    if fatal:
        return Comparability("no-go", (*fatal, *reasons), tuple(measures))
    return Comparability("caution" if reasons else "go", tuple(reasons), tuple(measures))


def _domains(before: ImageInfo, after: ImageInfo) -> list[str]:
    if (before.domain == "optical") == (after.domain == "optical"):
        if before.domain == after.domain:
            return []
        return [
            f"one image holds {before.domain} and the other {after.domain} values: convert one of "
            "them, or say what both are (--domain)"
        ]
    return [
        f"one image is optical and the other radar ({before.domain}, {after.domain}): their "
        "pixels measure different things; if that is a misunderstanding, say what both are "
        "(--domain)"
    ]


def _resolution(before: ImageInfo, after: ImageInfo) -> Verdict:
    first, second = before.grid.gsd_m, after.grid.gsd_m
    if first is None or second is None:
        return [], [], []
    ratio = max(first, second) / min(first, second)
    values = [("gsd_ratio", float(ratio))]
    if ratio > HOPELESS_GSD_RATIO:
        return (
            values,
            [],
            [
                f"pixels of {first:.3g} m and {second:.3g} m differ by a factor of {ratio:.0f}: "
                "what one image resolves, the other cannot show"
            ],
        )
    if ratio > LARGE_GSD_RATIO:
        return (
            values,
            [
                f"pixels of {first:.3g} m and {second:.3g} m: compared at the coarser; edges and "
                "small objects differ by sharpness alone"
            ],
            [],
        )
    return values, [], []


def _season(before: ImageInfo, after: ImageInfo) -> Verdict:
    if before.acquired is None or after.acquired is None:
        return [], [], []
    days = abs((after.acquired - before.acquired).total_seconds()) / 86400.0
    apart = days % 365.25
    apart = min(apart, 365.25 - apart)
    values = [("days_between", days), ("season_days_apart", apart)]
    if apart <= SEASON_DAYS or before.domain != "optical":
        return values, [], []
    return (
        values,
        [
            f"the dates lie {apart:.0f} days apart in the year: expect false change on vegetation, "
            "snow and water"
        ],
        [],
    )


def _difference(one: float, other: float) -> float:
    """Angle between two directions, 0 to 180."""
    return abs((one - other + 180.0) % 360.0 - 180.0)


def _sun(before: ImageInfo, after: ImageInfo) -> Verdict:
    if "optical" not in (before.domain, after.domain):
        return [], [], []
    values: list[tuple[str, float]] = []
    cautions: list[str] = []
    if None not in (before.sun_azimuth_deg, after.sun_azimuth_deg):
        apart = _difference(before.sun_azimuth_deg or 0.0, after.sun_azimuth_deg or 0.0)
        values.append(("sun_azimuth_difference_deg", apart))
        if apart > SUN_AZIMUTH_DEG:
            cautions.append(
                f"the sun stood {apart:.0f} degrees further round: expect slivers of moved shadow "
                "beside everything tall"
            )
    if None not in (before.sun_elevation_deg, after.sun_elevation_deg):
        apart = abs((before.sun_elevation_deg or 0.0) - (after.sun_elevation_deg or 0.0))
        values.append(("sun_elevation_difference_deg", apart))
        if apart > SUN_ELEVATION_DEG:
            cautions.append(
                f"the sun stood {apart:.0f} degrees higher in one image: shadows differ in length"
            )
    return values, cautions, []


def _view(before: ImageInfo, after: ImageInfo) -> Verdict:
    if before.off_nadir_deg is None or after.off_nadir_deg is None:
        return [], [], []
    first, second = abs(before.off_nadir_deg), abs(after.off_nadir_deg)
    apart = abs(first - second)
    values = [("off_nadir_difference_deg", apart)]
    if before.view_azimuth_deg is not None and after.view_azimuth_deg is not None:
        turn = math.radians(before.view_azimuth_deg - after.view_azimuth_deg)
        one, other = math.radians(first), math.radians(second)
        cosine = math.cos(one) * math.cos(other) + math.sin(one) * math.sin(other) * math.cos(turn)
        apart = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
        values.append(("view_difference_deg", apart))
    if apart <= VIEW_DEG:
        return values, [], []
    what = (
        "tall things lean differently and their walls will look changed"
        if before.domain == "optical"
        else "layover and radar shadow fall differently beside everything tall"
    )
    return values, [f"the two were seen from directions {apart:.0f} degrees apart: {what}"], []


def _family(platform: str) -> str:
    """Name of a platform without what tells its sisters apart."""
    plain = re.sub(r"[^a-z0-9]", "", platform.lower())
    plain = re.sub(r"^(sentinel|s)([123])[a-d]?$", r"sentinel\2", plain)
    return {"landsat9": "landsat8", "landsat5": "landsat4"}.get(plain, plain)


def _sensors(before: ImageInfo, after: ImageInfo) -> Verdict:
    if not before.platform or not after.platform:
        return [], [], []
    if _family(before.platform) == _family(after.platform):
        return [], [], []
    return (
        [],
        [
            f"different sensors took them ({before.platform}, {after.platform}): their bands see "
            "slightly different colours, so vegetation and bright paint may look changed"
        ],
        [],
    )


def _offsets(before: ImageInfo, after: ImageInfo) -> Verdict:
    cautions = []
    for date, info in (("before", before), ("after", after)):
        sentinel2 = info.platform is not None and _family(info.platform) == "sentinel2"
        if not sentinel2 or np.dtype(info.dtype).kind not in "ui" or info.dtype == "uint8":
            continue
        known = any(note.startswith("Sentinel-2: ") and "offset" in note for note in info.notes)
        old = info.acquired is not None and info.acquired < OFFSET_SINCE
        if not known and not old:
            cautions.append(
                f"the {date} image is of Sentinel-2 and does not say its processing baseline: "
                "1000 may have been added to its values, which makes dark ground and water look "
                "changed by any method that works on ratios"
            )
    return [], cautions, []


def _depth(before: ImageInfo, after: ImageInfo) -> Verdict:
    bits = [8 * np.dtype(info.dtype).itemsize for info in (before, after)]
    if before.domain != after.domain or (min(bits) > 8) or bits[0] == bits[1]:
        return [], [], []
    return (
        [("bits_before", float(bits[0])), ("bits_after", float(bits[1]))],
        [
            f"values of {bits[0]} and {bits[1]} bits: the one of 8 bits was probably stretched, "
            "so bright and dark ground may look changed"
        ],
        [],
    )


def _overlap(before: ImageInfo, after: ImageInfo, grid: Grid) -> Verdict:
    areas = [_area_m2(g) for g in (before.grid, after.grid, grid)]
    if None in areas:
        return [], [], []
    first, second, common = (a or 0.0 for a in areas)
    share = min(1.0, common / min(first, second))
    values = [("overlap", share)]
    if share >= LOW_OVERLAP:
        return values, [], []
    return (
        values,
        [f"only {share:.0%} of the smaller image is compared: the estimates rest on little ground"],
        [],
    )


def _area_m2(grid: Grid) -> float | None:
    area = grid.pixel_area_m2
    return None if area is None else area * grid.height * grid.width
