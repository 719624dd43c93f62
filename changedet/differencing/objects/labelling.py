"""Hysteresis and connected components over blocks, stitched across their seams.

Blocks have a fixed size of their own, not the tile size of the run, and everything merged across
them is an integer or a maximum, or a sum in the order of the blocks: objects cannot depend on how
the work was cut up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from changedet.differencing.null.significance import ThingSize, evidence_of
from changedet.model import Grid, RasterWindows, Window

LABEL_BLOCK = 512
"""Side of a block, pixels."""
WriteLabels = Callable[[Window, np.ndarray], None]


@dataclass(frozen=True, eq=False)
class Components:
    """Connected changed places of the whole grid.

    Every array has one entry a component; components are in the order of their first pixel.
    """

    lookup: np.ndarray
    """Maps the provisional labels in the label raster to 1-based components (0: none)."""
    pixels: np.ndarray
    """Pixels."""
    peak: np.ndarray
    """Largest score; where all pixels of a place speak for it, the evidence for it."""
    first: np.ndarray
    """(n, 2) row and column of the first pixel in row-major order."""
    box: np.ndarray
    """(n, 4) first row, first column, last row, last column."""
    explained: np.ndarray
    """Whether its pixels are explained away; explained and other pixels never join."""

    def __len__(self) -> int:
        return len(self.pixels)

    def keep(self, chosen: np.ndarray) -> Components:
        """Only the components where ``chosen`` is True, renumbered."""
        new = np.zeros(len(self) + 1, dtype=np.int64)
        new[1:][chosen] = np.arange(1, int(chosen.sum()) + 1)
        return Components(
            new[self.lookup],
            self.pixels[chosen],
            self.peak[chosen],
            self.first[chosen],
            self.box[chosen],
            self.explained[chosen],
        )


@dataclass
class _Block:
    """Provisional components of one block: labels start at ``base``."""

    base: int
    pixels: np.ndarray
    peak: np.ndarray
    weight: np.ndarray
    """What all pixels say together: the sum of their weights."""
    first: np.ndarray
    box: np.ndarray
    explained: np.ndarray


@dataclass
class _Seams:
    """Pairs of provisional labels that touch across a seam."""

    pairs: list[np.ndarray] = field(default_factory=list)

    def add(self, one: np.ndarray, other: np.ndarray) -> None:
        """Join two lines of labels that lie side by side (8-connected)."""
        n = len(one)
        for shift in (-1, 0, 1):
            a = one[max(0, -shift) : n - max(0, shift)]
            b = other[max(0, shift) : n - max(0, -shift)]
            both = (a > 0) & (b > 0)
            if both.any():
                self.pairs.append(np.unique(np.column_stack([a[both], b[both]]), axis=0))


def find_components(
    score: RasterWindows,
    support: float,
    seed: float,
    write: WriteLabels,
    explained: RasterWindows | None = None,
    *,
    thing: ThingSize | None = None,
) -> Components:
    """Places where the score stays above ``support`` and somewhere reaches ``seed``.

    Parameters
    ----------
    score : RasterWindows
        float32, NaN where not observable.
    support, seed : float
        The two levels; ``support`` not above ``seed``.
    write : callable
        Takes a window and its provisional labels (int32), to be read again later.
    explained : RasterWindows, optional
        Not zero where a change would be explained away.
    thing : ThingSize, optional
        Not the largest score must reach the seed but the evidence of all pixels of the place
        (:func:`changedet.differencing.null.significance.evidence_of`), with things of this size.

    Returns
    -------
    Components
        8-connected.
    """
    grid = score.grid
    blocks, seams, above = [], _Seams(), np.zeros(grid.width, dtype=np.int64)
    base = 1
    for strip in _strips(grid):
        top, bottom = np.zeros(grid.width, np.int64), np.zeros(grid.width, np.int64)
        left: np.ndarray | None = None
        for window in strip:
            away = None if explained is None else explained.read(window) != 0
            weights = None if thing is None else _weights(score, window, support, thing)
            labels, block = _label_block(
                score.read(window), away, window, (support, seed), base, thing, weights
            )
            if len(block.pixels):
                write(window, labels.astype(np.int32))
            base += len(block.pixels)
            blocks.append(block)
            span = slice(window.col, window.col + window.width)
            top[span], bottom[span] = labels[0], labels[-1]
            if left is not None:
                seams.add(left, labels[:, 0])
            left = labels[:, -1]
        seams.add(above, top)
        above = bottom
    return _merge(blocks, seams, base - 1, seed, thing)


def _strips(grid: Grid) -> Iterator[list[Window]]:
    row: list[Window] = []
    for window in grid.tiles(LABEL_BLOCK):
        if row and row[0].row != window.row:
            yield row
            row = []
        row.append(window)
    yield row


def _label_block(
    score: np.ndarray,
    away: np.ndarray | None,
    window: Window,
    levels: tuple[float, float],
    base: int,
    thing: ThingSize | None,
    weights: np.ndarray | None,
) -> tuple[np.ndarray, _Block]:
    """Components of one block; those without a seed that do not touch its edge are dropped."""
    import cv2

    support, seed = (np.float32(v) for v in levels)
    mask = np.nan_to_num(score, nan=-1.0) >= support
    masks = [mask] if away is None else [mask & ~away, mask & away]
    raw = np.zeros(score.shape, dtype=np.int64)
    tables: list[np.ndarray] = []
    count = 0
    for part in masks:
        n, labels, table, _ = cv2.connectedComponentsWithStats(
            part.astype(np.uint8), connectivity=8
        )
        raw[part] = labels[part] + count
        tables.append(table[0 if not tables else 1 :])
        count += n - 1
        if len(tables) == 1:
            ordinary = n
    stats = np.concatenate(tables)
    count += 1
    is_explained = np.arange(count) >= ordinary
    flat = raw.ravel()
    inside = np.flatnonzero(flat)
    peak = np.zeros(count, dtype=np.float32)
    np.maximum.at(peak, flat[inside], score.ravel()[inside])
    weight = np.zeros(count)
    if weights is not None:
        np.add.at(weight, flat[inside], weights.ravel()[inside])
    keep = _evidence(peak, weight, thing) >= seed
    for line in (raw[0], raw[-1], raw[:, 0], raw[:, -1]):
        keep[line] = True
    keep[0] = False
    number = np.zeros(count, dtype=np.int64)
    number[keep] = np.arange(base, base + int(keep.sum()))
    first_label, first_index = np.unique(flat[inside], return_index=True)
    first = np.zeros((count, 2), dtype=np.int64)
    position = inside[first_index]
    first[first_label, 0] = position // window.width + window.row
    first[first_label, 1] = position % window.width + window.col
    corner = stats[:, [cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT]] + [window.row, window.col]
    extent = stats[:, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]] - 1
    box = np.concatenate([corner, corner + extent], axis=1).astype(np.int64)
    pixels = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    block = _Block(
        base, pixels[keep], peak[keep], weight[keep], first[keep], box[keep], is_explained[keep]
    )
    return number[raw], block


def _weights(score: RasterWindows, window: Window, support: float, thing: ThingSize) -> np.ndarray:
    """What each pixel of a block adds to the evidence for its place."""
    wider = window.pad(thing.halo).intersect(score.grid.window)
    return thing.weights(score.read(wider), support)[window.within(wider)]


def _evidence(peak: np.ndarray, weight: np.ndarray, thing: ThingSize | None) -> np.ndarray:
    return peak if thing is None else evidence_of(peak, weight, thing)


def _merge(
    blocks: list[_Block], seams: _Seams, count: int, seed: float, thing: ThingSize | None
) -> Components:
    """Unite provisional labels that touch; keep what holds a seed."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate(seams.pairs) if seams.pairs else np.zeros((0, 2), dtype=np.int64)
    away = np.concatenate([[False], *(b.explained for b in blocks)])
    pairs = pairs[away[pairs[:, 0]] == away[pairs[:, 1]]]
    graph = coo_array(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])),
        shape=(count + 1, count + 1),
    )
    total, group = connected_components(graph, directed=False)
    member = group[1:]
    pixels = np.zeros(total, dtype=np.int64)
    peak, weight = np.zeros(total, dtype=np.float32), np.zeros(total)
    first = np.full((total, 2), np.iinfo(np.int64).max)
    box = np.concatenate([first, np.full((total, 2), -1)], axis=1)
    if count:
        names = ("pixels", "peak", "weight")
        parts = [np.concatenate([getattr(b, n) for b in blocks]) for n in names]
        np.add.at(pixels, member, parts[0])
        np.maximum.at(peak, member, parts[1])
        # blocks have fixed places and come in order: the sum is the same whoever computed them
        np.add.at(weight, member, parts[2])
        boxes = np.concatenate([b.box for b in blocks])
        np.minimum.at(box[:, :2], member, boxes[:, :2])
        np.maximum.at(box[:, 2:], member, boxes[:, 2:])
        firsts = np.concatenate([b.first for b in blocks])
        order = np.lexsort((firsts[:, 1], firsts[:, 0]))[::-1]
        first[member[order]] = firsts[order]
    peak = _evidence(peak, weight, thing)
    chosen = np.flatnonzero((peak >= np.float32(seed)) & (pixels > 0))
    chosen = chosen[np.lexsort((first[chosen, 1], first[chosen, 0]))]
    number = np.zeros(total, dtype=np.int64)
    number[chosen] = np.arange(1, len(chosen) + 1)
    lookup = number[group]
    lookup[0] = 0
    explained = np.zeros(total, dtype=bool)
    explained[group] = away
    return Components(
        lookup, pixels[chosen], peak[chosen], first[chosen], box[chosen], explained[chosen]
    )


def touched_windows(grid: Grid, components: Components, margin: int = 0) -> list[Window]:
    """Blocks into which the bounding box of some component reaches, with a margin of pixels."""
    needed = np.zeros((-(-grid.height // LABEL_BLOCK), -(-grid.width // LABEL_BLOCK)), dtype=bool)
    last = np.array([grid.height - 1, grid.width - 1])
    near = np.maximum(components.box[:, :2] - margin, 0)
    far = np.minimum(components.box[:, 2:] + margin, last)
    for top, left, bottom, right in np.concatenate([near, far], axis=1) // LABEL_BLOCK:
        needed[top : bottom + 1, left : right + 1] = True
    return [
        w for w in grid.tiles(LABEL_BLOCK) if needed[w.row // LABEL_BLOCK, w.col // LABEL_BLOCK]
    ]
