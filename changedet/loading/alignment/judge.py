"""From measurements to a grade with reasons: never a confident wrong answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.loading.alignment.motion import Motion
from changedet.loading.alignment.ties import Ties
from changedet.model import Alignment, Grade, Grid, Lattice

UNKNOWN_PX = 1.0
"""Standard deviation assumed per axis where nothing could be measured, pixels."""
MATCH = 9.0
"""Standard deviations of chance above which all windows together are believed to match."""
_SURE = (2.5, 3.2, 4.0)
"""Standard errors by which the best shift must beat the best different one: not to be refused, to
be usable, to be good."""
_HOME_PX = 2.0
"""Corrections smaller than this agree with the images' own coordinates, pixels."""
_GOOD_PX = 0.3
"""Held-out residual (pixels) up to which a good grade is given."""


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
    rival_px: float
    """Distance between the two, pixels."""
    backward_px: float
    """Distance between the way there and the way back, pixels; NaN when not measured."""
    gain: float
    """How much better the pair matches with the correction than without, standard errors."""
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
    refused = _refusal(evidence)
    if refused:
        return "refused", refused
    count = int((evidence.inlier > 0).sum())
    say = [
        f"{count} of {len(evidence.ties)} windows agree, covering "
        f"{evidence.coverage:.0%} of what could be compared"
    ]
    doubts = _doubts(evidence)
    rmse = _rmse(evidence.residual)
    if rmse is not None:
        say.append(f"held-out residual {rmse:.2f} px")
    if doubts:
        return "poor", [*say, *doubts]
    back = evidence.backward_px
    fine = (
        rmse is not None and rmse <= _GOOD_PX and evidence.halves_px <= 0.15 and count >= 8
        and evidence.coverage >= 0.5 and np.isfinite(back) and back <= 0.2
        and evidence.rival >= _SURE[2]
    )  # fmt: skip
    return ("good" if fine else "usable"), say


def _rmse(residual: np.ndarray) -> float | None:
    return float(np.sqrt((residual**2).sum(1).mean())) if len(residual) else None


def _refusal(evidence: Evidence) -> list[str]:
    """Why the images cannot be believed to match, or nothing."""
    if evidence.significance < MATCH:
        return [
            "the two images show no common pattern at any shift that was tried "
            f"(best match {evidence.significance:.1f} standard deviations above chance, "
            f"{MATCH:.0f} needed)"
        ]
    at_home = _length(evidence.motion) < _HOME_PX
    if evidence.rival < _SURE[0] and not at_home:
        return [
            f"two shifts {evidence.rival_px:.0f} px apart fit almost equally well, as parallel "
            f"tracks or rows make them (difference {evidence.rival:.1f} standard errors, "
            f"{_SURE[0]:.1f} needed)"
        ]
    if evidence.halves_px > 1 and not at_home:
        return [f"two independent halves of the windows disagree by {evidence.halves_px:.1f} px"]
    return []


def _doubts(evidence: Evidence) -> list[str]:
    """What speaks against relying on the estimate."""
    out = []
    rmse = _rmse(evidence.residual)
    if evidence.rival < _SURE[1]:
        out.append(
            f"a shift {evidence.rival_px:.0f} px away fits almost as well "
            f"({evidence.rival:.1f} standard errors)"
        )
    if evidence.halves_px > 0.5:
        out.append(f"two halves of the windows disagree by {evidence.halves_px:.1f} px")
    if rmse is None or rmse > 1.0 or (evidence.inlier > 0).sum() < 4:
        out.append("too few windows agree closely enough")
    if evidence.coverage < 0.15:
        out.append("only a small part of the overlap could be compared")
    if np.isfinite(evidence.backward_px) and evidence.backward_px > 0.7:
        out.append(f"the way there and the way back differ by {evidence.backward_px:.1f} px")
    if not _better(evidence):
        out.append("the pair does not match better with the correction than without")
    return out


def _better(evidence: Evidence) -> bool:
    """Whether the correction is no worse than leaving the pair alone."""
    return evidence.gain > (2.0 if _length(evidence.motion) > 0.5 else -2.0)


def _length(motion: Motion) -> float:
    """Usual length of the correction on the grid, pixels."""
    h, w = motion.shape
    rows, cols = np.meshgrid(np.linspace(0, h - 1, 9), np.linspace(0, w - 1, 9), indexing="ij")
    return float(np.median(np.hypot(*np.moveaxis(motion.at(rows, cols), -1, 0))))


def graded(grid: Grid, evidence: Evidence) -> Alignment:
    """Put the alignment together from what was measured."""
    grade, reasons = judged(evidence)
    measures = _measures(evidence)
    if grade == "poor" and not (_better(evidence) and evidence.halves_px <= 1):
        return unmeasured(grid, "; ".join(reasons), "poor", measures)
    lengths = np.hypot(*evidence.residual.T) if len(evidence.residual) else np.zeros(0)
    rows = np.linspace(0, grid.height - 1, 33)[:, None]
    cols = np.linspace(0, grid.width - 1, 33)[None]
    mean = evidence.motion.at(rows, cols).mean((0, 1))
    if grade == "poor" and len(lengths) and np.hypot(*mean) < np.sqrt((lengths**2).mean()):
        # Resampling for a shift that is not known from zero only blurs one of the two.
        doubt = "; ".join([*reasons, "the shift found is smaller than what it leaves"])
        return unmeasured(grid, doubt, "poor", measures)
    dy, dx = evidence.motion.lattices()
    east, north = metres(grid, float(mean[0]), float(mean[1]))
    ties = evidence.ties
    table = np.column_stack(
        [ties.places, ties.shifts, evidence.inlier / ties.sigma**2, evidence.inlier > 0]
    )
    return Alignment(
        dy, dx, evidence.sigma, evidence.motion.model, grade, east, north,
        float(mean[1]), float(mean[0]),
        float(np.sqrt((lengths**2).mean())) if len(lengths) else None,
        float(np.percentile(lengths, 90)) if len(lengths) else None,
        (*reasons, f"compared by {evidence.feature}"),
        tuple(measures.items()),
        table,
    )  # fmt: skip


def _measures(evidence: Evidence) -> dict[str, float]:
    """What was measured; what is not finite is left out."""
    every = {
        "significance": evidence.significance,
        "rival": evidence.rival,
        "rival_px": evidence.rival_px,
        "halves_px": evidence.halves_px,
        "backward_px": evidence.backward_px,
        "gain": evidence.gain,
        "coverage": evidence.coverage,
        "windows": float(len(evidence.ties)),
    }
    return {k: float(v) for k, v in every.items() if np.isfinite(v)}
