"""Plane geometry: rectangles, strips along lines, and which raster cells lie in a polygon."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axes:
    """A rotated frame: u along, v to the left of it, in the site's metres."""

    angle_deg: float
    """Direction of u, counter-clockwise from east."""
    x0: float = 0.0
    """Origin, metres east."""
    y0: float = 0.0
    """Origin, metres north."""

    @property
    def along(self) -> tuple[float, float]:
        """Unit vector of u."""
        a = math.radians(self.angle_deg)
        return math.cos(a), math.sin(a)

    def xy(self, u: object, v: object) -> np.ndarray:
        """(n, 2) site coordinates of frame coordinates."""
        c, s = self.along
        us = np.asarray(u, dtype=np.float64)
        vs = np.asarray(v, dtype=np.float64)
        return np.stack([self.x0 + us * c - vs * s, self.y0 + us * s + vs * c], axis=-1)

    def uv(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) frame coordinates of site coordinates."""
        c, s = self.along
        x, y = xy[..., 0] - self.x0, xy[..., 1] - self.y0
        return np.stack([x * c + y * s, -x * s + y * c], axis=-1)

    def box(
        self, u: float, v: float, length: float, width: float, turn_deg: float = 0.0
    ) -> np.ndarray:
        """Return the corners of a rectangle with its middle at (u, v)."""
        a = math.radians(turn_deg)
        c, s = math.cos(a), math.sin(a)
        du = np.array([-1, 1, 1, -1]) * length / 2
        dv = np.array([-1, -1, 1, 1]) * width / 2
        return self.xy(u + du * c - dv * s, v + du * s + dv * c)


def strip(line: np.ndarray, width: float, offset: float = 0.0) -> np.ndarray:
    """Outline of a band along a line; ``offset`` moves it to the left."""
    direction = np.gradient(line, axis=0)
    direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
    normal = np.column_stack([-direction[:, 1], direction[:, 0]])
    left = line + normal * (offset + width / 2)
    right = line + normal * (offset - width / 2)
    return np.concatenate([left, right[::-1]])


def disc(x: float, y: float, radius: float, corners: int = 12) -> np.ndarray:
    """Corners of a regular polygon."""
    a = np.arange(corners) * (2 * math.pi / corners)
    return np.column_stack([x + radius * np.cos(a), y + radius * np.sin(a)])


def blob(
    rng: np.random.Generator, x: float, y: float, radius: float, rough: float = 0.25
) -> np.ndarray:
    """Outline of an irregular round patch."""
    n = 36
    a = np.arange(n) * (2 * math.pi / n)
    r = np.ones(n)
    for k in (2, 3, 4, 5):
        r = r + rough / k * rng.standard_normal() * np.cos(k * a + rng.uniform(0, 6.283))
    r = radius * np.clip(r, 0.35, 1.8)
    return np.column_stack([x + r * np.cos(a), y + r * np.sin(a)])


def worn(
    outline: np.ndarray, rng: np.random.Generator, amplitude: float, step: float = 3.0
) -> np.ndarray:
    """Outline with ragged edges: points every ``step`` metres, pushed about by smooth noise."""
    closed = np.concatenate([outline, outline[:1]])
    sides = np.sqrt((np.diff(closed, axis=0) ** 2).sum(axis=1))
    at = np.concatenate([[0.0], np.cumsum(sides)])
    n = max(8, int(at[-1] / step))
    s = np.arange(n) * (at[-1] / n)
    points = np.column_stack([np.interp(s, at, closed[:, k]) for k in (0, 1)])
    push = rng.standard_normal((n, 2))
    push = (push + np.roll(push, 1, axis=0) + np.roll(push, 2, axis=0)) / 3**0.5
    return points + amplitude * push


def fill(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> tuple[int, int, np.ndarray]:
    """Cells whose centres lie inside a polygon (even-odd rule).

    Parameters
    ----------
    rows, cols : (n,) float arrays
        Corners in cell coordinates, integers at cell centres.
    shape : (int, int)
        Of the raster.

    Returns
    -------
    row, col : int
        Where the patch begins.
    mask : (m, k) bool array
        The patch; empty when the polygon lies outside.
    """
    top, left = max(0, math.ceil(rows.min())), max(0, math.ceil(cols.min()))
    bottom = min(shape[0] - 1, math.floor(rows.max()))
    right = min(shape[1] - 1, math.floor(cols.max()))
    if bottom < top or right < left:
        return 0, 0, np.zeros((0, 0), dtype=bool)
    mask = np.zeros((bottom - top + 1, right - left + 1), dtype=bool)
    grid_cols = np.arange(left, right + 1, dtype=np.float64)
    corners = list(zip(rows.tolist(), cols.tolist(), strict=True))
    for (r1, c1), (r2, c2) in zip(corners, corners[1:] + corners[:1], strict=True):
        low, high = (r1, r2) if r1 < r2 else (r2, r1)
        first, last = max(top, math.ceil(low)), min(bottom + 1, math.ceil(high))
        if first >= last:
            continue
        crossing = c1 + (np.arange(first, last) - r1) * ((c2 - c1) / (r2 - r1))
        mask[first - top : last - top] ^= grid_cols >= crossing[:, None]
    return top, left, mask
