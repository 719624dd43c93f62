"""How often quiet ground holds an object as surprising as one that was found.

A pixel's p-value says how rare its statistic is; an object is a whole connected place, and its
pixels agree because noise and roofs do, not because there are many witnesses. So objects are
compared with objects: places of quiet pairs that are connected, outlined and sifted in the very
same way. Their spatial correlation, their shapes and what explains them need no model then.

A reference is one draw of what its site does when nothing happens, and the pair at hand another:
a small site holds a dozen candidates, and its next visit three or thirty. So what was found there
is put together with what quiet pairs of the same kind are known to do, as so much ground and so
many candidates more (empirical Bayes: a gamma prior for the rate, a Dirichlet process for the
peaks). With little ground the known dominates, with much the site's own. Where nothing is known,
p-values are split-conformal ranks (Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random
World*, 2005, doi:10.1007/b106715), which the others approach as candidates become many: valid as
far as the quiet pair and the pair at hand can be exchanged. Fails where the quiet pairs are of
another season or site.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.differencing.null.curves import Curve, ranks
from changedet.differencing.null.null_model import Source

CANDIDATE = 2.0
"""A place is a candidate from a pixel this surprising (−log10 p)."""
SMALLEST_P = 1e-9
"""A tail that was continued beyond what was seen says nothing smaller; none smaller is reported."""
CENSOR = 0.7
"""Of the candidates of a pair by itself this share, the weakest, is taken for noise."""
FEWEST = 30
"""With fewer candidates the tail has the steepness of independent pixels."""
LAST = 30
"""Of the candidates of quiet ground so many peak where the ranks end: what lies beyond is the tail.
Slivers of shadows peak far higher than noise does, so it must not set in earlier."""
SITES_ALIKE = 4.0
"""What is known of quiet pairs counts as so many candidates for how many a site has,"""
PEAKS_ALIKE = 40.0
"""and as so many for how high they peak: as alike as sites of one kind are
(``tests/benchmarks/alike.py``)."""


@dataclass(frozen=True, eq=False)
class ObjectNull:
    """Peaks of the candidates on quiet ground."""

    per_mpx: float
    """Candidates per million observed pixels of quiet ground."""
    curve: Curve
    """Chance that a candidate's peak exceeds a value: −log10 p of its most surprising pixel, or the
    evidence of all its pixels (:func:`changedet.differencing.null.significance.evidence_of`)."""
    count: int
    """Candidates on which this rests."""
    source: Source
    """Where they come from."""
    peaks: np.ndarray | None = None
    """Increasing peaks of a reference or history by itself, for exact ranks."""
    known_share: float = 0.0
    """Weight that quiet pairs of this kind have in the curve, beside the reference's own peaks."""

    def p_value(self, peak: np.ndarray) -> np.ndarray:
        """Chance that a candidate on quiet ground peaks as high, (n,) float64.

        With a reference or history by itself the conformal rank, which cannot be smaller than one
        over the number of quiet candidates and one.
        """
        peak = np.asarray(peak, dtype=np.float64)
        if self.peaks is not None:
            above = len(self.peaks) - np.searchsorted(self.peaks, peak, side="left")
            return (1.0 + above) / (len(self.peaks) + 1.0)
        return np.clip(np.exp(self.curve.log(peak).astype(np.float64)), SMALLEST_P, 1.0)

    def expected_per_mpx(self, peak: float) -> float:
        """Quiet objects per million observed pixels that peak above a value."""
        return self.per_mpx * math.exp(float(self.curve.log(np.array([peak]))[0]))

    def peak_at(self, per_mpx: float) -> float:
        """Peak above which so many quiet objects per million observed pixels are found."""
        if per_mpx >= self.per_mpx:
            return CANDIDATE
        return max(CANDIDATE, self.curve.value_at(per_mpx / self.per_mpx))

    def describe(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "source": self.source,
            "combined_with": "quiet pairs of this kind" if self.known_share else None,
            "weight_of_quiet_pairs": self.known_share,
            "candidates": self.count,
            "candidates_per_mpx": self.per_mpx,
            "smallest_p": 1.0 / (self.count + 1.0) if self.peaks is not None else SMALLEST_P,
            "peaks": {f"{p:g}": self.curve.value_at(p) for p in (0.5, 0.1, 1e-2, 1e-3)},
        }


