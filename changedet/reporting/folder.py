"""An output folder that is written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from changedet.errors import ChangedetError, ChangedetWarning, OutputError

MANIFEST = "manifest.json"
"""The file by which a folder is known to be an output of changedet."""
NEARLY_FULL = 4_000_000
"""Free bytes below which a failed write is put down to a full disk."""


def check_target(out: Path, overwrite: bool) -> None:
    """Refuse a target that must not be written.

    Raises
    ------
    OutputError
        If it is a file, exists without ``overwrite``, or is not an output of changedet.
    """
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise OutputError(
            f"The output folder {out} cannot be made: a file of that name exists. "
            "Give another folder."
        )
    if not overwrite:
        raise OutputError(
            f"The output folder {out} exists. Give another one, or replace it with --overwrite "
            "(overwrite=True in Python)."
        )
    if not (out / MANIFEST).is_file() and any(out.iterdir()):
        raise OutputError(
            f"The folder {out} is not empty and holds no {MANIFEST}, so it was not written by "
            "changedet and is not overwritten. Give another folder, or empty it yourself."
        )


@contextmanager
def new_folder(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary sibling to write into, which takes the place of ``out`` at the end.

    If anything is raised inside, the sibling is removed and ``out`` stays as it was.

    Parameters
    ----------
    out : Path
        The folder to make. Missing parents are made too (and removed again on failure).
    overwrite : bool
        Replace an earlier output of changedet (or an empty folder).

    Yields
    ------
    Path
        The temporary folder.

    Raises
    ------
    OutputError
        If the target must not be written, or the file system refuses.
    """
    out = Path(os.path.realpath(out))
    made: list[Path] = []
    partial: Path | None = None
    try:
        check_target(out, overwrite)
        made = _make_parents(out.parent)
        partial = out.parent / f".{out.name}.{secrets.token_hex(4)}.partial"
        partial.mkdir()
        yield partial
        _flush(partial)
        _put_in_place(partial, out, overwrite)
    except BaseException as error:
        message = None if not isinstance(error, OSError) else _explain(out, error, partial)
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if message is None:
            raise
        raise OutputError(message) from error


def _make_parents(parent: Path) -> list[Path]:
    missing = [p for p in (parent, *parent.parents) if not p.exists()]
    missing.reverse()
    for done, folder in enumerate(missing):
        try:
            folder.mkdir(exist_ok=True)
        except OSError:
            for made in reversed(missing[:done]):
                with suppress(OSError):
                    made.rmdir()
            raise
    return missing


def _flush(folder: Path) -> None:
    """Bring every file to the disk, so that a full disk or a lost mount shows itself now."""
    for path in sorted(folder.iterdir()):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _put_in_place(partial: Path, out: Path, overwrite: bool) -> None:
    # looked at again: a long run lies between the first check and this one
    check_target(out, overwrite)
    if not out.exists():
        os.rename(partial, out)
        return
    old = out.parent / f".{out.name}.{secrets.token_hex(4)}.old"
    os.rename(out, old)
    try:
        os.rename(partial, out)
    except BaseException:
        os.rename(old, out)
        raise
    try:
        shutil.rmtree(old)
    except OSError as error:
        warnings.warn(
            f"The replaced output could not be removed and stays at {old}: {error}. "
            "Remove it yourself.",
            ChangedetWarning,
            stacklevel=4,
        )


def _nearly_full(folder: Path) -> bool:
    return shutil.disk_usage(folder).free < NEARLY_FULL


def _explain(out: Path, error: OSError, partial: Path | None) -> str | None:
    """Say why the file system refused; None when the error says enough itself."""
    reason = error.strerror or str(error) or type(error).__name__
    if partial is not None and partial.is_dir() and _nearly_full(partial):
        # GDAL knows only that a write failed
        reason = f"{os.strerror(errno.ENOSPC)} ({str(error).rstrip('.')})"
    elif isinstance(error, ChangedetError):
        return None
    return (
        f"The output folder {out} could not be written: {reason}. Nothing was left behind; "
        "free space or choose another folder and run again."
    )
