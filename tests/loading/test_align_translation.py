"""Planted shifts come back; what cannot be measured is not claimed."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine

from changedet.errors import AlignmentRefused
from changedet.loading.alignment import estimate_alignment, require_alignment
from changedet.model import Grid, Image, ImageInfo, ImagePair, Window


class MemoryPair:
    """A pair in memory: windows cut out, overviews by block averaging."""

    def __init__(self, before, after, valid=None, valid_after=None, domain="optical", grid=None):
        self.pixels = tuple(np.asarray(p, np.float32) for p in (before, after))
        shape = self.pixels[0].shape[1:]
        everywhere = np.ones(shape, bool)
        self.valid = tuple(everywhere if v is None else v for v in (valid, valid_after))
        self.grid = grid or Grid.pixels(*shape)
        self.roles = tuple(f"band{i + 1}" for i in range(len(self.pixels[0])))
        domains = (domain, domain) if isinstance(domain, str) else domain
        self.infos = tuple(
            ImageInfo(name, self.grid, self.roles, "float32", d)
            for name, d in zip(("before", "after"), domains, strict=True)
        )
        self.read_px = 0

    def _cut(self, pixels, valid, window):
        part = window.intersect(self.grid.window)
        out = np.zeros((len(pixels), *window.shape), np.float32)
        ok = np.zeros(window.shape, bool)
        if not part.empty:
            inside = part.within(window)
            out[(slice(None), *inside)] = pixels[(slice(None), *part.slices)]
            ok[inside] = valid[part.slices]
        return out, ok

    def read(self, window: Window) -> ImagePair:
        self.read_px += window.height * window.width
        grid = self.grid.subset(window)
        images = [
            Image(*self._cut(p, v, window), grid, self.roles)
            for p, v in zip(self.pixels, self.valid, strict=True)
        ]
        return ImagePair(*images)

    def overview(self, factor: int) -> ImagePair:
        h, w = self.grid.shape
        rows, cols = -(-h // factor), -(-w // factor)
        grid = Grid(self.grid.transform * Affine.scale(factor, factor), rows, cols, self.grid.crs)
        images = []
        for p, v in zip(self.pixels, self.valid, strict=True):
            edge = ((0, rows * factor - h), (0, cols * factor - w))
            count = np.pad(v, edge).astype(np.float32)
            count = count.reshape(rows, factor, cols, factor).sum((1, 3))
            total = np.pad(np.where(v, p, 0), ((0, 0), *edge))
            total = total.reshape(len(p), rows, factor, cols, factor).sum((2, 4))
            mean = (total / np.maximum(count, 1)).astype(np.float32)
            images.append(Image(mean, count >= factor * factor / 2, grid, self.roles))
        return ImagePair(*images)


def texture(shape=(320, 352), seed=0, bands=3):
    """Edges and grain at all scales, a little different in each band."""
    import cv2

    rng = np.random.default_rng(seed)
    base = np.zeros(shape, np.float32)
    for sigma in (1.0, 2.5, 6.0, 15.0):
        layer = cv2.GaussianBlur(rng.normal(size=shape).astype(np.float32), (0, 0), sigma)
        base += layer / layer.std()
    for _ in range(60):
        r, c = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        h, w = rng.integers(6, 40, 2)
        base[r : r + h, c : c + w] += rng.normal() * 2
    base = cv2.GaussianBlur(base, (0, 0), 0.8)
    return np.stack([base * (1 + 0.1 * b) + 10 for b in range(bands)])


def moved(image, dy, dx):
    """Exact Fourier shift of the content down and right."""
    edge = 48
    out = []
    for band in image:
        wide = np.pad(band, edge, "reflect")
        fy = np.fft.fftfreq(wide.shape[0])[:, None]
        fx = np.fft.fftfreq(wide.shape[1])[None]
        turned = np.fft.fft2(wide) * np.exp(-2j * np.pi * (fy * dy + fx * dx))
        out.append(np.fft.ifft2(turned).real[edge:-edge, edge:-edge])
    return np.stack(out).astype(np.float32)


@pytest.mark.parametrize(("dy", "dx"), [(0.37, -0.61), (3.0, -3.0), (-21.3, 40.72)])
def test_planted_shift_comes_back(dy, dx):
    before = texture()
    noise = np.random.default_rng(1).normal(size=before.shape) * 0.05
    found = estimate_alignment(MemoryPair(before, moved(before, -dy, -dx) * 1.3 + 4 + noise))
    assert found.grade == "good"
    assert found.dy_px == pytest.approx(dy, abs=0.02)
    assert found.dx_px == pytest.approx(dx, abs=0.02)


def test_identical_images_need_exactly_nothing():
    before = texture()
    found = estimate_alignment(MemoryPair(before, before.copy()))
    assert (found.dy_px, found.dx_px, found.grade) == (0.0, 0.0, "good")
    assert found.residual(10, 10) == 0


def test_another_place_is_refused():
    pair = MemoryPair(texture(seed=1), texture(seed=2))
    found = estimate_alignment(pair)
    assert found.grade == "refused"
    with pytest.raises(AlignmentRefused, match="--no-align") as caught:
        require_alignment(found, "a.tif", "b.tif")
    assert caught.value.alignment is found


def test_nothing_to_see_is_not_an_error():
    flat = np.full((2, 200, 200), 7.0)
    found = estimate_alignment(MemoryPair(flat, flat + 1))
    assert found.grade == "poor"
    assert (found.dy_px, found.dx_px) == (0, 0)
