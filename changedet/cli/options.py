"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from changedet.config import CLOUD_CHOICES, DOMAIN_CHOICES, Config

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

SETTINGS = (
    "method", "domain", "bands", "grid", "clouds", "align", "false_alarms_per_km2", "fdr",
    "min_area_m2", "kind_weights", "workers", "sun_before", "sun_after", "view_before",
    "view_after",
)  # fmt: skip
"""Options that are settings of :class:`changedet.config.Config`, by the names they have there."""


class GridSize(click.ParamType):
    """``native``, or a pixel size in metres."""

    name = "native|METRES"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the option."""
        if value == "native" or isinstance(value, float):
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither 'native' nor a pixel size in metres.", param, ctx)


class Names(click.ParamType):
    """Names separated by commas."""

    name = "NAMES"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the option."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in value.split(","))
        if not all(names):
            self.fail(f"{value!r} holds an empty name: separate names by single commas.", param)
        return names


class KindWeight(click.ParamType):
    """A kind of object and its weight: ``railcar=2``."""

    name = "KIND=WEIGHT"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the option."""
        if isinstance(value, tuple):
            return value
        kind, _, weight = value.partition("=")
        try:
            return kind.strip(), float(weight)
        except ValueError:
            self.fail(f"{value!r} is not a kind and its weight, such as railcar=2.", param, ctx)


class Angles(click.ParamType):
    """Two angles in degrees, separated by a comma."""

    def __init__(self, *names: str) -> None:
        self.name = ",".join(n.upper() for n in names)
        self._what = " and ".join(names)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read the option."""
        if isinstance(value, tuple):
            return value
        try:
            first, second = (float(v) for v in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not {self._what} in degrees, such as 150,45.", param, ctx)
        return first, second


SUN, VIEW = Angles("azimuth", "elevation"), Angles("azimuth", "off_nadir")


def _together(*decorators: Decorator) -> Decorator:
    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


_area = click.option("--aoi", metavar="F", help="Polygons outside of which nothing is looked at.")
_reading = _together(
    click.option("--clouds", type=click.Choice(CLOUD_CHOICES), help="Leave clouds out, or do not."),
    click.option("--domain", type=click.Choice(DOMAIN_CHOICES), help="What pixel values are."),
    click.option(
        "--bands",
        type=Names(),
        help="Roles or numbers of the bands to use: red,nir; "
        "or a role for each band of a file that does not name them.",
    ),
    click.option("--grid", type=GridSize(), help="Pixel size of the common grid."),
    click.option("--align/--no-align", default=None, help="Correct the shift between the images."),
)
_config = click.option("--config", "config_file", metavar="F.toml", help="Settings from a file.")

pair_options = _together(
    click.argument("before"),
    click.argument("after"),
    _area,
    click.option("--mask-before", metavar="F", help="Polygons or raster of unusable ground."),
    click.option("--mask-after", metavar="F", help="The same for the after image."),
    _reading,
    click.option("--sun-before", type=SUN, help="Where the sun stood, degrees, if no tag tells."),
    click.option("--sun-after", type=SUN, help="The same for the after image."),
    click.option("--sun", type=SUN, help="The same for both, taken at one time of day and year."),
    click.option(
        "--view-before", type=VIEW, help="Direction to the sensor, and from the vertical."
    ),
    click.option("--view-after", type=VIEW, help="The same for the after image."),
    _config,
)
"""The two images and how they are read."""
series_options = _together(
    click.argument("images", nargs=-1, required=True, metavar="IMAGE..."), _area, _reading, _config
)
"""Images of many dates and how they are read."""
place_options = _together(
    click.option("--zones", metavar="F", help="Polygons to report activity for."),
    click.option("--tracks", metavar="F", help="Centrelines of rail tracks."),
    click.option("--roads", metavar="F", help="Centrelines of roads."),
)
"""Where on the site something is looked for."""
threshold_options = _together(
    click.option(
        "--method", metavar="NAME|FUNCTION|MODEL",
        help="Detector; 'auto' unless given. Your own: package.module:function, "
        "path/to/file.py:function or path/to/model.onnx.",
    ),
    click.option(
        "--false-alarms", "false_alarms_per_km2", type=float, metavar="PER_KM2",
        help="False objects per km2 to accept; sets the threshold.",
    ),
    click.option("--fdr", type=float, metavar="Q", help="Or: share of false objects to accept."),
    click.option(
        "--min-area", "min_area_m2", type=float, metavar="M2", help="Smallest object to report."
    ),
)  # fmt: skip
"""Which changes are reported."""
engine_options = _together(
    click.option(
        "--engine", default="threads", metavar="serial|threads", help="How tiles are run."
    ),
    click.option("--workers", type=click.IntRange(min=1), help="Tiles at a time."),
)
"""How the work is run."""


def read_config(path: str | None) -> Config | None:
    """Read the settings of ``--config``; None without it."""
    return None if path is None else Config.from_toml(path)


def settings(options: dict[str, Any]) -> dict[str, Any]:
    """Take the settings that were given on the command line out of a command's options.

    A threshold given there takes the place of the other kind of threshold in the file.
    """
    given = {name: options.pop(name) for name in SETTINGS if name in options}
    if "kind_weights" in given:
        given["kind_weights"] = dict(given["kind_weights"]) or None
    given = {name: value for name, value in given.items() if value is not None}
    given |= _same_sun(options.pop("sun", None), given)
    for name, other in (("fdr", "false_alarms_per_km2"), ("false_alarms_per_km2", "fdr")):
        if name in given:
            given.setdefault(other, None)
    return given


def _same_sun(sun: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Settings that ``--sun`` stands for; refused beside the option of one date."""
    if sun is None:
        return {}
    if "sun_before" in given or "sun_after" in given:
        raise click.UsageError(
            "--sun was given, which is for both images, and --sun-before or --sun-after, too: "
            "give --sun alone, or those two."
        )
    return {"sun_before": sun, "sun_after": sun}
