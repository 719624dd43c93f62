"""Progress as events: the library reports, the caller decides how to show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from changedet.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One step of progress inside one stage of a run."""

    stage: str
    """Name of the stage: ``open``, ``align``, ``fit``, ``score``, ``objects``, ``write`` ..."""
    done: int
    """Units of work finished in this stage."""
    total: int
    """Units of work in this stage."""
    message: str = ""
    """Free text for people; may be empty."""

    @property
    def fraction(self) -> float:
        """Share of the stage that is done, 0 to 1."""
        return 1.0 if self.total <= 0 else min(1.0, self.done / self.total)


ProgressCallback = Callable[[ProgressEvent], Any]


class _Closable(Protocol):
    def __call__(self, event: ProgressEvent) -> None: ...
    def close(self) -> None: ...


class TqdmProgress:
    """Show each stage as a tqdm bar (in a terminal or a notebook)."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage: str | None = None

    def __call__(self, event: ProgressEvent) -> None:
        """Advance the bar of the event's stage."""
        from tqdm.auto import tqdm

        if event.stage != self._stage:
            self.close()
            self._bar = tqdm(total=event.total, desc=event.stage, leave=False)
            self._stage = event.stage
        self._bar.total = event.total
        self._bar.update(event.done - self._bar.n)
        if event.message:
            self._bar.set_postfix_str(event.message, refresh=False)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, None


def _silent(event: ProgressEvent) -> None:
    """Show nothing."""


def as_progress(progress: bool | ProgressCallback | None) -> ProgressCallback:
    """Turn what a user passes as ``progress=`` into a callback.

    Parameters
    ----------
    progress : bool, callable or None
        ``None`` or ``False``: silent. ``True``: a tqdm bar for each stage. A callable gets each
        :class:`ProgressEvent`.

    Returns
    -------
    callable

    Raises
    ------
    ConfigError
        If it is none of these.
    """
    if progress is None or progress is False:
        return _silent
    if progress is True:
        return TqdmProgress()
    if callable(progress):
        return progress
    raise ConfigError(
        f"progress={progress!r} is not usable: pass True, False, None or a function that takes a "
        "changedet.progress.ProgressEvent."
    )


def close_progress(progress: ProgressCallback) -> None:
    """Close a progress display that has something to close."""
    close = getattr(progress, "close", None)
    if callable(close):
        close()
