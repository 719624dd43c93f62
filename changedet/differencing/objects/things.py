"""The things that a tested place holds: regions that changed and are no cast shadow."""

from __future__ import annotations

from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, colours, object_pixel_m
from changedet.differencing.null.significance import evidence_of
from changedet.differencing.objects.cast_shadows import (
    ENCLOSED,
    SHADOW_SHARE,
    shadow_coloured,
    trim,
    without_cast,
)
from changedet.differencing.objects.regions import Regions
from changedet.model import ImagePair

CHANGED = 0.10
"""Regions whose logarithm of brightness changed by less, root mean square over bands, are
ground: that their place changed is known already,"""
SAME = 0.12
"""Neighbours that differ by less at both dates are one surface,"""
ALIKE = 0.35
"""and changed regions that differ by less at both dates are one thing."""
QUIET_NOISE = 0.07
"""The first limit where what differs between the dates without change is at most this share of the
scene's contrast; where it is more, the limit grows with it, for small regions: in the mean of large
ones it averages out."""
QUIET_GRAIN = 0.08
"""The others where neighbouring pixels differ by at most this share of it, or the dates do not."""
HELD = 0.5
"""Share of what speaks for a place, but for shadows that what changed casts, that its parts must
hold: of a high stack under a low sun the shadow is the larger part."""
NARROWEST_M = 2.0
"""Narrower changed regions are no things beside others that changed, but their sides and stripes,
metres."""


def segment(
    pair: ImagePair, places: np.ndarray, near: np.ndarray, detection: Detection, least: int
) -> Regions:
    """Regions of the places of a window; kind 1 changed, 0 did not or is a cast shadow."""
    detector = cast(ChangeVector, detection.detector)
    before, after = colours(pair, detector, detection.contrast[1])
    shade, moved = np.zeros((2, *places.shape), np.float32), np.zeros(places.shape, np.float32)
    if detection.shadow is not None:
        shade, moved = shadow_coloured(pair, detection, detection.shadow, places > 0)
    inside = (places > 0).astype(np.float32)
    regions = Regions.of(near, [*before, *after], [inside, *shade, moved])
    noisy = noisiness(detection)
    regions.join_alike(SAME * noisy)
    while regions.give_away(regions.thin(), ~regions.thin(), mixed=True):
        pass
    tiny = regions.thin() & (regions.pixels < 0.5 * least)
    regions.give_away(tiny, ~tiny)
    restless = restlessness(detection)
    regions.kind = _kinds(regions, _least_change(regions.pixels, restless, least))
    narrow = narrowest_px(detection)
    _put_together(regions, narrow, ALIKE * noisy)
    if detection.shadow is not None:
        kind = regions.kind
        regions.dark = np.maximum(kind - 1, 0)[regions.owner]
        regions.kind = without_cast(regions, detection.shadow, least)
        regions.cast = ((kind > 1) & (regions.kind == 0))[regions.owner]
        trim(regions, kind, detection.shadow)
    regions.kind[regions.kind > 1] = 1
    _put_together(regions, narrow, ALIKE * noisy)
    small = (regions.kind > 0) & (regions.pixels < least)
    regions.give_away(small, regions.kind > 0)
    return regions


def _put_together(regions: Regions, narrow: float, alike: float) -> None:
    """Join what is alike, stripes, and what is too narrow to be a thing, by kind."""
    regions.join_alike(alike)
    hole = regions.thin() & (regions.enclosed(regions.kind == 1) >= ENCLOSED)
    regions.kind[hole] = 1
    regions.join_narrow(narrow)


def _least_change(pixels: np.ndarray, restless: float, least: int) -> np.ndarray:
    """Change from which regions of so many pixels changed: noise averages out over large ones."""
    size = np.sqrt(np.maximum(pixels, 1) / least)
    out: np.ndarray = CHANGED * np.maximum(1.0, restless / np.maximum(1.0, size))
    return out


def _kinds(regions: Regions, least: np.ndarray) -> np.ndarray:
    """0 unchanged, 1 changed, 2 and 3 darker before and after with the colour of a shadow."""
    k = regions.colours
    mean = regions.sums[:k] / np.maximum(regions.pixels, 1)
    # of the means: noise, which is large in the logarithm of what is dark, averages out
    change = np.sqrt(((mean[k // 2 :] - mean[: k // 2]) ** 2).mean(axis=0))
    out = ((change >= least) & (regions.mean(k) >= 0.5)).astype(np.int64)
    for date in (0, 1):
        out[(out > 0) & (regions.mean(k + 1 + date) >= SHADOW_SHARE)] = 2 + date
    return out


def noisiness(detection: Detection) -> float:
    """How much larger the limits of likeness are for the noise of these images, at least 1.

    Noise shows from pixel to pixel and differs between the dates. What only does the former is
    texture, and what only does the latter another season or haze: neighbours are told apart then
    as well as ever.
    """
    return max(1.0, min(restlessness(detection), detection.sample.grain / QUIET_GRAIN))


def restlessness(detection: Detection) -> float:
    """How much larger the least change is for what differs between the dates, at least 1."""
    detector = cast(ChangeVector, detection.detector)
    share = float(np.median(detector.noise / detection.contrast[1]))
    return max(1.0, share / QUIET_NOISE)


def narrowest_px(detection: Detection) -> float:
    """Width of the narrowest thing beside others, pixels."""
    size = object_pixel_m(detection.context)
    return 0.0 if size is None else NARROWEST_M / size


def standing(
    regions: Regions,
    surprise: np.ndarray,
    crowded: np.ndarray,
    detection: Detection,
    least: int,
) -> np.ndarray:
    """(y, x) parts of the least size, 0 elsewhere, of places that stand in their parts.

    One part is surprising enough by itself or, where all pixels of a place speak for it, they hold
    most of what does and lies in no cast shadow of theirs.
    """
    changed = (regions.kind > 0)[regions.owner] & ~regions.trimmed
    free = (regions.places > 0) & ~crowded
    raster = _bodies(np.where(changed, regions.owner, 0), free, least)
    n = int(raster.max()) + 1
    peak = np.full(n, -1.0, dtype=np.float32)
    np.maximum.at(peak, raster.ravel(), surprise.ravel())
    threshold, thing = detection.threshold, detection.thing
    if thing is not None:
        weight = thing.weights(surprise, threshold.support).ravel()
        peak = evidence_of(peak, np.bincount(raster.ravel(), weight, minlength=n), thing)
    stands = np.bincount(raster.ravel(), minlength=n) >= least
    stands[0] = False
    place = np.zeros(n, dtype=np.int64)
    place[raster] = regions.places
    enough = np.unique(place[stands & (peak >= np.float32(threshold.seed))])
    if thing is not None:
        of = regions.places.ravel()
        shade = (regions.cast | regions.trimmed) & (raster == 0)
        whole, cast_away = np.bincount(of, weight), np.bincount(of, weight * shade.ravel())
        parts = np.bincount(of, weight * stands[raster].ravel())
        # of what is too wide for a thing nothing is weighed, and parts need hold nothing
        held = (parts >= HELD * (whole - cast_away)) & ((parts > 0) | (whole == 0))
        enough = np.union1d(enough, np.flatnonzero(held))
    stands &= np.isin(place, enough)
    return np.where(stands[raster], raster, 0)


def _bodies(raster: np.ndarray, free: np.ndarray, least: int) -> np.ndarray:
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
    for reach in (square, cross, square):
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
    fits = (cores == 0) & (closed == cv2.dilate(wider, disc)) & free
    return np.where(fits, closed.astype(np.int64), cores)
