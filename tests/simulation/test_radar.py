from __future__ import annotations

import numpy as np
import pytest

from changedet.simulation import simulate

SMALL = {"size_m": (1280.0, 1280.0)}


def power(scene_pixels: np.ndarray, domain: str) -> np.ndarray:
    if domain == "sar-db":
        return 10 ** (scene_pixels.astype(np.float64) / 10)
    if domain == "sar-amplitude":
        return scene_pixels.astype(np.float64) ** 2
    return scene_pixels.astype(np.float64)


@pytest.mark.parametrize("domain", ["sar-amplitude", "sar-intensity", "sar-db"])
@pytest.mark.parametrize("looks", [1.0, 4.4])
def test_speckle_has_the_looks_that_were_asked_for(domain: str, looks: float) -> None:
    options = {**SMALL, "domain": domain, "change_fraction": 0.0}
    plain, noisy = (simulate("sar", 3, **options, looks=n) for n in (0.0, looks))
    speckle = power(noisy.after.pixels, domain) / power(plain.after.pixels, domain)
    speckle = speckle[plain.after.pixels > np.percentile(plain.after.pixels, 20)]
    assert speckle.mean() == pytest.approx(1, abs=0.02)
    assert speckle.mean() ** 2 / speckle.var() == pytest.approx(looks, rel=0.06)


def test_the_two_dates_have_speckle_of_their_own() -> None:
    scene = simulate("sar", 3, **SMALL, change_fraction=0.0)
    plain = simulate("sar", 3, **SMALL, change_fraction=0.0, looks=0)
    before, after = (
        np.log(n.pixels / p.pixels)
        for n, p in ((scene.before, plain.before), (scene.after, plain.after))
    )
    assert abs(np.corrcoef(before.ravel(), after.ravel())[0, 1]) < 0.03


def test_domains_roles_and_types() -> None:
    scene = simulate("sar", 3, **SMALL, domain="sar-db", bands=2)
    assert scene.before.roles == ("vv", "vh")
    assert scene.before_info.domain == "sar-db"
    assert scene.before_info.dtype == "float32"
    assert scene.before_info.sun_azimuth_deg is None
    assert -35 < scene.before.pixels.mean() < 0
    assert scene.before.band("vh").mean() < scene.before.band("vv").mean() - 5
    whole = simulate("sar", 3, **SMALL).before.pixels
    np.testing.assert_array_equal(whole, np.rint(whole))
    assert whole.min() >= 1


def test_water_is_dark_and_buildings_are_bright() -> None:
    scene = simulate("sar", 3, **SMALL, looks=0.0)
    ground = np.median(scene.after.pixels)
    new = [o for o in scene.truth.objects if o.kind == "building" and o.change == "appeared"]
    grid = scene.after.grid
    values = []
    for o in new:
        row, col = (
            round(float(v)) for v in grid.rowcol(o.geometry.centroid.x, o.geometry.centroid.y)
        )
        if 0 <= row < grid.height and 0 <= col < grid.width:
            values.append(scene.after.pixels[0, row, col])
    assert values
    assert np.median(values) > 1.5 * ground
    assert np.percentile(scene.after.pixels, 2) < 0.6 * ground


@pytest.mark.parametrize("site", ["fields", "railyard"])
def test_other_sites_can_be_imaged_by_radar(site: str) -> None:
    size = (400.0, 300.0)
    scene = simulate("sar", 3, site=site, size_m=size, gsd_before=3.0)
    assert scene.before.pixels.shape == (1, 100, 133)
