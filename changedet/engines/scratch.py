"""A raster in a temporary file: written and read by window, from any thread, memory flat."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import numpy as np

from changedet.errors import GridError, ImageReadError, OutputError
from changedet.model import Grid, Window

BLOCK = 256
"""Side of the blocks in which pixels lie in the file."""

_seek_lock = threading.Lock()


def _read_seeking(file: Any, view: memoryview, offset: int) -> int:
    """Seek and read in one step, where the system has no positioned read (Windows)."""
    with _seek_lock:
        file.seek(offset)
        return int(file.readinto(view))


def _write_seeking(file: Any, view: memoryview, offset: int) -> int:
    """Seek and write in one step, where the system has no positioned write (Windows)."""
    with _seek_lock:
        file.seek(offset)
        return int(file.write(view))


def _read_positioned(file: Any, view: memoryview, offset: int) -> int:
    return os.preadv(file.fileno(), [view], offset)


def _write_positioned(file: Any, view: memoryview, offset: int) -> int:
    return os.pwrite(file.fileno(), view, offset)


POSITIONED = hasattr(os, "preadv") and hasattr(os, "pwrite")
read_at = _read_positioned if POSITIONED else _read_seeking
write_at = _write_positioned if POSITIONED else _write_seeking


class ScratchRaster:
    """A one-band raster in a nameless temporary file (:class:`changedet.model.RasterWindows`).

    Pixels lie in blocks of 256 x 256, so that a tile is a few long pieces of the file and not one
    short piece a row. What was never written reads as ``fill`` and takes no room on disk: pixels
    are stored as the difference (bitwise exclusive or) from ``fill``, so the zeros of a sparse
    file *are* the fill value.

    Windows may be written from several threads at once as long as they do not overlap. The file
    has no name from the start, so nothing is left behind even when the process is killed; the
    room is freed on :meth:`close`, or when the object is garbage-collected.

    Parameters
    ----------
    grid : Grid
        Where the pixels lie.
    dtype : numpy dtype
        Type of the pixels: bool, integer or float.
    fill : number
        Value of what was never written.
    folder : path, optional
        Where the file goes; the system's temporary folder (``TMPDIR``) by default. A folder that
        is kept in memory (tmpfs) makes the raster count as memory.

    Raises
    ------
    OutputError
        If the file cannot be made, or the disk is full.
    """

    def __init__(
        self,
        grid: Grid,
        dtype: Any,
        fill: Any = 0,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self._grid = grid
        self._dtype = np.dtype(dtype)
        self._bits = np.dtype(f"u{self._dtype.itemsize}")
        self._fill_bits = np.asarray(fill, dtype=self._dtype).reshape(1).view(self._bits)[0]
        self._folder = os.fspath(folder) if folder is not None else tempfile.gettempdir()
        self._block_columns = -(-grid.width // BLOCK)
        self._lock = threading.Lock()
        blocks = self._block_columns * -(-grid.height // BLOCK)
        try:
            self._file: Any = tempfile.TemporaryFile(  # noqa: SIM115 - lives as long as self
                prefix="changedet-", dir=self._folder, buffering=0
            )
            self._close = weakref.finalize(self, self._file.close)
            self._file.truncate(blocks * BLOCK * BLOCK * self._dtype.itemsize)
        except OSError as error:
            raise self._failure(error) from error

    def __repr__(self) -> str:
        return f"<ScratchRaster: {self._dtype} on {self._grid}>"

    @property
    def grid(self) -> Grid:
        """Where it lies."""
        return self._grid

    @property
    def dtype(self) -> np.dtype:
        """Type of its pixels."""
        return self._dtype

    @property
    def closed(self) -> bool:
        """Whether its file is gone."""
        return not self._close.alive

    def close(self) -> None:
        """Delete the file. Closing twice does no harm."""
        self._close()

    def __enter__(self) -> ScratchRaster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(self, window: Window) -> np.ndarray:
        """Pixels of a window inside the grid, (y, x): a new array of the caller's own.

        Raises
        ------
        GridError
            If the window reaches beyond the grid.
        ImageReadError
            If the raster was closed.
        """
        self._check(window)
        out = np.empty(window.shape, dtype=self._bits)
        for offset, width, piece, inside in self._pieces(window):
            rows = self._read(offset, (inside.height, width))
            out[piece.within(window)] = rows[:, inside.col : inside.col + inside.width]
        if self._fill_bits:
            np.bitwise_xor(out, self._fill_bits, out=out)
        return out.view(self._dtype)

    def write(self, window: Window, array: np.ndarray) -> None:
        """Store the pixels of a window inside the grid.

        Parameters
        ----------
        window : Window
            Where.
        array : (y, x) array
            Of the window's shape, of a type that fits this raster's safely.

        Raises
        ------
        GridError
            If the window reaches beyond the grid, or shape or type do not fit.
        OutputError
            If the disk is full.
        """
        self._check(window)
        if array.shape != window.shape or not np.can_cast(array.dtype, self._dtype, "safe"):
            raise GridError(
                f"An array of shape {array.shape} and type {array.dtype} does not fit a window of "
                f"shape {window.shape} of a {self._dtype} raster."
            )
        bits = np.ascontiguousarray(array, dtype=self._dtype).view(self._bits)
        if self._fill_bits:
            bits = bits ^ self._fill_bits
        for offset, width, piece, inside in self._pieces(window):
            part = bits[piece.within(window)]
            if inside.width == width:
                self._write(offset, part)
                continue
            # Neighbours share these rows of the block: read, change and write them under a lock.
            with self._lock:
                rows = self._read(offset, (inside.height, width))
                rows[:, inside.col : inside.col + inside.width] = part
                self._write(offset, rows)

    def _check(self, window: Window) -> None:
        if self.closed:
            raise ImageReadError("This scratch raster was closed: its pixels are gone.")
        if window.intersect(self._grid.window) != window:
            raise GridError(
                f"{window} reaches beyond the grid of {self._grid.height} x {self._grid.width} "
                "pixels: intersect it with the grid's window first."
            )

    def _pieces(self, window: Window) -> Iterator[tuple[int, int, Window, Window]]:
        """Cut a window at block borders.

        For each piece: where its first row begins in the file (bytes), how wide the block's rows
        are (pixels), and its window in the grid and in the block. Blocks at the right border of
        the grid have shorter rows.
        """
        if window.empty:
            return
        item = self._dtype.itemsize
        for block_row in range(window.row // BLOCK, (window.row + window.height - 1) // BLOCK + 1):
            for block_col in range(
                window.col // BLOCK, (window.col + window.width - 1) // BLOCK + 1
            ):
                top, left = block_row * BLOCK, block_col * BLOCK
                width = min(BLOCK, self._grid.width - left)
                piece = window.intersect(Window(top, left, BLOCK, width))
                inside = Window(piece.row - top, piece.col - left, piece.height, piece.width)
                start = (block_row * self._block_columns + block_col) * BLOCK * BLOCK
                yield (start + inside.row * width) * item, width, piece, inside

    def _read(self, offset: int, shape: tuple[int, int]) -> np.ndarray:
        out = np.empty(shape, dtype=self._bits)
        view = out.data.cast("B")
        while view:
            try:
                count = read_at(self._file, view, offset)
            except OSError as error:
                raise self._failure(error) from error
            if count == 0:
                raise ImageReadError(f"A temporary file in {self._folder} was cut short.")
            view, offset = view[count:], offset + count
        return out

    def _write(self, offset: int, array: np.ndarray) -> None:
        view = np.ascontiguousarray(array).data.cast("B")
        while view:
            try:
                count = write_at(self._file, view, offset)
            except OSError as error:
                raise self._failure(error) from error
            view, offset = view[count:], offset + count

    def _failure(self, error: OSError) -> OutputError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            what = f"There is no room left in {self._folder} for temporary rasters"
        else:
            what = f"A temporary raster in {self._folder} cannot be used ({error})"
        return OutputError(
            f"{what}: free some space there, or set the environment variable TMPDIR to a folder "
            "with more room."
        )
