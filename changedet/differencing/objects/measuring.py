"""What is known of each object: where its pixels lie, and how both dates look there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.differencing.light.casters import IN_SHADOW, NOTHING
from changedet.model import Appearance, ImagePair, Window

RING_PX = 4
"""Width of the surroundings with which an object is compared, pixels."""


@dataclass(eq=False)
class Measures:
    """Sums over the pixels of each object and of its surroundings, added up block by block."""

    moments: np.ndarray
    """(n, 6) int64: pixels, Σrow, Σcol, Σrow², Σcol², Σrow·col (exact; rows and columns counted
    from the object's first pixel)."""
    inside: np.ndarray
    """(date, n, band) sums of pixel values in the object."""
    ring: np.ndarray
    """(date, n, band) sums of pixel values around it."""
    ring_pixels: np.ndarray
    """(n,) pixels around it."""
    edge: np.ndarray
    """(date, n) sums of the gradient's length along the object's rim, in noise units."""
    rim_pixels: np.ndarray
    """(n,) pixels of the rim."""
    residual: np.ndarray
    """(n,) sums of the residual misregistration, pixels."""
    shaded: np.ndarray
    """(2, 3, n): darker and brighter pixels with the colour of a shadow: their number, that of
    those with a counterpart at the other date, and that of those whose counterpart is a shadow."""
    light: np.ndarray
    """(2, n, 4): sums and sums of squares of the difference of the logarithms of brightness, after
    less before, in the bands of the shadow model: blue, green, red and near infrared (0 without
    it), or as many as there are (4 at most) where it is not known which is which."""
    misplaced: np.ndarray
    """(n,) pixels that a larger misregistration than expected would explain."""
    leaned: np.ndarray
    """(n,) pixels that a thing which leans otherwise would explain."""
    outline: np.ndarray
    """(side, n) places of the outline at which steps were taken, on the right, left, lower and
    upper side,"""
    steps: np.ndarray
    """(date, side, n) sums of the logarithms of the steps of colour there."""
    ground: np.ndarray
    """(date, n) sums over its pixels of the logarithm of the share of the ground around that looks
    the same,"""
    sighted: np.ndarray
    """(n,) and the pixels that have ground around."""
    facing: np.ndarray
    """(date, n) pixels of the rim that face away from the sun,"""
    shade: np.ndarray
    """(date, n) those that have shade of that date beside them,"""
    drop: np.ndarray
    """(date, n) and the sum of how much darker it gets across them, as softened logarithms,"""
    fall: np.ndarray
    """(date, n) or farther on either side of them, which a thing that leans needs."""
    inner: np.ndarray
    """(n,) pixels with four neighbours of the same object,"""
    grain: np.ndarray
    """(date, n) and the sums of the logarithms of the steps of colour there."""
    cut: np.ndarray
    """(2, n) pixels near the image's edge, and near what could not be observed
    (:mod:`changedet.differencing.objects.borders`)."""

    @classmethod
    def zeros(cls, n: int, bands: int) -> Measures:
        """Nothing counted yet, for ``n`` objects."""
        return cls(
            np.zeros((n, 6), dtype=np.int64),
            np.zeros((2, n, bands)),
            np.zeros((2, n, bands)),
            np.zeros(n),
            np.zeros((2, n)),
            np.zeros(n),
            np.zeros(n),
            np.zeros((2, 3, n)),
            np.zeros((2, n, 4)),
            np.zeros(n),
            np.zeros(n),
            np.zeros((4, n)),
            np.zeros((2, 4, n)),
            np.zeros((2, n)),
            np.zeros(n),
            np.zeros((2, n)),
            np.zeros((2, n)),
            np.zeros((2, n)),
            np.zeros((2, n)),
            np.zeros(n),
            np.zeros((2, n)),
            np.zeros((2, n)),
        )

    def merge(self, other: Measures) -> None:
        """Add another block's sums."""
        for name in (
            "moments", "inside", "ring", "ring_pixels", "edge", "rim_pixels", "residual", "shaded",
            "light", "misplaced", "leaned", "outline", "steps", "ground", "sighted", "facing",
            "shade", "drop", "fall", "inner", "grain", "cut",
        ):  # fmt: skip
            total = getattr(self, name)
            total += getattr(other, name)

    def take(self, keep: np.ndarray) -> Measures:
        """Only the objects where ``keep`` is True."""
        by_row = {"moments": 0, "inside": 1, "ring": 1, "light": 1}
        return Measures(
            **{
                name: np.compress(keep, getattr(self, name), axis=by_row.get(name, -1))
                for name in self.__dataclass_fields__
            }
        )

    def add(
        self,
        labels: np.ndarray,
        pair: ImagePair,
        window: Window,
        core: Window,
        first: np.ndarray,
        scale: np.ndarray,
    ) -> None:
        """Count the pixels of one block.

        Parameters
        ----------
        labels : (y, x) int array
            1-based objects in ``window``.
        pair : ImagePair
            The same window.
        window, core : Window
            The block with its halo, and without: only pixels of the core are counted.
        first : (n, 2) int array
            First pixel of each object.
        scale : (date, band) array
            Typical contrast of each band, by which gradients are divided.
        """
        import cv2

        cut = core.within(window)
        valid = pair.valid[cut]
        mine = labels[cut]
        index = np.flatnonzero(mine)
        owner = mine.ravel()[index] - 1
        n = len(self.ring_pixels)
        rows = index // core.width + core.row - first[owner, 0]
        cols = index % core.width + core.col - first[owner, 1]
        for k, values in enumerate(
            (np.ones_like(rows), rows, cols, rows * rows, cols * cols, rows * cols)
        ):
            np.add.at(self.moments[:, k], owner, values)
        kernel = np.ones((2 * RING_PX + 1, 2 * RING_PX + 1), np.uint8)
        grown = cv2.dilate(labels.astype(np.float32), kernel)[cut].astype(np.int64)
        around = np.where((mine == 0) & valid, grown, 0)
        near = np.flatnonzero(around)
        neighbour = around.ravel()[near] - 1
        eroded = cv2.erode((labels > 0).astype(np.uint8), np.ones((3, 3), np.uint8))[cut]
        rim = np.flatnonzero((mine > 0) & (eroded == 0))
        rim_owner = mine.ravel()[rim] - 1
        self.ring_pixels += np.bincount(neighbour, minlength=n)
        self.rim_pixels += np.bincount(rim_owner, minlength=n)
        if pair.residual_px is not None:
            spread = pair.residual_px[cut].ravel()[index]
            self.residual += np.bincount(owner, spread, minlength=n)
        for date, image in enumerate((pair.before, pair.after)):
            steepness = _steepness(image.pixels, pair.valid, scale[date])[cut].ravel()
            self.edge[date] += np.bincount(rim_owner, steepness[rim], minlength=n)
            for k, band in enumerate(image.pixels):
                values = band[cut].ravel()
                self.inside[date, :, k] += np.bincount(owner, values[index], minlength=n)
                self.ring[date, :, k] += np.bincount(neighbour, values[near], minlength=n)

    def add_pixels(
        self, name: str, labels: np.ndarray, window: Window, core: Window, explained: np.ndarray
    ) -> None:
        """Count the pixels of one block that something explains.

        Parameters
        ----------
        name : str
            ``misplaced`` or ``leaned``.
        labels, window, core
            As for :meth:`add`.
        explained : (y, x) bool array
            In ``window``.
        """
        cut = core.within(window)
        owner = labels[cut][explained[cut] & (labels[cut] > 0)] - 1
        total = getattr(self, name)
        total += np.bincount(owner, minlength=len(total))

    def add_shaded(
        self,
        labels: np.ndarray,
        window: Window,
        core: Window,
        colour: np.ndarray,
        difference: np.ndarray,
        darker: np.ndarray,
        counterparts: np.ndarray,
    ) -> None:
        """Count the pixels of one block that have the colour of a shadow.

        Parameters
        ----------
        labels, window, core
            As for :meth:`add`.
        colour : (y, x) bool array
            Which pixels have it.
        difference : (band, y, x) array
            Difference of the logarithms of brightness, after less before, in the bands of the
            shadow model.
        darker : (y, x) bool array
            Which pixels are darker after than before.
        counterparts : (y, x) int8 array
            What lies where the other date's shadow should, as
            :meth:`changedet.differencing.light.casters.Walk.counterpart` says.
        """
        cut = core.within(window)
        mine = labels[cut]
        inside = mine > 0
        owner, n = mine[inside] - 1, self.shaded.shape[2]
        for k, band in enumerate(difference):
            values = band[cut][inside].astype(np.float64)
            self.light[0, :, k] += np.bincount(owner, values, minlength=n)
            self.light[1, :, k] += np.bincount(owner, values * values, minlength=n)
        for sign, side in enumerate((darker[cut], ~darker[cut])):
            chosen = colour[cut] & (mine > 0) & side
            owner, found = mine[chosen] - 1, counterparts[cut][chosen]
            for i, counted in enumerate((owner >= 0, found != NOTHING, found == IN_SHADOW)):
                self.shaded[sign, i] += np.bincount(owner[counted], minlength=n)


def _steepness(pixels: np.ndarray, valid: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Length of the gradient over all bands, in units of each band's typical contrast.

    Only between valid pixels: 0 beside a hole and at the border.
    """
    total = np.zeros(valid.shape, dtype=np.float32)
    across = valid[1:-1] & valid[2:] & valid[:-2]
    along = valid[:, 1:-1] & valid[:, 2:] & valid[:, :-2]
    for band, unit in zip(pixels, scale, strict=True):
        down, right = np.zeros_like(band), np.zeros_like(band)
        down[1:-1] = np.where(across, band[2:] - band[:-2], 0)
        right[:, 1:-1] = np.where(along, band[:, 2:] - band[:, :-2], 0)
        total += (down * down + right * right) * np.float32(0.25 / unit**2)
    return np.sqrt(total)


def appearances(measures: Measures, scale: np.ndarray) -> Appearance:
    """Mean values in each object and around it, from the sums."""
    pixels = np.maximum(measures.moments[:, 0], 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        around = measures.ring / measures.ring_pixels[:, None]
    return Appearance(measures.inside / pixels, around, scale)


def contrasts(measures: Measures, scale: np.ndarray) -> np.ndarray:
    """How much each object stands out from its surroundings at each date, (date, n).

    The mean step against the surroundings and the steepness of the rim count alike, both in
    units of the band's typical contrast.
    """
    pixels = np.maximum(measures.moments[:, 0], 1)
    ring = np.maximum(measures.ring_pixels, 1)
    rim = np.maximum(measures.rim_pixels, 1)
    out = np.empty((2, len(pixels)))
    for date in range(2):
        step = measures.inside[date] / pixels[:, None] - measures.ring[date] / ring[:, None]
        level = np.sqrt(np.mean((step / scale[date]) ** 2, axis=1))
        edge = measures.edge[date] / rim / np.sqrt(step.shape[1])
        out[date] = level + edge
    return out


def directions(contrast: np.ndarray, ratio: float = 1.25) -> np.ndarray:
    """``appeared``, ``disappeared`` or ``modified`` from the contrast at the two dates.

    The date at which a place stands out against its surroundings is the date that holds the
    object: dark trucks on bright concrete and white ones on asphalt both appear.
    """
    before, after = contrast
    out = np.full(len(before), "modified", dtype=object)
    out[after > ratio * before] = "appeared"
    out[before > ratio * after] = "disappeared"
    return out
