"""The configuration of a run: one frozen value that can be saved, inspected and passed back in."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from changedet.errors import ConfigError

CLOUD_CHOICES = ("auto", "none")
DOMAIN_CHOICES = ("auto", "optical", "sar-amplitude", "sar-intensity", "sar-db")


@dataclass(frozen=True)
class Config:
    """Settings of a run. Everything has a default that suits any pair.

    Raises
    ------
    ConfigError
        If a value is out of range; the message says what is allowed.
    """

    method: Any = "auto"
    """Detector: ``auto`` (chosen by bands, resolution, domain), a name in the registry, a function
    ``(before, after, valid) -> score`` or where it stands (``package.module:function``,
    ``path/to/file.py:function``), a network (``path/to/model.onnx``), or a
    :class:`changedet.Method`."""
    domain: str = "auto"
    """What pixel values are: ``auto``, ``optical``, ``sar-amplitude``, ``sar-intensity``,
    ``sar-db``."""
    bands: tuple[str, ...] | None = None
    """Roles (``red``, ``nir``, ``vv`` ...) or 1-based numbers of the bands to use; as many roles as
    there are name the bands of a file that does not, in order. None: all that match."""
    grid: str | float = "native"
    """``native``: the coarser ground sample distance of the two; or a pixel size in metres."""
    clouds: str = "auto"
    """``auto``: leave out clouds and their shadows, as the quality band that comes with an image
    shows them, or else as a test on brightness finds them; ``none``: look for no clouds (masks that
    are given still count)."""
    align: bool = True
    """Estimate and correct the shift between the images."""
    false_alarms_per_km2: float | None = None
    """Expected false objects per square kilometre of observed ground; sets the threshold."""
    fdr: float | None = None
    """False discovery rate among objects, 0 to 1; sets the threshold."""
    min_area_m2: float | None = None
    """Smallest object to report, square metres on the ground (pixels without georeferencing);
    None: from the pixel size."""
    sun_before: tuple[float, float] | None = None
    """Sun azimuth and elevation of the before image, degrees; None: from metadata, if there."""
    sun_after: tuple[float, float] | None = None
    """Sun azimuth and elevation of the after image, degrees; None: from metadata, if there."""
    view_before: tuple[float, float] | None = None
    """Azimuth from the ground to the sensor and view angle from the vertical of the before image,
    degrees; None: from metadata, if there."""
    view_after: tuple[float, float] | None = None
    """Azimuth from the ground to the sensor and view angle from the vertical of the after image,
    degrees; None: from metadata, if there."""
    kind_weights: Mapping[str, float] | None = None
    """How much objects of a kind count in the activity score, such as ``{"railcar": 2}``; 1 for
    kinds left out. A zone's own weights take their place."""
    tile_size: int = 512
    """Side of the tiles in which pixels are processed. Never changes a result."""
    workers: int | None = None
    """Parallel workers; None: as many as there are processors. Never changes a result."""
    seed: int = 0
    """Seed of every random choice."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", None if self.bands is None else tuple(self.bands))
        for name in ("sun_before", "sun_after"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _sun(name, value))
        for name in ("view_before", "view_after"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _view(name, value))
        if not (isinstance(self.method, str) or callable(getattr(self.method, "fit", self.method))):
            raise ConfigError(
                f"method={self.method!r} is not usable: give the name of a detector, a function "
                "(before, after, valid) -> score, or a changedet.Method."
            )
        if self.domain not in DOMAIN_CHOICES:
            raise ConfigError(
                f"domain={self.domain!r} is not known: choose one of {', '.join(DOMAIN_CHOICES)}."
            )
        if self.clouds not in CLOUD_CHOICES:
            raise ConfigError(
                f"clouds={self.clouds!r} is not known: choose one of {', '.join(CLOUD_CHOICES)}."
            )
        if isinstance(self.grid, str):
            if self.grid != "native":
                raise ConfigError(
                    f"grid={self.grid!r} is not usable: give 'native' or a pixel size in metres."
                )
        else:
            _positive("grid", self.grid, "a pixel size in metres")
        for name, meaning in (
            ("false_alarms_per_km2", "expected false objects per square kilometre"),
            ("min_area_m2", "an area in square metres"),
        ):
            if getattr(self, name) is not None:
                _positive(name, getattr(self, name), meaning)
        if self.fdr is not None and not 0 < self.fdr < 1:
            raise ConfigError(f"fdr={self.fdr!r} is not usable: give a rate between 0 and 1.")
        if self.fdr is not None and self.false_alarms_per_km2 is not None:
            raise ConfigError(
                "Both fdr and false_alarms_per_km2 were given; each sets the threshold alone: "
                "give one of them."
            )
        if self.kind_weights is not None:
            object.__setattr__(self, "kind_weights", _kind_weights(self.kind_weights))
        if not isinstance(self.tile_size, int) or self.tile_size < 64:
            raise ConfigError(
                f"tile_size={self.tile_size!r} is not usable: give a whole number of at least 64."
            )
        if self.workers is not None and (not isinstance(self.workers, int) or self.workers < 1):
            raise ConfigError(
                f"workers={self.workers!r} is not usable: give a whole number of at least 1."
            )

    def replace(self, **settings: Any) -> Config:
        """Return a copy with some settings changed; unknown names are refused."""
        _check_names(settings)
        return dataclasses.replace(self, **settings)

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values; ``Config(**value)`` rebuilds it.

        A function given as the method is named only, as ``module:name``.
        """
        value = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        value["method"] = method_name(self.method)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()}

    @classmethod
    def from_toml(cls, path: str | PathLike[str]) -> Config:
        """Read settings from a TOML file (top level, or a ``[changedet]`` table).

        Raises
        ------
        ConfigError
            If the file cannot be read, is not TOML, or holds an unknown setting.
        """
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"The configuration {path} cannot be read: {error}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"The configuration {path} is not valid TOML: {error}.") from error
        values = values.get("changedet", values)
        _check_names(values)
        return cls(**values)


