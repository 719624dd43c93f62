"""What a run found, in plain sentences made from the numbers of its summary and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changedet.reporting.word_counts import (
    CHANGES,
    SAID,
    changes_of,
    counts_in_words,
    interval,
    kinds_in_words,
    noun_of,
)
from changedet.reporting.word_limits import (
    cannot_see,
    confidence,
    group,
    is_located,
    is_map,
    mostly_changed,
    site_of,
)
from changedet.reporting.word_scales import (
    about,
    area,
    capital,
    count,
    day,
    is_number,
    likelihood,
    listing,
    percent,
    percent_down,
    plural,
    span,
)
from changedet.reporting.words_tracks import (
    words_of_contradictions,
    words_of_doubts,
    words_of_tracks,
)
from changedet.reporting.words_zones import words_of_zones


def words_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Say in plain language what a summary holds.

    Every number comes from the summary, rounded as :mod:`changedet.reporting.word_scales` says.
    Words of likelihood follow the probabilities in it, and are never stronger.

    Parameters
    ----------
    summary : mapping
        What ``summary.json`` holds; parts that are missing are passed over.

    Returns
    -------
    dict
        ``headline`` (a sentence), ``sentences`` (a list), ``confidence`` (``level``, ``reasons``
        and the ``sentence``), ``cannot_see`` (a list of sentences).
    """
    level, reasons = confidence(summary)
    sentence = f"Confidence in this is {level}"
    sentence += f": {listing(reasons)}." if reasons else "."
    return {
        "headline": _headline(summary),
        "sentences": [
            *_warning(summary), *_map(summary), *_nothing(summary),
            *_kinds(summary), *_belief(summary), *words_of_zones(summary),
            *_surroundings(summary), *words_of_tracks(summary),
            *words_of_doubts(summary), *words_of_contradictions(summary),
            *_cut(summary), *_explained(summary), *_unusual(summary),
        ],
        "confidence": {"level": level, "reasons": reasons, "sentence": sentence},
        "cannot_see": cannot_see(summary),
    }  # fmt: skip


def _when(summary: Mapping[str, Any]) -> str:
    inputs = list(summary.get("inputs") or ())
    days = [day(i.get("acquired")) for i in inputs]
    if len(days) == 2 and all(days):
        return f"Between {days[0]} and {days[1]}"
    return "Between the two images"


def _headline(summary: Mapping[str, Any]) -> str:
    site, when = site_of(summary), _when(summary)
    if site.get("score") is None:
        return f"{when}, nothing could be observed at both dates."
    if not changes_of(site):
        return f"{when}, no change was found."
    return f"{when}, {counts_in_words(summary, site)}."


def _warning(summary: Mapping[str, Any]) -> list[str]:
    if not mostly_changed(summary):
        return []
    turnover = site_of(summary).get("turnover")
    share = f" ({percent(turnover)} of it is outlined)" if is_number(turnover) else ""
    return [
        f"Most of the observed ground seems to differ{share}: two images that do not compare well "
        "explain that as well as events on the ground do."
    ]


def _map(summary: Mapping[str, Any]) -> list[str]:
    """Say what a map of changed ground is, and how much it shows."""
    site = site_of(summary)
    if not is_map(summary) or not changes_of(site):
        return []
    false, share = site.get("expected_false_objects"), site.get("turnover")
    out = ["This maps where the ground looks different; an outline need not be one thing."]
    if is_number(share):
        out.append(f"{capital(percent(share))} of the observed ground is outlined.")
    if is_number(false):
        out.append(f"Without any change, {about(false)} outlines are to be expected.")
    return out


def _nothing(summary: Mapping[str, Any]) -> list[str]:
    site = site_of(summary)
    if changes_of(site) or site.get("score") is None:
        return []
    smallest = group(summary, "counts").get("smallest_reported_m2")
    seen = site.get("observable_fraction")
    where = "" if not is_number(seen) else f" in the {percent(seen)} of the area that was observed"
    if not is_number(smallest):
        return [f"This is no proof that nothing happened{where}."]
    size = area(smallest, is_located(summary))
    return [
        f"Only a change of at least {size} that stands out from its surroundings could have been "
        f"reported{where}: this is no proof that nothing happened."
    ]


def _kinds(summary: Mapping[str, Any]) -> list[str]:
    """Say what came and went by kind, for the whole site where no zone will say it."""
    site = site_of(summary)
    if any(changes_of(a) for a in summary.get("activity") or () if a.get("zone") != "site"):
        return []
    said = [(kinds_in_words(summary, site, name), SAID.get(name, name)) for name in CHANGES]
    parts = [f"{kinds} {name}" for kinds, name in said if kinds]
    return [f"By kind, judged from size and place: {'; '.join(parts)}."] if parts else []


def _belief(summary: Mapping[str, Any]) -> list[str]:
    """How many are real, and how likely it is that any is."""
    site = site_of(summary)
    parts, found = group(site, "parts"), changes_of(site)
    if not found or is_map(summary):
        return []
    chance, low, high = (
        parts.get(k) for k in ("chance_real", "real_objects_low", "real_objects_high")
    )
    if not is_number(chance):
        return ["How many of these are real cannot be said: nothing calibrates them."]
    one = sum(n for _, n in found) == 1
    what = "this object is real" if one else "at least one of these objects is real"
    least = percent_down(chance)
    # the chance is a lower bound: where it is small, it makes nothing unlikely
    out = [
        f"It is {likelihood(chance)} (at least {least}) that {what}."
        if chance > 0.55
        else f"Whether {what} is open: the chance may be as low as {least}."
    ]
    rate = site.get("expected_false_objects")
    if is_number(rate):
        out.append(f"{capital(about(rate))} false ones are to be expected in the area observed.")
    if not one and is_number(low) and is_number(high):
        out.append(f"Taken together, {span(low, high)} of them should be real ({interval(parts)}).")
    return out


def _surroundings(summary: Mapping[str, Any]) -> list[str]:
    """Say what the control changed by, and whether that is taken off."""
    parts = group(site_of(summary), "parts")
    share, what = parts.get("control_share"), parts.get("control")
    if not is_number(share):
        return []
    ground = "The ground outside all zones" if what == "outside all zones" else "The control"
    if parts.get("control_subtracted"):
        return [f"{ground} changed by {percent(share)}, which is taken off all activity."]
    if share < 0.01:
        return []
    zones = [a for a in summary.get("activity") or () if a.get("zone") != "site"]
    too = "" if zones and not any(changes_of(a) for a in zones) else " as well"
    return [f"{ground} changed by {percent(share)}{too}, which is not taken off."]


def _cut(summary: Mapping[str, Any]) -> list[str]:
    cut = site_of(summary).get("cut")
    if not is_number(cut) or not cut:
        return []
    verb, whose = ("reaches", "its size is") if cut == 1 else ("reach", "their sizes are")
    return [
        f"{plural(int(cut), noun_of(summary))} {verb} beyond what could be seen: {whose} a lower "
        "bound, and by kind not counted."
    ]


def _explained(summary: Mapping[str, Any]) -> list[str]:
    reasons = group(summary, "counts").get("explained")
    if not isinstance(reasons, Mapping) or not reasons:
        return []
    said = [f"{count(n)} by {reason}" for reason, n in reasons.items()]
    return [f"Differences that are explained otherwise do not count: {listing(said)}."]


def _unusual(summary: Mapping[str, Any]) -> list[str]:
    if site_of(summary).get("score") is None or not changes_of(site_of(summary)):
        return []
    return [
        "Two dates say how much changed and not whether that is unusual here: for that, the "
        "site's own history is needed."
    ]
