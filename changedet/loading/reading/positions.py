"""Where each pixel of a grid lies in a source: exact, and fast, the same through any window."""

from __future__ import annotations

import math

import numpy as np

from changedet.loading.reading.gridlink import GridLink
from changedet.model import Alignment, Grid, Lattice, Window

UNITS = 1024
"""Positions are rounded to 1/1024 px, so that they do not depend on where a window starts."""
_COARSENING = 1.3
"""Source pixels a target pixel from which on pixels are averaged."""
_NODE_ERROR = 0.003
"""Largest error of positions interpolated between nodes, pixels of source or target, whichever
are larger on the ground."""
_STEPS = (64, 32, 16, 8, 4, 2)
"""Distances between nodes that are tried, pixels."""
Shift = tuple[tuple[int, int], tuple[int, int]]


class Positions:
    """Positions in a source of the pixels of a target grid, and of their sub-pixels.

    Parameters
    ----------
    grid : Grid
        The common grid.
    source : Grid
        The source's own grid.
    alignment : Alignment, optional
        Correction added to the source's coordinates.
    zoom : int
        Size of the target's pixels in pixels of ``grid``; the target is then ``grid`` coarsened.

    Attributes
    ----------
    shape : tuple of int
        Of the target.
    refinement : tuple of int
        Sub-pixels a target pixel (rows, columns), so that none is much larger than a source pixel.
    step : int
        Refined pixels between the nodes at which positions are computed exactly.
    shift : tuple or None
        Direction and shift (rows, columns; in 1/1024 px) where sub-pixels coincide with source
        pixels up to a constant shift.
    """

    def __init__(
        self, grid: Grid, source: Grid, alignment: Alignment | None = None, zoom: int = 1
    ) -> None:
        self.shape = (math.ceil(grid.height / zoom), math.ceil(grid.width / zoom))
        self._link = GridLink(grid, source)
        alignment = alignment or Alignment.identity()
        self._lattices = (alignment.dy, alignment.dx)
        self._constant = _constant(self._lattices)
        self._zoom = zoom
        self.refinement = self._refinement()
        self._pitch = tuple(zoom / n for n in self.refinement)
        self.shift = self._plain_shift()
        self.step = 0 if self.shift else self._node_step()

    def exact(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact (row, col) in the source of positions in the common grid, elementwise."""
        if self._constant is not None:
            dy, dx = self._constant
            return self._link.rowcol(rows - dy, cols - dx)
        down, along = self._lattices
        return self._link.rowcol(rows - down.at(rows, cols), cols - along.at(rows, cols))

    def refined(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact (row, col) in the source of refined target pixels."""
        down, along = self._pitch
        return self.exact((rows + 0.5) * down - 0.5, (cols + 0.5) * along - 0.5)

    def _scale(self) -> tuple[float, float]:
        """Source pixels a target pixel is high and wide, at the centre (1 where undefined)."""
        h, w = self._link.source.shape
        r, c = (h - 1) / 2, (w - 1) / 2
        rows, cols = self.exact(
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

    def _plain_shift(self) -> Shift | None:
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
        row, col = self.refined(np.zeros(1), np.zeros(1))
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
                exact = self.refined(r + down * step, c + along * step)
                rough = np.zeros((2, len(r)))
                for i, wi in ((0, 1 - down), (1, down)):
                    for j, wj in ((0, 1 - along), (1, along)):
                        corner = self.refined(r + i * step, c + j * step)
                        with np.errstate(invalid="ignore"):
                            rough += wi * wj * np.stack(corner)
                with np.errstate(invalid="ignore"):
                    error = np.abs(rough - np.stack(exact))
                worst = max(worst, float(np.nanmax(np.where(np.isfinite(error), error, 0.0))))
            if worst < _NODE_ERROR * fine:
                break
        return step

    def of_window(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Positions in the source of refined pixels: whole numbers of 1/1024 px, in float64.

        NaN where there is no position.
        """
        if self.shift is not None:
            (sign_r, sign_c), (shift_r, shift_c) = self.shift
            lines = (window.row + np.arange(window.height, dtype=np.float64)) * sign_r * UNITS
            places = (window.col + np.arange(window.width, dtype=np.float64)) * sign_c * UNITS
            shape = window.shape
            return (
                np.broadcast_to((lines + shift_r)[:, None], shape),
                np.broadcast_to((places + shift_c)[None, :], shape),
            )
        nodes, torn, place = self._nodes(window)
        out = []
        for values in nodes:
            places = np.rint(spread_nodes(values, self.step, place))
            if torn.any():
                cells = np.repeat(np.repeat(torn, self.step, axis=0), self.step, axis=1)
                places[cells[place.slices]] = np.nan
            out.append(places)
        return out[0], out[1]

    def lines(self, window: Window) -> tuple[np.ndarray, np.ndarray] | None:
        """(n,) rows and (m,) columns in the source of refined pixels, where axes are parallel.

        Whole numbers of 1/1024 px, in float64. None where the row in the source also depends on the
        column.
        """
        linear = self._link.affine
        if linear is None or self._constant is None or linear.b != 0 or linear.d != 0:
            return None
        r = window.row + np.arange(window.height, dtype=np.float64)
        c = window.col + np.arange(window.width, dtype=np.float64)
        rows, _ = self.refined(r, np.zeros_like(r))
        _, cols = self.refined(np.zeros_like(c), c)
        return np.rint(rows * UNITS), np.rint(cols * UNITS)

    def bounds(self, window: Window) -> tuple[int, int, int, int] | None:
        """First row, first column, last row, last column of the source under a window.

        Rounded down; may lie beyond the source. None where no pixel has a position.
        """
        nodes, _, _ = self._nodes(window)
        if not np.isfinite(nodes).any():
            return None
        low, high = np.nanmin(nodes, axis=(1, 2)), np.nanmax(nodes, axis=(1, 2))
        ends = [int(v // UNITS) for v in (*(low - 1), *(high + 1))]
        return ends[0], ends[1], ends[2], ends[3]

    def _nodes(self, window: Window) -> tuple[np.ndarray, np.ndarray, Window]:
        """Positions at the nodes around a window of refined pixels.

        Returns
        -------
        nodes : (2, n, m) float64 array
            Rows and columns in the source, 1/1024 px; NaN where there is no position.
        torn : (n - 1, m - 1) bool array
            Cells between nodes across which positions jump (the seam of a map of the whole Earth).
        place : Window
            The window counted from the first node.
        """
        step = self.step
        i0, j0 = window.row // step, window.col // step
        i1 = (window.row + window.height - 1) // step + 1
        j1 = (window.col + window.width - 1) // step + 1
        rows, cols = np.arange(i0, i1 + 1) * float(step), np.arange(j0, j1 + 1) * float(step)
        r, c = np.meshgrid(rows, cols, indexing="ij")
        nodes = np.stack(self.refined(r.ravel(), c.ravel())).reshape(2, *r.shape) * UNITS
        nodes[:, ~np.isfinite(nodes).all(axis=0)] = np.nan
        jump = UNITS * 8 * (1 + step * max(self._scale()))
        far: np.ndarray = np.any(np.abs(np.diff(nodes, axis=1)) > jump, axis=0)
        wide: np.ndarray = np.any(np.abs(np.diff(nodes, axis=2)) > jump, axis=0)
        torn = far[:, :-1] | far[:, 1:] | wide[:-1] | wide[1:]
        return nodes, torn, Window(window.row - i0 * step, window.col - j0 * step, *window.shape)


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
