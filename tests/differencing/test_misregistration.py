"""A badly aligned corner makes no unexplained changes; what is new there stays a change."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet.model import Alignment, Lattice


def corner_field(shape, most):
    """Shift along columns: nothing but in the lower right quarter, where it grows to ``most``."""
    n = 17
    rows, cols = (np.clip((np.arange(n) / (n - 1) - 0.5) / 0.3, 0, 1) for _ in range(2))
    values = most * rows[:, None] * cols[None]
    steps = [(s - 1) / (n - 1) for s in shape]
    return Lattice(0.0, 0.0, steps[0], steps[1], values)


@pytest.fixture(scope="module")
def yard():
    scene = cd.simulate("railyard", seed=8, size_m=(300, 220), change_fraction=0.0)
    return scene.before


def misplaced(image, field, new=None):
    """The same image again, moved by a field, with a new building and other noise."""
    import cv2

    rows, cols = np.mgrid[: image.grid.height, : image.grid.width].astype(np.float64)
    pixels = image.pixels.copy()
    if new is not None:
        r, c, h, w = new
        pixels[:, r : r + h, c : c + w] = np.percentile(pixels, 99.5, axis=(1, 2))[:, None, None]
    at = (cols + field.at(rows, cols)).astype(np.float32)
    moved = [cv2.remap(b, at, rows.astype(np.float32), cv2.INTER_CUBIC) for b in pixels]
    noise = np.random.default_rng(0).normal(0, 0.004 * image.pixels.std(), image.pixels.shape)
    return cd.Image(
        (np.stack(moved) + noise).astype(np.float32), image.valid, image.grid, image.roles
    )


def known(shape, sigma):
    zero = Lattice.constant(0.0)
    return Alignment(zero, zero, sigma, "local", "usable", 0.0, 0.0)


def changes(image, after, field, share, **more):
    """Objects found when the residual is told to be this share of the field."""
    sigma = Lattice(0.0, 0.0, field.row_step, field.col_step, share * field.values + 0.03)
    alignment = known(image.grid.shape, sigma)
    return cd.detect(
        image, after, alignment=alignment, method="change-vector", progress=False, **more
    ).changes  # fmt: skip


def at(table, grid, new):
    """Rows that cover the middle of the new building."""
    x, y = grid.xy(np.array([new[0] + new[2] / 2]), np.array([new[1] + new[3] / 2]))
    return shapely.intersects_xy(table.geometry, x[0], y[0])


@pytest.mark.slow
def test_edges_in_a_badly_aligned_corner_are_no_changes_but_a_building_is(yard):
    grid = yard.grid
    field = corner_field(grid.shape, 1.6)
    new = (int(grid.height * 0.80), int(grid.width * 0.72), 34, 46)
    after = misplaced(yard, field, new)
    untold, told = (
        changes(yard, after, field, share, false_alarms_per_km2=100.0) for share in (0.0, 0.7)
    )
    hardly = changes(yard, after, field, 1 / 6, false_alarms_per_km2=400.0)
    size = new[2] * new[3] * grid.pixel_area_m2
    # not told, edges of the corner are changes as well (at a rate that lets weak ones through)
    left, more = (t.take(np.flatnonzero(~t.explained)) for t in (told, untold))
    assert more["area_m2"].sum() > 1.1 * left["area_m2"].sum()
    # what stood where the building stands may be a row of its own
    assert at(left, grid, new).sum() == 1
    assert left["area_m2"][at(left, grid, new)][0] == pytest.approx(size, rel=0.25)
    # told far too little, some edges are marked, and explained
    explained = hardly["explained_by"] == "misregistration"
    assert explained.any()
    assert (hardly["residual_shift_px"][explained] > 0.1).all()
    assert not explained[at(hardly, grid, new)].any()


def test_well_aligned_things_are_never_explained_by_misregistration(yard):
    after = misplaced(yard, corner_field(yard.grid.shape, 0.0), (60, 80, 24, 24))
    found = changes(yard, after, corner_field(yard.grid.shape, 0.0), 0.0)
    assert len(found) == 1
    assert found["explained_by"][0] is None
