"""What can be planted into an image of a given kind: things it resolves, and patches."""

from __future__ import annotations

import math

from changedet.model import Domain, TargetType

SINGLE_GSD_M = 1.0
"""Coarser pixels do not show single wagons, trucks and containers."""
TRAIN_GSD_M = 10.0
"""Coarser pixels do not show trains."""
WAGON, LORRY = 0.22, 0.19
"""Unevenness of open, covered and tank wagons together, and of lorries with their cabs, as
:mod:`changedet.simulation.vehicles` renders them; containers have next to none."""
THINGS: tuple[TargetType, ...] = (
    TargetType("13 m wagon", "railcar", 12.8, 3.1, 3.6, WAGON),
    TargetType("16 m truck", "truck", 16.5, 2.55, 3.9, LORRY),
    TargetType("9 m truck", "truck", 9.0, 2.55, 3.5, LORRY),
    TargetType("12 m container", "container", 12.192, 2.438, 2.59),
    TargetType("6 m container", "container", 6.058, 2.438, 2.59),
)
"""Body of a gondola of 13.9 m over couplers; tractor with semi-trailer; rigid lorry; ISO 668."""
PATCHES_M = (2.0, 4.0, 8.0, 16.0)
"""Sides of patches where single things are resolved, metres."""
PATCHES_PX = (2, 3, 5, 8, 12)
"""Sides of patches elsewhere, pixels."""
PITCH_M = 13.92
"""A wagon over couplers."""
CONTRASTS: dict[str, tuple[float, ...]] = {
    "optical": (0.1, 0.2, 0.4, 0.8),
    "radar": (2.0, 4.0, 7.0, 10.0),
}
"""Shares of the ground's brightness; decibels above the ground."""


def target_types(
    gsd_m: float | None, domain: Domain
) -> tuple[tuple[TargetType, ...], tuple[str, ...]]:
    """What to plant, and what cannot be tested.

    Parameters
    ----------
    gsd_m : float or None
        Ground sample distance of the common grid; None without georeferencing.
    domain : str
        What pixel values are.

    Returns
    -------
    types : tuple of TargetType
        From small to large within each kind.
    cannot_tell : tuple of str
        Statements for the report.
    """
    if gsd_m is None:
        patches = tuple(_patch(float(n), "px") for n in PATCHES_PX)
        return patches, (
            "Without georeferencing nothing is known in metres: patches are planted in pixels, "
            "and no wagon, truck or container.",
        )
    if domain != "optical":
        return _patches_of(gsd_m), (
            "Radar shows wagons, trucks and containers by echoes of their corners, which depend on "
            "how they stand: only patches of brighter ground are planted.",
        )
    if gsd_m <= SINGLE_GSD_M:
        # a patch must be as wide as two pixels to be one
        return (*THINGS, *(_patch(m, "m") for m in PATCHES_M if m >= 2 * gsd_m)), ()
    told = (
        f"At {gsd_m:.3g} m a single wagon, truck or container is not resolved, so none is planted.",
    )
    if gsd_m > TRAIN_GSD_M:
        return _patches_of(gsd_m), told
    trains = [
        TargetType(f"train of {n} wagons", "train", n * PITCH_M, 3.1, 3.6, WAGON)
        for n in ((5, 10) if gsd_m <= 3.0 else (10, 20))
    ]
    return (*trains, *_patches_of(gsd_m)), told


def _patches_of(gsd_m: float) -> tuple[TargetType, ...]:
    return tuple(_patch(_rounded(n * gsd_m), "m") for n in PATCHES_PX)


def _rounded(length: float) -> float:
    """Two figures are enough for a side that was chosen freely."""
    step = 10.0 ** (math.floor(math.log10(length)) - 1)
    return round(length / step) * step


def _patch(side: float, unit: str) -> TargetType:
    return TargetType(f"{side:g} {unit} patch", "other", side, side)


def default_contrasts(domain: Domain) -> tuple[float, ...]:
    """Contrasts to plant at."""
    return CONTRASTS["optical" if domain == "optical" else "radar"]
