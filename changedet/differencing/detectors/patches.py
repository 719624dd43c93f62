"""A score that the user brings, run on patches of fixed size at fixed places, on an even scale.

Nothing is known of such a score but what it gives. It is therefore computed on one lattice of
patches, whatever the tiles of the run: a pixel's score comes from the same numbers in an array of
the same shape each time, and is the same to the bit. Its values are put on the scale on which the
calibration works: robust deviations from what is usual, logarithmic far out. Fails where a score
gives the same value nearly everywhere (a mask of 0 and 1 has no tail to calibrate).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.ground.filters import compress
from changedet.differencing.sampling import Sample
from changedet.errors import MethodError
from changedet.model import Grid, ImagePair, Window

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(before, after, valid) to score: (band, y, x) float32 twice and (y, x) bool to (y, x)."""
SCALE_BLOCKS = 12
"""Blocks of the sample on which the scale of the scores is measured, at most."""
FILL_PIXELS = 60_000
"""Pixels from which the typical value of a band is taken, at most."""
CHECK_PX = 64
"""Side of the place at which two ways of showing it are compared, pixels."""
TOLERANCE = 1e-3
"""Difference between the two, in deviations of the score, that is no difference."""


@dataclass(frozen=True, eq=False)
class PatchDetector:
    """A score on an even scale."""

    name: str
    """What it is called in the summary and in messages."""
    score: Score
    """Gives the score of a patch."""
    grid: Grid
    """The whole grid, on which the lattice of patches starts at row 0 and column 0."""
    cell: tuple[int, int]
    """Rows and columns of a patch whose scores are used."""
    margin: int
    """Pixels around them that are shown as well."""
    fill: np.ndarray
    """(date, band) value that stands in invalid pixels: the band's median."""
    about: dict[str, Any]
    """Where the score comes from, for the summary."""
    centre: float = 0.0
    """Median of the score."""
    spread: float = 1.0
    """Robust deviation of the score on the side of no change."""

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood: whole patches, wherever the window cuts them."""
        return max(self.cell) - 1 + self.margin

    def statistic(self, pair: ImagePair) -> np.ndarray:
        """Deviations of the score above its median; NaN where there is no score."""
        deviation = (self.raw(pair) - np.float32(self.centre)) * np.float32(1.0 / self.spread)
        return np.sign(deviation) * compress(np.abs(deviation))

    def raw(self, pair: ImagePair) -> np.ndarray:
        """The score as it was given, (y, x) float32; only for pixels ``halo`` from the edge."""
        out = np.full(pair.valid.shape, np.nan, dtype=np.float32)
        for core in self._cells(self._place(pair.grid)):
            index = core.within(self._place(pair.grid))
            if pair.valid[index].any():
                shown = core.pad(self.margin).within(self._place(pair.grid))
                inside = core.within(core.pad(self.margin))
                out[index] = self.show(pair, shown)[inside]
        out[~pair.valid] = np.nan
        return out

    def show(self, pair: ImagePair, part: tuple[slice, slice]) -> np.ndarray:
        """Score of one part of a window, checked."""
        valid = np.ascontiguousarray(pair.valid[part])
        images = [
            np.where(valid, image.pixels[:, part[0], part[1]], fill[:, None, None])
            for image, fill in zip((pair.before, pair.after), self.fill, strict=True)
        ]
        shape = valid.shape
        # a copy, since the score may write into what it is given
        return as_scores(self.score(images[0], images[1], valid.copy()), shape, self.name)

    def _place(self, part: Grid) -> Window:
        """Where a window lies on the whole grid."""
        row, col = self.grid.rowcol(*part.xy(0, 0))
        return Window(round(float(row)), round(float(col)), part.height, part.width)

    def _cells(self, window: Window) -> Iterator[Window]:
        """Cells of the lattice that reach into what may be used of a window."""
        core, (down, across) = window.pad(-self.halo), self.cell
        if core.empty:
            return
        for row in range(core.row // down, -(-(core.row + core.height) // down)):
            for col in range(core.col // across, -(-(core.col + core.width) // across)):
                yield Window(row * down, col * across, down, across)

    def describe(self) -> dict[str, Any]:
        """Where the score comes from, and its scale."""
        return {
            **self.about,
            "halo_px": self.margin,
            "score_median": self.centre,
            "score_spread": self.spread,
        }


def as_scores(result: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Check what a score gave, and return it as float32.

    Raises
    ------
    MethodError
        If it is no array of real numbers of this shape, or holds infinities.
    """
    array = np.asarray(result)
    if array.shape != shape:
        given = f"an array of shape {array.shape}" if array.ndim else f"{type(result).__name__}"
        raise MethodError(
            f"The method {name} returned {given} for images of {shape[0]} x {shape[1]} pixels: it "
            "must return one number a pixel, an array (y, x) of the images' height and width."
        )
    if array.dtype.kind not in "biuf":
        raise MethodError(
            f"The method {name} returned an array of type {array.dtype}: it must return real "
            "numbers, larger = more change, NaN where it cannot tell."
        )
    with np.errstate(over="ignore"):
        out: np.ndarray = array.astype(np.float32)
    if np.isinf(out).any():
        raise MethodError(
            f"The method {name} returned infinite values: return finite numbers, or NaN where it "
            "cannot tell. Logarithms and ratios need a small number added."
        )
    return out


