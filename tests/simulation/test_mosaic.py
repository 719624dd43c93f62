from __future__ import annotations

import numpy as np
import pytest

from changedet.errors import ConfigError
from changedet.simulation import Scene, mosaic_grids, mosaic_strips, simulate


@pytest.fixture(scope="module")
def scene() -> Scene:
    return simulate("railyard", 2, size_m=(150.0, 100.0))


def test_a_mosaic_repeats_the_scene_mirrored_with_fresh_noise(scene: Scene) -> None:
    strips = list(mosaic_strips(scene, 450, 700, rows=128))
    assert [s[0] for s in strips] == [0, 128, 256, 384]
    before = np.concatenate([s[1] for s in strips], axis=1)
    assert before.shape == (4, 450, 700)
    assert before.dtype == np.uint16
    away = before[:, :200, :300].astype(float) - scene.before.pixels
    assert away.std() == pytest.approx(3.0, rel=0.1)
    mirrored = before[:, :200, 300:600].astype(float) - scene.before.pixels[:, :, ::-1]
    assert abs(mirrored.mean()) < 0.1
    assert not np.array_equal(before[:, :200, 300:600][..., ::-1], before[:, :200, :300])


def test_a_mosaic_is_the_same_every_time(scene: Scene) -> None:
    first, second = (list(mosaic_strips(scene, 300, 300)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[1], b[1])
        np.testing.assert_array_equal(a[2], b[2])


def test_grids_of_a_mosaic(scene: Scene) -> None:
    before, after = mosaic_grids(scene, 8192, 8192)
    assert before.shape == after.shape == (8192, 8192)
    assert before.transform == scene.before.grid.transform


def test_what_cannot_be_a_mosaic_is_refused(scene: Scene) -> None:
    with pytest.raises(ConfigError, match=r"A mosaic of 0 x 10 pixels in strips of 256 is empty"):
        mosaic_strips(scene, 0, 10)
    coarse = simulate("railyard", 2, size_m=(150.0, 100.0), gsd_after=1.0)
    with pytest.raises(ConfigError, match="two images of one shape"):
        mosaic_strips(coarse, 10, 10)
    decibel = simulate("sar", 2, size_m=(640.0, 640.0), domain="sar-db")
    with pytest.raises(ConfigError, match="a scene in dB does not fit"):
        mosaic_strips(decibel, 10, 10)
