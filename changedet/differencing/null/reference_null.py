"""A null from pairs in which nothing changed, and whether they are like the pair it is to judge.

A reference is another visit to the site. Where season, sun or haze of the day at hand differ more
than those of the references do, all of its quiet ground differs more, and would be taken for
change. What certainly did not change tells: the bulk of the statistic, its median and an upper
quantile by kind of ground, without the places that peak too high to be noise. The null of the
references is made as wide as the bulk of the pair. What is rare and local, such as slivers of
shadows, does not follow the bulk: an unlike pair that has far more weak candidates, too, is not
judged by its references at all. Fails where most of the scene really changed a little, which looks
like a hazy day; so it is said whenever the two are unlike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.differencing.ground.strata import STRATA
from changedet.differencing.null.curves import Tails, continued, ranks
from changedet.differencing.null.null_model import (
    ALL,
    BULK,
    MINIMUM_STRATUM,
    Bulk,
    NullModel,
    Source,
    by_stratum,
    changed_places,
)
from changedet.differencing.null.object_null import CANDIDATE, SITES_ALIKE
from changedet.differencing.null.quiet import WEAK_BELOW

NOTABLE = 1.15
"""So many times as wide as its references, a pair is unlike enough for a warning."""
RESTLESS = 2.0
"""A pair so much wider that has more than so many times as many weak candidates on the same ground,
too, is not judged by its references. Weak candidates alone do not tell: a busy day has them."""
MARGIN = 3
"""Pixels around changed places that are no bulk either."""
ROUNDS = 2
"""The wider the null, the fewer places of an unlike visit are taken for change, and the wider its
bulk: seen once more by the null of the first round. Further rounds would let change itself in."""

Blocks = Sequence[np.ndarray]


def reference_null(
    blocks: Blocks, strata: Blocks, source: Source, tails: Tails | None = None
) -> NullModel:
    """Null distribution from pairs in which nothing changed: every pixel counts.

    Parameters
    ----------
    blocks : sequence of (y, x) float32 arrays
        The statistic of the reference pairs, NaN where not observable.
    strata : sequence of (y, x) uint8 arrays
        Kind of ground of each pixel.
    source : {"reference", "history"}
        What the pairs are.
    tails : dict, optional
        What quiet pairs of this kind look like beyond the ranks.
    """
    finite = [np.isfinite(b) for b in blocks]
    values = np.concatenate([b[f] for b, f in zip(blocks, finite, strict=True)]).astype(np.float64)
    ground = [s[f] for s, f in zip(strata, finite, strict=True)]
    known = tails or {}
    curves = {
        number: continued(ranks(values[chosen]), known.get(STRATA[number], known.get("all")))
        for number, chosen in by_stratum(ground)
    }
    words = f"beyond the ranks of the {source} " + (
        "of quiet pairs of this kind" if tails else "exponential"
    )
    pooled = continued(ranks(values), known.get("all"))
    null = NullModel(pooled, source, 1.0, curves, words)
    return replace(null, bulks=bulks_of(blocks, strata, null))


def bulks_of(blocks: Blocks, strata: Blocks, null: NullModel) -> dict[int, Bulk]:
    """Bulk of the statistic by kind of ground, without places that are change by a null.

    Of references and of a pair alike, so that what is left out of both is the same.

    Parameters
    ----------
    blocks : sequence of (y, x) float32 arrays
        The statistic, NaN where not observable.
    strata : sequence of (y, x) uint8 arrays
        Kind of ground of each pixel.
    null : NullModel
        Places that peak above what counts as weak by it are left out, with their surroundings.

    Returns
    -------
    dict
        Of each stratum of which enough is left, and of :data:`~null_model.ALL`.
    """
    values, ground = [], []
    for block, kinds in zip(blocks, strata, strict=True):
        score = null.surprise(block, kinds)
        kept = np.isfinite(block) & ~changed_places(score, WEAK_BELOW, CANDIDATE, MARGIN)
        values.append(block[kept])
        ground.append(kinds[kept])
    pooled = np.concatenate(values)
    if pooled.size < MINIMUM_STRATUM:
        return {}
    chosen = [(ALL, np.ones(len(pooled), dtype=bool)), *by_stratum(ground)]
    return {k: Bulk(*(float(q) for q in np.quantile(pooled[c], (0.5, BULK)))) for k, c in chosen}


@dataclass(frozen=True, eq=False)
class Likeness:
    """Whether references resemble the pair that they are to judge."""

    source: Source
    """What the references are."""
    stretch: float
    """How many times as wide the null was made, 1 or more: the mean over the pair's ground."""
    by_ground: dict[str, float]
    """The same by kind of ground."""
    weak_ratio: float
    """From :func:`weak_ratio`."""

    @property
    def notable(self) -> bool:
        """Whether the pair differs so much that it must be said."""
        return self.stretch >= NOTABLE

    @property
    def restless(self) -> bool:
        """Whether the references say nothing about this pair."""
        return self.notable and self.weak_ratio > RESTLESS

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "given": self.source,
            "used": not self.restless,
            "notable": self.notable,
            "stretch_by_ground": dict(self.by_ground),
            "weak_candidates_ratio": self.weak_ratio,
        }


def made_like(
    null: NullModel, blocks: Blocks, strata: Blocks, weak_ratio: float
) -> tuple[NullModel, Likeness]:
    """Make the null of references as wide as the bulk of a pair, and tell how alike they are.

    Parameters
    ----------
    null : NullModel
        From :func:`reference_null`.
    blocks, strata : sequences of (y, x) arrays
        Statistic and kinds of ground of the pair.
    weak_ratio : float
        From :func:`weak_ratio`.

    Returns
    -------
    null : NullModel
        At least as wide as the one given.
    likeness : Likeness
        Of pair and references.
    """
    wide = null
    factors: dict[int, float] = {}
    for _ in range(ROUNDS):
        bulks = bulks_of(blocks, strata, wide)
        wide, factors = null.as_wide_as(bulks), null.stretch_to(bulks)
    stretch = _mean_stretch(factors, blocks, strata)
    by_ground = {STRATA[k]: v for k, v in sorted(factors.items()) if k != ALL}
    return wide, Likeness(null.source, stretch, by_ground, weak_ratio)


def weak_ratio(pair: tuple[int, int], references: Sequence[tuple[int, int]]) -> float:
    """How many times as many weak candidates a pair has as its references on the same ground.

    Each by its own null: what rises above the bulk of one visit, however wide that is. As many
    candidates as what is known of quiet sites counts for are added to those of the references, so
    that a handful does not decide.

    Parameters
    ----------
    pair : tuple of int
        Weak candidates, and the pixels in which they were looked for.
    references : sequence of tuple of int
        The same of each reference.
    """
    known = sum(weak for weak, _ in references) + SITES_ALIKE
    ground = sum(pixels for _, pixels in references)
    return (pair[0] / max(pair[1], 1)) / (known / max(ground, 1))


def _mean_stretch(factors: dict[int, float], blocks: Blocks, strata: Blocks) -> float:
    """Mean over the observed pixels of a pair."""
    counts = np.zeros(len(STRATA))
    for block, kinds in zip(blocks, strata, strict=True):
        counts += np.bincount(kinds[np.isfinite(block)], minlength=len(STRATA))
    rest = factors.get(ALL, 1.0)
    each = np.array([factors.get(k, rest) for k in range(len(STRATA))])
    return float(counts @ each / max(counts.sum(), 1.0))
