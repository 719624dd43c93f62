"""How far beside the drawn centrelines the tracks really lie.

Lines drawn on another picture are often a few metres off, and neighbouring tracks are hardly five
metres apart: one track by itself may well fit better on its neighbour. All tracks of a yard are
off by the same vector, though, and their distances differ. So one offset is looked for that suits
all tracks and both dates, then smaller ones of each date and each track. What suits best is what
makes the images most likely: beside the true centre the four zones mix ground, wagon and shadow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedet.activity.tracks.bands import STEP_M, Away, take_samples
from changedet.activity.tracks.occupancy import find_occupation
from changedet.activity.tracks.profile import FINE_GSD_M, TrackStrip
from changedet.activity.tracks.shadows import ShadowPaths, shadow_paths
from changedet.model.tracks import IN_DOUBT

COARSE_M = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""Common offsets that are tried first,"""
FINE_M = (0.5, 0.25)
"""then so far to either side of the best."""
AROUND_M = (-1.0, -0.5, 0.5, 1.0)
"""Offsets of one date or one track against the common one."""
PULL = (0.03, 0.3, 1.0)
"""Mean log-likelihood that an offset of one metre must gain, growing with its square: of a whole
yard; over the number of tracks more, since a few may be mistaken for their neighbours; or over its
square, where that is more. With less, one in five lines drawn where their tracks are and given
alone was read beside them."""
OWN_PULL = 6.0
"""The same for the offset of one track against the yard's."""
MOST_M = 3.5
"""No track lies farther from its line than this."""
SURE_TRACKS, ALONE_M = 3, 1.0
"""Fewer tracks than these may be mistaken for their neighbours, and are said to have been where
they were found farther from their lines than this, metres."""
SEARCH_STEP_M = 4.0
"""Steps along the track while searching."""
ROUNDS = 3
"""Rounds of learning while searching."""
BODY_HEIGHT_M = 2.0
"""Height of a wagon's middle, by which it is displaced if the sensor looks from aside."""
NOMINAL_REACH = 1.0
"""Metres across the track by which a metre of height throws its shadow, where nobody knows."""


@dataclass(frozen=True, eq=False)
class TrackOffsets:
    """Where tracks lie and shadows fall."""

    offsets: np.ndarray
    """(date, piece) metres right of the drawn line."""
    away: tuple[Away, Away]
    """Where shadows fall, as given or as it suits best."""
    common: float
    """The yard's offset, metres to the right of the first piece."""
    preset: np.ndarray
    """(date, piece) the part of ``offsets`` that follows from the view angles."""


class _Search:
    """Fits of trial offsets, each computed once."""

    def __init__(
        self,
        strips: Sequence[TrackStrip],
        pixel_size_m: tuple[float, float],
        levels: tuple[np.ndarray, np.ndarray],
        preset: np.ndarray,
    ) -> None:
        self._strips, self._size, self._levels = strips, pixel_size_m, levels
        self.preset = preset
        tracks = len({s.track for s in strips})
        self.pull = PULL[0] + max(PULL[1] / tracks, PULL[2] / tracks**2)
        self.turn = _directions(strips)
        lengths = np.array([s.length for s in strips])
        self.weight = lengths / lengths.sum()
        self._paths: dict[tuple[Away, Away], ShadowPaths] = {}
        self._known: dict[tuple[float, tuple[Away, Away]], np.ndarray] = {}

    def fit(self, common: float, away: tuple[Away, Away]) -> np.ndarray:
        """(date, piece) mean log-likelihood at a common offset."""
        key = (common, away)
        if key not in self._known:
            thin = max(1, round(SEARCH_STEP_M / max(STEP_M, self._strips[0].step)))
            samples = take_samples(
                self._strips, self.offsets(common), away, self._size, self._levels, thin
            )
            # all tracks move together: what shades what stays as it is
            if away not in self._paths:
                self._paths[away] = shadow_paths(samples)
            self._known[key] = find_occupation(samples, ROUNDS, self._paths[away]).fit
        return self._known[key]

    def offsets(self, common: float) -> np.ndarray:
        """(date, piece) offsets that a common one means for pieces drawn either way."""
        return self.preset + common * self.turn

    def score(self, common: float, away: tuple[Away, Away]) -> float:
        """Fit of all tracks and both dates, less the pull towards the drawn lines."""
        return float((self.fit(common, away) @ self.weight).sum()) - self.pull * common**2


