"""Radar scenes: backscatter of a canvas, and speckle."""

from __future__ import annotations

import math

import numpy as np

from changedet.simulation.canvas import Canvas
from changedet.simulation.light import shadow

INCIDENCE_DEG = 38.0
_FLOOR = np.float32(10**-2.5)
_CORNER = np.float32(10**0.6)


def backscatter(canvas: Canvas, view_azimuth_deg: float, cross: bool) -> np.ndarray:
    """Fine float32 intensity: ground, corners of walls and ground towards the sensor, shadow.

    Parameters
    ----------
    canvas : Canvas
        The site.
    view_azimuth_deg : float
        Direction from the ground to the sensor.
    cross : bool
        Cross-polarised: everything weaker, except what has volume.
    """
    out = canvas.palette.backscatter()[canvas.material]
    out *= np.clip(1 + np.float32(0.15) * canvas.texture, 0.4, 1.8)
    hidden = shadow(canvas.height, canvas.frame.cell, view_azimuth_deg, 90 - INCIDENCE_DEG)
    out[hidden] = _FLOOR
    a = math.radians(view_azimuth_deg)
    d_row, d_col = round(math.cos(a)), round(-math.sin(a))
    # a wall one cell further away from the sensor, with ground before it, is a corner reflector
    tall = np.roll(canvas.height, (-d_row, -d_col), axis=(0, 1)) > 2.0
    solid = canvas.palette.backscatter()[canvas.material]
    solid = np.roll(solid, (-d_row, -d_col), axis=(0, 1)) > 0.2
    out[tall & solid & (canvas.height < 0.5)] = _CORNER
    if cross:
        out *= np.float32(10**-0.8)
    return out + _FLOOR * np.float32(0.3)


def speckled(intensity: np.ndarray, looks: float, domain: str, gain: float,
             rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    """Pixel values in a domain, float32; whole numbers except for dB.

    Speckle multiplies the intensity by independent gamma variates of mean 1 and variance 1/looks.
    """
    power = intensity.astype(np.float64) * gain
    if looks > 0:
        power *= rng.standard_gamma(looks, size=power.shape) / looks
    if domain == "sar-db":
        return (10 * np.log10(np.maximum(power, 1e-8))).astype(np.float32)
    scaled = np.sqrt(power) * 2000 if domain == "sar-amplitude" else power * 20000
    return np.clip(np.rint(scaled), 1, 65535).astype(np.float32)
