"""Regions of like colour at both dates, grown from single pixels.

Neighbours that look alike at both dates join, the most alike first (mutual best merging; Beaulieu
and Goldberg, IEEE TPAMI 11:150 (1989), doi:10.1109/34.16711). What is too narrow to be a thing is
then a rim of mixed pixels, whose colour lies between those of two neighbours, and goes to the one
that it resembles more: the border comes to lie where the mixture is half and half. A gap between
two things is as narrow, but darker than both, and stays. All sums run over the pixels of one place
in raster order, so that a place comes out the same in whatever window it is looked at.

Fails where two things of one colour touch without a seam that the pixels resolve: they stay one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DETOUR = 1.25
"""A mixed colour lies between two others: from one to the other it is no more of a detour."""

FACING = 0.3
"""and its border is shared with both: so much of it with the other one."""
ALONG = 0.5
"""A narrow region belongs to what it runs along: so much of its length."""


@dataclass(eq=False)
class Regions:
    """Regions of a window with their sums and neighbours; number 0 is what lies outside."""

    places: np.ndarray
    """(y, x) int array: 1-based places, 0 outside; regions of different places never join."""
    owner: np.ndarray
    """(y, x) int64 region of each pixel."""
    pixels: np.ndarray
    """(n,) pixels."""
    sums: np.ndarray
    """(value, n) sums of what is averaged over a region."""
    colours: int
    """So many first values are the colours, half of them of each date."""
    pairs: np.ndarray
    """(m, 2) regions that lie side by side."""
    moments: np.ndarray
    """(5, n) Σrow, Σcol, Σrow², Σcol², Σrow·col (whole numbers)."""
    contact: np.ndarray
    """(m,) sides of pixels that they share."""
    kind: np.ndarray
    """(n,) int: what a region is, for those who use it."""
    trimmed: np.ndarray
    """(y, x) bool: pixels that were taken from their region after all."""
    cast: np.ndarray
    """(y, x) bool: pixels in the cast shadow of what changed."""
    dark: np.ndarray
    """(y, x) int: pixels of regions that are 1 darker before, 2 darker after, with the colour of a
    shadow."""

    @classmethod
    def of(cls, places: np.ndarray, colours: list[np.ndarray], more: list[np.ndarray]) -> Regions:
        """Every pixel of the places is a region.

        Parameters
        ----------
        places : (y, x) int array
            1-based places.
        colours, more : lists of (y, x) arrays
            What is averaged over a region.
        """
        index = np.flatnonzero(places)
        n = len(index) + 1
        owner = np.zeros(places.shape, dtype=np.int64)
        owner.ravel()[index] = np.arange(1, n)
        sums = np.zeros((len(colours) + len(more), n))
        for k, values in enumerate((*colours, *more)):
            sums[k, 1:] = values.ravel()[index]
        sides = []
        for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            touch = (places[one] == places[other]) & (places[one] > 0)
            sides.append(np.column_stack([owner[one][touch], owner[other][touch]]))
        pixels = np.ones(n, dtype=np.int64)
        pixels[0] = 0
        pairs = np.concatenate(sides)
        row, col = (np.concatenate([[0], v]) for v in np.divmod(index, places.shape[1]))
        moments = np.stack([row, col, row * row, col * col, row * col]).astype(np.float64)
        return cls(
            places, owner, pixels, sums, len(colours), pairs, moments,
            np.ones(len(pairs), np.int64), np.ones(n, np.int64),
            *(np.zeros(places.shape, kind) for kind in (bool, bool, np.int64)),
        )  # fmt: skip

    def mean(self, k: int) -> np.ndarray:
        """(n,) mean of one value over each region."""
        out: np.ndarray = self.sums[k] / np.maximum(self.pixels, 1)
        return out

    def distance(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """How differently regions look, root mean square over bands at the date that tells more."""
        half = self.colours // 2
        means = self.sums[: self.colours] / np.maximum(self.pixels, 1)
        step = (means[:, one] - means[:, other]) ** 2
        return np.sqrt(np.maximum(step[:half].mean(axis=0), step[half:].mean(axis=0)))

    def merge(self, target: np.ndarray) -> None:
        """Give every region to another; ``target[target]`` must be ``target``."""
        stay, number = np.unique(target, return_inverse=True)
        n = len(stay)
        self.owner = number[self.owner]
        self.sums, self.moments = (
            np.stack([np.bincount(number, row, minlength=n) for row in values])
            for values in (self.sums, self.moments)
        )
        self.pixels = np.bincount(number, self.pixels, minlength=n).astype(np.int64)
        self.kind = self.kind[stay]
        pairs = np.sort(number[self.pairs], axis=1)
        keys = pairs[:, 0] * n + pairs[:, 1]
        apart = pairs[:, 0] != pairs[:, 1]
        keys, which = np.unique(keys[apart], return_inverse=True)
        contact = np.bincount(which, self.contact[apart], minlength=len(keys))
        self.pairs = np.column_stack([keys // n, keys % n])
        self.contact = contact.astype(np.int64)

    def join_alike(self, most: float) -> None:
        """Merge neighbours of one kind (not 0), each other's most alike, below a distance."""
        while True:
            one, other = self.pairs[self.kind[self.pairs[:, 0]] == self.kind[self.pairs[:, 1]]].T
            distance = self.distance(one, other)
            able = (self.kind[one] > 0) & (distance < most)
            best = _nearest(
                len(self.kind),
                np.concatenate([one[able], other[able]]),
                np.concatenate([other[able], one[able]]),
                np.tile(distance[able], 2),
            )[0]
            region = np.flatnonzero(best >= 0)
            region = region[best[best[region]] == region]
            if not region.size:
                return
            target = np.arange(len(self.kind))
            target[region] = np.minimum(region, best[region])
            self.merge(target)

    def thin(self) -> np.ndarray:
        """(n,) bool: regions without a pixel all of whose neighbours are theirs."""
        import cv2

        square = np.ones((3, 3), np.uint8)
        same = self.owner.astype(np.float32)
        inside = cv2.dilate(same, square) == cv2.erode(same, square)
        out = np.ones(len(self.kind), dtype=bool)
        out[self.owner[inside]] = False
        out[0] = False
        return out

    def give_away(self, given: np.ndarray, takes: np.ndarray, mixed: bool = False) -> bool:
        """Merge some regions with their most alike neighbour; whether there was any.

        Parameters
        ----------
        given, takes : (n,) bool arrays
            Which regions, and what their neighbour must be.
        mixed : bool
            Only regions whose colour lies between those of this and of another neighbour.
        """
        one, other, _ = self._both_ways()
        able = given[one] & takes[other] & ~given[other]
        one, other = one[able], other[able]
        distance = self.distance(one, other)
        best, nearest = _nearest(len(given), one, other, distance)
        chosen = best >= 0
        if mixed:
            between = nearest[one] + distance <= DETOUR * self.distance(best[one], other)
            between &= best[one] != other
            n = len(given)
            facing, _, contact = self._both_ways()
            border = np.bincount(facing, contact, minlength=n)
            beyond = np.bincount(one[between], self._both_ways()[2][able][between], minlength=n)
            chosen &= beyond >= FACING * border
        target = np.where(chosen, best, np.arange(len(given)))
        if chosen.any():
            self.merge(target)
        return bool(chosen.any())

    def _both_ways(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Each pair in both orders, and its contact."""
        one, other = self.pairs.T
        return (
            np.concatenate([one, other]),
            np.concatenate([other, one]),
            np.tile(self.contact, 2).astype(np.float64),
        )

    def enclosed(self, around: np.ndarray) -> np.ndarray:
        """(n,) share of each region's border that it has in common with regions of ``around``."""
        one, other, contact = self._both_ways()
        n = len(self.kind)
        total = np.bincount(one, contact, minlength=n)
        rim = np.zeros(n)
        for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
            for mine, beyond in ((self.owner[a], self.owner[b]), (self.owner[b], self.owner[a])):
                rim += np.bincount(mine[(beyond == 0) & (mine > 0)], minlength=n)
        within = np.bincount(one, contact * around[other], minlength=n)
        out: np.ndarray = within / np.maximum(total + rim, 1.0)
        return out

    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Length and width of the rectangle of the same second moments, (n,) each, pixels."""
        n = np.maximum(self.pixels, 1)
        r, c, rr, cc, rc = self.moments / n
        rr, cc, rc = rr - r * r + 1.0 / 12.0, cc - c * c + 1.0 / 12.0, rc - r * c
        mean, half = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
        return np.sqrt(12.0 * (mean + half)), np.sqrt(12.0 * np.maximum(mean - half, 1.0 / 12.0))

    def join_narrow(self, width: float) -> None:
        """Merge regions of a kind (not 0) that are narrower than a width with what they run along.

        That is the neighbour of the same kind with which they share the longest border, if it runs
        along half the length of both or more: stripes and sides run along a thing, gaps across.
        """
        while True:
            one, other, contact = self._both_ways()
            length, wide = self.sides()
            narrow = (self.kind > 0) & (wide < width)
            able = narrow[one] & (self.kind[other] == self.kind[one])
            able &= contact >= ALONG * np.maximum(length[one], length[other])
            one, other, contact = one[able], other[able], contact[able]
            best, _ = _nearest(len(narrow), one, other, -contact)
            region = np.flatnonzero(best >= 0)
            # of two narrow ones only each other's best
            region = region[~narrow[best[region]] | (best[best[region]] == region)]
            if not region.size:
                return
            target = np.arange(len(narrow))
            target[region] = best[region]
            mutual = region[narrow[best[region]]]
            target[mutual] = np.minimum(mutual, best[mutual])
            self.merge(target)


def _nearest(
    n: int, one: np.ndarray, other: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other of each one and its distance, (n,) each; ties by number; -1 for none."""
    order = np.lexsort((other, distance, one))
    head = np.ones(len(order), dtype=bool)
    head[1:] = one[order][1:] != one[order][:-1]
    best, nearest = np.full(n, -1), np.full(n, np.inf)
    best[one[order][head]] = other[order][head]
    nearest[one[order][head]] = distance[order][head]
    return best, nearest
