"""The score of a whole pair, as a value that later steps start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from changedet.model.alignment import Alignment
from changedet.model.grid import Grid
from changedet.model.pair import PairReader
from changedet.model.raster import RasterWindows


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Calibrated evidence of change on the common grid.

    The raster lives in a temporary file that goes when the value goes; nothing holds the whole
    image in memory.
    """

    score: RasterWindows
    """float32: −log10 of the calibrated p-value, NaN where not observable."""
    pair: PairReader
    """The aligned images."""
    alignment: Alignment
    """How the after image was moved."""
    detection: Any
    """The fitted detector with its null model and threshold (changedet.differencing.Detection)."""
    observed_pixels: int
    """Pixels that could be scored."""

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.score.grid

    @property
    def observable_fraction(self) -> float:
        """Share of the grid in which a change could have been seen, 0 to 1."""
        return self.observed_pixels / (self.grid.height * self.grid.width)

    def __repr__(self) -> str:
        method = self.detection.detector.name
        return f"<ScoreMap: {method} on {self.grid}, {self.observable_fraction:.1%} observable>"
