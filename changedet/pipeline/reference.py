"""The one image of a series with which all others are compared."""

from __future__ import annotations

import warnings
from typing import Any

from changedet.config import Config
from changedet.errors import ChangedetError, ConfigError, GridError, NoOverlapError
from changedet.loading import SeriesItem, choose_grid
from changedet.pipeline.opening import open_pair
from changedet.progress import ProgressCallback, ProgressEvent

ALIKE = 0.02
"""Shares that differ by less are equally clear."""


def choose_reference(
    items: tuple[SeriesItem, ...],
    wanted: int | str | None,
    config: Config,
    tell: ProgressCallback,
) -> tuple[int, dict[str, Any]]:
    """Choose the reference: what the user wants, or the earliest of the clearest images.

    How clear an image is, is measured beside its neighbours in time, from overviews. Early ones
    come first, because what the reference lacks appears, and a rise is what one looks for.

    Parameters
    ----------
    items : tuple of SeriesItem
        Images, by time.
    wanted : int, str or None
        Position in time, or path.
    config : Config
        Of the run.
    tell : callable
        Gets progress.

    Returns
    -------
    at : int
        Position.
    description : dict
        Name, date and rule, for the report.

    Raises
    ------
    ConfigError
        If there is no such image.
    NoOverlapError
        If an image lies elsewhere; all such are named.
    """
    if wanted is None:
        clear = _clearness(items, config, tell)
        best = max(clear)
        at = next(i for i, share in enumerate(clear) if share >= best - ALIKE)
        rule = f"earliest of the clearest images ({clear[at]:.0%} of it can be seen)"
    else:
        at, rule = _position(items, wanted), "given"
    _refuse_elsewhere(items, at, config)
    return at, {
        "image": items[at].name,
        "acquired": items[at].acquired.isoformat(),
        "rule": rule,
    }


def _position(items: tuple[SeriesItem, ...], wanted: int | str) -> int:
    if isinstance(wanted, str) and not wanted.lstrip("-").isdigit():
        for i, item in enumerate(items):
            if wanted in (item.name, str(item.source)):
                return i
    elif -len(items) <= int(wanted) < len(items):
        return int(wanted) % len(items)
    raise ConfigError(
        f"reference={wanted!r} is none of the {len(items)} images: give the path of one as it "
        f"stands in the series, or its position in time, 0 to {len(items) - 1}."
    )


def _clearness(
    items: tuple[SeriesItem, ...], config: Config, tell: ProgressCallback
) -> list[float]:
    """Share of each image that can be seen; 0 where no neighbour can be laid beside it."""
    clear = [0.0] * len(items)
    for i in range(len(items) - 1):
        tell(ProgressEvent("reference", i, len(items) - 1))
        try:
            with warnings.catch_warnings():
                # the comparison itself says it again
                warnings.simplefilter("ignore")
                _, _, _, view = open_pair(items[i].source, items[i + 1].source, config)
        except ChangedetError:
            continue
        for at, date in ((i, view.before), (i + 1, view.after)):
            clear[at] = max(clear[at], 1 - sum(share for _, share in date.shares))
    tell(ProgressEvent("reference", len(items) - 1, len(items) - 1))
    return clear


def _refuse_elsewhere(items: tuple[SeriesItem, ...], at: int, config: Config) -> None:
    """Find images of another place before any work."""
    base, elsewhere, reasons = items[at], [], []
    for item in items:
        try:
            if item.info is not None and base.info is not None and item is not base:
                choose_grid(base.info, item.info, config.grid)  # type: ignore[arg-type]
        except GridError as error:
            elsewhere.append(item.name)
            reasons.append(str(error))
    if elsewhere:
        raise NoOverlapError(
            f"{len(elsewhere)} of {len(items)} images cannot be laid on the reference {base.name}: "
            f"{', '.join(elsewhere[:5])}{' ...' if len(elsewhere) > 5 else ''}. {reasons[0]} Leave "
            "them out, or choose another reference."
        )
