"""One source of pixels, whatever it comes from: read by window, with validity.

Every kind of input has one adapter. :func:`open_source` asks them in turn; a new kind of input is
one more call of :func:`register_adapter`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.errors import BandError, ConfigError, GridError, ImageReadError
from changedet.model import DOMAINS, Grid, Image, ImageInfo, Window


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


Adapter = Callable[[Any, OpenOptions], Source]
_ADAPTERS: list[tuple[str, Callable[[Any], bool], Adapter]] = []


def register_adapter(what: str, accepts: Callable[[Any], bool], adapter: Adapter) -> None:
    """Add a kind of input; the newest is asked first.

    Parameters
    ----------
    what : str
        Name of the kind, for the message that lists them all.
    accepts : callable
        Whether an object is of this kind; must be cheap and must not raise.
    adapter : callable
        Makes a :class:`Source` of the object and the :class:`OpenOptions`.
    """
    _ADAPTERS.insert(0, (what, accepts, adapter))


def open_source(
    obj: Any,
    *,
    name: str | None = None,
    domain: str = "auto",
    bands: Sequence[str] | None = None,
    mask: Any = None,
    clouds: bool = True,
) -> Source:
    """Open an image, whatever it comes as.

    Parameters
    ----------
    obj : path, URL, open dataset, ``(array, Grid)``, ``(array, Grid, roles)``, Image or Source
        An open rasterio dataset is never closed; an array is never written to.
    name : str, optional
        Name for the report.
    domain : str
        What pixel values are; ``auto`` looks at the metadata and guesses where it is silent.
    bands : sequence of str, optional
        Roles or 1-based numbers of the bands to keep.
    mask : path, (y, x) array or polygons, optional
        Where it is **not zero**, or inside the polygons, the image is not used. A raster on another
        grid is brought to the image's grid by nearest neighbour.
    clouds : bool
        Use the quality band (Sentinel-2 SCL, Landsat QA_PIXEL) inside or beside the file.

    Returns
    -------
    Source

    Raises
    ------
    ImageReadError
        If the image cannot be opened.
    GridError, BandError
        If its grid or its bands make no sense.
    """
    if isinstance(obj, Source):
        return _behind_mask(obj, mask)
    options = OpenOptions(name, domain, None if bands is None else tuple(bands), clouds)
    for _, accepts, adapter in _ADAPTERS:
        if accepts(obj):
            return _behind_mask(adapter(obj, options), mask)
    kinds = ", ".join(what for what, _, _ in reversed(_ADAPTERS))
    raise ImageReadError(
        f"An object of type {type(obj).__name__} is not an image that can be read: give {kinds}."
    )


def _behind_mask(source: Source, mask: Any) -> Source:
    """Put the user's mask before an image."""
    if mask is None:
        return source
    from changedet.loading.reading.masks import open_mask
    from changedet.loading.reading.screens import ScreenedSource

    screen = open_mask(mask, source.info.grid, source.info.name)
    return ScreenedSource(source, (screen,), ("user mask used",))


def sha256(source: Source) -> str | None:
    """Hash of the bytes behind a source, read in small pieces; None for URLs."""
    return source.sha256()


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


def _array_info(
    pixels: np.ndarray,
    valid: np.ndarray | None,
    grid: Grid,
    roles: tuple[str, ...],
    options: OpenOptions,
) -> ImageInfo:
    from changedet.loading.reading.domains import require_domain, settle_domain

    name, dtype = options.name or "array", pixels.dtype
    middle = tuple(slice(max(0, n // 2 - 128), n // 2 + 128) for n in grid.shape)
    sample = pixels[0][middle]
    usable = np.isfinite(sample) if valid is None else np.isfinite(sample) & valid[middle]
    domain, source, notes = settle_domain(
        options.domain, None, any(_is_radar(roles)), dtype, sample[usable]
    )
    require_domain(name, domain, sample[usable])
    saturation = 255.0 if dtype == np.uint8 else None
    return ImageInfo(
        name, grid, roles, str(dtype), domain, source, saturation=saturation, notes=notes
    )


def _is_radar(roles: Sequence[str]) -> list[bool]:
    from changedet.model import SAR_ROLES

    return [role in SAR_ROLES for role in roles]


def _open_array(obj: Any, options: OpenOptions) -> Source:
    array, grid, *rest = obj
    if not isinstance(grid, Grid):
        raise GridError(
            f"An array came with a {type(grid).__name__} instead of a Grid: give "
            "(array, changedet.Grid(transform, height, width, crs))."
        )
    name = options.name or "array"
    mask = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    pixels = np.asarray(np.ma.getdata(array))
    if pixels.ndim == 2:
        pixels, mask = pixels[None], None if mask is None else mask[None]
    if pixels.ndim != 3 or pixels.shape[1:] != grid.shape:
        raise GridError(
            f"An array of shape {np.shape(array)} does not fit a grid of {grid.shape}: "
            "it must be (y, x) or (band, y, x) with the grid's height and width."
        )
    if pixels.dtype.kind not in "uifb":
        raise ImageReadError(
            f"{name} holds values of type {pixels.dtype}: give real numbers (the amplitude or "
            "intensity of a complex image)."
        )
    count = pixels.shape[0]
    roles = tuple(rest[0]) if rest and rest[0] else tuple(f"band{i + 1}" for i in range(count))
    if len(roles) != count:
        raise BandError(f"{len(roles)} roles {roles} were given for {count} bands: give one each.")
    spectral, quality = _spectral(roles, name)
    keep = [spectral[i] for i in select_bands([roles[i] for i in spectral], options.bands, name)]
    values, whole = pixels, roles
    pixels, roles = pixels[keep], tuple(roles[i] for i in keep)
    valid: np.ndarray | None = None if mask is None else ~np.asarray(mask[keep].any(axis=0))
    source = ArraySource(pixels, _array_info(pixels, valid, grid, roles, options), valid)
    if quality is None or not options.clouds or source.info.domain != "optical":
        return source
    from changedet.loading.reading.quality import NAMES, QualityBand, quality_kind
    from changedet.loading.reading.screens import ScreenedSource

    kind = str(quality_kind(whole[quality]))
    info = replace(source.info, roles=("quality",))
    screen = QualityBand(kind, ArraySource(values[quality : quality + 1], info), grid, name, None)
    return ScreenedSource(source, (screen,), (f"{NAMES[kind]} used (among the bands)",))


def _spectral(roles: Sequence[str], name: str) -> tuple[list[int], int | None]:
    """0-based positions of the bands that hold brightness, and of a quality band."""
    from changedet.loading.reading.quality import is_auxiliary, quality_kind

    quality = next((i for i, role in enumerate(roles) if quality_kind(role)), None)
    spectral = [i for i, r in enumerate(roles) if not quality_kind(r) and not is_auxiliary(r)]
    if not spectral:
        raise BandError(f"{name} holds quality bands and nothing else: give the image itself.")
    return spectral, quality


def _open_image(obj: Image, options: OpenOptions) -> Source:
    hidden = np.ma.MaskedArray(obj.pixels, np.broadcast_to(~obj.valid, obj.pixels.shape))
    return _open_array((hidden, obj.grid, obj.roles), options)


register_adapter(
    "(array, Grid) or (array, Grid, roles)",
    lambda obj: isinstance(obj, tuple) and len(obj) in (2, 3) and hasattr(obj[0], "__array__"),
    _open_array,
)
register_adapter("a changedet Image", lambda obj: isinstance(obj, Image), _open_image)
