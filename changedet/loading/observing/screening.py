"""Taking out what cannot be seen: clouds, their shadows, saturation; and counting its shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from changedet.loading.observing.cloud_cells import can_test, prepare
from changedet.loading.observing.clouds import CloudTest, find_clouds
from changedet.loading.observing.observability import DateView, Observability
from changedet.loading.pair import AlignedPair, coarser
from changedet.loading.reading.positions import Positions
from changedet.loading.reading.rasters import display_name, file_sha256
from changedet.loading.reading.saturation import Saturation, measure_saturation, saturated_twice
from changedet.loading.reading.screens import (
    CLEAR,
    REASONS,
    SNOW,
    OnGrid,
    ScreenedSource,
    screens_of,
)
from changedet.loading.reading.source import ArraySource, Source
from changedet.model import Grid, ImageInfo, ImagePair, Window

SIDE = 1024
"""Cells along the longer side of the overview on which clouds are found and shares are counted."""
CLOUD_CELL_M = 10.0
"""Side of the cells on which clouds are looked for, where the image is finer and large enough."""
_LEAST_CELLS = 96


@dataclass(frozen=True, eq=False)
class CellScreen:
    """Clouds found on coarse cells of the common grid, laid on an image."""

    raster: OnGrid
    kind: str = "built-in"
    path: str | None = None

    def codes(self, window: Window) -> np.ndarray:
        """(y, x) uint8 of a window of the image."""
        return self.raster.read(window)


def observe(
    pair: AlignedPair,
    clouds: str = "auto",
    suns: tuple[float | None, float | None] = (None, None),
) -> tuple[AlignedPair, Observability]:
    """Take out what cannot be seen, and say what it was.

    Everything is estimated once, on one overview of the pair and blocks on fixed places, so that no
    result depends on how the pair is read afterwards.

    Parameters
    ----------
    pair : AlignedPair
        Not aligned yet.
    clouds : {"auto", "none"}
        ``auto``: look for clouds in an optical image that brings neither a mask nor a quality band.
    suns : tuple of float or None
        Azimuth of the sun at both dates, degrees; shadows of clouds are looked for away from it.

    Returns
    -------
    pair : AlignedPair
        The same one, with clouds, their shadows and what is saturated at both dates not valid.
    observability : Observability
        The shares.
    """
    levels = tuple(measure_saturation(source) for source in pair.sources)
    optical = all(info.domain == "optical" for info in pair.infos)
    if optical:
        pair = pair.screened(saturation=(levels[0].level, levels[1].level))
    factor = max(1, math.ceil(max(pair.grid.shape) / SIDE))
    bare = pair.screened(saturation=(None, None)).overview(factor)
    tests = _test_clouds(pair, bare, factor, suns) if clouds == "auto" and optical else (None, None)
    screens = tuple(
        () if test is None or not test.codes.any() else (_screen(test, bare.grid, source),)
        for test, source in zip(tests, pair.sources, strict=True)
    )
    pair = pair.screened(screens) if any(screens) else pair  # type: ignore[arg-type]
    return pair, _shares(pair, bare, factor, tests, (levels[0], levels[1]))


def _test_clouds(
    pair: AlignedPair, bare: ImagePair, factor: int, suns: tuple[float | None, float | None]
) -> tuple[CloudTest | None, CloudTest | None]:
    """Look for clouds at the dates about which nothing else tells; None where not looked."""
    asked = [not screens_of(source) for source in pair.sources]
    gsd = pair.grid.gsd_m
    if gsd is None or not can_test(pair.roles) or not any(asked):
        return None, None
    short = min(pair.grid.shape) * gsd
    wanted = min(CLOUD_CELL_M, short / _LEAST_CELLS)
    cells = max(1, round(wanted / (gsd * factor)))
    shrunk = [_coarse(image.pixels, bare.valid, cells) for image in (bare.before, bare.after)]
    (before, valid), (after, _) = shrunk
    dates = prepare(before, after, valid, pair.roles, gsd * factor * cells)
    if dates is None:
        return None, None
    first, second = (
        find_clouds(dates, which, sun) if ask else None
        for which, (ask, sun) in enumerate(zip(asked, suns, strict=True))
    )
    return first, second


def _coarse(pixels: np.ndarray, valid: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the valid pixels of each ``cells`` x ``cells``, and where at least half are valid."""
    if cells == 1:
        return pixels, valid
    height, width = (math.ceil(n / cells) for n in valid.shape)
    padding = ((0, height * cells - valid.shape[0]), (0, width * cells - valid.shape[1]))
    good = np.pad(valid, padding).astype(np.float32)
    values = np.pad(pixels * valid, ((0, 0), *padding))
    share = good.reshape(height, cells, width, cells).mean(axis=(1, 3))
    total = values.reshape(len(pixels), height, cells, width, cells).mean(axis=(2, 4))
    return (total / np.where(share > 0, share, 1)).astype(np.float32), share >= 0.5


