"""What was learnt of bodies that stand in a row, wagons above all: read from ``bodies.json``.

``tests/benchmarks/learn_bodies.py`` writes the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from changedet.model import Trees, as_trees

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
    text = (resources.files("changedet.differencing.objects") / FILE).read_text(encoding="utf-8")
    row = json.loads(text)
    return Learnt(as_trees(row["gaps"]), as_trees(row["pieces"]))
