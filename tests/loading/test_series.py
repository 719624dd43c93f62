"""Many dates: where they come from, in which order, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from changedet.errors import ConfigError, HistoryWarning, ImageReadError
from changedet.loading import list_images, read_series

from .builders import north_up

PIXELS = np.ones((3, 40, 50), dtype=np.uint16)


@pytest.fixture
def image(write_tif):
    """Write an image under a name, with tags."""
    return lambda name, **tags: write_tif(PIXELS, name, north_up(2.0, 40, 50), tags=tags)


def report(folder, acquired="2023-05-01T02:00:00+00:00", **more):
    """A folder that looks like an earlier report."""
    folder.mkdir(parents=True)
    before = {"path": "ref.tif", "sha256": "aa", "acquired": "2022-01-01T00:00:00+00:00"}
    inputs = [before, {"path": "x.tif", "sha256": "bb", "acquired": acquired}]
    content = {"changedet": "0.1.0", "inputs": inputs, "activity": [], "tracks": [], **more}
    (folder / "summary.json").write_text(json.dumps(content))
    return folder


def dates_of(items):
    return [item.acquired.date().isoformat() for item in items]


def test_dates_from_names_and_tags(image):
    paths = [
        image("yard_20230105.tif"),
        image("b.tif", ACQUISITION_DATETIME="2023-02-07T02:03:04Z"),
        image("2023-03-09 yard.tif"),
    ]
    items = read_series(paths)
    assert dates_of(items) == ["2023-01-05", "2023-02-07", "2023-03-09"]
    assert {item.date_from for item in items} == {"image"}
    assert items[1].acquired == datetime(2023, 2, 7, 2, 3, 4, tzinfo=UTC)


def test_a_csv_with_dates_wins_and_stands_beside_its_images(image, tmp_path):
    image("a.tif", TIFFTAG_DATETIME="1999:01:01 00:00:00")
    image("b.tif")
    listing = tmp_path / "series.csv"
    listing.write_text('path,date\n# the first\na.tif,2023-01-05\n"b.tif", 2023-02-06T01:00:00Z\n')
    items = read_series(str(listing))
    assert dates_of(items) == ["2023-01-05", "2023-02-06"]
    assert {item.date_from for item in items} == {"list"}


def test_a_folder_and_a_list_file_without_dates(image, tmp_path):
    image("s_20230105.tif")
    image("s_20230205.tif")
    (tmp_path / "list.txt").write_text("s_20230205.tif\ns_20230105.tif\n")
    assert dates_of(read_series(tmp_path)) == ["2023-01-05", "2023-02-05"]
    with pytest.warns(HistoryWarning, match="not given in order; they were sorted by time"):
        items = read_series([str(tmp_path / "list.txt")])
    assert dates_of(items) == ["2023-01-05", "2023-02-05"]


def test_dates_that_are_given(image):
    paths = [image("a.tif"), image("b.tif"), image("c.tif")]
    given = ["2023-01-05", date(2023, 2, 5), datetime(2023, 3, 5, 4)]
    items = read_series(paths, dates=given)
    assert dates_of(items) == ["2023-01-05", "2023-02-05", "2023-03-05"]
    assert {item.date_from for item in items} == {"given"}
    with pytest.raises(ConfigError, match="2 dates were given for 3 images: give one an image"):
        read_series(paths, dates=given[:2])
    with pytest.raises(ConfigError, match="'May 5' is not a date: give ISO 8601"):
        read_series(paths, dates=["May 5", *given[1:]])


def test_images_without_a_date_are_named(image):
    paths = [image("a.tif"), image("s_20230105.tif"), image("b.tif")]
    message = r"2 of 3 dates of the series have no date: \S*a\.tif, \S*b\.tif\. Give it as a tag"
    with pytest.raises(ConfigError, match=message):
        read_series(paths)


def test_one_date_is_no_history(image):
    with pytest.raises(ConfigError, match="at least 2 dates, and 1 was given: with one image"):
        read_series(image("s_20230105.tif"))


def test_a_broken_image_is_named_before_any_work(image, tmp_path):
    broken = tmp_path / "broken_20230301.tif"
    broken.write_bytes(b"not an image")
    paths = [image("s_20230105.tif"), str(broken), str(tmp_path / "gone_20230401.tif")]
    message = r"2 of 3 dates of the series cannot be read; mend them or leave them out: .*broken"
    with pytest.raises(ImageReadError, match=message):
        read_series(paths)


def test_a_date_in_a_list_that_is_none(image, tmp_path):
    image("a.tif")
    listing = tmp_path / "series.csv"
    listing.write_text("a.tif,05/10/2023\n")
    with pytest.raises(ConfigError, match=r"Line 1 of .*series\.csv gives '05/10/2023' as a date"):
        read_series(listing)


@pytest.mark.parametrize(
    "text",
    [
        "a, 1.tif;2023-01-05\nb.tif;2023-02-06\n",
        'Image,Acquired\n"a, 1.tif",2023-01-05\nb.tif,2023-02-06\n',
        'date,sensor,path\n2023-01-05,x,"a, 1.tif"\n\n2023-02-06,y,b.tif\n',
        "filename\tdate\na, 1.tif\t20230105\nb.tif\t20230206\n",
    ],
)
def test_tables_as_spreadsheets_write_them(image, tmp_path, text):
    image("a, 1.tif")
    image("b.tif")
    listing = tmp_path / "series.csv"
    listing.write_text(text)
    items = read_series(listing)
    assert dates_of(items) == ["2023-01-05", "2023-02-06"]
    assert items[0].source.endswith("a, 1.tif")


def test_reports_alone_in_a_folder_and_in_a_list(tmp_path):
    one = report(tmp_path / "all" / "one")
    two = report(tmp_path / "all" / "two", "2023-06-01T02:00:00+00:00")
    listing = tmp_path / "reports.csv"
    listing.write_text("all/one,2023-05-04\nall/two\n")
    for given in ([one, two], tmp_path / "all", [str(tmp_path / "all")]):
        items = read_series(given)
        assert dates_of(items) == ["2023-05-01", "2023-06-01"]
        assert {item.date_from for item in items} == {"report"}
    assert dates_of(read_series(listing)) == ["2023-05-04", "2023-06-01"]


def test_folders_that_are_no_report(tmp_path, image):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImageReadError, match=r"empty is no report of changedet \(no summary\.json"):
        read_series([empty])
    half = report(tmp_path / "half")
    (half / "summary.json").write_text('{"inputs": []}')
    with pytest.raises(ImageReadError, match=r"half is no report .* lacks what a report holds"):
        read_series([half, report(tmp_path / "whole")])
    undated = report(tmp_path / "undated", None)
    with pytest.raises(ConfigError, match=r"1 of 2 dates of the series have no date: .*undated"):
        read_series([undated, report(tmp_path / "other")])
    mixed = [image("s_20230105.tif"), report(tmp_path / "third")]
    with pytest.raises(ConfigError, match="1 reports and 1 images were given together"):
        read_series(mixed)


def test_lists_of_images_are_what_detect_takes_as_a_history(tmp_path):
    with pytest.raises(ConfigError, match=r"The history .* holds no image"):
        list_images(tmp_path)
    with pytest.raises(ConfigError, match=r"The history .*gone\.txt cannot be read"):
        list_images(tmp_path / "gone.txt")