def _screen(test: CloudTest, grid: Grid, source: Source) -> CellScreen:
    """Lay what was found on cells of the common grid on an image."""
    cells = math.ceil(max(h / t for h, t in zip(grid.shape, test.codes.shape, strict=True)))
    found = coarser(grid, cells)
    info = ImageInfo("the clouds found", found, ("codes",), "uint8")
    numbers = ArraySource(test.codes[None], info)
    return CellScreen(OnGrid(numbers, source.info.grid, np.asarray, "mask", source.info.name))


def _shares(
    pair: AlignedPair,
    bare: ImagePair,
    factor: int,
    tests: Sequence[CloudTest | None],
    levels: tuple[Saturation, Saturation],
) -> Observability:
    """Count on the cells of the overview what hides the ground."""
    # cells that mostly lie beyond the grid say nothing
    height, width = (max(1, math.floor(n / factor + 0.5)) for n in pair.grid.shape)
    inner = (slice(0, height), slice(0, width))
    area = pair.area_share(factor)
    inside = np.ones((height, width), dtype=bool) if area is None else area[inner] >= 0.5
    seen, views = inside.copy(), []
    for source, image, test, level in zip(
        pair.sources, (bare.before, bare.after), tests, levels, strict=True
    ):
        codes, outside = _codes(pair.grid, source, factor)
        codes, outside, valid = codes[inner], outside[inner], image.valid[inner]
        hidden = (codes > SNOW) | ~valid
        views.append(_view(source, inside, valid, codes, outside, test, level))
        seen &= ~hidden
    twice = saturated_twice(bare.before, bare.after, (levels[0].level, levels[1].level))
    lost = np.zeros_like(seen) if twice is None or _radar(pair) else twice[inner] & seen
    return Observability(
        float(np.mean(seen & ~lost)), float(np.mean(~inside)), float(np.mean(lost)), *views
    )


def _radar(pair: AlignedPair) -> bool:
    """Whether saturated pixels stay in: in radar images single ones are, and means are compared."""
    return any(info.domain != "optical" for info in pair.infos)


def _view(
    source: Source,
    inside: np.ndarray,
    valid: np.ndarray,
    codes: np.ndarray,
    outside: np.ndarray,
    test: CloudTest | None,
    level: Saturation,
) -> DateView:
    """Shares by reason at one date."""
    screens = screens_of(source)
    # a kernel reaches over the rim of what is masked: that rim is lost for the same reason
    near = ndimage.maximum_filter(codes, size=5)
    reason = np.where(codes > SNOW, codes, np.where(valid, CLEAR, near))
    beyond = inside & ~valid & outside
    without = inside & ~valid & ~outside & (reason <= SNOW)
    total = inside.size
    shares = {"outside": np.count_nonzero(beyond) / total}
    for code, name in REASONS.items():
        shares[name] = np.count_nonzero(inside & (reason == code)) / total
    shares["nodata"] += np.count_nonzero(without) / total
    kinds = [screen.kind for screen in screens]
    told = [kind for kind in kinds if kind in ("scl", "qa_pixel", "pixel_qa")]
    how = (told or kinds or ["not looked for" if test is None else "built-in"])[0]
    snow = np.count_nonzero(inside & (codes == SNOW)) / max(1, int(np.count_nonzero(inside)))
    paths = dict.fromkeys(s.path for s in screens if s.path is not None)
    files = tuple((display_name(path), file_sha256(path)) for path in paths)
    note = "" if test is None else test.note
    return DateView(tuple(shares.items()), how, snow if told else None, level, files, note)


def _codes(grid: Grid, source: Source, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of an image at the centres of an overview's cells, and which lie outside of it."""
    shape = tuple(math.ceil(n / factor) for n in grid.shape)
    codes, outside = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=bool)
    positions = Positions(grid, source.info.grid)
    height, width = source.info.grid.shape
    for window in replace(grid, height=shape[0], width=shape[1]).tiles(64):
        r, c = np.meshgrid(
            *(
                (first + np.arange(n) + 0.5) * factor - 0.5
                for first, n in ((window.row, window.height), (window.col, window.width))
            ),
            indexing="ij",
        )
        at_rows, at_cols = positions.exact(r, c)
        ok = np.isfinite(at_rows) & np.isfinite(at_cols)
        rows, cols = (
            np.where(ok, np.floor(np.where(ok, v, 0) + 0.5), -1).astype(np.int64)
            for v in (at_rows, at_cols)
        )
        ok = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
        outside[window.slices] = ~ok
        if isinstance(source, ScreenedSource) and ok.any():
            top, left = int(rows[ok].min()), int(cols[ok].min())
            part = Window(top, left, int(rows[ok].max()) - top + 1, int(cols[ok].max()) - left + 1)
            tile = np.zeros(window.shape, dtype=np.uint8)
            tile[ok] = source.codes(part)[rows[ok] - top, cols[ok] - left]
            codes[window.slices] = tile
    return codes, outside
