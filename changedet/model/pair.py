"""A pair of images on one grid, and whether two images can be compared at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from changedet.errors import GridError
from changedet.model.grid import Grid, Window
from changedet.model.image import Image, ImageInfo


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Before and after on the same grid with the same bands.

    Raises
    ------
    GridError
        If grids or bands differ.
    """

    before: Image
    after: Image
    residual_px: np.ndarray | None = None
    """(y, x) float32 standard deviation of the remaining misregistration in pixels, or None."""

    def __post_init__(self) -> None:
        if self.before.grid != self.after.grid:
            raise GridError(
                f"The two images lie on different grids, {self.before.grid.transform[:6]} and "
                f"{self.after.grid.transform[:6]}: bring them to one grid first (cd.align)."
            )
        if self.before.roles != self.after.roles:
            raise GridError(
                f"The two images have different bands, {self.before.roles} and "
                f"{self.after.roles}: match them first."
            )

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.before.grid

    @property
    def valid(self) -> np.ndarray:
        """(y, x) bool: usable at both dates."""
        return self.before.valid & self.after.valid


class PairReader(Protocol):
    """Gives aligned windows of a pair; safe to call from several threads."""

    @property
    def grid(self) -> Grid:
        """The common grid."""
        ...

    @property
    def roles(self) -> tuple[str, ...]:
        """The bands of both images, in the order in which they are read."""
        ...

    @property
    def infos(self) -> tuple[ImageInfo, ImageInfo]:
        """What is known about before and after."""
        ...

    def read(self, window: Window) -> ImagePair:
        """Read a window, which may reach beyond the grid (invalid there).

        A pixel's values never depend on the window through which it is read.
        """
        ...

    def overview(self, factor: int) -> ImagePair:
        """The whole pair averaged over ``factor`` x ``factor`` pixels, on a grid coarser by it."""
        ...


@dataclass(frozen=True)
class Comparability:
    """Whether two images can be compared, and what false changes to expect."""

    grade: Literal["go", "caution", "no-go"]
    """The verdict."""
    reasons: tuple[str, ...] = ()
    """Why, in words; empty for a plain go."""
    measures: tuple[tuple[str, float], ...] = ()
    """What was measured: (name, value)."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "grade": self.grade,
            "reasons": list(self.reasons),
            "measures": dict(self.measures),
        }
