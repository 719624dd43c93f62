"""From measurements to a grade with reasons: never a confident wrong answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.align_motion import Motion
from changedet.loading.align_ties import SIGNIFICANT, Ties
from changedet.model import Alignment, Grade, Grid, Lattice

UNKNOWN_PX = 1.0
"""Standard deviation assumed per axis where nothing could be measured, pixels."""
_MATCH = 9.0
"""Standard deviations of chance above which all windows together are believed to match."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything the grade rests on."""

    motion: Motion
    """The correction found."""
    ties: Ties
    """Tie points."""
    inlier: np.ndarray
    """(n,) Tukey weight of each."""
    residual: np.ndarray
    """(m, 2) held-out residuals of believed tie points, pixels."""
    significance: float
    """Height of all windows' common peak in standard deviations of chance."""
    halves_px: float
    """Distance between the answers of two independent halves of the windows, pixels."""
    rival: float
    """How much surer the best shift is than the best different one, standard errors."""
    coverage: float
    """Part of the overlap within reach of a believed tie point, 0 to 1."""
    sigma: Lattice
    """Standard deviation of what is left, by place."""
    feature: str
    """Name of the feature that was compared."""


def metres(grid: Grid, dy: float, dx: float) -> tuple[float | None, float | None]:
    """(east, north) metres on the ground of a correction in pixels at the grid's centre."""
    size = grid.pixel_size_m
    if size is None or grid.crs is None:
        return None, None
    from pyproj import Geod, Transformer

    from changedet.model import WGS84

    r, c = (grid.height - 1) / 2, (grid.width - 1) / 2
    x, y = grid.xy(np.array([r, r + 1.0, r]), np.array([c, c, c + 1.0]))
    lon, lat = Transformer.from_crs(grid.crs, WGS84, always_xy=True).transform(x, y)
    azimuth, _, length = Geod(ellps="WGS84").inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
    # ground directions of grid lines; on a projected grid "east" means the grid's own east
    if not grid.crs.is_geographic:
        step = np.array([x[1:] - x[0], y[1:] - y[0]]).T
        unit = step / np.linalg.norm(step, axis=1)[:, None]
    else:
        angle = np.radians(azimuth)
        unit = np.stack([np.sin(angle), np.cos(angle)], -1)
    east, north = (np.array([dy, dx]) * length) @ unit
    return float(east), float(north)


def zero(grid: Grid) -> Alignment:
    """Two images with the same pixels: nothing to correct, nothing left."""
    none = Lattice.constant(0.0)
    east = None if not grid.is_georeferenced else 0.0
    return Alignment(
        none, none, none, "translation", "good", east, east, 0.0, 0.0, 0.0, 0.0,
        reasons=("the two images hold the same pixels",),
    )  # fmt: skip


def unmeasured(
    grid: Grid, reason: str, grade: Grade = "poor", measures: dict[str, float] | None = None
) -> Alignment:
    """Nothing could be measured: the images are left where their coordinates put them."""
    none = Lattice.constant(0.0)
    east = None if not grid.is_georeferenced else 0.0
    return Alignment(
        none, none, Lattice.constant(UNKNOWN_PX), "none", grade, east, east,
        reasons=(reason, "the images are left where their coordinates put them"),
        measures=tuple((measures or {}).items()),
    )  # fmt: skip


def judged(evidence: Evidence) -> tuple[Grade, list[str]]:
    """Grade and reasons."""
    believed = (evidence.ties.significance > SIGNIFICANT) & (evidence.inlier > 0)
    count = int(believed.sum())
    rmse = float(np.sqrt((evidence.residual**2).sum(1).mean())) if len(evidence.residual) else 9.9
    say = [
        f"{count} of {len(evidence.ties)} windows agree, covering "
        f"{evidence.coverage:.0%} of the overlap"
    ]
    if evidence.significance < _MATCH:
        return "refused", [
            "the two images show no common pattern at any shift that was tried "
            f"(best match {evidence.significance:.1f} standard deviations above chance, "
            f"{_MATCH:.0f} needed)"
        ]
    if evidence.rival < 4:
        return "refused", [
            "two different shifts fit almost equally well, as parallel tracks or rows make them "
            f"(difference {evidence.rival:.1f} standard errors, 4 needed)"
        ]
    if evidence.halves_px > 1:
        return "refused", [
            f"two independent halves of the windows disagree by {evidence.halves_px:.1f} px"
        ]
    say.append(f"held-out residual {rmse:.2f} px")
    if rmse <= 0.3 and evidence.halves_px <= 0.15 and evidence.coverage >= 0.5 and count >= 8:
        return "good", say
    if rmse <= 1.0 and evidence.halves_px <= 0.5 and evidence.coverage >= 0.15 and count >= 4:
        return "usable", say
    return "poor", [*say, "too few windows agree closely enough"]


def graded(grid: Grid, evidence: Evidence) -> Alignment:
    """Put the alignment together from what was measured."""
    grade, reasons = judged(evidence)
    lengths = np.hypot(*evidence.residual.T) if len(evidence.residual) else np.zeros(0)
    rows = np.linspace(0, grid.height - 1, 33)[:, None]
    cols = np.linspace(0, grid.width - 1, 33)[None]
    mean = evidence.motion.at(rows, cols).mean((0, 1))
    dy, dx = evidence.motion.lattices()
    east, north = metres(grid, float(mean[0]), float(mean[1]))
    ties = evidence.ties
    table = np.column_stack(
        [ties.places, ties.shifts, evidence.inlier / ties.sigma**2, evidence.inlier > 0]
    )
    measures = {
        "significance": evidence.significance,
        "rival": evidence.rival,
        "halves_px": evidence.halves_px,
        "coverage": evidence.coverage,
        "windows": float(len(ties)),
    }
    return Alignment(
        dy, dx, evidence.sigma, evidence.motion.model, grade, east, north,
        float(mean[1]), float(mean[0]),
        float(np.sqrt((lengths**2).mean())) if len(lengths) else None,
        float(np.percentile(lengths, 90)) if len(lengths) else None,
        (*reasons, f"compared by {evidence.feature}"),
        tuple((k, float(v)) for k, v in measures.items()),
        table,
    )  # fmt: skip
