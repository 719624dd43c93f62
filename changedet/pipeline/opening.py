"""From two inputs to an aligned pair that is known to be comparable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from changedet.config import Config
from changedet.errors import NotComparableError, NotEnoughValidPixels
from changedet.loading import (
    AlignedPair,
    Observability,
    estimate_alignment,
    judge_pair,
    measure_likeness,
    observe,
    read_pair_sources,
    require_alignment,
)
from changedet.model import Alignment, Comparability, ImageInfo
from changedet.progress import ProgressCallback

MINIMUM_VALID = 1000
"""Fewer pixels than this cannot carry any estimate."""


def settle(config: Config | None, settings: dict[str, Any]) -> Config:
    """Join a configuration and settings given by name."""
    return (config or Config()).replace(**settings)


def open_pair(
    before: Any,
    after: Any,
    config: Config,
    *,
    mask_before: Any = None,
    mask_after: Any = None,
    aoi: Any = None,
) -> tuple[AlignedPair, tuple[ImageInfo, ImageInfo], Comparability, Observability]:
    """Open two images on their common grid and judge whether they can be compared.

    What hides the ground is taken out of the pair; where a change can be seen, and what hides the
    rest, is told beside it.

    Raises
    ------
    NotEnoughValidPixels
        If hardly any pixel is valid in both.
    """
    pair = read_pair_sources(
        before, after, config=config, mask_before=mask_before, mask_after=mask_after, aoi=aoi
    )
    suns, views = (config.sun_before, config.sun_after), (config.view_before, config.view_after)
    first, second = map(_with_angles, pair.infos, suns, views)
    pair, view = observe(pair, config.clouds, (first.sun_azimuth_deg, second.sun_azimuth_deg))
    count = round(view.observed * pair.grid.height * pair.grid.width)
    if count < MINIMUM_VALID:
        raise NotEnoughValidPixels(_nothing_seen(first.name, second.name, view, count))
    likeness = measure_likeness(pair)
    comparability = judge_pair(first, second, pair.grid, view.observed, view, likeness)
    return pair, (first, second), comparability, view


def _nothing_seen(before: str, after: str, view: Observability, count: int) -> str:
    """Say that too little can be compared, and what took it."""
    if count == 0:
        start = f"No pixel is valid in both {before} and {after} on their common area"
    else:
        start = (
            f"Only about {count} pixels ({view.observed:.2%} of the common area) are valid in both "
            f"{before} and {after}, and at least {MINIMUM_VALID} are needed"
        )
    reasons = view.reasons()
    taken = f": {'; '.join(reasons[:4])}" if reasons else ""
    advice = "Check their nodata values and masks, and that both hold data where they overlap"
    kinds = {"scl": "quality band", "qa_pixel": "quality band", "pixel_qa": "quality band",
             "built-in": "built-in cloud test"}  # fmt: skip
    blamed = sorted(
        {kinds[v.clouds_from] for v in (view.before, view.after)
         if v.clouds_from in kinds and v.covered > 0}
    )  # fmt: skip
    if blamed:
        advice += f"; the {' and the '.join(blamed)} can be left out with --clouds none"
    return f"{start}{taken}. {advice}."


def _with_angles(
    info: ImageInfo, sun: tuple[float, float] | None, view: tuple[float, float] | None
) -> ImageInfo:
    """What was given takes the place of what the file says."""
    if sun is not None:
        info = replace(info, sun_azimuth_deg=sun[0], sun_elevation_deg=sun[1])
    if view is not None:
        info = replace(info, view_azimuth_deg=view[0], off_nadir_deg=view[1])
    return info


def align_pair(
    pair: AlignedPair,
    config: Config,
    progress: ProgressCallback,
    alignment: Alignment | None = None,
) -> AlignedPair:
    """Estimate the alignment (unless given or switched off) and apply it.

    Raises
    ------
    AlignmentRefused
        If it cannot be trusted.
    """
    if alignment is None:
        if not config.align:
            return pair.with_alignment(Alignment.identity())
        alignment = estimate_alignment(pair, seed=config.seed, progress=progress)
        require_alignment(alignment, pair.infos[0].name, pair.infos[1].name)
    return pair.with_alignment(alignment)


def require_comparable(comparability: Comparability, infos: tuple[ImageInfo, ImageInfo]) -> None:
    """Raise when a pair cannot be compared.

    Raises
    ------
    NotComparableError
    """
    if comparability.grade == "no-go":
        raise NotComparableError(
            f"{infos[0].name} and {infos[1].name} cannot be compared: "
            f"{'; '.join(comparability.reasons)}.",
            comparability,
        )
