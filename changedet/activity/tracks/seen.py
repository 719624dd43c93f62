"""Which steps of a track can be judged, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from changedet.activity.tracks.bands import TrackSamples
from changedet.activity.tracks.occupancy import Occupation
from changedet.activity.tracks.profile import TrackStrip
from changedet.activity.tracks.shadows import SHARED_M

NOT_VALID = "not valid (cloud, mask, no data or outside the area of interest)"
BRIDGE = "something lies across the track (bridge or roof)"
SHADOW = "deep shadow that no train explains"
SHARED = "another track runs through the same place and counts it"

DECK_M = 7.0
"""A deck hides the track and its neighbours: it is looked for so far to either side,"""
DECK_EVEN = 0.12
"""has one colour across, up to this spread (natural logarithm),"""
DECK_DIFFERS = 0.3
"""differs this much from the track before and behind it,"""
DECK_SHARE = 0.7
"""at this share of the samples across, at both dates,"""
DECK_RANGE_M = (3.0, 60.0)
"""and is so long."""


def shared_steps(
    samples: TrackSamples, offsets: np.ndarray, lengths: np.ndarray, tracks: np.ndarray
) -> np.ndarray:
    """(n,) bool: steps that lie on another track, which is longer (or comes first).

    Where a track leaves another, both lines run over one place. Wagons cannot stand there on the
    one that branches off without blocking the other.

    Parameters
    ----------
    samples : TrackSamples
        All pieces.
    offsets : (date, piece) float array
        Offsets in the samples: it is the drawn lines that are compared.
    lengths : (piece,) float array
        Length of the track of each piece.
    tracks : (piece,) int array
        Number of the track of each piece.
    """
    from scipy.spatial import cKDTree

    piece = samples.piece
    centre = samples.centre[0] - samples.right * offsets[0, piece][:, None]
    owner = tracks[piece]
    # the longest first, the earlier one of equals
    rank = np.empty(len(lengths), dtype=np.int64)
    rank[np.lexsort((np.arange(len(lengths)), tracks, -lengths))] = np.arange(len(lengths))
    tree = cKDTree(centre)
    out = np.zeros(len(samples), dtype=bool)
    for first, second in tree.query_pairs(SHARED_M, output_type="ndarray"):
        if owner[first] != owner[second]:
            later = first if rank[piece[first]] > rank[piece[second]] else second
            out[later] = True
    return out


def bridged_steps(strips: Sequence[TrackStrip], samples: TrackSamples) -> np.ndarray:
    """(n,) bool: steps over which the image shows one even surface right across the tracks."""
    from scipy.ndimage import median_filter

    out = []
    for strip, part in zip(strips, samples.parts, strict=True):
        count = part.stop - part.start
        group = max(1, len(strip.along) // count)
        inside = np.abs(strip.across) <= DECK_M
        hidden, signs = np.ones(count, dtype=bool), []
        for date in range(2):
            pixels = strip.pixels[date][:, : count * group][:, :, inside].mean(axis=0)
            level = np.log(np.maximum(pixels, 1e-6 + 0.05 * np.median(np.abs(pixels))))
            level = level.reshape(count, group, -1).mean(axis=1)
            valid = strip.valid[date][: count * group][:, inside]
            valid = valid.reshape(count, group, -1).all(axis=(1, 2))
            usual = np.median(level[valid], axis=0) if valid.any() else level.mean(axis=0)
            differs = (np.abs(level - usual) > DECK_DIFFERS).mean(axis=1) >= DECK_SHARE
            middle = np.median(level, axis=1, keepdims=True)
            even = np.median(np.abs(level - middle), axis=1) * 1.4826 < DECK_EVEN
            signs.append(np.sign(np.median(level - usual, axis=1)))
            hidden &= differs & even & valid
        hidden &= signs[0] == signs[1]
        hidden = median_filter(hidden.astype(np.uint8), size=3, mode="nearest").astype(bool)
        out.append(_of_length(hidden, samples.step))
    return np.concatenate(out)


def _of_length(hidden: np.ndarray, step: float) -> np.ndarray:
    """Keep runs that are as long as decks are, with a step to either side."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden.astype(np.int8), [0]])))
    out = np.zeros_like(hidden)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if DECK_RANGE_M[0] <= (stop - start) * step <= DECK_RANGE_M[1]:
            out[max(0, start - 1) : stop + 1] = True
    return out


def shadowed_steps(found: Occupation) -> np.ndarray:
    """(date, n) bool: empty-looking steps wholly in a shadow that is not a train's."""
    empty = found.occupied < 0.5
    return np.asarray(empty & (found.shaded > 0.5) & (found.explained < 0.3))
