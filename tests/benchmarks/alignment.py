"""Print how exact, how careful and how fast the alignment is, beside what is asked of it.

    python tests/benchmarks/alignment.py [rows ...] [--pairs 300]

``rows``: aber, planted, yard, landsat, hard, speed, tile (all by default). Real images are looked
for in the folder CHANGEDET_BENCHMARK_DATA; rows that need them are left out without it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from changedet.loading.alignment.estimating import estimate_alignment
from changedet.model import Grid, Image, ImagePair, Window

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.loading.test_align import MemoryPair, moved, off_by, texture

Row = tuple[str, str, str]
REAL = (
    "landsat_taizhou", "landsat_juelich", "oscd_chongqing", "vhr_beijing_A", "landsat1b_alaska",
    "levir_train_36_0512_0512", "levir_train_386_0512_0768", "sar_ottawa", "sar_yellow_B",
    "sar_sanfrancisco",
)  # fmt: skip
HARD_YARD = {
    "change_fraction": 0.3, "season_before": 0.3, "season_after": 0.8, "sun_before": (150.0, 46.0),
    "sun_after": (165.0, 39.0), "haze_after": 0.5, "gain_after": 1.12, "shift_m": (1.3, -0.7),
}  # fmt: skip


class Tile(MemoryPair):
    """A Sentinel-2 tile that is never in memory: a texture repeated, brightness drifting."""

    def __init__(self, side: int, shift: tuple[int, int]) -> None:
        self.base = texture((2048, 2048), bands=1).astype(np.float32)
        super().__init__(self.base, self.base)
        self.grid, self.shift = Grid.pixels(side, side), shift

    def read(self, window: Window) -> ImagePair:
        grid = self.grid.subset(window)
        return ImagePair(*(Image(*self.at(d, window), grid, self.roles) for d in (0, 1)))

    def overview(self, factor: int) -> ImagePair:
        rows = cols = -(-self.grid.height // factor)
        means = np.zeros((2, 1, rows, cols), np.float32)
        shares = np.zeros((2, rows, cols), np.float32)
        for date in (0, 1):
            for r in range(0, rows, 32):
                n = min(32, rows - r)
                strip = Window(r * factor, 0, n * factor, cols * factor)
                pixels, known = self.at(date, strip)
                total = (pixels[0] * known).reshape(n, factor, cols, factor).sum((1, 3))
                count = known.reshape(n, factor, cols, factor).sum((1, 3))
                means[date, 0, r : r + n] = total / np.maximum(count, 1)
                shares[date, r : r + n] = count / factor**2
        grid = Grid.pixels(rows, cols)
        return ImagePair(
            *(Image(m, s >= 0.5, grid, self.roles) for m, s in zip(means, shares, strict=True))
        )

    def at(self, date: int, window: Window) -> tuple[np.ndarray, np.ndarray]:
        # what belongs at p stands at p - shift in the after image
        dy, dx = self.shift if date else (0, 0)
        rows = np.arange(window.row, window.row + window.height)
        cols = np.arange(window.col, window.col + window.width)
        known = ((rows >= 0) & (rows < self.grid.height))[:, None] & (
            (cols >= 0) & (cols < self.grid.width)
        )
        rows, cols = rows + dy, cols + dx
        pixels = self.base[:, rows % 2048][:, :, cols % 2048]
        drift = 1 + 0.2 * np.sin(rows / 900)[:, None] * np.cos(cols / 1300)
        return (pixels * drift).astype(np.float32), known


def load(name: str, date: str) -> np.ndarray:
    import rasterio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            Path(os.environ["CHANGEDET_BENCHMARK_DATA"]) / name / f"{date}.tif"
        ) as f:
            return f.read().astype(np.float32)


def domain_of(name: str) -> str:
    return "sar-amplitude" if name.startswith("sar") else "optical"


def aber() -> Iterator[Row]:
    before, after = load("coreg_aber_s2", "before"), load("coreg_aber_s2", "after")
    # the after image's coordinates are 3 px too far east and north: on the common ground its
    # content stands 3 px right and up
    found = estimate_alignment(MemoryPair(before[:, :-3, 3:], after[:, 3:, :-3]))
    off = np.hypot(found.dy_px - 3, found.dx_px + 3)
    yield "coreg_aber_s2, exactly 3 px", "<= 0.02 px", f"{off:.4f} px, {found.grade}"


def planted() -> Iterator[Row]:
    rng = np.random.default_rng(1)
    worst = {}
    for name in REAL:
        before = load(name, "before")
        errors = []
        for dy, dx in ((0.37, -0.61), (20.37, -41.73), (-3.5, 8.25)):
            noise = rng.normal(0, 0.03 * before.std(), before.shape)
            pair = MemoryPair(before, moved(before, -dy, -dx) + noise, domain=domain_of(name))
            found = estimate_alignment(pair)
            errors.append(float(np.hypot(found.dy_px - dy, found.dx_px - dx)))
        worst[name] = max(errors)
    for name, value in worst.items():
        yield f"planted shift, {name}", "<= 0.02 px", f"{value:.4f} px"


def yard() -> Iterator[Row]:
    from changedet.simulation import simulate

    kinds = {
        "30 % changed, season, haze, sun": ({}, "<= 0.05 px"),
        "40 % changed, sun 60 deg further": (
            {"change_fraction": 0.4, "sun_after": (210.0, 35.0), "season_before": 0.1},
            "<= 0.05 px",
        ),
        "and a local field of 3 px": ({"shift_field_px": 3.0}, "<= 0.10 px"),
        "and 1.5 deg, 1 %, 22 px": (
            {"rotation_deg": 1.5, "scale_ppm": 1e4, "shift_m": (10.0, 5.0)}, "<= 0.05 px",
        ),
        "and 40 % cloud": ({"cloud_after": 0.4}, "not asked"),
    }  # fmt: skip
    for what, (options, goal) in kinds.items():
        reached = []
        for seed in (3, 4, 5):
            scene = simulate("railyard", seed, **{**HARD_YARD, **options})
            images = (scene.before, scene.after)
            pair = MemoryPair(*(i.pixels for i in images), *(i.valid for i in images))
            found = estimate_alignment(pair)
            off = off_by(found, scene.truth.shift_field, scene.before.grid.shape)
            reached.append(f"{off:.3f} ({found.model}, {found.grade})")
        yield f"yard: {what}", goal, "; ".join(reached)


def landsat() -> Iterator[Row]:
    for name in REAL:
        pair = MemoryPair(load(name, "before"), load(name, "after"), domain=domain_of(name))
        found = estimate_alignment(pair)
        left = "-" if found.residual_px is None else f"{found.residual_px:.3f} px"
        goal = "<= 0.15 px" if name in ("landsat_taizhou", "landsat_juelich") else "reported"
        yield f"held-out residual, {name}", goal, f"{left}; {found}"


def hard(pairs: int) -> Iterator[Row]:
    from tests.loading.test_align_hard import graded_pairs

    wrong, count = [], {}
    for what, grade, off in graded_pairs(pairs):
        count.setdefault(what, {}).setdefault(grade, []).append(off)
        if off > 1 and grade in ("good", "usable"):
            wrong.append((what, off))
    yield f"wrong answers in {pairs} hard pairs", "0", f"{len(wrong)} {wrong or ''}"
    for what, grades in sorted(count.items()):
        line = ", ".join(f"{len(v)} {k}" for k, v in sorted(grades.items()))
        yield f"  {what}", "", line


def speed() -> Iterator[Row]:
    from changedet.simulation import simulate

    options = {**HARD_YARD, "size_m": (700.0, 700.0), "shift_field_px": 3.0}
    scene = simulate("railyard", 9, **options)
    pair = MemoryPair(scene.before.pixels, scene.after.pixels)
    estimate_alignment(pair)
    start = time.perf_counter()
    found = estimate_alignment(pair)
    took = time.perf_counter() - start
    off = off_by(found, scene.truth.shift_field, (1400, 1400))
    yield "time, 1400 x 1400 x 4, local field", "<= 2 s", f"{took:.1f} s, {off:.3f} px"


def tile() -> Iterator[Row]:
    pair = Tile(10980, (3, -7))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = estimate_alignment(pair)
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    off = np.hypot(found.dy_px - 3, found.dx_px + 7)
    reached = (
        f"{took:.1f} s, peak {peak / 1e6:.2f} GB (before {before / 1e6:.2f}), {off:.3f} px off"
    )
    yield "10980 x 10980, one band", "<= 15 s, <= 1 GB", reached


def main() -> None:
    rows = {"tile": tile, "speed": speed, "aber": aber, "planted": planted, "landsat": landsat,
            "yard": yard, "hard": hard}  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", choices=[*rows, []], default=[])
    parser.add_argument("--pairs", type=int, default=300)
    given = parser.parse_args()
    print(f"{'case':50} {'asked':18} reached")
    for name in given.rows or rows:
        if name in ("aber", "planted", "landsat") and "CHANGEDET_BENCHMARK_DATA" not in os.environ:
            print(f"{name:50} {'':18} left out: CHANGEDET_BENCHMARK_DATA is not set")
            continue
        for case, asked, reached in rows[name](given.pairs) if name == "hard" else rows[name]():
            print(f"{case:50} {asked:18} {reached}", flush=True)


if __name__ == "__main__":
    main()
