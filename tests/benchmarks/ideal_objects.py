"""Objects as an ideal detection would hand them over: true footprints, blurred by about a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
import shapely.affinity

from changedet.model import Appearance, ChangeTable, Grid, Image, ImageInfo, ImagePair, Window
from changedet.simulation import Scene

RING_M = 2.0


class ScenePair:
    """The images of a scene without a geolocation error (:class:`changedet.model.PairReader`)."""

    def __init__(self, scene: Scene) -> None:
        self.images = (scene.before, scene.after)
        self.infos: tuple[ImageInfo, ImageInfo] = (scene.before_info, scene.after_info)
        self.grid, self.roles = scene.before.grid, scene.before.roles

    def read(self, window: Window) -> ImagePair:
        """Read a window; invalid beyond the grid."""
        part = window.intersect(self.grid.window)
        images = []
        for image in self.images:
            pixels = np.zeros((len(self.roles), *window.shape), dtype=np.float32)
            valid = np.zeros(window.shape, dtype=bool)
            if not part.empty:
                at = part.within(window)
                pixels[:, at[0], at[1]] = image.pixels[:, part.slices[0], part.slices[1]]
                valid[at] = image.valid[part.slices]
            images.append(Image(pixels, valid, self.grid.subset(window), self.roles))
        return ImagePair(images[0], images[1])

    def overview(self, factor: int) -> ImagePair:
        """Not needed here."""
        raise NotImplementedError


def ideal_objects(
    scene: Scene, jitter_px: float = 1.0, seed: int = 0
) -> tuple[ChangeTable, Appearance]:
    """Table and appearance of everything that changed, from the truth.

    Parameters
    ----------
    scene : Scene
        Without a geolocation error.
    jitter_px : float
        Standard deviation of the error of length and width, and of that of the place times two,
        pixels.
    seed : int
        Of the errors.
    """
    grid, rng = scene.truth.grid, np.random.default_rng(seed)
    things = scene.truth.changed
    shapes, sides = [], []
    for thing in things:
        shape, side = _blurred(thing.geometry, jitter_px * (grid.gsd_m or 1.0), rng)
        shapes.append(shape)
        sides.append(side)
    geometry = np.array([*shapes, None], dtype=object)[:-1]
    length, width, bearing = np.array(sides).reshape(-1, 3).T
    change = [
        {(True, False): "disappeared", (False, True): "appeared"}.get(
            (o.before, o.after), "modified"
        )
        for o in things
    ]
    ids = np.arange(1, len(things) + 1)
    columns: dict[str, Any] = {
        "id": ids, "change": np.array(change, dtype=object), "length_m": length,
        "width_m": width, "bearing_deg": bearing, "area_m2": length * width,
        "score": np.full(len(ids), 10.0), "q_value": np.zeros(len(ids)),
    }  # fmt: skip
    table = ChangeTable(geometry, columns, grid.crs)
    return table, look(table, scene.before, scene.after)


def _blurred(footprint: Any, sigma_m: float, rng: np.random.Generator) -> tuple[Any, list[float]]:
    """A rectangle with errors, and its length, width and bearing (convergence left out)."""
    xy = shapely.get_coordinates(shapely.minimum_rotated_rectangle(footprint))
    a, b = xy[1] - xy[0], xy[2] - xy[1]
    if np.hypot(*a) < np.hypot(*b):
        a, b = b, a
    length = max(float(np.hypot(*a)) + rng.normal(0, sigma_m), 0.5)
    width = max(float(np.hypot(*b)) + rng.normal(0, sigma_m), 0.5)
    angle = np.degrees(np.arctan2(a[1], a[0])) + np.degrees(rng.normal(0, sigma_m / length))
    x, y = xy[:4].mean(axis=0) + rng.normal(0, sigma_m / 2, 2)
    box = shapely.box(x - length / 2, y - width / 2, x + length / 2, y + width / 2)
    length, width = max(length, width), min(length, width)
    return shapely.affinity.rotate(box, angle), [length, width, (90.0 - angle) % 180.0]


def look(table: ChangeTable, before: Image, after: Image) -> Appearance:
    """Mean values inside and around each object at both dates."""
    n, bands = len(table), len(before.roles)
    inside, around = np.full((2, n, bands), np.nan), np.full((2, n, bands), np.nan)
    everything = shapely.union_all(table.geometry)
    for date, image in enumerate((before, after)):
        for i, shape in enumerate(table.geometry):
            rim = shapely.difference(shapely.buffer(shape, RING_M), everything)
            inside[date, i] = _mean(image, shape)
            around[date, i] = _mean(image, rim)
    scale = np.stack([np.abs(inside[d] - around[d]).mean(axis=0) for d in range(2)])
    return Appearance(inside, around, scale)


def _mean(image: Image, shape: Any) -> np.ndarray:
    grid: Grid = image.grid
    if shape.is_empty:
        return np.full(len(image.roles), np.nan)
    left, bottom, right, top = shape.bounds
    rows, cols = grid.rowcol([left, right], [top, bottom])
    r, c = np.mgrid[
        max(0, int(rows.min())) : min(grid.height, int(rows.max()) + 2),
        max(0, int(cols.min())) : min(grid.width, int(cols.max()) + 2),
    ]
    mask = shapely.contains_xy(shape, *grid.xy(r, c))
    if not mask.any():
        return np.full(len(image.roles), np.nan)
    return np.asarray(image.pixels[:, r[mask], c[mask]].mean(axis=1), dtype=np.float64)
