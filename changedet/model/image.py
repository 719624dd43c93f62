"""Images: pixels, validity and grid travel together, and what is known about their source."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np

from changedet.errors import GridError
from changedet.model.grid import Grid

Domain = Literal["optical", "sar-amplitude", "sar-intensity", "sar-db"]
DOMAINS: tuple[Domain, ...] = ("optical", "sar-amplitude", "sar-intensity", "sar-db")

SPECTRAL_ROLES: tuple[str, ...] = (
    "coastal", "blue", "green", "yellow", "red", "rededge071", "rededge075", "rededge078",
    "nir", "nir08", "nir09", "cirrus", "swir16", "swir22", "lwir", "pan",
)  # fmt: skip
"""STAC common names of optical bands, in order of wavelength (``pan`` last)."""
SAR_ROLES: tuple[str, ...] = ("vv", "vh", "hv", "hh")
"""Polarisations."""


@dataclass(frozen=True, eq=False)
class Image:
    """Pixels with their validity and place.

    Parameters
    ----------
    pixels : (band, y, x) float32 array
        Physical values (scale and offset applied). Whatever stands where ``valid`` is False is
        finite and means nothing.
    valid : (y, x) bool array
        True = usable in every band.
    grid : Grid
        Of the same shape.
    roles : tuple of str
        One a band: a STAC common name (:data:`SPECTRAL_ROLES`), a polarisation
        (:data:`SAR_ROLES`), or ``band1``, ``band2`` ... where nothing is known.

    Raises
    ------
    GridError
        If the shapes do not fit together.
    """

    pixels: np.ndarray
    valid: np.ndarray
    grid: Grid
    roles: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[1:] != self.grid.shape:
            raise GridError(
                f"Pixels of shape {self.pixels.shape} do not fit a grid of {self.grid.shape}: "
                "they must be (band, y, x)."
            )
        if self.valid.shape != self.grid.shape or self.valid.dtype != np.bool_:
            raise GridError(
                f"Validity of shape {self.valid.shape} and type {self.valid.dtype} does not fit: "
                f"it must be bool of shape {self.grid.shape}."
            )
        if len(self.roles) != self.pixels.shape[0]:
            raise GridError(
                f"{len(self.roles)} band roles {self.roles} were given for "
                f"{self.pixels.shape[0]} bands: give one a band."
            )

    def band(self, role: str) -> np.ndarray:
        """Return the (y, x) pixels of one band by its role."""
        if role not in self.roles:
            raise KeyError(f"No band {role!r}; there are {', '.join(self.roles)}.")
        return self.pixels[self.roles.index(role)]


@dataclass(frozen=True)
class ImageInfo:
    """What is known about one input image, before any pixel is used."""

    name: str
    """Path, URL or a name for an in-memory array; goes into the report."""
    grid: Grid
    """The image's own grid."""
    roles: tuple[str, ...]
    """Role of each band that will be used, in the order in which bands are read."""
    dtype: str
    """Data type of the stored pixels."""
    domain: Domain = "optical"
    """What the pixel values are."""
    domain_source: Literal["declared", "metadata", "guessed"] = "guessed"
    """How the domain came to be known."""
    acquired: datetime | None = None
    """Acquisition time, UTC."""
    sun_azimuth_deg: float | None = None
    """Direction of the sun, degrees clockwise from north."""
    sun_elevation_deg: float | None = None
    """Height of the sun above the horizon, degrees."""
    view_azimuth_deg: float | None = None
    """Direction from the ground to the sensor, degrees clockwise from north."""
    off_nadir_deg: float | None = None
    """View angle from the vertical, degrees."""
    platform: str | None = None
    """Satellite or sensor name."""
    sha256: str | None = None
    """Hash of the file's bytes; None for URLs and arrays until asked for."""
    size_bytes: int | None = None
    """Size of the file."""
    saturation: float | None = None
    """Pixel value (physical) at and above which the sensor is saturated, if known."""
    notes: tuple[str, ...] = field(default_factory=tuple)
    """Plain statements for the report: offsets applied, masks found, things assumed."""

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values, with the keys of ``summary.json``'s ``inputs``."""
        crs = self.grid.describe()["crs"]
        return {
            "path": self.name,
            "sha256": self.sha256,
            "size": self.size_bytes,
            "bands": list(self.roles),
            "dtype": self.dtype,
            "crs": crs,
            "height": self.grid.height,
            "width": self.grid.width,
            "gsd_m": self.grid.gsd_m,
            "domain": self.domain,
            "domain_source": self.domain_source,
            "acquired": None if self.acquired is None else self.acquired.isoformat(),
            "sun_azimuth_deg": self.sun_azimuth_deg,
            "sun_elevation_deg": self.sun_elevation_deg,
            "view_azimuth_deg": self.view_azimuth_deg,
            "off_nadir_deg": self.off_nadir_deg,
            "platform": self.platform,
            "notes": list(self.notes),
        }
