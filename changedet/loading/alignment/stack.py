"""Many dates laid on one reference, consistently: a network of pairwise shifts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.loading.alignment.estimating import estimate_alignment
from changedet.loading.alignment.judge import metres, unmeasured, zero
from changedet.model import Alignment, Grid, Lattice, PairReader
from changedet.progress import ProgressCallback, ProgressEvent, as_progress

_RELIABLE = ("good", "usable")
_FLOOR_PX = 0.02
"""Standard deviation that no pairwise shift is believed to be below, pixels."""
_TUKEY = 4.685
_ITERATIONS = 20

OpenPair = Callable[[int, int], PairReader]
"""Opens two images by their positions in the stack as before and after, uncorrected."""


@dataclass(frozen=True, eq=False)
class _Edge:
    """One measured pair: what image ``after`` needs to lie on image ``before``."""

    before: int
    after: int
    shift: np.ndarray
    """(2,) mean correction, units of the CRS (pixels without one)."""
    sigma: float
    """Its standard deviation per axis, the same units."""


def align_stack(
    open_pair: OpenPair,
    count: int,
    reference: int = 0,
    *,
    seed: int = 0,
    progress: bool | ProgressCallback | None = None,
) -> tuple[Alignment, ...]:
    """Lay many images on one of them, so that all corrections fit each other.

    Parameters
    ----------
    open_pair : callable
        ``open_pair(i, j)`` gives images ``i`` and ``j`` as before and after.
    count : int
        Number of images, in the order of their dates.
    reference : int
        Position of the image on which the others are laid.
    seed, progress
        As for :func:`estimate_alignment`.

    Returns
    -------
    tuple of Alignment
        One an image. ``measures`` hold ``closure_px``: the largest contradiction between the
        result and a pair with that image.

    Notes
    -----
    Each image is compared with the reference and with its neighbours in time. The mean shifts are
    the least-squares solution of that network, with Tukey weights, so that one wrong pair does not
    bend the rest; what varies by place comes from the comparison with the reference. An image that
    cannot be compared with the reference (another season, cloud) is placed through its neighbours.
    Where nothing reliable connects an image, its comparison with the reference is returned as it
    is.
    """
    tell = as_progress(progress)
    pairs = [(reference, k) for k in range(count) if k != reference]
    pairs += [(k, k + 1) for k in range(count - 1) if reference not in (k, k + 1)]
    direct: dict[int, tuple[Alignment, Grid]] = {}
    edges: list[_Edge] = []
    crs: Any = None
    for done, (i, j) in enumerate(pairs):
        tell(ProgressEvent("align", done, len(pairs), f"images {i + 1} and {j + 1}"))
        reader = open_pair(i, j)
        found = estimate_alignment(reader, seed=seed)
        if i == reference:
            direct[j] = (found, reader.grid)
            crs = reader.grid.crs
        if found.grade in _RELIABLE and reader.grid.crs == crs:
            edges.append(_edge(i, j, found, reader.grid))
    tell(ProgressEvent("align", len(pairs), len(pairs)))
    shifts, sigma = solve_network(
        [(e.before, e.after) for e in edges],
        np.array([e.shift for e in edges]).reshape(-1, 2),
        np.array([e.sigma for e in edges]),
        count, reference,
    )  # fmt: skip
    own = replace(zero(next(iter(direct.values()))[1]), reasons=("this is the reference",))
    return tuple(
        own if k == reference else _placed(k, *direct[k], shifts[k], sigma[k], edges, shifts)
        for k in range(count)
    )


def _edge(i: int, j: int, found: Alignment, grid: Grid) -> _Edge:
    t = grid.transform
    shift = np.array([t.a * found.dx_px + t.b * found.dy_px, t.d * found.dx_px + t.e * found.dy_px])
    left = max(float(np.median(found.sigma.values)), _FLOOR_PX)
    return _Edge(i, j, shift, left * _pixel(grid))


def _pixel(grid: Grid) -> float:
    """Side of a pixel in units of the CRS."""
    return float(np.sqrt(abs(grid.transform.determinant)))


def solve_network(
    pairs: list[tuple[int, int]],
    shifts: np.ndarray,
    sigma: np.ndarray,
    count: int,
    reference: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Robust least squares of shifts along the edges of a network.

    Parameters
    ----------
    pairs : list of (int, int)
        ``(i, j)``: what ``j`` needs to lie on ``i``.
    shifts : (n, 2) float array
    sigma : (n,) float array
        Standard deviation of each, per axis.
    count, reference : int
        Number of images, and the one that stays.

    Returns
    -------
    shifts : (count, 2) float array
        What each image needs to lie on the reference; NaN where nothing connects it.
    sigma : (count,) float array
        Standard deviation of each, per axis.
    """
    out, spread = np.full((count, 2), np.nan), np.full(count, np.nan)
    out[reference], spread[reference] = 0.0, 0.0
    linked = {reference}
    for _ in range(count):
        linked |= {k for p in pairs if linked & set(p) for k in p}
    free = sorted(linked - {reference})
    if not free:
        return out, spread
    used = np.array([p[0] in linked for p in pairs])
    design = np.zeros((len(pairs), count))
    for row, (i, j) in zip(design, pairs, strict=True):
        row[i] -= 1
        row[j] += 1
    design, given, error = design[used][:, free], shifts[used], sigma[used]
    weights = np.ones(len(design))
    for _ in range(_ITERATIONS):
        root = (np.sqrt(weights) / error)[:, None]
        solved = np.linalg.lstsq(design * root, given * root, rcond=1e-9)[0]
        length = np.hypot(*(given - design @ solved).T) / error
        usual = max(float(np.median(length)) / 1.1774, 1.0)
        new = np.clip(1 - (length / (_TUKEY * usual)) ** 2, 1e-6, None) ** 2
        settled = np.abs(new - weights).max() < 1e-4
        weights = new
        if settled:
            break
    root = (np.sqrt(weights) / error)[:, None]
    covariance = np.linalg.pinv((design * root).T @ (design * root))
    out[free], spread[free] = solved, np.sqrt(np.diag(covariance))
    return out, spread


