from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from changedet.errors import ChangedetError, ConfigError, UnknownMethodError
from changedet.model import WGS84
from changedet.simulation import Scene, SceneOptions, simulate

TINY = {"size_m": (150.0, 100.0)}
TINY_TOWN = {"size_m": (640.0, 640.0)}


def test_the_same_seed_gives_the_same_bits() -> None:
    first, second = (simulate("railyard", 9, **TINY, cloud_after=0.2) for _ in range(2))
    np.testing.assert_array_equal(first.before.pixels, second.before.pixels)
    np.testing.assert_array_equal(first.after.pixels, second.after.pixels)
    assert first.truth.objects_geojson() == second.truth.objects_geojson()


def test_another_seed_gives_another_site() -> None:
    first, second = (simulate("railyard", seed, **TINY) for seed in (1, 2))
    assert not np.array_equal(first.before.pixels, second.before.pixels)


def test_the_same_site_can_be_had_quiet_or_busy() -> None:
    quiet, busy = (simulate("railyard", 9, **TINY, change_fraction=f) for f in (0.0, 0.6))
    np.testing.assert_array_equal(quiet.before.pixels, busy.before.pixels)
    assert not quiet.truth.changed
    assert not quiet.truth.changed_mask().any()
    assert busy.truth.changed
    assert busy.truth.changed_mask().any()


def test_another_imaging_seed_changes_noise_only() -> None:
    first, second = (
        simulate("railyard", 9, **TINY, imaging_seed=s, weathering=0.0) for s in (1, 2)
    )
    difference = first.before.pixels - second.before.pixels
    assert 1 < difference.std() < 12
    assert first.truth.objects_geojson() == second.truth.objects_geojson()


@pytest.mark.parametrize("scene_name", ["busy", "quiet"])
def test_digital_numbers_are_whole_and_in_range(
    scene_name: str, request: pytest.FixtureRequest
) -> None:
    scene: Scene = request.getfixturevalue(scene_name)
    for image in (scene.before, scene.after):
        assert image.pixels.dtype == np.float32
        assert image.valid.all()
        assert image.pixels.min() >= 1
        assert image.pixels.max() <= 2047
        np.testing.assert_array_equal(image.pixels, np.rint(image.pixels))
        assert image.pixels.std(axis=(1, 2)).min() > 40
    assert scene.before.roles == ("blue", "green", "red", "nir")


def test_what_a_reader_would_know(busy: Scene) -> None:
    info = busy.after_info
    assert (info.sun_azimuth_deg, info.sun_elevation_deg) == (165.0, 39.0)
    assert info.domain == "optical"
    assert info.grid == busy.after.grid
    assert info.acquired is not None
    assert busy.before_info.acquired is not None
    assert busy.before_info.acquired < info.acquired


def test_the_planted_shift_is_in_the_pixels(quiet: Scene) -> None:
    from skimage.registration import phase_cross_correlation

    taper = np.outer(np.hanning(quiet.before.grid.height), np.hanning(quiet.before.grid.width))
    pair = [(i.band("red") - i.band("red").mean()) * taper for i in (quiet.before, quiet.after)]
    found, _, _ = phase_cross_correlation(*pair, upsample_factor=200, normalization=None)
    dy, dx = quiet.truth.shift_field(90, 150)
    assert (float(dy), float(dx)) == pytest.approx((-1.22, -1.66), abs=1e-6)
    assert found == pytest.approx((float(dy), float(dx)), abs=0.05)
    assert quiet.truth.correction_m == pytest.approx((-0.83, 0.61))


