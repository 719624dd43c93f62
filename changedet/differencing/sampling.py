"""Which pixels the estimates rest on: fixed blocks, so that no estimate depends on the tiling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from changedet.errors import NotEnoughValidPixels
from changedet.model import Grid, ImagePair, PairReader, Window

BLOCK = 256
MINIMUM_VALID = 1000
"""Fewer valid pixels than this cannot carry any estimate."""


def sample_windows(grid: Grid, seed: int, budget: int = 2_000_000) -> tuple[Window, ...]:
    """Blocks on which estimates are made.

    A grid of at most ``budget`` pixels is covered whole. A larger one is cut into equal cells, as
    many as the budget has blocks, and one block is placed at random (by ``seed``) in each.

    Parameters
    ----------
    grid : Grid
        The common grid.
    seed : int
        Seed of the placement.
    budget : int
        Pixels to sample at most, about.

    Returns
    -------
    tuple of Window
        Inside the grid, in row-major order, not overlapping.
    """
    if grid.height * grid.width <= budget:
        return tuple(grid.tiles(BLOCK))
    count = max(1, budget // BLOCK**2)
    down = max(1, round(np.sqrt(count * grid.height / grid.width)))
    down = min(down, count, max(1, grid.height // BLOCK))
    across = min(max(1, count // down), max(1, grid.width // BLOCK))
    generator = np.random.default_rng(seed)
    windows = []
    for i in range(down):
        for j in range(across):
            top, bottom = i * grid.height // down, (i + 1) * grid.height // down
            left, right = j * grid.width // across, (j + 1) * grid.width // across
            height, width = min(BLOCK, bottom - top), min(BLOCK, right - left)
            row = top + int(generator.integers(0, bottom - top - height + 1))
            col = left + int(generator.integers(0, right - left - width + 1))
            windows.append(Window(row, col, height, width))
    return tuple(windows)


@dataclass(frozen=True, eq=False)
class Sample:
    """The pixels on which detector, radiometry and null model are estimated.

    Reading is repeated for each pass rather than kept, so that memory stays flat.
    """

    reader: PairReader
    """Gives the aligned pair."""
    windows: tuple[Window, ...]
    """Where."""
    left_out: tuple[np.ndarray, ...] | None = None
    """One (y, x) bool array a window, which may reach beyond it by the same on each side: pixels
    that are not to be used, as if they were not valid."""

    def pairs(self, halo: int = 0) -> Iterator[tuple[Window, ImagePair]]:
        """Each block with a halo around it."""
        for i, window in enumerate(self.windows):
            pair = self.reader.read(window.pad(halo))
            if self.left_out is not None:
                pair = _without(pair, self.left_out[i], window, halo)
            yield window, pair

    def without(self, places: Sequence[np.ndarray]) -> Sample:
        """The same sample with some places left out, see :attr:`left_out`."""
        return replace(self, left_out=tuple(places))

    def pixels(self, limit: int = 1_000_000) -> tuple[np.ndarray, np.ndarray]:
        """Jointly valid pixels of all blocks, thinned evenly to at most ``limit``.

        Returns
        -------
        before, after : (band, n) float32 arrays

        Raises
        ------
        NotEnoughValidPixels
            If fewer than :data:`MINIMUM_VALID` pixels are valid at both dates.
        """
        before, after, total = [], [], 0
        for _, pair in self.pairs():
            valid = pair.valid
            before.append(pair.before.pixels[:, valid])
            after.append(pair.after.pixels[:, valid])
            total += before[-1].shape[1]
        if total < MINIMUM_VALID:
            share = total / max(1, sum(w.height * w.width for w in self.windows))
            raise NotEnoughValidPixels(
                f"Only {total} pixels ({share:.1%} of those sampled) are valid in both images; at "
                f"least {MINIMUM_VALID} are needed. Check nodata values and masks, and that the "
                "images overlap where both have data."
            )
        step = max(1, -(-total // limit))
        return (
            np.ascontiguousarray(np.concatenate(before, axis=1)[:, ::step]),
            np.ascontiguousarray(np.concatenate(after, axis=1)[:, ::step]),
        )


def _without(pair: ImagePair, places: np.ndarray, window: Window, halo: int) -> ImagePair:
    """A block with its halo in which places are not valid; they are known on another halo."""
    known = (places.shape[0] - window.height) // 2
    gone = places[max(0, known - halo) :, max(0, known - halo) :]
    rest = max(0, halo - known)
    gone = np.pad(
        gone[: window.height + 2 * (halo - rest), : window.width + 2 * (halo - rest)], rest
    )
    before, after = (
        replace(image, valid=image.valid & ~gone) for image in (pair.before, pair.after)
    )
    return replace(pair, before=before, after=after)
