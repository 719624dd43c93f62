"""Tested places cut into the things they hold, without the shadows these cast.

What is tested is a place where a *pooled* statistic stands out: it runs a pixel or two wide, takes
in the shadow of what came, and joins neighbours. Here each place is looked at once more without
pooling: cut into regions of like colour (:mod:`changedet.differencing.segmenting`), of which those
that changed and are no cast shadow make the parts. A part must stand by itself, with a peak above
the seed and the least size of an object; a place that falls apart into nothing stays as it is.
Parts keep the significance of their place, which is what was compared with quiet ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.explaining import Run
from changedet.differencing.filters import GUARD
from changedet.differencing.labelling import LABEL_BLOCK, Components
from changedet.differencing.measuring import shape_of
from changedet.differencing.segmenting import Regions
from changedet.differencing.shadow import ShadowModel
from changedet.differencing.vector import ChangeVector, colours, object_pixel_m
from changedet.model import ImagePair, PairReader, RasterWindows, Window

TOGETHER_PX = 256
"""Places that reach no further than this beyond the block of their first pixel are looked at
together; larger ones each in a window of its own,"""
LARGEST_PIXELS = 2048 * 2048
"""if it has no more pixels than this: what is larger stays whole."""
MARGIN_PX = 2
"""So much ground around a place takes part in the cutting, that borders find their line."""
CHANGED = 0.16
"""Regions whose logarithm of brightness changed by less, root mean square over bands, are ground,"""
SAME = 0.12
"""Neighbours that differ by less at both dates are one surface,"""
ALIKE = 0.35
"""and changed regions that differ by less at both dates are one thing."""
SHADOW_SHARE = 0.5
"""Share of a region's pixels that must have the colour of a shadow, and then look towards a thing
that casts it."""
ENCLOSED = 0.5
"""Thin regions that changed parts enclose by this share belong to them: stripes of a thing."""
LOWEST_M = 2.5
"""Height that wagons, containers and trucks have at least, metres."""
LEFT = 0.5
"""Share of a dark region that must be left without its shadow."""
NARROWEST_M = 2.0
"""Narrower changed regions are no things beside others that changed, but their sides and stripes,
metres."""


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
    if not can_refine(detection) or not asked.any():
        return found, np.arange(len(found)), np.zeros(len(found), dtype=bool)
    cut: list[_Parts] = []
    base = 0

    def work(group: tuple[Window, np.ndarray]) -> _Parts:
        return _cut_places(group, score, labels, found, reader, detection, least_pixels)

    for piece in run(work, _groups(found, asked)):  # type: ignore[arg-type]
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
    return Components(
        lookup, pixels[order], peak[order], first[order], box[order], explained[order]
    ), parent[order], order < base


def can_refine(detection: Detection) -> bool:
    """Whether places are tested one by one, at pixels that resolve single objects."""
    return (
        not detection.threshold.is_map
        and isinstance(detection.detector, ChangeVector)
        and object_pixel_m(detection.context) is not None
    )


def _size(detection: Detection) -> float:
    """Size of a pixel, metres."""
    size = object_pixel_m(detection.context)
    assert size is not None
    return size


def _groups(found: Components, asked: np.ndarray) -> Iterator[tuple[Window, np.ndarray]]:
    """Windows with the places to be cut in them, each place once."""
    index = np.flatnonzero(asked)
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
        if len(chosen) > 1 or window.height * window.width <= LARGEST_PIXELS:
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
    window = inner.pad(MARGIN_PX + 1 + (GUARD if shadow is None else shadow.halo + SHADOW_GUARD))
    seen = window.intersect(score.grid.window)
    at = seen.within(window)
    every = np.zeros(window.shape, dtype=np.int64)
    every[at] = found.lookup[labels.read(seen)]
    surprise = np.full(window.shape, np.nan, dtype=np.float32)
    surprise[at] = score.read(seen)
    here = np.zeros(len(found) + 1, dtype=np.int64)
    here[chosen + 1] = np.arange(1, len(chosen) + 1)
    places = here[every]
    near = np.where(np.isfinite(surprise), here[_with_margin(every)], 0)
    regions = segment(reader.read(window), places, near, detection, least_pixels)
    surprise = np.nan_to_num(surprise, nan=-1.0)
    narrow = NARROWEST_M / _size(detection)
    raster = _standing(regions, surprise, detection.threshold.seed, least_pixels, narrow)
    cut = inner.within(window)
    return _measure(raster[cut], near[cut], surprise[cut], inner, chosen)


def segment(
    pair: ImagePair, places: np.ndarray, near: np.ndarray, detection: Detection, least: int
) -> Regions:
    """Regions of the places of a window; kind 1 changed, 0 did not or is a cast shadow."""
    assert isinstance(detection.detector, ChangeVector)
    before, after = colours(pair, detection.detector, detection.contrast[1])
    change = np.sqrt(((after - before) ** 2).mean(axis=0))
    shade, moved = np.zeros((2, *places.shape), np.float32), np.zeros(places.shape, np.float32)
    if detection.shadow is not None:
        shade, moved = _shadow_coloured(pair, detection, places > 0)
    inside = (places > 0).astype(np.float32)
    regions = Regions.of(near, [*before, *after], [change, inside, *shade, moved])
    regions.join_alike(SAME)
    while regions.give_away(regions.thin(), ~regions.thin(), mixed=True):
        pass
    tiny = regions.thin() & (regions.pixels < 0.5 * least)
    regions.give_away(tiny, ~tiny)
    regions.kind = _kinds(regions)
    narrow = NARROWEST_M / _size(detection)
    _put_together(regions, narrow)
    if detection.shadow is not None:
        kind = regions.kind
        regions.kind = _without_cast(regions, detection.shadow, least)
        _trim(regions, kind, detection.shadow)
    regions.kind[regions.kind > 1] = 1
    _put_together(regions, narrow)
    small = (regions.kind > 0) & (regions.pixels < least)
    regions.give_away(small, regions.kind > 0)
    return regions


def _put_together(regions: Regions, narrow: float) -> None:
    """Join what is alike, stripes, and what is too narrow to be a thing, by kind."""
    regions.join_alike(ALIKE)
    hole = regions.thin() & (regions.enclosed(regions.kind == 1) >= ENCLOSED)
    regions.kind[hole] = 1
    regions.join_narrow(narrow)


def _kinds(regions: Regions) -> np.ndarray:
    """0 unchanged, 1 changed, 2 and 3 darker before and after with the colour of a shadow."""
    k = regions.colours
    out = ((regions.mean(k) >= CHANGED) & (regions.mean(k + 1) >= 0.5)).astype(np.int64)
    for date in (0, 1):
        out[(out > 0) & (regions.mean(k + 2 + date) >= SHADOW_SHARE)] = 2 + date
    return out


def _with_margin(places: np.ndarray) -> np.ndarray:
    """Places with a margin of ground; margins of different places never touch."""
    import cv2

    square = np.ones((2 * MARGIN_PX + 1, 2 * MARGIN_PX + 1), np.uint8)
    wide = cv2.dilate(places.astype(np.float32), square).astype(np.int64)
    wide = np.where(places > 0, places, wide)
    clash = np.zeros(places.shape, dtype=bool)
    for one, other in ((np.s_[:-1, :], np.s_[1:, :]), (np.s_[:, :-1], np.s_[:, 1:])):
        touch = (wide[one] != wide[other]) & (wide[one] > 0) & (wide[other] > 0)
        clash[one] |= touch
        clash[other] |= touch
    return np.where(clash & (places == 0), 0, wide)


def _shadow_coloured(
    pair: ImagePair, detection: Detection, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels with the colour of a shadow of either date, and those whose shadow moved."""
    shadow = detection.shadow
    assert shadow is not None
    before, after = detection.detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
    colour = shadow.coloured(before, after)
    darker = (after[:3] - before[:3]).mean(axis=0) < 0
    moved = np.zeros(inside.shape, dtype=np.float32)
    rows, cols = np.nonzero(colour & inside)
    moved[rows, cols] = shadow.moved(before, after, rows, cols)
    return np.stack([colour & ~darker, colour & darker]).astype(np.float32), moved


