"""Shadows of clouds: dark patches that lie where the clouds, moved by one displacement, fall."""

from __future__ import annotations

import math

import numpy as np
from scipy import fft, ndimage

from changedet.loading.observing.cloud_cells import (
    LEAST_CELLS,
    LEAST_WIDTH,
    SOFT,
    Dates,
    disk,
    least_width,
    steepness,
)

DARKER = 0.75
"""A shadow keeps less than this share of the light at the other date."""
DARK_GROUND = 0.05
"""Ground as dark as this share of its range shows no shadow."""
MATCHED = 0.4
"""Share of the ground where the clouds' shadow must fall, away from the sun, that must be dark."""
PROOF = 0.75
"""The same where the sun is not known, or where a shadow must prove that a patch is a cloud."""
MOST = 12
"""Patches for each of which a displacement is looked for."""
MARGIN = 256
"""Cells around a patch in which its shadow is looked for, at most."""
FARTHEST_M = 5000.0
"""Largest displacement of a shadow: that of a cloud 5 km high with the sun at 45 degrees."""


def darker(dates: Dates, which: int) -> np.ndarray:
    """(y, x) bool: darker than at the other date, both in the visible and in the near infrared.

    In the visible above the darkest ground: what the air adds is also there in shadow.
    """
    one, other = (dates.scaled[k].mean(axis=0) for k in (which, 1 - which))
    out = dates.valid & (other > DARK_GROUND) & (one < DARKER * other)
    for role in ("nir", "nir08"):
        if role in dates.roles:
            band = dates.roles.index(role)
            infrared, before = (dates.pixels[k][band] for k in (which, 1 - which))
            out &= infrared < DARKER * before
            break
    return ndimage.binary_opening(out, disk(1))


def shadow_shift(
    cloud: np.ndarray,
    covered: np.ndarray,
    dark: np.ndarray,
    valid: np.ndarray,
    sun_azimuth_deg: float | None,
    needed: float,
    reach: float,
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
    valid : (y, x) bool array
        Usable at both dates.
    sun_azimuth_deg : float or None
        Where the sun stands; any direction may be right without.
    needed : float
        Share of the ground under the displaced clouds that must be dark. From :data:`PROOF` on,
        there must be less dark ground around it, too.
    reach : float
        Largest displacement, cells.
    """
    ground = valid & ~covered
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
    enough = 0.25 if needed >= PROOF else 0.15
    possible = seen >= max(LEAST_CELLS, enough * np.count_nonzero(cloud))
    distance = np.hypot(rows, cols)
    possible &= (distance >= 3) & (distance <= reach)
    if sun_azimuth_deg is not None:
        bearing = np.degrees(np.arctan2(cols, -rows)) - sun_azimuth_deg - 180
        possible &= np.abs((bearing + 180) % 360 - 180) <= 15
    share = hits / np.maximum(seen, 1)
    if needed >= PROOF:
        width = math.sqrt(np.count_nonzero(cloud))
        ring = ndimage.binary_dilation(cloud, disk(max(2, round(width / 4)))) & ~cloud
        ring_hits, ring_seen = under(ring)
        possible &= share - ring_hits / np.maximum(ring_seen, 1) >= needed / 2
    both = np.where(possible, 2 * hits / (seen + np.count_nonzero(dark)), 0)
    best = np.unravel_index(int(np.argmax(both)), both.shape)
    usual = np.count_nonzero(dark) / max(1, int(np.count_nonzero(ground)))
    if not possible[best] or share[best] < max(needed, 1.4 * usual):
        return None
    return int(rows[best[0], 0]), int(cols[0, best[1]])


def proven_patches(
    patches: np.ndarray,
    dense: np.ndarray,
    dark: np.ndarray,
    dates: Dates,
    sun_azimuth_deg: float,
) -> np.ndarray:
    """(y, x) bool: numbered patches that prove by their shadows that they are clouds.

    The displacement is found for each of the largest ones; the others must have a shadow at one of
    the displacements found.
    """
    out, valid = np.zeros(patches.shape, dtype=bool), dates.valid
    reach = min(MARGIN, FARTHEST_M / dates.cell_m)
    count = int(patches.max(initial=0))
    if count == 0:
        return out
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(patches > 0, patches, numbers)
    places = ndimage.find_objects(patches)
    shifts = []
    for number in (np.argsort(-sizes, kind="stable")[:MOST] + 1).tolist():
        if sizes[number - 1] == 0:
            continue
        near = tuple(slice(max(0, s.start - MARGIN), s.stop + MARGIN) for s in places[number - 1])
        alone = patches[near] == number
        shift = shadow_shift(
            alone & dense[near], alone, dark[near], valid[near], sun_azimuth_deg, PROOF, reach
        )
        if shift is not None:
            shifts.append(shift)
            out[near] |= alone
    for down, along in dict.fromkeys(shifts):
        hits, seen = (
            ndimage.sum_labels(_moved(field, (-down, -along), False) & dense, patches, numbers)
            for field in (dark & (patches == 0), valid & (patches == 0))
        )
        proven = (hits >= PROOF * seen) & (seen >= np.maximum(LEAST_CELLS, 0.25 * sizes))
        out |= np.concatenate([[False], proven])[patches]
    return out


def find_shadow(
    cloud: np.ndarray,
    dense: np.ndarray,
    dark: np.ndarray,
    loss: np.ndarray,
    dates: Dates,
    sun_azimuth_deg: float | None,
) -> np.ndarray:
    """(y, x) bool: dark patches where the clouds' shadow must fall."""
    needed = MATCHED if sun_azimuth_deg is not None else PROOF
    shift = shadow_shift(
        dense, cloud, dark, dates.valid, sun_azimuth_deg, needed, FARTHEST_M / dates.cell_m
    )
    if shift is None:
        return np.zeros(cloud.shape, dtype=bool)
    here = ndimage.binary_dilation(_moved(cloud, shift, False), iterations=2)
    # of clouds beyond the edge of the image nothing is known: large, soft patches only
    unknown = _moved(np.zeros_like(cloud), shift, True)
    found = dark & here
    if sun_azimuth_deg is not None:
        large = ndimage.binary_opening(dark, disk(max(1, round(least_width(dates) / 6))))
        patches, _ = ndimage.label(large & (here | unknown))
        for number, place in enumerate(ndimage.find_objects(patches), 1):
            wide = tuple(slice(max(0, s.start - 2), s.stop + 2) for s in place)
            patch = patches[wide] == number
            if np.count_nonzero(patch) >= LEAST_WIDTH**2 and steepness(loss[wide], patch) <= SOFT:
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
