"""What each step of a track shows: the colour of four bands that lie along it, at both dates.

A wagon on a track is seen by four things: the ground on the side towards the sun is lit, the two
halves of the track show the wagon instead of the bed, and the ground on the side away from the sun
lies in its shadow. So a step along a track is boiled down to the mean logarithm of the pixel values
in those four bands, told from the sun side to the shadow side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedet.activity.tracks.profile import FINE_GSD_M, TrackStrip

BODY_HALF_M = 1.55
"""Half of the width of a wagon, metres: bodies are 2.8 to 3.25 m wide on either gauge."""
BODY_THIRDS = ((-1.3, -0.45), (-0.45, 0.45), (0.45, 1.3))
"""Thirds of it, metres from the centre."""
STEP_M = 1.0
"""Finer samples along the track are averaged to steps of about so much."""
DARKEST = 0.002
"""Share of the pixels that are taken to show nothing but haze and offset,"""
DARK_SHARE = 0.85
"""of whose value so much is taken off before the logarithm,"""
FLOOR = 0.08
"""and so much of the typical value above it is the least that is kept."""

Away = tuple[float, float] | None
"""Where the shadow of a thing one metre tall ends, (rows, columns); None where nobody knows."""


@dataclass(frozen=True, eq=False)
class TrackSamples:
    """The steps of all pieces of track, one piece after another."""

    gsd: float
    """Ground sample distance, metres."""
    step: float
    """Length of a step, metres."""
    parts: tuple[slice, ...]
    """The steps of each piece."""
    logs: np.ndarray
    """(date, n, zone, band) mean natural logarithms; zones from the sun side to the shadow side."""
    seen: np.ndarray
    """(date, n, zone) bool: most of the zone is valid."""
    centre: np.ndarray
    """(date, n, 2) metres down and right, after the offset."""
    right: np.ndarray
    """(n, 2) unit vectors."""
    away: np.ndarray
    """(date, 2) metres down and right by which a metre of height throws its shadow."""
    side: np.ndarray
    """(date, n) +1 where the shadow falls to the right of the way, -1 where to the left."""
    middles: np.ndarray
    """(zone,) distance of the middles of the zones from the centre, positive with the shadow."""

    def __len__(self) -> int:
        return self.logs.shape[1]

    @property
    def coarse(self) -> bool:
        """Whether pixels mix a track with its neighbours."""
        return self.step > FINE_GSD_M

    @property
    def piece(self) -> np.ndarray:
        """(n,) number of the piece of each step."""
        return np.repeat(np.arange(len(self.parts)), [p.stop - p.start for p in self.parts])

    @property
    def reach(self) -> np.ndarray:
        """(date, n) metres across the track by which a metre of height throws its shadow."""
        return np.abs(np.einsum("nk,dk->dn", self.right, self.away))


def zone_bounds(gsd: float) -> tuple[tuple[float, float], ...]:
    """Inner and outer bounds of the four zones, metres from the centre, by pixel size.

    Pixels much wider than the gap between two trains mix it with both: the outer zones then reach
    as far as a pixel, and the inner ones over all of the body.
    """
    if gsd <= FINE_GSD_M:
        return ((-2.7, -1.9), (-1.3, -0.1), (0.1, 1.3), (1.8, 2.6))
    return ((-3.9, -2.1), (-1.5, -0.2), (0.2, 1.5), (1.9, 3.5))


def dark_levels(strips: Sequence[TrackStrip]) -> tuple[np.ndarray, np.ndarray]:
    """(date, band) what a pixel of no reflectance shows, and the typical value above it."""
    dates, bands = strips[0].pixels.shape[:2]
    dark, typical = np.zeros((dates, bands)), np.ones((dates, bands))
    for date in range(dates):
        values = np.concatenate([s.pixels[date][:, s.valid[date]] for s in strips], axis=1)
        if values.shape[1]:
            dark[date] = DARK_SHARE * np.quantile(values, DARKEST, axis=1)
            typical[date] = np.median(values, axis=1) - dark[date]
    least = 1e-6 * np.maximum(np.abs(dark), 1e-6)
    return dark, np.maximum(typical, least)


def take_samples(
    strips: Sequence[TrackStrip],
    offsets: np.ndarray,
    away: Sequence[Away],
    pixel_size_m: tuple[float, float],
    levels: tuple[np.ndarray, np.ndarray],
    thin: int = 1,
) -> TrackSamples:
    """Boil strips down to steps and zones.

    Parameters
    ----------
    strips : sequence of TrackStrip
        At least one.
    offsets : (date, piece) float array
        How far right of the drawn line the track really lies, metres.
    away : (before, after)
        Where shadows fall, pixels a metre of height; both must be known.
    pixel_size_m : (float, float)
        Of the grid.
    levels : (dark, typical)
        From :func:`dark_levels`.
    thin : int
        Take only each so manyth step.
    """
    gsd = strips[0].step
    bounds = zone_bounds(gsd)
    group = max(1, round(STEP_M / gsd))
    dark, typical = levels
    shifted = np.array([a for a in away if a is not None]) * pixel_size_m
    logs, seen, centres, rights, sides = [], [], [], [], []
    for number, strip in enumerate(strips):
        keep = np.arange(0, max(1, len(strip.along) // group), thin) * group
        right = strip.right[np.minimum(keep + group // 2, len(strip.along) - 1)]
        right_side = right @ shifted.T >= 0
        by_date, known, at = [], [], []
        for date in range(2):
            values, good = _zone_means(
                strip, date, offsets[date, number], bounds, (dark[date], typical[date]),
                keep, group,
            )  # fmt: skip
            flip = ~right_side[:, date]
            by_date.append(np.where(flip[:, None, None], values[1], values[0]))
            known.append(np.where(flip[:, None], good[1], good[0]))
            middle = strip.centre[np.minimum(keep + group // 2, len(strip.along) - 1)]
            at.append(middle + right * offsets[date, number])
        logs.append(np.stack(by_date))
        seen.append(np.stack(known))
        centres.append(np.stack(at))
        rights.append(right)
        sides.append(np.where(right_side.T, 1, -1))
    ends = np.cumsum([len(r) for r in rights])
    parts = tuple(slice(int(e) - len(r), int(e)) for e, r in zip(ends, rights, strict=True))
    return TrackSamples(
        gsd, gsd * group, parts, np.concatenate(logs, axis=1), np.concatenate(seen, axis=1),
        np.concatenate(centres, axis=1), np.concatenate(rights), shifted,
        np.concatenate(sides, axis=1), np.array([(a + b) / 2 for a, b in bounds]),
    )  # fmt: skip


def body_profile(
    strip: TrackStrip, date: int, offset: float, levels: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(n, 3 x band) mean logarithms of the thirds of a wagon's width at every sample along."""
    dark, typical = (v[date][:, None, None] for v in levels)
    logs = np.log(np.maximum(strip.pixels[date] - dark, FLOOR * typical))
    out = []
    for low, high in BODY_THIRDS:
        weight = _overlap(strip.across, low + offset, high + offset)
        out.append((logs * weight).sum(axis=2) / weight.sum())
    return np.concatenate(out).T