def _without_cast(regions: Regions, shadow: ShadowModel, least: int) -> np.ndarray:
    """Kinds where cast shadows are 0 and dark things 1.

    From most pixels of a cast shadow one comes, towards the sun, to the thing that casts it, before
    one comes to ground; a dark thing has ground there.
    """
    kind = regions.kind.copy()
    doubtful = kind >= 2
    rows, cols = np.nonzero(doubtful[regions.owner])
    region = regions.owner[rows, cols]
    date = np.where(kind == 3, 1, 0)[region]
    solid = ~regions.thin() & (regions.pixels >= least)
    met = _towards_sun(regions.owner, solid, (rows, cols), date, shadow)
    n, needed = len(kind), SHADOW_SHARE * regions.pixels
    explained = regions.mean(regions.colours + 4) * regions.pixels
    for _ in range(4):
        casts = np.bincount(region[(kind == 1)[met]], minlength=n) + explained
        ground = np.bincount(region[(kind == 0)[met]], minlength=n)
        cast = doubtful & (casts >= needed) & (regions.enclosed(kind == 1) < ENCLOSED)
        # what has ground towards the sun is a thing, and may cast shadows itself
        thing = doubtful & ~cast & (ground >= needed)
        kind[cast], kind[thing] = -1, 1
        if not (cast | thing).any():
            break
        doubtful &= ~(cast | thing)
    kind[doubtful] = 1
    return np.maximum(kind, 0)


