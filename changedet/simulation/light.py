"""Sun, shadow, view: from a canvas to reflectance at the top of things."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from changedet.simulation.canvas import Canvas
from changedet.simulation.materials import SHADOW_LIGHT

AMBIENT = np.float32(0.3)


def shadow(height: np.ndarray, cell: float, azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Cells that the sun does not reach.

    One sweep away from the sun keeps, for each cell, the height below which it is in shadow. The
    sweep goes row by row (or column by column), shifted by whole cells so that over any distance
    the direction is right to one cell.
    """
    to_row = -math.cos(math.radians(azimuth_deg))
    to_col = math.sin(math.radians(azimuth_deg))
    if abs(to_row) < abs(to_col):
        return _sweep(height.T, cell, to_col, to_row, elevation_deg).T
    return _sweep(height, cell, to_row, to_col, elevation_deg)


def _sweep(
    height: np.ndarray, cell: float, to_row: float, to_col: float, elevation_deg: float
) -> np.ndarray:
    if to_row > 0:
        return _sweep(height[::-1], cell, -to_row, to_col, elevation_deg)[::-1]
    n, width = height.shape
    drop = np.float32(cell / abs(to_row) * math.tan(math.radians(elevation_deg)))
    k = to_col / abs(to_row)
    out = np.zeros((n, width), dtype=bool)
    line = np.ascontiguousarray(height[0])
    for i in range(1, n):
        step = round(k * i) - round(k * (i - 1))
        shaded = np.full(width, -1.0, dtype=np.float32)
        if step > 0:
            shaded[:-step] = line[step:]
        elif step < 0:
            shaded[-step:] = line[:step]
        else:
            shaded[:] = line
        shaded -= drop
        np.greater(shaded, height[i] + np.float32(0.08), out=out[i])
        line = np.maximum(shaded, height[i])
    return out


def relief(canvas: Canvas, azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Brightness of lit surfaces against level ground, float32."""
    out = np.ones(canvas.frame.shape, dtype=np.float32)
    flat = np.flatnonzero((canvas.tilt_x != 0) | (canvas.tilt_y != 0))
    gx, gy = canvas.tilt_x.ravel()[flat], canvas.tilt_y.ravel()[flat]
    a = math.radians(azimuth_deg)
    cot = np.float32(1 / math.tan(math.radians(elevation_deg)))
    facing = np.float32(1) - (gx * np.float32(math.sin(a)) + gy * np.float32(math.cos(a))) * cot
    facing /= np.sqrt(np.float32(1) + gx * gx + gy * gy)
    out.ravel()[flat] = AMBIENT + (1 - AMBIENT) * np.clip(facing, 0, 1.7)
    return out


def lean(canvas: Canvas, dark: np.ndarray, off_nadir_deg: float,
         view_azimuth_deg: float) -> tuple[Canvas, np.ndarray]:  # fmt: skip
    """Push tops away from the sensor; walls come into view on the side towards it.

    Parameters
    ----------
    canvas : Canvas
        The site, straight from above.
    dark : (y, x) bool array
        Its shadows, which stay on the surfaces on which they fall.
    off_nadir_deg, view_azimuth_deg : float
        Where the sensor is.
    """
    reach = math.tan(math.radians(off_nadir_deg)) / canvas.frame.cell
    d_row = math.cos(math.radians(view_azimuth_deg)) * reach
    d_col = -math.sin(math.radians(view_azimuth_deg)) * reach
    out, dark_out = canvas.copy(), dark.copy()
    n, m = canvas.frame.shape
    tall = np.flatnonzero(canvas.height > 0.3)
    z = canvas.height.ravel()[tall]
    rows, cols = tall // m, tall % m
    # from the ground up, one fine cell of displacement at a time: later ones hide earlier ones
    for level in range(1, int(float(z.max(initial=0.0)) * reach) + 2):
        h = level / reach
        here = z >= h - 0.5 / reach
        to_r, to_c = rows[here] + round(d_row * h), cols[here] + round(d_col * h)
        inside = (to_r >= 0) & (to_r < n) & (to_c >= 0) & (to_c < m)
        source, target = tall[here][inside], (to_r * m + to_c)[inside]
        wall = z[here][inside] - h > 0.5 / reach
        for name in ("material", "height", "tilt_x", "tilt_y"):
            getattr(out, name).ravel()[target] = getattr(canvas, name).ravel()[source]
        shade = canvas.shade.ravel()[source]
        out.shade.ravel()[target] = np.where(wall, shade * np.float32(0.6), shade)
        dark_out.ravel()[target] = dark.ravel()[source]
    return out, dark_out


def reflectance(canvas: Canvas, dark: np.ndarray, sun: tuple[float, float], season: float,
                bands: int) -> Iterator[np.ndarray]:  # fmt: skip
    """Yield one fine float32 raster a band.

    Parameters
    ----------
    canvas : Canvas
        What the sensor sees.
    dark : (y, x) bool array
        Where the sun does not reach.
    sun : (float, float)
        Azimuth and elevation, degrees.
    season : float
        Greenness, 0 to 1.
    bands : int
        How many of the six.
    """
    bright = relief(canvas, *sun)
    bright *= canvas.shade
    grain = canvas.palette.texture()[canvas.material]
    grain *= canvas.texture
    grain += 1
    np.clip(grain, 0.3, 2.0, out=grain)
    bright *= grain
    for band in range(bands):
        out = canvas.palette.reflectance(band, season)[canvas.material]
        out *= bright
        np.multiply(out, np.float32(SHADOW_LIGHT[band]), out=out, where=dark)
        yield out
