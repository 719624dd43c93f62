"""Images that do not say which of their bands is which, and images of one band."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import shapely

import changedet as cd

from .test_tight_crop import SAMPLE, crop

NAMES = ("blue", "green", "red", "nir")
DATES = ("before", "after")


def cut(folder, bands=NAMES, order=(1, 2, 3, 4)):
    """The heart of the sample's yard, with some bands in some order and these names."""
    out = []
    for name in DATES:
        with rasterio.open(crop(folder, name, 300, 400, 256)) as whole:
            kept, tags, pixels = whole.profile, whole.tags(), whole.read(list(order))
        path = folder / f"{name}_{len(out)}_{'_'.join(map(str, bands))}.tif"
        with rasterio.open(path, "w", **{**kept, "count": len(order)}) as part:
            part.write(pixels)
            part.update_tags(**tags)
            part.descriptions = bands
        out.append(str(path))
    return out


def rows(report):
    return report.changes.take(~report.changes.explained).geometry


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    return rows(cd.detect(*cut(tmp_path_factory.mktemp("named")), engine="serial"))


@pytest.fixture(scope="module")
def whole():
    """What the whole sample shows, with names and tags."""
    return rows(cd.detect(*(str(SAMPLE / f"{n}.tif") for n in DATES), engine="serial"))


def shared(one, other):
    """Share of the area of one set of outlines that another covers."""
    one, other = shapely.union_all(one), shapely.union_all(other)
    return one.intersection(other).area / one.area


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (3, 2, 1, 4)])
def test_without_names_nearly_the_same_is_found_in_any_order(tmp_path, named, order):
    found = rows(cd.detect(*cut(tmp_path, (None,) * 4, order), engine="serial"))
    assert shared(named, found) > 0.6
    assert shared(found, named) > 0.8


def test_names_that_are_given_are_as_good_as_those_of_the_file(tmp_path, named):
    order = (3, 1, 2, 4)
    images = cut(tmp_path, (None,) * 4, order)
    asked = [NAMES[k - 1] for k in order]
    found = cd.detect(*images, bands=asked, engine="serial")
    assert found.summary["detector"]["bands"] == asked
    assert len(rows(found)) == pytest.approx(len(named), abs=2)
    assert shared(named, rows(found)) > 0.97


@pytest.mark.slow
def test_without_names_and_tags_the_sun_is_estimated(tmp_path, whole):
    bare = []
    for name in DATES:
        with rasterio.open(SAMPLE / f"{name}.tif") as file:
            kept, pixels = file.profile, file.read()
        with rasterio.open(tmp_path / f"{name}.tif", "w", **kept) as part:
            part.write(pixels)
        bare.append(str(tmp_path / f"{name}.tif"))
    report = cd.detect(*bare, engine="serial")
    assert report.summary["detector"]["bands"] == ["band1", "band2", "band3", "band4"]
    assert report.summary["detector"]["shadow"]["source"] == "estimated"
    assert shared(whole, rows(report)) > 0.7
    assert shared(rows(report), whole) > 0.7


@pytest.mark.slow
def test_one_band_shows_some_of_it_to_who_looks_through_more(whole):
    """Without colour more passes for change where nothing did, so few things are sure."""
    images = [str(SAMPLE / f"{name}.tif") for name in DATES]
    looser = {"bands": ["green"], "false_alarms_per_km2": 50.0}
    found = rows(cd.detect(*images, **looser, engine="serial"))
    assert shared(whole, found) > 0.2
    touched = shapely.intersects(found, shapely.union_all(whole).buffer(3.0))
    assert len(found) >= 20
    assert np.mean(touched) > 0.9
