"""How the after image must be moved to lie on the before image, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

Grade = Literal["good", "usable", "poor", "refused", "none"]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Values on a coarse regular lattice over the common grid, with smooth interpolation.

    A lattice of 1 x 1 is a constant. Outside the lattice the nearest edge value counts.
    """

    row0: float
    """Pixel row of the first lattice row."""
    col0: float
    """Pixel column of the first lattice column."""
    row_step: float
    """Rows between lattice rows."""
    col_step: float
    """Columns between lattice columns."""
    values: np.ndarray
    """(m, n) float64."""

    @classmethod
    def constant(cls, value: float) -> Lattice:
        """Return the same value everywhere."""
        return cls(0.0, 0.0, 1.0, 1.0, np.array([[float(value)]]))

    @cached_property
    def _spline(self) -> Any:
        from scipy.interpolate import RectBivariateSpline

        m, n = self.values.shape
        # degree 0 does not exist: a lattice one node wide is repeated
        z = np.repeat(self.values, 2, axis=0) if m == 1 else self.values
        z = np.repeat(z, 2, axis=1) if n == 1 else z
        rows = np.arange(z.shape[0], dtype=np.float64)
        cols = np.arange(z.shape[1], dtype=np.float64)
        return RectBivariateSpline(
            rows, cols, z, kx=min(3, len(rows) - 1), ky=min(3, len(cols) - 1), s=0
        )

    def at(self, rows: Any, cols: Any) -> np.ndarray:
        """Interpolate elementwise at (broadcast) pixel positions, float64."""
        r, c = np.broadcast_arrays(
            np.asarray(rows, dtype=np.float64), np.asarray(cols, dtype=np.float64)
        )
        m, n = self.values.shape
        if m == n == 1:
            return np.full(r.shape, self.values[0, 0])
        u = np.clip((r - self.row0) / self.row_step, 0, m - 1)
        v = np.clip((c - self.col0) / self.col_step, 0, n - 1)
        return self._spline.ev(u, v)

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "row0": self.row0,
            "col0": self.col0,
            "row_step": self.row_step,
            "col_step": self.col_step,
            "values": [[float(v) for v in row] for row in self.values],
        }

    @classmethod
    def from_description(cls, value: dict[str, Any]) -> Lattice:
        """Rebuild from :meth:`describe`."""
        return cls(
            float(value["row0"]),
            float(value["col0"]),
            float(value["row_step"]),
            float(value["col_step"]),
            np.asarray(value["values"], dtype=np.float64),
        )


@dataclass(frozen=True, eq=False)
class Alignment:
    """The correction that lays the after image on the before image.

    Signs: the correction is **added to the after image's coordinates**. What the after image shows
    at its own position ``p`` belongs at ``p + correction``. In pixels of the common grid, rows grow
    downward, so the after pixel that belongs at ``(row, col)`` is read from
    ``(row - dy_px, col - dx_px)`` of the uncorrected after image.
    """

    dy: Lattice
    """Correction along rows (down), pixels of the common grid, by place."""
    dx: Lattice
    """Correction along columns (right), pixels of the common grid, by place."""
    sigma: Lattice
    """Standard deviation of what is left (per axis), pixels, by place."""
    model: str
    """``none``, ``translation``, ``similarity``, ``affine``, ``second-order`` or ``local``."""
    grade: Grade
    """``good``, ``usable``, ``poor``, ``refused``; ``none`` when alignment was switched off."""
    dx_m: float | None = None
    """Mean correction to the east, metres; None without georeferencing."""
    dy_m: float | None = None
    """Mean correction to the north, metres; None without georeferencing."""
    dx_px: float = 0.0
    """Mean correction along columns, pixels."""
    dy_px: float = 0.0
    """Mean correction along rows, pixels."""
    residual_px: float | None = None
    """Root mean square length of held-out residuals, pixels; None when not measured."""
    ce90_px: float | None = None
    """Ninetieth percentile of the length of held-out residuals, pixels."""
    reasons: tuple[str, ...] = ()
    """Why this grade, in words."""
    measures: tuple[tuple[str, float], ...] = ()
    """Peak ratio, agreement, coverage and so on: (name, value)."""
    tie_points: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    """(n, 6) float64: row, col, dy, dx (pixels), weight, 1 = inlier / 0 = rejected."""

    @classmethod
    def identity(cls, reason: str = "alignment was switched off") -> Alignment:
        """Return no correction at all, with nothing known about what is left."""
        zero = Lattice.constant(0.0)
        return cls(zero, zero, zero, "none", "none", 0.0, 0.0, reasons=(reason,))

    def displacement(self, rows: Any, cols: Any) -> tuple[np.ndarray, np.ndarray]:
        """Correction ``(dy, dx)`` in pixels at pixel positions, elementwise."""
        return self.dy.at(rows, cols), self.dx.at(rows, cols)

    def residual(self, rows: Any, cols: Any) -> np.ndarray:
        """Standard deviation of the remaining misregistration at pixel positions, pixels."""
        return self.sigma.at(rows, cols)

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values; :meth:`from_description` rebuilds it."""
        return {
            "model": self.model,
            "grade": self.grade,
            "dx_m": self.dx_m,
            "dy_m": self.dy_m,
            "dx_px": self.dx_px,
            "dy_px": self.dy_px,
            "residual_px": self.residual_px,
            "ce90_px": self.ce90_px,
            "reasons": list(self.reasons),
            "measures": dict(self.measures),
            "field": {
                "dy": self.dy.describe(),
                "dx": self.dx.describe(),
                "sigma": self.sigma.describe(),
            },
            "tie_points": [[float(v) for v in row] for row in self.tie_points],
        }

    @classmethod
    def from_description(cls, value: dict[str, Any]) -> Alignment:
        """Rebuild an alignment from :meth:`describe`."""
        lattices = {k: Lattice.from_description(v) for k, v in value["field"].items()}
        return cls(
            lattices["dy"],
            lattices["dx"],
            lattices["sigma"],
            value["model"],
            value["grade"],
            value["dx_m"],
            value["dy_m"],
            value["dx_px"],
            value["dy_px"],
            value["residual_px"],
            value["ce90_px"],
            tuple(value["reasons"]),
            tuple(value["measures"].items()),
            np.asarray(value["tie_points"], dtype=np.float64).reshape(-1, 6),
        )

    def __str__(self) -> str:
        metres = "" if self.dx_m is None else f" ({self.dx_m:+.3f} m E, {self.dy_m:+.3f} m N)"
        left = "" if self.residual_px is None else f", {self.residual_px:.3f} px left"
        return (
            f"{self.model} {self.dx_px:+.3f} px right, {self.dy_px:+.3f} px down{metres}{left}: "
            f"{self.grade}"
        )

    def __repr__(self) -> str:
        return f"<Alignment: {self}>"
