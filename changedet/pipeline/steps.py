"""The steps between an aligned pair and its objects, as the recipe and the references take them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from changedet.config import Config
from changedet.differencing import (
    Detection,
    DetectionContext,
    FoundObjects,
    explain_pixels,
    find_objects,
)
from changedet.engines import ScratchRaster
from changedet.loading import AlignedPair
from changedet.model import ImageInfo, ScoreMap, Window
from changedet.pipeline.lighting import light_and_view
from changedet.pipeline.running import ChangedView, Running
from changedet.simulation import PlantedPair


def context_of(
    pair: AlignedPair, infos: tuple[ImageInfo, ImageInfo], config: Config
) -> DetectionContext:
    """What a detector may know of a pair besides its pixels."""
    return DetectionContext(
        pair.roles, infos[0].domain, pair.grid.gsd_m, config.seed,
        **light_and_view(infos, pair.grid, config),
    )  # fmt: skip


def score_pixels(
    pair: AlignedPair | PlantedPair,
    detection: Detection,
    config: Config,
    run: Running,
    tiles: Iterable[Window] | None = None,
) -> ScoreMap:
    """Score every pixel, tile by tile; or only some tiles, and leave the rest unobserved."""
    raster = ScratchRaster(pair.grid, np.float32, fill=np.nan)

    def work(window: Window) -> int:
        tile = detection.score(pair, window)
        raster.write(window, tile)
        return int(np.count_nonzero(np.isfinite(tile)))

    chosen = pair.grid.tiles(config.tile_size) if tiles is None else tiles
    observed = sum(run.over("score", work, chosen))
    return ScoreMap(raster, pair, pair.alignment, detection, observed)


def outline_objects(
    score_map: ScoreMap, config: Config, run: Running, *, refined: bool = True
) -> tuple[FoundObjects, ChangedView]:
    """From the score to the table of objects and the raster of what changed.

    Not ``refined``, places stay as they are tested: what quiet pairs are counted by.
    """
    labels = ScratchRaster(score_map.grid, np.int32)
    explained = ScratchRaster(score_map.grid, np.uint8)
    explain_pixels(
        score_map.score, explained, score_map.pair, score_map.detection,
        run=lambda function, windows: run.over("explain", function, windows),
    )  # fmt: skip
    found = find_objects(
        score_map.score,
        labels,
        score_map.pair,
        score_map.detection,
        observed_pixels=score_map.observed_pixels,
        min_area_m2=config.min_area_m2,
        fdr=config.fdr,
        explained=explained,
        parts=ScratchRaster(score_map.grid, np.int32) if refined else None,
        run=lambda function, windows: run.over("objects", function, windows),
    )
    counts = np.concatenate([[False], ~found.table.explained]).astype(np.uint8)
    return found, ChangedView(score_map.score, labels, counts[found.lookup])