def from_reference(
    peaks: np.ndarray, observed_pixels: int, source: Source, known: ObjectNull | None = None
) -> ObjectNull:
    """Null from the objects of pairs in which nothing changed.

    Parameters
    ----------
    peaks : (n,) array
        Largest −log10 p of each candidate that nothing explains.
    observed_pixels : int
        Pixels in which they were looked for.
    source : {"reference", "history"}
        What the pairs are.
    known : ObjectNull, optional
        Of quiet pairs of this kind, with as many candidates as these pairs let expect. Without it
        the peaks stand for themselves.
    """
    ordered = np.sort(np.asarray(peaks, dtype=np.float64))
    n, mpx = len(ordered), max(observed_pixels, 1) / 1e6
    if known is None:
        # one more than was seen: with few candidates the next one is not the impossible
        return ObjectNull((n + 1) / mpx, _tail_of(ordered), n, source, ordered)
    rate = (SITES_ALIKE + n) / (SITES_ALIKE / known.per_mpx + mpx)
    share = PEAKS_ALIKE / (PEAKS_ALIKE + n)
    return ObjectNull(rate, _mixed(ordered, known.curve), n, source, None, share)


def _mixed(ordered: np.ndarray, known: Curve) -> Curve:
    """Chance to exceed a value: of quiet pairs as known, and of the peaks of the reference."""
    values = np.unique(np.concatenate([[CANDIDATE], known.values, ordered]))
    values = values[values >= CANDIDATE]
    above = len(ordered) - np.searchsorted(ordered, values, side="left")
    expected = PEAKS_ALIKE * np.exp(np.minimum(known.log(values).astype(np.float64), 0.0))
    log_survival = np.log((expected + above) / (PEAKS_ALIKE + len(ordered)))
    return Curve(values, log_survival, known.slope, known.curvature)


def from_pair(peaks: np.ndarray, observed_pixels: int) -> ObjectNull:
    """Null from the candidates of the pair itself, of which the strongest may be changes.

    The weaker ones set the scale of an exponential tail, as a sample that is censored above
    (maximum likelihood). A lower bound: what is systematic and rare, such as roofs, is not seen.
    """
    ordered = np.sort(np.asarray(peaks, dtype=np.float64))
    rate = 1e6 * (len(ordered) + 1) / max(observed_pixels, 1)
    scale = 1.0
    if len(ordered) >= FEWEST:
        excess = ordered - CANDIDATE
        limit = float(np.quantile(excess, CENSOR))
        seen = excess <= limit
        scale = max(float(np.minimum(excess, limit).sum() / max(seen.sum(), 1)), 0.2)
    curve = Curve(np.array([CANDIDATE - 1e-6, CANDIDATE]), np.array([0.0, 0.0]), 1.0 / scale)
    return ObjectNull(rate, curve, len(ordered), "pair")


def _tail_of(ordered: np.ndarray) -> Curve:
    if len(ordered) >= FEWEST:
        return ranks(ordered, last=LAST)
    excess = float(np.mean(ordered - CANDIDATE)) if len(ordered) else 1.0
    slope = 1.0 / max(excess, 0.5)
    return Curve(np.array([CANDIDATE - 1e-6, CANDIDATE]), np.array([0.0, 0.0]), slope)


def candidate_peaks(block: np.ndarray, smallest: int) -> np.ndarray:
    """Largest −log10 p of each candidate in a block.

    Parameters
    ----------
    block : (y, x) float32 array
        −log10 p, NaN where not observable.
    smallest : int
        Pixels that a candidate must have.
    """
    import cv2

    score = np.nan_to_num(block, nan=-1.0)
    mask = score >= np.float32(CANDIDATE)
    n, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    peak = np.zeros(n, dtype=np.float32)
    np.maximum.at(peak, labels[mask], score[mask])
    large = stats[:, cv2.CC_STAT_AREA] >= smallest
    large[0] = False
    return peak[large]


def places_of(mask: np.ndarray) -> int:
    """How many connected places a (y, x) bool mask has."""
    import cv2

    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1