@pytest.mark.parametrize(
    "options",
    [
        {"crs_after": "EPSG:4326"},
        {"crs_after": "EPSG:3857", "shift_m": (1.0, 2.0)},
        {"crs_after": "EPSG:32651", "gsd_after": 0.6},
        {"shift_field_px": 2.0, "rotation_deg": 0.4, "scale_ppm": 800.0},
        {"crs_before": "EPSG:3857"},
        {"crs_before": "EPSG:4326", "shift_m": (0.5, 1.0)},
    ],
    ids=lambda o: " ".join(o),
)
def test_the_truth_maps_one_image_onto_the_other(options: dict) -> None:
    """Read the after image where the truth says it shows what the before image shows."""
    scene = simulate(
        "railyard", 4, size_m=(150.0, 100.0), change_fraction=0.0, weathering=0.0, **options
    )
    before, after = scene.before, scene.after
    rows, cols = np.mgrid[20:180:3, 20:280:3].astype(float)
    dy, dx = scene.truth.shift_field(rows, cols)
    x, y = before.grid.xy(rows - dy, cols - dx)
    site = scene.truth.site
    at = after.grid.rowcol(*site.to_crs(after.grid.crs, *site.from_crs(before.grid.crs, x, y)))
    seen = map_coordinates(after.band("green"), at, order=3, mode="nearest")
    there = before.band("green")[20:180:3, 20:280:3]
    assert np.corrcoef(seen.ravel(), there.ravel())[0, 1] > 0.985
    assert after.valid.mean() > 0.95


@pytest.mark.parametrize(
    ("crs", "gsd"), [("EPSG:32652", 0.5), ("EPSG:4326", 0.7), ("EPSG:3857", 1.0)]
)
def test_pixels_have_the_size_that_was_asked_for(crs: str, gsd: float) -> None:
    scene = simulate("railyard", 4, **TINY, crs_after=crs, gsd_after=gsd)
    size = scene.after.grid.pixel_size_m
    assert size == pytest.approx((gsd, gsd), rel=2e-3)
    assert scene.after.grid.crs.to_authority() == tuple(crs.split(":"))


def test_a_coarser_image_is_averaged_not_sampled() -> None:
    options = {**TINY, "change_fraction": 0.0, "noise_before": 0.0, "noise_after": 0.0}
    scene = simulate("railyard", 4, **options, weathering=0.0, gsd_after=2.0)
    fine = scene.before.band("red")
    h, w = scene.after.grid.shape
    block = fine[: h * 4, : w * 4].reshape(h, 4, w, 4).mean(axis=(1, 3))
    coarse = scene.after.band("red")
    assert np.corrcoef(block.ravel(), coarse.ravel())[0, 1] > 0.97
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.01)


def test_clouds_cover_the_share_that_was_asked_for() -> None:
    scene = simulate("railyard", 4, **TINY, cloud_after=0.3)
    assert scene.cloud_before is None
    assert scene.cloud_after is not None
    bright = scene.after.band("blue") > 900
    assert 0.1 < bright.mean() < 0.45
    assert scene.cloud_after[bright].mean() > 0.95
    # shadows are there, too
    assert scene.cloud_after.mean() > bright.mean() + 0.05


def test_season_haze_and_gain_do_what_they_say() -> None:
    base = {**TINY, "change_fraction": 0.0, "season_before": 0.1}
    green = simulate("railyard", 4, **base, season_after=0.9)
    ndvi = [
        (i.band("nir") - i.band("red")).sum() / (i.band("nir") + i.band("red")).sum()
        for i in (green.before, green.after)
    ]
    assert ndvi[1] > ndvi[0] + 0.15
    hazy = simulate("railyard", 4, **base, season_after=0.1, haze_after=1.0)
    lift = (hazy.after.pixels - hazy.before.pixels).mean(axis=(1, 2))
    assert np.all(np.diff(lift) < 0)
    assert lift[0] > 100
    gained = simulate("railyard", 4, **base, season_after=0.1, gain_after=1.25)
    ratio = gained.after.pixels.mean() / gained.before.pixels.mean()
    assert ratio == pytest.approx(1.25, rel=0.01)


def test_low_contrast_fades_the_wagons() -> None:
    plain, faded = (simulate("railyard", 4, **TINY, contrast=c) for c in (1.0, 0.15))
    grid = plain.before.grid
    spread = []
    for scene in (plain, faded):
        roofs = []
        for o in scene.truth.objects:
            if o.kind in ("railcar", "container", "container_stack") and o.before:
                row, col = (
                    int(v) for v in grid.rowcol(o.geometry.centroid.x, o.geometry.centroid.y)
                )
                if 0 <= row < grid.height and 0 <= col < grid.width:
                    roofs.append(scene.before.pixels[:3, row, col])
        spread.append(np.std(roofs, axis=0).mean())
    assert spread[1] < 0.5 * spread[0]


