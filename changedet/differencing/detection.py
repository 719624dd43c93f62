"""A detector with its null model and threshold, as one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.differencing.detector import DetectionContext, FittedDetector, is_fine
from changedet.differencing.ground.strata import Strata
from changedet.differencing.light.shadow import ShadowModel
from changedet.differencing.null.null_model import NullModel
from changedet.differencing.null.object_null import ObjectNull
from changedet.differencing.null.reference_null import Likeness
from changedet.differencing.null.significance import ThingSize
from changedet.differencing.null.thresholds import Threshold, choose_threshold
from changedet.model import Grid, ImagePair, PairReader, Window

SHADOW_GUARD = 20
"""Halo beyond the longest shadow: the pooling before it, and columns that round by position."""


@dataclass(frozen=True, eq=False)
class QuietSample:
    """What one pair shows in the sample: statistic and ground, by block."""

    statistic: list[np.ndarray]
    """(y, x) float32, NaN where not observable or explained as a shadow that moved."""
    strata: list[np.ndarray]
    """(y, x) uint8."""
    contrast: np.ndarray
    """(date, band) typical contrast of the two images."""
    grain: float
    """Noise and texture from pixel to pixel at the grainier date, as a share of that contrast."""
    shade_px: float = 0.0
    """Mean size of the places where a shadow moved, pixels; 0 where none is known to have."""

    @property
    def pixels(self) -> int:
        """Observed pixels."""
        return sum(int(np.isfinite(b).sum()) for b in self.statistic)


@dataclass(frozen=True, eq=False)
class Detection:
    """A calibrated detector: a pure function from a window of the pair to a score."""

    detector: FittedDetector
    """Gives the statistic."""
    strata: Strata
    """Gives the kind of ground."""
    null: NullModel
    """Turns both into −log10 p."""
    noise: NullModel
    """The pair's own noise alone, without what is systematic and rare."""
    objects: ObjectNull
    """What an object is compared with."""
    threshold: Threshold
    """Seed and support level, as −log10 p."""
    context: DetectionContext
    """What the detector was told."""
    reason: str
    """Why this detector."""
    level: float
    """Statistic that parts changed places from their surroundings."""
    sample: QuietSample
    """What the null was taken from."""
    weak: int = 0
    """Candidates of the sample that peak low by the pair's own null: how restless its ground is."""
    likeness: Likeness | None = None
    """Whether the references resemble the pair, where there are any."""

    @property
    def contrast(self) -> np.ndarray:
        """(date, band) typical contrast of the images, to compare objects with surroundings."""
        return self.sample.contrast

    @property
    def halo(self) -> int:
        """Pixels of neighbourhood that :meth:`surprise` needs."""
        return max(self.detector.halo, self.strata.halo)

    def score(self, reader: PairReader, window: Window) -> np.ndarray:
        """−log10 of the calibrated p-value in a window, (y, x) float32, NaN not observable."""
        padded = window.pad(self.halo)
        pair = reader.read(padded)
        surprise = self.surprise(pair, self.detector.statistic(pair))
        return np.ascontiguousarray(surprise[window.within(padded)])

    def surprise(self, pair: ImagePair, statistic: np.ndarray) -> np.ndarray:
        """−log10 of the p-value of a statistic of a window, (y, x) float32."""
        return self.null.surprise(statistic, self.strata.labels(pair))

    @property
    def thing(self) -> ThingSize | None:
        """How large things are that are asked for, where all pixels of a place speak for it.

        That is where pixels resolve single objects and shadows are explained: what is left on
        quiet ground is small then. Elsewhere (None) it is large, roofs in another light and fields,
        so that its size says nothing, and the most surprising pixel speaks alone.
        """
        size = self.context.gsd_m
        if size is None or not is_fine(size) or self.shadow is None:
            return None
        return ThingSize.at(size)

    @property
    def shadow(self) -> ShadowModel | None:
        """How shadows look and where they fall, if the detector knows."""
        return getattr(self.detector, "shadow", None)

    def with_null(self, null: NullModel) -> Detection:
        """Return the same detector judged by another distribution of its statistic."""
        return replace(self, null=null)

    def judged_by(
        self, null: NullModel, objects: ObjectNull, grid: Grid, config: Config
    ) -> Detection:
        """Return the same detector with a null from elsewhere, and the threshold that follows."""
        threshold = threshold_of(null, self.noise, objects, self.level, self.context, grid, config)
        return replace(self, null=null, objects=objects, threshold=threshold)

    def describe(self) -> dict[str, Any]:
        """The ``detector`` part of the summary."""
        return {
            "method": self.detector.name,
            "reason": self.reason,
            "domain": self.context.domain,
            "bands": list(self.context.roles),
            "threshold": self.threshold.describe(),
            "strata": self.strata.describe(),
            **self.detector.describe(),
        }


def threshold_of(
    null: NullModel,
    noise: NullModel,
    objects: ObjectNull,
    level: float,
    context: DetectionContext,
    grid: Grid,
    config: Config,
) -> Threshold:
    """Choose the threshold that a null asks for in a pair of this kind."""
    return choose_threshold(
        null, noise, objects, level, optical=context.domain == "optical", gsd_m=context.gsd_m,
        pixel_area_m2=grid.pixel_area_m2,
        false_alarms_per_km2=config.false_alarms_per_km2, fdr=config.fdr,
    )  # fmt: skip
