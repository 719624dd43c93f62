from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine

from changedet.model import Grid
from changedet.simulation import simulate
from changedet.simulation.bodies import Body, Layout, Part
from changedet.simulation.canvas import Canvas, Frame, base_canvas
from changedet.simulation.geolocation import Correction, SiteFrame
from changedet.simulation.light import lean, relief, shadow
from changedet.simulation.materials import MATERIALS, Palette
from changedet.simulation.sensor import Sampler
from changedet.simulation.shapes import fill


def pole(height: float = 6.0) -> np.ndarray:
    ground = np.zeros((101, 101), dtype=np.float32)
    ground[48:53, 48:53] = height
    return ground


@pytest.mark.parametrize("azimuth", [0, 30, 90, 135, 150, 200, 250, 300, 359])
@pytest.mark.parametrize("elevation", [35.0, 55.0])
def test_shadows_point_away_from_the_sun_and_have_its_length(
    azimuth: float, elevation: float
) -> None:
    dark = shadow(pole(), 0.5, azimuth, elevation)
    rows, cols = np.nonzero(dark)
    a = math.radians(azimuth)
    away = np.array([math.cos(a), -math.sin(a)])
    offsets = np.column_stack([rows - 50, cols - 50]) * 0.5
    along = offsets @ away
    across = offsets @ np.array([-away[1], away[0]])
    assert along.max() == pytest.approx(6 / math.tan(math.radians(elevation)) + 1.2, abs=1.2)
    assert along.min() > -1.0
    assert abs(across.mean()) < 0.5


def test_the_shadow_moves_with_the_sun() -> None:
    first, second = (np.argwhere(shadow(pole(), 0.5, a, 40)).mean(axis=0) for a in (135, 170))
    turned = [math.degrees(math.atan2(c - 50, r - 50)) for r, c in (first, second)]
    # the sun goes clockwise, so does the shadow
    assert turned[0] - turned[1] == pytest.approx(35, abs=5)


def test_shadows_move_in_a_scene() -> None:
    options = {"size_m": (150.0, 100.0), "change_fraction": 0.0, "weathering": 0.0}
    same = simulate("railyard", 3, **options)
    moved = simulate("railyard", 3, **options, sun_after=(200.0, 46.0))
    change = [np.abs(s.after.pixels - s.before.pixels).mean() for s in (same, moved)]
    assert change[1] > 3 * change[0]


def flat_canvas(cell: float = 0.5) -> Canvas:
    return base_canvas(Layout(), Frame(-20.0, 20.0, cell, 80, 80), 1, Palette())


def test_a_roof_is_brighter_on_the_side_of_the_sun() -> None:
    canvas = flat_canvas()
    box = np.array([[-8.0, -4.0], [8.0, -4.0], [8.0, 4.0], [-8.0, 4.0]])
    canvas.paint(Part(box, "roof_red", 5.0, 1.0, "gable", (1.0, 0.0), 4.0, 1.8))
    south = relief(canvas, 180.0, 45.0)
    assert south[44, 40] > 1.1 > 0.9 > south[36, 40]
    north = relief(canvas, 0.0, 45.0)
    assert north[44, 40] < 0.9 < 1.1 < north[36, 40]
    assert south[2, 2] == 1


def test_tall_things_lean_away_from_the_sensor() -> None:
    canvas = flat_canvas()
    box = np.array([[-3.0, -3.0], [3.0, -3.0], [3.0, 3.0], [-3.0, 3.0]])
    canvas.paint_body(Body("building", "tower", box, 10.0, (Part(box, "roof_red", 10.0),)))
    number = canvas.palette.number("roof_red")
    before = np.argwhere(canvas.material == number).mean(axis=0)
    seen, _ = lean(canvas, np.zeros((80, 80), dtype=bool), 30.0, 90.0)
    top = (seen.material == number) & (seen.shade == 1)
    after = np.argwhere(top).mean(axis=0)
    expected = 10 * math.tan(math.radians(30)) / 0.5
    assert after - before == pytest.approx([0, -expected], abs=1.0)


def test_polygons_are_filled_by_the_even_odd_rule() -> None:
    rows = np.array([1.5, 1.5, 5.5, 5.5])
    cols = np.array([2.5, 7.5, 7.5, 2.5])
    top, left, mask = fill(rows, cols, (10, 10))
    assert (top, left, mask.shape) == (2, 3, (4, 5))
    assert mask.all()
    assert fill(rows + 50, cols, (10, 10))[2].size == 0


def frame_and_ramp() -> tuple[Frame, SiteFrame, np.ndarray]:
    frame = Frame(-30.0, 30.0, 0.25, 240, 240)
    site = SiteFrame.around(130.65, 42.42)
    rows, cols = np.mgrid[:240, :240]
    # the value of a cell is a linear function of its place: averages keep it
    return (
        frame,
        site,
        (100 + 2.0 * (cols + 0.5) * 0.25 + 3.0 * (rows + 0.5) * 0.25).astype(np.float32),
    )


@pytest.mark.parametrize("turn", [0.0, 1e-9])
def test_the_sensor_averages_at_the_true_place(turn: float) -> None:
    frame, site, ramp = frame_and_ramp()
    grid = Grid(Affine(0.7, 0, site.x0 - 20, 0, -0.7, site.y0 + 20), 50, 50, site.crs)
    sampler = Sampler.of(frame, grid, site, Correction(1.3, -0.4, turn), 0.6)
    seen = sampler.image(ramp)
    rows, cols = np.mgrid[:50, :50]
    x, y = (v - o for v, o in zip(grid.xy(rows, cols), (site.x0, site.y0), strict=True))
    expected = 100 + 2.0 * (x + 1.3 + 30) + 3.0 * (30 - (y - 0.4))
    np.testing.assert_allclose(seen, expected, atol=0.02)
    assert sampler.valid().all()


def test_pixels_outside_the_rendered_ground_are_invalid() -> None:
    frame, site, ramp = frame_and_ramp()
    grid = Grid(Affine(1, 0, site.x0 - 35, 0, -1, site.y0 + 20), 40, 40, site.crs)
    sampler = Sampler.of(frame, grid, site, Correction(), 0.4)
    valid = sampler.valid()
    assert not valid[:, :5].any()
    assert valid[:, 6:].all()
    assert np.isfinite(sampler.image(ramp)).all()


def test_materials_are_plausible() -> None:
    for name, material in MATERIALS.items():
        for six in (material.dry, material.green or material.dry):
            assert all(0 < v < 0.7 for v in six), name
