"""Where targets are planted, and what is planted at which resolution."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from changedet.model import Grid, Image, ImageInfo, Places
from changedet.simulation import Site, Spots, Wanted, default_contrasts, plant_round, target_types
from changedet.simulation.footprints import GroundFrame
from changedet.simulation.image_quality import ImageQuality
from changedet.simulation.target_types import THINGS

QUALITY = ImageQuality(0.6, "given", (1.0,), (0.0,), (0.35,))


def site(grid: Grid, hidden=None, **places) -> Site:
    free = np.ones(grid.shape, bool)
    if hidden is not None:
        free[hidden] = False

    def look(window):
        shape = window.shape
        return Image(np.full((1, *shape), 100, np.float32), np.ones(shape, bool),
                     grid.subset(window), ("pan",))  # fmt: skip

    info = ImageInfo("made up", grid, ("pan",), "float32")
    return Site(grid, QUALITY, info, lambda w: free[w.slices], look, **places)


def lines(grid: Grid, name: str, *geometry) -> Places:
    array = np.empty(len(geometry), dtype=object)
    array[:] = geometry
    return Places(tuple(f"{name} {i}" for i in range(len(geometry))), array, grid.crs)


def fine(utm_grid: Grid) -> Grid:
    from affine import Affine

    return Grid(Affine(0.5, 0, 635_000, 0, -0.5, 4_698_000), 400, 500, utm_grid.crs)


def test_targets_keep_apart_and_stay_on_free_ground(utm_grid):
    grid = fine(utm_grid)
    hidden = (slice(None), slice(0, 250))
    queue = [Wanted(t, 0.4, 0.0) for t in THINGS for _ in range(8)]
    spots = Spots(site(grid, hidden))
    standing, left = plant_round(queue, spots, np.random.default_rng(1), 1e9)
    assert len(standing) + len(left) == len(queue)
    assert len(standing) > 15
    hulls = [one.planting.place.hull for one in standing]
    for k, one in enumerate(standing):
        window = one.planting.place.window
        assert window.intersect(grid.window) == window
        assert shapely.distance(hulls[k], np.array(hulls[:k] + hulls[k + 1 :])).min() >= 10
        assert hulls[k].bounds[0] > 250


def test_few_are_planted_at_a_time(utm_grid):
    queue = [Wanted(THINGS[0], 0.4, 0.0)] * 30
    spots = Spots(site(fine(utm_grid)))
    standing, left = plant_round(queue, spots, np.random.default_rng(1), 500)
    pixels = [int(s.planting.place.inside.sum()) for s in standing]
    assert sum(pixels[:-1]) < 500 <= sum(pixels)
    assert len(left) == 30 - len(standing)


def test_wagons_stand_on_tracks_and_lorries_on_roads(utm_grid):
    grid = fine(utm_grid)
    x0, y0, x1, y1 = grid.bounds
    track = shapely.LineString([(x0, y0 + 20), (x1, y1 - 30)])
    road = shapely.LineString([(x0, y0 + 90), (x1, y0 + 90)])
    spots = Spots(site(grid, tracks=lines(grid, "track", track), roads=lines(grid, "road", road)))
    frame, rng = GroundFrame(grid), np.random.default_rng(3)
    for _ in range(20):
        row, col, bearing = spots.draw(THINGS[0], rng)
        assert shapely.distance(track, shapely.Point(*grid.xy(row, col))) < 1e-6
        assert bearing == pytest.approx(frame.bearing(*track.coords), abs=0.01)
        row, col, _ = spots.draw(THINGS[1], rng)
        assert shapely.distance(road, shapely.Point(*grid.xy(row, col))) <= 2.0


def test_zones_hold_everything_else(utm_grid):
    grid = fine(utm_grid)
    x0, y0, _, _ = grid.bounds
    zone = shapely.Polygon([(x0 + 20, y0 + 20), (x0 + 80, y0 + 20), (x0 + 20, y0 + 90)])
    spots, rng = Spots(site(grid, zones=lines(grid, "zone", zone))), np.random.default_rng(4)
    drawn = [spots.draw(THINGS[3], rng) for _ in range(60)]
    inside = [d for d in drawn if d is not None]
    assert len(inside) > 15
    assert all(zone.contains(shapely.Point(*grid.xy(r, c))) for r, c, _ in inside)


@pytest.mark.parametrize(
    ("gsd", "domain", "kinds", "told"),
    [
        (0.5, "optical", {"railcar", "truck", "container", "other"}, None),
        (1.0, "optical", {"railcar", "truck", "container", "other"}, None),
        (3.0, "optical", {"train", "other"}, "At 3 m a single wagon"),
        (10.0, "optical", {"train", "other"}, "At 10 m a single wagon"),
        (30.0, "optical", {"other"}, "not resolved"),
        (10.0, "sar-db", {"other"}, "only patches of brighter ground"),
        (None, "optical", {"other"}, "Without georeferencing nothing is known in metres"),
    ],
)
def test_what_the_resolution_cannot_show_is_not_planted(gsd, domain, kinds, told):
    types, cannot = target_types(gsd, domain)
    assert {t.kind for t in types} == kinds
    assert len({t.name for t in types}) == len(types)
    assert (told is None and not cannot) or told in " ".join(cannot)
    if gsd is not None:
        assert min(t.width for t in types if t.kind == "other") >= 2 * gsd - 1e-9
    else:
        assert all(t.name.endswith("px patch") for t in types)


def test_contrasts_have_the_unit_of_the_domain():
    assert max(default_contrasts("optical")) <= 1
    assert min(default_contrasts("sar-amplitude")) >= 1
