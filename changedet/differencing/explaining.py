"""Which changes are explained away, and by what: the one place that decides ``explained_by``.

An explained object stays in the table, flagged, and counts nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.labelling import LABEL_BLOCK, Components
from changedet.differencing.measuring import Measures, Shape, directions
from changedet.differencing.vector import ChangeVector
from changedet.model import ImagePair, PairReader, RasterWindows, Window

Run = Callable[[Callable[[Window], Any], Iterable[Window]], Iterator[Any]]
"""Maps a function over windows, in order."""
LOOSE = 2.5
"""Tolerance for the colour of a shadow, as a multiple, where the shape of the whole object counts
as well."""
SLIVER_SHARE = 0.5
"""Share of a sliver's pixels that must have that colour."""
STANDING_SHARE = 0.7
"""Share of a standing thing's changed pixels that must have darkened (or brightened) so,"""
CONTRARY = 2.0
"""So many times as much contrast at the date when it is brighter: then it is no shadow."""
STANDING_SPREAD = 0.35
"""and how evenly: standard deviation over mean."""
MISPLACED = 2.5
"""Residual shifts up to so many standard deviations count as an explanation,"""
MISPLACED_SHARE = 0.7
"""of objects of which this share of pixels would not have been marked with a shift so large,"""
MISPLACED_PX = 0.1
"""and where at least this much is expected, pixels: less is far below what makes an object."""


def explain_pixels(
    score: RasterWindows,
    explained: Any,
    reader: PairReader,
    detection: Detection,
    run: Run = map,
) -> None:
    """Mark the pixels whose change is only a shadow that moved.

    Parameters
    ----------
    score : RasterWindows
        −log10 p.
    explained : RasterWindows with ``write``
        uint8 scratch raster, zero to begin with; blocks without a seed are left alone.
    reader, detection, run
        As for :func:`find_objects`.
    """
    shadow = detection.shadow
    if shadow is None:
        return
    halo = shadow.halo + SHADOW_GUARD

    def work(core: Window) -> None:
        tile = np.nan_to_num(score.read(core))
        if not (tile >= detection.threshold.seed).any():
            return
        window = core.pad(halo)
        wanted = np.zeros(window.shape, dtype=bool)
        wanted[core.within(window)] = tile >= detection.threshold.support
        bright = detection.detector.shadow_logarithms(reader.read(window))  # type: ignore[attr-defined]
        mask = shadow.explains(bright[0], bright[1], wanted)[core.within(window)]
        explained.write(core, mask.astype(np.uint8))

    for _ in run(work, score.grid.tiles(LABEL_BLOCK)):
        pass


def count_explanations(
    measures: Measures,
    labels: np.ndarray,
    pair: ImagePair,
    window: Window,
    core: Window,
    detection: Detection,
) -> None:
    """Count in one block what :func:`explanations` will be asked of each object.

    Parameters
    ----------
    measures : Measures
        Sums to add to.
    labels, pair, window, core
        As for :meth:`Measures.add`.
    detection : Detection
        Knows how shadows look and what a shift does.
    """
    shadow = detection.shadow
    if shadow is not None:
        before, after = detection.detector.shadow_logarithms(pair)  # type: ignore[attr-defined]
        colour = shadow.coloured(before, after, LOOSE)
        darkening = (after[:3] - before[:3]).mean(axis=0)
        measures.add_shaded(labels, window, core, colour, darkening)
    misplaced = _misplaced(pair, labels, detection)
    if misplaced is not None:
        measures.add_misplaced(labels, window, core, misplaced)


def _misplaced(pair: ImagePair, labels: np.ndarray, detection: Detection) -> np.ndarray | None:
    """Pixels that a residual shift of :data:`MISPLACED` standard deviations would explain.

    None where so little is left that it explains nothing, and for detectors that do not know what
    a shift does.
    """
    left = pair.residual_px
    if left is None or not isinstance(detection.detector, ChangeVector):
        return None
    asked = (labels > 0) & (left >= MISPLACED_PX)
    if not asked.any():
        return None
    score = detection.null.surprise(detection.detector.statistic(pair, MISPLACED))
    out: np.ndarray = asked & (np.nan_to_num(score) < detection.threshold.support)
    return out


def explanations(
    found: Components,
    measures: Measures,
    shape: Shape,
    contrast: np.ndarray,
    detection: Detection,
) -> np.ndarray:
    """What explains each object, (n,) object array; None: nothing does.

    ``shadow`` where only the light changed, ``misregistration`` where a shift would do.

    Besides objects made of explained pixels these are slivers with the colour of a shadow that
    are no wider than the tip of a shadow travels from one date to the other, and things that
    stand at both dates and of which one side fell into the shade, as the slopes of a roof do.
    """
    away = found.explained.copy()
    change = directions(contrast)
    if detection.shadow is not None:
        pixels = np.maximum(found.pixels, 1)
        count, total, squares = np.moveaxis(measures.shaded, 1, 0)
        share = count.sum(axis=0) / pixels
        mean = np.abs(total) / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0.0))
        even = (count / pixels >= STANDING_SHARE) & (spread <= STANDING_SPREAD * mean)
        # A shadow that comes darkens and one that goes brightens; a thing may do the contrary.
        before, after = contrast
        darker = count[0] >= count[1]
        contrary = np.where(darker, before > CONTRARY * after, after > CONTRARY * before)
        narrow = shape.width_px <= detection.shadow.sliver_px
        away |= (share >= SLIVER_SHARE) & narrow & ~contrary
        away |= even.any(axis=0) & (change == "modified")
    out = np.full(len(found), None, dtype=object)
    out[measures.misplaced >= MISPLACED_SHARE * np.maximum(found.pixels, 1)] = "misregistration"
    out[away] = "shadow"
    return out
