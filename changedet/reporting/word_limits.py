"""How confident a summary may be, and what two images cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changedet.model import GSD_TOLERANCE
from changedet.reporting.word_scales import area, capital, is_number, lowest, percent, significant

SINGLES = ("railcar", "truck", "vehicle", "container")
"""Kinds that are single things: not named where pixels are coarser than ``SINGLE_M``."""
COUPLER_M, SINGLE_M, TRACK_M, LENGTH_M = 0.6, 1.0, 3.0, 6.0
"""Ground sample distances up to which gaps between wagons, single wagons, counts from the length
of runs, and occupied lengths of tracks can be told; coarser pixels show no more than that a train
may stand there."""
RECOGNITION_M = 4.5
"""Recognition of rail yards (STANAG 3769)."""
MOSTLY = 0.5
"""Where so much of the ground differs, no-change is not the majority."""
LEAST_SHARE = 0.005
"""Smaller shares of the area are not worth a sentence."""
_GRADE = {"good": "high", "usable": "moderate", "poor": "low", "refused": "low", "none": "low"}
_HIDDEN = {
    "cloud": "was under cloud", "cloud_shadow": "lay in the shadow of clouds",
    "nodata": "has no data", "outside": "lies beyond the image", "mask": "is masked",
    "saturation": "is saturated",
}  # fmt: skip


def group(summary: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of the summary that is a mapping; empty where it is missing."""
    value = summary.get(name)
    return value if isinstance(value, Mapping) else {}


