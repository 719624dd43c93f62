"""GDAL's block cache, kept small: the tiles of a run are read once, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

CACHE_BYTES = 64 * 2**20
"""Enough for the blocks of a few tiles; GDAL's own default is 5 % of the machine's memory."""


@contextmanager
def bounded_cache() -> Iterator[None]:
    """Limit GDAL's block cache while in the context, and restore it afterwards."""
    import rasterio

    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        yield
