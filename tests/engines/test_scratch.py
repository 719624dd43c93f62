from __future__ import annotations

import errno
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedet.engines import ScratchRaster, scratch
from changedet.errors import GridError, ImageReadError, OutputError
from changedet.model import Grid, Window

GRID = Grid.pixels(600, 700)
"""Not a multiple of the block's side, to catch what happens at the edges."""


@pytest.fixture(params=["positioned", "seeking"])
def _both_ways(request, monkeypatch):
    """With positioned reads and writes, and as where the system has none."""
    if request.param == "seeking":
        monkeypatch.setattr(scratch, "read_at", scratch._read_seeking)
        monkeypatch.setattr(scratch, "write_at", scratch._write_seeking)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("uint8", 255), ("float32", np.nan), ("int32", 0), ("float64", -1.5), ("bool", True)],
)
@pytest.mark.parametrize("size", [97, 256, 300, 1000])
def test_what_is_written_by_tiles_is_read_back(dtype, fill, size):
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 2, GRID.shape).astype(dtype)
    with ScratchRaster(GRID, dtype, fill) as raster:
        for window in GRID.tiles(size):
            raster.write(window, whole[window.slices])
        np.testing.assert_array_equal(raster.read(GRID.window), whole)
        haloed = Window(200, 200, 100, 100).pad(40)
        np.testing.assert_array_equal(raster.read(haloed), whole[haloed.slices])


@pytest.mark.parametrize(("dtype", "fill"), [("uint8", 255), ("float32", np.nan), ("int16", -7)])
def test_what_was_not_written_is_fill(dtype, fill):
    raster = ScratchRaster(GRID, dtype, fill)
    raster.write(Window(250, 250, 10, 10), np.ones((10, 10), dtype=dtype))
    expected = np.full(GRID.shape, fill, dtype=dtype)
    expected[250:260, 250:260] = 1
    np.testing.assert_array_equal(raster.read(GRID.window), expected)
    assert (raster.dtype, raster.grid) == (np.dtype(dtype), GRID)


windows = st.builds(
    lambda r, c, h, w: Window(r, c, min(h, 600 - r), min(w, 700 - c)),
    st.integers(0, 599), st.integers(0, 699), st.integers(0, 400), st.integers(0, 400),
)  # fmt: skip


@given(st.lists(windows, min_size=1, max_size=6), windows)
def test_it_behaves_as_an_array(written, wanted):
    expected = np.zeros(GRID.shape, dtype=np.uint16)
    with ScratchRaster(GRID, np.uint16) as raster:
        for n, window in enumerate(written, 1):
            expected[window.slices] = n
            raster.write(window, np.full(window.shape, n, dtype=np.uint16))
        np.testing.assert_array_equal(raster.read(wanted), expected[wanted.slices])


def test_threads_may_write_neighbouring_windows():
    whole = np.random.default_rng(1).random(GRID.shape, dtype=np.float32)
    for _ in range(3):
        with ScratchRaster(GRID, np.float32, np.nan) as raster, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda w: raster.write(w, whole[w.slices]), GRID.tiles(33)))
            np.testing.assert_array_equal(raster.read(GRID.window), whole)


def test_the_array_read_is_the_readers_own():
    raster = ScratchRaster(GRID, np.uint8)
    raster.read(GRID.window)[:] = 9
    assert raster.read(GRID.window).max() == 0


def test_the_array_written_stays_as_it_was():
    raster = ScratchRaster(GRID, np.float32, np.nan)
    array = np.ones((600, 700), dtype=np.float32)[:, ::-1]
    raster.write(GRID.window, array)
    assert (array == 1).all()


def test_what_is_not_written_takes_no_room(tmp_path):
    raster = ScratchRaster(Grid.pixels(50_000, 50_000), np.float32, np.nan, tmp_path)
    raster.write(Window(0, 0, 256, 256), np.zeros((256, 256), dtype=np.float32))
    assert os.fstat(raster._file.fileno()).st_blocks * 512 < 2_000_000


class TestNothingIsLeftBehind:
    def test_after_closing(self, tmp_path):
        with ScratchRaster(GRID, np.uint8, 0, tmp_path) as raster:
            assert not raster.closed
        assert raster.closed
        raster.close()
        assert list(tmp_path.iterdir()) == []

    def test_after_it_was_dropped(self, tmp_path):
        raster = ScratchRaster(GRID, np.uint8, 0, tmp_path)
        file = raster._file
        del raster
        gc.collect()
        assert file.closed
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(os.name == "nt", reason="an open file has a name there")
    def test_even_while_it_is_in_use(self, tmp_path):
        raster = ScratchRaster(GRID, np.uint8, 0, tmp_path)
        assert list(tmp_path.iterdir()) == []
        raster.close()


class TestRefusals:
    def test_reading_after_closing(self):
        raster = ScratchRaster(GRID, np.uint8)
        raster.close()
        with pytest.raises(ImageReadError, match="was closed: its pixels are gone"):
            raster.read(GRID.window)

    @pytest.mark.parametrize("window", [Window(-1, 0, 5, 5), Window(596, 0, 5, 5)])
    def test_windows_beyond_the_grid(self, window):
        raster = ScratchRaster(GRID, np.uint8)
        with pytest.raises(GridError, match="reaches beyond the grid of 600 x 700 pixels"):
            raster.read(window)

    @pytest.mark.parametrize(
        "array", [np.zeros((5, 4), dtype=np.uint8), np.zeros((5, 5), dtype=np.float32)]
    )
    def test_arrays_that_do_not_fit(self, array):
        raster = ScratchRaster(GRID, np.uint8)
        with pytest.raises(GridError, match="does not fit a window of shape"):
            raster.write(Window(0, 0, 5, 5), array)

    def test_a_full_disk_names_the_folder_and_the_remedy(self, tmp_path, monkeypatch):
        raster = ScratchRaster(GRID, np.uint8, 0, tmp_path)

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(scratch, "write_at", full)
        with pytest.raises(OutputError, match=f"no room left in {tmp_path} .* TMPDIR") as caught:
            raster.write(GRID.window, np.zeros(GRID.shape, dtype=np.uint8))
        assert isinstance(caught.value.__cause__, OSError)

    def test_a_folder_that_does_not_exist(self, tmp_path):
        with pytest.raises(OutputError, match=r"cannot be used .*set the environment variable"):
            ScratchRaster(GRID, np.uint8, 0, tmp_path / "none")

    def test_a_file_that_was_cut_short(self):
        raster = ScratchRaster(GRID, np.uint8)
        raster._file.truncate(10)
        with pytest.raises(ImageReadError, match="was cut short"):
            raster.read(GRID.window)


def test_short_writes_are_carried_on(monkeypatch):
    """The system may write less than it was asked to."""
    real = scratch.write_at
    monkeypatch.setattr(scratch, "write_at", lambda f, view, at: real(f, view[:1000], at))
    raster = ScratchRaster(GRID, np.uint8)
    whole = np.random.default_rng(2).integers(0, 255, GRID.shape, dtype=np.uint8)
    raster.write(GRID.window, whole)
    np.testing.assert_array_equal(raster.read(GRID.window), whole)


def test_no_lock_is_held_after_an_error(monkeypatch):
    raster = ScratchRaster(GRID, np.uint8)
    part = np.zeros((5, 5), dtype=np.uint8)
    with monkeypatch.context() as patch:
        patch.setattr(scratch, "write_at", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(OutputError):
            raster.write(Window(0, 0, 5, 5), part)
    done = threading.Thread(target=raster.write, args=(Window(0, 0, 5, 5), part))
    done.start()
    done.join(5)
    assert not done.is_alive()
