"""Images far larger than memory, made of mirrored copies of one scene with fresh noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from changedet.errors import ConfigError
from changedet.model import Grid
from changedet.simulation.noise import generator
from changedet.simulation.scene import Scene

Strip = tuple[int, np.ndarray, np.ndarray]


def mosaic_grids(scene: Scene, height: int, width: int) -> tuple[Grid, Grid]:
    """Grids of the before and after mosaics: those of the scene, grown to the right and down."""
    before, after = scene.before.grid, scene.after.grid
    return (
        Grid(before.transform, height, width, before.crs),
        Grid(after.transform, height, width, after.crs),
    )


def mosaic_strips(
    scene: Scene, height: int, width: int, *, rows: int = 256, noise_dn: float = 3.0
) -> Iterator[Strip]:
    """Yield a huge pair strip by strip.

    The scene is repeated, every other copy mirrored, so that nothing breaks at the seams. Noise is
    fresh everywhere: no two copies are equal. Only scenes without a planted shift stay true, for a
    shift would be mirrored as well.

    Parameters
    ----------
    scene : Scene
        Both images must have the same shape.
    height, width : int
        Of the mosaic, pixels.
    rows : int
        Rows of a strip (the last one may have fewer).
    noise_dn : float
        Standard deviation of the fresh noise, digital numbers.

    Yields
    ------
    first : int
        First row of the strip.
    before, after : (band, rows, width) uint16 arrays

    Raises
    ------
    ConfigError
        If the two images differ in shape, the scene is in dB, or a size is not positive.
    """
    if scene.before.grid.shape != scene.after.grid.shape:
        raise ConfigError(
            f"A mosaic needs two images of one shape, not {scene.before.grid.shape} and "
            f"{scene.after.grid.shape}: simulate with the same gsd_before and gsd_after."
        )
    if scene.before_info.dtype != "uint16":
        raise ConfigError(
            "A mosaic holds uint16; a scene in dB does not fit: simulate with "
            "domain='sar-amplitude'."
        )
    if min(height, width, rows) < 1:
        raise ConfigError(
            f"A mosaic of {height} x {width} pixels in strips of {rows} is empty: "
            "all must be at least 1."
        )
    return _strips(scene, height, width, rows, noise_dn)


def _strips(scene: Scene, height: int, width: int, rows: int,
            noise_dn: float) -> Iterator[Strip]:  # fmt: skip
    images = [i.pixels.astype(np.uint16) for i in (scene.before, scene.after)]
    n, m = scene.before.grid.shape
    cols = _mirrored(0, width, m)
    rngs = [generator(scene.seed, "mosaic", date) for date in ("before", "after")]
    for first in range(0, height, rows):
        count = min(rows, height - first)
        at = _mirrored(first, count, n)
        strips = []
        for pixels, rng in zip(images, rngs, strict=True):
            strip = np.empty((len(pixels), count, width), dtype=np.uint16)
            for band, values in enumerate(pixels):
                noise = rng.standard_normal((count, width), dtype=np.float32)
                noise *= np.float32(noise_dn)
                noise += values[np.ix_(at, cols)]
                strip[band] = np.clip(np.rint(noise), 1, 65535)
            strips.append(strip)
        yield first, strips[0], strips[1]


def _mirrored(first: int, count: int, size: int) -> np.ndarray:
    """Indices into an axis of ``size`` that is repeated with every other copy mirrored."""
    at = np.arange(first, first + count) % (2 * size)
    return np.where(at < size, at, 2 * size - 1 - at)
