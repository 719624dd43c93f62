"""Tested places cut into the things they hold, without the shadows these cast.

What is tested is a place where a *pooled* statistic stands out: it runs a pixel or two wide, takes
in the shadow of what came, and joins neighbours. Here each place is looked at once more without
pooling: cut into regions of like colour (:mod:`changedet.differencing.objects.regions`), of which
those that changed and are no cast shadow make the parts. A part must stand by itself, with a peak
above the seed and the least size of an object; a place that falls apart into nothing stays as it
is. Parts keep the significance of their place, which is what was compared with quiet ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.detectors.vector import ChangeVector, object_pixel_m
from changedet.differencing.ground.filters import GUARD
from changedet.differencing.objects.coupled import cut_coupled
from changedet.differencing.objects.explaining import Run
from changedet.differencing.objects.faint_bodies import Sight, faint_bodies
from changedet.differencing.objects.joining import join_pieces
from changedet.differencing.objects.labelling import LABEL_BLOCK, Components
from changedet.differencing.objects.standing import GROUND_PX
from changedet.differencing.objects.things import noisiness, segment, standing
from changedet.differencing.objects.uniting import unite
from changedet.model import PairReader, RasterWindows, Window

TOGETHER_PX = 256
"""Places that reach no further than this beyond the block of their first pixel are looked at
together; larger ones each in a window of its own,"""
LARGEST_WINDOW = 2048 * 2048
"""if that has no more pixels than this,"""
LARGEST_PLACE = 250_000
"""and they themselves no more than this: what is larger stays whole."""
CROWDED_PX = 4
"""Notches are not filled where another place is as near."""
MARGIN_PX = 2
"""So much ground around a place takes part in the cutting, that borders find their line."""


@dataclass(frozen=True, eq=False)
class _Parts:
    """Parts of the places of one window."""

    window: Window
    raster: np.ndarray
    """(y, x) int32: 1-based parts."""
    pixels: np.ndarray
    peak: np.ndarray
    first: np.ndarray
    box: np.ndarray
    parent: np.ndarray
    """(n,) 0-based place of each part."""


def refine(
    score: RasterWindows,
    labels: Any,
    parts: Any,
    found: Components,
    asked: np.ndarray,
    reader: PairReader,
    detection: Detection,
    least_pixels: int,
    run: Run = map,
) -> tuple[Components, np.ndarray, np.ndarray]:
    """Cut places into parts.

    Parameters
    ----------
    score : RasterWindows
        −log10 p.
    labels : RasterWindows with ``write``
        Provisional labels of ``found``; rewritten, so that the new lookup leaves them as they are.
    parts : RasterWindows with ``write``
        int32 scratch raster, zero to begin with.
    found : Components
        The places.
    asked : (n,) bool array
        Which of them may be cut; the others stay as they are.
    reader, detection, run
        As for :func:`changedet.differencing.find_objects`.
    least_pixels : int
        Smallest part.

    Returns
    -------
    Components
        Parts and uncut places, by their first pixel.
    parent : (m,) int array
        0-based place of each.
    is_part : (m,) bool array
        Which of them are parts.
    """
    groups = list(_groups(found, asked)) if can_refine(detection) else []
    if not groups:
        return found, np.arange(len(found)), np.zeros(len(found), dtype=bool)
    cut: list[_Parts] = []
    base = 0

    def work(group: tuple[Window, np.ndarray]) -> _Parts:
        return _cut_places(group, score, labels, found, reader, detection, least_pixels)

    for piece in run(work, groups):  # type: ignore[arg-type]
        there = piece.raster > 0
        raster = parts.read(piece.window)
        raster[there] = piece.raster[there] + base
        parts.write(piece.window, raster)
        base += len(piece.pixels)
        cut.append(piece)
    names = ("pixels", "peak", "first", "box", "parent")
    new = {n: np.concatenate([getattr(p, n) for p in cut]) for n in names}
    whole = np.ones(len(found), dtype=bool)
    whole[new["parent"]] = False
    stay = np.flatnonzero(whole)
    pixels, peak, first, box = (
        np.concatenate([new[n], getattr(found, n)[stay]]) for n in names[:-1]
    )
    parent = np.concatenate([new["parent"], stay])
    explained = found.explained[parent]
    order = np.lexsort((first[:, 1], first[:, 0]))
    number = np.empty(len(order) + 1, dtype=np.int64)
    number[0] = 0
    number[order + 1] = np.arange(1, len(order) + 1)
    of_place = np.zeros(len(found) + 1, dtype=np.int64)
    of_place[stay + 1] = number[base + 1 :]

    def compose(window: Window) -> None:
        place = found.lookup[labels.read(window)]
        part = number[parts.read(window)]
        labels.write(window, np.where(part > 0, part, of_place[place]).astype(np.int32))

    for _ in run(compose, score.grid.tiles(LABEL_BLOCK)):
        pass
    lookup = np.arange(len(order) + 1)
    return (
        Components(lookup, pixels[order], peak[order], first[order], box[order], explained[order]),
        parent[order],
        order < base,
    )


def can_refine(detection: Detection) -> bool:
    """Whether places are tested one by one, at pixels that resolve single objects."""
    return (
        not detection.threshold.is_map
        and isinstance(detection.detector, ChangeVector)
        and object_pixel_m(detection.context) is not None
    )


def _groups(found: Components, asked: np.ndarray) -> Iterator[tuple[Window, np.ndarray]]:
    """Windows with the places to be cut in them, each place once."""
    index = np.flatnonzero(asked & (found.pixels <= LARGEST_PLACE))
    box = found.box[index]
    block = found.first[index] // LABEL_BLOCK
    low = box[:, :2] - block * LABEL_BLOCK
    high = box[:, 2:] - (block + 1) * LABEL_BLOCK
    near = (low >= -TOGETHER_PX).all(axis=1) & (high < TOGETHER_PX).all(axis=1)
    _, group = np.unique(block[near], axis=0, return_inverse=True)
    members = [index[near][group.ravel() == k] for k in range(int(group.max(initial=-1)) + 1)]
    members += [index[k : k + 1] for k in np.flatnonzero(~near)]
    for chosen in members:
        top, left = found.box[chosen, :2].min(axis=0)
        bottom, right = found.box[chosen, 2:].max(axis=0)
        window = Window(int(top), int(left), int(bottom - top + 1), int(right - left + 1))
        if len(chosen) > 1 or window.height * window.width <= LARGEST_WINDOW:
            yield window, chosen


def _cut_places(
    group: tuple[Window, np.ndarray],
    score: RasterWindows,
    labels: RasterWindows,
    found: Components,
    reader: PairReader,
    detection: Detection,
    least_pixels: int,
) -> _Parts:
    inner, chosen = group
    inner = inner.pad(MARGIN_PX).intersect(score.grid.window)
    shadow = detection.shadow
    halo = GUARD if shadow is None else shadow.halo + SHADOW_GUARD
    window = inner.pad(MARGIN_PX + 1 + max(halo, GROUND_PX))
    seen = window.intersect(score.grid.window)
    at = seen.within(window)
    every = np.zeros(window.shape, dtype=np.int64)
    every[at] = found.lookup[labels.read(seen)]
    surprise = np.full(window.shape, np.nan, dtype=np.float32)
    surprise[at] = score.read(seen)
    here = np.zeros(len(found) + 1, dtype=np.int64)
    here[chosen + 1] = np.arange(1, len(chosen) + 1)
    places = here[every]
    wide, crowded = _with_margin(every)
    near = np.where(np.isfinite(surprise), here[wide], 0)
    pair = reader.read(window)
    regions = segment(pair, places, near, detection, least_pixels)
    surprise = np.nan_to_num(surprise, nan=-1.0)
    raster = standing(regions, surprise, crowded, detection, least_pixels)
    sight = Sight(regions, surprise, pair, window, detection, least_pixels)
    raster = faint_bodies(raster, sight)
    raster = unite(raster, regions.owner, wide, pair, window, detection, noisiness(detection))
    raster = cut_coupled(raster, pair, detection, least_pixels)
    raster = join_pieces(raster, wide, pair, detection)
    cut = inner.within(window)
    return _measure(raster[cut], near[cut], surprise[cut], inner, chosen)


def _with_margin(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places with a margin of ground, and (y, x) bool: where another place is near.

    Places with their margins never touch, not even at a corner: what is done to one cannot depend
    on whether the other is looked at in the same window.
    """
    wide = _widened(places, MARGIN_PX)[0]
    wide = np.where(places > 0, places, wide)
    most, least = _widened(wide, 1)
    wide = np.where((most != least) & (places == 0), 0, wide)
    most, least = _widened(wide, CROWDED_PX)
    return wide, most != least


