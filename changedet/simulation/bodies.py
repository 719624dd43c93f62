"""What a site consists of: ground, lines, and the things that stand on it at one date or both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Form = Literal["flat", "barrel", "tank", "gable", "dome", "heap"]
Change = Literal["appeared", "disappeared", "modified", "moved", "unchanged"]


@dataclass(frozen=True, eq=False)
class Part:
    """One painted surface of a body."""

    outline: np.ndarray
    """(n, 2) site metres."""
    material: str
    """Name of its material."""
    top: float = 0.0
    """Height above the ground, metres."""
    shade: float = 1.0
    """Factor on its brightness."""
    form: Form = "flat"
    """How it is curved."""
    along: tuple[float, float] = (1.0, 0.0)
    """Unit vector of its long axis."""
    half_width: float = 1.0
    """Half of its width, metres (radius of a dome)."""
    rise: float = 0.0
    """Height of ridge or crown above its edge, metres."""
    middle: tuple[float, float] | None = None
    """Where its axis passes; None: the middle of the outline."""


@dataclass(frozen=True, eq=False)
class Body:
    """A thing."""

    kind: str
    """One of :data:`changedet.model.KINDS`."""
    subtype: str
    """``gondola``, ``locomotive``, ``tree`` ..."""
    outline: np.ndarray
    """(n, 2) footprint, site metres."""
    height_m: float
    """Above the ground."""
    parts: tuple[Part, ...]
    """From low to high."""


@dataclass(frozen=True, eq=False)
class Item:
    """A thing with its fate."""

    before: Body | None
    """As it is at the first date; None: not there."""
    after: Body | None
    """As it is at the second date; None: not there."""
    change: Change = "unchanged"
    """What became of it."""
    track: str | None = None
    """Name of the track it stands on."""
    group: str | None = None
    """Train, convoy or block it belongs to."""
    key: int | None = None
    """Shared by the two items of a thing that moved."""

    @property
    def body(self) -> Body:
        """The body of the date at which it is there (the later one)."""
        body = self.after or self.before
        if body is None:
            raise ValueError("An item must be there at one date at least.")
        return body


@dataclass(frozen=True, eq=False)
class Track:
    """A railway track."""

    name: str
    """Unique."""
    line: np.ndarray
    """(n, 2) centreline, site metres."""
    start: float
    """Where wagons may stand, in the yard's frame."""
    end: float
    """Where wagons may stand, in the yard's frame."""
    v: float
    """Offset of its straight part in the yard's frame."""
    loading: bool = False
    """Runs beside the container pad."""


@dataclass(eq=False)
class Layout:
    """A whole site; filled by the layout functions."""

    ground: list[Part] = field(default_factory=list)
    """Painted in order, first of all."""
    items: list[Item] = field(default_factory=list)
    """Things; those that last are painted once for both dates."""
    tracks: list[Track] = field(default_factory=list)
    """Railway tracks."""
    roads: list[tuple[str, np.ndarray]] = field(default_factory=list)
    """Names and centrelines."""
    zones: list[tuple[str, np.ndarray]] = field(default_factory=list)
    """Names and outlines."""

    def lay(self, outline: np.ndarray, material: str, shade: float = 1.0) -> None:
        """Cover ground with a material."""
        self.ground.append(Part(outline, material, 0.0, shade))

    def keep(self, *bodies: Body) -> None:
        """Add bodies that are there at both dates and stay as they are."""
        self.items.extend(Item(body, body) for body in bodies)
