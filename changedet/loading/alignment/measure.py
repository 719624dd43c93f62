"""Reading windows of a pair, laid on each other as far as known, and comparing their phases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from changedet.loading.alignment.features import Recipe
from changedet.loading.alignment.fields import Store
from changedet.loading.alignment.lay import SUBPIXEL, correction, laid_on
from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.spectra import Spectra, band, gather, phases, taper
from changedet.loading.alignment.trust import agreement
from changedet.model import PairReader, Window

_BLOCK = 704
"""Where windows cover the grid, those whose corners lie in one block of about this side share one
reading of the pair."""
_STILL = 0.05
"""Variation of the correction over a block (pixels) below which nothing is resampled."""
_LIT = 0.25
"""Part of a window that must be sunlit and alike for the choice of pixels to count."""
_BATCH = 16
"""Windows whose spectra are taken together: as many as fit into the processor's cache."""


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
    exact: bool
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
    exact: bool = False,
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
        Only pixels that can be trusted vote (see :mod:`changedet.loading.alignment.trust`); needs a
        store with tones, and a motion that is right to about half a pixel.
    exact : bool
        Lay windows on each other as exactly as possible, see
        :func:`changedet.loading.alignment.lay.laid_on`.

    Returns
    -------
    Comparison
    """
    groups = _groups(corners, size, pair.grid.shape)
    task = _Task(pair, size, motion, recipe, backward, trusting, exact, store or Store(room=0))
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        parts = list(pool.map(lambda index: _block(task, corners[index], index), groups))
    return _joined(parts, corners, size)


def _groups(corners: np.ndarray, size: int, shape: tuple[int, int]) -> list[np.ndarray]:
    """Windows to read together: by blocks where they lie densely, else each on its own."""
    if 2 * len(corners) * size * size < shape[0] * shape[1]:
        return [np.array([i]) for i in range(len(corners))]
    span = np.maximum(np.array(shape) - size + 1, 1)
    keys = corners * -(-span // _BLOCK) // span
    order: dict[tuple[int, int], list[int]] = {}
    for i, (r, c) in enumerate(keys):
        order.setdefault((int(r), int(c)), []).append(i)
    return [np.array(v) for _, v in sorted(order.items())]


def _joined(parts: Sequence[_Part], corners: np.ndarray, size: int) -> Comparison:
    n, k = len(corners), len(band(size)[0])
    stacked = np.zeros((n, k, k), np.complex64)
    applied, share = np.zeros((n, 2)), np.zeros(n)
    for part in parts:
        stacked[part.index] = part.phases
        applied[part.index] = part.applied
        share[part.index] = part.share
    return Comparison(gather(stacked, size), corners + (size - 1) / 2, applied, share)


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
        still = bool((np.abs(known - middle) < 0.5 / SUBPIXEL).all())
    margin = 0 if still else int(np.ceil(np.abs(known - middle).max())) + 6

    reach = task.recipe.reach
    moved = Window(top - int(middle[0]), left - int(middle[1]), box.height, box.width)
    near, far = box.pad(reach), moved.pad(reach + margin)
    fields = task.store.fields(task.pair, near, far, task.recipe, backward)
    if still:
        planes = [p[moved.within(fields.far)] for p in fields.second]
        applied = np.broadcast_to(middle.astype(float), (len(corners), 2))
    else:
        planes, applied = laid_on(
            fields.second, fields.far, box, corners, size, motion, backward, task.exact
        )
    cut = box.within(fields.near)
    f, g = fields.first[cut], (planes[0] + 1j * planes[1]).astype(np.complex64)
    both = (fields.known[cut] & (planes[2] > 0.999)).astype(np.float32)
    cuts = [Window(int(r), int(c), size, size).within(box) for r, c in corners]
    hann = taper(size)
    one_way = hann.sum(0) / np.sqrt(hann.sum())
    # einsum without BLAS, whose threads would fight those of the pool
    share = np.ones(len(cuts))
    if not both.all():
        share = np.array([np.einsum("ab,b->a", both[w], one_way) @ one_way for w in cuts])
        share /= float(hann.sum())
    masks = [both[w] * hann for w in cuts] if share.min() < 1 else [hann] * len(cuts)
    if task.trusting and fields.lit is not None:
        light = fields.lit[cut] * planes[3]
        masks = _votes(agreement(f * both, g * both) * both, light, cuts, hann, share)
    return _Part(index, _phases(f, g, cuts, masks), applied, share)


def _phases(
    f: np.ndarray, g: np.ndarray, cuts: list[tuple[slice, slice]], masks: list[np.ndarray]
) -> np.ndarray:
    """Phase spectra of windows cut out of two fields, a few at a time."""
    out = []
    for first in range(0, len(cuts), _BATCH):
        some = slice(first, first + _BATCH)
        mask = np.stack(masks[some]) if masks[0] is not masks[-1] else masks[0][None]
        out.append(phases(*(_centred([v[w] for w in cuts[some]], mask) for v in (f, g))))
    return np.concatenate(out)


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


def _centred(windows: list[np.ndarray], masks: np.ndarray) -> np.ndarray:
    """Remove the weighted mean, so that the mask itself leaves no trace, and taper."""
    out = np.stack(windows)
    out *= masks
    weight = np.maximum(masks.reshape(len(masks), -1).sum(1), 1e-20)
    mean = out.reshape(len(out), -1).sum(1) / weight
    out -= mean.astype(np.complex64)[:, None, None] * masks
    return out
