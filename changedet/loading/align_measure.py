"""Reading windows of a pair, laid on each other as far as known, and comparing their phases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from changedet.loading.align_features import Recipe
from changedet.loading.align_fields import Store
from changedet.loading.align_motion import Motion
from changedet.loading.align_spectra import Spectra, band, gather, phases, taper
from changedet.loading.align_trust import agreement
from changedet.model import PairReader, Window

_BLOCK = 512
"""Windows whose corners lie in one block of this side share one reading of the pair."""
_STILL = 0.05
"""Variation of the correction over a block (pixels) below which nothing is resampled."""
_LIT = 0.25
"""Part of a window that must be sunlit and alike for the choice of pixels to count."""
_SUBPIXEL = 32
"""OpenCV rounds coordinates to this share of a pixel."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Phase spectra of windows after a known motion was taken out."""

    spectra: Spectra
    """Of the windows, in the order asked for."""
    centres: np.ndarray
    """(n, 2) row, col of the window centres on the grid."""
    applied: np.ndarray
    """(n, 2) correction (dy, dx) that was taken out beforehand, at the centre of each window."""
    share: np.ndarray
    """(n,) part of each window that could be compared, 0 to 1."""

    def take(self, rows: np.ndarray) -> Comparison:
        """Return some of the windows."""
        return Comparison(
            self.spectra.take(rows), self.centres[rows], self.applied[rows], self.share[rows]
        )


@dataclass(frozen=True, eq=False)
class _Part:
    index: np.ndarray
    phases: np.ndarray
    applied: np.ndarray
    share: np.ndarray


@dataclass(frozen=True, eq=False)
class _Task:
    pair: PairReader
    size: int
    motion: Motion
    recipe: Recipe
    backward: bool
    trusting: bool
    store: Store


def compare(
    pair: PairReader,
    corners: np.ndarray,
    size: int,
    motion: Motion,
    recipe: Recipe,
    *,
    backward: bool = False,
    store: Store | None = None,
    trusting: bool = False,
) -> Comparison:
    """Compare windows of both images.

    Parameters
    ----------
    pair : PairReader
        The uncorrected pair.
    corners : (n, 2) int array
        First row and column of each window on the grid.
    size : int
        Side of the windows, pixels.
    motion : Motion
        Correction known so far; it is taken out before windows are compared.
    recipe : Recipe
        Feature to compare.
    backward : bool
        Lay the before image on the after image instead; phases are then those of the opposite
        correction.
    store : Store, optional
        Keeps feature fields for the next call.
    trusting : bool
        Only pixels that can be trusted vote (see :mod:`changedet.loading.align_trust`); needs a
        store with tones, and a motion that is right to about half a pixel.

    Returns
    -------
    Comparison
    """
    keys = corners // _BLOCK
    order: dict[tuple[int, int], list[int]] = {}
    for i, (r, c) in enumerate(keys):
        order.setdefault((int(r), int(c)), []).append(i)
    groups = [np.array(v) for _, v in sorted(order.items())]

    task = _Task(pair, size, motion, recipe, backward, trusting, store or Store(room=0))
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        parts = list(pool.map(lambda index: _block(task, corners[index], index), groups))
    return _joined(parts, corners, size)


def _joined(parts: Sequence[_Part], corners: np.ndarray, size: int) -> Comparison:
    n, k = len(corners), len(band(size)[0])
    stacked = np.zeros((n, k, k), np.complex64)
    applied, share = np.zeros((n, 2)), np.zeros(n)
    for part in parts:
        stacked[part.index] = part.phases
        applied[part.index] = part.applied
        share[part.index] = part.share
    return Comparison(gather(stacked, size), corners + (size - 1) / 2, applied, share)


def correction(motion: Motion, rows: np.ndarray, cols: np.ndarray, backward: bool) -> np.ndarray:
    """Correction (dy, dx) of the second image at places of the first: after, or before image."""
    if not backward:
        return motion.at(rows, cols)
    there = motion.at(rows, cols)
    return -motion.at(rows + there[..., 0], cols + there[..., 1])


