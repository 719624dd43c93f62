"""Memory and time of large pairs, beside a small one: run as ``python tests/benchmarks/scale.py``.

Makes pairs of uint16 images in four bands, runs ``changedet detect`` on each in a process of its
own, and prints the peak of its memory and its time per pixel, by stage. What is asked for: 8192 x
8192 pixels in less than 1.2 GB, at no more time per pixel than 2048 x 2048.

Options: ``--sizes 2048 8192``, ``--workers N``, ``--folder F`` (keep the images and reports there).
Memory by stage is measured where there is ``/proc`` (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

GOAL_BYTES = 1.2e9
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Measured:
    """One run."""

    size: int
    seconds: float
    processor: float
    peak: float
    stages: dict[str, float]
    memory: dict[str, float]
    objects: int

    @property
    def pixels(self) -> int:
        return self.size**2


def make_pair(folder: Path, size: int) -> None:
    """Write ``before.tif`` and ``after.tif``, strip by strip."""
    import rasterio

    from changedet.simulation import mosaic_grids, mosaic_strips, simulate

    scene = simulate("railyard", 3, size_m=(400.0, 300.0), sun_after=(160.0, 42.0), haze_after=0.2)
    folder.mkdir(parents=True, exist_ok=True)
    datasets = []
    for name, grid, info in zip(
        ("before", "after"),
        mosaic_grids(scene, size, size),
        (scene.before_info, scene.after_info),
        strict=True,
    ):
        dataset = rasterio.open(
            folder / f"{name}.tif", "w", driver="GTiff", height=size, width=size, count=4,
            dtype="uint16", crs=grid.crs.to_wkt(), transform=grid.transform, nodata=0, tiled=True,
            blockxsize=256, blockysize=256, compress="DEFLATE", zlevel=1, predictor=2,
        )  # fmt: skip
        dataset.descriptions = info.roles
        dataset.update_tags(
            ACQUISITION_DATETIME=info.acquired.isoformat(),
            SUN_AZIMUTH=info.sun_azimuth_deg, SUN_ELEVATION=info.sun_elevation_deg,
        )  # fmt: skip
        datasets.append(dataset)
    for first, *strips in mosaic_strips(scene, size, size):
        for dataset, strip in zip(datasets, strips, strict=True):
            window = rasterio.windows.Window(0, first, size, strip.shape[1])
            dataset.write(strip, window=window)
    for dataset in datasets:
        dataset.close()


def run(folder: Path, size: int, workers: int | None) -> Measured:
    """Run ``changedet detect`` on a pair and watch it."""
    command = [
        sys.executable, "-m", "changedet", "detect", str(folder / "before.tif"),
        str(folder / "after.tif"), "--out", str(folder / "report"), "--json-progress",
        "--overwrite", *([] if workers is None else ["--workers", str(workers)]),
    ]  # fmt: skip
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    stage, memory = ["start"], {}
    done = threading.Event()

    def watch() -> None:
        path = Path(f"/proc/{child.pid}/statm")
        while path.exists() and not done.wait(0.05):
            try:
                rss = int(path.read_text().split()[1]) * PAGE
            except (OSError, IndexError):
                return
            memory[stage[0]] = max(memory.get(stage[0], 0), rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    last = {}
    for line in child.stdout:
        last = json.loads(line)
        if last["event"] == "progress":
            finished = last["done"] >= last["total"]
            stage[0] = f"after {last['stage']}" if finished else last["stage"]
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    done.set()
    watcher.join()
    if child.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}: {last}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    summary = json.loads((folder / "report" / "summary.json").read_text("utf-8"))
    processor = usage.ru_utime + usage.ru_stime
    return Measured(size, seconds, processor, peak, summary["timings_s"], memory, last["objects"])


def show(runs: list[Measured]) -> None:
    """Print the runs side by side."""
    print(f"{'':<24}" + "".join(f"{f'{r.size} x {r.size}':>16}" for r in runs))

    def line(name: str, values: list[str]) -> None:
        print(f"{name:<24}" + "".join(f"{v:>16}" for v in values))

    line("objects", [f"{r.objects:,}" for r in runs])
    line("peak memory, MB", [f"{r.peak / 1e6:,.0f}" for r in runs])
    line("time, s", [f"{r.seconds:.1f}" for r in runs])
    line("time per pixel, us", [f"{1e6 * r.seconds / r.pixels:.2f}" for r in runs])
    line("processor time, s", [f"{r.processor:.1f}" for r in runs])
    line("  per pixel, us", [f"{1e6 * r.processor / r.pixels:.2f}" for r in runs])
    print("\nTime by stage, us a pixel (s):")
    for name in dict.fromkeys(name for r in runs for name in r.stages):
        spent = [r.stages.get(name, 0.0) for r in runs]
        line(
            f"  {name}",
            [f"{1e6 * s / r.pixels:.2f} ({s:.1f})" for s, r in zip(spent, runs, strict=True)],
        )
    rest = [r.seconds - sum(r.stages.values()) for r in runs]
    line(
        "  start, hash, write",
        [f"{1e6 * s / r.pixels:.2f} ({s:.1f})" for s, r in zip(rest, runs, strict=True)],
    )
    print("\nPeak memory by stage, MB:")
    for name in dict.fromkeys(name for r in runs for name in r.memory):
        line(f"  {name}", [f"{r.memory.get(name, 0) / 1e6:,.0f}" for r in runs])
    first, last = runs[0], runs[-1]
    ratio = (last.seconds / last.pixels) / (first.seconds / first.pixels)
    print(
        f"\nAsked: {last.size} x {last.size} under {GOAL_BYTES / 1e6:,.0f} MB: "
        f"{last.peak / 1e6:,.0f} MB, {'reached' if last.peak < GOAL_BYTES else 'NOT reached'}.\n"
        f"Asked: time per pixel at most that of {first.size} x {first.size}: {ratio:.2f} of it, "
        f"{'reached' if ratio <= 1 else 'NOT reached'}."
    )


def main() -> None:
    """Make, run, print."""
    parser = argparse.ArgumentParser(description="Memory and time of large pairs.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2048, 8192], metavar="PIXELS")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--folder", type=Path, help="keep images and reports here")
    parser.add_argument("--make", type=int, metavar="PIXELS", help="only make one pair")
    given = parser.parse_args()
    if given.make:
        make_pair(given.folder, given.make)
        return
    with tempfile.TemporaryDirectory() as scratch:
        runs = []
        for size in given.sizes:
            folder = (given.folder or Path(scratch)) / str(size)
            if not (folder / "after.tif").exists():
                # in a process of its own: a child's peak counts what its parent held when it began
                subprocess.run(
                    [sys.executable, __file__, "--make", str(size), "--folder", str(folder)],
                    check=True,
                )
            runs.append(run(folder, size, given.workers))
            print(f"{size} x {size}: {runs[-1].seconds:.1f} s", file=sys.stderr)
        show(runs)


if __name__ == "__main__":
    main()