def fit_scale(raw: PatchDetector, sample: Sample) -> PatchDetector:
    """Measure centre and spread of the score on the sample.

    Raises
    ------
    MethodError
        If there is no score at any sampled pixel.
    """
    step = -(-len(sample.windows) // SCALE_BLOCKS)
    values = []
    for window, pair in Sample(sample.reader, sample.windows[::step]).pairs(raw.halo):
        block = raw.raw(pair)[window.within(window.pad(raw.halo))]
        values.append(block[np.isfinite(block)])
    scores = np.concatenate(values)
    if not scores.size:
        raise MethodError(
            f"The method {raw.name} returned NaN at every valid pixel that was sampled: it must "
            "return a number where both images are valid."
        )
    centre = float(np.median(scores))
    below = centre - scores[scores < centre]
    spread = 1.4826 * float(np.median(below)) if below.size else 0.0
    if not spread > 0:
        # half or more share the lowest value: what rises above it has to tell
        above = scores[scores > centre] - centre
        spread = float(np.median(above)) if above.size else 1.0
    return replace(raw, centre=centre, spread=spread)


def typical_values(sample: Sample) -> np.ndarray:
    """(date, band) medians of the valid pixels."""
    before, after = sample.pixels(FILL_PIXELS)
    return np.stack([np.median(v, axis=1) for v in (before, after)]).astype(np.float32)


def largest_difference(
    fitted: PatchDetector,
    sample: Sample,
    first: tuple[int, int],
    second: tuple[int, int],
    largest: int = CHECK_PX,
) -> float:
    """Largest difference, in deviations, between two ways of showing one place.

    Parameters
    ----------
    fitted : PatchDetector
        With its scale.
    sample : Sample
        The place is the middle of its middle block with valid pixels.
    first, second : (int, int)
        Pixels shown before (above, left) and behind (below, right) the place.
    largest : int
        Side of the place, pixels, where the block is large enough.
    """
    reach = max(*first, *second)
    order = sorted(range(len(sample.windows)), key=lambda i: abs(i - len(sample.windows) // 2))
    for window in (sample.windows[i] for i in order):
        side = min(largest, window.height, window.width)
        row, col = window.row + (window.height - side) // 2, window.col + (window.width - side) // 2
        place = Window(row, col, side, side)
        pair = sample.reader.read(place.pad(reach))
        if not pair.valid[place.within(place.pad(reach))].any():
            continue
        scores = []
        for before, behind in (first, second):
            size = side + before + behind
            part = Window(row - before, col - before, size, size)
            shown = fitted.show(pair, part.within(place.pad(reach)))
            scores.append(shown[place.within(part)][pair.valid[place.within(place.pad(reach))]])
        one, other = scores
        if (np.isnan(one) != np.isnan(other)).any():
            return float("inf")
        apart = np.abs(one - other)
        known = apart[np.isfinite(apart)]
        return float(known.max()) / fitted.spread if known.size else 0.0
    return 0.0
