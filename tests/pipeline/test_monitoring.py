"""A history through the whole chain: images, reports, what is missing, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine

import changedet as cd
from changedet.errors import (
    AlignmentRefused,
    ConfigError,
    HistoryWarning,
    ImageReadError,
    NoOverlapError,
    OutputError,
)
from changedet.model import COMPARED_WITH, Alignment, Grid, Image
from changedet.model.tracks import IN_DOUBT
from changedet.pipeline import monitoring, reference
from changedet.reporting import words_of_history, write_image
from changedet.simulation import simulate

START = datetime(2022, 1, 3, 2, tzinfo=UTC)


@pytest.fixture
def series(small, tmp_path):
    """Write the small site's image again under dates, by days after the start."""

    def write(*days, east=0.0, platform="simulated VHR", scale=1.0, name="s"):
        image, info = small.scene.before, small.scene.before_info
        t = image.grid.transform
        moved = Affine(t.a * scale, t.b, t.c + east, t.d, t.e * scale, t.f)
        grid = Grid(moved, *image.grid.shape, image.grid.crs)
        out = []
        for day in days:
            when = START + timedelta(days=day)
            path = tmp_path / f"{name}_{when:%Y%m%dT%H%M%S}.tif"
            placed = replace(info, grid=grid, acquired=when, platform=platform)
            write_image(path, Image(image.pixels, image.valid, grid, image.roles), placed)
            out.append(str(path))
        return out

    return write


@pytest.fixture
def compared(monkeypatch):
    """Counts in place of a comparison; records what was compared."""
    pairs = []

    def detect(before, after, **options):
        pairs.append((before, after, options))
        count = counts[len(pairs) - 1]
        if isinstance(count, Exception):
            raise count
        row = {
            "zone": "site", "observable_fraction": 1.0, "appeared": count, "disappeared": 0,
            "area_appeared_m2": 40.0 * count, "area_disappeared_m2": 0.0,
        }  # fmt: skip
        summary = {
            "activity": [row], "tracks": [],
            "inputs": [{"path": before, "sha256": "0"}, {"path": after, "sha256": "1"}],
        }  # fmt: skip
        return SimpleNamespace(summary=summary, alignment=Alignment.identity())

    counts: list = []
    monkeypatch.setattr(monitoring, "detect", detect)
    monkeypatch.setattr(reference, "_clearness", lambda items, *_: [1.0] * len(items))
    return SimpleNamespace(pairs=pairs, counts=counts)


def test_every_date_is_compared_with_one_and_a_rise_is_seen(series, compared):
    compared.counts += [20, 22, 18, 25, 19, 21, 23, 17, 20, 80]
    paths = series(*range(0, 220, 20))
    report = cd.monitor(paths, zones="z.geojson", min_area_m2=4.0)
    assert [p[:2] for p in compared.pairs] == [(paths[0], p) for p in paths[1:]]
    assert compared.pairs[0][2]["zones"] == "z.geojson"
    assert compared.pairs[0][2]["config"].min_area_m2 == 4.0
    site = report.history()
    assert site.state == "spike"
    assert site.dates[0].missing == COMPARED_WITH
    assert site.latest.baseline_dates == 9
    assert report.reference["image"] == paths[0]
    assert "earliest of the clearest" in report.reference["rule"]
    assert [i.role for i in report.images] == ["reference"] + ["scored"] * 10
    assert report.describe()["false_spikes_expected"] == 0.04


def test_the_reference_can_be_chosen(series, compared):
    compared.counts += [1, 2, 3] * 3
    paths = series(0, 20, 40)
    for wanted in (-1, "2", paths[2]):
        report = cd.monitor(paths, reference=wanted)
        assert report.reference == {
            "image": paths[2], "acquired": "2022-02-12T02:00:00+00:00", "rule": "given",
        }  # fmt: skip
    with pytest.raises(ConfigError, match="reference=7 is none of the 3 images: give the path"):
        cd.monitor(paths, reference=7)
    with pytest.raises(ConfigError, match=r"reference='x\.tif' is none of the 3 images"):
        cd.monitor(paths, reference="x.tif")


