"""Whatever an image comes as, opened as a source of pixels.

Every kind of input has one adapter. :func:`open_source` asks them in turn; a new kind of input is
one more call of :func:`register_adapter`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from changedet.errors import ImageReadError
from changedet.loading.reading.masks import open_mask
from changedet.loading.reading.screens import ScreenedSource
from changedet.loading.reading.source import OpenOptions, Source

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
    screen = open_mask(mask, source.info.grid, source.info.name)
    return ScreenedSource(source, (screen,), ("user mask used",))