def site_of(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row of the whole site; empty where it is missing."""
    return next((a for a in summary.get("activity") or () if a.get("zone") == "site"), {})


def is_radar(summary: Mapping[str, Any]) -> bool:
    """Whether the images are radar."""
    return any(str(i.get("domain", "")).startswith("sar") for i in summary.get("inputs") or ())


def is_map(summary: Mapping[str, Any]) -> bool:
    """Whether changed ground was mapped, and no rate of false objects kept to."""
    return bool(group(summary, "calibration").get("is_map"))


def is_located(summary: Mapping[str, Any]) -> bool:
    """Whether there are metres."""
    return group(summary, "grid").get("crs") is not None


def mostly_changed(summary: Mapping[str, Any]) -> bool:
    """Whether so much differs that the null, which needs unchanged ground, rests on little."""
    unchanged = group(summary, "calibration").get("unchanged_fraction")
    turnover = site_of(summary).get("turnover")
    return (is_number(unchanged) and unchanged < MOSTLY) or (
        is_number(turnover) and turnover > MOSTLY
    )


def confidence(summary: Mapping[str, Any]) -> tuple[str, list[str]]:
    """How well founded the statements are, and what holds the confidence down.

    The lowest of what alignment, comparability, calibration, observable share and ground sample
    distance allow.

    Returns
    -------
    level : str
        ``low``, ``moderate`` or ``high``.
    reasons : list of str
        Clauses; only of what allows no more than this level. Empty where all is well.
    """
    caps = [
        *_pair_caps(summary), *_calibration_caps(summary), *_seen_caps(summary),
    ]  # fmt: skip
    level = lowest(allowed for allowed, _ in caps)
    return level, [why for allowed, why in caps if allowed == level and level != "high"]


def _pair_caps(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    grade = str(group(summary, "alignment").get("grade"))
    words = "alignment was switched off" if grade == "none" else f"the alignment is {grade}"
    known = grade in _GRADE
    caps = [(_GRADE.get(grade, "low"), words if known else "the alignment is not known")]
    pair = group(summary, "comparability").get("grade")
    if pair != "go":
        why = "only be compared with caution" if pair == "caution" else "not be shown to compare"
        caps.append(("moderate" if pair == "caution" else "low", f"the two images can {why}"))
    return caps


def _calibration_caps(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    calibration = group(summary, "calibration")
    source, references = calibration.get("source"), group(calibration, "references")
    if mostly_changed(summary):
        return [("low", "most of the ground differs, and the rate of false alarms needs ground "
                 "that does not")]  # fmt: skip
    if is_map(summary):
        return [("low", "changed ground was mapped without keeping to a rate of false alarms")]
    if source in ("reference", "history"):
        if references.get("notable"):
            return [("moderate", f"the pair differs more than its {source} does even where nothing "
                     "changed")]  # fmt: skip
        return []
    if source == "pair" and references.get("used") is False:
        return [("moderate", f"the {references.get('given')} is too calm for this pair, and the "
                 "rate of false alarms rests on the pair alone")]  # fmt: skip
    if source == "pair":
        return [("moderate", "the rate of false alarms rests on this pair alone")]
    return [("low", "the rate of false alarms is not calibrated")]


def _seen_caps(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    caps = []
    seen, gsd = summary.get("observable_fraction"), group(summary, "grid").get("gsd_m")
    if not is_number(seen):
        caps.append(("low", "how much could be observed is not known"))
    elif seen < 0.9:
        level = "moderate" if seen >= 0.5 else "low"
        caps.append((level, f"only {percent(seen)} of the area could be observed"))
    if not is_located(summary):
        caps.append(("moderate", "the images have no georeferencing, so that sizes are unknown"))
    elif is_number(gsd) and gsd > RECOGNITION_M:
        caps.append(("moderate", f"pixels of {significant(gsd)} m do not show single things"))
    return caps


def cannot_see(summary: Mapping[str, Any]) -> list[str]:
    """Sentences on what these two images cannot show, the most particular first."""
    return [
        *_not_observed(summary), *_too_small(summary), *_by_sample_distance(summary),
        *_by_nature(summary),
    ]  # fmt: skip


def _not_observed(summary: Mapping[str, Any]) -> list[str]:
    said: list[tuple[float, str]] = []
    for date in ("before", "after"):
        shares = group(group(summary, "observability"), date)
        for key, words in _HIDDEN.items():
            share = shares.get(key)
            if is_number(share) and share >= LEAST_SHARE:
                text = f"{percent(share)} of the area {words} in the {date} image."
                said.append((share, capital(text)))
    out = [text for _, text in sorted(said, key=lambda pair: -pair[0])]
    seen = summary.get("observable_fraction")
    if is_number(seen) and 0.99 < seen < 1 - LEAST_SHARE:
        out.insert(0, "Less than 1 % of the area could not be observed at both dates: of it "
                   "nothing is said.")  # fmt: skip
    elif is_number(seen) and seen < 1 - LEAST_SHARE:
        out.insert(0, f"Only {percent(seen)} of the area could be observed at both dates: of the "
                   "rest nothing is said.")  # fmt: skip
    return out


def _too_small(summary: Mapping[str, Any]) -> list[str]:
    smallest = group(summary, "counts").get("smallest_reported_m2")
    if not is_number(smallest):
        return []
    return [
        f"Changes of less than {area(smallest, is_located(summary))} are not reported, and faint "
        "ones may be missed whatever their size."
    ]


def _by_sample_distance(summary: Mapping[str, Any]) -> list[str]:
    gsd = group(summary, "grid").get("gsd_m")
    if not is_located(summary) or not is_number(gsd):
        return ["Without georeferencing no sizes in metres are known, and kinds are not judged by "
                "them."]  # fmt: skip
    at = f"At {significant(gsd)} m a pixel"
    if gsd > LENGTH_M * GSD_TOLERANCE:
        return [f"{at}, no more can be said than that something like a train stands on a track."]
    if gsd > TRACK_M * GSD_TOLERANCE:
        return [f"{at}, only the occupied length of tracks can be told; single wagons, trucks and "
                "containers cannot."]  # fmt: skip
    if gsd > SINGLE_M * GSD_TOLERANCE:
        return [f"{at}, single wagons, trucks and containers cannot be told apart."]
    if gsd > COUPLER_M * GSD_TOLERANCE:
        return [f"{at}, the gaps between coupled wagons cannot be seen: their number follows from "
                "lengths."]  # fmt: skip
    return []


def _by_nature(summary: Mapping[str, Any]) -> list[str]:
    nature = (
        "Radar shows shape and roughness and no colour; what metal or slopes hide behind them "
        "cannot be seen."
        if is_radar(summary)
        else "Tarpaulins, roofs and closed wagons hide what is under them: cargo cannot be seen."
    )
    return [
        nature,
        "What came and went between the two dates left no trace, and what was replaced by its "
        "like looks unchanged.",
    ]
