"""What was learnt of moves, read from ``learnt.json``.

``tests/benchmarks/learn_moves.py`` writes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from changedet.model import Trees, as_trees, read_learnt

FILE = "learnt.json"


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt of one sort of thing."""

    thing: Trees
    """Of two things that they are one."""
    cut: Trees
    """Of two cuts that they are one."""


@cache
def learnt() -> dict[str, Learnt]:
    """Read what was learnt, by sort of thing."""
    return {
        sort: Learnt(as_trees(row["thing"]), as_trees(row["cut"]))
        for sort, row in read_learnt("changedet.activity.things", FILE)["sorts"].items()
    }
