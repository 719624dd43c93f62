"""Targets in an image: where they lie, how they look, and that windows do not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pyproj import Geod, Transformer

from changedet.model import WGS84, Alignment, Grid, Image, ImageInfo, ImagePair, Window
from changedet.simulation.footprints import GroundFrame, footprint
from changedet.simulation.image_quality import measure_quality
from changedet.simulation.injection import PlantedPair, Planting, make_planting, paint

ROLES = ("blue", "green", "red", "nir")


class Flat:
    """A pair of flat ground with a little noise, read by window."""

    def __init__(self, grid: Grid, domain: str = "optical", level: float = 100.0) -> None:
        self.grid, self.roles = grid, ROLES if domain == "optical" else ("vv",)
        rng = np.random.default_rng(5)
        shape = (len(self.roles), *grid.shape)
        self.images = [
            (level + rng.standard_normal(shape)).astype(np.float32) for _ in range(2)
        ]  # fmt: skip
        info = ImageInfo("flat", grid, self.roles, "float32", domain)  # type: ignore[arg-type]
        self.infos = (info, info)

    def read(self, window: Window) -> ImagePair:
        grid = self.grid.subset(window)
        inner = window.intersect(self.grid.window)
        out = []
        for image in self.images:
            pixels = np.zeros((len(self.roles), *window.shape), np.float32)
            valid = np.zeros(window.shape, bool)
            pixels[(slice(None), *inner.within(window))] = image[(slice(None), *inner.slices)]
            valid[inner.within(window)] = True
            out.append(Image(pixels, valid, grid, self.roles))
        return ImagePair(*out)

    def overview(self, factor: int) -> ImagePair:
        raise NotImplementedError


def plant(pair: Flat, place, contrast: float = 0.5, colour: float = 0.0) -> tuple[Planting, float]:
    after = pair.read(place.window).after
    quality = measure_quality([pair.read(pair.grid.window).after])
    quality = replace(quality, dark=(0.0,) * len(pair.roles))
    wanted = (contrast, colour, None)
    return make_planting(place, after, wanted, quality, pair.infos[1], np.random.default_rng(1))


@pytest.mark.parametrize("bearing", [0.0, 37.0, 90.0, 151.0])
def test_a_box_has_true_metres_on_the_ground(utm_grid, bearing):
    corners = GroundFrame(utm_grid).box(90.0, 140.0, 60.0, 20.0, bearing)
    to_degrees = Transformer.from_crs(utm_grid.crs, WGS84, always_xy=True)
    lon, lat = to_degrees.transform(*utm_grid.xy(*corners.T))
    azimuth, _, sides = Geod(ellps="WGS84").inv(lon, lat, np.roll(lon, -1), np.roll(lat, -1))
    assert sorted(np.round(sides, 3)) == [20.0, 20.0, 60.0, 60.0]
    assert min(abs((azimuth[np.argmax(sides)] - bearing + 90) % 180 - 90), 180) < 0.01


def test_without_georeferencing_a_box_is_in_pixels():
    corners = GroundFrame(Grid.pixels(50, 50)).box(20.0, 30.0, 8.0, 4.0, 90.0)
    assert np.allclose(np.sort(corners[:, 1]), [26, 26, 34, 34])
    assert np.allclose(np.sort(corners[:, 0]), [18, 18, 22, 22])


def test_light_of_a_box_adds_up_whatever_the_blur():
    corners = GroundFrame(Grid.pixels(90, 90)).box(40.3, 41.7, 12.0, 5.0, 30.0)
    for blur in (0.3, 0.7, 1.5):
        assert footprint(corners, blur).cover.sum() == pytest.approx(60.0, rel=0.02)


def test_blur_spreads_an_edge_as_far_as_it_says():
    corners = GroundFrame(Grid.pixels(90, 90)).box(45.0, 45.0, 40.0, 40.0, 0.0)
    place = footprint(corners, 1.2)
    across = place.cover[place.cover.shape[0] // 2]
    line = np.abs(np.diff(across[: len(across) // 2]))
    at = np.arange(len(line))
    middle = (line * at).sum() / line.sum()
    assert np.sqrt((line * (at - middle) ** 2).sum() / line.sum()) == pytest.approx(1.2, abs=0.12)


def test_a_shadow_lies_beside_the_box_and_is_not_under_it():
    corners = GroundFrame(Grid.pixels(90, 90)).box(45.0, 45.0, 12.0, 6.0, 90.0)
    place = footprint(corners, 0.6, (-8.0, 0.0))
    rows = np.arange(place.window.row, place.window.row + place.window.height)[:, None]
    shaded = place.shade > 0.9
    assert (rows * shaded)[shaded].max() < 45 - 2
    assert place.shade.sum() == pytest.approx(12 * 8, rel=0.05)
    assert np.max(place.cover + place.shade) <= 1.0 + 1e-5


def test_a_leaning_box_hides_ground_on_one_side_and_shows_a_darker_wall(utm_grid):
    corners = GroundFrame(Grid.pixels(90, 90)).box(45.25, 45.0, 20.0, 8.0, 90.0)
    place = footprint(corners, 0.6, (6.0, 0.0), (-5.0, 0.0))
    straight = footprint(corners, 0.6, (6.0, 0.0))
    # the top moved up by 5 rows: roof 20 x 8, wall 20 x 5 below it, where the foot stands
    assert place.cover.sum() == pytest.approx(20 * 13, rel=0.03)
    assert place.wall.sum() == pytest.approx(20 * 5, rel=0.05)
    rows = np.arange(place.window.row, place.window.row + place.window.height)[:, None]
    assert (rows * place.wall).sum() / place.wall.sum() == pytest.approx(46.75, abs=0.2)
    assert (rows * place.inside).sum() / place.inside.sum() == pytest.approx(42.75, abs=0.3)
    assert not straight.wall.any()
    # its shadow falls to the other side, on ground that stays in sight
    assert place.shade.sum() == pytest.approx(straight.shade.sum(), rel=0.02)
    pair = Flat(utm_grid)
    after = pair.read(place.window).after
    quality = measure_quality([pair.read(pair.grid.window).after])
    quality = replace(quality, dark=(20.0,) * 4)
    planting, _ = make_planting(
        place, after, (0.5, 0.0, False), quality, pair.infos[1], np.random.default_rng(1)
    )  # fmt: skip
    planted = PlantedPair.of(pair, Alignment.identity(), [planting])
    pixels = planted.read(place.window).after.pixels - 20.0
    wall = pixels[:, place.wall > 0.99].mean()
    assert wall / pixels[:, place.cover - place.wall > 0.99].mean() == pytest.approx(0.6, abs=0.04)


def test_windows_do_not_change_a_planted_pixel(utm_grid):
    pair = Flat(utm_grid)
    frame = GroundFrame(utm_grid)
    places = [footprint(frame.box(r, 60.0, 30.0, 14.0, 20.0), 0.7, (-6.0, 3.0)) for r in (60, 71)]
    planted = PlantedPair.of(pair, Alignment.identity(), [plant(pair, p)[0] for p in places])
    whole = planted.read(utm_grid.window).after.pixels
    assert (whole != pair.images[1]).any()
    for window in (Window(50, 40, 17, 33), Window(66, 55, 9, 9), Window(-5, -5, 90, 80)):
        inner = window.intersect(utm_grid.window)
        part = planted.read(window).after.pixels[(slice(None), *inner.within(window))]
        assert np.array_equal(part, whole[(slice(None), *inner.slices)])
    far = planted.read(Window(150, 200, 20, 20))
    assert np.array_equal(far.after.pixels, pair.read(Window(150, 200, 20, 20)).after.pixels)
    assert np.array_equal(planted.read(utm_grid.window).before.pixels, pair.images[0])


@pytest.mark.parametrize(("contrast", "colour"), [(0.3, 0.0), (0.3, 0.6), (0.9, 0.2)])
def test_the_contrast_is_as_asked(utm_grid, contrast, colour):
    pair = Flat(utm_grid)
    place = footprint(GroundFrame(utm_grid).box(90.0, 90.0, 60.0, 30.0, 45.0), 0.6)
    planting, reached = plant(pair, place, contrast, colour)
    pixels = PlantedPair.of(pair, Alignment.identity(), [planting]).read(place.window).after.pixels
    body = pixels[:, place.cover > 0.999].mean(axis=1)
    off = body / 100.0 - 1
    assert reached == pytest.approx(contrast, rel=0.02)
    assert np.sqrt((off**2).mean()) == pytest.approx(contrast, rel=0.05)
    assert 1 - off.mean() ** 2 / (off**2).mean() == pytest.approx(colour, abs=0.05)


@pytest.mark.parametrize("uneven", [0.0, 0.15, 0.3])
def test_loads_and_roofs_make_a_body_uneven_around_its_contrast(utm_grid, uneven):
    pair = Flat(utm_grid)
    place = footprint(GroundFrame(utm_grid).box(90.0, 90.0, 80.0, 40.0, 45.0), 0.6)
    after = pair.read(place.window).after
    quality = measure_quality([pair.read(pair.grid.window).after])
    quality = replace(quality, dark=(20.0,) * 4)
    rng = np.random.default_rng(4)
    planting, _ = make_planting(
        place, after, (0.5, 0.0, False), quality, pair.infos[1], rng, uneven
    )  # fmt: skip
    planted = PlantedPair.of(pair, Alignment.identity(), [planting])
    core = place.cover > 0.999
    body = planted.read(place.window).after.pixels[:, core] - 20.0
    assert body.mean() == pytest.approx(1.5 * 80.0, rel=0.04)
    own = body.mean(axis=0)
    assert own.std() / own.mean() == pytest.approx(np.hypot(uneven, 0.06), abs=0.03)
    # parts, not pixels: neighbours are alike
    image = planted.read(place.window).after.pixels.mean(axis=0)
    pairs = core[:, 1:] & core[:, :-1]
    likeness = np.corrcoef(image[:, 1:][pairs], image[:, :-1][pairs])[0, 1]
    assert (likeness > 0.6) == (uneven > 0)


def test_what_cannot_be_darker_is_brighter(utm_grid):
    quality = measure_quality([Flat(utm_grid).read(utm_grid.window).after])
    ground = np.full(4, 100.0)
    quality = replace(quality, dark=(20.0,) * 4)
    for seed in range(6):
        value, reached = paint(ground, (1.5, 0.0, None), quality, None, np.random.default_rng(seed))
        assert reached == pytest.approx(1.5)
        assert np.allclose(value, 100 + 1.5 * 80)


@pytest.mark.parametrize("darker", [True, False])
def test_darker_and_brighter_can_be_asked_for(utm_grid, darker):
    quality = measure_quality([Flat(utm_grid).read(utm_grid.window).after])
    quality = replace(quality, dark=(20.0,) * 4)
    for seed in range(6):
        value, _ = paint(
            np.full(4, 100.0), (0.4, 0.2, darker), quality, None, np.random.default_rng(seed)
        )
        assert (value.mean() < 100) == darker


def test_saturation_bounds_the_contrast_and_says_so(utm_grid):
    quality = measure_quality([Flat(utm_grid).read(utm_grid.window).after])
    quality = replace(quality, dark=(0.0,) * 4)
    value, reached = paint(
        np.full(4, 100.0), (1.8, 0.0, None), quality, 130.0, np.random.default_rng(0)
    )
    assert reached < 1.1
    assert 0.0 <= value.min() <= value.max() <= 130.0


@pytest.mark.parametrize(
    ("domain", "level"), [("sar-intensity", 50.0), ("sar-amplitude", 50.0), ("sar-db", -12.0)]
)
def test_radar_targets_are_brighter_by_so_many_decibels(utm_grid, domain, level):
    pair = Flat(utm_grid, domain, level)
    place = footprint(GroundFrame(utm_grid).box(90.0, 90.0, 60.0, 60.0, 0.0), 0.6)
    planting, _ = plant(pair, place, 6.0)
    core = place.cover > 0.999
    before = pair.read(place.window).after.pixels[0][core]
    after = PlantedPair.of(pair, Alignment.identity(), [planting]).read(place.window)
    after = after.after.pixels[0][core]
    factor = {"sar-amplitude": 20, "sar-intensity": 10, "sar-db": 0}[domain]
    gained = after - before if factor == 0 else factor * np.log10(after / before)
    assert np.allclose(gained, 6.0, atol=0.01)


@pytest.mark.parametrize("blur", [0.45, 0.8, 1.2])
def test_the_blur_of_an_image_is_measured(blur):
    from changedet.simulation import simulate

    scene = simulate("railyard", 101, size_m=(160, 120), blur_after=blur, change_fraction=0.0)
    quality = measure_quality([scene.after])
    assert quality.blur_source == "measured"
    assert quality.blur_px == pytest.approx(np.hypot(blur, 12**-0.5), abs=0.15)


def test_the_noise_of_an_image_is_measured():
    rng = np.random.default_rng(2)
    pixels = (rng.standard_normal((2, 200, 200)) * 3 + 100).astype(np.float32)
    image = Image(pixels, np.ones((200, 200), bool), Grid.pixels(200, 200), ("red", "nir"))
    quality = measure_quality([image], blur_px=0.9)
    assert np.allclose(quality.noise, 3.0, rtol=0.05)
    assert (quality.blur_px, quality.blur_source) == (0.9, "given")
