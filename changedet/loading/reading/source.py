"""One source of pixels, whatever it comes from: read by window, with validity."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedet.errors import BandError, ConfigError, GridError
from changedet.model import DOMAINS, ImageInfo, Window


@dataclass(frozen=True)
class OpenOptions:
    """What the user says about one input."""

    name: str | None = None
    """Name for the report; from the input itself when None."""
    domain: str = "auto"
    """``auto`` or one of the domains."""
    bands: tuple[str, ...] | None = None
    """Roles or 1-based numbers of the bands to keep; all by default."""
    clouds: bool = True
    """Use a quality band that comes with the image."""

    def __post_init__(self) -> None:
        if self.domain not in ("auto", *DOMAINS):
            raise ConfigError(
                f"domain={self.domain!r} is not known: choose one of auto, {', '.join(DOMAINS)}."
            )


class Source(ABC):
    """Pixels of one image, read by window; safe to call from several threads."""

    info: ImageInfo
    """What is known about the image; ``info.roles`` are the bands that can be read."""

    @abstractmethod
    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (band, y, x) float32 and validity (y, x) of a window inside the image."""

    def read(
        self, window: Window, bands: Sequence[int] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read a window that lies inside the image.

        Parameters
        ----------
        window : Window
            Inside ``info.grid``.
        bands : sequence of int, optional
            0-based positions in ``info.roles``; all by default.

        Returns
        -------
        pixels : (band, y, x) float32 array
            Physical values; 0 where not valid.
        valid : (y, x) bool array
            Usable in every band read.

        Raises
        ------
        ImageReadError
            If the pixels cannot be read.
        GridError
            If the window reaches beyond the image.
        """
        if window.empty or window.intersect(self.info.grid.window) != window:
            raise GridError(
                f"The window {window} does not lie inside {self.info.name}, which has "
                f"{self.info.grid.height} x {self.info.grid.width} pixels."
            )
        return self._load(window, range(len(self.info.roles)) if bands is None else bands)

    def sha256(self) -> str | None:
        """Hash of the bytes behind this source; None where they cannot be had (URLs)."""
        return None

    def close(self) -> None:  # noqa: B027 - most sources hold nothing to close
        """Let go of files that this source opened itself."""


class ArraySource(Source):
    """Pixels in memory. The array is not copied and never written to."""

    def __init__(
        self, pixels: np.ndarray, info: ImageInfo, valid: np.ndarray | None = None
    ) -> None:
        self._pixels = pixels
        self._valid = valid
        self.info = info

    def _load(self, window: Window, bands: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        rows, cols = window.slices
        raw = self._pixels[:, rows, cols]
        indexes = list(bands)
        raw = raw if indexes == list(range(len(raw))) else raw[indexes]
        base = None if self._valid is None else self._valid[rows, cols]
        return usable_pixels(raw, base)

    def sha256(self) -> str:
        """Hash of type, shape and values."""
        digest = hashlib.sha256(f"{self._pixels.dtype} {self._pixels.shape}".encode())
        for band in self._pixels:
            for row in band:
                digest.update(np.ascontiguousarray(row).tobytes())
        return digest.hexdigest()


def usable_pixels(raw: np.ndarray, base: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Turn raw values into float32 with validity: what is not finite is not valid, and is 0.

    Parameters
    ----------
    raw : (band, y, x) array
        Any real type; not changed.
    base : (y, x) bool array or None
        Validity known already.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = np.array(raw, dtype=np.float32, order="C")
    valid = np.ones(pixels.shape[1:], dtype=bool) if base is None else np.array(base, dtype=bool)
    if raw.dtype.kind == "f":
        valid &= np.isfinite(pixels).all(axis=0)
    if not valid.all():
        pixels[:, ~valid] = 0
    return pixels, valid


def select_bands(roles: Sequence[str], wanted: Sequence[str] | None, name: str) -> list[int]:
    """0-based positions of the wanted bands (roles, or 1-based numbers)."""
    if wanted is None:
        return list(range(len(roles)))
    positions = []
    for band in map(str, wanted):
        if band.isdigit() and 1 <= int(band) <= len(roles):
            positions.append(int(band) - 1)
        elif band.lower() in roles:
            positions.append(list(roles).index(band.lower()))
        else:
            raise BandError(
                f"Band {band!r} was asked for, but {name} has {len(roles)} "
                f"({', '.join(roles)}): choose among these roles, or numbers 1 to {len(roles)}."
            )
    return positions


def sha256(source: Source) -> str | None:
    """Hash of the bytes behind a source, read in small pieces; None for URLs."""
    return source.sha256()