@pytest.mark.parametrize("kind", ["town", "fields"])
def test_country_scenes_change_and_keep_quiet(kind: str) -> None:
    scene = simulate(kind, 2, **TINY_TOWN)
    assert scene.before.roles == ("blue", "green", "red", "nir", "swir16", "swir22")
    assert scene.before.grid.shape == (64, 64)
    assert {o.change for o in scene.truth.changed} >= {"appeared"}
    quiet = simulate(kind, 2, **TINY_TOWN, change_fraction=0.0)
    assert not quiet.truth.changed
    difference = np.abs(quiet.after.pixels - quiet.before.pixels)
    assert difference.mean() < 0.03 * quiet.before.pixels.mean()


def test_flooded_ground_turns_to_water() -> None:
    scene = simulate("town", 5)
    floods = [o for o in scene.truth.objects if o.kind == "water"]
    assert floods
    biggest = max(floods, key=lambda o: o.area_m2)
    only = dataclasses.replace(scene.truth, objects=(biggest,)).changed_mask()
    nir = [i.band("nir")[only].mean() for i in (scene.before, scene.after)]
    assert nir[1] < 0.5 * nir[0]


def test_unknown_kinds_and_bad_options_are_refused() -> None:
    with pytest.raises(
        UnknownMethodError, match=r"no scene of kind 'harbour': choose one of railyard, town"
    ):
        simulate("harbour", 1)
    with pytest.raises(ConfigError, match=r"Unknown scene option sunn_after: known are size_m"):
        simulate("railyard", 1, sunn_after=(1, 2))
    for options, text in (
        ({"cloud_after": 0.8}, r"cloud_after=0.8 is not usable: give a share, 0 to 0.6"),
        ({"change_fraction": -0.1}, r"change_fraction=-0.1 is not usable: give a share, 0 to 1"),
        ({"gsd_before": "fine"}, r"gsd_before='fine' is not usable"),
        ({"sun_before": (150, 2)}, r"sun_before=\(150.0, 2.0\) is not usable: give elevation"),
        ({"shift_m": 3}, r"shift_m=3 is not usable: give two numbers"),
        ({"crs_after": "EPSG:1"}, r"crs_after='EPSG:1' is not a coordinate reference system"),
        ({"crs_before": None}, r"crs_before=None is not usable: leave it out for the default"),
        ({"domain": "sar"}, r"domain='sar' is not known: choose one of sar-amplitude"),
        ({"bands": 5}, r"bands=5 is not usable for 'railyard': give 4 or 6"),
        ({"bands": 4.0}, r"bands=4.0 is not usable: give a whole number"),
        ({"size_m": (50, 50)}, r"too small for 'railyard': give at least 120 x 90"),
        ({"size_m": (9000, 9000)}, r"give a smaller site or larger pixels, or tile"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=text):
            simulate("railyard", 1, **options)


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(ConfigError, match=r"seed=.* is not usable: give a whole number"):
        simulate("railyard", seed)  # type: ignore[arg-type]


def test_every_error_is_one_of_ours() -> None:
    with pytest.raises(ChangedetError):
        SceneOptions(looks=-1)
    assert SceneOptions().replace(looks=2).looks == 2


def test_the_truth_is_in_the_crs_of_the_before_image() -> None:
    scene = simulate("railyard", 4, **TINY, crs_before="EPSG:4326")
    assert scene.truth.zones.crs == WGS84
    west, south, east, north = scene.before.grid.bounds
    for geometry in scene.truth.zones.geometry:
        x0, y0, x1, y1 = geometry.bounds
        assert west - 1e-9 <= x0 < x1 <= east + 1e-9
        assert south - 1e-9 <= y0 < y1 <= north + 1e-9
