"""Known targets in somebody's own image, added when a window of it is read.

Nothing needs the whole image: a target is a few small arrays, and a pair that holds targets reads
like any other pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedet.model import (
    Alignment,
    Domain,
    Grid,
    Image,
    ImageInfo,
    ImagePair,
    PairReader,
    Window,
)
from changedet.simulation.footprints import Footprint
from changedet.simulation.image_quality import ImageQuality
from changedet.simulation.sensor import blurred

LEAST_LIGHT = 0.05
"""What the ground reflects is at least this share of its pixel value."""
TEXTURE = 0.06
"""Relative standard deviation of the brightness of a body's own surface, by pixel."""
PATCH = 1 / 3
"""Parts of a body that are lighter or darker: their size (a standard deviation), as a share of its
width."""
LEAST_PATCH_PX = 0.7
WALL_LIGHT = 0.6
"""Brightness of walls, as a share of that of the roof."""
DEEPEST = -0.95
"""Nothing on a body is darker than this, as a share of its brightness."""


@dataclass(frozen=True, eq=False)
class Planting:
    """One target, ready to be added to pixels."""

    place: Footprint
    """Where."""
    value: np.ndarray
    """(band,) its pixel values; for radar the factor on the intensity."""
    grain: np.ndarray
    """(band, y, x) float32: its surface and the sensor's noise on it; empty for radar."""
    light: np.ndarray
    """(band,) light left in its shadow; empty for radar."""
    dark: np.ndarray
    """(band,) pixel value where there is no light."""
    top: float | None
    """Largest pixel value."""

    def add(self, pixels: np.ndarray, part: tuple[slice, slice], domain: Domain) -> None:
        """Add it to a (band, y, x) block, which holds a part of its window."""
        cover = self.place.cover[part]
        if domain != "optical":
            self._brighten(pixels, cover, domain)
            return
        shade = self.place.shade[part]
        for k in range(len(pixels)):
            band = pixels[k]
            lost = np.maximum(band - np.float32(self.dark[k]), 0) * np.float32(1 - self.light[k])
            band -= shade * lost
            body = np.float32(self.value[k]) + self.grain[k][part]
            band += cover * (body - band)
        if self.top is not None:
            np.minimum(pixels, np.maximum(np.float32(self.top), 0), out=pixels,
                       where=np.broadcast_to(cover > 0, pixels.shape))  # fmt: skip

    def _brighten(self, pixels: np.ndarray, cover: np.ndarray, domain: Domain) -> None:
        """Multiply the intensity: the speckle that is there stays, as wide and as smooth."""
        for k in range(len(pixels)):
            factor = 1 + cover * np.float32(self.value[k] - 1)
            if domain == "sar-db":
                pixels[k] += np.float32(10) * np.log10(factor)
            else:
                pixels[k] *= np.sqrt(factor) if domain == "sar-amplitude" else factor
        if self.top is not None:
            np.minimum(pixels, np.float32(self.top), out=pixels)


@dataclass(frozen=True, eq=False)
class PlantedPair:
    """A pair whose after image holds targets; implements :class:`changedet.model.PairReader`."""

    reader: PairReader
    """The pair as it is."""
    alignment: Alignment
    """How its after image was moved; targets are planted on the common grid."""
    plantings: Sequence[Planting]
    """What is added, in this order where they touch."""
    _bounds: np.ndarray

    @classmethod
    def of(
        cls, reader: PairReader, alignment: Alignment, plantings: Sequence[Planting]
    ) -> PlantedPair:
        """Plant targets into a pair."""
        windows = [p.place.window for p in plantings]
        bounds = [(w.row, w.col, w.row + w.height, w.col + w.width) for w in windows]
        return cls(reader, alignment, plantings, np.array(bounds, dtype=np.int64).reshape(-1, 4))

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.reader.grid

    @property
    def roles(self) -> tuple[str, ...]:
        """The bands of both images."""
        return self.reader.roles

    @property
    def infos(self) -> tuple[ImageInfo, ImageInfo]:
        """What is known about before and after."""
        return self.reader.infos

    def _touching(self, window: Window) -> list[Planting]:
        top, left, bottom, right = self._bounds.T
        near = (top < window.row + window.height) & (bottom > window.row)
        near &= (left < window.col + window.width) & (right > window.col)
        return [self.plantings[int(i)] for i in np.flatnonzero(near)]

    def read(self, window: Window) -> ImagePair:
        """Read a window with its targets."""
        pair = self.reader.read(window)
        touching = self._touching(window)
        if not touching:
            return pair
        domain = self.infos[1].domain
        pixels, valid = pair.after.pixels.copy(), pair.after.valid
        for one in touching:
            common = one.place.window.intersect(window)
            here, there = common.within(window), common.within(one.place.window)
            one.add(pixels[(slice(None), *here)], there, domain)
        pixels[:, ~valid] = pair.after.pixels[:, ~valid]
        after = Image(pixels, valid, pair.after.grid, pair.after.roles)
        return ImagePair(pair.before, after, pair.residual_px)

    def overview(self, factor: int) -> ImagePair:
        """The whole pair averaged, without its targets: nothing is estimated from them."""
        return self.reader.overview(factor)


