"""Estimate how the after image must be moved to lie on the before image."""

from __future__ import annotations

import numpy as np

from changedet.errors import AlignmentRefused
from changedet.loading import align_coarse as coarse
from changedet.loading import align_evidence as evidence
from changedet.loading.align_features import recipes
from changedet.loading.align_judge import Evidence, graded, unmeasured, zero
from changedet.loading.align_measure import Comparison, compare
from changedet.loading.align_motion import Motion
from changedet.loading.align_ties import SIGNIFICANT, fit, learned, measure
from changedet.model import Alignment, Lattice, PairReader, Window
from changedet.progress import ProgressCallback, ProgressEvent, as_progress

_WINDOWS = 480
"""About as many windows are compared at most."""


def estimate_alignment(
    pair: PairReader, *, seed: int = 0, progress: bool | ProgressCallback | None = None
) -> Alignment:
    """Measure the correction that lays the after image on the before image."""
    tell = as_progress(progress)
    tell(ProgressEvent("align", 0, 4, "overview"))
    shape = pair.grid.shape
    factor = coarse.overview_factor(shape)
    overview = pair.overview(factor)
    size = next(
        (s for s in (128, 64, 32) if min(shape) >= 3 * s or (s == 32 and min(shape) >= 48)), 0
    )
    if size == 0:
        return unmeasured(pair.grid, f"the overlap of {shape[1]} x {shape[0]} px is too small")
    pilot = coarse.spread_corners(overview, factor, size, 24, (0.0, 0.0))
    if len(pilot) and same(pair, pilot, size):
        return zero(pair.grid)
    ways = recipes(pair.roles, pair.infos)
    found: list[coarse.Found] = []
    for guess in coarse.guesses(overview, factor, ways, coarse.reach_px(shape)):
        corners = coarse.spread_corners(overview, factor, size, 24, guess.shift)
        if len(corners) >= 1:
            for way in ways[:2]:
                found.append(coarse.check(pair, guess.shift, way, corners, size, factor + 4.0))
    if not found:
        return unmeasured(pair.grid, "too little of the overlap is valid in both images")
    best = max(found, key=lambda f: f.significance)
    if best.significance <= 0:
        return unmeasured(pair.grid, "one of the images shows no texture to compare")
    tell(ProgressEvent("align", 1, 4, "features"))
    corners = coarse.spread_corners(overview, factor, size, 24, best.shift)
    for way in ways[2:]:
        other = coarse.check(pair, best.shift, way, corners, size, 2.0)
        best = max(best, other, key=lambda f: f.significance)
    tell(ProgressEvent("align", 2, 4, "windows"))
    corners = coarse.spread_corners(overview, factor, size, _WINDOWS, best.shift)
    motion = Motion.shift(shape, round(best.shift[0]), round(best.shift[1]))
    seen = compare(pair, corners, size, motion, best.recipe)
    seen = seen.take(seen.share > 0.3)
    tell(ProgressEvent("align", 3, 4, "judging"))
    if len(seen.share) < 3:
        return unmeasured(pair.grid, "too little of the overlap is valid in both images")
    out = graded(pair.grid, _gathered(seen, size, shape, best.recipe.name))
    tell(ProgressEvent("align", 4, 4))
    return out


def _gathered(seen: Comparison, size: int, shape: tuple[int, int], name: str) -> Evidence:
    spectra, common = learned(seen.spectra, 4.0)
    top, significance = evidence.pooled_significance(spectra, 4.0)
    ties = measure(seen, spectra, 3.0, common)
    believed = ties.significance > SIGNIFICANT
    inlier = np.zeros(len(ties))
    motion = Motion.shift(shape, *(seen.applied[0] + top))
    residual = np.zeros((0, 2))
    if believed.sum() >= 3:
        _, inlier[believed] = fit(ties.take(believed), "translation", shape)
        believed &= inlier > 0
        residual = evidence.held_out(ties.take(believed), "translation", shape, size)
        residual = residual[np.isfinite(residual).all(1)]
    spread = float(np.sqrt((residual**2).mean())) if len(residual) else 1.0
    return Evidence(
        motion, ties, inlier, residual, significance,
        evidence.halves(seen, spectra, size, 4.0),
        evidence.rival(spectra, top, size / 4)[0],
        evidence.coverage(ties, believed, seen.centres, size),
        Lattice.constant(spread), name,
    )  # fmt: skip


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


def same(pair: PairReader, corners: np.ndarray, size: int) -> bool:
    """Whether the two images are equal to the bit on windows."""
    for row, col in corners:
        both = pair.read(Window(int(row), int(col), size, size))
        ok = both.before.valid & both.after.valid
        if not np.array_equal(both.before.pixels[:, ok], both.after.pixels[:, ok]):
            return False
    return True