def find_offsets(
    strips: Sequence[TrackStrip],
    away: tuple[Away, Away],
    lean: tuple[Away, Away],
    pixel_size_m: tuple[float, float],
    levels: tuple[np.ndarray, np.ndarray],
) -> TrackOffsets:
    """Find the offset of the yard, of each date and of each track.

    Parameters
    ----------
    strips : sequence of TrackStrip
        All pieces.
    away : (before, after)
        Where shadows fall, (rows, columns) a metre of height. Where it is not known, the side on
        which shadows suit better is taken.
    lean : (before, after)
        Where the top of a thing one metre tall is seen, (rows, columns) from its foot.
    pixel_size_m : (float, float)
        Of the grid.
    levels : (dark, typical)
        From :func:`changedet.activity.tracks.bands.dark_levels`.

    Returns
    -------
    TrackOffsets
    """
    search = _Search(strips, pixel_size_m, levels, _leaning(strips, lean, pixel_size_m))
    choices = _sides(strips, away, pixel_size_m)
    common, chosen = max(
        ((o, c) for c in choices for o in COARSE_M), key=lambda oc: search.score(*oc)
    )
    for step in FINE_M:
        tried = [o for o in (common, common - step, common + step) if abs(o) <= MOST_M]
        common = max(tried, key=lambda o: search.score(o, chosen))
    if None in away and len(choices) > 1:
        sides = [max(choices, key=lambda c: _of_date(search, common, c, d)) for d in range(2)]
        chosen = (sides[0][0], sides[1][1])
    offsets = search.offsets(common)
    around = {0.0: search.fit(common, chosen)}
    near = [d for d in AROUND_M if abs(common + d) <= MOST_M]
    around.update({d: search.fit(common + d, chosen) for d in near})
    by_date = np.array(
        [
            max(around, key=lambda d: float(around[d][date] @ search.weight) - search.pull * d**2)
            for date in range(2)
        ]
    )
    # coarse pixels tell the common offset only
    fine = strips[0].step <= FINE_GSD_M
    if not fine:
        by_date[:] = 0.0
    offsets = offsets + by_date[:, None] * search.turn
    for k in range(len(strips)):
        own = max(around, key=lambda d: float(around[d][:, k].sum()) - 2 * OWN_PULL * d**2)
        # one date by itself, or one track: not both at once
        if not by_date.any() and fine:
            offsets[:, k] += own * search.turn[k]
    return TrackOffsets(offsets, chosen, common, search.preset)


def doubts_of_place(placed: TrackOffsets, pieces: list[int], owner: np.ndarray) -> tuple[str, ...]:
    """Say where a track may have been read beside itself, or has no other to be compared with.

    Parameters
    ----------
    placed : TrackOffsets
        Of all pieces.
    pieces : list of int
        Those of one track.
    owner : (piece,) array
        Track of each piece.

    Returns
    -------
    tuple of str
        Notes; empty where the place is well founded.
    """
    found = placed.offsets[:, pieces] - placed.preset[:, pieces]
    farthest = float(np.abs(found).max())
    if farthest >= MOST_M:
        return (
            f"{IN_DOUBT}the images fit best {MOST_M:g} m beside the line, and no farther was "
            "looked; the numbers may be those of another track",
        )
    tracks = len(set(owner.tolist()))
    if tracks == 1 and farthest <= ALONE_M:
        return (
            f"{IN_DOUBT}the line was given alone, and other tracks tell what empty track looks "
            "like and where it lies; draw all tracks of the yard",
        )
    if tracks < SURE_TRACKS and farthest > ALONE_M:
        few = "alone" if tracks == 1 else f"with {tracks - 1} other"
        return (
            f"{IN_DOUBT}the images fit best {farthest:.1f} m beside the line, which was given "
            f"{few}, and the numbers may be those of a neighbour; draw all tracks of the yard",
        )
    return ()


def _of_date(search: _Search, common: float, away: tuple[Away, Away], date: int) -> float:
    return float(search.fit(common, away)[date] @ search.weight)


def _directions(strips: Sequence[TrackStrip]) -> np.ndarray:
    """(piece,) +1 for pieces drawn the same way as the longest, -1 for the others."""
    means = np.array([s.right.mean(axis=0) for s in strips])
    longest = means[int(np.argmax([s.length for s in strips]))]
    return np.where(means @ longest >= 0, 1.0, -1.0)


def _leaning(
    strips: Sequence[TrackStrip], lean: tuple[Away, Away], pixel_size_m: tuple[float, float]
) -> np.ndarray:
    """(date, piece) offset to the right at which wagons are seen from aside."""
    out = np.zeros((2, len(strips)))
    for date, one in enumerate(lean):
        if one is not None:
            moved = np.array(one) * pixel_size_m * BODY_HEIGHT_M
            out[date] = [float(s.right.mean(axis=0) @ moved) for s in strips]
    return out


def _sides(
    strips: Sequence[TrackStrip], away: tuple[Away, Away], pixel_size_m: tuple[float, float]
) -> list[tuple[Away, Away]]:
    """Where shadows may fall: as given, or to either side where that is not known."""
    if away[0] is not None and away[1] is not None:
        return [away]
    longest = max(strips, key=lambda s: s.length)
    across = longest.right.mean(axis=0) * NOMINAL_REACH / np.array(pixel_size_m)
    out: list[tuple[Away, Away]] = []
    for sign in (1.0, -1.0):
        guess = (float(sign * across[0]), float(sign * across[1]))
        one = (guess if away[0] is None else away[0], guess if away[1] is None else away[1])
        out.append(one)
    return out
