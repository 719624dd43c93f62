"""Options of one kind of scene, with everything filled in that suits it."""

from __future__ import annotations

from dataclasses import dataclass

from pyproj import CRS

from changedet.errors import ConfigError, UnknownMethodError
from changedet.simulation.options import KINDS_OF_SCENE, SceneOptions

MAX_FINE_PIXELS = 60_000_000
"""Largest raster that is rendered in one piece (about 2 GB of working memory)."""


@dataclass(frozen=True)
class Settled:
    """Options of one kind of scene with every ``None`` replaced, and what follows from them."""

    kind: str
    """Kind of scene as asked for."""
    site: str
    """What is laid out: ``railyard``, ``town`` or ``fields``."""
    width_m: float
    """Metres west to east."""
    height_m: float
    """Metres south to north."""
    gsd_before: float
    """Metres."""
    gsd_after: float
    """Metres."""
    roles: tuple[str, ...]
    """Bands."""
    crs_before: CRS
    """Of the before image."""
    crs_after: CRS
    """Of the after image."""
    supersample: int
    """Rendered pixels along each side of an image pixel."""
    dn_scale: float
    """Digital number of reflectance 1."""
    saturation: float
    """Largest digital number."""

    @property
    def sar(self) -> bool:
        """Whether it is a radar scene."""
        return self.kind == "sar"

    @property
    def fine_m(self) -> float:
        """Side of a rendered pixel, metres."""
        return min(self.gsd_before, self.gsd_after) / self.supersample


_OPTICAL = ("blue", "green", "red", "nir", "swir16", "swir22")
_DEFAULTS: dict[str, tuple[tuple[float, float], float, int]] = {
    "railyard": ((500.0, 350.0), 0.5, 4),
    "town": ((2560.0, 2560.0), 10.0, 6),
    "fields": ((2560.0, 2560.0), 10.0, 6),
    "sar": ((2560.0, 2560.0), 10.0, 1),
}
_SMALLEST = {"railyard": (120.0, 90.0), "town": (200.0, 200.0), "fields": (200.0, 200.0)}


def settle(kind: str, options: SceneOptions) -> Settled:
    """Fill in what suits the kind of scene.

    Raises
    ------
    UnknownMethodError
        If there is no such kind.
    ConfigError
        If the options do not go together.
    """
    if kind not in KINDS_OF_SCENE:
        raise UnknownMethodError(
            f"There is no scene of kind {kind!r}: choose one of {', '.join(KINDS_OF_SCENE)}."
        )
    size, gsd, bands = _DEFAULTS[kind]
    site = options.site if kind == "sar" else kind
    width, height = options.size_m or size
    if width < _SMALLEST[site][0] or height < _SMALLEST[site][1]:
        raise ConfigError(
            f"size_m=({width:g}, {height:g}) is too small for {site!r}: give at least "
            f"{_SMALLEST[site][0]:g} x {_SMALLEST[site][1]:g} metres."
        )
    before = options.gsd_before or gsd
    after = options.gsd_after or before
    count = options.bands or bands
    allowed = (1, 2) if kind == "sar" else (4, 6)
    if count not in allowed:
        raise ConfigError(
            f"bands={count} is not usable for {kind!r}: give {allowed[0]} or {allowed[1]}."
        )
    fine = min(before, after)
    supersample = options.supersample or (3 if fine < 2 else 4)
    pixels = (width + 60) * (height + 60) * (supersample / fine) ** 2
    if pixels > MAX_FINE_PIXELS:
        raise ConfigError(
            f"size_m=({width:g}, {height:g}) at {fine:g} m would need {pixels / 1e6:.0f} million "
            f"rendered pixels, more than {MAX_FINE_PIXELS / 1e6:.0f}: give a smaller site or "
            "larger pixels, or tile a scene up with mosaic_strips."
        )
    coarse = fine >= 4
    return Settled(
        kind, site, float(width), float(height), float(before), float(after),
        ("vv", "vh")[:count] if kind == "sar" else _OPTICAL[:count],
        CRS.from_user_input(options.crs_before),
        CRS.from_user_input(options.crs_after or options.crs_before),
        supersample,
        10000.0 if coarse or kind == "sar" else 2500.0,
        65535.0 if coarse or kind == "sar" else 2047.0,
    )  # fmt: skip
