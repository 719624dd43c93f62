"""What the ground and the things on it are made of: reflectance, texture, radar brightness.

Reflectances are typical values for blue, green, red, nir, swir16, swir22; ``green`` is what a
material becomes in summer. Nobody's measured library: they are made to look right together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Material:
    """One surface."""

    dry: Six
    """Reflectance in winter, and all year for what does not grow."""
    green: Six | None = None
    """Reflectance in summer."""
    texture: float = 0.06
    """Relative standard deviation of its texture."""
    sigma0_db: float = -12.0
    """Radar backscatter, vv, decibels."""
    object_like: bool = False
    """Whether the ``contrast`` option fades it into the ground."""


def _m(dry: Six, green: Six | None = None, texture: float = 0.06, db: float = -12.0) -> Material:
    return Material(dry, green, texture, db)


def _o(dry: Six, texture: float = 0.05, db: float = -4.0) -> Material:
    return Material(dry, None, texture, db, True)


_GRASS_DRY: Six = (0.075, 0.105, 0.140, 0.235, 0.290, 0.210)
_GRASS_GREEN: Six = (0.040, 0.080, 0.048, 0.400, 0.210, 0.095)

MATERIALS: dict[str, Material] = {
    "grass": _m(_GRASS_DRY, _GRASS_GREEN, 0.12, -11.5),
    "grass_thin": _m((0.09, 0.12, 0.16, 0.24, 0.31, 0.24),
        (0.07, 0.11, 0.105, 0.30, 0.26, 0.17), 0.12),
    "grass_lush": _m((0.06, 0.085, 0.11, 0.22, 0.25, 0.17),
        (0.028, 0.066, 0.032, 0.46, 0.19, 0.08), 0.13),
    "meadow": _m((0.08, 0.11, 0.14, 0.25, 0.29, 0.20),
        (0.036, 0.085, 0.045, 0.44, 0.21, 0.09), 0.06, -12.0),
    "crop": _m((0.10, 0.13, 0.17, 0.25, 0.31, 0.26),
        (0.035, 0.075, 0.040, 0.48, 0.20, 0.09), 0.05, -10.0),
    "crop_late": _m((0.11, 0.14, 0.18, 0.25, 0.31, 0.27),
        (0.06, 0.105, 0.09, 0.34, 0.23, 0.14), 0.05, -10.5),
    "stubble": _m((0.12, 0.155, 0.20, 0.29, 0.36, 0.28), None, 0.05, -13.0),
    "soil": _m((0.095, 0.125, 0.165, 0.230, 0.300, 0.265), None, 0.08, -13.5),
    "soil_dark": _m((0.070, 0.088, 0.115, 0.165, 0.230, 0.205), None, 0.07, -13.0),
    "dirt": _m((0.125, 0.155, 0.190, 0.245, 0.310, 0.275), None, 0.07, -15.0),
    "gravel": _m((0.155, 0.170, 0.185, 0.215, 0.260, 0.245), None, 0.07, -13.0),
    "ballast": _m((0.118, 0.124, 0.133, 0.158, 0.195, 0.188), None, 0.09, -8.0),
    "cinder": _m((0.086, 0.093, 0.103, 0.130, 0.168, 0.160), None, 0.10, -10.0),
    "trackbed": _m((0.090, 0.094, 0.102, 0.122, 0.155, 0.150), None, 0.08, -8.0),
    "sleeper": _m((0.125, 0.128, 0.134, 0.150, 0.175, 0.165), None, 0.08, -8.0),
    "rail": _m((0.150, 0.155, 0.165, 0.185, 0.19, 0.18), None, 0.04, -5.0),
    "rail_rust": _m((0.060, 0.065, 0.085, 0.115, 0.14, 0.14), None, 0.04, -5.0),
    "oil": _m((0.058, 0.060, 0.064, 0.078, 0.10, 0.10), None, 0.10, -9.0),
    "asphalt": _m((0.082, 0.086, 0.091, 0.105, 0.125, 0.12), None, 0.04, -18.0),
    "asphalt_worn": _m((0.105, 0.111, 0.118, 0.135, 0.155, 0.15), None, 0.04, -18.0),
    "marking": _m((0.28, 0.30, 0.31, 0.33, 0.32, 0.3), None, 0.05, -18.0),
    "concrete": _m((0.195, 0.215, 0.232, 0.262, 0.285, 0.265), None, 0.045, -16.0),
    "concrete_old": _m((0.158, 0.176, 0.192, 0.222, 0.25, 0.235), None, 0.06, -16.0),
    "joint": _m((0.120, 0.130, 0.140, 0.170, 0.2, 0.19), None, 0.05, -16.0),
    "water": _m((0.052, 0.050, 0.034, 0.016, 0.006, 0.004), None, 0.03, -21.0),
    "flood": _m((0.070, 0.085, 0.080, 0.040, 0.012, 0.008), None, 0.04, -20.0),
    "tree": _m((0.058, 0.069, 0.085, 0.165, 0.170, 0.125),
        (0.036, 0.074, 0.040, 0.440, 0.160, 0.065), 0.22, -9.0),
    "conifer": _m((0.024, 0.036, 0.030, 0.220, 0.100, 0.045),
        (0.022, 0.038, 0.026, 0.260, 0.100, 0.045), 0.20, -9.0),
    "forest": _m((0.050, 0.062, 0.076, 0.160, 0.160, 0.115),
        (0.027, 0.054, 0.029, 0.370, 0.145, 0.055), 0.20, -8.5),
    "roof_red": _m((0.072, 0.082, 0.190, 0.245, 0.29, 0.27), None, 0.07, -5.0),
    "roof_orange": _m((0.095, 0.135, 0.260, 0.320, 0.35, 0.32), None, 0.07, -5.0),
    "roof_blue": _m((0.225, 0.175, 0.105, 0.190, 0.20, 0.18), None, 0.04, -5.0),
    "roof_grey": _m((0.130, 0.140, 0.148, 0.168, 0.19, 0.18), None, 0.06, -5.0),
    "roof_light": _m((0.300, 0.325, 0.335, 0.360, 0.35, 0.32), None, 0.04, -5.0),
    "roof_dark": _m((0.070, 0.074, 0.080, 0.095, 0.12, 0.12), None, 0.07, -5.0),
    "roof_rust": _m((0.085, 0.098, 0.150, 0.205, 0.25, 0.23), None, 0.12, -5.0),
    "roof_green": _m((0.090, 0.150, 0.100, 0.200, 0.20, 0.18), None, 0.05, -5.0),
    "wagon_brown": _o((0.060, 0.058, 0.115, 0.165, 0.2, 0.2), 0.09),
    "wagon_rust": _o((0.075, 0.082, 0.130, 0.185, 0.23, 0.22), 0.13),
    "wagon_grey": _o((0.180, 0.190, 0.196, 0.215, 0.22, 0.21), 0.06),
    "wagon_green": _o((0.066, 0.110, 0.074, 0.155, 0.16, 0.15), 0.07),
    "wagon_white": _o((0.350, 0.370, 0.375, 0.395, 0.36, 0.33), 0.05),
    "wagon_steel": _o((0.130, 0.138, 0.146, 0.165, 0.18, 0.17), 0.08),
    "underframe": _o((0.046, 0.048, 0.052, 0.062, 0.08, 0.08), 0.08),
    "empty_floor": _o((0.066, 0.068, 0.082, 0.105, 0.13, 0.13), 0.12),
    "coal": _o((0.034, 0.034, 0.035, 0.042, 0.05, 0.05), 0.22),
    "ore": _o((0.058, 0.056, 0.083, 0.118, 0.15, 0.15), 0.14),
    "sand": _o((0.125, 0.155, 0.190, 0.240, 0.29, 0.27), 0.08),
    "timber": _o((0.105, 0.138, 0.180, 0.275, 0.30, 0.25), 0.20),
    "scrap": _o((0.105, 0.108, 0.122, 0.150, 0.17, 0.17), 0.30),
    "tank_black": _o((0.070, 0.072, 0.076, 0.090, 0.10, 0.10), 0.08),
    "tank_grey": _o((0.205, 0.215, 0.222, 0.240, 0.24, 0.22), 0.05),
    "tank_orange": _o((0.085, 0.110, 0.200, 0.260, 0.27, 0.25), 0.07),
    "loco_green": _o((0.058, 0.090, 0.070, 0.120, 0.13, 0.12), 0.10),
    "loco_red": _o((0.070, 0.064, 0.160, 0.210, 0.22, 0.20), 0.10),
    "loco_grille": _o((0.050, 0.052, 0.056, 0.066, 0.08, 0.08), 0.12),
    "iso_red": _o((0.066, 0.060, 0.220, 0.275, 0.27, 0.24), 0.05),
    "iso_blue": _o((0.205, 0.130, 0.075, 0.165, 0.16, 0.14), 0.05),
    "iso_white": _o((0.390, 0.410, 0.415, 0.430, 0.39, 0.36), 0.04),
    "iso_orange": _o((0.085, 0.150, 0.320, 0.380, 0.36, 0.32), 0.05),
    "iso_green": _o((0.080, 0.160, 0.096, 0.200, 0.19, 0.17), 0.05),
    "iso_grey": _o((0.220, 0.232, 0.238, 0.255, 0.24, 0.22), 0.05),
    "iso_maroon": _o((0.072, 0.056, 0.128, 0.180, 0.18, 0.17), 0.06),
    "tarp_white": _o((0.360, 0.385, 0.390, 0.410, 0.36, 0.32), 0.05),
    "tarp_blue": _o((0.215, 0.150, 0.090, 0.190, 0.17, 0.15), 0.05),
    "tarp_olive": _o((0.075, 0.095, 0.085, 0.150, 0.17, 0.15), 0.06),
    "paint_white": _o((0.330, 0.345, 0.350, 0.365, 0.33, 0.3), 0.04),
    "paint_red": _o((0.075, 0.070, 0.240, 0.290, 0.27, 0.24), 0.04),
    "paint_dark": _o((0.060, 0.064, 0.068, 0.080, 0.09, 0.09), 0.04),
    "paint_olive": _o((0.070, 0.086, 0.074, 0.125, 0.14, 0.13), 0.05),
}  # fmt: skip

_FADE_TO = MATERIALS["cinder"].dry

SHADOW_LIGHT: Six = (0.42, 0.36, 0.32, 0.26, 0.18, 0.15)
"""Light left in shadow, by band: the sky is blue."""
HAZE: Six = (0.080, 0.055, 0.038, 0.020, 0.006, 0.003)
"""Reflectance that haze of amount 1 adds, by band."""
CLOUD: Six = (0.62, 0.63, 0.64, 0.66, 0.48, 0.40)
"""Reflectance of thick cloud, by band."""


class Palette:
    """Numbers for the materials in use, and tables over those numbers."""

    def __init__(self, contrast: float = 1.0) -> None:
        self._contrast = contrast
        self._names: list[str] = []
        self._number: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the number of a material, a new one at its first use."""
        if name not in self._number:
            self._number[name] = len(self._names)
            self._names.append(name)
        return self._number[name]

    def reflectance(self, band: int, season: float) -> np.ndarray:
        """(n,) float32 reflectance of one of the six bands by number."""
        out = np.empty(len(self._names), dtype=np.float32)
        for i, name in enumerate(self._names):
            m = MATERIALS[name]
            value = m.dry[band]
            if m.green is not None:
                value = value * (1 - season) + m.green[band] * season
            if m.object_like:
                value = _FADE_TO[band] + self._contrast * (value - _FADE_TO[band])
            out[i] = value
        return out

    def texture(self) -> np.ndarray:
        """(n,) float32 relative standard deviation of texture by number."""
        return np.array([MATERIALS[n].texture for n in self._names], dtype=np.float32)

    def backscatter(self) -> np.ndarray:
        """(n,) float32 linear backscatter (vv) by number."""
        return np.array(
            [10.0 ** (MATERIALS[n].sigma0_db / 10.0) for n in self._names], dtype=np.float32
        )
