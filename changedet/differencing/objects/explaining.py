"""Which changes are explained away, and by what: the one place that decides ``explained_by``.

An explained object stays in the table, flagged, and counts nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from changedet.differencing.detection import SHADOW_GUARD, Detection
from changedet.differencing.detectors.vector import ChangeVector
from changedet.differencing.objects.extents import Shape
from changedet.differencing.objects.labelling import LABEL_BLOCK, Components
from changedet.differencing.objects.lean import lean_reach, leaning
from changedet.differencing.objects.measuring import Measures, contrasts
from changedet.differencing.objects.season import SMALLEST_M2, fit_season
from changedet.differencing.sampling import Sample, sample_windows
from changedet.model import ImagePair, PairReader, RasterWindows, Window

Run = Callable[[Callable[[Window], Any], Iterable[Window]], Iterator[Any]]
"""Maps a function over windows, in order."""
LOOSE = 2.5
"""Tolerance for the colour of a shadow, as a multiple, where the shape of the whole object counts
as well."""
SLIVER_SHARE = 0.7
"""Share of a sliver's pixels that must have that colour: rows of wagons have it by parts."""
PARTNERS = 0.35
"""Share of an object's shadow-coloured pixels that must have a counterpart at the other date,"""
PARTNERS_ALONE = 0.6
"""and share of all its pixels, where not every pixel was explained by itself."""
CASTER_M2 = 37.5
"""A sliver as large as the smallest wagon is cast by something:"""
CAST_SHARE = 0.02
"""at least this share of its pixels have a counterpart that is a shadow: a roof proves less."""
CONTRARY = 1.5
"""So many times as much contrast at the date when it is brighter: then it is no sliver,"""
CONTRARY_PAIRED = 3.0
"""and so many times as much: then no shadow, whatever its counterparts."""
SLOPE_SHARE = 0.75
"""Share of a slope's pixels that must have darkened, or brightened, with the colour of shade,"""
SLOPE_MARGIN = 0.15
"""by what the sun's motion makes on a slope and this much more (natural logarithm),"""
SLOPE_RIM = 0.5
"""its rim at the date that shows it less as steep as this share of the other's,"""
SLOPE_WIDTH_M = 3.5
"""and how wide it must be: wider than wagons, containers and trucks."""
LEANED_SHARE = 0.5
"""Share of an object's pixels that the lean of a standing thing must explain."""
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
    # faint pixels make a place together
    threshold = detection.threshold
    least = threshold.seed if detection.thing is None else threshold.support

    def work(core: Window) -> None:
        tile = np.nan_to_num(score.read(core))
        if not (tile >= least).any():
            return
        window = core.pad(halo)
        wanted = np.zeros(window.shape, dtype=bool)
        wanted[core.within(window)] = tile >= threshold.support
        bright = detection.detector.shadow_logarithms(reader.read(window))  # type: ignore[attr-defined]
        mask = shadow.explains(bright[0], bright[1], wanted)[core.within(window)]
        explained.write(core, mask.astype(np.uint8))

    for _ in run(work, score.grid.tiles(LABEL_BLOCK)):
        pass


def explaining_halo(detection: Detection) -> int:
    """Pixels of neighbourhood that :func:`count_explanations` needs."""
    shadow = 0 if detection.shadow is None else detection.shadow.halo + SHADOW_GUARD
    reach = lean_reach(detection.context)
    return shadow if reach == 0 else max(shadow, detection.halo + 2 * reach)


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
        found = np.zeros(colour.shape, dtype=np.int8)
        inside = np.zeros_like(colour)
        cut = core.within(window)
        inside[cut] = colour[cut] & (labels[cut] > 0)
        rows, cols = np.nonzero(inside)
        found[rows, cols] = shadow.counterparts(before, after, rows, cols)
        darker = shadow.darker(before, after)
        measures.add_shaded(labels, window, core, colour, after - before, darker, found)
    misplaced = _misplaced(pair, labels, detection)
    if misplaced is not None:
        measures.add_pixels("misplaced", labels, window, core, misplaced)
    cut = core.within(window)
    inside = np.zeros(labels.shape, dtype=bool)
    inside[cut] = labels[cut] > 0
    leaned = leaning(
        pair, inside, detection.detector, detection.null, detection.strata,
        detection.threshold.support, detection.context,
    )  # fmt: skip
    if leaned is not None:
        measures.add_pixels("leaned", labels, window, core, leaned)


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
    score = detection.surprise(pair, detection.detector.statistic(pair, MISPLACED))
    out: np.ndarray = asked & (np.nan_to_num(score) < detection.threshold.support)
    return out