def method_name(method: Any) -> str:
    """Name of a detector in plain text: as it was given, or ``module:name`` of a function."""
    if isinstance(method, str):
        return method
    inner = getattr(method, "fit", method)
    if not hasattr(inner, "__qualname__"):
        inner = getattr(inner, "func", type(inner))  # partial functions; callable objects
    return f"{inner.__module__}:{inner.__qualname__}"


def _positive(name: str, value: Any, meaning: str) -> None:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise ConfigError(f"{name}={value!r} is not usable: give {meaning} greater than 0.")


def _sun(name: str, value: Any) -> tuple[float, float]:
    try:
        azimuth, elevation = (float(v) for v in value)
    except (TypeError, ValueError):
        azimuth = elevation = math.nan
    if not (0 <= azimuth <= 360 and 0 < elevation <= 90):
        raise ConfigError(
            f"{name}={value!r} is not usable: give azimuth (0 to 360, clockwise from north) and "
            "elevation (above 0 to 90) in degrees."
        )
    return azimuth, elevation


def _view(name: str, value: Any) -> tuple[float, float]:
    try:
        azimuth, off_nadir = (float(v) for v in value)
    except (TypeError, ValueError):
        azimuth = off_nadir = math.nan
    if not (0 <= azimuth <= 360 and 0 <= off_nadir <= 60):
        raise ConfigError(
            f"{name}={value!r} is not usable: give azimuth (0 to 360, clockwise from north, from "
            "the ground to the sensor) and angle from the vertical (0 to 60) in degrees."
        )
    return azimuth, off_nadir


def _kind_weights(value: Any) -> dict[str, float]:
    try:
        weights = {str(kind): float(weight) for kind, weight in dict(value).items()}
    except (TypeError, ValueError):
        weights = {"": -1.0}
    if not all(math.isfinite(w) and w >= 0 for w in weights.values()):
        raise ConfigError(
            f"kind_weights={value!r} is not usable: give kinds of objects with numbers of 0 or "
            'more, such as {"railcar": 2}.'
        )
    return weights


def _check_names(values: dict[str, Any]) -> None:
    known = [f.name for f in dataclasses.fields(Config)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(f"Unknown setting {', '.join(unknown)}: known are {', '.join(known)}.")
