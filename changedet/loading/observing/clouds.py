"""Clouds and their shadows in one of two optical images, by brightness alone; conservative.

For images that bring no mask and no quality band. What is looked for here are changes, and a new
white roof is one: so a bright patch counts as cloud only where everything speaks for it. It must be

* **very bright**: beyond what the ground shows at either date,
* **white**: about as much brighter in blue, green and red,
* there at **one date** only, and not snow as the short-wave infrared shows it,
* **large**, and
* **soft at its edges**, or else prove itself by a **shadow** of its own shape, away from the sun.

What man builds has edges as sharp as the sensor; clouds fade out over tens of metres. A shadow is a
patch that is darker than at the other date in all bands and lies where the clouds, all moved by one
displacement, fall. The idea of matching clouds with the shadows that they must cast is that of
Fmask (Zhu and Woodcock 2012, doi:10.1016/j.rse.2011.10.028); the comparison with another date, that
of Tmask (Zhu and Woodcock 2014, doi:10.1016/j.rse.2014.06.012).

It fails, by finding nothing, on haze and thin cirrus, on clouds at the same place at both dates,
and on small sharp cumulus without a visible shadow. It takes snow at one date for cloud where there
is no short-wave infrared band.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from changedet.loading.observing.cloud_cells import (
    LEAST_CELLS,
    SOFT,
    Dates,
    disk,
    least_width,
    steepness,
)
from changedet.loading.observing.cloud_shadows import darker, find_shadow, proven_patches
from changedet.loading.reading.screens import CLEAR, CLOUD, CLOUD_SHADOW

VERY_BRIGHT = 1.3
"""Brightness of a cloud's core, where 0 and 1 are the 1st and 99th percentile of the ground."""
BRIGHTER = 0.35
"""Excess over the other date, on the same scale, down to which a cloud is followed to its edge."""
WHITE = 1.5
"""Largest ratio of the excess of two visible bands."""
SNOW_INDEX = 0.4
"""Normalised difference of green and short-wave infrared from which on it is snow."""
TOO_MUCH = 0.65
"""Above this share of cloud, the ground to compare with is missing, and nothing is taken out."""


@dataclass(frozen=True, eq=False)
class CloudTest:
    """What the test found at one date."""

    codes: np.ndarray
    """(y, x) uint8 on the cells: clear, cloud or shadow of a cloud."""
    cloud_share: float
    """Share of the valid cells under cloud."""
    shadow_share: float
    """Share of the valid cells in a cloud's shadow."""
    note: str = ""
    """Why the test took nothing out although it saw something; empty otherwise."""


def find_clouds(dates: Dates, which: int, sun_azimuth_deg: float | None) -> CloudTest:
    """Clouds and shadows at one of two dates.

    Parameters
    ----------
    dates : Dates
        From :func:`prepare`.
    which : {0, 1}
        Before or after.
    sun_azimuth_deg : float or None
        Where the sun stood at that date.
    """
    nothing = np.full(dates.valid.shape, CLEAR, dtype=np.uint8)
    excess = _excess(dates, which)
    patches = _bright_patches(dates, which, excess)
    dark = darker(dates, which)
    cloud = np.zeros(dates.valid.shape, dtype=bool)
    sharp = np.zeros_like(patches)
    for number, place in enumerate(ndimage.find_objects(patches), 1):
        wide = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in place)
        patch = patches[wide] == number
        if steepness(excess[wide], patch) <= SOFT:
            cloud[wide] |= patch
        else:
            sharp[wide][patch] = number
    if sun_azimuth_deg is not None:
        dense = _dense(sharp > 0, excess)
        cloud |= proven_patches(sharp, dense, dark, dates, sun_azimuth_deg)
    total = int(np.count_nonzero(dates.valid))
    share = np.count_nonzero(cloud) / total
    if not cloud.any():
        return CloudTest(nothing, 0.0, 0.0)
    if share > TOO_MUCH:
        note = f"{share:.0%} of the ground is bright and white at this date only: cloud or snow"
        return CloudTest(nothing, share, 0.0, note)
    dense = _dense(cloud, excess)
    cloud = ndimage.binary_dilation(cloud, iterations=2) & dates.valid
    shadow = find_shadow(cloud, dense, dark & ~cloud, -excess, dates, sun_azimuth_deg)
    codes = np.where(cloud, CLOUD, np.where(shadow, CLOUD_SHADOW, CLEAR)).astype(np.uint8)
    return CloudTest(
        codes, float(np.count_nonzero(cloud) / total), float(np.count_nonzero(shadow) / total)
    )


def _excess(dates: Dates, which: int) -> np.ndarray:
    """(y, x): how much brighter than at the other date, in ranges of the ground."""
    one, other = dates.scaled[which], dates.scaled[1 - which]
    return np.asarray(np.where(dates.valid, one.mean(axis=0) - other.mean(axis=0), 0))


def _bright_patches(dates: Dates, which: int, excess: np.ndarray) -> np.ndarray:
    """(y, x) int: numbered patches that are large, bright and white enough for a cloud."""
    one = dates.scaled[which]
    visible = list(dates.visible)
    more = dates.pixels[which][visible] - dates.pixels[1 - which][visible]
    core = (one.min(axis=0) >= VERY_BRIGHT) & (dates.scaled[1 - which].mean(axis=0) < 1)
    core &= (more.min(axis=0) > 0) & (more.max(axis=0) <= WHITE * more.min(axis=0))
    core &= dates.valid & ~_snow(dates, which)
    spread = 1.4826 * float(np.median(np.abs(excess[dates.valid])))
    around = dates.valid & (excess > min(0.8, max(BRIGHTER, 3 * spread)))
    size = least_width(dates)
    radius = max(1, round(size / 6))
    around = ndimage.binary_opening(around, disk(radius)) | core
    patches, count = ndimage.label(around)
    if count == 0:
        return np.asarray(patches)
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(around, patches, numbers)
    inside = ndimage.sum_labels(core, patches, numbers)
    keep = (area >= size**2) & (inside >= np.maximum(LEAST_CELLS / 4, 0.1 * area))
    table = np.concatenate([[0], np.cumsum(keep) * keep])
    return np.asarray(table[patches])


def _snow(dates: Dates, which: int) -> np.ndarray:
    """(y, x) bool: snow by the normalised difference of green and short-wave infrared."""
    if "swir16" not in dates.roles or "green" not in dates.roles:
        return np.zeros(dates.valid.shape, dtype=bool)
    green = dates.pixels[which][dates.roles.index("green")]
    swir = dates.pixels[which][dates.roles.index("swir16")]
    return np.asarray(green - swir > SNOW_INDEX * np.abs(green + swir))


def _dense(cloud: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """(y, x) bool: what is thick enough to cast a shadow that is plainly dark."""
    if not cloud.any():
        return cloud
    return cloud & (excess > 0.4 * float(np.percentile(excess[cloud], 90)))
