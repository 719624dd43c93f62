"""What a run needs around its steps: workers, a clock, quiet, and rasters that are only views."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.engines import map_ordered
from changedet.loading import bounded_cache
from changedet.model import Grid, RasterWindows, Window
from changedet.progress import ProgressCallback, ProgressEvent

NOT_OBSERVABLE = 255


@dataclass(frozen=True, eq=False)
class ChangedView:
    """``changed.tif`` as a view: composed from score, labels and the table when it is read."""

    score: RasterWindows
    labels: RasterWindows
    value: np.ndarray
    """uint8 by provisional label: 1 where the object counts as changed."""

    def __repr__(self) -> str:
        return f"<ChangedView: 0 no change, 1 changed, 255 not observable, on {self.grid}>"

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.score.grid

    @property
    def dtype(self) -> np.dtype:
        """uint8."""
        return np.dtype(np.uint8)

    def read(self, window: Window) -> np.ndarray:
        """0 no change, 1 changed, 255 not observable."""
        out = self.value[self.labels.read(window)]
        out[np.isnan(self.score.read(window))] = NOT_OBSERVABLE
        return out


class Clock:
    """Seconds spent by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure one stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 3)


@contextmanager
def at_work() -> Iterator[None]:
    """Keep GDAL's cache small, and one warning of rasterio from slipping through, during a run.

    rasterio makes rasters in memory and silences what it would say of their missing geotransform,
    but the filters of warnings belong to all threads: another thread that just put its own back
    lets it through. A filter that is there all the time does not race.
    """
    with warnings.catch_warnings(), bounded_cache():
        warnings.filterwarnings("ignore", message="Dataset has no geotransform")
        yield


@dataclass(frozen=True)
class Running:
    """How tiles are run and who is told."""

    config: Config
    engine: str | Executor
    tell: ProgressCallback

    def over(self, stage: str, function: Any, windows: Iterable[Window]) -> Iterator[Any]:
        """Map over windows in order, telling progress."""
        todo = list(windows)
        results = map_ordered(function, todo, engine=self.engine, workers=self.config.workers)
        for done, result in enumerate(results):
            yield result
            self.tell(ProgressEvent(stage, done + 1, len(todo)))
