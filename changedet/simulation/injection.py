"""Known targets in somebody's own image, added when a window of it is read.

Nothing needs the whole image: a target is a few small arrays, and a pair that holds targets reads
like any other pair.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import Geod, Transformer

from changedet.model import (
    WGS84,
    Alignment,
    Domain,
    Grid,
    Image,
    ImageInfo,
    ImagePair,
    PairReader,
    TargetType,
    Window,
)
from changedet.simulation.image_quality import ImageQuality
from changedet.simulation.sensor import blurred
from changedet.simulation.shapes import fill

_GEOD = Geod(ellps="WGS84")
FINE = 6
"""Rendered cells along each side of a pixel."""
MARGIN_PX = 6
"""Ground beside a target that belongs to it: its surroundings are measured there."""
RING_PX = 2
"""Nearest pixels are mixed and tell nothing of the ground."""
TEXTURE = 0.06
"""Relative standard deviation of the brightness of a body's own surface, by pixel."""


class GroundFrame:
    """Boxes in true metres on the ground, as pixels of a grid.

    Without georeferencing lengths are pixels, and bearings are counted from the columns' upward
    direction.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._transformers = None
        if grid.crs is not None:
            self._transformers = (
                Transformer.from_crs(grid.crs, WGS84, always_xy=True),
                Transformer.from_crs(WGS84, grid.crs, always_xy=True),
            )

    def box(self, row: float, col: float, length: float, width: float, bearing: float) -> Any:
        """Corners of a box around a place, (4, 2) rows and columns.

        Parameters
        ----------
        row, col : float
            Its middle.
        length, width : float
            Metres on the ground; pixels without georeferencing.
        bearing : float
            Of its long side, degrees clockwise from true north.
        """
        turn = math.degrees(math.atan2(width, length))
        azimuths = np.array([bearing + turn, bearing + 180 - turn, bearing + 180 + turn,
                             bearing - turn])  # fmt: skip
        half = math.hypot(length, width) / 2
        if self._transformers is None:
            a = np.radians(azimuths)
            return np.column_stack([row - half * np.cos(a), col + half * np.sin(a)])
        lon, lat = self._transformers[0].transform(*self.grid.xy(row, col))
        there = _GEOD.fwd(np.full(4, lon), np.full(4, lat), azimuths, np.full(4, half))
        return np.column_stack(self.grid.rowcol(*self._transformers[1].transform(*there[:2])))

    def bearing(self, one: tuple[float, float], other: tuple[float, float]) -> float:
        """Direction from one place to another, both (x, y) in the CRS, 0 to 180 degrees."""
        if self._transformers is None:
            return math.degrees(math.atan2(other[0] - one[0], one[1] - other[1])) % 180
        lon, lat = self._transformers[0].transform(*np.array([one, other]).T)
        return float(_GEOD.inv(lon[0], lat[0], lon[1], lat[1])[0]) % 180


@dataclass(frozen=True, eq=False)
class Footprint:
    """Which pixels a box covers, and which its shadow darkens."""

    window: Window
    """Everything that it touches, and :data:`MARGIN_PX` around the box."""
    inside: np.ndarray
    """(y, x) bool: centre inside the box."""
    cover: np.ndarray
    """(y, x) float32: share of the pixel's light that comes from the box, blur included."""
    shade: np.ndarray
    """(y, x) float32: share of the pixel's light that comes from its shadow on the ground."""
    ring: np.ndarray
    """(y, x) bool: the ground around it."""


def footprint(
    corners: np.ndarray, blur_px: float, shadow: tuple[float, float] | None = None
) -> Footprint:
    """Render a box and its shadow.

    Parameters
    ----------
    corners : (4, 2) array
        Rows and columns.
    blur_px : float
        Standard deviation of the point spread, pixels; never less than the pixel's own area.
    shadow : (rows, columns), optional
        Where the shadow of its top edge falls; None: no shadow.
    """
    outlines = [corners]
    if shadow is not None:
        both = np.concatenate([corners, corners + np.array(shadow)])
        hull = shapely.MultiPoint(both).convex_hull
        outlines.append(np.array(hull.exterior.coords)[:-1])
    every = np.concatenate(outlines)
    reach = math.ceil(3 * blur_px) + 1
    low = np.minimum(np.floor(every.min(axis=0)) - reach, np.floor(corners.min(axis=0)) - MARGIN_PX)
    high = np.maximum(np.ceil(every.max(axis=0)) + reach, np.ceil(corners.max(axis=0)) + MARGIN_PX)
    window = Window(int(low[0]), int(low[1]), *(int(v) + 1 for v in high - low))
    spread = math.sqrt(max(blur_px**2 - 1 / 12, 0.0)) * FINE
    # the body itself, then what it shades: the ground that is not under it
    masks = [_fine_mask(outline - low, window.shape) for outline in outlines]
    cover = _seen(masks[0], spread)
    shade = np.zeros_like(cover) if len(masks) == 1 else _seen(masks[1] & ~masks[0], spread)
    rows, cols = (corners - low).T
    inside = _placed(fill(rows, cols, window.shape), window.shape)
    return Footprint(window, inside, cover, shade, _ring(inside, shade))


