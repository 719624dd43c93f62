"""Images over HTTP, from a server in a process of its own (one in this process would hang GDAL)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from changedet.errors import ImageReadError
from changedet.loading import open_source

from .builders import north_up

GRID = north_up(height=300, width=400)
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    script = Path(__file__).with_name("range_server.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


def test_an_image_over_http(write_tif, host: str) -> None:
    image = np.random.default_rng(0).integers(0, 999, (2, 300, 400)).astype(np.uint16)
    write_tif(image, "far.tif", GRID, tiled=True, blockxsize=128, blockysize=128)
    source = open_source(f"{host}/far.tif?key=secret")
    assert source.info.name == f"{host}/far.tif"
    assert source.info.size_bytes is None
    assert source.sha256() is None
    assert np.array_equal(source.read(GRID.window)[0], image)


def test_a_missing_image_over_http(host: str) -> None:
    with pytest.raises(ImageReadError, match=r"none\.tif cannot be opened") as caught:
        open_source(f"{host}/none.tif?key=secret")
    assert "secret" not in str(caught.value)
