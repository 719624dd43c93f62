"""Small pictures of a pair, and the peaks of what is correlated on them."""

from __future__ import annotations

import numpy as np

from changedet.model import Grid, Image, ImagePair


def shrink(pair: ImagePair, factor: int) -> ImagePair:
    """Average over ``factor`` x ``factor`` pixels, valid ones only."""
    if factor <= 1:
        return pair
    h, w = pair.grid.shape
    rows, cols = h // factor, w // factor
    # only pixels matter from here on
    grid = Grid.pixels(rows, cols)

    def one(image: Image) -> Image:
        valid = image.valid[: rows * factor, : cols * factor]
        count = valid.reshape(rows, factor, cols, factor).sum((1, 3))
        kept = np.where(valid, image.pixels[:, : rows * factor, : cols * factor], 0)
        total = kept.reshape(-1, rows, factor, cols, factor).sum((2, 4))
        mean = (total / np.maximum(count, 1)).astype(np.float32)
        return Image(mean, count * 2 >= factor * factor, grid, image.roles)

    return ImagePair(one(pair.before), one(pair.after))


def tops(surface: np.ndarray, reach: float, count: int, apart: int) -> list[tuple[int, int, float]]:
    """Highest separate peaks within ``reach`` of shift 0: (dy, dx, height over spread)."""
    middle = [n // 2 for n in surface.shape]
    limit = [min(int(np.ceil(reach)), n // 2 - 1) for n in surface.shape]
    part = surface[
        middle[0] - limit[0] : middle[0] + limit[0] + 1,
        middle[1] - limit[1] : middle[1] + limit[1] + 1,
    ].copy()
    mean, spread = float(part.mean()), float(part.std())
    found: list[tuple[int, int, float]] = []
    if not spread > 0:
        return found
    for _ in range(count):
        r, c = np.unravel_index(int(part.argmax()), part.shape)
        found.append((int(r) - limit[0], int(c) - limit[1], (float(part[r, c]) - mean) / spread))
        part[max(0, r - apart) : r + apart + 1, max(0, c - apart) : c + apart + 1] = mean
    return found