def _block(task: _Task, corners: np.ndarray, index: np.ndarray) -> _Part:
    """Compare the windows of one block."""
    size, motion, backward = task.size, task.motion, task.backward
    top, left = (int(v) for v in corners.min(0))
    bottom, right = (int(v) + size for v in corners.max(0))
    box = Window(top, left, bottom - top, right - left)
    rows, cols = np.meshgrid(
        np.linspace(top, bottom - 1, 9), np.linspace(left, right - 1, 9), indexing="ij"
    )
    known = correction(motion, rows, cols, backward)
    middle = np.rint((known.min((0, 1)) + known.max((0, 1))) / 2).astype(int)
    still = bool((np.ptp(known, axis=(0, 1)) < _STILL).all())
    if task.trusting:
        still = bool((np.abs(known - middle) < 0.5 / _SUBPIXEL).all())
    margin = 0 if still else int(np.ceil(np.abs(known - middle).max())) + 4

    reach = task.recipe.reach
    moved = Window(top - int(middle[0]), left - int(middle[1]), box.height, box.width)
    near, far = box.pad(reach), moved.pad(reach + margin)
    fields = task.store.fields(task.pair, near, far, task.recipe, backward)
    if still:
        planes = [p[moved.within(fields.far)] for p in fields.second]
        applied = np.broadcast_to(middle.astype(float), (len(corners), 2))
    else:
        planes, rounded = _laid_on(fields.second, fields.far, box, motion, backward)
        applied = _applied(motion, corners, size, box, rounded, backward)
    cut = box.within(near)
    f, g = fields.first[cut], (planes[0] + 1j * planes[1]).astype(np.complex64)
    both = (fields.known[cut] & (planes[2] > 0.999)).astype(np.float32)
    cuts = [Window(int(r), int(c), size, size).within(box) for r, c in corners]
    hann = taper(size)
    one_way = hann.sum(0) / np.sqrt(hann.sum())
    # einsum without BLAS, whose threads would fight those of the pool
    share = np.ones(len(cuts))
    if not both.all():
        share = np.array([np.einsum("a,ab,b->", one_way, both[w], one_way) for w in cuts])
        share /= float(hann.sum())
    masks = [both[w] * hann for w in cuts]
    if task.trusting and fields.lit is not None:
        light = fields.lit[cut] * planes[3]
        masks = _votes(agreement(f * both, g * both) * both, light, cuts, hann, share)
    stack = np.stack([_centred(f[w], m) for w, m in zip(cuts, masks, strict=True)])
    against = np.stack([_centred(g[w], m) for w, m in zip(cuts, masks, strict=True)])
    return _Part(index, phases(stack, against), applied, share)


def _votes(
    alike: np.ndarray,
    light: np.ndarray,
    cuts: list[tuple[slice, slice]],
    hann: np.ndarray,
    share: np.ndarray,
) -> list[np.ndarray]:
    """Mask of each window: pixels that are alike and sunlit, tapered."""
    vote, plain = np.sqrt(alike * light), np.sqrt(alike)
    out = []
    for cut, part in zip(cuts, share, strict=True):
        mask = vote[cut] * hann
        # where nearly everything is dark, darkness is no reason to look away
        enough = float(mask.sum()) >= _LIT * float(hann.sum()) * part
        out.append(mask if enough else plain[cut] * hann)
    return out


def _centred(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Remove the weighted mean, so that the mask itself leaves no trace, and taper."""
    weight = float(mask.sum())
    if weight <= 0:
        return values * 0
    return (values - (mask * values).sum() / weight) * mask


def _laid_on(
    planes: list[np.ndarray], far: Window, box: Window, motion: Motion, backward: bool
) -> tuple[list[np.ndarray], np.ndarray]:
    """Resample planes of the second image by the known correction; also what rounding added."""
    import cv2

    rows = np.arange(box.row, box.row + box.height, dtype=np.float64)
    cols = np.arange(box.col, box.col + box.width, dtype=np.float64)
    known = _dense(motion, rows, cols, backward)
    # rounding here, not inside OpenCV, so that what was rounded away is known
    map_y = np.rint((rows[:, None] - known[..., 0] - far.row) * _SUBPIXEL) / _SUBPIXEL
    map_x = np.rint((cols[None] - known[..., 1] - far.col) * _SUBPIXEL) / _SUBPIXEL
    maps = (map_x.astype(np.float32), map_y.astype(np.float32))
    moved = [
        cv2.remap(plane, *maps, how)
        for plane, how in zip(
            planes, [cv2.INTER_LANCZOS4] * 2 + [cv2.INTER_LINEAR] * (len(planes) - 2), strict=True
        )
    ]
    taken = np.stack([rows[:, None] - far.row - map_y, cols[None] - far.col - map_x], -1)
    return moved, taken - known


def _dense(motion: Motion, rows: np.ndarray, cols: np.ndarray, backward: bool) -> np.ndarray:
    """Correction on a whole block: exact at every eighth pixel, bilinear between."""
    import cv2

    coarse_r = np.arange(rows[0], rows[-1] + 8, 8.0)
    coarse_c = np.arange(cols[0], cols[-1] + 8, 8.0)
    known = correction(motion, coarse_r[:, None], coarse_c[None], backward)
    map_y = np.broadcast_to(((rows - rows[0]) / 8)[:, None], (len(rows), len(cols)))
    map_x = np.broadcast_to(((cols - cols[0]) / 8)[None], (len(rows), len(cols)))
    maps = (map_x.astype(np.float32), map_y.astype(np.float32))
    return np.stack(
        [
            cv2.remap(known[..., k], *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for k in (0, 1)
        ],
        -1,
    )


def _applied(
    motion: Motion,
    corners: np.ndarray,
    size: int,
    box: Window,
    rounded: np.ndarray,
    backward: bool,
) -> np.ndarray:
    """Correction at each window's centre, with what rounding added over the window."""
    middle = corners + (size - 1) / 2
    known = correction(motion, middle[:, 0], middle[:, 1], backward)
    hann = taper(size)
    # every third pixel is enough for a mean of rounding errors
    one_way = hann[1::3, 1::3].sum(0) / hann[1::3, 1::3].sum()
    out = np.empty((len(corners), 2))
    for i, (row, col) in enumerate(corners):
        cut = Window(int(row), int(col), size, size).within(box)
        out[i] = np.einsum("a,abk,b->k", one_way, rounded[cut][1::3, 1::3], one_way)
    return known + out