def _towards_sun(
    owner: np.ndarray,
    solid: np.ndarray,
    at: tuple[np.ndarray, np.ndarray],
    date: np.ndarray,
    shadow: ShadowModel,
) -> np.ndarray:
    """The first other region on the way from pixels towards the sun, (n,) int; 0: none.

    Regions that are not ``solid`` are passed.
    """
    rows, cols = at
    own = owner[rows, cols]
    away = np.array(shadow.away)
    length = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-6)
    towards = (-away / length[:, None])[date]
    met = np.zeros(len(rows), dtype=np.int64)
    active = np.arange(len(rows))
    for step in range(1, shadow.halo):
        r = np.rint(rows[active] + step * towards[active, 0]).astype(np.int64)
        c = np.rint(cols[active] + step * towards[active, 1]).astype(np.int64)
        there = owner[r, c]
        left = (there != own[active]) & (solid[there] | (there == 0))
        met[active[left]] = there[left]
        active = active[~left]
        if not active.size:
            break
    return met


def _trim(regions: Regions, kind: np.ndarray, shadow: ShadowModel) -> None:
    """Take from dark things what must be their own shadow: the far end, as long as a low one's.

    ``kind`` is what regions were before it was known which of them are cast shadows.
    """
    thing = (kind >= 2) & (regions.kind > 0)
    rows, cols = np.nonzero(thing[regions.owner])
    region = regions.owner[rows, cols]
    offset = np.rint(LOWEST_M * np.array(shadow.away))[kind[region] - 2].astype(np.int64)
    stays = kind[regions.owner[rows + offset[:, 0], cols + offset[:, 1]]] == kind[region]
    left = np.bincount(region[stays], minlength=len(kind))
    enough = (left >= LEFT * regions.pixels)[region]
    regions.trimmed[rows[enough & ~stays], cols[enough & ~stays]] = True


def _standing(
    regions: Regions, surprise: np.ndarray, seed: float, least: int, narrow: float
) -> np.ndarray:
    """(y, x) parts that stand by themselves, 0 elsewhere.

    They have the least size, and a peak above the seed or at least the width of a thing; and one
    part of their place has that peak.
    """
    changed = (regions.kind > 0)[regions.owner] & ~regions.trimmed
    raster = _bodies(np.where(changed, regions.owner, 0), regions.places, least)
    n = int(raster.max()) + 1
    peak = np.full(n, -1.0, dtype=np.float32)
    np.maximum.at(peak, raster.ravel(), surprise.ravel())
    stands = np.bincount(raster.ravel(), minlength=n) >= least
    stands &= (peak >= np.float32(seed)) | (_widths(raster, n) >= narrow)
    stands[0] = False
    place = np.zeros(n, dtype=np.int64)
    place[raster] = regions.places
    stands &= np.isin(place, np.unique(place[stands & (peak >= np.float32(seed))]))
    return np.where(stands[raster], raster, 0)


def _widths(raster: np.ndarray, n: int) -> np.ndarray:
    """Width of the rectangle of the same second moments of each part, (n,) pixels."""
    index = np.flatnonzero(raster)
    part = raster.ravel()[index]
    first = np.zeros(n, dtype=np.int64)
    first[part[::-1]] = index[::-1]
    row, col = (a - b for a, b in zip(np.divmod(index, raster.shape[1]),
                                      np.divmod(first[part], raster.shape[1]), strict=True))  # fmt: skip
    moments = np.stack(
        [np.bincount(part, v, minlength=n)
         for v in (np.ones_like(row), row, col, row * row, col * col, row * col)], axis=1
    )  # fmt: skip
    return shape_of(moments.astype(np.int64), np.zeros((n, 2), np.int64)).width_px


def _bodies(raster: np.ndarray, places: np.ndarray, least: int) -> np.ndarray:
    """Regions cut at narrow necks, without wisps and notches: numbered anew, (y, x) int64."""
    import cv2
    from scipy import ndimage

    square, cross = np.ones((3, 3), np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    region = raster.astype(np.float32)
    inside = (cv2.dilate(region, square) == cv2.erode(region, square)) & (raster > 0)
    cores, _ = ndimage.label(inside)
    n = int(cores.max()) + 1
    of_core = np.zeros(n, dtype=np.int64)
    of_core[cores[inside]] = raster[inside]
    for reach in (square, cross):
        wider = cv2.dilate(cores.astype(np.float32), reach).astype(np.int64)
        cores = np.where((cores == 0) & (of_core[wider] == raster) & (raster > 0), wider, cores)
    # what a neck cuts off must be a thing as well
    pixels = np.bincount(cores.ravel(), minlength=n)
    order = np.lexsort((-np.arange(n), pixels))
    largest = np.zeros(int(raster.max()) + 1, dtype=np.int64)
    largest[of_core[order]] = order
    number = np.where(pixels < least, largest[of_core], np.arange(n))
    number[0] = 0
    cores = number[cores]
    # closing, part by part
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    wider = cv2.dilate(cores.astype(np.float32), disc)
    closed = cv2.erode(wider, disc)
    fits = (cores == 0) & (closed == cv2.dilate(wider, disc)) & (places > 0)
    return np.where(fits, closed.astype(np.int64), cores)


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
