"""What can be asked of a simulated scene."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, fields
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from changedet.errors import ConfigError

KINDS_OF_SCENE: tuple[str, ...] = ("railyard", "town", "fields", "sar")
"""Names that :func:`changedet.simulation.simulate` knows."""
SAR_DOMAINS: tuple[str, ...] = ("sar-amplitude", "sar-intensity", "sar-db")
SITES: tuple[str, ...] = ("railyard", "town", "fields")


@dataclass(frozen=True)
class SceneOptions:
    """Settings of a scene; ``None`` means: what suits the kind of scene.

    Raises
    ------
    ConfigError
        If a value is out of range; the message says what is allowed.
    """

    size_m: tuple[float, float] | None = None
    """Width and height of the site, metres."""
    gsd_before: float | None = None
    """Ground sample distance of the before image, metres."""
    gsd_after: float | None = None
    """Ground sample distance of the after image, metres; None: as before."""
    bands: int | None = None
    """4: blue, green, red, nir. 6: and swir16, swir22. SAR: 1 is vv, 2 is vv and vh."""
    center: tuple[float, float] = (130.65, 42.42)
    """Longitude and latitude of the middle of the site, degrees."""
    crs_before: str = "EPSG:32652"
    """Coordinate reference system of the before image; the truth is in it, too."""
    crs_after: str | None = None
    """Coordinate reference system of the after image; None: as before."""
    change_fraction: float = 0.3
    """Share of wagons, containers, trucks and so on that change, 0 (quiet) to 1."""
    moved_fraction: float = 0.15
    """Share of the changed ones that went to another place in the same scene, 0 to 1."""
    arrival_share: float = 0.6
    """Share of arrivals among arrivals and departures, 0 to 1."""
    occupancy: float = 0.5
    """How full tracks, pad and roads are at the before date, 0 to 1."""
    contrast: float = 1.0
    """1: wagons, containers and trucks as they are; towards 0: ever more like the ground."""
    season_before: float = 0.6
    """Greenness of the vegetation, 0 (winter) to 1 (summer)."""
    season_after: float = 0.6
    """Greenness of the vegetation, 0 (winter) to 1 (summer)."""
    sun_before: tuple[float, float] = (150.0, 46.0)
    """Azimuth (clockwise from north) and elevation of the sun, degrees."""
    sun_after: tuple[float, float] = (150.0, 46.0)
    """Azimuth (clockwise from north) and elevation of the sun, degrees."""
    haze_before: float = 0.0
    """0: clear; 1: thick haze that lifts the blue band by about 0.08 in reflectance."""
    haze_after: float = 0.0
    """As ``haze_before``."""
    gain_before: float = 1.0
    """Factor on the digital numbers."""
    gain_after: float = 1.0
    """Factor on the digital numbers."""
    blur_before: float = 0.45
    """Standard deviation of the point spread beside the pixel's own area, pixels, 0 to 3."""
    blur_after: float = 0.45
    """As ``blur_before``."""
    noise_before: float = 0.002
    """Standard deviation of the sensor noise at reflectance 0.2, in reflectance."""
    noise_after: float = 0.002
    """As ``noise_before``."""
    weathering: float = 0.02
    """Relative brightness by which patches of ground (wet, dry, trodden) differ between dates."""
    shift_m: tuple[float, float] = (0.0, 0.0)
    """Geolocation error of the after image, metres east and north: what stands at p is recorded
    at p + shift. The correction is its negative."""
    shift_field_px: float = 0.0
    """Amplitude of a smooth local geolocation error of the after image, pixels of the before
    image."""
    rotation_deg: float = 0.0
    """Rotation error of the after image's geolocation about the middle, degrees."""
    scale_ppm: float = 0.0
    """Scale error of the after image's geolocation about the middle, parts per million."""
    cloud_before: float = 0.0
    """Share of the image under cloud, 0 to 0.6; clouds cast shadows."""
    cloud_after: float = 0.0
    """As ``cloud_before``."""
    off_nadir_before: float = 0.0
    """View angle from the vertical, degrees, 0 to 40: tall things lean away from the sensor."""
    off_nadir_after: float = 0.0
    """As ``off_nadir_before``."""
    view_azimuth_before: float = 100.0
    """Direction from the ground to the sensor, degrees clockwise from north."""
    view_azimuth_after: float = 100.0
    """As ``view_azimuth_before``."""
    looks: float = 4.0
    """SAR: number of independent looks of the speckle; 0: no speckle."""
    domain: str = "sar-amplitude"
    """SAR: what pixel values are, ``sar-amplitude``, ``sar-intensity`` or ``sar-db``."""
    site: str = "town"
    """SAR: the site that is imaged, ``town``, ``fields`` or ``railyard``."""
    imaging_seed: int | None = None
    """Seed of noise, speckle, clouds and weathering; None: the scene's seed."""
    supersample: int | None = None
    """Rendered pixels along each side of an image pixel, 2 to 8."""

    def __post_init__(self) -> None:
        for f in fields(self):
            if getattr(self, f.name) is None and f.default is not None:
                raise ConfigError(
                    f"{f.name}=None is not usable: leave it out for the default, {f.default!r}."
                )
        for name in _PAIRS:
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _pair(name, value))
        for name, low, high, meaning in _RANGES:
            value = getattr(self, name)
            if value is not None:
                _in_range(name, value, low, high, meaning)
        for name, parts in _PARTS:
            for value, part in zip(getattr(self, name) or (), parts, strict=False):
                _in_range(name, value, *part, shown=getattr(self, name))
        for name in ("crs_before", "crs_after"):
            _check_crs(name, getattr(self, name))
        _choice("domain", self.domain, SAR_DOMAINS)
        _choice("site", self.site, SITES)
        for name in ("bands", "supersample", "imaging_seed"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, int):
                raise ConfigError(f"{name}={value!r} is not usable: give a whole number.")

    def replace(self, **options: Any) -> SceneOptions:
        """Return a copy with some options changed; unknown names are refused."""
        check_names(options)
        return dataclasses.replace(self, **options)