def _zone_means(
    strip: TrackStrip,
    date: int,
    offset: float,
    bounds: tuple[tuple[float, float], ...],
    levels: tuple[np.ndarray, np.ndarray],
    keep: np.ndarray,
    group: int,
) -> tuple[np.ndarray, np.ndarray]:
    """(2, n, zone, band) means with the shadow to the right and to the left; (2, n, zone) seen."""
    dark, typical = levels
    rows = np.minimum(keep[:, None] + np.arange(group), len(strip.along) - 1)
    pixels = strip.pixels[date][:, rows] - dark[:, None, None, None]
    logs = np.log(np.maximum(pixels, (FLOOR * typical)[:, None, None, None]))
    valid = strip.valid[date][rows].astype(np.float64)
    values = np.zeros((2, len(keep), len(bounds), len(dark)))
    share = np.zeros((2, len(keep), len(bounds)))
    for z, (low, high) in enumerate(bounds):
        for turn, (a, b) in enumerate(((low, high), (-high, -low))):
            weight = _overlap(strip.across, a + offset, b + offset)
            weighed = valid * weight
            total = weighed.sum(axis=(1, 2))
            sums = np.einsum("bnim,nim->nb", logs, weighed)
            values[turn, :, z] = sums / np.maximum(total, 1e-9)[:, None]
            share[turn, :, z] = total / (group * weight.sum())
    return values, share > 0.6


def _overlap(across: np.ndarray, low: float, high: float) -> np.ndarray:
    """Length that each sample's cell has in common with a zone; at least the nearest sample's."""
    half = (across[1] - across[0]) / 2
    common = np.minimum(across + half, high) - np.maximum(across - half, low)
    weight = np.clip(common, 0, None)
    if weight.sum() <= 0:
        weight[np.argmin(np.abs(across - (low + high) / 2))] = 1.0
    return weight
