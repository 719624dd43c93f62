"""How much cloud the built-in test finds on simulated scenes, and how much ground it takes wrongly.

    python tests/benchmarks/clouds.py [--seeds 10] [--kinds town fields railyard]

Of thick cloud: the share of pixels with more than half of cloud in them that is taken out. Of
shadows: those that lose more than half of their light. Wrongly: the share of clear ground, further
than three cells from anything hidden, that is taken out of scenes with clouds, and of scenes
without (changed, and other season, sun and haze). One line a kind; the worst seed in brackets.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.ndimage import binary_dilation

from changedet.config import Config
from changedet.loading import observe, read_pair_sources
from changedet.loading.reading.screens import CLOUD, CLOUD_SHADOW, ScreenedSource
from changedet.simulation import simulate

SIZES = {"town": (2560.0, 2560.0), "fields": (2560.0, 2560.0), "railyard": (400.0, 300.0)}
OTHER = {
    "season_after": 0.35, "sun_after": (165.0, 40.0), "haze_after": 0.3, "gain_after": 1.08,
    "shift_m": (0.6, -0.4), "change_fraction": 0.4,
}  # fmt: skip


def taken(scene) -> list[np.ndarray]:
    """Codes of both images on their own grids."""
    images = [
        (np.ma.masked_array(i.pixels.astype(info.dtype), np.broadcast_to(~i.valid, i.pixels.shape)),
         i.grid, i.roles)
        for i, info in ((scene.before, scene.before_info), (scene.after, scene.after_info))
    ]  # fmt: skip
    pair = read_pair_sources(*images, config=Config())
    suns = (scene.options.sun_before[0], scene.options.sun_after[0])
    pair, _ = observe(pair, "auto", suns)
    return [
        s.codes(s.info.grid.window)
        if isinstance(s, ScreenedSource)
        else np.zeros(s.info.grid.shape, dtype=np.uint8)
        for s in pair.sources
    ]


def judge(kind: str, seed: int, share: float, date: str, **options) -> dict[str, float]:
    """Shares of one scene."""
    cloudy = simulate(kind, seed, size_m=SIZES[kind], **{f"cloud_{date}": share}, **options)
    codes = taken(cloudy)
    which = ("before", "after").index(date)
    other = codes[1 - which]
    if share == 0:
        return {"wrong": float(np.mean((codes[0] > 1) | (other > 1)))}
    clear = simulate(kind, seed, size_m=SIZES[kind], **options)
    one, ground = (getattr(s, date).pixels[0].astype(float) for s in (cloudy, clear))
    valid = getattr(cloudy, date).valid
    white = 0.62 * (10000 if kind != "railyard" else 2500)
    cover = np.clip((one - ground) / np.maximum(white - ground, 1), 0, 1)
    dim = np.clip(1 - one / np.maximum(ground, 1), 0, 1)
    hidden = getattr(cloudy, f"cloud_{date}")
    thick, deep = valid & (cover > 0.5), valid & (dim > 0.5)
    found = codes[which]
    near = binary_dilation(hidden, iterations=3 * (1 if kind != "railyard" else 10))
    return {
        "thick": float(np.mean(found[thick] > 1)) if thick.any() else np.nan,
        "deep": float(np.mean(found[deep] > 1)) if deep.any() else np.nan,
        "hidden": float(np.mean(hidden)),
        "taken": float(np.mean(found > 1)),
        "cloud": float(np.mean(found == CLOUD)),
        "shadow": float(np.mean(found == CLOUD_SHADOW)),
        "wrong": float(np.mean(((found > 1) & ~near) | (other > 1))),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--kinds", nargs="+", default=list(SIZES))
    parser.add_argument("--each", action="store_true", help="also a line a seed")
    chosen = parser.parse_args()
    settings = {
        "no cloud, quiet": (0.0, "after", {"change_fraction": 0.0}),
        "no cloud, changed": (0.0, "after", {"change_fraction": 0.6}),
        "no cloud, other season": (0.0, "after", OTHER),
        "cloud 0.1 before": (0.1, "before", {}),
        "cloud 0.3 after": (0.3, "after", OTHER),
    }
    for kind in chosen.kinds:
        for name, (share, date, options) in settings.items():
            rows = [judge(kind, seed, share, date, **options) for seed in range(chosen.seeds)]
            if chosen.each:
                for seed, row in enumerate(rows):
                    print("   ", seed, {k: round(v, 4) for k, v in row.items()})
            line = [f"{kind:<9}{name:<24}"]
            for key in rows[0]:
                values = np.array([row[key] for row in rows])
                worst = np.nanmax(values) if key == "wrong" else np.nanmin(values)
                line.append(f"{key} {np.nanmean(values):.4f} [{worst:.4f}]")
            print("  ".join(line), flush=True)


if __name__ == "__main__":
    main()