def test_a_date_that_fails_is_missing_and_said(series, compared):
    compared.counts += [2, AlignmentRefused("The two cannot be laid."), 3]
    paths = series(0, 20, 40, 60)
    with pytest.warns(HistoryWarning, match="is missing from the series: it could not be aligned"):
        report = cd.monitor(paths)
    assert [d.value for d in report.history().dates] == [None, 2, None, 3]
    assert "could not be aligned" in report.history().dates[2].missing
    assert [i.role for i in report.images] == ["reference", "scored", "missing", "scored"]
    assert any("is missing from the series" in w for w in report.warnings)


def test_unordered_dates_are_sorted_and_a_day_twice_is_one_date(series, compared):
    compared.counts += [2, 4, 3]
    paths = series(0, 20, 20.2, 40)
    with pytest.warns(HistoryWarning) as said:
        report = cd.monitor(paths[::-1])
    texts = [str(w.message) for w in said]
    assert any("not given in order; they were sorted" in t for t in texts)
    assert any("more than once: 2022-01-23 (2 images). Each is one date" in t for t in texts)
    assert len(report.history().dates) == 3
    assert report.images[0].name == paths[0]


def test_other_sensors_are_said(series, compared):
    compared.counts += [1, 2]
    mixed = [*series(0, 20), *series(40, platform="other", name="o")]
    message = r"Not all 3 images are of one sensor: .* simulated VHR, 0\.5 m, 1 from other, 0\.5 m"
    with pytest.warns(HistoryWarning, match=message):
        cd.monitor(mixed)


def test_an_image_of_another_place_is_refused_before_any_work(series, compared):
    elsewhere = series(40, east=9000.0, name="far")
    message = r"1 of 3 images cannot be laid on the reference .*: .*far_\d+T\d+\.tif\. The images"
    with pytest.raises(NoOverlapError, match=message):
        cd.monitor([*series(0, 20), *elsewhere])
    assert compared.pairs == []


def test_warnings_that_differ_in_numbers_are_said_once(series, monkeypatch, compared):
    inner = monitoring.detect
    compared.counts += [1, 2, 3]

    def loud(*args, **options):
        import warnings

        share = len(compared.pairs)
        warnings.warn(f"Only {share}9% looks unchanged.", cd.CalibrationWarning, stacklevel=2)
        return inner(*args, **options)

    monkeypatch.setattr(monitoring, "detect", loud)
    paths = series(0, 20, 40, 60)
    with pytest.warns(cd.CalibrationWarning, match=r"Only 09% .*\(and 2 more like this\)") as said:
        cd.monitor(paths)
    # which date it was, for what is about one pair
    assert str(said[0].message).startswith(f"{paths[1]} (2022-01-23): Only 09%")


def test_warnings_that_are_the_same_each_time_are_no_more_of_them(series, monkeypatch, compared):
    inner = monitoring.detect
    compared.counts += [1, 2, 3]

    def loud(*args, **options):
        import warnings

        warnings.warn("Zone 'far' covers no pixel.", cd.CoverageWarning, stacklevel=2)
        return inner(*args, **options)

    monkeypatch.setattr(monitoring, "detect", loud)
    with pytest.warns(cd.CoverageWarning) as said:
        cd.monitor(series(0, 20, 40, 60))
    assert [str(w.message) for w in said] == ["Zone 'far' covers no pixel."]


