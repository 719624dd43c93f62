"""What stands on a railway track at two dates."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

TrackGrade = Literal["single wagons", "length", "occupied", "train-like", "none"]
"""What the ground sample distance supports: wagons counted by their gaps, wagons counted by the
length they take up, occupied metres without a count, only whether something like a train stands
there, nothing."""

IN_DOUBT = "in doubt: "
"""How the notes begin that say why the numbers may be wrong by more than their intervals."""

Estimate = tuple[float, float, float]
"""Value, lower and upper bound of an interval that holds the truth in about 95 of 100 tracks."""


@dataclass(frozen=True)
class TrackActivity:
    """Occupation of one track before and after; None where it could not be told."""

    track: str
    """Name."""
    length_m: float | None
    """Length inside the grid, metres; None without georeferencing."""
    observable_m: float | None
    """Length that could be seen at both dates."""
    observable_m_before: float | None
    """Length that could be seen before."""
    observable_m_after: float | None
    """Length that could be seen after."""
    occupied_before: Estimate | None
    """Occupied metres before, of the part that could be seen then."""
    occupied_after: Estimate | None
    """Occupied metres after, of the part that could be seen then."""
    arrived: Estimate | None
    """Metres empty before and occupied after, of the part that could be seen at both dates."""
    departed: Estimate | None
    """Metres occupied before and empty after, of the part that could be seen at both dates."""
    cars_before: Estimate | None
    """Wagons and locomotives before."""
    cars_after: Estimate | None
    """Wagons and locomotives after."""
    cars_arrived: Estimate | None
    """Wagons and locomotives where there was nothing before."""
    cars_departed: Estimate | None
    """Wagons and locomotives where there is nothing after."""
    offset_m: tuple[float, float] | None
    """How far right of the drawn line (looking along it) track and wagons were found, before and
    after."""
    grade: TrackGrade
    """What the images support."""
    skipped: dict[str, float] = field(default_factory=dict)
    """Metres left out at one date at least, by reason."""
    notes: tuple[str, ...] = ()
    """What else has to be said, in words."""
    shared_m: float = 0.0
    """Metres over which another track runs through the same place and counts what stands there.
    Nobody has to see them twice: what a track has of its own is ``length_m - shared_m``."""
    deviations: dict[str, float] = field(default_factory=dict)
    """Standard deviations of the estimates, by their keys in ``summary.json``: they can be added
    up over tracks where the ends of intervals cannot."""
    outlined_arrived: int | None = None
    """Wagons that the outlined objects show to have come to this track; None where single wagons
    are not outlined. To be held against ``cars_arrived``, which does not use the outlines."""
    outlined_departed: int | None = None
    """The same of wagons that left."""

    def __repr__(self) -> str:
        def said(value: Estimate | None) -> str:
            return "unknown" if value is None else f"{value[0]:.0f}"

        metres = f"{said(self.occupied_before)} to {said(self.occupied_after)} m occupied"
        cars = f"{said(self.cars_before)} to {said(self.cars_after)} wagons"
        return f"<TrackActivity: {self.track}, {metres}, {cars}>"

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values, with the keys of ``summary.json``'s ``tracks``."""
        out: dict[str, Any] = {"id": self.track, "length_m": self.length_m}
        for name, value in (
            ("occupied_m_before", self.occupied_before),
            ("occupied_m_after", self.occupied_after),
            ("arrived_m", self.arrived),
            ("departed_m", self.departed),
            ("cars_before", self.cars_before),
            ("cars_after", self.cars_after),
            ("cars_arrived", self.cars_arrived),
            ("cars_departed", self.cars_departed),
        ):
            for end, number in zip(("", "_low", "_high"), value or (None,) * 3, strict=True):
                counted = name.startswith("cars")
                out[name + end] = int(number) if counted and number is not None else number
            out[name + "_sd"] = self.deviations.get(name)
        plain = asdict(self)
        for name in (
            "observable_m", "observable_m_before", "observable_m_after", "shared_m",
            "outlined_arrived", "outlined_departed", "grade",
        ):  # fmt: skip
            out[name] = plain[name]
        out["offset_m"] = None if self.offset_m is None else list(self.offset_m)
        out["skipped"] = dict(self.skipped)
        out["notes"] = list(self.notes)
        return out
