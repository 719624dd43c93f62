"""What the result on the page rests on: inputs, estimates, what hid the ground, settings."""

from __future__ import annotations

from typing import Any

from changedet.model import ChangeReport
from changedet.reporting.markup import (
    DASH,
    definitions,
    describe,
    esc,
    label,
    moment,
    number,
    percent,
)

_HIDDEN = {
    "alignment": {"field", "tie_points", "grade"},
    "comparability": {"reasons", "grade"},
}
_HIDDEN_BY = {
    "outside": "beyond the image", "nodata": "no data", "saturation": "saturated or defective",
    "cloud_shadow": "shadow of clouds", "cloud": "clouds", "mask": "mask given",
}  # fmt: skip
_CLOUDS_FROM = {
    "scl": "by its scene classification", "qa_pixel": "by its quality band",
    "pixel_qa": "by its quality band", "built-in": "by the built-in test",
}  # fmt: skip
_SIDE_EFFECT_FREE = {"workers", "tile_size"}
"""Settings that never change a result: left out, so that equal results are equal pages."""


def hidden_by(observability: Any, least: float = 0.005) -> list[str]:
    """What hid the ground, in words, the largest share first.

    Parameters
    ----------
    observability : mapping or None
        As in ``summary.json``.
    least : float
        Smaller shares of the area are left out.
    """
    if not isinstance(observability, dict):
        return []
    said: list[tuple[float, str]] = []
    for date in ("before", "after"):
        shares = observability.get(date) or {}
        how = _CLOUDS_FROM.get(str(shares.get("clouds_from")), "")
        for key, words in _HIDDEN_BY.items():
            share = shares.get(key) or 0.0
            source = f" ({how})" if how and key in ("cloud", "cloud_shadow") else ""
            said.append((share, f"{words}{source} on {percent(share)} of the area {date}"))
    for key, words in (
        ("outside_area_of_interest", "outside the area of interest"),
        ("saturated_at_both_dates", "saturated at both dates"),
    ):
        share = observability.get(key) or 0.0
        said.append((share, f"{words}: {percent(share)} of the area"))
    return [text for share, text in sorted(said, key=lambda pair: -pair[0]) if share >= least]


def grounds(report: ChangeReport) -> str:
    """One card a step: what was estimated, and how far it can be trusted."""
    summary, cards = report.summary, []
    statements = {
        "alignment": str(report.alignment),
        "calibration": _calibration(summary.get("calibration")),
        "comparability": f"Grade: {(summary.get('comparability') or {}).get('grade', DASH)}",
        "observability": "; ".join(hidden_by(summary.get("observability"))),
    }
    order = (
        "alignment", "calibration", "comparability", "observability", "detector", "radiometry",
    )  # fmt: skip
    for name in order:
        value = summary.get(name)
        if value is None:
            continue
        shown: Any = value
        if isinstance(value, dict):
            shown = {k: v for k, v in value.items() if k not in _HIDDEN.get(name, ())}
        text = f"<p>{esc(statements[name])}</p>" if statements.get(name) else ""
        cards.append(f'<div class="card"><h3>{name.capitalize()}</h3>{text}{describe(shown)}</div>')
    return "".join(cards)


def _calibration(value: Any) -> str:
    """Say what the false alarms rest on, as far as the keys are known."""
    if not isinstance(value, dict):
        return ""
    known = {
        what: next((v for k, v in value.items() if k.startswith(what) and "km2" in k), None)
        for what in ("nominal", "expected")
    }
    parts = []
    if known["nominal"] is not None:
        parts.append(f"Threshold set for {number(known['nominal'])} false objects per km²")
    if known["expected"] is not None:
        parts.append(f"{number(known['expected'])} expected")
    rates = "; ".join(parts) + "." if parts else ""
    return f"{rates} {_references(value)}".strip()


def _references(calibration: dict[str, Any]) -> str:
    """Say what became of a reference or history that was given."""
    found, stretch = calibration.get("references"), calibration.get("stretch")
    if not isinstance(found, dict):
        return ""
    if not found.get("used"):
        return f"The {found.get('given')} is too calm for this pair, which is judged by itself."
    if found.get("notable"):
        return f"The null of the {found.get('given')} was made {number(stretch)} times as wide."
    return f"Judged by the {found.get('given')}."


def inputs(report: ChangeReport) -> str:
    """Both inputs beside each other, with their hashes."""
    # The summary's inputs carry hashes and what the caller declared; the pair's need not.
    described = report.summary.get("inputs") or [i.describe() for i in report.pair.infos]
    lines = [
        ("File", [esc(d["path"]) for d in described]),
        ("Acquired", [moment(d["acquired"]) for d in described]),
        ("Platform", [esc(d["platform"] or DASH) for d in described]),
        ("Size", [f"{d['width']:,} × {d['height']:,} px, {esc(d['dtype'])}" for d in described]),
        ("Pixel", [DASH if d["gsd_m"] is None else f"{number(d['gsd_m'])} m" for d in described]),
        ("CRS", [esc(d["crs"] or "none") for d in described]),
        ("Bands", [esc(", ".join(d["bands"])) for d in described]),
        ("Values", [esc(f"{d['domain']} ({d['domain_source']})") for d in described]),
        ("Sun", [_angles(d["sun_azimuth_deg"], d["sun_elevation_deg"]) for d in described]),
        ("View", [_angles(d["view_azimuth_deg"], d["off_nadir_deg"]) for d in described]),
        ("SHA-256", [f'<span class="hash">{esc(d["sha256"] or DASH)}</span>' for d in described]),
        ("Notes", [esc("; ".join(d["notes"])) or DASH for d in described]),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th>' + "".join(f"<td>{v}</td>" for v in values) + "</tr>"
        for name, values in lines
        if set(values) != {DASH}
    )
    return (
        '<div class="scroll"><table class="wide"><thead><tr><th></th><th scope="col">Before</th>'
        f'<th scope="col">After</th></tr></thead><tbody>{body}</tbody></table></div>'
        f'<p class="note">Compared on: {esc(report.grid)}.</p>'
    )


def _angles(azimuth: float | None, other: float | None) -> str:
    if azimuth is None and other is None:
        return DASH
    return f"azimuth {number(azimuth)}°, {number(other)}°"


def parameters(report: ChangeReport) -> str:
    """The full configuration and the versions."""
    manifest = report.manifest
    config = manifest.get("config") or manifest.get("configuration") or {}
    shown = {k: v for k, v in config.items() if k not in _SIDE_EFFECT_FREE}
    cards = [f'<div class="card"><h3>Configuration</h3>{describe(shown)}</div>']
    versions = manifest.get("versions")
    if isinstance(versions, dict):
        items = [(k, esc(v)) for k, v in sorted(versions.items())]
        cards.append(f'<div class="card"><h3>Versions</h3>{definitions(items)}</div>')
    if "seed" in manifest:
        cards.append(
            f'<div class="card"><h3>{label("seed")}</h3>{describe(manifest["seed"])}</div>'
        )
    return f'<div class="cards">{"".join(cards)}</div>'
