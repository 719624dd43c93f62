"""Words are made from numbers: no other number, and never stronger than they are."""

from __future__ import annotations

import copy
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from changedet.model import COMPARED_WITH
from changedet.model.tracks import IN_DOUBT
from changedet.reporting import short_words_of_history, words_of, words_of_history
from changedet.reporting.word_scales import (
    LIKELIHOODS,
    chance,
    likelihood,
    percent,
    percent_down,
    rarity,
    significant,
    span,
)

CONSTANTS = {"1", "99", "100", "0.1", "0.001"}
"""Of the rules of rounding (less than 1 %, more than 99 %, less than 0.1 % or 0.001), and the scale
of the score (of 100)."""
FORBIDDEN = ("certainly", "proves", "definitely", "confirmed", "no doubt")


def row(zone="site", score=40.0, **values):
    """A row of activity as the summary holds it."""
    out = {
        "zone": zone, "area_m2": 20_000.0, "observable_fraction": 0.97, "score": score,
        "appeared": 0, "disappeared": 0, "modified": 0, "moved": 0, "explained": 0, "cut": 0,
        "by_kind": {}, "score_low": 31.2, "score_high": 47.8, "turnover": 0.031,
        "expected_false_objects": 0.34567,
        "parts": {"chance_real": 0.93, "real_objects_low": 9.4, "real_objects_high": 11.7,
                  "interval": 0.9, "overlaps": []},
    }  # fmt: skip
    parts = {**out["parts"], **values.pop("parts", {})}
    return {**out, **values, "parts": parts}


def summary(*rows, **values):
    """A summary of a run at 0.5 m, calibrated by a reference."""
    return {
        "inputs": [
            {"acquired": "2023-09-03T02:14:31+00:00", "domain": "optical"},
            {"acquired": "2023-10-05T02:09:08+00:00", "domain": "optical"},
        ],
        "grid": {"crs": "EPSG:32652", "gsd_m": 0.5000866},
        "comparability": {"grade": "go", "reasons": []},
        "alignment": {"grade": "good"},
        "calibration": {"source": "reference", "unchanged_fraction": 0.94, "is_map": False},
        "observable_fraction": 0.97,
        "observability": {"before": {"cloud": 0.0}, "after": {"cloud": 0.0}},
        "counts": {"explained": {}, "smallest_reported_m2": 4.5},
        "activity": list(rows or (row(appeared=9, disappeared=3),)),
        "tracks": [],
        **values,
    }


def text_of(words):
    return " ".join(
        [words["headline"], *words["sentences"], words["confidence"]["sentence"],
         *words["cannot_see"]]
    )  # fmt: skip


