"""How large things of each kind are, and how likely a measured size is for each kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.model import KINDS


@dataclass(frozen=True)
class Size:
    """Range of sizes of one class of things, metres; within it every ratio is as likely."""

    kind: str
    """One of :data:`changedet.model.KINDS`."""
    share: float
    """Share of this class in its kind."""
    length: tuple[float, float]
    """Shortest and longest."""
    width: tuple[float, float]
    """Narrowest and widest."""


SIZES: tuple[Size, ...] = (
    # bodies; over couplers they are about 1.1 m longer. Tank wagons 12.0 m over couplers, gondolas
    # 12-132 and 12-1303 13.92 m by 3.16 m, covered wagons 12-C101 15.35 m by 3.16 m
    Size("railcar", 0.80, (10.8, 14.6), (2.9, 3.3)),
    # locomotives 17 m, container flats 13-470 19.6 m, wood-chip wagons 12-6963 23.2 m
    Size("railcar", 0.20, (14.6, 22.2), (2.8, 3.3)),
    # several wagons under one outline
    Size("train", 1.00, (23.0, 1000.0), (2.9, 3.4)),
    # ISO 668: 20, 40 and 45 ft, all 2.438 m wide
    Size("container", 0.35, (6.0, 6.1), (2.43, 2.45)),
    Size("container", 0.60, (12.1, 12.25), (2.43, 2.45)),
    Size("container", 0.05, (13.6, 13.8), (2.43, 2.45)),
    # side by side, and end to end
    Size("container_stack", 0.70, (6.0, 40.0), (4.9, 30.0)),
    Size("container_stack", 0.10, (40.0, 120.0), (4.9, 60.0)),
    Size("container_stack", 0.20, (18.2, 80.0), (2.43, 2.6)),
    # rigid lorries 7 to 10 m, or their bodies alone, of 20 ft and more
    Size("truck", 0.15, (7.0, 10.0), (2.4, 2.6)),
    Size("truck", 0.10, (6.0, 7.5), (2.4, 2.6)),
    # tractor and semi-trailer 16.5 m; road train at most 18.75 m by 2.55 m
    Size("truck", 0.30, (15.5, 18.8), (2.4, 2.6)),
    # more often than not the dark tractor does not stand out from the ground: trailers 13.0 to
    # 13.75 m (GB 1589; 13.6 m in Europe)
    Size("truck", 0.45, (12.9, 13.9), (2.4, 2.6)),
    # cars, vans, buses
    Size("vehicle", 0.70, (3.8, 5.2), (1.6, 2.0)),
    Size("vehicle", 0.20, (5.2, 7.0), (1.9, 2.3)),
    Size("vehicle", 0.10, (11.0, 13.0), (2.5, 2.6)),
    # several lorries under one outline
    Size("convoy", 1.00, (22.0, 400.0), (2.4, 3.0)),
    Size("building", 1.00, (5.0, 120.0), (4.0, 60.0)),
    Size("earthwork", 1.00, (8.0, 400.0), (4.0, 250.0)),
    Size("vegetation", 1.00, (2.0, 300.0), (1.5, 200.0)),
    Size("water", 1.00, (5.0, 1000.0), (2.0, 500.0)),
    Size("other", 1.00, (1.5, 500.0), (1.0, 200.0)),
)  # fmt: skip
"""Lengths and widths with their sources are listed on the page on kinds of the documentation."""

REGULAR = ("railcar", "train", "container", "truck", "vehicle", "convoy", "building")
"""Kinds that fill their rectangle; a stack may have steps and gaps."""
SPILT, SPILL_LONG_M, SPILL_WIDE_M = 0.20, 5.0, 1.5
"""How often an outline is larger than the thing, and by how much, metres (beside a pixel)."""
PART_LONG, PART_WIDE = 0.25, 0.15
"""How often an outline holds only a part of the length, and of the width, of a thing."""
LEAST_PART = 0.3
"""Smaller parts, of a length or width, are no outlines of their own."""
ANY_SIZE = 3.0
"""Classes whose largest size is so many times their least may have any size."""
FILL_REGULAR = (0.97, 0.08)
FILL_NATURAL = (0.82, 0.12)
"""Mean and standard deviation of area over length times width."""


def size_likelihood(
    length: np.ndarray,
    width: np.ndarray,
    fill: np.ndarray,
    error_m: float,
    cut: np.ndarray | None = None,
) -> np.ndarray:
    """Density of the measured size under each kind.

    Parameters
    ----------
    length, width : (n,) arrays
        Metres.
    fill : (n,) array
        Area over length times width.
    error_m : float
        Standard deviation of a measured length or width, metres: an outline is known to about a
        pixel.
    cut : (n,) bool array, optional
        A part of these is hidden: their length is a lower bound.

    Returns
    -------
    (n, kind) float64 array
        In the order of :data:`changedet.model.KINDS`, per unit of ln length, ln width and fill.
        The range of sizes of each class, uniform in the logarithms, is widened by the error.
    """
    out = np.zeros((len(length), len(KINDS)))
    for size in SIZES:
        along = _blurred(length, size.length, error_m, SPILL_LONG_M, PART_LONG)
        if cut is not None:
            along = np.where(cut, _part_of(length, size.length, error_m), along)
        density = size.share * along
        out[:, KINDS.index(size.kind)] += density * _blurred(
            width, size.width, error_m, SPILL_WIDE_M, PART_WIDE
        )
    # the error of the area of a thin object is that of its width
    spread = np.minimum(error_m / np.maximum(width, error_m), 0.3) * 0.3
    for k, kind in enumerate(KINDS):
        mean, own = FILL_REGULAR if kind in REGULAR else FILL_NATURAL
        sigma = np.hypot(own, spread)
        shape = np.exp(-0.5 * ((np.nan_to_num(fill, nan=mean) - mean) / sigma) ** 2) / sigma
        # a heap of scrap fills its rectangle as it likes
        out[:, k] *= 0.9 * shape + 0.1 if kind != "other" else 0.5 * shape + 1.0
    return out


def _blurred(
    value: np.ndarray, span: tuple[float, float], error_m: float, spill_m: float, part: float
) -> np.ndarray:
    """Density of ln value for a log-uniform range and an outline with errors.

    Mostly the error is normal; now and then the outline takes in a shadow or a neighbour, or holds
    a part of the thing.
    """
    from scipy.special import ndtr

    # of what may have any size a part has any size as well
    part = part if span[1] < ANY_SIZE * span[0] else 0.0
    x = np.log(np.maximum(value, 1e-3))
    low, high = np.log(span[0]), np.log(span[1])
    # the error in the logarithm at the size that the class would have had
    sigma = error_m / np.clip(value, *span) + 1e-3
    true = (ndtr((high - x) / sigma) - ndtr((low - x) / sigma)) / (high - low)
    scale = spill_m + error_m
    more = value - span[1]
    tail = np.exp(-0.5 * np.minimum(more / scale, 30.0) ** 2) * np.sqrt(2 / np.pi) / scale
    spilt = np.where(more > 0, value * tail, 0.0)
    least = value >= LEAST_PART * span[0]
    held = part * np.where(least, _part_of(value, span, error_m), 0.0)
    return np.asarray((1 - SPILT - part) * true + SPILT * spilt + held)


def _part_of(value: np.ndarray, span: tuple[float, float], error_m: float) -> np.ndarray:
    """Density of ln value where any part of the whole, as likely as any other, is seen."""
    from scipy.special import ndtr

    whole = np.sqrt(span[0] * span[1])
    return np.asarray(value / whole * ndtr((span[1] - value) / error_m))
