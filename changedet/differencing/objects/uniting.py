"""Parts that are one thing at the date that holds them.

Places are cut by how they look at both dates, so a new building falls into as many parts as there
were kinds of ground below it. Only the date that holds it counts: neighbours that look alike there,
and between which no seam runs, are one thing where more speaks for them as one at that date than
for the parts at the other.
Wagons are parted by the dark gap between them and containers by the seam of theirs, at that date.

Fails where two things of one colour touch without a seam that the pixels resolve.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from changedet.differencing.detection import Detection
from changedet.differencing.detectors.vector import ChangeVector, colours
from changedet.differencing.objects.extents import shape_of
from changedet.differencing.objects.standing import counted, evidence
from changedet.model import ImagePair, Window

ONE_COLOUR = 0.2
"""Parts of one thing differ by less, root mean square over bands of the logarithm of brightness,"""
SEAM = 0.15
"""and no pixel beside their border differs by more from both of them, on its average."""
BESIDE_PX = 2
"""How far on either side of the border a seam is looked for."""
SHARED = 0.5
"""They share so much of the width of the narrower one: what hangs together by a neck does not."""


def unite(
    parts: np.ndarray,
    regions: np.ndarray,
    places: np.ndarray,
    pair: ImagePair,
    window: Window,
    detection: Detection,
    noisy: float,
) -> np.ndarray:
    """Join parts that are one thing at the date that holds them.

    Parameters
    ----------
    parts : (y, x) int array
        Parts of places that do not touch, 0 elsewhere.
    regions : (y, x) int array
        The regions that they were made of; pieces of one were cut at a neck, and stay apart.
    places : (y, x) int array
        Places with their margins, 0 elsewhere.
    pair, window, detection
        The pixels, where they lie, and how to look at them.
    noisy : float
        By how much the limits grow for noise.

    Returns
    -------
    (y, x) int array
        Parts numbered by their first pixel.
    """
    index = np.flatnonzero(parts)
    if not index.size:
        return parts
    _, start, part = np.unique(parts.ravel()[index], return_index=True, return_inverse=True)
    n = len(start)
    number: np.ndarray = np.zeros(parts.size, dtype=np.int64)
    number[index] = part + 1
    number = number.reshape(parts.shape)
    dates = colours(pair, cast(ChangeVector, detection.detector), detection.contrast[1])
    looks = np.stack([_means(date, index, part, n) for date in dates])
    one, other, border, across = _borders(number, regions)
    if not len(one):
        return number
    wide = _widths(index, part, n, parts.shape[1])
    touch = border >= SHARED * np.minimum(wide[one], wide[other])
    apart = np.sqrt(((looks[:, :, one] - looks[:, :, other]) ** 2).mean(axis=1))
    seam = np.stack(
        [_seams(d, k[:, one], k[:, other], across) for d, k in zip(dates, looks, strict=True)]
    )
    alike = touch & (apart < ONE_COLOUR * noisy) & (seam < SEAM * noisy)
    if not alike.any():
        return number

    def stands(labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return evidence(counted(labels, asked, places, pair, dates, window, detection))

    single = stands(number, _members(n, one, other, alike.any(axis=0)))
    joined = np.zeros(len(one), dtype=bool)
    for date, able in enumerate(alike):
        group = groups_of(one[able], other[able], n)
        whole = np.concatenate([[0], group + 1])
        asked = _members(n, one, other, able)
        together = stands(whole[number], asked & (whole == np.arange(n + 1)))[date]
        pixels = np.bincount(part, minlength=n) * asked[1:]
        size = np.maximum(np.bincount(group, pixels, minlength=n), 1)
        apart_then = np.bincount(group, pixels * single[1 - date], minlength=n) / size
        holds = together > apart_then
        joined |= able & holds[group[one]]
    group = groups_of(one[joined], other[joined], n)
    out: np.ndarray = np.concatenate([[0], group + 1])[number]
    return out


def _members(n: int, one: np.ndarray, other: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(n + 1,) bool by label: parts of the chosen pairs."""
    out = np.zeros(n + 1, dtype=bool)
    out[one[chosen] + 1] = out[other[chosen] + 1] = True
    return out


def _means(date: np.ndarray, index: np.ndarray, part: np.ndarray, n: int) -> np.ndarray:
    """(band, n) mean colours of parts."""
    pixels = np.bincount(part, minlength=n)
    bands = date.reshape(len(date), -1)[:, index]
    return np.stack([np.bincount(part, b, minlength=n) for b in bands]) / pixels


def _widths(index: np.ndarray, part: np.ndarray, n: int, columns: int) -> np.ndarray:
    """(n,) widths in pixels; from sums relative to the first pixel, the same in any window."""
    at = np.column_stack([index // columns, index % columns])
    first = np.full((n, 2), np.iinfo(np.int64).max)
    np.minimum.at(first, part, at)
    r, c = (at - first[part]).T
    sums = [np.bincount(part, v, minlength=n) for v in (np.ones_like(r), r, c, r * r, c * c, r * c)]
    return shape_of(np.stack(sums, axis=1).astype(np.int64), first).width_px


_Border = tuple[np.ndarray, np.ndarray, np.ndarray]


def _borders(
    number: np.ndarray, regions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[_Border]]:
    """Which parts touch, (m,) and (m,), on how many sides of pixels, and where.

    The places are, for steps down and to the right, the pair and the pixels before the step.
    """
    n, steps = int(number.max()) + 1, []
    for down, right in ((1, 0), (0, 1)):
        here = number[: number.shape[0] - down, : number.shape[1] - right]
        there = number[down:, right:]
        rows, cols = np.nonzero((here != there) & (here > 0) & (there > 0))
        low, high = np.sort([here[rows, cols], there[rows, cols]], axis=0)
        cut = regions[rows, cols] == regions[rows + down, cols + right]
        steps.append((low * n + high, rows, cols, cut))
    keys, which = np.unique(np.concatenate([s[0] for s in steps]), return_inverse=True)
    sides = np.bincount(which, minlength=len(keys))
    cut = np.bincount(which, np.concatenate([s[3] for s in steps]), minlength=len(keys))
    sides[2 * cut >= sides] = 0
    split = np.split(which, [len(steps[0][0])])
    places = [(w, s[1], s[2]) for w, s in zip(split, steps, strict=True)]
    return keys // n - 1, keys % n - 1, sides, places


def _seams(
    date: np.ndarray, one: np.ndarray, other: np.ndarray, across: list[_Border]
) -> np.ndarray:
    """(m,) how much the colour along the border differs from that of the more alike side.

    Averaged along the border at each distance from it; the largest is what counts.
    """
    m = one.shape[1]
    worst = np.zeros(m)
    for k in range(1 - BESIDE_PX, BESIDE_PX + 1):
        sums, count = np.zeros((len(date), m)), np.zeros(m)
        for (which, rows, cols), (down, right) in zip(across, ((1, 0), (0, 1)), strict=True):
            at = rows + k * down, cols + k * right
            count += np.bincount(which, minlength=m)
            sums += np.stack([np.bincount(which, band[at], minlength=m) for band in date])
        mean = sums / np.maximum(count, 1)
        off = [((mean - look) ** 2).mean(axis=0) for look in (one, other)]
        worst = np.maximum(worst, np.sqrt(np.minimum(*off)))
    return worst


def groups_of(one: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """(n,) the first of the parts to which pairs join each."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one)), (one, other)), shape=(n, n))
    groups, group = connected_components(graph, directed=False)
    least = np.full(groups, n)
    np.minimum.at(least, group, np.arange(n))
    return least[group]