def _placed(
    k: int,
    found: Alignment,
    grid: Grid,
    shift: np.ndarray,
    sigma: float,
    edges: list[_Edge],
    shifts: np.ndarray,
) -> Alignment:
    """Alignment of one image: the comparison with the reference, moved to fit the network."""
    if not np.isfinite(shift).all():
        return found
    t, size = grid.transform, _pixel(grid)
    dx, dy = np.linalg.solve(np.array([[t.a, t.b], [t.d, t.e]]), shift)
    off = [
        e.shift - (shifts[e.after] - shifts[e.before]) for e in edges if k in (e.before, e.after)
    ]
    closure = max(float(np.hypot(*o)) for o in off) / size
    direct = found.grade in _RELIABLE
    if not direct:
        found = replace(
            unmeasured(grid, ""), model="translation", grade="usable",
            sigma=Lattice.constant(max(sigma / size, _FLOOR_PX)),
            reasons=("placed through images of neighbouring dates, since it could not be compared "
                     "with the reference itself: " + "; ".join(found.reasons),),
        )  # fmt: skip
    east, north = metres(grid, float(dy), float(dx))
    return replace(
        found,
        dy=_plus(found.dy, float(dy) - found.dy_px),
        dx=_plus(found.dx, float(dx) - found.dx_px),
        dy_px=float(dy), dx_px=float(dx), dy_m=north, dx_m=east,
        reasons=(*found.reasons, f"fits the other dates to {closure:.3f} px ({len(off)} pairs)"),
        measures=(*found.measures, ("closure_px", closure), ("network_sigma_px", sigma / size)),
    )  # fmt: skip


def _plus(lattice: Lattice, value: float) -> Lattice:
    return replace(lattice, values=lattice.values + value)
