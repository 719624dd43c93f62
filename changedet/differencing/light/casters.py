"""From a shadow to what casts it, and on to where that cast at the other date.

A shadow of one date has its base at whatever casts it. Going from a darkened pixel towards the sun
for as long as it stays dark, the ground point that casts onto it cast in the other image too, in
that sun's direction and length. There the other image must be dark as well. Two things hide that:

* A wood is as dark as its shadow, so that the way towards the sun never leaves the dark. It ends
  where both dates are dark alike, and what tells a shadow from a dark field is its tip: the way
  away from the sun soon leaves the dark.
* A wall that faced the other sun casts nothing on its own side then: what would be its shadow lies
  on the roof. The wall is an edge at the other date too, and beyond the roof the other shadow
  begins.

Fails for a dark thing that came right beside a dark one that stood there before, in the direction
of the sun, and for roofs of the brightness of the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOTHING, ON_ROOF, IN_SHADOW = 0, 1, 2
"""What lies where the other date's shadow should: nothing that fits; what casts it, which hides it;
or that shadow."""
AS_DARK = 0.4
"""The counterpart may be brighter by this share of the depth: it may lie on other ground."""
MISSES = 2
"""So many brighter pixels on the way end the shadow."""
STAYS_DARK = 0.6
"""As long as no pixel is brighter by more than this share of the depth, one is in the shadow."""
UNCHANGED = 0.15
"""Logarithms that differ by less are the same at both dates."""
LATE = 0.5
"""The counterpart belongs to the far part of the walk, where what casts the shadow stands: so much
of the way from the pixel on."""
PATH = (0.4, 0.6, 0.8)
"""Where the other image is asked on the way from there to the counterpart: it is all shadow."""
CROWN_M = 3.0
"""What is dark at both dates over this length, metres, on the way to the sun, may be a wood;"""
CROWN_PX = 4
"""but at least so many pixels."""
ROOF_M = 30.0
"""Longest way across a roof that is followed, metres."""
BEYOND_WALL_PX = (2, 4)
"""Pixels beyond the end of the dark at which the roof behind the wall is looked at."""
WALL = 0.15
"""Least step of the logarithm between ground and roof, at the date without the shadow."""


@dataclass(frozen=True, eq=False)
class Walk:
    """The ways along the light of one date through two images of levels."""

    own: np.ndarray
    """(y, x): mean logarithm of the visible light at the date whose shadow is asked for,"""
    other: np.ndarray
    """and at the other."""
    away: np.ndarray
    """(2,): where the shadow of a thing one metre tall ends at the own date, (rows, columns),"""
    away_other: np.ndarray
    """and at the other."""
    reach: int
    """Longest shadow that is followed, pixels."""
    gsd_m: float
    """Size of a pixel."""

    def counterpart(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """What is found where the caster of each pixel's shadow cast at the other date.

        Parameters
        ----------
        rows, cols : (n,) int arrays
            Pixels that are darker at the own date.

        Returns
        -------
        (n,) int8 array
            :data:`NOTHING`, :data:`ON_ROOF` or :data:`IN_SHADOW`.
        """
        out = np.zeros(len(rows), dtype=np.int8)
        if not len(rows):
            return out
        here = self.own[rows, cols]
        depth = np.maximum(self.other[rows, cols] - here, np.float32(0.0))
        still_dark = here + np.float32(STAYS_DARK) * depth
        as_dark = here + np.float32(AS_DARK) * depth
        end, crown, last_hit = self._towards_sun(rows, cols, still_dark, as_dark)
        ended = end < self.reach
        # What never ends is no shadow but darker ground around something bright, or a wood's.
        out[ended & (last_hit > 0) & (last_hit >= LATE * end)] = IN_SHADOW
        wood = np.flatnonzero(~ended & (crown > 0) & (last_hit >= crown))
        wood = wood[self._has_tip(rows[wood], cols[wood], still_dark[wood], crown[wood])]
        out[wood] = IN_SHADOW
        rest = np.flatnonzero(ended & (out == NOTHING))
        roof = self._hidden(rows[rest], cols[rest], end[rest], as_dark[rest])
        out[rest[roof]] = ON_ROOF
        return out

    def _towards_sun(
        self, rows: np.ndarray, cols: np.ndarray, still_dark: np.ndarray, as_dark: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps (n,): the last in the dark, a crown's first (0: none), the last counterpart's."""
        length = float(np.hypot(*self.away))
        towards, shift = -self.away / length, (self.away_other - self.away) / length
        last_hit, end, alike, crown = (np.zeros(len(rows), dtype=np.int32) for _ in range(4))
        misses = np.zeros(len(rows), dtype=np.int8)
        thick = max(CROWN_PX, round(CROWN_M / self.gsd_m))
        asked = np.arange(len(rows))
        for step in range(1, self.reach + 1):
            r, c = rows[asked], cols[asked]
            own = at(self.own, r, c, towards * step)
            dark = own < still_dark[asked]
            misses[asked] += ~dark
            same = dark & (np.abs(at(self.other, r, c, towards * step) - own) < UNCHANGED)
            alike[asked] = np.where(same, alike[asked] + 1, 0)
            begins = asked[(crown[asked] == 0) & (alike[asked] >= thick)]
            crown[begins] = step - thick + 1
            asked = asked[misses[asked] < MISSES]
            if not asked.size:
                break
            end[asked] = step
            base, tip = towards * step, shift * step
            hits = asked
            for share in (1.0, *PATH):
                r, c = rows[hits], cols[hits]
                where = base + (tip - base) * share
                there = at(self.other, r, c, where)
                fits = there < as_dark[hits]
                if share < 1.0:
                    # on its way a shadow may cross what casts it, which did not change
                    fits |= np.abs(there - at(self.own, r, c, where)) < UNCHANGED
                hits = hits[fits]
            last_hit[hits] = step
        return end, crown, last_hit

    def _has_tip(
        self, rows: np.ndarray, cols: np.ndarray, still_dark: np.ndarray, crown: np.ndarray
    ) -> np.ndarray:
        """Whether the dark ends away from the sun, within a shadow's length of the crown, (n,)."""
        direction = self.away / float(np.hypot(*self.away))
        out = np.zeros(len(rows), dtype=bool)
        misses = np.zeros(len(rows), dtype=np.int8)
        for step in range(1, self.reach):
            asked = np.flatnonzero(~out & (step + crown <= self.reach))
            if not asked.size:
                break
            bright = at(self.own, rows[asked], cols[asked], direction * step) >= still_dark[asked]
            misses[asked] += bright
            out[asked] = misses[asked] >= MISSES
        return out

    def _hidden(
        self, rows: np.ndarray, cols: np.ndarray, end: np.ndarray, as_dark: np.ndarray
    ) -> np.ndarray:
        """Whether a roof hides where the other date's shadow would lie, (n,) bool."""
        length, length_other = float(np.hypot(*self.away)), float(np.hypot(*self.away_other))
        towards, along = -self.away / length, self.away_other / length_other
        near, far = BEYOND_WALL_PX
        down, right = (np.rint((end + near) * t).astype(np.int64) for t in towards)
        ground = self.other[rows, cols]
        r, c = rows + down, cols + right
        roof = at(self.other, r, c, towards * 0)
        steady = np.abs(roof - at(self.own, r, c, towards * 0)) < UNCHANGED
        further = at(self.other, r, c, towards * (far - near))
        wall = steady & (np.abs(roof - ground) >= WALL) & (np.abs(further - ground) >= WALL)
        out = np.zeros(len(rows), dtype=bool)
        asked = np.flatnonzero(wall)
        # the other shadow of the same height must end on the roof
        least = np.rint(end * length_other / length)
        for step in range(1, max(1, round(ROOF_M / self.gsd_m)) + 1):
            where = along * step
            there = at(self.other, r[asked], c[asked], where)
            same = np.abs(there - at(self.own, r[asked], c[asked], where)) < UNCHANGED
            dark = there < as_dark[asked]
            out[asked] |= dark & (step > least[asked])
            asked = asked[same & ~dark]
            if not asked.size:
                break
        return out


def at(values: np.ndarray, rows: np.ndarray, cols: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Values at ``(row + offset, col + offset)`` to the nearest pixel; edges repeat."""
    r = np.clip(rows + round(float(offset[0])), 0, values.shape[0] - 1)
    c = np.clip(cols + round(float(offset[1])), 0, values.shape[1] - 1)
    return values[r, c]
