"""Learning from the pair what its shadows look like: their colour, and what black shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from changedet.differencing.light.shadow import (
    SKYLIGHT,
    SKYLIGHT_TOLERANCE,
    ShadowColour,
    ShadowModel,
)

VISIBLE = ("blue", "green", "red")
SKYLIGHT_RANGE = 0.15
"""The scene's own depths are used within so much of those under a clear sky."""
NIR_DEEPER = 2.0
"""The near infrared may fall by so many times more: where all of the image holds some haze or light
of the sky, its floor is guessed too high."""
UNNAMED_BANDS = 4
"""So many bands are looked at where it is not known which is which,"""
UNNAMED_RANGE = 0.4
"""and the scene's own values are used within so much of equal depth,"""
UNNAMED_TOLERANCE = (0.16, 0.5)
"""with this deviation; or with that, where what changed is too little to learn them from."""
ONE_BAND_M = 1.2
"""Larger pixels of one band tell no shadows, metres: too much that moved is left."""
DEEP = 0.8
"""Pixels darker than this share of the other date's value may lie in a shadow."""
LEAST_DEEP = 1000
"""So many of them are needed to tell haze from shade."""
FLOORS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""Shares of the first guess of the dark level that are tried;"""
FLOOR_GAIN = 0.02
"""a lower one must explain so much more of what changed."""
FLOOR_PIXELS = 20_000
"""Pixels on which they are tried, at most."""
LEAST_COLOURED = 200
"""Fewer pixels say nothing."""


def fit_shadow(
    before: np.ndarray,
    after: np.ndarray,
    changed: np.ndarray,
    roles: tuple[str, ...],
    away: tuple[tuple[float, float], tuple[float, float]],
    gsd_m: float,
) -> ShadowModel | None:
    """Learn the colour of shadows from the pair.

    Without blue, green and red among the bands, as where bands have no names, how deep shadows are
    in each is learnt from what got darker or brighter in all of them. In a panchromatic image they
    are told by where they fall alone.

    Parameters
    ----------
    before, after : (band, n) float32 arrays
        Jointly valid pixels, before in the radiometry of after.
    changed : (n,) bool array
        Which of them look changed.
    roles : tuple of str
        One a band.
    away : tuple
        From :func:`changedet.differencing.shadow_offset` for the two dates.
    gsd_m : float
        Size of a pixel, metres.

    Returns
    -------
    ShadowModel or None
    """
    if not before.size:
        return None
    bands, colour = _expected(roles)
    if len(bands) == 1 and gsd_m > ONE_BAND_M:
        return None
    dark = _dark_level(before[list(bands)], after[list(bands)], changed)
    model = ShadowModel(bands, dark, colour, away, gsd_m)
    if len(bands) == 1:
        return model
    model = _best_floor(model, before, after, changed)
    logs = [model.logarithms(v[:, changed][:, None, :])[:, 0] for v in (before, after)]
    difference = logs[1] - logs[0]
    visible = colour.brightness(difference)
    together = (np.abs(visible) > 0.3) & (np.sign(difference) == np.sign(visible)).all(axis=0)
    if together.sum() < LEAST_COLOURED:
        return model
    depth = np.median(difference[:, together] / visible[together], axis=1)
    within = SKYLIGHT_RANGE if colour.named else UNNAMED_RANGE
    depth = np.clip(depth, colour.depth - within, colour.depth + within)
    if colour.named:
        return replace(model, colour=replace(colour, depth=depth))
    tolerance = np.full_like(colour.tolerance, UNNAMED_TOLERANCE[0])
    depth /= depth.mean()
    return replace(model, colour=replace(colour, depth=depth, tolerance=tolerance, told=True))


def _expected(roles: tuple[str, ...]) -> tuple[tuple[int, ...], ShadowColour]:
    """Bands to look at, and the colour of a shadow under a clear sky."""
    if not set(VISIBLE) <= set(roles):
        count = min(len(roles), UNNAMED_BANDS)
        wide = np.full((count, 2), UNNAMED_TOLERANCE[1])
        unknown = ShadowColour(np.ones(count), wide, count, named=False, told=False)
        return tuple(range(count)), unknown
    names = [*VISIBLE, *(["nir"] if "nir" in roles else [])]
    depth = np.array([SKYLIGHT[n] for n in names])
    tolerance = np.array([[SKYLIGHT_TOLERANCE[n]] * 2 for n in names])
    tolerance[len(VISIBLE) :, 1] *= NIR_DEEPER
    colour = ShadowColour(depth / depth[: len(VISIBLE)].mean(), tolerance, len(VISIBLE))
    return tuple(roles.index(n) for n in names), colour


def _best_floor(
    model: ShadowModel, before: np.ndarray, after: np.ndarray, changed: np.ndarray
) -> ShadowModel:
    """The dark level with which most of what changed has the colour of a shadow.

    The darkest pixels may be shadows on dark ground: taken for black they make every shadow look
    too deep, and deeper in the visible than in the near infrared.
    """
    few = np.flatnonzero(changed)
    few = few[:: max(1, len(few) // FLOOR_PIXELS)]
    if len(few) < LEAST_COLOURED:
        return model
    pair = [v[:, few][:, None, :] for v in (before, after)]
    best, most = model, 0
    for share in FLOORS:
        tried = replace(model, dark_level=model.dark_level * share)
        first, second = (tried.logarithms(v) for v in pair)
        count = int(np.count_nonzero(tried.coloured(first, second)))
        if count > most * (1 + FLOOR_GAIN):
            best, most = tried, count
    return best


def _dark_level(before: np.ndarray, after: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """What a pixel of no reflectance shows, by band: haze and offset.

    Not more than the darkest pixels, which may be shadows themselves. Where pixels changed by
    enough in all bands alike, the darker of the two values is a share of the lighter one, and what
    haze adds shows as the line's value where the two are equal.
    """
    darkest = np.array([0.95 * float(np.quantile(band, 0.001)) for band in after])
    together = np.abs(np.sign(after - before).sum(axis=0)) == len(after)
    lit, shaded = np.maximum(before, after), np.minimum(before, after)
    deep = shaded[:3].mean(axis=0) < DEEP * lit[:3].mean(axis=0)
    chosen = changed & together & deep
    if chosen.sum() < LEAST_DEEP:
        return darkest
    out = darkest.copy()
    for k in range(len(out)):
        x, y = lit[k, chosen], shaded[k, chosen]
        edges = np.quantile(x, np.linspace(0.02, 0.98, 13))
        index = np.digitize(x, edges)
        classes = [index == i for i in range(1, 13)]
        if min(int(c.sum()) for c in classes) < 20:
            continue
        middle = np.array([[np.median(x[c]), np.median(y[c])] for c in classes], dtype=np.float64)
        slope, start = np.polyfit(middle[:, 0], middle[:, 1], 1)
        if 0.1 < slope < 0.6:
            low, high = sorted((0.5 * darkest[k], darkest[k]))
            out[k] = np.clip(start / (1.0 - slope), low, high)
    return out
