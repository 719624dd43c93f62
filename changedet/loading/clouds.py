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

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from changedet.loading.screens import CLEAR, CLOUD, CLOUD_SHADOW

VERY_BRIGHT = 1.3
"""Brightness of a cloud's core, where 0 and 1 are the 1st and 99th percentile of the ground."""
BRIGHTER = 0.35
"""Excess over the other date, on the same scale, down to which a cloud is followed to its edge."""
WHITE = 1.5
"""Largest ratio of the excess of two visible bands."""
SNOW_INDEX = 0.4
"""Normalised difference of green and short-wave infrared from which on it is snow."""
SOFT = 0.3
"""Steepest edge of a cloud: share of its brightness gained from cell to cell, upper quartile."""
DARKER = 0.75
"""A shadow keeps less than this share of the light at the other date."""
MATCHED = 0.4
"""Share of the ground where the clouds' shadow must fall, away from the sun, that must be dark."""
PROOF = 0.75
"""The same where the sun is not known, or where a shadow must prove that a patch is a cloud."""
TOO_MUCH = 0.65
"""Above this share of cloud, the ground to compare with is missing, and nothing is taken out."""
_VISIBLE = ("blue", "green", "red")
_LEAST_CELLS = 30
_LEAST_WIDTH = 12.0
"""Cells that a cloud is wide at least: of fewer, the edge says little."""


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


@dataclass(frozen=True, eq=False)
class Dates:
    """Two dates on one grid of cells."""

    pixels: tuple[np.ndarray, np.ndarray]
    """(band, y, x) float32 each, the second brought to the brightness of the first."""
    valid: np.ndarray
    """(y, x) bool: usable at both dates."""
    scaled: tuple[np.ndarray, np.ndarray]
    """(band, y, x): visible bands, 0 and 1 at the 1st and 99th percentile of the ground."""
    visible: tuple[int, ...]
    """Positions of the visible bands."""
    roles: tuple[str, ...]
    """Of the bands."""
    cell_m: float
    """Side of a cell."""


def can_test(roles: Sequence[str]) -> bool:
    """Whether the bands show whether something is white: two of blue, green and red."""
    return sum(role in _VISIBLE for role in roles) >= 2


def prepare(
    before: np.ndarray, after: np.ndarray, valid: np.ndarray, roles: Sequence[str], cell_m: float
) -> Dates | None:
    """Bring two dates to one scale; None where too little is valid or nothing has contrast.

    Parameters
    ----------
    before, after : (band, y, x) float32 arrays
        Averages over cells.
    valid : (y, x) bool array
        Usable at both dates.
    roles : sequence of str
        Of the bands.
    cell_m : float
        Side of a cell, metres.
    """
    if np.count_nonzero(valid) < 20 * _LEAST_CELLS:
        return None
    visible = tuple(i for i, role in enumerate(roles) if role in _VISIBLE)
    gains = [_usual_ratio(b[valid], a[valid]) for b, a in zip(before, after, strict=True)]
    if not all(math.isfinite(g) and g > 0 for g in gains):
        return None
    like_before = after / np.array(gains, dtype=np.float32)[:, None, None]
    scaled = []
    for i in visible:
        ground = np.minimum(before[i], like_before[i])[valid]
        dark, bright = np.percentile(ground, [1, 99])
        if not bright > dark:
            return None
        scaled.append([(p[i] - dark) / (bright - dark) for p in (before, like_before)])
    first, second = (np.stack([s[k] for s in scaled]) for k in (0, 1))
    return Dates((before, like_before), valid, (first, second), visible, tuple(roles), cell_m)


