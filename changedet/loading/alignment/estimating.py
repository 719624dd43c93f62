"""Estimate how the after image must be moved to lie on the before image."""

from __future__ import annotations

import numpy as np

from changedet.errors import AlignmentRefused
from changedet.loading.alignment import coarse
from changedet.loading.alignment.evidence import gather_evidence
from changedet.loading.alignment.fields import Store
from changedet.loading.alignment.judge import MATCH, graded, unmeasured, zero
from changedet.loading.alignment.refine import refine, steady
from changedet.loading.alignment.trust import textured, tones
from changedet.model import Alignment, Grid, ImageInfo, ImagePair, PairReader, Window
from changedet.progress import ProgressCallback, ProgressEvent, as_progress

_WINDOWS = 400
"""About as many windows are compared at most."""
_PILOTS = 16
"""Windows on which a guess is checked."""


def estimate_alignment(
    pair: PairReader, *, seed: int = 0, progress: bool | ProgressCallback | None = None
) -> Alignment:
    """Measure the correction that lays the after image on the before image.

    Parameters
    ----------
    pair : PairReader
        The uncorrected pair on its common grid. Overviews and windows are read, never the whole
        image.
    seed : int
        Accepted so that every estimate is called alike; nothing here is random.
    progress : bool or callable, optional
        See :func:`changedet.progress.as_progress`.

    Returns
    -------
    Alignment
        The correction, its grade and what is left by place. ``refused``: the images do not match,
        or match at several places. ``poor``: hardly anything could be measured; the correction is
        then only kept if the pair matches better with it than without, otherwise it is zero.

    Notes
    -----
    Coarse to fine: phase correlation of overviews, with rotation and scale where shifts alone do
    not do; phase spectra of windows, weighed by frequency as their coherence says; the simplest
    motion model that held-out tie points support; then the same once more with only sunlit pixels
    voting that look alike at both dates, since moved shadows pull every other estimate along. See
    ``docs/methods/alignment.md`` for sources and measurements.

    It fails, and says so, where less than about a third of the ground is recognisable, or where
    the only structure is periodic. It cannot see an error common to both images.
    """
    tell = as_progress(progress)
    tell(ProgressEvent("align", 0, 4, "overview"))
    shape = pair.grid.shape
    size = window_size(shape)
    if size == 0:
        return unmeasured(pair.grid, f"the overlap of {shape[1]} x {shape[0]} px is too small")
    factor = coarse.overview_factor(shape)
    overview = pair.overview(factor)
    if same(pair, overview, factor, size):
        return zero(pair.grid)
    tell(ProgressEvent("align", 1, 4, "large shifts"))
    best = coarse.search(Remembering(pair), overview, factor, size, _PILOTS)
    if not isinstance(best, str) and best.significance < MATCH and not textured(overview):
        best = "one of the images shows nothing but noise (water, fog, snow)"
    if isinstance(best, str):
        return unmeasured(pair.grid, best)
    tell(ProgressEvent("align", 2, 4, "windows"))
    corners = coarse.spread_corners(overview, factor, size, _WINDOWS, best.shift)
    store = Store(tones(overview) if best.recipe.optical else None)
    plain = refine(pair, corners, size, best.motion, best.recipe, 8.0, store=store)
    if plain is None:
        return unmeasured(pair.grid, "too little of the overlap is valid in both images")
    final = plain
    if best.recipe.optical:
        start = steady(plain)
        trusted = refine(pair, corners, size, start, best.recipe, 2.0, store=store, trusting=True)
        final = trusted or plain
    tell(ProgressEvent("align", 3, 4, "judging"))
    probes = coarse.spread_corners(overview, factor, size, _PILOTS, best.shift)
    out = graded(pair.grid, gather_evidence(pair, probes, plain, final, size, best, store))
    tell(ProgressEvent("align", 4, 4))
    return out


def window_size(shape: tuple[int, int]) -> int:
    """Side of the windows: 128 px where at least three fit, smaller in small images, or 0."""
    return next((s for s in (128, 64, 32) if min(shape) >= 3 * s), 32 if min(shape) >= 48 else 0)


def same(pair: PairReader, overview: ImagePair, factor: int, size: int) -> bool:
    """Whether the two images are equal to the bit, on the overview and on windows."""
    both = overview.before.valid & overview.after.valid
    if not both.any() or not np.array_equal(
        overview.before.pixels[:, both], overview.after.pixels[:, both]
    ):
        return False
    for row, col in coarse.spread_corners(overview, factor, size, _PILOTS, (0.0, 0.0)):
        part = pair.read(Window(int(row), int(col), size, size))
        ok = part.before.valid & part.after.valid
        if not np.array_equal(part.before.pixels[:, ok], part.after.pixels[:, ok]):
            return False
    return True


class Remembering:
    """A pair that keeps the windows it was asked for, while guesses are checked."""

    def __init__(self, pair: PairReader) -> None:
        self.pair = pair
        self._kept: dict[Window, ImagePair] = {}

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.pair.grid

    @property
    def roles(self) -> tuple[str, ...]:
        """The bands."""
        return self.pair.roles

    @property
    def infos(self) -> tuple[ImageInfo, ImageInfo]:
        """What is known about before and after."""
        return self.pair.infos

    def overview(self, factor: int) -> ImagePair:
        """The whole pair, coarser."""
        return self.pair.overview(factor)

    def read(self, window: Window) -> ImagePair:
        """Read a window, once."""
        if window not in self._kept:
            self._kept[window] = self.pair.read(window)
        return self._kept[window]


def require_alignment(alignment: Alignment, name_before: str, name_after: str) -> None:
    """Raise when an alignment was refused.

    Raises
    ------
    AlignmentRefused
        Carrying the estimate.
    """
    if alignment.grade != "refused":
        return
    raise AlignmentRefused(
        f"{name_after} could not be aligned with {name_before}: {'; '.join(alignment.reasons)}. "
        "Both must show the same place with enough in common to compare. Check that they do, or "
        "switch alignment off (--no-align) if their coordinates can be trusted.",
        alignment,
    )