def leaves(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(key)
            yield from leaves(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value


def said_of(value):
    """Every way in which a number may be said, and the numbers in a text."""
    if isinstance(value, str):
        return {n.lstrip("0") or "0" for n in re.findall(r"\d+(?:\.\d+)?", value)}
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
        return set()
    out = set()
    for scaled in (value, 100 * value, value / 1e4, value / 1e6):
        near = round(scaled, 9)
        out |= {f"{f(near):d}" for f in (math.floor, math.ceil, round)}
        if abs(scaled) >= 1e-4:
            digits = -math.floor(math.log10(abs(scaled)))
            out |= {f"{round(scaled, digits + k):.10g}" for k in (0, 1)}
            out.add(f"{math.ceil(round(scaled * 10**digits, 9)) / 10**digits:.10g}")
    return out


def check_numbers(text, source):
    """Fail if a text holds a number that is no rounding of one in the source."""
    allowed = CONSTANTS.union(*(said_of(v) for v in leaves(source)))
    found = re.findall(r"\d+(?:\.\d+)?", text.replace(",", ""))
    stray = [n for n in found if n not in allowed]
    assert not stray, (stray, text)


def check_words(text, numbers):
    """Fail if a word of likelihood stands there that none of the numbers allows."""
    for least, word in LIKELIHOODS:
        if re.search(rf"It is {word}\b", text):
            assert any(number >= least for number in numbers), (word, numbers)
    assert not any(word in text for word in FORBIDDEN), text


class TestScales:
    @given(st.floats(0, 1))
    def test_a_word_is_never_stronger_than_its_number(self, p):
        word = likelihood(p)
        least = next(edge for edge, name in LIKELIHOODS if name == word)
        most = min([edge for edge, _ in LIKELIHOODS if edge > least], default=1.0)
        assert least <= p <= most
        assert int(percent_down(p).split()[0]) <= 100 * p + 1e-6

    @pytest.mark.parametrize(
        ("p", "word"),
        [
            (0.96, "almost certain"), (0.95, "very likely"), (0.8, "likely"),
            (0.55, "about as likely as not"), (0.45, "about as likely as not"),
            (0.44, "unlikely"), (0.2, "unlikely"), (0.05, "very unlikely"), (0.0, "remote"),
        ],
    )  # fmt: skip
    def test_borders_get_the_weaker_word(self, p, word):
        assert likelihood(p) == word

    def test_no_probability_no_word(self):
        with pytest.raises(ValueError, match=r"lies between 0 and 1; 1\.2 does not"):
            likelihood(1.2)

    @given(st.floats(1e-6, 1))
    def test_a_chance_is_never_said_smaller_than_it_is(self, p):
        text = chance(p)
        value = 0.1 if text.startswith("less") else float(text.split()[0])
        assert value / 100 >= p - 1e-9
        assert text.startswith("less") or value / 100 <= 2 * p + 1e-9

    @given(st.floats(0, 1e6), st.floats(0, 1e6))
    def test_a_span_holds_its_ends(self, one, other):
        low, high = (
            int(v.replace(",", "")) for v in span(min(one, other), max(one, other)).split(" to ")
        )
        assert low <= min(one, other) + 1e-6
        assert high >= max(one, other) - 1e-6

    def test_rounding(self):
        assert [percent(v) for v in (0, 0.004, 0.031, 0.997, 1)] == [
            "0 %", "less than 1 %", "3 %", "more than 99 %", "100 %",
        ]  # fmt: skip
        assert [significant(v) for v in (0.34567, 4.5, 1234.5, 0)] == ["0.35", "4.5", "1,200", "0"]
        assert [rarity(p) for p in (0.0009, 0.001, 0.01, 0.05)] == [
            "very rare", "rare", "uncommon", None,
        ]  # fmt: skip


KINDS = st.sampled_from(["railcar", "truck", "train", "container_stack", "other"])
SHARES = st.floats(0, 1)
CRS = st.sampled_from([None, "EPSG:32652"])


@st.composite
def rows(draw, name):
    """A row with any numbers."""
    seen = draw(st.one_of(st.none(), st.floats(0.01, 1)))
    score = None if seen is None else draw(st.floats(0, 100))
    few = st.integers(0, 3000)
    numbers = {k: draw(few) for k in ("appeared", "disappeared", "modified", "moved")}
    return row(
        name, score, **numbers, observable_fraction=seen, turnover=draw(SHARES),
        cut=draw(few), score_low=None if score is None else score * draw(SHARES),
        score_high=score, expected_false_objects=draw(st.one_of(st.none(), st.floats(0, 500))),
        by_kind={draw(KINDS): {"appeared": draw(st.integers(1, 900))}},
        parts={
            "chance_real": draw(st.one_of(st.none(), st.floats(0, 0.99))),
            "real_objects_low": draw(st.floats(0, 500)), "control": "outside all zones",
            "real_objects_high": draw(st.floats(500, 2000)), "control_share": draw(SHARES),
            "control_subtracted": draw(st.booleans()),
        },
    )  # fmt: skip


@st.composite
def summaries(draw):
    """Summaries of all sorts."""
    grades = ["good", "usable", "poor", "none"]
    track = {"id": draw(st.sampled_from(["4", "track 7", "north"]))}
    for name, most in (("cars", 80), ("occupied_m", 900)):
        for date in ("before", "after"):
            value = draw(st.one_of(st.none(), st.floats(0, most)))
            low, high = (None, None) if value is None else (value * 0.9, value * 1.1)
            stem = f"{name}_{date}"
            track.update({stem: value, f"{stem}_low": low, f"{stem}_high": high})
    return summary(
        *[draw(rows(n)) for n in draw(st.sampled_from([["site"], ["yard 3", "pad", "site"]]))],
        inputs=[
            {"acquired": draw(st.sampled_from([None, "2023-09-03T02:14:31+00:00"])),
             "domain": draw(st.sampled_from(["optical", "sar-db"]))}
            for _ in range(2)
        ],
        grid={"crs": draw(CRS), "gsd_m": draw(st.floats(0.3, 30))},
        alignment={"grade": draw(st.sampled_from(grades))},
        comparability={"grade": draw(st.sampled_from(["go", "caution"]))},
        calibration={
            "source": draw(st.sampled_from(["pair", "reference", "history", None])),
            "unchanged_fraction": draw(SHARES), "is_map": draw(st.booleans()),
        },
        observable_fraction=draw(SHARES),
        observability={"after": {"cloud": draw(SHARES), "nodata": draw(SHARES)}},
        counts={"explained": {"shadow": draw(st.integers(1, 900))},
                "smallest_reported_m2": draw(st.floats(0.5, 5e6))},
        tracks=[track],
    )  # fmt: skip


@given(summaries())
@settings(max_examples=60)
def test_words_of_any_summary(value):
    """No number that is not there, no word that is stronger, no confidence without grounds."""
    before = copy.deepcopy(value)
    words = words_of(value)
    assert value == before
    check_numbers(text_of(words), value)
    site = value["activity"][-1]
    check_words(text_of(words), [p for p in [site["parts"]["chance_real"]] if p is not None])
    for sentence in [words["headline"], *words["sentences"], *words["cannot_see"]]:
        assert re.fullmatch(r"[^a-z].*[.]", sentence), sentence
        assert not re.search(r"None|\bnan\b|  ", sentence), sentence
    level = words["confidence"]["level"]
    if level == "high":
        assert value["alignment"]["grade"] == "good"
        assert value["comparability"]["grade"] == "go"
        assert value["calibration"]["source"] in ("reference", "history")
        assert value["observable_fraction"] >= 0.9
        assert not value["calibration"]["is_map"]
    if value["alignment"]["grade"] in ("poor", "none"):
        assert level == "low"


class TestSummary:
    def test_what_an_analyst_would_write(self):
        words = words_of(
            summary(
                row("yard", 65.4, appeared=9, by_kind={"railcar": {"appeared": 8}}),
                row("pad", 0.0),
                row("shed", None),
                row(appeared=9, disappeared=3, moved=1, parts={"chance_real": 0.93}),
                counts={"explained": {"shadow": 4}, "smallest_reported_m2": 4.5},
            )
        )
        assert words["headline"] == (
            "Between 3 Sep 2023 and 5 Oct 2023, 9 objects appeared, 3 disappeared and 1 moved."
        )
        assert words["sentences"] == [
            "It is very likely (at least 93 %) that at least one of these objects is real.",
            "About 0.35 false ones are to be expected in the area observed.",
            "Taken together, 9 to 12 of them should be real (90 % interval).",
            "In yard, 9 objects appeared (8 railcars); activity 65 of 100 (90 % interval "
            "31 to 48).",
            "No change was found in pad.",
            "Nothing could be observed in shed.",
            "Differences that are explained otherwise do not count: 4 by shadow.",
            "Two dates say how much changed and not whether that is unusual here: for that, the "
            "site's own history is needed.",
        ]
        assert words["confidence"] == {
            "level": "high", "reasons": [], "sentence": "Confidence in this is high.",
        }  # fmt: skip
        assert "Tarpaulins" in " ".join(words["cannot_see"])

    @pytest.mark.parametrize("p", [0.0, 0.3, 0.55])
    def test_a_small_lower_bound_makes_nothing_unlikely(self, p):
        words = words_of(summary(row(appeared=3, parts={"chance_real": p})))
        assert words["sentences"][0] == (
            "Whether at least one of these objects is real is open: the chance may be as low as "
            f"{percent_down(p)}."
        )

    def test_nothing_changed(self):
        words = words_of(summary(row(score=0.0)))
        assert words["headline"] == "Between 3 Sep 2023 and 5 Oct 2023, no change was found."
        assert words["sentences"] == [
            "Only a change of at least 4.5 m² that stands out from its surroundings could have "
            "been reported in the 97 % of the area that was observed: this is no proof that "
            "nothing happened."
        ]

    def test_everything_changed(self):
        words = words_of(summary(row(appeared=400, turnover=0.63)))
        assert words["sentences"][0].startswith(
            "Most of the observed ground seems to differ (63 % of it is outlined): two images"
        )
        assert words["confidence"]["level"] == "low"

    def test_nothing_could_be_observed(self):
        words = words_of(summary(row(score=None, observable_fraction=0.0), observable_fraction=0.0))
        assert words["headline"].endswith("nothing could be observed at both dates.")
        assert words["sentences"] == []
        assert words["confidence"]["level"] == "low"

    def test_a_map_is_no_count_of_objects(self):
        value = summary(row(appeared=12, turnover=0.12, expected_false_objects=30.4))
        value["calibration"] = {"source": "pair", "is_map": True}
        value["grid"]["gsd_m"] = 10.0
        words = words_of(value)
        assert words["headline"].endswith("12 outlined areas appeared.")
        assert words["sentences"][:3] == [
            "This maps where the ground looks different; an outline need not be one thing.",
            "12 % of the observed ground is outlined.",
            "Without any change, about 30 outlines are to be expected.",
        ]
        assert "likely" not in text_of(words)
        assert words["confidence"]["level"] == "low"

    @pytest.mark.parametrize(
        ("source", "references", "said"),
        [
            ("reference", {"used": True, "notable": False}, None),
            ("history", {"used": True, "notable": True}, "differs more than its history does"),
            ("pair", {"used": False, "notable": True}, "the reference is too calm for this pair"),
            ("pair", None, "rests on this pair alone"),
        ],
    )
    def test_references_unlike_the_pair_hold_the_confidence_down(self, source, references, said):
        value = summary(row(appeared=2))
        given = source if source != "pair" else "reference"
        described = None if references is None else {"given": given, **references}
        value["calibration"] |= {"source": source, "references": described}
        confidence = words_of(value)["confidence"]
        assert confidence["level"] == ("high" if said is None else "moderate")
        assert (said or "") in confidence["sentence"]

    def test_uncalibrated(self):
        value = summary(row(appeared=2, parts={"chance_real": None}, expected_false_objects=None))
        value["calibration"] = {}
        words = words_of(value)
        assert words["sentences"][0] == (
            "How many of these are real cannot be said: nothing calibrates them."
        )
        assert words["confidence"]["sentence"] == (
            "Confidence in this is low: the rate of false alarms is not calibrated."
        )

    @pytest.mark.parametrize(
        ("gsd", "named", "limit"),
        [
            (0.5, True, None),
            (0.7, True, "At 0.7 m a pixel, the gaps between coupled wagons cannot be seen"),
            (2.0, False, "At 2 m a pixel, single wagons, trucks and containers cannot be told"),
            (3.5, False, "At 3.5 m a pixel, only the occupied length of tracks can be told"),
            (10.0, False, "At 10 m a pixel, no more can be said than that something like a train"),
        ],
    )
    def test_what_pixels_cannot_support_is_not_named(self, gsd, named, limit):
        value = summary(row(appeared=3, by_kind={"railcar": {"appeared": 3}}))
        value["grid"]["gsd_m"] = gsd
        value["tracks"] = [
            {"id": "4", "cars_before": 7, "cars_after": 12, "occupied_m_before": 98.2,
             "occupied_m_after": 170.0}
        ]  # fmt: skip
        words = words_of(value)
        said = " ".join(words["sentences"])
        assert ("3 railcars" in said) is named
        assert ("wagons" in said) is named
        assert ("98 m" in said) is not named
        unseen = " ".join(words["cannot_see"])
        assert limit in unseen if limit else "pixel" not in unseen

    def test_radar_and_pixels(self):
        value = summary(row(appeared=1), grid={"crs": None, "gsd_m": None})
        for image in value["inputs"]:
            image.update(domain="sar-db", acquired=None)
        words = words_of(value)
        assert words["headline"] == "Between the two images, 1 object appeared."
        assert "this object is real" in words["sentences"][0]
        unseen = " ".join(words["cannot_see"])
        assert "Radar shows shape" in unseen
        assert "Tarpaulins" not in unseen
        assert "Without georeferencing no sizes in metres are known" in unseen
        assert "less than 4.5 pixels" in unseen
        assert words["confidence"]["level"] == "moderate"

    def test_clouds_and_overlaps_and_cuts(self):
        value = summary(
            row("a", 5.0, appeared=1, observable_fraction=0.6, parts={"overlaps": ["b"]}),
            row("b", 4.0, appeared=1, parts={"overlaps": ["a"]}),
            row(appeared=1, cut=1),
            observable_fraction=0.88, observability={"after": {"cloud": 0.12}},
        )  # fmt: skip
        words = words_of(value)
        said = " ".join(words["sentences"])
        assert "from the 60 % of it that could be observed" in said
        assert said.count("The zones a and b overlap: what lies in both counts in both.") == 1
        assert "1 object reaches beyond what could be seen: its size is a lower bound" in said
        assert words["cannot_see"][:2] == [
            "Only 88 % of the area could be observed at both dates: of the rest nothing is said.",
            "12 % of the area was under cloud in the after image.",
        ]

    def test_the_control(self):
        taken = {"control": "given", "control_share": 0.043, "control_subtracted": True}
        told = {**taken, "control": "outside all zones", "control_subtracted": False}
        said = [
            " ".join(words_of(summary(row(appeared=1, parts=p)))["sentences"])
            for p in (taken, told, {**told, "control_share": 0.001})
        ]
        assert "The control changed by 4 %, which is taken off all activity." in said[0]
        assert "The ground outside all zones changed by 4 % as well, which is not taken" in said[1]
        assert "changed by" not in said[2]

    @pytest.mark.parametrize(
        ("after", "sure"), [((12, 10, 14), True), ((8, 6, 10), False)], ids=["apart", "overlap"]
    )
    def test_tracks_with_intervals(self, after, sure):
        track = {"id": "4", "cars_before": 7, "cars_before_low": 5.2, "cars_before_high": 8.6,
                 "length_m": 420.0, "observable_m": 280.4}  # fmt: skip
        names = ("cars_after", "cars_after_low", "cars_after_high")
        track.update(zip(names, after, strict=True))
        words = words_of(summary(row(appeared=5), tracks=[track]))
        (said,) = [s for s in words["sentences"] if "track" in s]
        assert said.startswith("On track 4, 7 (5 to 9) wagons before and ")
        assert ("which is no sure difference" in said) is not sure
        assert said.endswith("(280 m of 420 m could be observed).")

    def test_what_came_and_went_on_a_track(self):
        track = {"id": "track 4"}
        for name, value in (("cars_before", 7), ("cars_after", 7), ("cars_arrived", 3),
                            ("cars_departed", 3)):  # fmt: skip
            track.update({name: value, f"{name}_low": value - 1, f"{name}_high": value + 1})
        words = words_of(summary(row(appeared=5), tracks=[track]))
        (said,) = [s for s in words["sentences"] if "track" in s]
        assert said == (
            "On track 4, 7 (6 to 8) wagons before and 7 (6 to 8) after; 3 (2 to 4) arrived and 3 "
            "(2 to 4) left."
        )

    @pytest.mark.parametrize(
        ("cars", "outlined", "said"),
        [
            ((21, 21, 21), 8, "On track 6, 21 (21 to 21) wagons arrived by the track's profile; "
             "outlines show 8: take the track's count, as outlines may miss wagons or run into "
             "each other."),
            ((2, 2, 3), 9, "On track 6, 2 (2 to 3) wagons arrived by the track's profile; outlines "
             "show 9: take the track's count, as shadows and parts of one wagon can be outlined "
             "by themselves, and look at the outlines on it."),
            ((21, 12, 23), 10, None),
            ((21, 20, 21), 18, None),
            ((21, 21, 21), 21, None),
            ((21, 21, 21), None, None),
        ],
    )  # fmt: skip
    def test_a_track_and_the_outlines_on_it_contradict_each_other(self, cars, outlined, said):
        track = {"id": "6", "outlined_arrived": outlined, "length_m": 400.0, "observable_m": 390.0}
        track.update(zip(("cars_arrived", "cars_arrived_low", "cars_arrived_high"), cars,
                         strict=True))  # fmt: skip
        words = words_of(summary(row(appeared=5), tracks=[track]))
        found = [s for s in words["sentences"] if "profile" in s]
        assert found == ([] if said is None else [said])

    def test_outlines_where_the_track_was_not_judged(self):
        track = {"id": "6", "outlined_departed": 9, "length_m": 500.0, "shared_m": 100.0,
                 "observable_m": 200.0, "cars_departed": 2, "cars_departed_low": 2,
                 "cars_departed_high": 2}  # fmt: skip
        (said,) = [
            s for s in words_of(summary(row(appeared=5), tracks=[track]))["sentences"]
            if "profile" in s
        ]  # fmt: skip
        assert said == (
            "On track 6, 2 (2 to 2) wagons left by the track's profile; outlines show 9: only 200 "
            "m of 400 m of the track were judged, so its count may lack what stands on the rest."
        )

    def test_what_another_track_counts_is_not_missing_in_words(self):
        track = {"id": "4", "cars_before": 7, "cars_after": 7, "length_m": 420.0,
                 "observable_m": 330.0, "shared_m": 80.0}  # fmt: skip
        words = words_of(summary(row(appeared=5), tracks=[track]))
        (said,) = [s for s in words["sentences"] if "track" in s]
        assert "could be observed" not in said

    def test_tracks_whose_place_is_in_doubt_are_named(self):
        note = f"{IN_DOUBT}the images fit best 3.5 m beside the line"
        tracks = [{"id": name, "notes": ["a note", note]} for name in ("1", "2", "3", "4")]
        words = words_of(summary(row(appeared=5), tracks=tracks))
        assert (
            "The numbers of tracks 1, 2 and 3 and of others are in doubt: the images fit best "
            "3.5 m beside the line."
        ) in words["sentences"]
        assert not [s for s in words["sentences"] if "a note" in s]

    def test_zones_that_lie_mostly_outside_are_named(self):
        rows = [
            row("a", appeared=1, parts={"outside_share": 0.9994}),
            row("b", appeared=1, parts={"outside_share": 0.05}),
            row("c", None, observable_fraction=None, parts={"outside_share": 1.0}),
        ]
        said = words_of(summary(*rows, row(appeared=2)))["sentences"]
        assert [s for s in said if "outside the images" in s] == [
            "More than 99 % of a lies outside the images: what is said of it is said of the rest."
        ]

    def test_the_ground_outside_changed_too_only_where_zones_did(self):
        parts = {"control": "outside all zones", "control_share": 0.043}
        quiet = words_of(summary(row("a"), row(appeared=1, parts=parts)))["sentences"]
        assert "The ground outside all zones changed by 4 %, which is not taken off." in quiet

    @pytest.mark.parametrize("gsd", [1.0004, 3.002, 6.003])
    def test_a_pixel_stretched_by_its_projection_is_none_larger(self, gsd):
        value = summary(row(appeared=3, by_kind={"railcar": {"appeared": 3}}))
        value["grid"]["gsd_m"] = gsd
        nominal = json.loads(json.dumps(value))
        nominal["grid"]["gsd_m"] = round(gsd)
        assert words_of(value) == words_of(nominal)

    def test_between_6_and_10_m_no_length_is_promised(self):
        value = summary(row(appeared=3), grid={"crs": "EPSG:32652", "gsd_m": 8.0})
        assert "something like a train" in " ".join(words_of(value)["cannot_see"])

    def test_nothing_arrived_or_left(self):
        track = {"id": "4", "cars_before": 7, "cars_after": 7, "cars_arrived": 0,
                 "cars_arrived_high": 0, "cars_departed": 0, "cars_departed_high": 0}  # fmt: skip
        words = words_of(summary(row(appeared=5), tracks=[track]))
        (said,) = [s for s in words["sentences"] if "track" in s]
        assert said.endswith("about 7 after; nothing seems to have arrived or left.")

    def test_kinds_stand_in_the_zones_or_else_once(self):
        kinds = {"railcar": {"appeared": 8, "moved": 1}, "truck": {"disappeared": 2},
                 "container_stack": {"appeared": 9}, "other": {"appeared": 4}}  # fmt: skip
        site = row(appeared=21, disappeared=2, moved=1, by_kind=kinds)
        alone, zoned = (
            words_of(summary(*rows))["sentences"]
            for rows in ((site,), ({**site, "zone": "y"}, site))
        )
        assert alone[0] == (
            "By kind, judged from size and place: 9 container stacks and 8 railcars appeared; 2 "
            "trucks disappeared; 1 railcar moved."
        )
        assert zoned[3].startswith(
            "In y, 21 objects appeared (9 container stacks and 8 railcars), 2 disappeared (2 "
            "trucks) and 1 moved (1 railcar); activity 40 of 100"
        )

    def test_a_track_of_which_nothing_is_known_is_passed_over(self):
        words = words_of(summary(row(appeared=1), tracks=[{"id": "4", "cars_before": None}]))
        assert "track" not in " ".join(words["sentences"])

    def test_hardly_anything_known(self):
        words = words_of({})
        assert (
            words["headline"] == "Between the two images, nothing could be observed at both dates."
        )
        assert words["confidence"]["level"] == "low"


def series(state, **last):
    row = {k: last.pop(k) for k in ("direction", "first_seen", "last_not_seen") if k in last}
    date = {"acquired": "2023-10-05T02:09:08+00:00", "value": 73.0, "value_low": 68.0,
            "value_high": 77.0, "expected": 12.0, "band_low": 4.0, "band_high": 20.0,
            "baseline_dates": 40, "nb_p": 6e-4, "nb_p_low": 7.3e-3, "nb_p_high": 1e-5,
            "rank_p": 1 / 41, **last}  # fmt: skip
    return {"place": "yard", "kind": "zone", "measure": "cars", "state": state, **row,
            "dates": [date, {"acquired": "2023-11-01", "value": None}]}  # fmt: skip


def test_the_check_itself_finds_a_stray_number():
    value = summary()
    with pytest.raises(AssertionError, match="17"):
        check_numbers("About 17 wagons appeared.", value)
    with pytest.raises(AssertionError, match="almost certain"):
        check_words("It is almost certain that", [0.93])


class TestHistory:
    def test_a_spike(self):
        (said,) = words_of_history({"histories": [series(
            "spike", direction="up", first_seen="2023-10-05", last_not_seen="2023-09-12",
        )]})  # fmt: skip
        assert said == (
            "Zone yard, on 5 Oct 2023: more than usual; 73 wagons (68 to 77), where 12 would be "
            "usual (4 to 20), by 40 earlier dates; as much is to be expected on at most 0.8 % of "
            "ordinary dates, which is rare (by rank alone, 3 %); first seen on 5 Oct 2023 and not "
            "yet on 12 Sep 2023."
        )

    @pytest.mark.parametrize(
        ("state", "start"),
        [
            ("level shift", "at a different level than before"), ("drift", "drifting from its"),
            ("normal", "within what is usual"), ("odd", "what this is cannot be said"),
            ("insufficient_baseline", "too few earlier dates to say what is usual"),
        ],
    )  # fmt: skip
    def test_states(self, state, start):
        (said,) = words_of_history({"histories": [series(state)]})
        assert f"5 Oct 2023: {start}" in said

    def test_one_of_a_kind_and_a_chance_too_small_to_tell(self):
        last = {"value": 1.0, "nb_p": 1e-6, "nb_p_low": 1e-9, "nb_p_high": 1e-5}
        (said,) = words_of_history({"histories": [series("spike", direction="up", **last)]})
        assert "; 1 wagon (68 to 77)" in said
        assert "as much is to be expected on less than 0.1 % of ordinary dates" in said
        (said,) = words_of_history(
            {"histories": [{**series("normal", value=1.0), "measure": "appeared"}]}
        )
        assert "; 1 object that appeared (" in said

    def test_all_tracks_are_named_as_such(self):
        row = {**series("normal"), "place": "all tracks", "kind": "track"}
        (said,) = words_of_history({"histories": [row]})
        assert said.startswith("All tracks, on 5 Oct 2023: ")

    def test_a_spike_is_not_said_more_firmly_than_its_chance(self):
        (said,) = words_of_history({"histories": [series("spike", nb_p_low=0.2)]})
        assert "perhaps more than usual" in said
        assert "on at most 20 % of ordinary dates, which is nothing uncommon" in said

    def test_low_values_get_no_chance_from_an_upper_tail(self):
        (said,) = words_of_history({"histories": [series("spike", direction="down", nb_p=0.999)]})
        assert "less than usual" in said
        assert "ordinary dates" not in said

    def test_the_minimum(self):
        said = words_of_history(
            {"histories": [{"place": "site", "state": "normal"},
                           {"place": "track 4", "kind": "track", "state": "spike"}],
             "dates_tested": 120, "false_spikes_expected": 1.2}
        )  # fmt: skip
        assert said == [
            "track 4: more than usual; how rare that is cannot be said.",
            "Whole site: within what is usual.",
            "Among 120 values that were judged, about 1.2 would be called spikes on ordinary "
            "dates alone.",
        ]
        assert words_of_history({}) == []

    def test_numbers_of_one_sentence_have_as_many_digits(self):
        found = series("spike", value=3923.4, expected=689.3, band_low=60.2, band_high=2458.0)
        found["measure"] = "area_m2"
        found["dates"][0].update(value_low=3705.0, value_high=4110.0)
        (said,) = words_of_history({"histories": [found]})
        assert "3,900 m² (3,700 to 4,100), where 690 would be usual (60 to 2,500)" in said

    def test_on_a_screen_each_place_once_and_quiet_ones_together(self):
        rows = [
            {**series("normal"), "place": place, "measure": measure}
            for place in ("a", "b", "c", "site") for measure in ("objects", "area_m2")
        ]  # fmt: skip
        for row in rows:
            row["dates"].pop()
        rows[3].update(state="spike", direction="up")
        rows[6].update(state="drift", direction="up")
        rows[7].update(state="spike", direction="up")
        clouded = {"acquired": "2024-01-09T02:00:00", "value": None, "missing": "cloud"}
        rows[4]["dates"].append(clouded)
        history = {"histories": rows, "dates_tested": 8, "false_spikes_expected": 0.08}
        said = short_words_of_history(history)
        assert [s.split(",")[0].split(":")[0] for s in said] == [
            "Zone b", "Whole site", "Zone c", "Zone a", "Among 8 values that were judged",
        ]  # fmt: skip
        assert "m²" in said[0]
        assert "objects" in said[1]
        assert said[3] == "Zone a: within what is usual."
        assert short_words_of_history({"histories": rows[:2]}) == words_of_history(
            {"histories": rows[:2]}
        )

    def test_too_few_dates(self):
        found = series("insufficient_baseline", value=0, baseline_dates=0, expected=None,
                       value_low=None)  # fmt: skip
        (said,) = words_of_history({"histories": [found]})
        assert "to say what is usual; 0 wagons; 0 earlier dates." in said

    @pytest.mark.parametrize(
        ("why", "told"), [("only 25% of it could be seen", True), (COMPARED_WITH, False)]
    )
    def test_the_latest_date_was_not_seen(self, why, told):
        found = series("normal")
        found["dates"].append({"acquired": "2024-01-09T02:00:00", "value": None, "missing": why})
        (said,) = words_of_history({"histories": [found]})
        text = f"of the latest date, 9 Jan 2024, nothing is said ({why})"
        assert (text in said) is told

    @given(
        st.sampled_from(["spike", "level shift", "drift", "normal", "insufficient_baseline"]),
        st.floats(0, 1), st.floats(0, 1), st.floats(0, 1e5), st.floats(0, 1e5),
        st.sampled_from(["cars", "objects", "occupied_m", "area_m2"]), st.floats(0, 1),
    )  # fmt: skip
    @settings(max_examples=60)
    def test_no_stray_numbers(self, state, p, rank, value, expected, measure, seen):
        row = series(
            state, nb_p=p, nb_p_low=p, nb_p_high=p, rank_p=rank, value=value, expected=expected,
            observable=seen,
        )  # fmt: skip
        row.update(measure=measure, missing_dates=3)
        history = {"histories": [row]}
        (said,) = words_of_history(history)
        check_numbers(said, history)
        for edge, word in ((0.001, "very rare"), (0.01, "which is rare"), (0.05, "is uncommon")):
            if word in said:
                assert p < edge
