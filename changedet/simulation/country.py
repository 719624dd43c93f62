"""A site in open country that is being laid out: what its parts share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from changedet.simulation.bodies import Body, Change, Item, Layout
from changedet.simulation.shapes import Axes

ROOFS = (
    "roof_grey", "roof_red", "roof_dark", "roof_rust", "roof_grey", "roof_light", "roof_orange",
    "roof_dark", "roof_blue",
)  # fmt: skip


@dataclass(eq=False)
class Country:
    """A site that is being laid out."""

    layout: Layout
    """What is there so far."""
    rng: np.random.Generator
    """Draws what exists."""
    draw: np.random.Generator
    """Draws what changes."""
    axes: Axes
    """Direction of parcels and streets."""
    size: float
    """Longer side of the site, metres."""
    unit: float
    """Lengths follow the site: 1 for a site of 2.5 km, less for smaller ones."""
    busy: float
    """1 for a change fraction of 0.3 or more, 0 for a quiet scene."""
    arrivals: float
    """Share of arrivals among arrivals and departures."""

    def roof(self) -> str:
        """Draw a roof."""
        return str(self.rng.choice(ROOFS))

    def fate(self, chance: float) -> Change:
        """Draw what becomes of a building that may change with this chance."""
        if self.draw.uniform() >= chance * self.busy:
            return "unchanged"
        return "appeared" if self.draw.uniform() < self.arrivals else "disappeared"

    def add(self, body: Body, change: Change) -> None:
        """Add a building with its fate."""
        before = None if change == "appeared" else body
        after = None if change == "disappeared" else body
        self.layout.items.append(Item(before, after, change))