def _usual_ratio(before: np.ndarray, after: np.ndarray) -> float:
    """Ratio of brightness around which most of the ground lies: middle of the shortest quarter."""
    good = (before > 0) & (after > 0)
    if np.count_nonzero(good) < _LEAST_CELLS:
        return math.nan
    ratio = np.sort(np.log(after[good] / before[good]))
    count = max(1, len(ratio) // 4)
    widths = ratio[count:] - ratio[: len(ratio) - count]
    start = int(np.argmin(widths)) if len(widths) else 0
    return float(np.exp(np.median(ratio[start : start + count + 1])))


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
    dark = _dark(dates, which)
    cloud = np.zeros(dates.valid.shape, dtype=bool)
    for number, place in enumerate(ndimage.find_objects(patches), 1):
        wide = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in place)
        patch = patches[wide] == number
        if _steepness(excess[wide], patch) <= SOFT:
            cloud[wide] |= patch
            continue
        if sun_azimuth_deg is None:
            continue
        alone = np.zeros(cloud.shape, dtype=bool)
        alone[wide] = patch
        dense = _dense(alone, excess)
        if _shadow_shift(dense, alone, dark, dates, sun_azimuth_deg, PROOF) is not None:
            cloud[wide] |= patch
    total = int(np.count_nonzero(dates.valid))
    share = np.count_nonzero(cloud) / total
    if not cloud.any():
        return CloudTest(nothing, 0.0, 0.0)
    if share > TOO_MUCH:
        note = f"{share:.0%} of the ground is bright and white at this date only: cloud or snow"
        return CloudTest(nothing, share, 0.0, note)
    dense = _dense(cloud, excess)
    cloud = ndimage.binary_dilation(cloud, iterations=2) & dates.valid
    shadow = _shadow(cloud, dense, dark & ~cloud, -excess, dates, sun_azimuth_deg)
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
    size = _least_width(dates)
    radius = max(1, round(size / 6))
    around = ndimage.binary_opening(around, _disk(radius)) | core
    patches, count = ndimage.label(around)
    if count == 0:
        return np.asarray(patches)
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(around, patches, numbers)
    inside = ndimage.sum_labels(core, patches, numbers)
    keep = (area >= size**2) & (inside >= np.maximum(_LEAST_CELLS / 4, 0.1 * area))
    table = np.concatenate([[0], np.cumsum(keep) * keep])
    return np.asarray(table[patches])


def _least_width(dates: Dates) -> float:
    """Cells that a cloud is wide at least: 250 m, less only where the site itself is small."""
    small = 0.15 * min(dates.valid.shape)
    return max(_LEAST_WIDTH, min(250.0 / dates.cell_m, small))


def _snow(dates: Dates, which: int) -> np.ndarray:
    """(y, x) bool: snow by the normalised difference of green and short-wave infrared."""
    if "swir16" not in dates.roles or "green" not in dates.roles:
        return np.zeros(dates.valid.shape, dtype=bool)
    green = dates.pixels[which][dates.roles.index("green")]
    swir = dates.pixels[which][dates.roles.index("swir16")]
    return np.asarray(green - swir > SNOW_INDEX * np.abs(green + swir))


def _steepness(excess: np.ndarray, patch: np.ndarray) -> float:
    """How steep the edge of a patch is: upper quartile over the line of half its brightness."""
    peak = float(np.percentile(excess[patch], 90))
    above = excess > peak / 2
    line = above & ~ndimage.binary_erosion(above) & patch
    line |= ndimage.binary_dilation(line) & ndimage.binary_dilation(patch) & ~above
    if not line.any():
        return math.inf
    down, along = np.gradient(excess)
    return float(np.percentile(np.hypot(down, along)[line], 75)) / peak


def _dark(dates: Dates, which: int) -> np.ndarray:
    """(y, x) bool: darker than at the other date, both in the visible and in the near infrared."""
    groups = [list(dates.visible)]
    groups += [[i] for i, role in enumerate(dates.roles) if role in ("nir", "nir08")][:1]
    out = dates.valid.copy()
    for bands in groups:
        one = dates.pixels[which][bands].mean(axis=0)
        other = dates.pixels[1 - which][bands].mean(axis=0)
        out &= (one < DARKER * other) & (other > 0)
    return ndimage.binary_opening(out, _disk(1))


