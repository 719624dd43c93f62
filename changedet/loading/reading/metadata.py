"""What tags and file names say about an image: time, sun, view, platform, domain, offsets."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from changedet.model import DOMAINS, SAR_ROLES, Domain

Tags = Mapping[str, str]

_TIMES = (
    "ACQUISITION_DATETIME", "ACQUISITIONDATETIME", "ACQUISITION_TIME", "ACQUISITION_DATE",
    "ACQUIRED", "SENSING_TIME", "DATATAKE_1_DATATAKE_SENSING_START", "PRODUCT_START_TIME",
    "FIRST_LINE_TIME", "FIRSTLINETIME", "START_DATETIME", "DATETIME", "DATE_ACQUIRED",
)  # fmt: skip
_SUN_AZIMUTH = (
    "SUN_AZIMUTH", "VIEW:SUN_AZIMUTH", "MEAN_SOLAR_AZIMUTH_ANGLE", "MEAN_SUN_AZIMUTH_ANGLE",
    "MEAN_SUN_AZIMUTH", "MEANSUNAZ", "SOLAR_AZIMUTH_ANGLE", "SOLAR_AZIMUTH", "SUNAZIMUTH",
)  # fmt: skip
_SUN_ELEVATION = (
    "SUN_ELEVATION", "VIEW:SUN_ELEVATION", "MEAN_SUN_ELEVATION", "MEANSUNEL", "SOLAR_ELEVATION",
    "SOLAR_ELEVATION_ANGLE", "SUNELEVATION",
)  # fmt: skip
_SUN_ZENITH = (
    "MEAN_SOLAR_ZENITH_ANGLE", "MEAN_SUN_ZENITH_ANGLE", "SOLAR_ZENITH_ANGLE", "SUN_ZENITH",
    "SUN_ZENITH_ANGLE",
)  # fmt: skip
_VIEW_AZIMUTH = (
    "VIEW_AZIMUTH", "VIEW:AZIMUTH", "SATELLITE_AZIMUTH", "MEAN_SAT_AZIMUTH", "MEANSATAZ",
    "MEAN_INCIDENCE_AZIMUTH_ANGLE", "SENSOR_AZIMUTH",
)  # fmt: skip
_OFF_NADIR = (
    "OFF_NADIR", "OFF_NADIR_ANGLE", "OFF_NADIR_DEG", "VIEW:OFF_NADIR", "OFFNADIR", "VIEW_ANGLE",
    "MEAN_OFF_NADIR_VIEW_ANGLE", "MEANOFFNADIRVIEWANGLE",
)  # fmt: skip
_PLATFORMS = (
    "PLATFORM", "SPACECRAFT_ID", "SPACECRAFT_NAME", "DATATAKE_1_SPACECRAFT_NAME", "SATELLITE",
    "SATELLITEID", "SATID", "SATELLITE_ID", "MISSION", "SENSOR",
)  # fmt: skip
_PLATFORM_NAMES = (
    (r"S2([ABCD])_MSI", "sentinel-2{}"),
    (r"S1([ABCD])_(?:IW|EW|S\d|WV)", "sentinel-1{}"),
    (r"L[COTEM]0?([45789])_?L\d", "landsat-{}"),
)
_S2_PRODUCT = re.compile(r"S2[ABCD]_MSIL[12][AC]_\d{8}T\d{6}_N(\d{4})_R\d{3}", re.IGNORECASE)


@dataclass(frozen=True)
class Acquisition:
    """When and how an image was taken, as far as known."""

    acquired: datetime | None = None
    """Time, UTC."""
    sun_azimuth_deg: float | None = None
    """Direction of the sun, clockwise from north."""
    sun_elevation_deg: float | None = None
    """Height of the sun above the horizon."""
    view_azimuth_deg: float | None = None
    """Direction from the ground to the sensor, clockwise from north."""
    off_nadir_deg: float | None = None
    """View angle from the vertical."""
    platform: str | None = None
    """Satellite or sensor."""


def collect_tags(*groups: Mapping[str, Any]) -> dict[str, str]:
    """Merge tag dictionaries; keys in upper case, the first group that has a key wins."""
    merged: dict[str, str] = {}
    for group in groups:
        for key, value in group.items():
            merged.setdefault(str(key).upper(), str(value))
    return merged


def read_acquisition(tags: Tags, name: str) -> Acquisition:
    """Find time, sun, view and platform in tags and in the file's name."""
    elevation = _number(tags, _SUN_ELEVATION, -90, 90)
    if elevation is None:
        zenith = _number(tags, _SUN_ZENITH, 0, 180)
        elevation = None if zenith is None else 90 - zenith
    return Acquisition(
        _acquired(tags, name),
        _azimuth(tags, _SUN_AZIMUTH),
        elevation,
        _azimuth(tags, _VIEW_AZIMUTH),
        _number(tags, _OFF_NADIR, -90, 90),
        _platform(tags, name),
    )


def _number(tags: Tags, keys: Iterable[str], low: float, high: float) -> float | None:
    for key in keys:
        try:
            value = float(tags[key].strip().strip('"'))
        except (KeyError, ValueError):
            continue
        if low <= value <= high:
            return value
    return None


def _azimuth(tags: Tags, keys: Iterable[str]) -> float | None:
    value = _number(tags, keys, -360, 360)
    return None if value is None else value % 360


def _platform(tags: Tags, name: str) -> str | None:
    for key in _PLATFORMS:
        if tags.get(key, "").strip():
            return tags[key].strip().strip('"')
    for pattern, form in _PLATFORM_NAMES:
        found = re.search(pattern, name)
        if found:
            return form.format(found[1].lower())
    return None


