"""Judge whether two images can be compared, and what false changes are to be expected."""

from __future__ import annotations

from changedet.model import Comparability, Grid, ImageInfo

LARGE_GSD_RATIO = 2.0
HOPELESS_GSD_RATIO = 10.0
LOW_OVERLAP = 0.2
SEASON_DAYS = 60
SUN_AZIMUTH_DEG = 15.0
SUN_ELEVATION_DEG = 10.0
VIEW_DEG = 10.0


def judge_pair(
    before: ImageInfo, after: ImageInfo, grid: Grid, valid_fraction: float
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

    Returns
    -------
    Comparability
        ``no-go`` where a comparison would mean nothing, ``caution`` with the false changes to
        expect, or ``go``.
    """
    measures: list[tuple[str, float]] = [("valid_fraction", float(valid_fraction))]
    fatal = _domains(before, after)
    reasons: list[str] = []
    for judge in (_resolution, _season, _sun, _view):
        values, cautions, blockers = judge(before, after)
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


Verdict = tuple[list[tuple[str, float]], list[str], list[str]]


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
    apart = abs(before.off_nadir_deg - after.off_nadir_deg)
    values = [("off_nadir_difference_deg", apart)]
    if apart <= VIEW_DEG:
        return values, [], []
    return (
        values,
        [
            f"view angles differ by {apart:.0f} degrees: tall things lean differently and their "
            "walls will look changed"
        ],
        [],
    )
