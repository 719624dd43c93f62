"""What was learnt of moves: boosted decision trees, read from ``learnt.json``.

``tests/benchmarks/learn_moves.py`` writes the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from changedet.model import Trees, as_trees

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
    text = (resources.files("changedet.activity.things") / FILE).read_text(encoding="utf-8")
    return {
        sort: Learnt(as_trees(row["thing"]), as_trees(row["cut"]))
        for sort, row in json.loads(text)["sorts"].items()
    }
