"""The tile loader: files to a common grid, alignment, aligned tiles with validity."""

from __future__ import annotations

from typing import Any

from changedet.config import Config
from changedet.loading.alignment.estimating import estimate_alignment, require_alignment
from changedet.loading.alignment.stack import align_stack
from changedet.loading.listed import list_images
from changedet.loading.observing.comparability import judge_pair
from changedet.loading.observing.likeness import Likeness, measure_likeness
from changedet.loading.observing.observability import DateView, Observability
from changedet.loading.observing.screening import observe
from changedet.loading.pair import AlignedPair, valid_fraction
from changedet.loading.reading import arrays, files  # noqa: F401 - registers what they open
from changedet.loading.reading.cache import bounded_cache
from changedet.loading.reading.grids import choose_grid, metric_crs
from changedet.loading.reading.roles import match_bands, role_of_name
from changedet.loading.reading.source import ArraySource, OpenOptions, Source, sha256
from changedet.loading.reading.sources import open_source, register_adapter
from changedet.loading.series import SeriesItem, read_series
from changedet.loading.vectors.places import places_on, read_places
from changedet.model import Places

__all__ = [
    "AlignedPair",
    "ArraySource",
    "DateView",
    "Likeness",
    "Observability",
    "OpenOptions",
    "SeriesItem",
    "Source",
    "align_stack",
    "bounded_cache",
    "choose_grid",
    "estimate_alignment",
    "judge_pair",
    "list_images",
    "match_bands",
    "measure_likeness",
    "metric_crs",
    "observe",
    "open_source",
    "places_on",
    "read_pair_sources",
    "read_places",
    "read_series",
    "register_adapter",
    "require_alignment",
    "role_of_name",
    "sha256",
    "valid_fraction",
]


def read_pair_sources(
    before: Any,
    after: Any,
    *,
    config: Config | None = None,
    mask_before: Any = None,
    mask_after: Any = None,
    aoi: Any = None,
) -> AlignedPair:
    """Open two images, match their bands, choose the common grid; nothing is aligned yet.

    Parameters
    ----------
    before, after : anything that :func:`open_source` takes
        The two images.
    config : Config, optional
        ``domain``, ``bands``, ``grid`` and ``clouds`` are used.
    mask_before, mask_after : path, (y, x) array or polygons, optional
        Where not zero, or inside the polygons, the image is not used.
    aoi : anything that :func:`read_places` takes, optional
        Polygons outside which nothing is looked at.

    Returns
    -------
    AlignedPair
        With no correction; see :meth:`AlignedPair.with_alignment`.
    """
    settings = config or Config()
    look = settings.clouds == "auto"
    first = open_source(before, domain=settings.domain, mask=mask_before, clouds=look)
    second = open_source(after, domain=settings.domain, mask=mask_after, clouds=look)
    roles, first_bands, second_bands = match_bands(first.info, second.info, settings.bands)
    area: Places | None = None
    if aoi is not None:
        area = read_places(aoi, crs=first.info.grid.crs)
    grid = choose_grid(first.info, second.info, settings.grid, area)  # type: ignore[arg-type]
    return AlignedPair(first, second, grid, roles, first_bands, second_bands, aoi=area)
