"""The table of tracks on the page."""

import dataclasses

from changedet.model import TrackActivity
from changedet.reporting.page import make_page
from changedet.reporting.page_tracks import remark, track_section

SEEN = TrackActivity(
    "siding <4>", 500.0, 460.0, 500.0, 460.0, (147.2, 143.5, 150.9), (58.0, 55.7, 60.4),
    (0.0, 0.0, 0.0), (89.0, 86.0, 92.0), (10.0, 10.0, 10.0), (4.0, 4.0, 5.0), (0.0, 0.0, 0.0),
    (6.0, 6.0, 7.0), (0.5, 0.0), "single wagons", {"bridge": 38.2, "at the edge": 2.0},
)  # fmt: skip
UNSEEN = TrackActivity("5", None, *(None,) * 12, "none", {}, ("pixels of 30 m show no trains",))


def test_numbers_with_their_intervals_and_reasons(report):
    page = track_section(dataclasses.replace(report, track_activity=(SEEN, UNSEEN)))
    assert "siding &lt;4&gt;" in page
    assert "147 (144–151)" in page
    assert "4 (4–5)" in page
    assert "38 m not judged: bridge" in page
    assert "at the edge" not in page
    assert "<td class=n>–</td>" in page
    assert remark(UNSEEN) == "pixels of 30 m show no trains"


def test_the_section_is_on_the_page_only_with_tracks(report):
    assert track_section(report) == ""
    assert 'id="tracks"' not in make_page(report)
    shown = make_page(dataclasses.replace(report, track_activity=(SEEN,)))
    assert '<section id="tracks"><h2>Tracks</h2>' in shown


def test_plain_values_of_what_is_not_known_are_null():
    row = UNSEEN.describe()
    assert row["cars_before"] is None
    assert row["occupied_m_after_high"] is None
    assert row["offset_m"] is None
    assert SEEN.describe()["cars_after_high"] == 5
