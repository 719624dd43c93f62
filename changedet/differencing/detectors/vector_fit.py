"""Fitting the change vector: radiometry, noise, shadows, light, structure and pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from changedet.differencing.detector import DetectionContext
from changedet.differencing.detectors.vector import ChangeVector, Evidence, object_pixel_m
from changedet.differencing.ground.filters import ValidSmoother
from changedet.differencing.ground.guided import fit_guide
from changedet.differencing.ground.structure import Structure, fit_structure
from changedet.differencing.light.illumination import illumination
from changedet.differencing.light.radiometry import fit_radiometry
from changedet.differencing.light.shadow_fit import fit_shadow
from changedet.differencing.light.sun_estimate import LONGEST_RUN_PX, STEPS, estimate_sun
from changedet.differencing.null.null_model import changed_places
from changedet.differencing.sampling import Sample
from changedet.model import Window

SURFACE_SIGMA = 8.0
"""Neighbourhood over which the spread between surfaces is measured, pixels."""
LEAST_NOISE = 3e-4
"""No image is quieter than this share of its range: its numbers are rounded."""
STRUCTURE_M = 3.0
"""Neighbourhood in which structure is compared: half a house, metres,"""
STRUCTURE_PX = (2.0, 10.0)
"""within these bounds, pixels."""
NARROWEST_M = 1.5
"""Narrower things are slivers of shadows and seams of roofs, metres."""
POOLED_M = 0.75
"""Neighbourhood in which pixels that look alike at both dates are pooled: a quarter of a wagon's
width on each side, metres,"""
POOLED_EDGE = 0.02
"""and the square of the least contrast that keeps them apart, as a share of the scene's."""
POOLED_PICTURE_M = 2.0
"""The same where structure is compared, for houses,"""
POOLED_PICTURE_EDGE = 0.1
"""whose shadows must not keep their parts from being pooled."""
FAR_OUT = 3.0
"""Compressed deviations that a place reaches which changed for sure, or went into the shade,"""
SKIRT = 2.25
"""and those which what belongs to it has at least,"""
MARGIN_PX = 2
"""with so many pixels around it."""
MANY = 0.2
"""Share of the sample that must stand out to lead a median by more than a quarter,"""
MOST = 0.8
"""and share from which too little is left to estimate anything on."""
ROUNDS = 6
"""Estimates at most that leave out what stands out by the one before."""
FIT_PIXELS = 60_000
"""Pixels on which the radiometry is fitted, at most."""


def fit(sample: Sample, context: DetectionContext) -> ChangeVector:
    """Estimate radiometry and noise on the sample, without what certainly changed.

    Every estimate is a median or a quantile, which a few changed things do not lead. On a tight
    crop of a busy yard they are not few: what they do to the noise hides them. So what stands out
    by a first estimate is left out of the next, until the same places are left out again. Only
    where pixels resolve single objects: elsewhere rough ground stands out as they do.
    """
    fitted, share = _fit(sample, sample, context), 0.0
    rounds = 0 if object_pixel_m(context) is None else ROUNDS
    for _ in range(rounds):
        places = [_far_out(fitted, sample, window) for window in sample.windows]
        core = [_core(p, w) for p, w in zip(places, sample.windows, strict=True)]
        now = sum(int(c.sum()) for c in core) / sum(c.size for c in core)
        if not MANY <= now <= MOST or abs(now - share) < 0.01:
            break
        share, fitted = now, _fit(sample.without(places), sample, context)
    return fitted


def _far_out(fitted: ChangeVector, sample: Sample, window: Window) -> np.ndarray:
    """Places of a block, and of as much around it as estimates look at, that changed for sure."""
    halo = fitted.halo
    pair = sample.reader.read(window.pad(2 * halo))
    statistic = np.ascontiguousarray(fitted.statistic(pair)[halo:-halo, halo:-halo])
    return changed_places(statistic, FAR_OUT, SKIRT, MARGIN_PX)


def _core(values: np.ndarray, window: Window) -> np.ndarray:
    """The block itself out of an array that reaches beyond it."""
    edge = (values.shape[0] - window.height) // 2
    return values[edge : edge + window.height, edge : edge + window.width]


