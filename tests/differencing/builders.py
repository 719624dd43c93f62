"""Pairs in memory, scratch rasters and planted scenes."""

from __future__ import annotations

import numpy as np
from affine import Affine
from pyproj import CRS

from changedet.differencing import DetectionContext
from changedet.model import Grid, Image, ImageInfo, ImagePair, Window

UTM = CRS.from_epsg(32652)


def utm_grid(height: int, width: int, size: float = 0.5, turn: float = 0.0) -> Grid:
    """A UTM grid at the crossing of Tumangang and Khasan, turned clockwise by degrees."""
    a = np.deg2rad(turn)
    cos, sin = size * np.cos(a), size * np.sin(a)
    return Grid(Affine(cos, -sin, 635_000.0, -sin, -cos, 4_698_000.0), height, width, UTM)


class MemoryPair:
    """A pair in memory (:class:`changedet.model.PairReader`); garbage where it is not valid."""

    def __init__(
        self,
        before,
        after,
        *,
        valid=None,
        residual=None,
        grid=None,
        roles=None,
        domain="optical",
        garbage=0.0,
    ):
        before, after = (np.asarray(p, dtype=np.float32) for p in (before, after))
        shape = before.shape[1:]
        self.grid = grid or Grid.pixels(*shape)
        self.roles = roles or tuple(f"band{i + 1}" for i in range(len(before)))
        self.domain, self.garbage = domain, np.float32(garbage)
        self.valid = np.ones(shape, dtype=bool) if valid is None else valid
        self.pixels = tuple(np.where(self.valid, p, self.garbage) for p in (before, after))
        self.residual = residual

    @property
    def infos(self) -> tuple[ImageInfo, ImageInfo]:
        before, after = (
            ImageInfo(name, self.grid, self.roles, "float32", self.domain)
            for name in ("before", "after")
        )
        return before, after

    def read(self, window: Window) -> ImagePair:
        part = window.intersect(self.grid.window)
        grid = self.grid.subset(window)
        valid = np.zeros(window.shape, dtype=bool)
        inside = None if part.empty else part.within(window)
        if inside is not None:
            valid[inside] = self.valid[part.slices]
        images = []
        for pixels in self.pixels:
            out = np.full((len(pixels), *window.shape), self.garbage, dtype=np.float32)
            if inside is not None:
                out[(slice(None), *inside)] = pixels[(slice(None), *part.slices)]
            images.append(Image(out, valid, grid, self.roles))
        residual = None
        if self.residual is not None:
            residual = np.zeros(window.shape, dtype=np.float32)
            if inside is not None:
                residual[inside] = self.residual[part.slices]
        return ImagePair(*images, residual)

    def context(self, **more) -> DetectionContext:
        return DetectionContext(self.roles, self.domain, self.grid.gsd_m or 10.0, **more)


class Scratch:
    """A raster in memory that can be written by window."""

    def __init__(self, array: np.ndarray, grid: Grid | None = None) -> None:
        self.array, self.grid = array, grid or Grid.pixels(*array.shape)

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def read(self, window: Window) -> np.ndarray:
        return self.array[window.slices].copy()

    def write(self, window: Window, values: np.ndarray) -> None:
        self.array[window.slices] = values


def smooth_field(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Noise of unit deviation that varies over about ``sigma`` pixels."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal(shape), sigma, mode="wrap")
    return (field - field.mean()) / field.std()


def landscape(seed: int, bands: int, shape: tuple[int, int], sigma: float = 3.0) -> np.ndarray:
    """Ground of positive brightness whose bands are correlated but not the same."""
    rng = np.random.default_rng(seed)
    common = smooth_field(rng, shape, sigma)
    layers = [
        100 + 10 * k + 15 * common + 8 * smooth_field(rng, shape, sigma) for k in range(bands)
    ]
    return np.stack(layers).astype(np.float32)


def noisy_pair(seed: int, bands: int, shape: tuple[int, int], noise: float = 1.0, **more):
    """Twice the same ground with independent noise; nothing changed."""
    ground = landscape(seed, bands, shape)
    rng = np.random.default_rng(seed + 1000)
    before, after = (ground + noise * rng.standard_normal(ground.shape) for _ in range(2))
    return MemoryPair(before, after, **more)


def speckled_pair(seed: int, shape: tuple[int, int], looks: float = 4.0, bands: int = 1):
    """Amplitudes of twice the same ground under independent speckle."""
    rng = np.random.default_rng(seed)
    ground = np.stack([np.exp(0.5 * smooth_field(rng, shape, 5.0)) for _ in range(bands)]) * 50
    return tuple(
        (ground * np.sqrt(rng.gamma(looks, 1 / looks, ground.shape))).astype(np.float32)
        for _ in range(2)
    )


def turned_rectangle(
    shape: tuple[int, int], centre: tuple[float, float], length: float, width: float, angle: float
) -> np.ndarray:
    """Pixels of a rectangle; ``angle`` in degrees from the column axis towards growing rows."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    a = np.deg2rad(angle)
    dr, dc = rows - centre[0], cols - centre[1]
    along, across = dr * np.sin(a) + dc * np.cos(a), dr * np.cos(a) - dc * np.sin(a)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)