def explanations(
    found: Components,
    measures: Measures,
    shape: Shape,
    detection: Detection,
    reader: PairReader,
    observed_pixels: int,
) -> np.ndarray:
    """What explains each object, (n,) object array; None: nothing does.

    ``shadow`` where only the light changed, ``misregistration`` where a shift would do.

    Besides objects made of explained pixels these are slivers with the colour of a shadow that
    are no wider than the tip of a shadow travels from one date to the other, and things that
    stand at both dates and of which one side fell into the shade, as the slopes of a roof do.
    """
    away = found.explained.copy()
    if detection.shadow is not None:
        pixels = np.maximum(found.pixels, 1)
        count, partners, dark = np.moveaxis(measures.shaded, 1, 0)
        share = count.sum(axis=0) / pixels
        # A shadow that comes darkens and one that goes brightens; a thing may do the contrary.
        before, after = contrasts(measures, detection.contrast)
        darker = count[0] >= count[1]
        lit, shaded = np.where(darker, (before, after), (after, before))
        narrow = shape.width_px <= detection.shadow.sliver_px
        paired = partners.sum(axis=0)
        cast = (pixels * (detection.context.gsd_m or 1.0) ** 2 < CASTER_M2) | (
            dark.sum(axis=0) >= CAST_SHARE * pixels
        )
        sliver = (share >= SLIVER_SHARE) & narrow & cast & (lit <= CONTRARY * shaded)
        possible = lit <= CONTRARY_PAIRED * shaded
        away &= sliver | ((paired >= PARTNERS * count.sum(axis=0)) & possible)
        away |= sliver | ((paired >= PARTNERS_ALONE * pixels) & possible)
        away |= _slopes(measures, shape, detection)
    pixels = np.maximum(found.pixels, 1)
    out = np.full(len(found), None, dtype=object)
    out[_seasonal(found, measures, detection, reader, observed_pixels)] = "season"
    out[measures.misplaced >= MISPLACED_SHARE * np.maximum(found.pixels, 1)] = "misregistration"
    out[measures.leaned >= LEANED_SHARE * pixels] = "lean"
    out[away] = "shadow"
    return out


def _seasonal(
    found: Components,
    measures: Measures,
    detection: Detection,
    reader: PairReader,
    observed_pixels: int,
) -> np.ndarray:
    """Which objects are fields that did what their like did elsewhere, (n,) bool."""
    out = np.zeros(len(found), dtype=bool)
    area = reader.grid.pixel_area_m2
    if area is None or detection.context.domain != "optical":
        return out
    large = np.flatnonzero(found.pixels * area >= SMALLEST_M2)
    if not large.size:
        return out
    sample = Sample(reader, sample_windows(reader.grid, detection.context.seed))
    season = fit_season(sample, reader.roles)
    if season is not None:
        before, after = measures.inside[:, large] / found.pixels[large, None]
        share = found.pixels[large] / max(observed_pixels, 1)
        out[large] = season.explains(before, after, share)
    return out


def _slopes(measures: Measures, shape: Shape, detection: Detection) -> np.ndarray:
    """Which objects are sides of roofs and heaps that the sun lit otherwise, (n,) bool.

    The whole side changed by as much as its slant allows, with the colour of shade, and its
    outline shows at both dates. Wagons, containers and trucks are too narrow to be asked.
    """
    shadow, gsd_m = detection.shadow, detection.context.gsd_m
    pixels = np.maximum(measures.moments[:, 0], 1)
    if shadow is None or gsd_m is None:
        return np.zeros(len(pixels), dtype=bool)
    mean = shadow.colour.brightness(measures.light[0].T) / pixels
    low, high = shadow.slope_light(shape.direction)
    possible = (mean >= low - SLOPE_MARGIN) & (mean <= high + SLOPE_MARGIN)
    shaded = measures.shaded[:, 0].max(axis=0) >= SLOPE_SHARE * pixels
    rim = measures.edge.min(axis=0) >= SLOPE_RIM * measures.edge.max(axis=0)
    wide: np.ndarray = shape.width_px * gsd_m >= SLOPE_WIDTH_M
    return possible & shaded & rim & wide
