"""Boosted decision trees: what was learnt on simulated scenes, read and evaluated.

Each tree asks a few questions of the columns and adds a number to the logarithm of the odds; a
column that is not known is taken as small. Scripts in ``tests/benchmarks`` write the files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Trees:
    """Complete binary trees of one depth; node ``k`` leads to ``2 k + 1`` and ``2 k + 2``."""

    constant: float
    """Logarithm of the odds before anything is asked."""
    column: np.ndarray
    """(tree, node) which column is looked at."""
    limit: np.ndarray
    """(tree, node) to the second branch from this value on."""
    leaf: np.ndarray
    """(tree, leaf) what is added."""

    def log_odds(self, columns: np.ndarray) -> np.ndarray:
        """(m,) logarithm of the odds, given (m, column)."""
        out = np.full(len(columns), self.constant)
        row = np.arange(len(columns))
        inner = self.column.shape[1]
        for column, limit, leaf in zip(self.column, self.limit, self.leaf, strict=True):
            node = np.zeros(len(columns), dtype=np.int64)
            while inner and node.size and node[0] < inner:
                node = 2 * node + 1 + (columns[row, column[node]] >= limit[node])
            out += leaf[node - inner]
        return out


def as_trees(row: dict[str, Any]) -> Trees:
    """Read trees as they are written."""
    # what leads nowhere is written as null: JSON has no infinity
    limit = np.array([[np.inf if v is None else v for v in tree] for tree in row["limit"]])
    return Trees(row["constant"], np.array(row["column"]), limit, np.array(row["leaf"]))


def read_learnt(package: str, file: str) -> Any:
    """Read a file of what was learnt that lies in a package, as plain JSON values."""
    return json.loads((resources.files(package) / file).read_text(encoding="utf-8"))
