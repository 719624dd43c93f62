"""What can be said of images before anything is scored: whether they compare, how they align."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from changedet import loading
from changedet.config import Config
from changedet.errors import ConfigError
from changedet.loading import AlignedPair, Observability, estimate_alignment, read_pair_sources
from changedet.model import Alignment, Comparability, Grid, ImageInfo
from changedet.pipeline.opening import open_pair, settle
from changedet.progress import ProgressCallback, ProgressEvent, as_progress, close_progress
from changedet.reporting import alignment_figure


@dataclass(frozen=True, eq=False)
class Inspection:
    """What can be said of a pair before anything is scored."""

    infos: tuple[ImageInfo, ImageInfo]
    """Before and after."""
    grid: Grid
    """The common grid."""
    bands: tuple[str, ...]
    """The bands that both have."""
    comparability: Comparability
    """Whether the pair can be compared."""
    alignment: Alignment
    """How the after image would be moved."""
    valid_fraction: float
    """Share of the grid that is valid in both images."""
    observability: Observability
    """What hides the rest, by date."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "inputs": [i.describe() for i in self.infos],
            "grid": self.grid.describe(),
            "bands": list(self.bands),
            "comparability": self.comparability.describe(),
            "alignment": self.alignment.describe(),
            "valid_fraction": self.valid_fraction,
            "observability": self.observability.describe(),
        }

    def __str__(self) -> str:
        lines = []
        for name, info in zip(("before", "after"), self.infos, strict=True):
            when = "" if info.acquired is None else f", {info.acquired:%Y-%m-%d %H:%M} UTC"
            lines.append(f"{name + ':':<15}{info.name}{when}")
            lines.append(f"{'':<15}{info.grid}; {info.dtype}, {', '.join(info.roles)}")
            lines += [f"{'':<15}{note}" for note in info.notes]
        lines.append(f"{'common grid:':<15}{self.grid}")
        lines.append(f"{'valid in both:':<15}{self.valid_fraction:.1%}")
        lines += [f"{'':<15}- {reason}" for reason in self.observability.reasons()]
        lines.append(f"{'comparable:':<15}{self.comparability.grade}")
        lines += [f"{'':<15}- {reason}" for reason in self.comparability.reasons]
        lines.append(f"{'alignment:':<15}{self.alignment}")
        lines += [f"{'':<15}- {reason}" for reason in self.alignment.reasons]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Inspection: {self.comparability.grade}, {self.alignment}>"


def inspect(
    before: Any,
    after: Any,
    *,
    mask_before: Any = None,
    mask_after: Any = None,
    aoi: Any = None,
    config: Config | None = None,
    progress: bool | ProgressCallback | None = None,
    figure: str | PathLike[str] | None = None,
    **settings: Any,
) -> Inspection:
    """Measure whether and how two images can be compared; write nothing but a figure, if asked.

    Parameters
    ----------
    before, after, mask_before, mask_after, aoi, config, progress, **settings
        As for :func:`changedet.detect`.
    figure : path, optional
        Picture to make of the alignment (``.png``): tie points, what is left, and a checkerboard
        before and after the correction. Needs matplotlib.

    Returns
    -------
    Inspection
        Comparability, common grid, alignment with its grade. A refused alignment is reported,
        not raised.
    """
    chosen = settle(config, settings)
    tell = as_progress(progress)
    try:
        tell(ProgressEvent("open", 0, 1))
        pair, infos, comparability, view = open_pair(
            before, after, chosen, mask_before=mask_before, mask_after=mask_after, aoi=aoi
        )
        tell(ProgressEvent("open", 1, 1))
        alignment = Alignment.identity()
        if chosen.align:
            alignment = estimate_alignment(pair, seed=chosen.seed, progress=tell)
        if figure is not None:
            alignment_figure(pair, pair.with_alignment(alignment), alignment, figure)
    finally:
        close_progress(tell)
    return Inspection(infos, pair.grid, pair.roles, comparability, alignment, view.observed, view)


def align(
    before: Any,
    after: Any,
    *,
    mask_before: Any = None,
    mask_after: Any = None,
    aoi: Any = None,
    config: Config | None = None,
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> Alignment:
    """Estimate how the after image must be moved to lie on the before image.

    Parameters
    ----------
    before, after, mask_before, mask_after, aoi, config, progress, **settings
        As for :func:`changedet.detect`.

    Returns
    -------
    Alignment
        Can be printed, saved with ``describe()``, and passed to ``detect(alignment=...)``. Its
        grade is ``refused`` where it cannot be trusted.
    """
    return inspect(
        before, after, mask_before=mask_before, mask_after=mask_after, aoi=aoi, config=config,
        progress=progress, **{**settings, "align": True},
    ).alignment  # fmt: skip


def align_stack(
    images: Sequence[Any],
    *,
    reference: int = 0,
    masks: Sequence[Any] | None = None,
    config: Config | None = None,
    progress: bool | ProgressCallback | None = None,
    **settings: Any,
) -> tuple[Alignment, ...]:
    """Estimate how many images must be moved to lie on one of them, consistently.

    Parameters
    ----------
    images : sequence
        At least two, in the order of their dates; anything that :func:`changedet.detect` takes.
    reference : int
        Position of the image on which the others are laid; negative ones count from the end.
    masks : sequence, optional
        One an image, or None: where not zero, the image is not used.
    config, progress, **settings
        As for :func:`changedet.detect`.

    Returns
    -------
    tuple of Alignment
        One an image, the reference's own among them. Each can be passed to
        ``detect(images[reference], image, alignment=...)``.

    Raises
    ------
    ConfigError
        If there are fewer than two images, or no such reference.
    """
    chosen, count = settle(config, settings), len(images)
    if count < 2 or not -count <= reference < count:
        raise ConfigError(
            f"reference={reference} with {count} images: give at least two images, and the "
            "position of one of them as the reference."
        )
    if masks is not None and len(masks) != count:
        raise ConfigError(f"{len(masks)} masks were given for {count} images: give one an image.")

    def pair(i: int, j: int) -> AlignedPair:
        before, after = (None, None) if masks is None else (masks[i], masks[j])
        return read_pair_sources(
            images[i], images[j], config=chosen, mask_before=before, mask_after=after
        )

    tell = as_progress(progress)
    try:
        return loading.align_stack(pair, count, reference % count, seed=chosen.seed, progress=tell)
    finally:
        close_progress(tell)
