"""Images, pairs, zone rows and the report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from changedet.errors import GridError
from changedet.model import (
    Alignment,
    ChangeReport,
    ChangeTable,
    Comparability,
    Grid,
    Image,
    ImageInfo,
    ImagePair,
    Places,
    ZoneActivity,
)

GRID = Grid.pixels(4, 5)


def image(grid=GRID, roles=("red", "nir"), **changed):
    fields = {
        "pixels": np.zeros((2, *grid.shape), dtype=np.float32),
        "valid": np.ones(grid.shape, dtype=bool),
        "grid": grid,
        "roles": roles,
        **changed,
    }
    return Image(**fields)


def test_a_band_by_its_role():
    pixels = np.arange(40, dtype=np.float32).reshape(2, 4, 5)
    assert image(pixels=pixels).band("nir")[0, 0] == 20
    with pytest.raises(KeyError, match="No band 'swir16'; there are red, nir"):
        image().band("swir16")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pixels": np.zeros((4, 5))}, r"Pixels of shape \(4, 5\) do not fit a grid of \(4, 5\)"),
        ({"pixels": np.zeros((2, 5, 4))}, "they must be "),
        ({"valid": np.ones((4, 5), dtype=np.uint8)}, "type uint8 does not fit: it must be bool"),
        ({"valid": np.ones((5, 4), dtype=bool)}, r"Validity of shape \(5, 4\)"),
        ({"roles": ("red",)}, "1 band roles .* were given for 2 bands: give one a band"),
    ],
)
def test_an_image_that_does_not_fit_together(changed, message):
    with pytest.raises(GridError, match=message):
        image(**changed)


def test_a_pair_counts_where_both_are_valid():
    valid = np.ones(GRID.shape, dtype=bool)
    valid[0, 0] = False
    pair = ImagePair(image(valid=valid), image())
    assert pair.valid.sum() == 19
    assert pair.grid == GRID


def test_a_pair_on_two_grids():
    other = Grid.pixels(4, 6)
    with pytest.raises(GridError, match=r"lie on different grids.*bring them to one grid first"):
        ImagePair(image(), image(other))


def test_a_pair_of_different_bands():
    with pytest.raises(GridError, match=r"have different bands.*match them first"):
        ImagePair(image(), image(roles=("red", "green")))


def test_what_is_known_about_an_image_is_plain_json():
    info = ImageInfo("a.tif", GRID, ("red",), "uint16", acquired=datetime(2023, 10, 5, tzinfo=UTC))
    value = json.loads(json.dumps(info.describe()))
    assert value["acquired"] == "2023-10-05T00:00:00+00:00"
    assert (value["crs"], value["gsd_m"], value["bands"]) == (None, None, ["red"])


def test_comparability_is_plain_json():
    card = Comparability("caution", ("the sun moved",), (("sun_deg", 15.0),))
    assert json.loads(json.dumps(card.describe())) == {
        "grade": "caution", "reasons": ["the sun moved"], "measures": {"sun_deg": 15.0},
    }  # fmt: skip


def zone(name, score):
    return ZoneActivity(name, 10.0, 0.5, score, 1, 2, 3, 4, 0, 1.0, 2.0, 3.0, 0.1, 0.1, None)


def report(*activity, **changed):
    nothing = None
    fields = {
        "grid": GRID,
        "changes": ChangeTable.empty(),
        "activity": activity,
        "alignment": Alignment.identity(),
        "summary": {},
        "manifest": {},
        "changed": nothing,
        "score": nothing,
        "pair": nothing,
        **changed,
    }
    return ChangeReport(**fields)


def test_places_have_a_length():
    assert len(Places(("a", "b"), np.array([None, None]))) == 2


def test_text_of_a_report():
    assert repr(report(zone("yard", 80.0), zone("site", 41.6))) == (
        "<ChangeReport: 0 changes on 5 x 4 px, no georeferencing, site activity 42>"
    )
    assert repr(report()) == "<ChangeReport: 0 changes on 5 x 4 px, no georeferencing>"


def test_a_notebook_shows_a_table_without_markup_from_names():
    html = report(zone("<b>yard</b>", None), zone("site", 3.0))._repr_html_()
    assert "<td>&lt;b&gt;yard&lt;/b&gt;</td><td>–</td><td>1</td>" in html
    assert "<script" not in html


def test_a_report_hands_itself_to_its_writer():
    calls = []
    plain = report(writer=lambda *args, **kwargs: calls.append((args, kwargs)))
    plain.write("out", formats=["gpkg"], overwrite=True)
    assert calls == [((plain, Path("out")), {"formats": ("gpkg",), "overwrite": True})]
    with pytest.raises(NotImplementedError, match="built without a writer"):
        report().write("out")


def test_a_report_is_a_feature_collection():
    assert report().__geo_interface__["features"] == []
