"""The motion of the after image as a smooth function of place, from translation to local field."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from changedet.model import Lattice

MODELS: tuple[str, ...] = ("translation", "similarity", "affine", "second-order", "local")
"""From the simplest; each contains the one before."""


@dataclass(frozen=True, eq=False)
class Motion:
    """The correction (dy, dx) in pixels at any place of a grid.

    A polynomial in coordinates that run from -1 to 1 over the longer side, and beside it, for the
    local model, a smooth lattice.
    """

    shape: tuple[int, int]
    """Rows and columns of the grid."""
    model: str
    """One of :data:`MODELS`."""
    coefficients: np.ndarray
    """(terms, 2): 1 term for a translation, 3 for affine, 6 for second order."""
    local: tuple[Lattice, Lattice] | None = None
    """Added to the polynomial: (dy, dx)."""

    @classmethod
    def shift(cls, shape: tuple[int, int], dy: float, dx: float) -> Motion:
        """Return the same correction everywhere."""
        return cls(shape, "translation", np.array([[float(dy), float(dx)]]))

    @property
    def _half(self) -> float:
        return max(max(self.shape) - 1, 1) / 2

    def basis(self, rows: np.ndarray, cols: np.ndarray, terms: int) -> np.ndarray:
        """(n, terms) polynomial terms at places."""
        v = (np.asarray(rows, np.float64) - (self.shape[0] - 1) / 2) / self._half
        u = (np.asarray(cols, np.float64) - (self.shape[1] - 1) / 2) / self._half
        every = [np.ones_like(u), v, u, v * v, u * v, u * u]
        return np.stack(every[:terms], -1)

    def at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Correction at places of any shape, with (dy, dx) as last axis."""
        rows, cols = np.broadcast_arrays(np.asarray(rows, float), np.asarray(cols, float))
        out = self.basis(rows, cols, len(self.coefficients)) @ self.coefficients
        if self.local is not None:
            out = out + np.stack([part.at(rows, cols) for part in self.local], -1)
        return out

    def moved(self, dy: float, dx: float) -> Motion:
        """Return the motion plus a constant."""
        coefficients = self.coefficients.copy()
        coefficients[0] += (dy, dx)
        return replace(self, coefficients=coefficients)

    def lattices(self) -> tuple[Lattice, Lattice]:
        """(dy, dx) as lattices over the grid: exact for polynomials."""
        terms = len(self.coefficients)
        if self.local is None and terms == 1:
            return (
                Lattice.constant(self.coefficients[0, 0]),
                Lattice.constant(self.coefficients[0, 1]),
            )
        if self.local is None:
            m = n = 2 if terms <= 3 else 4
        else:
            m, n = (max(4, size) for size in self.local[0].values.shape)
        row_step = max(self.shape[0] - 1, 1) / (m - 1)
        col_step = max(self.shape[1] - 1, 1) / (n - 1)
        rows, cols = np.arange(m) * row_step, np.arange(n) * col_step
        values = self.at(rows[:, None], cols[None])
        dy, dx = (Lattice(0.0, 0.0, row_step, col_step, values[..., k].copy()) for k in (0, 1))
        return dy, dx
