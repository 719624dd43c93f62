"""Random pairs on which an alignment can go wrong, from a few simulated scenes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from changedet.loading.alignment.estimating import estimate_alignment
from changedet.simulation import simulate

from .test_align import MemoryPair, moved, off_by

KINDS = (
    "plain", "cloud", "tiny", "unrelated", "tracks", "flip", "reversed", "far", "nothing", "turned",
)  # fmt: skip
WITHOUT_TRUTH = ("unrelated", "flip", "nothing")
SCENES = ("railyard", "railyard", "town", "railyard", "fields", "sar", "railyard")


def scenes(count: int = 14, seed: int = 5) -> list[tuple[str, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        kind = SCENES[i % len(SCENES)]
        options = {
            "change_fraction": float(rng.uniform(0.2, 0.4)),
            "season_before": float(rng.uniform(0, 1)),
            "season_after": float(rng.uniform(0, 1)),
            "sun_before": (150.0, 46.0),
            "sun_after": (float(rng.uniform(120, 240)), float(rng.uniform(20, 60))),
            "haze_after": float(rng.uniform(0, 1)),
            "gain_after": float(rng.uniform(0.7, 1.4)),
            "size_m": (400.0, 300.0) if kind == "railyard" else (5000.0, 5000.0),
        }
        if kind == "sar":
            options = {"change_fraction": 0.3, "looks": float(rng.choice([1, 4])), "site": "town"}
        scene = simulate(kind, 100 + i, **options)
        out.append((kind, scene.before.pixels, scene.after.pixels))
    return out


def clouds(rng: np.random.Generator, shape: tuple[int, int], part: float) -> np.ndarray:
    import cv2

    smooth = max(8.0, min(shape) / 12)
    field = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), smooth)
    return field > np.quantile(field, 1 - part)


def corner_of(rng, what: str, h: int, w: int) -> tuple[int, int, int, int]:
    high, wide = (int(rng.integers(200, min(n, 420))) for n in (h, w))
    if what == "tiny":
        high, wide = int(rng.integers(24, 110)), int(rng.integers(24, 200))
    if what == "tracks":
        high, wide = int(rng.integers(80, 160)), int(rng.integers(200, 500))
    high, wide = min(high, h - 2), min(wide, w - 2)
    row, col = int(rng.integers(0, h - high)), int(rng.integers(0, w - wide))
    if what == "tracks":
        row = int(np.clip(h / 2 - high / 2 + rng.integers(-40, 40), 0, h - high))
    return row, col, high, wide


def make(number: int, pool: list) -> tuple[str, MemoryPair, object]:
    """One pair and its truth(rows, cols), None where there is none."""
    import cv2

    rng = np.random.default_rng(1000 + number)
    what, which = KINDS[number % len(KINDS)], int(rng.integers(len(pool)))
    kind, before, after = pool[which]
    if what == "unrelated":
        same = [s for j, s in enumerate(pool) if s[0] == kind and j != which]
        after = same[int(rng.integers(len(same)))][2]
    h, w = before.shape[1:]
    shift = rng.uniform(-80, 80, 2) if what == "far" else rng.uniform(-12, 12, 2)
    whole = np.rint(shift).astype(int)
    row, col, high, wide = corner_of(rng, what, h, w)
    here = (slice(None), slice(row, row + high), slice(col, col + wide))
    after = np.roll(moved(after, *-(shift - whole)), -whole, (1, 2))[here].copy()
    rows, cols = np.arange(row, row + high) + whole[0], np.arange(col, col + wide) + whole[1]
    known = ((rows >= 0) & (rows < h))[:, None] & ((cols >= 0) & (cols < w))
    if what == "cloud" or rng.random() < 0.2:
        white = clouds(rng, (high, wide), 0.6)
        if rng.random() < 0.5:
            known &= ~white
        else:
            grain = rng.normal(0, after.std() * 0.1, (len(after), int(white.sum())))
            after[:, white] = after.max() * rng.uniform(0.7, 1) + grain
    turn = np.eye(2, 3)
    if what == "flip":
        after = np.flip(after, int(rng.integers(1, 3)))
    if what == "reversed":
        signs = np.where(np.arange(len(after)) % 2, 1, -1)[:, None, None]
        after = after.max() - after if rng.random() < 0.5 else after * signs
    if what == "nothing":
        field = rng.normal(size=(high, wide)).astype(np.float32)
        after = np.repeat(cv2.GaussianBlur(field, (0, 0), rng.uniform(0.6, 4))[None], len(after), 0)
    if what == "turned":
        middle = ((wide - 1) / 2, (high - 1) / 2)
        turn = cv2.getRotationMatrix2D(middle, rng.uniform(-2, 2), rng.uniform(0.98, 1.02))
        how = {"flags": cv2.INTER_CUBIC, "borderMode": cv2.BORDER_REFLECT}
        after = np.stack([cv2.warpAffine(b, turn, (wide, high), **how) for b in after])
    after = after + rng.normal(0, rng.choice([0, 0.02, 0.1]) * after.std(), after.shape)
    domain = "sar-amplitude" if kind == "sar" else "optical"
    pair = MemoryPair(before[here], after, valid_after=known, domain=domain)

    def truth(r, c):
        y, x = r - shift[0], c - shift[1]
        return (
            r - (turn[1, 0] * x + turn[1, 1] * y + turn[1, 2]),
            c - (turn[0, 0] * x + turn[0, 1] * y + turn[0, 2]),
        )

    return what, pair, None if what in WITHOUT_TRUTH else truth


def graded_pairs(count: int) -> Iterator[tuple[str, str, float]]:
    """(kind, grade, error in pixels) of each; an image of another place is always wrong."""
    pool = scenes()
    for number in range(count):
        what, pair, truth = make(number, pool)
        found = estimate_alignment(pair)
        off = 99.0 if truth is None else off_by(found, truth, pair.grid.shape)
        yield what, found.grade, off


@pytest.mark.slow
def test_never_confidently_wrong():
    wrong = [
        (what, grade, off)
        for what, grade, off in graded_pairs(40)
        if off > 1 and grade in ("good", "usable")
    ]
    assert not wrong
