"""Changed objects laid out by hand, for the tests of kinds, groups and moves."""

from __future__ import annotations

import numpy as np
import shapely
import shapely.affinity
from affine import Affine
from pyproj import CRS

from changedet.model import Appearance, ChangeTable, Grid, Places

UTM = CRS.from_epsg(32652)
EAST, NORTH = 470_000.0, 4_696_500.0


def grid(gsd=0.5, size=400, crs=UTM):
    """A square grid of ``size`` pixels whose upper left corner is (EAST, NORTH)."""
    return Grid(Affine(gsd, 0, EAST, 0, -gsd, NORTH), size, size, crs)


def box(x, y, length, width, turn=0.0):
    """A rectangle with its middle x metres east and y south of the corner, turned anticlockwise."""
    shape = shapely.box(-length / 2, -width / 2, length / 2, width / 2)
    shape = shapely.affinity.rotate(shape, turn, origin=(0, 0))
    return shapely.affinity.translate(shape, EAST + x, NORTH - y)


def table(things, crs=UTM, **columns):
    """A table of (x, y, length, width, change) or with the turn as sixth."""
    things = [(*t, 0.0)[:6] for t in things]
    geometry = np.array([box(x, y, a, b, t) for x, y, a, b, _, t in things] + [None])[:-1]
    numbers = np.array([[a, b, a * b, (90 - t) % 180] for _, _, a, b, _, t in things])
    length, width, area, bearing = numbers.reshape(-1, 4).T
    values = {
        "length_m": length, "width_m": width, "area_m2": area,
        "bearing_deg": bearing if crs else np.full(len(things), np.nan),
        "change": np.array([t[4] for t in things], dtype=object), **columns,
    }  # fmt: skip
    return ChangeTable(geometry, values, crs)


def lines(*named):
    """Places of lines; each is (name, points in metres east and south of the corner)."""
    shapes = [shapely.LineString([(EAST + x, NORTH - y) for x, y in points]) for _, points in named]
    return Places(
        tuple(n for n, _ in named), np.array([*shapes, None], dtype=object)[:-1], UTM, source="test"
    )


def wagons(x, y, count, change="appeared", length=12.8, width=3.16, gap=1.1):
    """Coupled wagons that run east."""
    return [(x + k * (length + gap), y, length, width, change) for k in range(count)]


def looks(colours, ground=0.2, scale=0.4, gain=1.0, offset=0.0, dates=None):
    """Appearance of things of given colours (n, band), on even ground.

    The date at which a thing is not there shows the ground. The after image is brighter by gain
    and offset.
    """
    colours = np.asarray(colours, dtype=float)
    around = np.broadcast_to(ground, colours.shape) + np.linspace(0, 0.05, len(colours))[:, None]
    inside = np.stack([np.where((dates & d)[:, None] > 0, colours, around) for d in (1, 2)])
    both = np.stack([around, around])
    inside[1], both[1] = gain * inside[1] + offset, gain * both[1] + offset
    return Appearance(inside, both, np.full((2, colours.shape[1]), scale))