def paint(
    ground: np.ndarray,
    wanted: tuple[float, float, bool | None],
    quality: ImageQuality,
    top: float | None,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """Pixel values of a body that stands out from its ground.

    Parameters
    ----------
    ground : (band,) array
        Mean pixel values of what it hides.
    wanted : (contrast, colour, darker)
        Contrast: root mean square over bands of its difference from the ground, as a share of the
        light that the ground reflects: its value above darkness. Colour: share of the squared
        contrast that differs between bands; the rest is brightness, darker or not, or (None) as
        often the one as the other.
    quality : ImageQuality
        Knows what is dark.
    top : float or None
        Largest pixel value.
    rng : numpy.random.Generator
        Draws the colour.

    Returns
    -------
    value : (band,) array
    reached : float
        The contrast that was possible.
    """
    contrast, colour, darker = wanted
    dark = np.minimum(np.array(quality.dark), ground)
    level = np.maximum(ground - dark, LEAST_LIGHT * np.abs(ground) + 1e-6)
    bands = len(level)
    hue = rng.standard_normal(bands)
    hue -= hue.mean()
    size = float(np.sqrt(np.mean(hue**2)))
    sign = 1.0 if rng.uniform() < 0.5 else -1.0
    if darker is not None:
        sign = -1.0 if darker else 1.0
    direction = np.full(bands, sign)
    if bands > 1 and size > 0:
        direction = math.sqrt(1 - colour) * direction + math.sqrt(colour) * hue / size
    best: tuple[np.ndarray, float] | None = None
    for turn in (1.0, -1.0):  # what cannot be so much darker is brighter
        value = ground + turn * contrast * direction * level
        value = np.clip(value, dark, np.inf if top is None else max(top, float(ground.max())))
        reached = float(np.sqrt(np.mean(((value - ground) / level) ** 2)))
        if reached > 0.95 * contrast:
            return value, reached
        if best is None or reached > best[1]:
            best = value, reached
    return best if best is not None else (ground, 0.0)


def make_planting(
    place: Footprint,
    after: Image,
    wanted: tuple[float, float, bool | None],
    quality: ImageQuality,
    info: ImageInfo,
    rng: np.random.Generator,
    uneven: float = 0.0,
) -> tuple[Planting, float]:
    """Paint a target for the ground on which it stands.

    Parameters
    ----------
    place : Footprint
        Where it is.
    after : Image
        The after image in the footprint's window.
    wanted : (contrast, colour, darker)
        How it stands out, as for :func:`paint`; contrast in decibels for radar.
    quality : ImageQuality
        Of the after image.
    info : ImageInfo
        Of the after image.
    rng : numpy.random.Generator
        Draws colour and grain.
    uneven : float
        As of :class:`changedet.model.TargetType`.

    Returns
    -------
    planting : Planting
    reached : float
        Contrast as planted.
    """
    contrast, colour, darker = wanted
    top = 255.0 if info.dtype == "uint8" else info.saturation
    bands = len(after.roles)
    none = np.zeros(0, dtype=np.float32)
    if info.domain != "optical":
        factor = np.full(bands, 10.0 ** (contrast / 10))
        return Planting(place, factor, none, none, none, top), contrast
    hidden = place.inside & after.valid
    ground = after.pixels[:, hidden].mean(axis=1, dtype=np.float64)
    value, reached = paint(ground, (contrast, colour, darker), quality, top, rng)
    shape = place.cover.shape
    dark = np.array(quality.dark)
    surface = rng.standard_normal(shape) * TEXTURE
    if uneven > 0:
        surface = np.maximum(surface + uneven * _patches(place, rng), DEEPEST)
    grain = surface[None] * np.maximum(value - dark, 0)[:, None, None]
    grain += rng.standard_normal((bands, *shape)) * np.array(quality.noise)[:, None, None]
    walls = (1 - WALL_LIGHT) * place.wall / np.maximum(place.cover, 1e-3)
    grain -= walls[None] * np.maximum(value - dark, 0)[:, None, None]
    return Planting(
        place, value, grain.astype(np.float32), np.array(quality.light), dark, top
    ), reached


def _patches(place: Footprint, rng: np.random.Generator) -> np.ndarray:
    """Lighter and darker parts of a body: a smooth field of mean 0 and variance 1 on it."""
    size = max(PATCH * place.width_px, LEAST_PATCH_PX)
    field = blurred(rng.standard_normal(place.cover.shape).astype(np.float32), size)
    own = field[place.inside]
    spread = float(own.std())
    return (field - float(own.mean())) / spread if spread > 0 else np.zeros_like(field)
