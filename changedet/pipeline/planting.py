"""Rounds of a self-test: plant some targets, run the detection around them, look them up."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from changedet.config import Config
from changedet.differencing import Detection, FoundObjects, sample_windows
from changedet.errors import CoverageWarning, NotEnoughValidPixels
from changedet.loading import AlignedPair
from changedet.model import (
    SEEN_SHARE,
    Image,
    ImageInfo,
    PlantedTarget,
    ScoreMap,
    TargetType,
    Window,
)
from changedet.pipeline.running import ChangedView, Running
from changedet.pipeline.shading import with_measured_shade
from changedet.pipeline.steps import outline_objects, score_pixels
from changedet.progress import ProgressCallback, ProgressEvent
from changedet.simulation import (
    PlantedPair,
    Site,
    Spots,
    Standing,
    Wanted,
    measure_quality,
    plant_round,
)

PLANTED_SHARE = 0.02
"""Share of the observed pixels that targets of one round may cover."""
MOST_ROUNDS = 200
MEASURED_PIXELS = 500_000
"""Pixels on which blur and noise are measured."""
BESIDE_PX = 48
"""So far around a target the image is scored."""


@dataclass(frozen=True, eq=False)
class Ready:
    """What every round needs."""

    pair: AlignedPair
    detection: Detection
    config: Config
    run: Running
    base: ScoreMap
    """The score without any target."""


def make_queue(
    types: Sequence[TargetType], contrasts: Sequence[float], count: int, bands: int, seed: int
) -> list[Wanted]:
    """Every target that is wanted, shuffled; from grey to pure colour in each cell."""
    rng = np.random.default_rng([seed, 1])
    queue = []
    for one in types:
        for contrast in contrasts:
            hue = (np.arange(count) + rng.uniform(0, 1, count)) / count
            queue += [Wanted(one, contrast, float(h) ** 2 if bands > 1 else 0.0) for h in hue]
    return [queue[i] for i in rng.permutation(len(queue))]


def make_site(
    ready: Ready,
    infos: tuple[ImageInfo, ImageInfo],
    found: FoundObjects,
    changed: ChangedView,
    blur_px: float | None,
    places: dict[str, Any],
) -> Site:
    """Measure the after image, and say where nothing changed."""
    pair = ready.pair

    def look(window: Window) -> Image:
        return pair.read(window).after

    def free(window: Window) -> np.ndarray:
        touched = found.lookup[changed.labels.read(window)] > 0
        return np.isfinite(ready.base.score.read(window)) & ~touched

    windows = sample_windows(pair.grid, ready.config.seed, MEASURED_PIXELS)
    quality = measure_quality([look(w) for w in windows], blur_px)
    quality = with_measured_shade(quality, ready.detection, pair, windows)
    shadow, lean = (
        None if away is None else away[1]
        for away in (ready.detection.context.shadow_away, ready.detection.context.lean_away)
    )
    return Site(pair.grid, quality, infos[1], free, look, shadow, lean, **places)


def plant_all(
    ready: Ready, site: Site, queue: list[Wanted], tell: ProgressCallback
) -> tuple[tuple[PlantedTarget, ...], int]:
    """Plant round by round until all have had their turn."""
    rng = np.random.default_rng([ready.config.seed, 2])
    spots, wanted = Spots(site), len(queue)
    room = PLANTED_SHARE * ready.base.observed_pixels
    targets: list[PlantedTarget] = []
    rounds = 0
    while queue and rounds < MOST_ROUNDS:
        tell(ProgressEvent("plant", len(targets), wanted))
        standing, queue = plant_round(queue, spots, rng, room)
        if not standing:
            break
        rounds += 1
        targets += _one_round(ready, standing, rounds)
    tell(ProgressEvent("plant", wanted, wanted))
    if not targets:
        raise NotEnoughValidPixels(_no_room(ready, site))
    if queue:
        names = sorted({w.type.name for w in queue})
        warnings.warn(
            f"{len(queue)} of {wanted} targets found no place where the ground is seen at both "
            f"dates and unchanged ({', '.join(names)}): their rates rest on fewer. Give a larger "
            "area, larger zones, or fewer targets (--targets).",
            CoverageWarning,
            stacklevel=3,
        )
    return tuple(targets), rounds


def _no_room(ready: Ready, site: Site) -> str:
    given = [n for n in ("zones", "tracks", "roads") if getattr(site, n) is not None]
    where = f" within the {' and '.join(given)} given" if given else ""
    return (
        f"No target could be planted{where}: the common grid of {site.grid} is observed to "
        f"{ready.base.observable_fraction:.1%}, and no place is large enough, seen at both dates "
        "and unchanged. Give larger images, other zones, or masks that hide less."
    )


def _one_round(ready: Ready, standing: list[Standing], number: int) -> list[PlantedTarget]:
    """Score the ground around some targets, outline objects, and look each target up."""
    pair = PlantedPair.of(ready.pair, ready.pair.alignment, [s.planting for s in standing])
    tiles = _tiles_near(pair, standing, ready.config.tile_size)
    score_map = score_pixels(pair, ready.detection, ready.config, ready.run, tiles)
    # significance counts candidates of all that is observed, not of these tiles
    score_map = replace(score_map, observed_pixels=ready.base.observed_pixels)
    found, changed = outline_objects(score_map, ready.config, ready.run)
    return [_outcome(one, found, changed, number) for one in standing]


def _tiles_near(pair: PlantedPair, standing: list[Standing], size: int) -> list[Window]:
    """Tiles of the run that lie near a target."""
    near = {
        (row, col)
        for one in standing
        for box in [one.planting.place.window.pad(BESIDE_PX).intersect(pair.grid.window)]
        for row in range(box.row // size, (box.row + box.height - 1) // size + 1)
        for col in range(box.col // size, (box.col + box.width - 1) // size + 1)
    }
    return [w for w in pair.grid.tiles(size) if (w.row // size, w.col // size) in near]


def _outcome(
    one: Standing, found: FoundObjects, changed: ChangedView, number: int
) -> PlantedTarget:
    """What became of one target."""
    place = one.planting.place
    marked = changed.read(place.window)[place.inside] == 1
    ids = found.lookup[changed.labels.read(place.window)[place.inside]]
    covered = float(marked.mean())
    counts = np.bincount(ids, minlength=1)[1:]
    row = int(counts.argmax()) if counts.any() else None
    change = None if row is None else str(found.table["change"][row])
    seen, missed = covered >= SEEN_SHARE, None
    if not seen:
        why = None if row is None else found.table["explained_by"][row]
        missed = "not significant" if row is None else "partly outlined"
        if why is not None and counts[row] >= SEEN_SHARE * len(ids):
            missed = f"explained: {why}"
    w = one.wanted
    return PlantedTarget(
        w.type.name, w.contrast, one.reached, w.colour, one.row, one.col, one.bearing, len(ids),
        number, covered, seen, change, missed,
    )  # fmt: skip