def _shadow_shift(
    cloud: np.ndarray,
    covered: np.ndarray,
    dark: np.ndarray,
    dates: Dates,
    sun_azimuth_deg: float | None,
    needed: float,
) -> tuple[int, int] | None:
    """Displacement (rows, columns) of clouds to their shadows; None where none is convincing.

    Parameters
    ----------
    cloud : (y, x) bool array
        What casts the shadow.
    covered : (y, x) bool array
        Where no shadow can be seen.
    dark : (y, x) bool array
        What may be shadow.
    dates : Dates
        For what is valid.
    sun_azimuth_deg : float or None
        Where the sun stands; any direction may be right without.
    needed : float
        Share of the ground under the displaced clouds that must be dark. From :data:`PROOF` on,
        there must be less dark ground around it, too.
    """
    ground = dates.valid & ~covered
    dark = dark & ground
    if not dark.any():
        return None
    # sums over all displacements at once, both ways along each axis
    size = [fft.next_fast_len(2 * n, real=True) for n in cloud.shape]
    of_dark, of_ground = (fft.rfft2(f.astype(np.float32), size) for f in (dark, ground))

    def under(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = np.conj(fft.rfft2(mask.astype(np.float32), size))
        hits, seen = (fft.irfft2(of * moved, size) for of in (of_dark, of_ground))
        return hits, seen

    hits, seen = under(cloud)
    rows = np.fft.fftfreq(size[0], 1 / size[0])[:, None]
    cols = np.fft.fftfreq(size[1], 1 / size[1])[None, :]
    possible = seen >= max(_LEAST_CELLS, 0.25 * np.count_nonzero(cloud))
    possible &= np.hypot(rows, cols) >= 3
    if sun_azimuth_deg is not None:
        bearing = np.degrees(np.arctan2(cols, -rows)) - sun_azimuth_deg - 180
        possible &= np.abs((bearing + 180) % 360 - 180) <= 20
    share = hits / np.maximum(seen, 1)
    if needed >= PROOF:
        width = math.sqrt(np.count_nonzero(cloud))
        ring = ndimage.binary_dilation(cloud, _disk(max(2, round(width / 4)))) & ~cloud
        ring_hits, ring_seen = under(ring)
        possible &= share - ring_hits / np.maximum(ring_seen, 1) >= needed / 2
    both = np.where(possible, 2 * hits / (seen + np.count_nonzero(dark)), 0)
    best = np.unravel_index(int(np.argmax(both)), both.shape)
    usual = np.count_nonzero(dark) / max(1, int(np.count_nonzero(ground)))
    if not possible[best] or share[best] < max(needed, 1.4 * usual):
        return None
    return int(rows[best[0], 0]), int(cols[0, best[1]])


def _dense(cloud: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """(y, x) bool: what is thick enough to cast a shadow that is plainly dark."""
    if not cloud.any():
        return cloud
    return cloud & (excess > 0.4 * float(np.percentile(excess[cloud], 90)))


def _shadow(
    cloud: np.ndarray,
    dense: np.ndarray,
    dark: np.ndarray,
    loss: np.ndarray,
    dates: Dates,
    sun_azimuth_deg: float | None,
) -> np.ndarray:
    """(y, x) bool: dark patches where the clouds' shadow must fall."""
    needed = MATCHED if sun_azimuth_deg is not None else PROOF
    shift = _shadow_shift(dense, cloud, dark, dates, sun_azimuth_deg, needed)
    if shift is None:
        return np.zeros(cloud.shape, dtype=bool)
    here = ndimage.binary_dilation(_moved(cloud, shift, False), iterations=2)
    # of clouds beyond the edge of the image nothing is known: large, soft patches only
    unknown = _moved(np.zeros_like(cloud), shift, True)
    found = dark & here
    if sun_azimuth_deg is not None:
        large = ndimage.binary_opening(dark, _disk(max(1, round(_least_width(dates) / 6))))
        patches, _ = ndimage.label(large & (here | unknown))
        for number, place in enumerate(ndimage.find_objects(patches), 1):
            wide = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in place)
            patch = patches[wide] == number
            if np.count_nonzero(patch) >= _LEAST_WIDTH**2 and _steepness(loss[wide], patch) <= SOFT:
                found[wide] |= patch
    return ndimage.binary_dilation(found, iterations=2) & (here | unknown) & dates.valid & ~cloud


def _moved(mask: np.ndarray, shift: tuple[int, int], fill: bool) -> np.ndarray:
    """Move a mask by whole cells."""
    out = np.full(mask.shape, fill)
    height, width = mask.shape
    (down, along) = shift
    rows = slice(max(0, down), min(height, height + down))
    cols = slice(max(0, along), min(width, width + along))
    from_rows = slice(max(0, -down), min(height, height - down))
    from_cols = slice(max(0, -along), min(width, width - along))
    out[rows, cols] = mask[from_rows, from_cols]
    return out


def _disk(radius: int) -> np.ndarray:
    r = np.arange(-radius, radius + 1)
    return np.asarray(r[:, None] ** 2 + r[None, :] ** 2 <= (radius + 0.5) ** 2)
