"""From fine rasters to digital numbers on an image's own grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from changedet.model import Grid
from changedet.simulation.canvas import Frame
from changedet.simulation.geolocation import Correction, SiteFrame
from changedet.simulation.materials import HAZE

_QUANTUM = 4096.0


@dataclass(frozen=True, eq=False)
class Sampler:
    """Averages a fine raster over the ground areas of an image's pixels.

    Positions come from the grid's coordinates plus the correction. The averages are exact integrals
    over half pixels, which are then spread by the sensor's blur and joined to pixels.
    """

    frame: Frame
    grid: Grid
    blur: float
    rows: np.ndarray
    """Edges (separable) or centres of half pixels, fine cells."""
    cols: np.ndarray
    """As ``rows``."""
    half: float
    """Half the side of a half pixel, fine cells; 0 when separable."""

    @classmethod
    def of(
        cls, frame: Frame, grid: Grid, site: SiteFrame, correction: Correction, blur: float
    ) -> Sampler:
        """Work out where every half pixel lies in the fine raster."""
        pad = math.ceil(3 * blur) + 1
        if grid.crs == site.crs and correction.plain:
            r = np.arange(-2 * pad, 2 * (grid.height + pad) + 1) / 2 - 0.5
            c = np.arange(-2 * pad, 2 * (grid.width + pad) + 1) / 2 - 0.5
            x, _ = grid.xy(0 * c, c)
            _, y = grid.xy(r, 0 * r)
            rows = (frame.top - (y - site.y0 + correction.north)) / frame.cell
            cols = (x - site.x0 + correction.east - frame.left) / frame.cell
            return cls(frame, grid, blur, _quantised(rows), _quantised(cols), 0.0)
        # every fourth pixel exactly, bilinear between: errors far below a thousandth of a pixel
        step = 4
        r = np.arange(-pad - step, grid.height + pad + 2 * step, step, dtype=np.float64)
        c = np.arange(-pad - step, grid.width + pad + 2 * step, step, dtype=np.float64)
        x, y = site.from_crs(grid.crs, *grid.xy(r[:, None], c[None, :]))
        east, north = correction.at(x, y)
        at_r = (np.arange(-2 * pad, 2 * (grid.height + pad)) / 2 - 0.25 - r[0]) / step
        at_c = (np.arange(-2 * pad, 2 * (grid.width + pad)) / 2 - 0.25 - c[0]) / step
        rows = _bilinear((frame.top - (y + north)) / frame.cell, at_r, at_c)
        cols = _bilinear((x + east - frame.left) / frame.cell, at_r, at_c)
        side = abs(rows[2, 0] - rows[0, 0]) + abs(cols[2, 0] - cols[0, 0])
        half = round(math.hypot(rows[2, 0] - rows[0, 0], cols[2, 0] - cols[0, 0]) / 4 * 256) / 256
        return cls(frame, grid, blur, _quantised(rows), _quantised(cols), half if side else 0.5)

    def image(self, fine: np.ndarray) -> np.ndarray:
        """(y, x) float32 of a fine raster."""
        halves = self._separable(fine) if self.half == 0 else self._general(fine)
        pad = math.ceil(3 * self.blur) + 1
        halves = blurred(halves, 2 * self.blur)
        halves = halves[2 * pad : -2 * pad, 2 * pad : -2 * pad]
        out = halves[::2, ::2] + halves[1::2, ::2]
        out += halves[::2, 1::2]
        out += halves[1::2, 1::2]
        out *= np.float32(0.25)
        return out

    def valid(self) -> np.ndarray:
        """(y, x) bool: pixels that lie wholly in the fine raster."""
        h, w = self.frame.shape
        pad = 2 * (math.ceil(3 * self.blur) + 1)
        if self.half == 0:
            r, c = self.rows[pad:-pad], self.cols[pad:-pad]
            good_r = (r[:-2:2] >= 0) & (r[2::2] <= h)
            good_c = (c[:-2:2] >= 0) & (c[2::2] <= w)
            return good_r[:, None] & good_c[None, :]
        r, c = self.rows[pad:-pad, pad:-pad], self.cols[pad:-pad, pad:-pad]
        inside = (r >= self.half) & (r <= h - self.half) & (c >= self.half) & (c <= w - self.half)
        return inside[::2, ::2] & inside[1::2, 1::2]

    def _separable(self, fine: np.ndarray) -> np.ndarray:
        rows = _areas(fine, self.rows)
        return _areas(rows.T, self.cols).T.astype(np.float32)

    def _general(self, fine: np.ndarray) -> np.ndarray:
        table = np.zeros((fine.shape[0] + 1, fine.shape[1] + 1))
        np.cumsum(fine, axis=0, dtype=np.float64, out=table[1:, 1:])
        np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
        out = np.empty(self.rows.shape, dtype=np.float32)
        for i in range(0, len(out), 128):
            at = slice(i, i + 128)
            low_r, high_r = self.rows[at] - self.half, self.rows[at] + self.half
            low_c, high_c = self.cols[at] - self.half, self.cols[at] + self.half
            total = _lookup(table, high_r, high_c) - _lookup(table, low_r, high_c)
            total -= _lookup(table, high_r, low_c)
            total += _lookup(table, low_r, low_c)
            out[at] = total / (4 * self.half * self.half)
        return out


def _quantised(values: np.ndarray) -> np.ndarray:
    """Round to a fixed step, so that the last bits of projections never reach a pixel."""
    return np.rint(values * _QUANTUM) / _QUANTUM


def _bilinear(nodes: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    i, j = rows.astype(np.int64), cols.astype(np.int64)
    u, v = (rows - i)[:, None], (cols - j)[None, :]
    upper = nodes[i] * (1 - u) + nodes[i + 1] * u
    return upper[:, j] * (1 - v) + upper[:, j + 1] * v


def _areas(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Averages between successive edges along the first axis, float64."""
    n = values.shape[0]
    total = np.zeros((n + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=total[1:])
    e = np.clip(edges, 0, n)
    i = np.minimum(e.astype(np.int64), n - 1)
    t = (e - i)[:, None]
    low = total[i]
    at = total[i + 1]
    at -= low
    at *= t
    at += low
    out = at[1:] - at[:-1]
    out /= np.maximum(e[1:] - e[:-1], 1e-6)[:, None]
    return out


def _lookup(table: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Bilinear values of an integral table at edge coordinates."""
    n, m = table.shape
    r, c = np.clip(rows, 0, n - 1), np.clip(cols, 0, m - 1)
    i, j = np.minimum(r.astype(np.int64), n - 2), np.minimum(c.astype(np.int64), m - 2)
    u, v = r - i, c - j
    flat = table.ravel()
    k = i * m + j
    upper = flat[k] * (1 - v) + flat[k + 1] * v
    lower = flat[k + m] * (1 - v) + flat[k + m + 1] * v
    return upper * (1 - u) + lower * u


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; edges are repeated (they are cut off afterwards)."""
    if sigma <= 0:
        return values
    radius = math.ceil(3 * sigma)
    taps = [math.exp(-0.5 * (k / sigma) ** 2) for k in range(radius + 1)]
    total = taps[0] + 2 * sum(taps[1:])
    weights = [np.float32(round(t / total * 1e6) / 1e6) for t in taps]
    for axis in (0, 1):
        n = values.shape[axis]
        wide = np.pad(
            values, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode="edge"
        )
        out = values * weights[0]
        for k in range(1, radius + 1):
            low, high = slice(radius - k, radius - k + n), slice(radius + k, radius + k + n)
            both = wide[low] + wide[high] if axis == 0 else wide[:, low] + wide[:, high]
            both *= weights[k]
            out += both
        values = out
    return values


@dataclass(frozen=True)
class Optics:
    """What air and sensor do to reflectance."""

    haze: float
    """Amount."""
    gain: float
    """Factor on digital numbers."""
    noise: float
    """Standard deviation at reflectance 0.2."""
    scale: float
    """Digital number of reflectance 1."""
    saturation: float
    """Largest digital number."""

    def digital(self, reflectance: np.ndarray, band: int, rng: np.random.Generator) -> np.ndarray:
        """Whole numbers as float32, at least 1: 0 stands for no data."""
        out = reflectance * np.float32(1 - 0.9 * HAZE[band] * self.haze)
        out += np.float32(HAZE[band] * self.haze)
        if self.noise > 0:
            # half of the variance at 0.2 is read noise, the rest grows with the signal
            spread = np.sqrt(np.float32(0.5) + np.maximum(out, 0) * np.float32(2.5))
            spread *= rng.standard_normal(out.shape).astype(np.float32)
            spread *= np.float32(self.noise)
            out += spread
        out *= np.float32(self.scale * self.gain)
        return np.clip(np.rint(out), 1, self.saturation).astype(np.float32)
