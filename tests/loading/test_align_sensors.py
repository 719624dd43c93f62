"""Pairs of different sensors: other pixel sizes, other bands, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

import changedet as cd

from .test_align import moved, texture

UTM = CRS.from_epsg(32652)


def image(pixels, size, roles, east=0.0, north=0.0):
    """An image whose coordinates are wrong by some metres."""
    grid = cd.Grid(
        Affine(size, 0, 5e5 + east, 0, -size, 4.7e6 + north), *pixels.shape[1:], UTM
    )  # fmt: skip
    return cd.Image(
        np.ascontiguousarray(pixels, np.float32), np.ones(pixels.shape[1:], bool), grid, roles
    )


@pytest.mark.parametrize("sizes", [(0.5, 0.8), (0.8, 0.5)])
def test_other_ground_sample_distance(sizes):
    # 0.1 m ground truth, averaged to either pixel size
    import cv2

    ground = texture((400, 440), bands=1)[0]
    ground = cv2.resize(ground, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)

    def seen(size):
        n = round(size / 0.1)
        h, w = (s // n for s in ground.shape)
        return ground[: h * n, : w * n].reshape(h, n, w, n).mean((1, 3))[None]

    before = image(seen(sizes[0]) + 10, sizes[0], ("pan",))
    after = image(seen(sizes[1]) * 1.2 + 4, sizes[1], ("pan",), east=1.3, north=-0.9)
    found = cd.align(before, after)
    assert found.grade == "good"
    assert (found.dx_m, found.dy_m) == pytest.approx((-1.3, 0.9), abs=0.04)


def test_other_band_sets():
    ground = texture((360, 380), bands=4)
    after = moved(ground, 1.6, -2.2)
    found = cd.align(
        image(ground, 2.0, ("blue", "green", "red", "nir")),
        image(after[[2, 1, 3]], 2.0, ("red", "green", "swir1")),
    )
    assert found.grade == "good"
    assert (found.dy_px, found.dx_px) == pytest.approx((-1.6, 2.2), abs=0.03)


def test_too_small_an_overlap_is_left_alone():
    ground = texture((300, 600), bands=1)
    found = cd.align(
        image(ground[:, :, :320], 2.0, ("pan",)), image(ground[:, :, 290:], 2.0, ("pan",), 580.0)
    )
    assert found.grade == "poor"
    assert found.dx_px == found.dy_px == 0
    assert "too small" in found.reasons[0]


def test_optical_to_radar_is_right_or_refused():
    from changedet.loading import estimate_alignment

    from .test_align import MemoryPair

    size = {"size_m": (3000, 3000)}
    optical = cd.simulate("town", seed=2, **size).before.pixels.mean(0)[None]
    radar = cd.simulate("sar", seed=2, site="town", **size).before.pixels[:1]
    h, w = (min(a, b) for a, b in zip(optical.shape[1:], radar.shape[1:], strict=True))
    for dy, dx in ((0, 0), (4, -6)):
        after = np.roll(radar, (-dy, -dx), (1, 2))
        pair = MemoryPair(
            optical[:, :h, :w], after[:, :h, :w], domain=("optical", "sar-amplitude")
        )  # fmt: skip
        found = estimate_alignment(pair)
        off = np.hypot(found.dy_px - dy, found.dx_px - dx)
        assert found.grade in ("poor", "refused") or off <= 1