def _widened(places: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest number of a place within some pixels, 0 where there is none."""
    import cv2

    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    none = np.float32(1 << 24)
    numbers = places.astype(np.float32)
    most = cv2.dilate(numbers, square)
    least = cv2.erode(np.where(places > 0, numbers, none), square)
    return most.astype(np.int64), np.where(least == none, 0, least).astype(np.int64)


def _measure(
    raster: np.ndarray,
    places: np.ndarray,
    surprise: np.ndarray,
    window: Window,
    chosen: np.ndarray,
) -> _Parts:
    """Number the parts by their first pixel and measure them."""
    inside = np.flatnonzero(raster)
    _, start, part = np.unique(raster.ravel()[inside], return_index=True, return_inverse=True)
    n = len(start)
    out = np.zeros(raster.shape, dtype=np.int32)
    out.ravel()[inside] = part + 1
    peak = np.zeros(n, dtype=np.float32)
    np.maximum.at(peak, part, surprise.ravel()[inside])
    at = np.column_stack([inside // window.width, inside % window.width])
    low = np.full((n, 2), np.iinfo(np.int64).max)
    high = np.full((n, 2), -1)
    np.minimum.at(low, part, at)
    np.maximum.at(high, part, at)
    corner = np.array([window.row, window.col])
    first = at[start] + corner
    parent = chosen[places.ravel()[inside[start]] - 1]
    return _Parts(
        window, out, np.bincount(part, minlength=n), peak, first,
        np.concatenate([low + corner, high + corner], axis=1), parent,
    )  # fmt: skip
