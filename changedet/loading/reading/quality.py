"""Quality bands that come with an image: Sentinel-2's scene classification, Landsat's bits.

Class and bit numbers are those of the data providers: Sentinel-2 Level-2A algorithm theoretical
basis document, section on scene classification (ESA, S2-PDGS-MPC-ATBD-L2A); Landsat 8-9 Collection
2 Level 2 science product guide, pixel quality assessment band (USGS, LSDS-1619), and the Landsat
Collection 1 surface reflectance guide (USGS, LSDS-1368) for ``pixel_qa``, whose bits mean other
things.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from changedet.errors import ChangedetError, MetadataWarning
from changedet.loading.reading.screens import (
    CLEAR,
    CLOUD,
    CLOUD_SHADOW,
    NODATA,
    SATURATION,
    SNOW,
    OnGrid,
    StoredBand,
)
from changedet.loading.reading.source import Source
from changedet.model import Grid, Window

_SCL = {
    0: NODATA, 1: SATURATION, 3: CLOUD_SHADOW, 8: CLOUD, 9: CLOUD, 10: CLOUD, 11: SNOW,
}  # fmt: skip
"""Of classes 0 to 11. 2 (dark, or in the shadow of terrain), 4 vegetation, 5 bare, 6 water and 7
(unclassified) can be seen. 10 is thin cirrus. 1 is saturated or defective."""
_QA_PIXEL = (
    (5, SNOW), (0, NODATA), (4, CLOUD_SHADOW), (1, CLOUD), (2, CLOUD), (3, CLOUD),
)  # fmt: skip
"""Bits of Collection 2: fill, dilated cloud, cirrus, cloud, cloud shadow, snow."""
_PIXEL_QA = ((4, SNOW), (0, NODATA), (3, CLOUD_SHADOW), (5, CLOUD))
"""Bits of Collection 1: fill, cloud shadow, snow, cloud."""
NAMES = {
    "scl": "Sentinel-2 scene classification",
    "qa_pixel": "Landsat QA_PIXEL band",
    "pixel_qa": "Landsat pixel_qa band (Collection 1)",
}
_NOT_SPECTRAL = re.compile(
    r"^(.*_)?(qa_radsat|(sr_)?qa_aerosol|aerosol_qa|radsat_qa|sr_cloud_qa|st_qa|qa60|qa10|qa20|bqa|"
    r"aot|wvp|msk_.*|cldprb|snwprb|cld|snw|udm2?|datamask|atmos_opacity|sr_atmos_opacity)(_\d\dm)?$"
)
_BAND = re.compile(
    r"(^|_)(B\d{1,2}A?|(SR|ST)_B\d{1,2}|TCI|visual|coastal|blue|green|red|nir|nir08|swir16|swir22|"
    r"rededge\d?|pan|stack|bands|SR|refl)(_(10|20|60)m)?$",
    re.IGNORECASE,
)
_PRODUCT = re.compile(
    r"(T\d{2}[A-Z]{3}_\d{8}T\d{6}|S2[ABCD]_MSIL2A_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d{2}[A-Z]{3}_\d{8}T\d{6}"
    r"|L[COTEM]\d{2}_L\d[A-Z]{2}_\d{6}_\d{8}_\d{8}_\d{2}_[A-Z0-9]{2})"
)
_SIDECAR = re.compile(
    r"^(?P<product>.*?)_?(?P<kind>SCL|QA_PIXEL|pixel_qa)(_(10|20|60)m)?\.(jp2|tiff?|vrt)$",
    re.IGNORECASE,
)


def quality_kind(name: str) -> str | None:
    """``scl``, ``qa_pixel``, ``pixel_qa``, or None for any other band's name."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.split(r"[,;(]", name.strip().lower())[0]).strip("_")
    if re.search(r"(^|_)scl(_\d\dm)?$", plain) or plain.startswith("scene_classification"):
        return "scl"
    for kind in ("qa_pixel", "pixel_qa"):
        if re.search(rf"(^|_){kind}$", plain):
            return kind
    return None


def is_auxiliary(name: str) -> bool:
    """Whether a band's name is that of one that holds no brightness: aerosol, water vapour ..."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.split(r"[,;(]", name.strip().lower())[0]).strip("_")
    return bool(_NOT_SPECTRAL.match(plain))


def quality_codes(kind: str) -> Callable[[np.ndarray], np.ndarray]:
    """From the numbers of a quality band to codes."""
    return {"scl": _scl_codes, "qa_pixel": _qa_pixel_codes, "pixel_qa": _pixel_qa_codes}[kind]


def _scl_codes(numbers: np.ndarray) -> np.ndarray:
    table = np.full(256, CLEAR, dtype=np.uint8)
    for value, code in _SCL.items():
        table[value] = code
    return np.asarray(table[numbers.astype(np.int64) & 255])


def _qa_pixel_codes(numbers: np.ndarray) -> np.ndarray:
    return _bits(numbers, _QA_PIXEL)


def _pixel_qa_codes(numbers: np.ndarray) -> np.ndarray:
    return _bits(numbers, _PIXEL_QA)


def _bits(numbers: np.ndarray, bits: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Codes of bit fields; of several bits the last one in the list counts."""
    whole = numbers.astype(np.int64)
    out = np.full(whole.shape, CLEAR, dtype=np.uint8)
    for bit, code in bits:
        out[(whole >> bit) & 1 == 1] = code
    return out


class QualityBand:
    """A quality band laid on the image's grid."""

    def __init__(
        self, kind: str, numbers: Source, grid: Grid, image: str, path: str | None
    ) -> None:
        self.kind = kind
        self.path = path
        self._band = OnGrid(numbers, grid, quality_codes(kind), "quality band", image)

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window of the image."""
        return self._band.read(window)


def find_sidecar(path: str) -> tuple[str, str] | None:
    """Kind and path of a quality band in a file beside an image of the same product.

    In the same folder, and in the folders ``R20m`` and ``R60m`` of a Sentinel-2 product. What
    stands before ``_SCL`` or ``_QA_PIXEL`` must be the image's own name (without its band), or the
    name of the product in it.
    """
    image = Path(path)
    if not image.is_file():
        return None
    wanted = {image.stem, _BAND.sub("", image.stem), *_PRODUCT.findall(image.stem)}
    folders = [image.parent]
    if re.fullmatch(r"R\d\dm", image.parent.name):
        folders += [image.parent.parent / name for name in ("R20m", "R60m")]
    for folder in folders:
        if not folder.is_dir():
            continue
        found = []
        for name in sorted(os.listdir(folder)):
            match = _SIDECAR.match(name)
            if match and match["product"] in wanted and folder / name != image:
                found.append((str(quality_kind(match["kind"])), str(folder / name)))
        if found:
            return found[0]
    return None


def sidecar_screen(path: str, grid: Grid, image: str) -> QualityBand | None:
    """Open the quality band beside an image; None where there is none.

    Warns
    -----
    MetadataWarning
        If there is one and it cannot be used.
    """
    found = find_sidecar(path)
    if found is None:
        return None
    kind, where = found
    try:
        return QualityBand(kind, StoredBand(where), grid, image, where)
    except ChangedetError as error:
        warnings.warn(
            f"The quality band {where} beside {image} was not used: {error} Give a mask, or take "
            "the file away.",
            MetadataWarning,
            stacklevel=2,
        )
        return None