@pytest.mark.slow
def test_a_real_series_of_three(series, small, tmp_path):
    """Nothing changes between the first two; the third is the after image of the site."""
    first, second = series(0, 20)
    third = tmp_path / "s_20220301.tif"
    image = small.scene.after
    when = datetime(2022, 3, 1, tzinfo=UTC)
    write_image(third, image, replace(small.scene.after_info, acquired=when))
    report = cd.monitor([first, second, str(third)], zones=small.zones, engine="serial")
    site = report.history("site")
    last = cd.detect(first, third, engine="serial").activity[-1]
    # nothing had changed on the second date: it holds what is gone on the third
    assert [d.value for d in site.dates] == [None, last.disappeared, last.appeared]
    assert last.appeared + last.disappeared > 0
    assert {h.place for h in report.histories} > {"site", "yard"}
    assert site.latest.state == "insufficient_baseline"
    assert report.images[1].alignment is not None
    out = report.write(tmp_path / "out", formats=["csv"])
    assert cd.verify(out).ok
    told = json.loads((out / "monitor.json").read_text("utf-8"))
    assert (out / "monitor.txt").read_text("utf-8").splitlines() == told["sentences"]
    assert told["sentences"] == words_of_history(report.describe())
    said = [w for w in told["sentences"] if w.startswith("Whole site, on 1 Mar 2022: ")]
    assert said, told["sentences"]
    assert all("too few earlier dates" in w for w in said)
    found = cd.verify(out, rerun=True)
    assert found.ok, found.problems
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    manifest["arguments"]["reference"] = 1
    (out / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert not cd.verify(out, rerun=True).ok
    manifest["arguments"]["zones"] = {"in_memory": "dict"}
    (out / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(OutputError, match=r"zones was a dict in memory.* changedet\.monitor"):
        cd.verify(out, rerun=True)


class TestReports:
    @pytest.fixture
    def folder(self, tmp_path):
        """A folder of reports, one for each count."""

        def make(*counts, own_before=False, name="reports", **more):
            for i, count in enumerate(counts):
                path = tmp_path / name / f"r{i}"
                path.mkdir(parents=True)
                row = {
                    "zone": "site", "observable_fraction": 1.0, "appeared": count,
                    "disappeared": 1, "area_appeared_m2": 1.0, "area_disappeared_m2": 1.0,
                }  # fmt: skip
                track = {"id": "2", "occupied_m_before": 30.0, "occupied_m_after": 20.0 + count}
                when = (START + timedelta(days=10 + 10 * i)).isoformat()
                before = {
                    "path": "ref.tif", "sha256": f"{i if own_before else 0}", "gsd_m": 0.5,
                    "acquired": START.isoformat(), "platform": "one",
                }  # fmt: skip
                summary = {
                    "changedet": "0.1.0", "inputs": [before, {**before, "acquired": when}],
                    "activity": [row], "tracks": [track], **more,
                }  # fmt: skip
                (path / "summary.json").write_text(json.dumps(summary))
            return tmp_path / name

        return make

    def test_reports_on_one_before_image(self, folder):
        report = cd.monitor(folder(*[5, 6, 4, 5, 7, 5, 6, 4, 5, 6, 40]))
        assert report.history().measure == "objects"
        assert report.history().state == "spike"
        track = report.history("2", "occupied_m")
        assert (track.dates[0].value, track.dates[1].value) == (30.0, 25.0)
        assert report.reference["rule"] == "shared by all reports"
        assert report.warnings == ()

    def test_reports_with_before_images_of_their_own_give_flows(self, folder):
        with pytest.warns(HistoryWarning, match="do not share one before image"):
            report = cd.monitor(folder(5, 6, 4, own_before=True))
        assert [h.measure for h in report.histories] == ["appeared", "disappeared", "occupied_m"]
        assert list(report.history().values) == [5, 6, 4]

    def test_tracks_that_were_read_with_doubts_are_said(self, folder):
        made = folder(5, 6, 4)
        for name in ("r0", "r2"):
            path = made / name / "summary.json"
            summary = json.loads(path.read_text())
            summary["tracks"][0]["notes"] = ["a note", f"{IN_DOUBT}the line was given alone"]
            path.write_text(json.dumps(summary))
        with pytest.warns(HistoryWarning) as said:
            cd.monitor(made)
        assert [str(w.message) for w in said] == [
            "Numbers of tracks are in doubt on some of 3 dates: 2 (2). Most often: the line was "
            "given alone."
        ]

    def test_what_reports_do_not_use_is_said(self, folder):
        made = folder(5, 6, 4)
        with pytest.warns(HistoryWarning, match=r"again: zones, fdr given beside them are not use"):
            report = cd.monitor(made, zones="z.geojson", fdr=0.1)
        assert "zones, fdr" in report.warnings[0]

    def test_reports_made_otherwise(self, folder, tmp_path):
        folder(5, 6, name="all")
        folder(5, name="more", changedet="0.2.0")
        (tmp_path / "more" / "r0").rename(tmp_path / "all" / "later")
        with pytest.warns(HistoryWarning) as said:
            cd.monitor(tmp_path / "all", dates=["2023-01-01", "2023-02-01", "2023-03-01"])
        assert any("different detectors, rates of false objects" in str(w.message) for w in said)


class TestLink:
    @pytest.fixture
    def made(self, series, compared, tmp_path):
        rng = np.random.default_rng(0)
        compared.counts += [int(n) for n in rng.integers(5, 60, 14)]
        report = cd.monitor(series(*range(0, 300, 20)))
        return report, report.write(tmp_path / "site_a", formats=["csv"])

    def test_a_report_and_its_folder_are_one_and_the_same(self, made):
        report, folder = made
        found = cd.link(report, folder, max_lag_days=40)
        assert found.best_lag_days == 0
        assert found.best_correlation == pytest.approx(1)
        assert found.p_value < 0.02
        assert found.names == ("site objects", "site_a site objects")
        assert cd.link(report, report).names == ("first site objects", "second site objects")

    def test_links_are_part_of_a_history(self, made, series, compared, monkeypatch):
        _, folder = made
        compared.counts += compared.counts
        report = cd.monitor(series(*range(0, 300, 20)), links=[folder])
        assert report.links[0].best_correlation == pytest.approx(1)
        assert report.describe()["links"][0]["best_lag_days"] == 0

    def test_a_history_that_is_too_short_is_written_without_links(self, made, series, compared):
        _, folder = made
        compared.counts += [1, 2, 3]
        with pytest.warns(HistoryWarning, match="No correlation with .*site_a is given: The first"):
            report = cd.monitor(series(0, 20, 40, 60), links=[folder])
        assert report.links == ()
        assert "at least 8" in report.warnings[-1]

    def test_another_site_that_is_none_is_refused_before_any_work(self, compared, series, tmp_path):
        with pytest.raises(ImageReadError, match="holds no history"):
            cd.monitor(series(0, 20, 40), links=[tmp_path / "nowhere"])
        assert not compared.pairs

    def test_bad_input(self, made, tmp_path):
        report, folder = made
        with pytest.raises(ConfigError, match=r"There is no series pad: there are site/objects"):
            cd.link(report, folder, place="pad")
        with pytest.raises(ConfigError, match=r"holds no series pad/cars: there are site/objects"):
            cd.link(report, folder, place=("site", "pad"), measure=(None, "cars"))
        with pytest.raises(ImageReadError, match=r"gone.*holds no history that can be read"):
            cd.link(report, tmp_path / "gone")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_rise_on_simulated_images(tmp_path):
    """Nine dates of a yard on which a train and trucks come and go; many more on the last."""
    rng = np.random.default_rng(1)
    paths = []
    for i, change in enumerate([0.05, 0.1, 0.3, 0.15, 0.4, 0.2, 0.3, 0.1, 0.9]):
        scene = simulate(
            "railyard", 11, size_m=(260.0, 140.0), change_fraction=change, moved_fraction=0.0,
            arrival_share=0.95 if change == 0.9 else 0.5, imaging_seed=100 + i,
            shift_m=tuple(rng.uniform(-1, 1, 2)),
            sun_after=(150 + rng.uniform(-8, 8), 45 + rng.uniform(-4, 4)),
        )  # fmt: skip
        when = START + timedelta(days=40 * i)
        path = tmp_path / f"yard_{when:%Y%m%d}.tif"
        write_image(path, scene.after, replace(scene.after_info, acquired=when))
        paths.append(str(path))
    report = cd.monitor(paths, rules=cd.HistoryRules(least_baseline=6), engine="serial")
    site = report.history()
    assert site.state == "spike"
    # every date also holds what only the reference date shows, which is no rise
    assert site.latest.value > 1.5 * np.nanmax(site.values[:-1])
    assert [d.state for d in site.observed[:-1]] == ["insufficient_baseline"] * 6 + ["normal"]
    assert site.latest.last_not_seen == START + timedelta(days=280)