def _placed(patch: tuple[int, int, np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    row, col, mask = patch
    out = np.zeros(shape, dtype=bool)
    out[row : row + mask.shape[0], col : col + mask.shape[1]] = mask
    return out


def _fine_mask(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cells of a raster :data:`FINE` times finer whose centres lie inside."""
    fine = (corners + 0.5) * FINE - 0.5
    high, wide = (n * FINE for n in shape)
    return _placed(fill(fine[:, 0], fine[:, 1], (high, wide)), (high, wide))


def _seen(mask: np.ndarray, spread: float) -> np.ndarray:
    """Blur a fine mask and average it over pixels, float32."""
    soft = blurred(mask.astype(np.float32), spread)
    high, wide = (n // FINE for n in mask.shape)
    out: np.ndarray = soft.reshape(high, FINE, wide, FINE).mean(axis=(1, 3), dtype=np.float32)
    return out


def _ring(inside: np.ndarray, shade: np.ndarray) -> np.ndarray:
    import cv2

    def grown(by: int) -> np.ndarray:
        kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
        return np.asarray(cv2.dilate(inside.astype(np.uint8), kernel) > 0)

    around: np.ndarray = grown(MARGIN_PX) & ~grown(RING_PX)
    lit = around & (shade < 0.02)
    return lit if lit.any() else around


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
        return [self.plantings[i] for i in np.flatnonzero(near)]

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
    contrast: float,
    colour: float,
    quality: ImageQuality,
    top: float | None,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """Pixel values of a body that stands out from its ground.

    Parameters
    ----------
    ground : (band,) array
        Mean pixel values of what it hides.
    contrast : float
        Root mean square over bands of its difference from the ground, as a share of the ground.
    colour : float
        Share of the squared contrast that differs between bands; the rest is brightness, and as
        often darker as brighter.
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
    level = np.maximum(np.abs(ground), 1e-6)
    bands = len(level)
    hue = rng.standard_normal(bands)
    hue -= hue.mean()
    size = float(np.sqrt(np.mean(hue**2)))
    sign = 1.0 if rng.uniform() < 0.5 else -1.0
    direction = np.full(bands, sign)
    if bands > 1 and size > 0:
        direction = math.sqrt(1 - colour) * direction + math.sqrt(colour) * hue / size
    floor = np.minimum(np.array(quality.dark), ground)
    best: tuple[np.ndarray, float] | None = None
    for turn in (1.0, -1.0):  # what cannot be so much darker is brighter
        value = ground + turn * contrast * direction * level
        value = np.clip(value, floor, np.inf if top is None else max(top, float(ground.max())))
        reached = float(np.sqrt(np.mean(((value - ground) / level) ** 2)))
        if reached > 0.95 * contrast:
            return value, reached
        if best is None or reached > best[1]:
            best = value, reached
    return best if best is not None else (ground, 0.0)


def make_planting(
    place: Footprint,
    after: Image,
    wanted: tuple[TargetType, float, float],
    quality: ImageQuality,
    info: ImageInfo,
    rng: np.random.Generator,
) -> tuple[Planting, float]:
    """Paint a target for the ground on which it stands.

    Parameters
    ----------
    place : Footprint
        Where it is.
    after : Image
        The after image in the footprint's window.
    wanted : (type, contrast, colour)
        What to plant; contrast in decibels for radar.
    quality : ImageQuality
        Of the after image.
    info : ImageInfo
        Of the after image.
    rng : numpy.random.Generator
        Draws colour and grain.

    Returns
    -------
    planting : Planting
    reached : float
        Contrast as planted.
    """
    _, contrast, colour = wanted
    top = 255.0 if info.dtype == "uint8" else info.saturation
    bands = len(after.roles)
    none = np.zeros(0, dtype=np.float32)
    if info.domain != "optical":
        factor = np.full(bands, 10.0 ** (contrast / 10))
        return Planting(place, factor, none, none, none, top), contrast
    hidden = place.inside & after.valid
    ground = after.pixels[:, hidden].mean(axis=1, dtype=np.float64)
    value, reached = paint(ground, contrast, colour, quality, top, rng)
    shape = place.cover.shape
    dark = np.array(quality.dark)
    surface = rng.standard_normal(shape) * TEXTURE
    grain = surface[None] * np.maximum(value - dark, 0)[:, None, None]
    grain += rng.standard_normal((bands, *shape)) * np.array(quality.noise)[:, None, None]
    return Planting(
        place, value, grain.astype(np.float32), np.array(quality.light), dark, top
    ), reached
