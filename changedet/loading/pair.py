"""The aligned pair: before and after read on the common grid, window by window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from affine import Affine

from changedet.errors import BandError
from changedet.loading.reading.positions import Positions, spread_nodes
from changedet.loading.reading.reduced import reduce_source
from changedet.loading.reading.saturation import hide_saturated
from changedet.loading.reading.screens import Screen, ScreenedSource
from changedet.loading.reading.source import Source
from changedet.loading.reading.warp import Warp
from changedet.loading.vectors.area import AreaMask
from changedet.model import Alignment, Grid, Image, ImageInfo, ImagePair, Places, Window

_SIGMA_STEP = 32


class AlignedPair:
    """Two sources on one grid; implements :class:`changedet.model.PairReader`.

    Safe to call from several threads. A pixel's values never depend on the window through which
    it is read.

    Parameters
    ----------
    before, after : Source
        The two images.
    grid : Grid
        The common grid, see :func:`choose_grid`.
    roles : sequence of str
        The common bands, see :func:`match_bands`.
    before_bands, after_bands : sequence of int
        Their 0-based positions in the two sources.
    alignment : Alignment, optional
        Correction of the after image; none by default.
    aoi : Places, optional
        Polygons outside which nothing is valid.
    saturation : tuple of float or None, optional
        Values at and above which the two images are saturated. A pixel saturated in every band at
        both dates is not valid.
    """

    def __init__(
        self,
        before: Source,
        after: Source,
        grid: Grid,
        roles: Sequence[str],
        before_bands: Sequence[int],
        after_bands: Sequence[int],
        alignment: Alignment | None = None,
        aoi: Places | None = None,
        saturation: tuple[float | None, float | None] = (None, None),
    ) -> None:
        if not len(roles) == len(before_bands) == len(after_bands) > 0:
            raise BandError(
                f"{len(roles)} roles, {len(before_bands)} bands before and {len(after_bands)} "
                "after were given: give one role and one band of each image, at least one."
            )
        self._sources = (before, after)
        self._bands = (tuple(before_bands), tuple(after_bands))
        self._grid = grid
        self._roles = tuple(roles)
        self._aoi = aoi
        self._saturation = saturation
        self._area = None if aoi is None else AreaMask(aoi, grid)
        self.alignment = alignment or Alignment.identity("not estimated")
        self._before = Warp(before, before_bands, grid)
        self._after = Warp(after, after_bands, grid, self.alignment)

    def __repr__(self) -> str:
        return f"<AlignedPair: {', '.join(self._roles)} on {self._grid}>"

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self._grid

    @property
    def roles(self) -> tuple[str, ...]:
        """The bands of both images, in the order in which they are read."""
        return self._roles

    @property
    def sources(self) -> tuple[Source, Source]:
        """Where before and after come from."""
        return self._sources

    @property
    def infos(self) -> tuple[ImageInfo, ImageInfo]:
        """What is known about before and after; ``roles`` are those of the common bands."""
        before, after = (replace(s.info, roles=self._roles) for s in self._sources)
        return before, after

    def with_alignment(self, alignment: Alignment) -> AlignedPair:
        """Return the same pair with another correction of the after image."""
        return AlignedPair(
            *self._sources, self._grid, self._roles, *self._bands, alignment, self._aoi,
            self._saturation,
        )  # fmt: skip

    def screened(
        self,
        screens: tuple[Sequence[Screen], Sequence[Screen]] = ((), ()),
        saturation: tuple[float | None, float | None] | None = None,
    ) -> AlignedPair:
        """Return the same pair with more of it hidden: screens of each image, saturated pixels."""
        before, after = (
            ScreenedSource(source, more) if more else source
            for source, more in zip(self._sources, screens, strict=True)
        )
        levels = self._saturation if saturation is None else saturation
        return AlignedPair(
            before, after, self._grid, self._roles, *self._bands, self.alignment, self._aoi, levels
        )

    def area_share(self, factor: int) -> np.ndarray | None:
        """Share of each pixel of an overview that lies in the area of interest; None without."""
        return None if self._area is None else self._area.share(factor)

    def read(self, window: Window) -> ImagePair:
        """Read a window, which may reach beyond the grid (invalid there, pixels 0)."""
        inner = window.intersect(self._grid.window)
        grid = self._grid.subset(window)
        area = None if self._area is None or inner.empty else self._area.read(inner)
        images = []
        for warp in (self._before, self._after):
            pixels = np.zeros((len(self._roles), *window.shape), dtype=np.float32)
            valid = np.zeros(window.shape, dtype=bool)
            if not inner.empty:
                values, good = warp.read(inner)
                if area is not None:
                    good &= area
                    values[:, ~good] = 0
                if inner == window:
                    pixels, valid = values, good
                else:
                    place = inner.within(window)
                    pixels[(slice(None), *place)], valid[place] = values, good
            images.append(Image(pixels, valid, grid, self._roles))
        before, after = hide_saturated(images[0], images[1], self._saturation)
        return ImagePair(before, after, self._residual(window))

    def _residual(self, window: Window) -> np.ndarray | None:
        """Remaining misregistration of a window, or None where nothing was measured."""
        if self.alignment.grade == "none":
            return None
        step = _SIGMA_STEP
        i0, j0 = window.row // step, window.col // step
        i1 = (window.row + window.height - 1) // step + 1
        j1 = (window.col + window.width - 1) // step + 1
        rows, cols = np.arange(i0, i1 + 1) * float(step), np.arange(j0, j1 + 1) * float(step)
        nodes = self.alignment.residual(rows[:, None], cols[None, :])
        place = Window(window.row - i0 * step, window.col - j0 * step, *window.shape)
        return spread_nodes(nodes, step, place).astype(np.float32)

    def overview(self, factor: int) -> ImagePair:
        """The whole pair averaged over ``factor`` x ``factor`` pixels.

        Files are read row by row and averaged at their own resolution, valid pixels only, so that
        memory stays small. A coarse pixel is valid where at least half of it is.
        """
        factor = max(1, int(factor))
        if factor == 1:
            return self.read(self._grid.window)
        grid = coarser(self._grid, factor)
        area = None if self._area is None else self._area.share(factor) >= 0.5
        images = []
        for source, bands, alignment in zip(
            self._sources, self._bands, (None, self.alignment), strict=True
        ):
            fine = Positions(self._grid, source.info.grid, alignment)
            small, chosen = reduce_source(source, bands, fine, self._grid, factor)
            pixels, valid = Warp(small, chosen, self._grid, alignment, factor).read(grid.window)
            if area is not None:
                valid &= area
                pixels[:, ~valid] = 0
            images.append(Image(pixels, valid, grid, self._roles))
        residual = None
        if self.alignment.grade != "none":
            r, c = ((np.arange(n) + 0.5) * factor - 0.5 for n in grid.shape)
            residual = (self.alignment.residual(r[:, None], c[None, :]) / factor).astype(np.float32)
        before, after = hide_saturated(images[0], images[1], self._saturation)
        return ImagePair(before, after, residual)


def coarser(grid: Grid, factor: int) -> Grid:
    """Return the grid with pixels ``factor`` times larger; the last ones may reach beyond."""
    t, n = grid.transform, factor
    transform = Affine(t.a * n, t.b * n, t.c, t.d * n, t.e * n, t.f)
    return Grid(transform, math.ceil(grid.height / n), math.ceil(grid.width / n), grid.crs)


def valid_fraction(pair: AlignedPair, side: int = 1024) -> float:
    """Share of the common grid that is valid in both images, from an overview.

    Parameters
    ----------
    pair : AlignedPair
        The pair.
    side : int
        Largest side of the overview, pixels.
    """
    factor = max(1, math.ceil(max(pair.grid.shape) / side))
    valid = pair.overview(factor).valid
    # coarse pixels that mostly lie beyond the grid say nothing
    height, width = (max(1, math.floor(n / factor + 0.5)) for n in pair.grid.shape)
    return float(valid[:height, :width].mean())
