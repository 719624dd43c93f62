"""Outlines of labelled pixels as polygons (the one place of this room that uses rasterio)."""

from __future__ import annotations

import numpy as np

from changedet.model import Window


def outlines(labels: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Polygons of a block of labels, in pixels of the whole grid.

    Parameters
    ----------
    labels : (y, x) int array
        0 is background.
    window : Window
        Where the block lies.

    Returns
    -------
    ids : (n,) int array
        Label of each polygon; a label may have several.
    polygons : (n,) object array of shapely polygons
        x = column, y = row of pixel *corners*: the first pixel covers 0 to 1.
    """
    import shapely
    from affine import Affine
    from rasterio.features import shapes

    # One pixel off, and taken back below: rasterio warns of an identity transform.
    transform = Affine.translation(window.col + 1, window.row + 1)
    block = labels.astype(np.int32)
    ids: list[int] = []
    rings: list[np.ndarray] = []
    owner: list[int] = []
    for geometry, value in shapes(block, mask=block > 0, connectivity=4, transform=transform):
        for ring in geometry["coordinates"]:
            rings.append(np.asarray(ring, dtype=np.float64))
            owner.append(len(ids))
        ids.append(int(value))
    if not ids:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=object)
    index = np.repeat(np.arange(len(rings)), [len(r) for r in rings])
    lines = shapely.linearrings(np.concatenate(rings) - 1.0, indices=index)
    return np.array(ids), shapely.polygons(lines, indices=np.array(owner))


def unite(ids: np.ndarray, polygons: np.ndarray, count: int) -> np.ndarray:
    """One geometry a label from the pieces of all blocks.

    Parameters
    ----------
    ids : (n,) int array
        1-based labels.
    polygons : (n,) object array
        The pieces.
    count : int
        Number of labels.

    Returns
    -------
    (count,) object array of shapely Polygon or MultiPolygon
        Normalised: the same outline always has the same vertices in the same order.
    """
    import shapely

    order = np.argsort(ids, kind="stable")
    ids, polygons = ids[order], polygons[order]
    starts = np.searchsorted(ids, np.arange(1, count + 2))
    out = np.empty(count, dtype=object)
    single = np.diff(starts) == 1
    out[single] = polygons[starts[:-1][single]]
    for k in np.flatnonzero(~single):
        out[k] = shapely.union_all(polygons[starts[k] : starts[k + 1]])
    return shapely.normalize(shapely.simplify(out, 0.0))