def check_names(values: dict[str, Any]) -> None:
    """Refuse names that are no option."""
    known = [f.name for f in fields(SceneOptions)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"Unknown scene option {', '.join(unknown)}: known are {', '.join(known)}."
        )


_PAIRS = ("size_m", "center", "sun_before", "sun_after", "shift_m")
_SUN = ((0, 360, "azimuth first"), (5, 90, "elevation second"))
_PARTS: tuple[tuple[str, tuple[tuple[float, float, str], ...]], ...] = (
    ("sun_before", _SUN),
    ("sun_after", _SUN),
    ("size_m", ((1, 1e6, "width in metres first"), (1, 1e6, "height in metres second"))),
    ("center", ((-180, 180, "longitude first"), (-80, 84, "latitude second"))),
)
_RANGES: tuple[tuple[str, float, float, str], ...] = (
    ("gsd_before", 0.05, 1000, "a ground sample distance in metres"),
    ("gsd_after", 0.05, 1000, "a ground sample distance in metres"),
    ("change_fraction", 0, 1, "a share"),
    ("moved_fraction", 0, 1, "a share"),
    ("arrival_share", 0, 1, "a share"),
    ("occupancy", 0, 1, "a share"),
    ("contrast", 0, 1, "a share"),
    ("season_before", 0, 1, "a greenness"),
    ("season_after", 0, 1, "a greenness"),
    ("haze_before", 0, 5, "an amount of haze"),
    ("haze_after", 0, 5, "an amount of haze"),
    ("gain_before", 0.01, 100, "a factor"),
    ("gain_after", 0.01, 100, "a factor"),
    ("blur_before", 0, 3, "a standard deviation in pixels"),
    ("blur_after", 0, 3, "a standard deviation in pixels"),
    ("noise_before", 0, 1, "a standard deviation in reflectance"),
    ("noise_after", 0, 1, "a standard deviation in reflectance"),
    ("weathering", 0, 0.5, "a relative brightness"),
    ("shift_field_px", 0, 20, "an amplitude in pixels"),
    ("rotation_deg", -5, 5, "an angle in degrees"),
    ("scale_ppm", -50000, 50000, "parts per million"),
    ("cloud_before", 0, 0.6, "a share"),
    ("cloud_after", 0, 0.6, "a share"),
    ("off_nadir_before", 0, 40, "an angle in degrees"),
    ("off_nadir_after", 0, 40, "an angle in degrees"),
    ("view_azimuth_before", 0, 360, "an angle in degrees"),
    ("view_azimuth_after", 0, 360, "an angle in degrees"),
    ("looks", 0, 10000, "a number of looks"),
    ("supersample", 2, 8, "a whole number"),
)


def _in_range(
    name: str, value: Any, low: float, high: float, meaning: str, shown: Any = None
) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        given = value if shown is None else shown
        raise ConfigError(f"{name}={given!r} is not usable: give {meaning}, {low:g} to {high:g}.")


def _pair(name: str, value: Any) -> tuple[float, float]:
    try:
        first, second = (float(v) for v in value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name}={value!r} is not usable: give two numbers.") from None
    if not (math.isfinite(first) and math.isfinite(second)):
        raise ConfigError(f"{name}={value!r} is not usable: give two finite numbers.")
    return first, second


def _choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name}={value!r} is not known: choose one of {', '.join(choices)}.")


def _check_crs(name: str, value: Any) -> None:
    if value is None:
        return
    try:
        CRS.from_user_input(value)
    except CRSError as error:
        raise ConfigError(
            f"{name}={value!r} is not a coordinate reference system: give one as 'EPSG:32652'."
        ) from error
