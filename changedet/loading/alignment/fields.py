"""Feature fields of a block of ground at both dates, read once and kept while memory allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.alignment.features import Recipe, feature, usable
from changedet.loading.alignment.trust import Tone, sunlit
from changedet.model import Image, ImagePair, PairReader, Window

_ROOM = 6_000_000
"""Pixels of feature fields that are kept at most (about 30 bytes each)."""
_LOOK_THROUGH = 32
"""Blocks among which a larger one is looked for at most."""
_SPARE = 8
"""Pixels read beyond what is needed, so that a better correction finds the block ready."""


@dataclass(frozen=True, eq=False)
class Fields:
    """Features of one block: the first image in its place, the second wherever it was sought."""

    near: Window
    """What ``first`` covers."""
    far: Window
    """What the planes of the second image cover."""
    first: np.ndarray
    """Complex64 feature of the image that stays."""
    known: np.ndarray
    """Bool: where it is known."""
    lit: np.ndarray | None
    """Its sunlight."""
    second: list[np.ndarray]
    """Planes of the image that is moved: feature (two), known, and sunlight if asked for."""


class Store:
    """Keeps the fields of blocks between passes.

    Parameters
    ----------
    tones : tuple of Tone, optional
        Brightness of before and after; without it sunlight is not worked out.
    room : int
        Pixels that are kept at most.
    """

    def __init__(self, tones: tuple[Tone, Tone] | None = None, room: int = _ROOM) -> None:
        self.tones = tones
        self._left = room
        self._kept: dict[tuple[Window, Recipe, bool], Fields] = {}

    def fields(
        self, pair: PairReader, near: Window, far: Window, recipe: Recipe, backward: bool
    ) -> Fields:
        """Return the fields of a block, from memory or from the pair."""
        key = (near, recipe, backward)
        kept = self._kept.get(key)
        if kept is not None and far.intersect(kept.far) == far:
            return kept
        larger = self._within(near, far, recipe, backward)
        if larger is not None:
            return larger
        pixels = near.height * near.width
        keep = kept is not None or self._left >= pixels
        made = read_fields(
            pair, near, far.pad(_SPARE) if keep else far, recipe, backward, self.tones
        )
        if keep:
            # blocks are worked on in several threads, each block in one; a race here would only
            # let one block too many be kept
            self._left -= pixels if kept is None else 0
            self._kept[key] = made
        return made

    def _within(self, near: Window, far: Window, recipe: Recipe, backward: bool) -> Fields | None:
        """Return a kept block that holds this one."""
        if len(self._kept) > _LOOK_THROUGH:
            return None
        for (_, its, way), kept in list(self._kept.items()):
            holds = near.intersect(kept.near) == near and far.intersect(kept.far) == far
            if holds and (its, way) == (recipe, backward):
                return kept
        return None


def read_fields(
    pair: PairReader,
    near: Window,
    far: Window,
    recipe: Recipe,
    backward: bool,
    tones: tuple[Tone, Tone] | None,
) -> Fields:
    """Read a block and work out its features."""
    here, there = _read(pair, near, far)
    one, other = (here.after, there.before) if backward else (here.before, there.after)
    dates = (int(backward), int(not backward))
    moving = feature(other.pixels, other.valid, recipe, dates[1])
    planes = [
        np.ascontiguousarray(moving.real),
        np.ascontiguousarray(moving.imag),
        usable(other.valid, recipe).astype(np.float32),
    ]
    lit = None
    if tones is not None:
        lit = sunlit(one.pixels, one.valid, tones[dates[0]])
        planes.append(sunlit(other.pixels, other.valid, tones[dates[1]]))
    first = feature(one.pixels, one.valid, recipe, dates[0])
    return Fields(near, far, first, usable(one.valid, recipe), lit, planes)


def _read(pair: PairReader, near: Window, far: Window) -> tuple[ImagePair, ImagePair]:
    """Read two windows of the pair: in one piece when they nearly coincide."""
    top, left = min(near.row, far.row), min(near.col, far.col)
    bottom = max(near.row + near.height, far.row + far.height)
    right = max(near.col + near.width, far.col + far.width)
    whole = Window(top, left, bottom - top, right - left)
    if whole.height * whole.width > 1.5 * near.height * near.width:
        return pair.read(near), pair.read(far)
    both = pair.read(whole)
    return _part(both, near, whole), _part(both, far, whole)


def _part(pair: ImagePair, window: Window, whole: Window) -> ImagePair:
    if window == whole:
        return pair
    rows, cols = window.within(whole)
    grid = pair.grid.subset(Window(rows.start, cols.start, window.height, window.width))
    one, other = (
        Image(image.pixels[:, rows, cols], image.valid[rows, cols], grid, image.roles)
        for image in (pair.before, pair.after)
    )
    return ImagePair(one, other)
