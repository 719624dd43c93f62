"""What was learnt of bodies that stand in a row, wagons above all: read from ``bodies.json``.

``tests/benchmarks/learn_bodies.py`` writes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from changedet.model import Trees, as_trees, read_learnt

FILE = "bodies.json"


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt."""

    gaps: Trees
    """That one body ends here and another begins, of the places along a part."""
    pieces: Trees
    """Of two pieces that they are one body."""


@cache
def learnt() -> Learnt:
    """Read what was learnt."""
    row = read_learnt("changedet.differencing.objects", FILE)
    return Learnt(as_trees(row["gaps"]), as_trees(row["pieces"]))
