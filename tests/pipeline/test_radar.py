"""Radar through the whole chain: two polarisations, every domain, both paths, wrong domains."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet.errors import ConfigError
from changedet.simulation import simulate

from .sites import whole


def scene(domain="sar-intensity", **more):
    settings = {"site": "fields", "bands": 2, "looks": 4.4, "size_m": (2600, 2600), **more}
    return simulate("sar", 5, domain=domain, **settings)


def pair(made):
    return tuple((i.pixels, i.grid, i.roles) for i in (made.before, made.after))


def truth(made, kinds=None):
    """Pixels of what changed; of some kinds only."""
    grid = made.truth.grid
    changed = shapely.union_all(
        [t.geometry for t in made.truth.changed if kinds is None or t.kind in kinds]
    )
    return shapely.contains_xy(changed, *grid.xy(*np.mgrid[: grid.height, : grid.width]))


@pytest.mark.parametrize("method", ["auto", "sar-likelihood-ratio"])
def test_dual_polarisation_finds_the_fields_that_changed(method, tmp_path):
    made = scene()
    report = cd.detect(*pair(made), method=method, domain="sar-intensity")
    found, there = whole(report.changed), truth(made, ("water", "building", "earthwork"))
    # speckle and the rims of things leave less than all
    assert np.mean(found[there] == 1) > 0.6
    there = truth(made)
    assert np.mean(found[~there] == 1) < 0.03
    detector = report.summary["detector"]
    assert detector["bands"] == ["vv", "vh"]
    assert detector["domain"] == "sar-intensity"
    if method == "auto":
        assert detector["method"] == "log-ratio"
        assert detector["reason"].startswith("the images are radar (sar-intensity)")
    else:
        looks = np.array(detector["equivalent_looks"]) / detector["window_px"] ** 2
        np.testing.assert_allclose(looks, 4.4, rtol=0.15)
        assert detector["exact"]
    written = json.loads((report.write(tmp_path / "out") / "summary.json").read_text("utf-8"))
    assert written["detector"]["values"] == "sar-intensity"
    # resampling of the after image leaves a few, beside the brightest points
    assert 0 <= max(written["detector"]["negative_values_counted_as_zero"]) < 1e-3


def test_the_same_scene_in_any_domain_gives_the_same_change():
    found = []
    for domain in ("sar-amplitude", "sar-intensity", "sar-db"):
        made = scene(domain, bands=1)
        found.append(whole(cd.detect(*pair(made), domain=domain, align=False).changed) == 1)
    for other in found[1:]:
        assert np.mean(other != found[0]) < 0.005


def test_radar_without_a_declared_domain_is_taken_as_what_it_looks_like():
    report = cd.detect(*pair(scene("sar-db", bands=2)), align=False)
    described = report.summary["inputs"][0]
    assert (described["domain"], described["domain_source"]) == ("sar-db", "guessed")
    assert any("declare --domain" in note for note in described["notes"])


@pytest.mark.parametrize(
    ("truly", "said", "message"),
    [
        ("sar-db", "sar-intensity", "look like decibels. Say --domain sar-db"),
        ("sar-db", "sar-amplitude", "look like decibels. Say --domain sar-db"),
        ("sar-intensity", "sar-db", "decibels lie between -100 and 100"),
    ],
)
def test_a_wrong_domain_is_refused_before_anything_is_compared(truly, said, message):
    with pytest.raises(ConfigError, match=message):
        cd.detect(*pair(scene(truly)), domain=said)


def test_layover_and_shadow_masks_are_not_observed():
    made = scene(bands=1)
    mask = np.zeros(made.before.pixels.shape[1:], dtype=np.uint8)
    mask[40:120, 60:160] = 1
    report = cd.detect(*pair(made), domain="sar-intensity", align=False, mask_after=mask)
    changed = whole(report.changed)
    assert (changed[45:115, 65:155] == 255).all()
    assert (changed[:30] != 255).all()


@pytest.mark.parametrize("method", ["log-ratio", "sar-likelihood-ratio"])
def test_tiles_and_engines_do_not_change_a_bit(method):
    made = scene(bands=2, size_m=(3200, 2200))
    settings = {"domain": "sar-intensity", "method": method}
    one, other = (
        whole(cd.score(*pair(made), align=False, tile_size=t, engine=e, **settings).score)
        for t, e in ((128, "serial"), (208, "threads"))
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["log-ratio", "sar-likelihood-ratio"])
def test_a_quiet_pair_stays_quiet(method):
    """Some false objects are asked for, two per square kilometre: not many times more, though."""
    made = scene(change_fraction=0, imaging_seed=8, size_m=(3600, 3600))
    report = cd.detect(*pair(made), domain="sar-intensity", align=False, method=method)
    area = report.grid.height * report.grid.width * report.grid.pixel_area_m2 / 1e6
    assert len(report.changes) / area < 4
    assert (whole(report.changed) == 1).mean() < 0.004
