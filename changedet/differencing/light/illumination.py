"""Brightness apart from colour: what a change of light can do, and what it cannot.

Light that falls on the same ground differently (a shadow that moved, a roof that faces another sun,
soil that dried) multiplies all bands by much the same factor. The standardised residual is split
into the part along that direction, *brightness*, and what is left of it, *colour*. Brightness is
weighed against the spread that light alone makes; colour against its own noise, which is smaller
than the bands' own, since most of their noise is common to them. A photometric invariant in the
sense of van de Weijer, Gevers and Geusebroek, IEEE TPAMI 27:625 (2005),
doi:10.1109/TPAMI.2005.75. Fails where the light differs in colour from place to place, as under
thin cloud, and says nothing about grey things on grey ground, whose brightness alone changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.light.shadow import SKYLIGHT, SKYLIGHT_TOLERANCE, ShadowModel

OTHER_TOLERANCE = 0.15
"""Deviation that haze and different ground bring about in bands that skylight is not known of, as a
share of the change,"""
UNNAMED_TOLERANCE = 0.25
"""and in those of which it is not known which is which: as much as in blue, green, red and near
infrared together."""
LIGHT = 0.2
"""Largest relative spread of brightness where nothing predicts how the light moved,"""
EXPLAINED_LIGHT = 0.05
"""and where moved shadows are predicted and explained, so that brightness may say more."""
LIGHT_QUANTILE = 0.9
"""Where the spread that light makes in this pair is measured: moved shadows are few."""
COLOUR_QUANTILE = 0.9
"""Where the noise of colour is measured: above the middle, for vegetation changes colour too."""
LEAST_COLOUR = 0.05
"""Share of the bands' variance below which the noise of colour is never taken."""


@dataclass(frozen=True, eq=False)
class Illumination:
    """Splits standardised residuals into brightness and colour."""

    depth: np.ndarray
    """(band,) what a change of light does, mean 1."""
    tolerance: np.ndarray
    """(band,) deviation from it, as a share of the change."""
    light: float
    """Relative spread of brightness that light alone makes."""
    colour: tuple[float, ...] = (1.0,)
    """Variance of colour where nothing changed, as a share of what the bands' noise predicts, by
    stratum: the colour of plants is less steady than that of other ground."""

    def split(
        self,
        residual: np.ndarray | Sequence[np.ndarray],
        level: np.ndarray | Sequence[np.ndarray],
        variance: Sequence[np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Squares of the two parts, and how well brightness is known.

        Parameters
        ----------
        residual, level, variance : (band, ...) float32
            Difference, mean brightness above dark, and noise variance of each band.

        Returns
        -------
        colour, brightness : float32 arrays
            Sums over bands of squared deviations.
        precision : float32 array
            Inverse variance of the relative brightness.
        """
        along, precision = np.zeros_like(residual[0]), np.zeros_like(residual[0])
        for k, depth in enumerate(self.depth):
            direction = level[k] * np.float32(depth)
            weighed = direction / variance[k]
            along += residual[k] * weighed
            precision += direction * weighed
        change = along / np.maximum(precision, np.float32(1e-6))
        colour = np.zeros_like(along)
        for k, (depth, tolerance) in enumerate(zip(self.depth, self.tolerance, strict=True)):
            light = change * level[k]
            rest = residual[k] - light * np.float32(depth)
            light *= np.float32(tolerance)
            colour += rest * rest / (variance[k] + light * light)
        if len(self.depth) == 1:
            colour[...] = 0
        return colour, change * along, precision

    def deviation(
        self,
        colour: np.ndarray,
        brightness: np.ndarray,
        precision: np.ndarray,
        strata: Sequence[np.ndarray],
    ) -> np.ndarray:
        """Mean square deviation over bands of both parts, each over its own noise.

        ``strata`` are the weights of each stratum, adding up to 1; the rest is from :meth:`split`.
        """
        share = np.zeros_like(colour)
        for weight, value in zip(strata, self.colour, strict=True):
            share += weight * np.float32(value)
        total = brightness / (np.float32(self.light**2) * precision + np.float32(1.0))
        total += colour / share
        return total * np.float32(1.0 / len(self.depth))

    def fitted(
        self,
        colour: np.ndarray,
        brightness: np.ndarray,
        precision: np.ndarray,
        strata: Sequence[np.ndarray],
    ) -> Illumination:
        """The same with both spreads measured on mostly unchanged pixels, (n,) float32."""
        from scipy.special import chdtri

        freedom, shares = len(self.depth) - 1, []
        for weight in strata:
            inside = colour[weight > 0.5]
            share = 1.0
            if freedom >= 1 and inside.size >= 100:
                expected = chdtri(freedom, 1 - COLOUR_QUANTILE)
                share = float(np.quantile(inside, COLOUR_QUANTILE) / expected)
            shares.append(float(np.clip(share, LEAST_COLOUR, 1.0)))
        relative = brightness / np.maximum(precision, np.float32(1e-6))
        spread = 0.0
        if relative.size:
            spread = float(
                np.sqrt(np.quantile(relative, LIGHT_QUANTILE) / chdtri(1, 1 - LIGHT_QUANTILE))
            )
        light = float(np.clip(spread, min(EXPLAINED_LIGHT, self.light), self.light))
        return replace(self, colour=tuple(shares), light=light)

    def describe(self) -> dict[str, Any]:
        """Everything that was estimated."""
        return {"light_spread": self.light, "colour_variance_share": list(self.colour)}


def illumination(roles: tuple[str, ...], shadow: ShadowModel | None) -> Illumination:
    """The split for bands of these roles.

    Parameters
    ----------
    roles : tuple of str
        One a band.
    shadow : ShadowModel or None
        What moved shadows are explained by; says what light does to bands that have no names.
    """
    depth = np.array([SKYLIGHT.get(role, 1.0) for role in roles])
    tolerance = np.array([SKYLIGHT_TOLERANCE.get(role, OTHER_TOLERANCE) for role in roles])
    if shadow is not None and not shadow.colour.named:
        depth[list(shadow.bands)] = shadow.colour.depth
        tolerance[list(shadow.bands)] = UNNAMED_TOLERANCE
    light = LIGHT if shadow is None else EXPLAINED_LIGHT
    return Illumination(depth / depth.mean(), tolerance, light)
