"""Laying one source on a grid: each pixel resampled once, the same through any window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from changedet.loading.reading.positions import UNITS, Positions, Shift
from changedet.loading.reading.resample import (
    REACH,
    Gather,
    block_all,
    block_max,
    block_mean,
    shift_block,
    spread,
)
from changedet.loading.reading.source import Source
from changedet.model import Alignment, Grid, Window

_BLOCK = 1024
"""Largest side of what is read and resampled at once, pixels of the (refined) target."""
_PART = 256
"""Largest side of what is interpolated at once; small enough for the processor's cache."""


class Warp:
    """Reads a source on another grid.

    What is done depends on the geometry alone, never on the window: a plain read where pixels
    coincide, a separable filter where they differ by a constant shift, else interpolation at
    positions that are computed exactly at nodes on fixed places of the target and bilinearly
    between them. Where a target pixel is coarser than 1.3 source pixels, it is the mean of
    sub-pixels at the source's own resolution.

    A position is inside the source up to the outer edge of its last pixel; beyond the last pixel
    centre the kernel repeats the last pixel. A pixel is valid if no pixel under its kernel is
    invalid.

    Parameters
    ----------
    source : Source
        Where pixels come from.
    bands : sequence of int
        0-based positions in ``source.info.roles``.
    grid : Grid
        The common grid.
    alignment : Alignment, optional
        Correction added to the source's coordinates.
    zoom : int
        Size of the target's pixels in pixels of ``grid``; the target is then ``grid`` coarsened.
    """

    def __init__(
        self,
        source: Source,
        bands: Sequence[int],
        grid: Grid,
        alignment: Alignment | None = None,
        zoom: int = 1,
    ) -> None:
        self.source = source
        self.bands = tuple(bands)
        self.positions = Positions(grid, source.info.grid, alignment, zoom)

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (band, y, x) float32 and validity (y, x) of a window inside the target."""
        shift = self.positions.shift
        down, along = self.positions.refinement
        high = max(1, _BLOCK // down)
        wide = max(1, (_BLOCK if shift is None else 2 * _BLOCK) // along)
        if shift is not None and self.positions.refinement == (1, 1):
            high = wide = 4096
        if window.height <= high and window.width <= wide:
            return self._block(window)
        pixels, valid = self._nothing(window)
        for row in range(0, window.height, high):
            for col in range(0, window.width, wide):
                part = Window(
                    window.row + row, window.col + col,
                    min(high, window.height - row), min(wide, window.width - col),
                )  # fmt: skip
                place = part.within(window)
                pixels[(slice(None), *place)], valid[place] = self._block(part)
        return pixels, valid

    def _block(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Target pixels of a window small enough to be resampled at once."""
        down, along = self.positions.refinement
        fine = Window(
            window.row * down, window.col * along, window.height * down, window.width * along
        )
        shift = self.positions.shift
        pixels, valid = self._shifted(fine, shift) if shift else self._gathered(fine)
        pixels, valid = block_mean(pixels, down, along), block_all(valid, down, along)
        if not valid.all():
            pixels[:, ~valid] = 0
        return pixels, valid

    def greatest(self, window: Window) -> np.ndarray:
        """(y, x) float32: value of the source's first band at the centre of a target pixel.

        The greatest of those of its sub-pixels, where the source is finer; 0 outside the source.
        For codes, which cannot be averaged.
        """
        down, along = self.positions.refinement
        fine = Window(
            window.row * down, window.col * along, window.height * down, window.width * along
        )
        found = np.zeros(fine.shape, dtype=np.float32)
        lines = self.positions.lines(fine)
        rows, cols = ((q + UNITS // 2) // UNITS for q in (lines or self.positions.of_window(fine)))
        height, width = self.source.info.grid.shape
        good_rows, good_cols = (rows >= 0) & (rows < height), (cols >= 0) & (cols < width)
        if lines is None:
            good_rows = good_cols = good_rows & good_cols
        if good_rows.any() and good_cols.any():
            r, c = rows[good_rows].astype(np.intp), cols[good_cols].astype(np.intp)
            top, left = int(r.min()), int(c.min())
            part = Window(top, left, int(r.max()) - top + 1, int(c.max()) - left + 1)
            values, _ = self.source.read(part, self.bands[:1])
            if lines is None:
                found[good_rows] = values[0, r - top, c - left]
            elif values.any():
                found[np.ix_(good_rows, good_cols)] = values[0][np.ix_(r - top, c - left)]
        return block_max(found, down, along)

    def _nothing(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(self.bands), *window.shape)
        return np.zeros(shape, dtype=np.float32), np.zeros(window.shape, dtype=bool)

    def _shifted(self, window: Window, shift: Shift) -> tuple[np.ndarray, np.ndarray]:
        """Refined pixels where the source is merely shifted (and perhaps mirrored)."""
        (sign_r, sign_c), (shift_r, shift_c) = shift
        height, width = self.source.info.grid.shape
        # in a mirrored axis positions are counted from the other end
        if sign_r < 0:
            shift_r = (height - 1) * UNITS - shift_r
        if sign_c < 0:
            shift_c = (width - 1) * UNITS - shift_c
        (row, part_r), (col, part_c) = divmod(shift_r, UNITS), divmod(shift_c, UNITS)
        need = Window(window.row + row, window.col + col, *window.shape)
        if part_r or part_c:
            before, after = REACH
            need = Window(
                need.row - before, need.col - before,
                need.height + before + after, need.width + before + after,
            )  # fmt: skip
        fetched = self._fetch(need, (sign_r < 0, sign_c < 0))
        if fetched is None:
            return self._nothing(window)
        pixels, bad = fetched
        if part_r or part_c:
            pixels = shift_block(pixels, part_r / UNITS, part_c / UNITS)
            if bad.any():
                bad = spread(bad, rows=part_r != 0, cols=part_c != 0)
            before, after = REACH
            bad = bad[before:-after, before:-after]
        inside = [
            (lambda q, size: (q >= -UNITS // 2) & (q <= size * UNITS - UNITS // 2))(
                (first + np.arange(count)) * UNITS + shift, size
            )
            for first, count, shift, size in (
                (window.row, window.height, shift_r, height),
                (window.col, window.width, shift_c, width),
            )
        ]
        return pixels, (bad == 0) & inside[0][:, None] & inside[1][None, :]

    def _gathered(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Refined pixels anywhere: the source is read once, and interpolated in small parts."""
        pixels, valid = self._nothing(window)
        bounds = self.positions.bounds(window)
        if bounds is None:
            return pixels, valid
        height, width = self.source.info.grid.shape
        (top, left, bottom, right), (before, after) = bounds, REACH
        top, left = max(top, -1) - before, max(left, -1) - before
        bottom, right = min(bottom, height) + after, min(right, width) + after
        need = Window(top, left, bottom - top + 1, right - left + 1)
        fetched = None if need.empty else self._fetch(need, (False, False))
        if fetched is None:
            return pixels, valid
        for row in range(0, window.height, _PART):
            for col in range(0, window.width, _PART):
                part = Window(
                    window.row + row, window.col + col,
                    min(_PART, window.height - row), min(_PART, window.width - col),
                )  # fmt: skip
                place = part.within(window)
                out = pixels[(slice(None), *place)]
                valid[place] = self._interpolate(part, fetched, (top, left), out)
        return pixels, valid

    def _interpolate(
        self,
        window: Window,
        fetched: tuple[np.ndarray, np.ndarray],
        corner: tuple[int, int],
        out: np.ndarray,
    ) -> np.ndarray:
        """Interpolate refined pixels in what was fetched; returns which are valid.

        Parameters
        ----------
        window : Window
            Refined pixels.
        fetched : pixels and bad pixels
            Enough of the source.
        corner : tuple of int
            Row and column in the source of the first fetched pixel.
        out : (band, y, x) array
            Is filled.
        """
        rows, cols = self.positions.of_window(window)
        height, width = self.source.info.grid.shape
        half = UNITS // 2
        inside = (rows >= -half) & (rows <= height * UNITS - half)
        inside &= (cols >= -half) & (cols <= width * UNITS - half)
        if not inside.any():
            return inside
        all_inside = bool(inside.all())
        r, c = (rows, cols) if all_inside else (rows[inside], cols[inside])
        before, after = REACH
        top, left = int(r.min() // UNITS) - before, int(c.min() // UNITS) - before
        bottom, right = int(r.max() // UNITS) + after, int(c.max() // UNITS) + after
        if not all_inside:  # somewhere harmless
            rows = np.where(inside, rows, (top + before) * UNITS)
            cols = np.where(inside, cols, (left + before) * UNITS)
        y = (rows - top * UNITS).astype(np.float32) / np.float32(UNITS)
        x = (cols - left * UNITS).astype(np.float32) / np.float32(UNITS)
        gather = Gather(y, x)
        need = Window(top - corner[0], left - corner[1], bottom - top + 1, right - left + 1)
        for band, result in zip(fetched[0], out, strict=True):
            result[:] = gather.band(band[need.slices])
        bad = fetched[1][need.slices]
        return inside & ~gather.touches(np.ascontiguousarray(bad)) if bad.any() else inside

    def _fetch(
        self, window: Window, mirrored: tuple[bool, bool]
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Source pixels and bad pixels (uint8) of a window that may reach beyond the source.

        Beyond the source, the pixels at its edge are repeated, bad ones as bad.
        """
        grid = self.source.info.grid
        inner = window.intersect(grid.window)
        if inner.empty:
            return None
        up, left = mirrored
        place = Window(
            grid.height - inner.row - inner.height if up else inner.row,
            grid.width - inner.col - inner.width if left else inner.col,
            *inner.shape,
        )
        pixels, valid = self.source.read(place, self.bands)
        if up or left:
            turn = (slice(None, None, -1 if up else 1), slice(None, None, -1 if left else 1))
            pixels = np.ascontiguousarray(pixels[(slice(None), *turn)])
            valid = np.ascontiguousarray(valid[turn])
        bad = (~valid).view(np.uint8)
        if inner == window:
            return pixels, bad
        top, bottom = inner.row - window.row, window.row + window.height - inner.row - inner.height
        west, east = inner.col - window.col, window.col + window.width - inner.col - inner.width
        sides = ((top, bottom), (west, east))
        return np.pad(pixels, ((0, 0), *sides), mode="edge"), np.pad(bad, sides, mode="edge")