def _fit(sample: Sample, every: Sample, context: DetectionContext) -> ChangeVector:
    """Estimate once: noise on one sample, the scene's light and contrast on all of it."""
    before, after = sample.pixels(FIT_PIXELS)
    radiometry = fit_radiometry(before, after, context.roles)
    before, after = every.pixels(FIT_PIXELS)
    bands, strata = len(before), 1 if radiometry.red is None else 2
    dark = np.quantile(after, 0.001, axis=1)
    raw = ChangeVector(radiometry, dark, np.ones(bands), np.zeros(bands), np.zeros((strata, bands)))
    parts, coarse, weights = [], [], []
    for window, pair in sample.pairs(raw.halo):
        core = window.within(window.pad(raw.halo))
        valid = pair.valid[core]
        seen = raw.evidence(pair)
        parts.append(seen.at(core, valid))
        coarse.append(_surface_residual(seen, pair.valid)[:, core[0], core[1]][:, valid])
        strata_weights = np.stack(radiometry.strata(pair.before.pixels))
        weights.append(strata_weights[:, core[0], core[1]][:, valid])
    seen = Evidence(
        *(
            np.concatenate([getattr(p, name) for p in parts], axis=1)
            for name in ("residual", "level", "texture", "edges")
        )
    )
    noise, share = np.empty(bands), np.empty(bands)
    for k in range(bands):
        low, high = np.quantile(after[k], [0.005, 0.995])
        least = LEAST_NOISE * float(high - low) or 1.0
        noise[k], share[k] = _noise_model(seen.residual[k], seen.texture[k], seen.edges[k], least)
    surface = _surface_spread(np.concatenate(coarse, axis=1), np.concatenate(weights, axis=1))
    fitted = ChangeVector(radiometry, dark, noise, share, surface)
    if context.shadow_away is not None:
        predicted = radiometry.apply(before)
        far = (np.abs(after - predicted) > 6.0 * noise[:, None]).mean(axis=0) > 0.5
        fitted = _with_shadow(fitted, every, context, (predicted, after, far))
    shadow = fitted.shadow
    size = object_pixel_m(context)
    if size is None:
        return fitted
    light = illumination(context.roles, shadow)
    parts_of = list(np.concatenate(weights, axis=1))
    both = light.split(seen.residual, seen.level, fitted.variance(seen, parts_of))
    light = light.fitted(*both, parts_of)
    fitted = replace(fitted, light=light, half_width=int(0.5 * NARROWEST_M / size))
    brightness = [(radiometry.apply(before).mean(axis=0), after.mean(axis=0))]
    if shadow is not None:
        return replace(fitted, guide=fit_guide(POOLED_M / size, POOLED_EDGE, brightness))
    width = float(np.clip(STRUCTURE_M / size, *STRUCTURE_PX))
    guide = fit_guide(POOLED_PICTURE_M / size, POOLED_PICTURE_EDGE, brightness)
    return replace(fitted, structure=_fit_structure(fitted, every, width), guide=guide)


def _with_shadow(
    fitted: ChangeVector,
    sample: Sample,
    context: DetectionContext,
    pixels: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> ChangeVector:
    """Learn how shadows look, and where they fall if nothing told."""
    known = context.shadow_away or (None, None)
    start = (known[0] or (0.0, 0.0), known[1] or (0.0, 0.0))
    shadow = fit_shadow(*pixels, context.roles, start, context.gsd_m or 1.0)
    suns_known = known[0] is not None and known[1] is not None
    if shadow is None or not (suns_known or shadow.colour.told):
        # the sun is estimated from the edges of shadows, which only their colour tells from others
        return fitted
    if suns_known:
        return replace(fitted, shadow=replace(shadow, source=context.sun_source or "given"))
    blind = replace(fitted, shadow=shadow)

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for _, pair in sample.pairs(LONGEST_RUN_PX):
            yield *blind.shadow_logarithms(pair), pair.valid

    steps = STEPS if shadow.colour.named else tuple(float(v) for v in shadow.colour.depth)
    sun = estimate_sun(blocks, sample.reader.grid, known, steps)
    if sun.away is None:
        return replace(fitted, sun=sun)
    source = "estimated" if known == (None, None) else f"{context.sun_source} and estimated"
    return replace(fitted, sun=sun, shadow=replace(shadow, away=sun.away, source=source))


def _fit_structure(fitted: ChangeVector, sample: Sample, window: float) -> Structure:
    """Structure is compared where nothing else tells a new roof from a shadow or a dry field.

    It blurs outlines by its window, so it is left out where shadows are explained instead.
    """
    halo = Structure(window, 0.0).halo
    return fit_structure(
        window,
        float(np.mean(fitted.dark)),
        [
            (*fitted.patterns(pair), pair.valid, core.within(core.pad(halo)))
            for core, pair in sample.pairs(halo)
        ],
    )


def _surface_residual(seen: Evidence, valid: np.ndarray) -> np.ndarray:
    """Relative residual averaged over surfaces, (band, y, x)."""
    around = ValidSmoother(valid, SURFACE_SIGMA)
    out = np.empty_like(seen.residual)
    for k in range(len(out)):
        floor = np.float32(1e-3) * np.float32(seen.level[k].max() or 1.0)
        out[k] = around(seen.residual[k]) / np.maximum(around(seen.level[k]), floor)
    return out


def _surface_spread(relative: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Robust spread of the surfaces' relative residuals by stratum and band."""
    out = np.zeros((len(weights), len(relative)))
    for s, weight in enumerate(weights):
        inside = weight > 0.5
        if inside.sum() >= 100:
            out[s] = 1.4826 * np.median(np.abs(relative[:, inside]), axis=1)
    return out


def _noise_model(
    residual: np.ndarray, texture: np.ndarray, edges: np.ndarray, least: float
) -> tuple[float, float]:
    """Noise on flat ground and share of texture, from robust spreads in classes of texture."""
    order = np.quantile(texture, np.linspace(0, 1, 13))
    bins = np.clip(np.searchsorted(order, texture, side="right") - 1, 0, 11)
    level, spread = [], []
    for b in range(12):
        inside = bins == b
        if inside.sum() < 50:
            continue
        level.append(float(np.mean(texture[inside])))
        typical = float(np.median(edges[inside]))
        deviation = 1.4826 * float(np.median(np.abs(residual[inside])))
        spread.append(max(deviation**2 - typical, 0.0))
    level_, spread_ = np.array(level), np.array(spread)
    flat = float(np.quantile(spread_, 0.1)) if spread else 0.0
    flat = max(flat, least**2)
    share = 0.0
    usable = level_ > 0
    if usable.any():
        share = float(np.clip(np.median((spread_[usable] - flat) / level_[usable]), 0.0, 1.0))
    return float(np.sqrt(flat)), share