def _acquired(tags: Tags, name: str) -> datetime | None:
    for key in _TIMES:
        time = parse_time(tags.get(key, ""))
        if time is None:
            continue
        if key == "DATE_ACQUIRED" and "SCENE_CENTER_TIME" in tags:
            clock = tags["SCENE_CENTER_TIME"].strip('" ').split(".")[0].rstrip("Z")
            time = parse_time(f"{time:%Y-%m-%d}T{clock}") or time
        return time
    stem = re.split(r"[/\\]", name)[-1]
    exact = re.search(r"(?<!\d)((?:19|20)\d{6})[T_-]?(\d{6})(?!\d)", stem)
    if exact:
        time = parse_time(f"{exact[1]}T{exact[2]}")
        if time is not None:
            return time
    # written by software at any time after the acquisition, so it counts after exact names
    stamp = parse_time(tags.get("TIFFTAG_DATETIME", ""))
    if stamp is not None:
        return stamp
    for day in re.finditer(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)", stem):
        time = parse_time(f"{day[1]}{day[3]}{day[4]}")
        if time is not None:
            return time
    return None


def parse_time(text: str) -> datetime | None:
    """Read ISO 8601, ``YYYY:MM:DD HH:MM:SS`` (TIFF) and ``YYYYMMDD[THHMMSS]``; UTC unless told."""
    text = text.strip().strip('"')
    text = re.sub(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", text)
    text = re.sub(r"^(\d{8}T\d{6})\D.*$", r"\1", text) if re.match(r"^\d{8}T", text) else text
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    if not re.match(r"^(19|20)\d\d-?\d\d-?\d\d", text):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def find_domain(
    tags: Tags,
    roles: Iterable[str],
    descriptions: Iterable[str | None],
    units: Iterable[str | None],
) -> tuple[Domain | None, bool]:
    """Find what pixel values are.

    Returns
    -------
    domain : str or None
        None where metadata does not say.
    radar : bool
        Whether metadata says that it is a radar image at all.
    """
    declared = tags.get("DOMAIN", "").strip().lower()
    if declared in DOMAINS:
        return declared, declared.startswith("sar")
    words = " ".join(d.lower() for d in descriptions if d)
    radar = any(role in SAR_ROLES for role in roles) or bool(
        re.search(r"sigma ?_?0|gamma ?_?0|beta ?_?0", words)
    )
    if not radar:
        return None, False
    unit = " ".join(u.lower() for u in units if u) + " " + tags.get("UNITS", "").lower()
    if re.search(r"(?<![a-z])(?:db|decibels?)(?![a-z])", words.replace("_", " ") + " " + unit):
        return "sar-db", True
    if "amplitude" in words + unit:
        return "sar-amplitude", True
    if re.search(r"intensity|power|sigma ?_?0|gamma ?_?0|beta ?_?0", words + unit):
        return "sar-intensity", True
    return None, True


def is_sentinel2(tags: Tags, name: str, platform: str | None = None) -> bool:
    """Whether tags or the product's name say Sentinel-2, and the platform does not deny it."""
    if platform is not None:
        return bool(re.match(r"s(entinel[\s_-]?)?2", platform.lower()))
    keys = ("PROCESSING_BASELINE", "BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")
    return bool(_S2_PRODUCT.search(name)) or any(k.startswith(keys) for k in tags)


def sentinel2_offset(
    tags: Tags, name: str, integers: bool, scaled: bool, platform: str | None = None
) -> tuple[float, Literal["sentinel-2", ""], str]:
    """Offset to add to Sentinel-2 digital numbers since processing baseline 04.00.

    Parameters
    ----------
    tags : mapping
        Upper-case keys.
    name : str
        Path or URL; the product's name may stand in any part of it.
    integers : bool
        Whether pixels are integers (digital numbers); an offset is for nothing else.
    scaled : bool
        Whether the file brings an offset of its own, which then counts alone.
    platform : str, optional
        Satellite; nothing is done for any other than Sentinel-2.

    Returns
    -------
    offset : float
        In digital numbers, 0 where none applies.
    product : str
        ``sentinel-2`` when this is a Sentinel-2 product in digital numbers.
    note : str
        What was done, or empty.
    """
    product = _S2_PRODUCT.search(name)
    baseline_text = tags.get("PROCESSING_BASELINE", "")
    declared = sorted(k for k in tags if k.startswith(("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")))
    told = product or baseline_text or declared
    if not integers or not told or not is_sentinel2(tags, name, platform):
        return 0.0, "", ""
    if scaled:
        return 0.0, "sentinel-2", "Sentinel-2: the offset in the file itself was used"
    applied = next((v for k, v in tags.items() if k.endswith("BOA_OFFSET_APPLIED")), "")
    if applied.strip().lower() in ("true", "yes", "1"):
        return 0.0, "sentinel-2", "Sentinel-2: the offset was already applied by the provider"
    offset = next((v for v in map(_float, (tags[k] for k in declared)) if v is not None), None)
    if offset is not None:
        return offset, "sentinel-2", f"Sentinel-2: offset {offset:+g} from {declared[0]} applied"
    baseline = _float(baseline_text)
    if baseline is None and product:
        baseline = int(product[1]) / 100
    if baseline is None:
        return 0.0, "sentinel-2", ""
    if baseline < 4.0:
        return 0.0, "sentinel-2", f"Sentinel-2: processing baseline {baseline:05.2f}, no offset"
    return (
        -1000.0,
        "sentinel-2",
        f"Sentinel-2: processing baseline {baseline:05.2f}, offset -1000 applied",
    )


def _float(text: str) -> float | None:
    try:
        value = float(text.strip().strip('"').split(",")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) else None
