"""Zones, weights, a control and words through the whole chain."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

import changedet as cd
from changedet.errors import ConfigError, GeometryError, MetadataWarning
from changedet.reporting import words_of

from .sites import Site


def test_words_stand_in_the_summary_and_on_the_page(reported, tmp_path: Path):
    report = reported("yard")
    words = report.summary["words"]
    rest = {k: v for k, v in report.summary.items() if k != "words"}
    assert words == words_of(rest)
    assert words["headline"].startswith("Between 12 Aug 2023 and 5 Oct 2023, ")
    assert report.summary["counts"]["smallest_reported_m2"] == pytest.approx(4.5, abs=0.3)
    assert report.summary["calibration"]["is_map"] is False
    folder = report.write(tmp_path / "out")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert words["confidence"]["sentence"] in page
    assert json.loads((folder / "summary.json").read_text())["words"] == words


def test_a_control_and_weights_reach_the_score_and_can_be_run_again(small: Site, tmp_path: Path):
    report = cd.detect(
        *small.pair, zones=small.zones, control="outside", kind_weights={"other": 2.0}
    )
    for row in report.activity[:-1]:
        assert row.parts["kind_weights"] == {"other": 2.0}
        assert row.parts["control_subtracted"] is True
        if row.score_low is not None:
            assert row.score_low <= row.score <= row.score_high
    assert report.manifest["arguments"]["control"] == "outside"
    folder = report.write(tmp_path / "out")
    assert cd.verify(folder, rerun=True).ok


class TestBadZones:
    """Refused, or told of, by the front door as by its parts."""

    @staticmethod
    def zones(*shapes, **properties):
        features = [
            {"type": "Feature", "geometry": None if s is None else shapely.geometry.mapping(s),
             "properties": {"name": f"z{i}", **properties}}
            for i, s in enumerate(shapes)
        ]  # fmt: skip
        return {"type": "FeatureCollection", "features": features}

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            (None, "Feature 'z0' in the given mapping has no geometry: draw it"),
            (shapely.Polygon(), "Feature 'z0' in the given mapping has no geometry: draw it"),
            (shapely.Point(130.65, 42.42), "is a Point; needed is a Polygon or MultiPolygon"),
        ],
    )
    def test_refused(self, small: Site, shape, message: str):
        with pytest.raises(GeometryError, match=message):
            cd.detect(*small.pair, zones=self.zones(shape))

    def test_a_kind_that_does_not_exist(self, small: Site):
        with pytest.raises(ConfigError, match="weight is given for the kind 'waggon'"):
            cd.detect(*small.pair, kind_weights={"waggon": 2})
        with pytest.raises(ConfigError, match=r"kind_weights=.* is not usable: give kinds"):
            cd.detect(*small.pair, kind_weights={"railcar": -1})

    def test_told_of(self, reported):
        """The same outline twice, without names, through the step that needs no images."""
        report = reported("small")
        shape = shapely.box(130.6490, 42.4200, 130.6500, 42.4205)
        value = self.zones(shape, shape, name=None)
        with pytest.warns(MetadataWarning) as caught:
            rows = cd.activity(report.changes, report.changed, zones=value)
        said = " ".join(str(w.message) for w in caught)
        assert "2 of 2 features in the given mapping have no name: called zone 1, zone 2" in said
        assert "Zones 'zone 1' and 'zone 2' have the same outline" in said
        assert [r.zone for r in rows] == ["zone 1", "zone 2", "site"]
        assert rows[0].parts["overlaps"] == ["zone 2"]
        assert np.isclose(rows[0].area_m2, rows[1].area_m2)
