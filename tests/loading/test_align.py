"""Planted shifts come back; what cannot be measured is not claimed."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from changedet.errors import AlignmentRefused
from changedet.loading.alignment.estimating import estimate_alignment, require_alignment
from changedet.model import Alignment, Grid, Image, ImageInfo, ImagePair, Window


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


def turned(image, degrees, scale, dy, dx):
    """Content turned and scaled about the middle, then moved; also its map of coordinates."""
    import cv2

    h, w = image.shape[1:]
    turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, scale)
    turn[:, 2] += (dx, dy)
    flags = cv2.INTER_CUBIC
    out = [
        cv2.warpAffine(b, turn, (w, h), flags=flags, borderMode=cv2.BORDER_REFLECT) for b in image
    ]
    return np.stack(out), turn


def off_by(found, truth, shape):
    """Root mean square error (pixels) against truth(rows, cols) -> (dy, dx)."""
    rows, cols = np.mgrid[8 : shape[0] - 8 : 8, 8 : shape[1] - 8 : 8].astype(float)
    error = np.stack(found.displacement(rows, cols), -1) - np.stack(truth(rows, cols), -1)
    return float(np.sqrt((error**2).sum(-1).mean()))


@pytest.mark.parametrize(("degrees", "scale"), [(1.6, 1.012), (-2.0, 0.98)])
def test_rotation_and_scale_are_found_without_being_told(degrees, scale):
    before = texture((420, 460))
    after, turn = turned(before, degrees, scale, 9.3, -14.6)

    def truth(rows, cols):
        # what belongs at (row, col) stands in the after image at turn @ (col, row)
        x = turn[0, 0] * cols + turn[0, 1] * rows + turn[0, 2]
        y = turn[1, 0] * cols + turn[1, 1] * rows + turn[1, 2]
        return rows - y, cols - x

    found = estimate_alignment(MemoryPair(before, after))
    assert found.grade in ("good", "usable")
    assert off_by(found, truth, before.shape[1:]) < 0.1


def test_contrast_reversal_haze_and_a_changed_third():
    before = texture((400, 420))
    after = moved(before, 5.4, -7.2)
    after[0] = after[0].max() - after[0]
    after = after * 0.5 + 9
    other = texture((400, 420), seed=9)
    after[:, 60:260, 200:400] = other[:, 60:260, 200:400]
    found = estimate_alignment(MemoryPair(before, after))
    assert found.grade in ("good", "usable")
    assert (found.dy_px, found.dx_px) == pytest.approx((-5.4, 7.2), abs=0.05)


def test_clouds_and_holes_do_not_count():
    import cv2

    before = texture((420, 420))
    after = moved(before, -2.3, 3.6)
    field = cv2.GaussianBlur(np.random.default_rng(4).normal(size=(420, 420)), (0, 0), 30)
    cloud = field > np.quantile(field, 0.6)
    after[:, cloud] = 30
    hole = np.ones((420, 420), bool)
    hole[:70] = False
    before[:, ~hole] = -9999
    found = estimate_alignment(MemoryPair(before, after, valid=hole))
    assert found.grade in ("good", "usable")
    assert (found.dy_px, found.dx_px) == pytest.approx((2.3, -3.6), abs=0.05)


def test_parallel_tracks_alone_are_ambiguous():
    rows, _ = np.mgrid[:300, :300].astype(float)
    rng = np.random.default_rng(0)
    tracks = np.sin(2 * np.pi * rows / 9)[None] * 10
    before = tracks + rng.normal(0, 0.5, tracks.shape)
    after = tracks + rng.normal(0, 0.5, tracks.shape)
    found = estimate_alignment(MemoryPair(before, np.roll(after, 5, 1)))
    assert found.grade in ("poor", "refused")


def test_speckle():
    rng = np.random.default_rng(2)
    scene = np.exp(texture((400, 400), bands=1) * 0.4)
    looks = [rng.gamma(4, 0.25, scene.shape) for _ in range(2)]
    pair = MemoryPair(
        np.sqrt(scene * looks[0]), np.sqrt(moved(scene, 3.0, -6.0) * looks[1]),
        domain="sar-amplitude",
    )  # fmt: skip
    found = estimate_alignment(pair)
    assert found.grade in ("good", "usable")
    assert (found.dy_px, found.dx_px) == pytest.approx((-3, 6), abs=0.3)


@pytest.mark.parametrize("axis", [1, 2])
def test_a_flipped_image_is_refused(axis):
    before = texture()
    found = estimate_alignment(MemoryPair(before, np.flip(before, axis)))
    assert found.grade == "refused"
    assert found.reasons


def noise(seed):
    return np.random.default_rng(seed).normal(size=(2, 200, 220)) + 50


FLAT = np.full((2, 200, 220), 7.0)
NOWHERE = np.zeros((200, 220), bool)
CORNER = NOWHERE.copy()
CORNER[:20, :20] = True


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (lambda: MemoryPair(FLAT, FLAT + 1), "texture|noise"),
        (lambda: MemoryPair(texture((200, 220), bands=2), FLAT), "texture|noise"),
        (lambda: MemoryPair(noise(0), noise(1)), "noise"),
        (lambda: MemoryPair(noise(0), noise(1), valid_after=NOWHERE), "valid"),
        (lambda: MemoryPair(noise(0), noise(1), valid=CORNER), "valid"),
        (lambda: MemoryPair(noise(0)[:, :20, :40], noise(1)[:, :20, :40]), "too small"),
        (lambda: MemoryPair(noise(0)[:, :1, :1], noise(1)[:, :1, :1]), "too small"),
    ],
    ids=["flat", "one flat", "noise", "all cloud", "a corner", "small", "one pixel"],
)
def test_what_cannot_be_measured_is_left_alone(pair, why):
    found = estimate_alignment(pair())
    assert found.grade == "poor"
    assert (found.dy_px, found.dx_px, found.model) == (0, 0, "none")
    assert found.residual(3, 3) > 0.5
    assert any(re.search(why, reason) for reason in found.reasons)


def test_metres_follow_the_grid():
    crs = CRS.from_epsg(32652)
    grid = Grid(Affine(2.0, 0, 500000, 0, -2.0, 4.7e6), 320, 352, crs)
    before = texture()
    found = estimate_alignment(MemoryPair(before, moved(before, 3.0, -2.0), grid=grid))
    # 3 px up is 6 m north, 2 px right is 4 m east
    assert (found.dx_m, found.dy_m) == pytest.approx((4.0, 6.0), abs=0.1)


def test_large_images_are_read_in_part_and_progress_is_told():
    before = np.tile(texture((400, 400), bands=1), (1, 5, 5))
    rng = np.random.default_rng(0)
    before = before + np.kron(rng.normal(size=(100, 100)), np.ones((20, 20)))[None] * 3
    pair = MemoryPair(before, np.roll(before, (7, -11), (1, 2)) + 1)
    told = []
    found = estimate_alignment(pair, progress=told.append)
    assert found.grade == "good"
    assert (found.dy_px, found.dx_px) == pytest.approx((-7, 11), abs=0.02)
    assert {event.stage for event in told} == {"align"}
    assert told[-1].fraction == 1


def test_two_runs_give_the_same_bits_and_json_holds_them():
    before = texture()
    pair = MemoryPair(before, moved(before, 1.5, 2.5))
    one, two = estimate_alignment(pair, seed=1), estimate_alignment(pair, seed=2)
    assert one.describe() == two.describe()
    again = Alignment.from_description(json.loads(json.dumps(one.describe())))
    assert again.describe() == one.describe()
    require_alignment(one, "a", "b")


def test_estimate_gets_better_than_leaving_it_alone_or_is_zero():
    before = texture((260, 260))
    after = 0.25 * moved(before, 1.0, 1.0) + texture((260, 260), seed=5)
    found = estimate_alignment(MemoryPair(before, after))
    wrong = np.hypot(found.dy_px + 1, found.dx_px + 1)
    assert found.grade in ("poor", "refused") or wrong < 1
