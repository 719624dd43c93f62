"""Values show themselves in a line, and nothing in them is taken for markup."""

import numpy as np
import shapely
from pyproj import CRS

from changedet.model import ChangeTable, Places, ZoneActivity
from changedet.model.shown import html_table, rounded


def table(n: int) -> ChangeTable:
    return ChangeTable(
        np.array([shapely.box(i, 0, i + 1, 2) for i in range(n)], dtype=object),
        {
            "change": np.array(["appeared", "moved", "appeared"] * n)[:n],
            "zone": np.array(["<script>"] * n, dtype=object),
            "area_m2": np.full(n, 2.00004),
            "explained_by": np.array(["shadow", None, None] * n, dtype=object)[:n],
        },
        CRS.from_epsg(32652),
    )


def test_a_table_says_in_a_line_what_it_holds():
    assert repr(table(3)) == (
        "<ChangeTable: 3 objects (1 appeared, 1 moved, 1 explained away), WGS 84 / UTM zone 52N>"
    )
    assert repr(ChangeTable.empty()) == "<ChangeTable: 0 objects (none), pixels>"


def test_a_notebook_gets_the_first_rows_and_how_many_are_left():
    shown = table(12)._repr_html_()
    assert shown.count("<tr>") == 1 + 10
    assert "and 2 more" in shown
    assert "more" not in table(10)._repr_html_()


def test_names_from_files_are_escaped():
    assert "<script>" not in table(3)._repr_html_()
    assert "&lt;script&gt;" in table(3)._repr_html_()
    assert html_table(["a<b"], [["<i>"]]).count("&lt;") == 2


def test_numbers_are_rounded_and_the_unknown_is_a_dash():
    assert [rounded(v) for v in (None, 2.00004, 12, "pad")] == ["–", "2", "12", "pad"]


def test_a_zone_that_was_not_seen_says_so():
    counts = dict.fromkeys(("appeared", "disappeared", "modified", "moved", "explained"), 0)
    areas = dict.fromkeys(("area_appeared_m2", "area_disappeared_m2", "area_modified_m2"), 0.0)
    unknown = dict.fromkeys(("turnover", "weighted_share", "expected_false_objects"))
    zone = ZoneActivity("pad", 10.0, 0.0, None, **counts, **areas, **unknown)
    assert repr(zone) == "<ZoneActivity: pad, nothing could be observed>"
    assert repr(Places(("a", "b"), np.zeros(2, dtype=object))) == "<Places: a, b>"
