"""A history as files: the same numbers in all of them, nulls as nulls, whole or not at all."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from changedet.activity import HistoryRules, site_histories
from changedet.errors import ConfigError, MissingDependencyError, OutputError, UnknownMethodError
from changedet.model import MonitoredDate, MonitorReport, Observation
from changedet.reporting import history_figure, history_files, verify_folder, write_monitor
from changedet.reporting.history_plot import BAND, DOWN, UP

START = datetime(2022, 1, 1, 2, tzinfo=UTC)


def make(counts, missing=(), spacing=20):
    observations = []
    for i, n in enumerate(counts):
        row = {
            "zone": "site", "observable_fraction": 1.0, "appeared": int(n), "disappeared": 0,
            "area_appeared_m2": 40.0 * n, "area_disappeared_m2": 0.0,
        }  # fmt: skip
        when = START + timedelta(days=spacing * i)
        rows, reason = ((), "cloud") if i in missing else ((row,), None)
        observations.append(Observation(when, f"{i}.tif", rows, (), reason))
    images = tuple(
        MonitoredDate(o.image, o.acquired, "image", "one, 0.5 m", "scored") for o in observations
    )
    return MonitorReport(
        site_histories(observations), images, {"image": "0.tif"}, HistoryRules().describe(), (),
        {"changedet": "0", "inputs": [], "monitor": {}}, writer=write_monitor,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(2)
    counts = rng.negative_binomial(20, 0.5, 14)
    return make([*counts, 90], missing=(4, 10))


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pyarrow")
    out = tmp_path_factory.mktemp("history") / "out"
    return report.write(out, formats=["parquet", "png", "svg"])


def test_the_folder_is_whole_and_verified(folder):
    names = ["history.csv", "history.parquet", "history.png", "history.svg", "manifest.json"]
    assert sorted(p.name for p in folder.iterdir()) == [*names, "monitor.json", "monitor.txt"]
    assert verify_folder(folder).ok


def test_the_tables_hold_the_same_and_null_is_null(folder, report):
    import pandas

    with (folder / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    frame = pandas.read_parquet(folder / "history.parquet")
    listed = json.loads((folder / "monitor.json").read_text())["histories"]
    flat = [d for h in listed for d in h["dates"]]
    assert len(rows) == len(frame) == len(flat) == 30
    assert list(rows[0]) == list(frame.columns)
    for row, date, (_, cells) in zip(rows, flat, frame.iterrows(), strict=True):
        assert row["value"] == ("" if date["value"] is None else str(date["value"]))
        for name in ("value", "nb_p", "rank_p", "dispersion_low"):
            assert (date[name] is None) == pandas.isna(cells[name])
            assert date[name] is None or cells[name] == date[name]
        assert cells["acquired"] == pandas.Timestamp(date["acquired"])
    assert rows[4]["missing"] == "cloud"
    assert rows[14]["state"] == "spike"


def test_column_types_do_not_depend_on_the_values(folder):
    pytest.importorskip("pyarrow")
    few = make([3, 4]).to_dataframe()
    import pandas

    whole = pandas.read_parquet(folder / "history.parquet")
    assert list(few.columns) == list(whole.columns)
    assert few["first_seen"].isna().all()
    assert str(few["first_seen"].dtype).startswith("datetime64")
    assert str(few["season"].dtype).startswith("string")
    assert str(few["nb_p"].dtype) == "Float64"


def test_the_same_report_gives_the_same_bytes(folder, report, tmp_path):
    again = report.write(tmp_path / "again", formats=["parquet", "png", "svg"])
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_the_picture_shows_band_gap_and_spike(folder, report, tmp_path):
    svg = (folder / "history.svg").read_text()
    assert BAND in svg
    assert UP in svg
    assert DOWN not in svg
    assert "not seen" in svg
    assert "first seen 2022-10-08" in svg
    quiet = history_figure(make([5] * 6), tmp_path / "quiet.svg").read_text()
    assert "Too few dates before" in quiet
    assert "not seen" not in quiet


def test_a_long_gap_and_a_missing_date_break_the_line(report):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from changedet.reporting.history_plot import _line

    axes = Figure().add_subplot()
    days = np.array([0, 10, 20, 30, 200, 210]).astype("datetime64[D]").astype("datetime64[s]")
    _line(axes, days, np.array([1.0, 2.0, np.nan, 2.0, 3.0, 4.0]))
    drawn = axes.lines[0].get_ydata()
    np.testing.assert_array_equal(drawn, [1, 2, np.nan, 2, np.nan, 3, 4])


def test_figures_that_cannot_be_made(report, tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(ConfigError, match="There is no series pad: there are site/objects"):
        history_figure(report, tmp_path / "x.png", places=["pad"])
    with pytest.raises(ConfigError, match="There is no series to draw"):
        history_figure(make([1, 2], missing=(0, 1)), tmp_path / "x.png")
    with pytest.raises(OutputError, match="could not be written"):
        history_figure(report, tmp_path / "no" / "x.png")


def test_nothing_is_left_where_something_is_refused(report, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(UnknownMethodError, match="'xlsx' is not known: choose among csv, parquet"):
        report.write(out, formats=["xlsx"])
    assert not out.exists()
    report.write(out, formats=["csv"])
    with pytest.raises(OutputError, match=r"exists\. Give another one, or replace it"):
        report.write(out, formats=["csv"])
    report.write(out, formats=["csv"], overwrite=True)


@pytest.mark.parametrize(
    ("wanted", "package", "extra"),
    [("parquet", "pyarrow", "geo"), ("png", "matplotlib", "plot"), ("svg", "matplotlib", "plot")],
)
def test_what_is_not_installed_is_said_with_the_pip_line(
    report, tmp_path, monkeypatch, wanted, package, extra
):
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    message = rf"'{package}' is needed .* pip install \"changedet\[{extra}\]\""
    with pytest.raises(MissingDependencyError, match=message):
        report.write(tmp_path / "out", formats=[wanted])
    assert not (tmp_path / "out").exists()


def test_without_matplotlib_the_default_is_the_table(report, tmp_path, monkeypatch):
    monkeypatch.setattr(history_files, "find_spec", lambda name: None)
    out = report.write(tmp_path / "out")
    assert sorted(p.name for p in out.iterdir()) == [
        "history.csv", "manifest.json", "monitor.json", "monitor.txt",
    ]  # fmt: skip
