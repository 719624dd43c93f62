"""What the scripts that learn have in common: which scenes, and each of them once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


def scenes_asked(about: str, first: int, seeds: int) -> Any:
    """Options of a script that learns of simulated scenes: ``first``, ``seeds``, ``workers``."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--first", type=int, default=first, help="first seed")
    parser.add_argument("--seeds", type=int, default=seeds, help="how many")
    parser.add_argument("--workers", type=int, default=2, help="processes; changes no result")
    return parser.parse_args()


def of_each(
    work: Callable[[Key], Found], keys: Iterable[Key], workers: int
) -> Iterator[tuple[Key, Found]]:
    """Do the work for each key in processes, and give what it found in the order of the keys."""
    every = list(keys)
    with ProcessPoolExecutor(workers) as pool:
        yield from zip(every, pool.map(work, every), strict=True)
