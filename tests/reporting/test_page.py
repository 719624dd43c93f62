"""The HTML page: complete without a network, safe against any text, and it works."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from affine import Affine

from changedet.model import Grid
from changedet.reporting.markup import area, json_block, label, number, percent
from changedet.reporting.overlay import Frame
from changedet.reporting.page import fill, make_page, write_page
from changedet.reporting.page_grounds import grounds, hidden_by
from changedet.reporting.page_text import in_words, paragraphs
from changedet.reporting.pictures import quicklooks

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
NASTY = '</script><img src=x onerror="alert(1)">&\'"'


@pytest.fixture(scope="module")
def html(report):
    return make_page(report)


class Outline(HTMLParser):
    """Collects tags, attributes and whether every tag is closed."""

    void = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parse(text):
    outline = Outline()
    outline.feed(text)
    assert outline.open == []
    return outline


def test_everything_is_inside(html):
    assert len(html) < 1_500_000
    outline = parse(html)
    for _, attrs in outline.seen:
        for name in ("src", "href"):
            value = attrs.get(name, "#")
            assert value.startswith(("#", "data:")), value
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
    assert "default-src 'none'" in html
    assert "{{" not in html


def test_says_what_matters(html):
    text = " ".join(parse(html).text)
    for needed in (
        "28 changes found between 3 Sep 2023 and 5 Oct 2023",
        "19 appeared, 6 disappeared, 2 modified, 1 moved.",
        "do not count: 1 by shadow, 1 by misregistration and 1 by lean.",
        "Confidence in this is low: the rate of false alarms is not calibrated.",
        "What cannot be seen",
        "The sun moved 12 degrees in azimuth",
        "Threshold set for 1 false objects per km²; 1.4 expected.",
        "translation -1.420 px right",
        "93 % of the area",
        "road <north> & gate",
        "ab" * 32,
        "change-vector",
        "All 31 objects",
    ):
        assert needed in text, needed


def test_no_run_times_and_nothing_that_never_changes_a_result(report, html):
    slow = replace(report, summary={**report.summary, "timings_s": {"open": 1e9}})
    other = replace(
        slow,
        manifest={**report.manifest, "config": {**report.manifest["config"], "tile_size": 256}},
    )
    assert make_page(other) == html


def test_hostile_text_stays_text(report):
    nasty = replace(
        report,
        changes=report.changes.with_columns(group=[NASTY] * 31, zone=[NASTY] * 31),
        summary={**report.summary, "warnings": [NASTY, "{{script}}"], "detector": {NASTY: NASTY}},
    )
    outline = parse(make_page(nasty))
    assert not [t for t, _ in outline.seen if t == "img"]
    assert sum(t == "script" for t, _ in outline.seen) == 2
    assert NASTY in " ".join(outline.text)
    assert "<" not in json_block({"a": NASTY})


def test_no_change_is_a_result(build):
    text = " ".join(parse(make_page(build(changes=False))).text)
    assert "No change found between 3 Sep 2023 and 5 Oct 2023" in text
    assert "A change could have been seen in 93 % of the area." in text
    assert "No changed object was found." in text


def test_without_georeferencing(pixel_report):
    html = make_page(pixel_report)
    text = " ".join(parse(html).text)
    assert "all sizes in pixels" in text
    assert "Area (px)" in text
    assert "m²" not in text.split("false objects per km²")[0]
    assert 'class="north"' not in html
    assert '"metres":null' in html


def test_limits_of_table_and_map(report):
    table = report.changes
    many = table.take(np.resize(np.arange(31), 2300))
    many = many.with_columns(id=np.arange(1, 2301))
    html = make_page(replace(report, changes=many))
    assert "The 500 objects with the highest scores out of 2,300" in html
    assert html.count('<tr data-i="') == 500
    assert html.count('<path class="o ') == 2000


@pytest.mark.parametrize("size", [200, 99, 37])
def test_outlines_lie_on_shrunken_pictures(report, size):
    picture, _ = quicklooks(report.pair, max_size=size)
    frame = Frame.of(report.grid, picture)
    factor = -(-640 // size)
    assert frame.factor == (factor, factor)
    x, y = report.grid.xy([-0.5], [-0.5])
    np.testing.assert_allclose(frame.xy(x, y), [[0, 0]], atol=1e-6)


def test_north():
    picture = np.zeros((100, 100, 3), np.uint8)
    crs = "EPSG:32652"
    from pyproj import CRS

    up = Grid(Affine(1, 0, 500_000, 0, -1, 4_697_500), 100, 100, CRS.from_user_input(crs))
    down = Grid(Affine(1, 0, 500_000, 0, 1, 4_697_500), 100, 100, up.crs)
    turned = Grid(Affine(0, 1, 500_000, 1, 0, 4_697_500), 100, 100, up.crs)
    assert Frame.of(up, picture).north() == pytest.approx(0, abs=0.2)
    assert abs(Frame.of(down, picture).north()) == pytest.approx(180, abs=0.2)
    assert Frame.of(turned, picture).north() == pytest.approx(90, abs=0.2)


def test_numbers_for_people():
    assert [
        number(v) for v in (None, float("nan"), 0.0, 3, 1234567, 1234.5678, 0.12345, 2.5e-7)
    ] == ["–", "–", "0", "3", "1,234,567", "1,235", "0.123", "2.5e-7"]
    assert [percent(v) for v in (None, 0.0, 1e-5, 0.5, 0.99999, 1.0, 0.123)] == [
        "–",
        "0 %",
        "<0.1 %",
        "50 %",
        ">99.9 %",
        "100 %",
        "12.3 %",
    ]
    assert [area(v, "m²") for v in (500.0, 25_000.0, 3.2e6)] == ["500 m²", "2.5 ha", "3.2 km²"]
    assert area(25_000.0, "px") == "25,000 px"
    assert label("ce90_px") == "CE90 (px)"
    assert label("false_alarms_per_km2") == "False alarms per km²"
    assert fill("{{a}}{{b}}", a="{{b}}", b="1") == "{{b}}1"


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desktop", "phone"])
def page(request, browser, report, tmp_path):
    """The page in a browser without network; fails on any message or request."""
    path = write_page(tmp_path / "report.html", report)
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, offline=True, reduced_motion="reduce"
    )
    page = context.new_page()
    trouble = []
    page.on("console", lambda m: trouble.append(m.text))
    page.on("pageerror", lambda e: trouble.append(str(e)))
    page.on(
        "request",
        lambda r: None if r.url.startswith(("data:", path.as_uri())) else trouble.append(r.url),
    )
    page.goto(path.as_uri())
    yield page
    context.close()
    assert trouble == []


def cut_share(page):
    return page.evaluate(
        "() => { const r = document.getElementById('cut-rect'),"
        " v = document.getElementById('map').viewBox.baseVal;"
        " return (Number(r.getAttribute('x')) - v.x) / v.width; }"
    )


def test_in_a_browser(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # the slider by keyboard, and the buttons
    assert cut_share(page) == pytest.approx(0.5)
    page.focus("#swipe")
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert cut_share(page) == pytest.approx(0.4)
    page.click("text=After >> nth=0")
    page.click('[data-show="0"]')
    assert cut_share(page) == pytest.approx(0)
    # a row selects its outline and shows what was measured
    row = page.locator("#object-rows tr").nth(2)
    i = row.get_attribute("data-i")
    row.locator("button").click()
    assert row.get_attribute("aria-selected") == "true"
    assert page.locator("path.highlight").last.get_attribute("d") == page.locator(
        f'path.o[data-i="{i}"]'
    ).get_attribute("d")
    assert page.locator("#details dd").first.inner_text() == row.locator("button").inner_text()
    zoomed = [float(v) for v in page.locator("#map").get_attribute("viewBox").split()]
    assert zoomed[2] < 640
    page.click("#zoom-reset")
    # sorting, first up and then down
    page.click('[data-sort="0"]')
    ids = [int(t) for t in page.locator(".pick").all_inner_texts()]
    assert ids == sorted(ids)
    page.click('[data-sort="5"]')
    assert page.locator("thead th").nth(5).get_attribute("aria-sort") == "descending"
    # a filter hides outlines and rows
    page.uncheck('[data-layer="appeared"]')
    assert not page.locator('g[data-group="appeared"]').first.is_visible()
    assert page.locator("#object-rows tr:visible").count() == 12
    # the divider can be dragged
    box = page.locator("#map").bounding_box()
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.up()
    assert cut_share(page) == pytest.approx(0.7, abs=0.02)


def test_pictures_are_really_shown(page):
    loaded = page.evaluate(
        """async () => {
            for (const image of document.querySelectorAll("#map image")) {
                const copy = new Image();
                copy.src = image.href.baseVal;
                await copy.decode();
                if (copy.naturalWidth !== 640) return false;
            }
            return true;
        }"""
    )
    assert loaded
    assert re.fullmatch(r"\d+ m", page.locator("#scale-text").inner_text())


def test_without_script_both_pictures_are_there(browser, report, tmp_path):
    path = write_page(tmp_path / "report.html", report)
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator(".still svg").first.is_visible()
    assert not page.locator("#map").is_visible()
    context.close()


def test_what_hid_the_ground_is_said(report):
    said = hidden_by(report.summary["observability"])
    assert said == [
        f"clouds (by its scene classification) on {percent(0.04)} of the area after",
        f"no data on {percent(0.02)} of the area before",
        f"no data on {percent(0.01)} of the area after",
    ]
    assert said[0] in grounds(report)
    assert hidden_by(None) == []


@pytest.mark.parametrize(
    ("used", "notable", "said"),
    [
        (True, False, "Judged by the history."),
        (True, True, "The null of the history was made 1.4 times as wide."),
        (False, True, "The history is too calm for this pair, which is judged by itself."),
    ],
)
def test_what_became_of_references_is_said(report, used, notable, said):
    found = {"given": "history", "used": used, "notable": notable}
    value = {**report.summary["calibration"], "stretch": 1.4, "references": found}
    other = replace(report, summary={**report.summary, "calibration": value})
    assert said in grounds(other)
    assert said not in grounds(report)


def test_words_on_the_page():
    assert paragraphs(["It is.", "About 2.", "In a, 1.", "On 4, 2.", "No change.", "Two."]) == [
        "It is. About 2.", "In a, 1.", "On 4, 2.", "No change. Two.",
    ]  # fmt: skip


def test_words_keep_units_on_the_line_and_are_safe(report):
    words = {
        "sentences": [f"In {NASTY}, 317 m of 482 m and 90 % interval."],
        "confidence": {"level": "low", "sentence": "Low."}, "cannot_see": ["4.5 m² or 3 metres."],
    }  # fmt: skip
    html = in_words(replace(report, summary={"words": words}))
    assert "317\u00a0m of 482\u00a0m and 90\u00a0% interval" in html
    assert "4.5\u00a0m² or 3 metres" in html
    assert "<img" not in html
    assert in_words(replace(report, summary={})) == ""
