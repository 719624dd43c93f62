"""Laying one source on a grid: each pixel resampled once, the same through any window."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from changedet.loading.gridlink import GridLink
from changedet.loading.resample import (
    REACH,
    UNITS,
    Gather,
    block_all,
    block_mean,
    shift_block,
    spread,
)
from changedet.loading.sources import Source
from changedet.model import Alignment, Grid, Lattice, Window

_COARSENING = 1.3
"""Source pixels a target pixel from which on pixels are averaged."""
_NODE_ERROR = 0.003
"""Largest error of positions interpolated between nodes, pixels of source or target, whichever
are larger on the ground."""
_STEPS = (64, 32, 16, 8, 4, 2)
"""Distances between nodes that are tried, pixels."""
_BLOCK = 512
"""Largest side of what is resampled at once, pixels of the (refined) target."""
_FAR = -1e7
"""Stands for a position that is nowhere."""


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
        self.shape = (math.ceil(grid.height / zoom), math.ceil(grid.width / zoom))
        self._link = GridLink(grid, source.info.grid)
        alignment = alignment or Alignment.identity()
        self._lattices = (alignment.dy, alignment.dx)
        self._constant = _constant(self._lattices)
        self._zoom = zoom
        self.refinement = self._refinement()
        self._pitch = tuple(zoom / n for n in self.refinement)
        self._shift = self._plain_shift()
        self._step = 0 if self._shift else self._node_step()

    # -- geometry ---------------------------------------------------------------------------

    def source_position(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact (row, col) in the source of positions in the common grid, elementwise."""
        if self._constant is not None:
            dy, dx = self._constant
            return self._link.rowcol(rows - dy, cols - dx)
        down, along = self._lattices
        return self._link.rowcol(rows - down.at(rows, cols), cols - along.at(rows, cols))

    def _refined_position(
        self, rows: np.ndarray, cols: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Exact (row, col) in the source of refined target pixels."""
        down, along = self._pitch
        return self.source_position((rows + 0.5) * down - 0.5, (cols + 0.5) * along - 0.5)

    def _scale(self) -> tuple[float, float]:
        """Source pixels a target pixel is high and wide, at the centre (1 where undefined)."""
        h, w = self._link.source.shape
        r, c = (h - 1) / 2, (w - 1) / 2
        rows, cols = self.source_position(
            np.array([r - 0.5, r + 0.5, r, r]), np.array([c, c, c - 0.5, c + 0.5])
        )
        out = []
        for i in (0, 2):
            size = math.hypot(rows[i + 1] - rows[i], cols[i + 1] - cols[i]) * self._zoom
            out.append(size if math.isfinite(size) and size > 0 else 1.0)
        return out[0], out[1]

    def _refinement(self) -> tuple[int, int]:
        """Sub-pixels a target pixel (rows, columns)."""
        out = []
        for size in self._scale():
            whole = round(size)
            near = whole if abs(size - whole) < 0.02 else math.ceil(size / 1.1)
            out.append(1 if size <= _COARSENING else near)
        return out[0], out[1]

    def _plain_shift(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Direction and shift (rows, columns; in 1/1024 px) where pixels are merely shifted."""
        linear = self._link.affine
        if linear is None or self._constant is None:
            return None
        if linear.b != 0 or linear.d != 0:
            return None
        signs, shifts = [], []
        for slope, pitch, size in zip((linear.e, linear.a), self._pitch, self.shape, strict=True):
            stretch = abs(abs(slope * pitch) - 1)
            if stretch * size * max(self.refinement) > 0.5 / UNITS:
                return None
            signs.append(1 if slope > 0 else -1)
        row, col = self._refined_position(np.zeros(1), np.zeros(1))
        shifts = [round(float(v[0]) * UNITS) for v in (row, col)]
        return (signs[0], signs[1]), (shifts[0], shifts[1])

    def _node_step(self) -> int:
        """Widest distance of nodes (refined pixels) between which positions are exact enough."""
        height, width = (s * n for s, n in zip(self.shape, self.refinement, strict=True))
        fine = min(1.0, *(s / n for s, n in zip(self._scale(), self.refinement, strict=True)))
        for step in _STEPS:
            rows = np.unique(np.linspace(0, height // step, 33).astype(int)) * step
            cols = np.unique(np.linspace(0, width // step, 33).astype(int)) * step
            r, c = (v.ravel().astype(np.float64) for v in np.meshgrid(rows, cols, indexing="ij"))
            worst = 0.0
            for down, along in ((0.5, 0.5), (0.5, 0.0), (0.0, 0.5)):
                exact = self._refined_position(r + down * step, c + along * step)
                rough = np.zeros((2, len(r)))
                for i, wi in ((0, 1 - down), (1, down)):
                    for j, wj in ((0, 1 - along), (1, along)):
                        corner = self._refined_position(r + i * step, c + j * step)
                        with np.errstate(invalid="ignore"):
                            rough += wi * wj * np.stack(corner)
                with np.errstate(invalid="ignore"):
                    error = np.abs(rough - np.stack(exact))
                worst = max(worst, float(np.nanmax(np.where(np.isfinite(error), error, 0.0))))
            if worst < _NODE_ERROR * fine:
                break
        return step

    # -- pixels -----------------------------------------------------------------------------

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (band, y, x) float32 and validity (y, x) of a window inside the target."""
        pixels = np.zeros((len(self.bands), *window.shape), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=bool)
        down, along = self.refinement
        high = max(1, _BLOCK // down)
        wide = max(1, (_BLOCK if self._shift is None else 4 * _BLOCK) // along)
        if self._shift is not None and self.refinement == (1, 1):
            high = wide = 4096
        for row in range(0, window.height, high):
            for col in range(0, window.width, wide):
                part = Window(
                    window.row + row, window.col + col,
                    min(high, window.height - row), min(wide, window.width - col),
                )  # fmt: skip
                fine = Window(
                    part.row * down, part.col * along, part.height * down, part.width * along
                )
                values, good = self._shifted(fine) if self._shift else self._gathered(fine)
                good = block_all(good, down, along)
                values = block_mean(values, down, along)
                if not good.all():
                    values[:, ~good] = 0
                place = part.within(window)
                pixels[(slice(None), *place)] = values
                valid[place] = good
        return pixels, valid

    def touched(self, window: Window) -> np.ndarray:
        """(y, x) bool: whether the source's first band is not 0 at the centre of a target pixel.

        Of any of the sub-pixels, where the source is finer. False outside the source.
        """
        down, along = self.refinement
        fine = Window(
            window.row * down, window.col * along, window.height * down, window.width * along
        )
        rows, cols = ((q + UNITS // 2) // UNITS for q in self._positions(fine))
        height, width = self.source.info.grid.shape
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
        hit = np.zeros(fine.shape, dtype=bool)
        if inside.any():
            r, c = rows[inside].astype(np.intp), cols[inside].astype(np.intp)
            top, left = int(r.min()), int(c.min())
            part = Window(top, left, int(r.max()) - top + 1, int(c.max()) - left + 1)
            values, _ = self.source.read(part, self.bands[:1])
            hit[inside] = values[0, r - top, c - left] != 0
        return ~block_all(~hit, down, along)

    def _nothing(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        shape = (len(self.bands), *window.shape)
        return np.zeros(shape, dtype=np.float32), np.zeros(window.shape, dtype=bool)

    def _shifted(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Refined pixels where the source is merely shifted (and perhaps mirrored)."""
        assert self._shift is not None
        (sign_r, sign_c), (shift_r, shift_c) = self._shift
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
        """Refined pixels anywhere."""
        rows, cols = self._positions(window)
        height, width = self.source.info.grid.shape
        half = UNITS // 2
        inside = (rows >= -half) & (rows <= height * UNITS - half)
        inside &= (cols >= -half) & (cols <= width * UNITS - half)
        if not inside.any():
            return self._nothing(window)
        all_inside = bool(inside.all())
        r, c = (rows, cols) if all_inside else (rows[inside], cols[inside])
        before, after = REACH
        top, left = int(r.min() // UNITS) - before, int(c.min() // UNITS) - before
        bottom, right = int(r.max() // UNITS) + after, int(c.max() // UNITS) + after
        fetched = self._fetch(Window(top, left, bottom - top + 1, right - left + 1), (False, False))
        if fetched is None:
            return self._nothing(window)
        pixels, bad = fetched
        if not all_inside:  # somewhere harmless
            rows = np.where(inside, rows, (top + before) * UNITS)
            cols = np.where(inside, cols, (left + before) * UNITS)
        y = (rows - top * UNITS).astype(np.float32) / np.float32(UNITS)
        x = (cols - left * UNITS).astype(np.float32) / np.float32(UNITS)
        gather = Gather(y, x)
        out = np.stack([gather.band(band) for band in pixels])
        valid = inside & ~gather.touches(bad) if bad.any() else inside
        return out, valid

    def _positions(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Positions in the source in 1/1024 px, whole numbers in float64, of refined pixels."""
        if self._shift is not None:
            (sign_r, sign_c), (shift_r, shift_c) = self._shift
            lines = (window.row + np.arange(window.height, dtype=np.float64)) * sign_r * UNITS
            places = (window.col + np.arange(window.width, dtype=np.float64)) * sign_c * UNITS
            shape = window.shape
            return (
                np.broadcast_to((lines + shift_r)[:, None], shape),
                np.broadcast_to((places + shift_c)[None, :], shape),
            )
        step = self._step
        i0, j0 = window.row // step, window.col // step
        i1 = (window.row + window.height - 1) // step + 1
        j1 = (window.col + window.width - 1) // step + 1
        node_r, node_c = (
            v.ravel()
            for v in np.meshgrid(
                np.arange(i0, i1 + 1) * float(step), np.arange(j0, j1 + 1) * float(step),
                indexing="ij",
            )
        )  # fmt: skip
        place = Window(window.row - i0 * step, window.col - j0 * step, *window.shape)
        out = []
        for nodes in self._refined_position(node_r, node_c):
            grid = np.where(np.isfinite(nodes), nodes, _FAR).reshape(i1 - i0 + 1, j1 - j0 + 1)
            out.append(np.rint(spread_nodes(grid * UNITS, step, place)))
        return out[0], out[1]

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


def spread_nodes(nodes: np.ndarray, step: int, place: Window) -> np.ndarray:
    """Interpolate node values bilinearly at whole pixels.

    Parameters
    ----------
    nodes : (n, m) float64 array
        Values at pixels ``step`` apart, the first at pixel (0, 0).
    step : int
        Pixels between nodes.
    place : Window
        Pixels wanted, inside the nodes. The same pixel gets the same bits in any window.
    """
    rows = place.row + np.arange(place.height)
    i, t = rows // step, (rows % step / step)[:, None]
    tall = nodes[i] + (nodes[i + 1] - nodes[i]) * t
    rise = np.diff(tall, axis=1)
    u = np.arange(step) / step
    wide = tall[:, :-1, None] + rise[:, :, None] * u
    return wide.reshape(len(rows), -1)[:, place.col : place.col + place.width]


def _constant(lattices: tuple[Lattice, Lattice]) -> tuple[float, float] | None:
    """(dy, dx) where they are the same everywhere, else None."""
    if any(np.ptp(lattice.values) != 0 for lattice in lattices):
        return None
    return float(lattices[0].values.flat[0]), float(lattices[1].values.flat[0])
