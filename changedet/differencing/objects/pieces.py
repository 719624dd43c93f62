"""Pieces of things in their places, and what two of them that lie close together have in common.

All is counted once, in sums that add up when pieces are joined. They run over the pixels of one
place in raster order and only pieces of one place are compared, so that a place comes out the same
in whatever window it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.differencing.objects.extents import Shape, shape_of
from changedet.differencing.objects.uniting import groups_of

NEAR_M = 1.0
"""Pieces with a wider gap between them are not compared; so far inside them it is looked for their
colour, metres."""
STEP_FLOOR = 0.05
"""Smaller steps of the logarithm of brightness are noise."""
NOTCH = 0.8
"""A gap counts for no more than this, as a logarithm of brightness."""
SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
COLUMNS = (
    "length of the larger", "its width", "length of the smaller", "its width",
    "length of both", "their width", "their fill", "fill of the larger", "of the smaller",
    "area of the larger", "of the smaller", "how far apart along", "across",
    "turn of the larger", "of the smaller", "border", "border by width", "touch", "gap",
    "colours then", "colours else", "step then", "step else", "notch then", "notch else",
    "held", "outline of the larger then", "else", "of the smaller then", "else",
    "brightness of the larger then", "else", "of the smaller then", "else",
)  # fmt: skip
"""What is known of a pair of pieces, in metres; then is at the date that holds them."""


@dataclass(frozen=True, eq=False)
class Pieces:
    """Sums of pieces, by first pixel, and of their borders; all add up when they join."""

    size: float
    """Metres a pixel."""
    moments: np.ndarray
    """(n, 6) int: pixels, Σrow, Σcol, Σrow², Σcol², Σrow·col from the corner of their place."""
    colour: np.ndarray
    """(date, band, n) sums over their pixels."""
    outline: np.ndarray
    """(5, n) pixels of the outline beside ground, the logarithms of the steps of colour there, by
    date, and the brightness of that ground."""
    one: np.ndarray
    other: np.ndarray
    """(m,) each, which are near each other, the first before the second,"""
    border: np.ndarray
    """(7, m) sums there: pixels, steps of colour, notches by date, gap in pixels; without one."""

    @classmethod
    def of(
        cls,
        parts: np.ndarray,
        places: np.ndarray,
        dates: np.ndarray,
        valid: np.ndarray,
        size: float,
    ) -> tuple[Pieces, np.ndarray]:
        """Sums of parts, given (date, band, y, x) colours, and (y, x) their 1-based numbers."""
        index = np.flatnonzero(parts)
        _, start, part = np.unique(parts.ravel()[index], return_index=True, return_inverse=True)
        n = len(start)
        rank = np.empty(n, dtype=np.int64)
        rank[np.argsort(start)] = np.arange(n)
        part = rank[part]
        number: np.ndarray = np.zeros(parts.size, dtype=np.int64)
        number[index] = part + 1
        number = number.reshape(parts.shape)
        rows, cols = np.divmod(index, parts.shape[1])
        _, place = np.unique(places[rows, cols], return_inverse=True)
        corner = np.full((2, int(place.max(initial=0)) + 1), np.iinfo(np.int64).max)
        np.minimum.at(corner[0], place, rows)
        np.minimum.at(corner[1], place, cols)
        r, c = rows - corner[0, place], cols - corner[1, place]
        moments = [
            np.bincount(part, v, minlength=n) for v in (np.ones_like(r), r, c, r * r, c * c, r * c)
        ]
        colour = _sums(part, dates[:, :, rows, cols].reshape(-1, len(rows)), n)
        scene = _Scene(number, places, dates, valid)
        one, other, border = scene.borders(rows, cols, max(1, round(NEAR_M / size)))
        return cls(
            size, np.stack(moments, axis=1).astype(np.int64), colour.reshape(*dates.shape[:2], n),
            scene.outlines(rows, cols, n), one, other, border,
        ), number  # fmt: skip

    def surest(self, likely: np.ndarray, level: float) -> np.ndarray:
        """(n,) the first of those that each joins: pairs above a level, each other's surest."""
        n = len(self.moments)
        best = np.full(n, level)
        np.maximum.at(best, self.one, likely)
        np.maximum.at(best, self.other, likely)
        able = (likely > level) & (likely == best[self.one]) & (likely == best[self.other])
        return groups_of(self.one[able], self.other[able], n)

    def merged(self, target: np.ndarray) -> tuple[Pieces, np.ndarray]:
        """Pieces joined to the first of theirs, and (n,) the new number of each."""
        stay, new = np.unique(target, return_inverse=True)
        n = len(stay)
        one, other = np.sort(new[np.stack([self.one, self.other])], axis=0)
        apart = one != other
        key, which = np.unique((one * n + other)[apart], return_inverse=True)
        return Pieces(
            self.size, _sums(new, self.moments.T, n).T.astype(np.int64),
            _sums(new, self.colour.reshape(-1, len(new)), n).reshape(*self.colour.shape[:2], n),
            _sums(new, self.outline, n), key // n, key % n,
            _sums(which, self.border[:, apart], len(key)),
        ), new  # fmt: skip

    def compare(self) -> np.ndarray:
        """(m, column) what is known of pairs, as :data:`COLUMNS` names it."""
        pixels, size = self.moments[:, 0], self.size
        swap = pixels[self.one] < pixels[self.other]
        a, b = np.where(swap, [self.other, self.one], [self.one, self.other])
        alone, both = _shape(self.moments), _shape(self.moments[a] + self.moments[b])
        far = np.stack([alone.row[b] - alone.row[a], alone.col[b] - alone.col[a]]) * size
        along = both.direction.T
        length, width, area = alone.length_px * size, alone.width_px * size, pixels * size**2
        fill = area / (length * width)
        long, wide = both.length_px * size, both.width_px * size
        turn = [np.abs((alone.direction[k].T * along).sum(axis=0)) for k in (a, b)]
        look = self.colour / pixels
        apart = np.sqrt(((look[:, :, a] - look[:, :, b]) ** 2).mean(axis=1))
        bright = look.mean(axis=1)
        count, near = self.outline[0], self.border[0]
        steps, around = _ratio(self.outline[1:3], count), _ratio(self.outline[3:5], count)
        above = bright - around
        whole = _ratio(self.outline[1:3, a] + self.outline[1:3, b], count[a] + count[b])
        held = np.nan_to_num(whole[1] - whole[0])
        step, notch = self.border[1:3] / near, self.border[3:5] / near

        def by_date(values: np.ndarray) -> np.ndarray:
            return np.where(held > 0, values[::-1], values)

        columns = [
            length[a], width[a], length[b], width[b], long, wide,
            (area[a] + area[b]) / (long * wide), fill[a], fill[b], area[a], area[b],
            np.abs((far * along).sum(axis=0)), np.abs(far[0] * along[1] - far[1] * along[0]),
            *turn, near * size, near * size / np.minimum(width[a], width[b]),
            self.border[6] / near, self.border[5] / near * size,
            *by_date(apart), *by_date(step), *by_date(notch), np.abs(held),
            *by_date(steps[:, a]), *by_date(steps[:, b]),
            *by_date(above[:, a]), *by_date(above[:, b]),
        ]  # fmt: skip
        return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class _Scene:
    """Pieces in their window."""

    number: np.ndarray
    places: np.ndarray
    dates: np.ndarray
    valid: np.ndarray

    def outlines(self, rows: np.ndarray, cols: np.ndarray, n: int) -> np.ndarray:
        """(5, n) sums along the outlines of pieces, where ground lies beside them."""
        out = np.zeros((5, n))
        own, place = self.number[rows, cols], self.places[rows, cols]
        for down, right in SIDES:
            beside, far = (rows + down, cols + right), (rows + 2 * down, cols + 2 * right)
            near = rows - down, cols - right
            rim = self._ground(beside, place) & self._ground(far, place) & self.valid[near]
            at, inside = (far[0][rim], far[1][rim]), (near[0][rim], near[1][rim])
            outside, within = (
                self.dates[:, :, *where].astype(np.float64) for where in (at, inside)
            )
            step = np.sqrt(((outside - within) ** 2).mean(axis=1))
            values = [np.ones_like(step[0]), *np.log(step + STEP_FLOOR), *outside.mean(axis=1)]
            out += _sums(own[rim] - 1, np.stack(values), n)
        return out

    def _ground(self, at: tuple[np.ndarray, np.ndarray], place: np.ndarray) -> np.ndarray:
        """Whether pixels are seen, and neither a piece nor in another place."""
        there = self.places[at]
        out: np.ndarray = (self.number[at] == 0) & ((there == 0) | (there == place))
        return out & self.valid[at]

    def borders(
        self, rows: np.ndarray, cols: np.ndarray, reach: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which pieces of one place are near each other, and the sums along their borders."""
        keys, sums, n = [], [], int(self.number.max()) + 1
        bright = self.dates.mean(axis=1)
        for down, right in ((1, 0), (0, 1)):
            r, c = rows, cols
            for far in range(1, reach + 2):
                there = r + far * down, c + far * right
                own, next_ = self.number[r, c], self.number[there]
                same = self.places[there] == self.places[r, c]
                within = r - reach * down, c - reach * right
                beyond = there[0] + reach * down, there[1] + reach * right
                meet = (next_ > 0) & (next_ != own) & same & self.valid[within] & self.valid[beyond]
                keys.append(np.stack([own[meet] - 1, next_[meet] - 1]))
                sums.append(self._gap(bright, (r[meet], c[meet]), (down, right), far, reach))
                on = self._ground(there, self.places[r, c])
                r, c = r[on], c[on]
        one, other = np.sort(np.concatenate(keys, axis=1), axis=0)
        key, which = np.unique(one * n + other, return_inverse=True)
        return key // n, key % n, _sums(which, np.concatenate(sums, axis=1), len(key))

    def _gap(
        self,
        bright: np.ndarray,
        at: tuple[np.ndarray, np.ndarray],
        way: tuple[int, int],
        far: int,
        reach: int,
    ) -> np.ndarray:
        """(7, k) what lies between single pixels of two pieces, so many pixels apart."""
        (r, c), (down, right) = at, way
        ends = [
            self.dates[:, :, r + k * down, c + k * right].astype(np.float64)
            for k in (-reach, far + reach)
        ]
        step = np.sqrt(((ends[0] - ends[1]) ** 2).mean(axis=1))
        dark = np.min([bright[:, r + k * down, c + k * right] for k in range(far + 1)], axis=0)
        notch = np.minimum(*(end.mean(axis=1) for end in ends)) - dark
        one = np.ones(len(r))
        return np.stack(
            [one, *step, *np.clip(notch, -NOTCH, NOTCH), one * (far - 1), one * (far == 1)]
        )


def _shape(moments: np.ndarray) -> Shape:
    return shape_of(moments, np.zeros((len(moments), 2)))


def _sums(which: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """(k, n) sums of (k, m) values by number."""
    return np.stack([np.bincount(which, row, minlength=n) for row in values])


def _ratio(sums: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Means; NaN of nothing."""
    out = np.full(sums.shape, np.nan)
    np.divide(sums, count, out=out, where=np.broadcast_to(count > 0, sums.shape))
    return out
