"""One run of a command: what is shown, where, and with which exit status it ends."""

from __future__ import annotations

import functools
import json
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import click

from changedet.errors import (
    ChangedetError,
    ChangedetWarning,
    ConfigError,
    NotComparableError,
    UnknownMethodError,
)
from changedet.progress import ProgressCallback, ProgressEvent, TqdmProgress, close_progress

BUG, USAGE, REFUSED, NOT_COMPARABLE, INTERRUPTED = 1, 2, 3, 4, 130


def exit_status(error: BaseException) -> int:
    """Exit status for an error."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, NotComparableError):
        return NOT_COMPARABLE
    if isinstance(error, (ConfigError, UnknownMethodError)):
        return USAGE
    return REFUSED if isinstance(error, ChangedetError) else BUG


def emit(**fields: Any) -> None:
    """Write one JSON line to stdout, at once."""
    click.echo(json.dumps(fields, allow_nan=False, default=str))


class Session:
    """Shows progress, warnings and results of one command, and turns errors into an exit status.

    Parameters
    ----------
    quiet : bool
        Show no progress and no summary; warnings and errors stay.
    json_progress : bool
        Write JSON lines to stdout instead of text for people.
    debug : bool
        Show tracebacks, and warnings of other packages.
    """

    def __init__(self, quiet: bool, json_progress: bool, debug: bool) -> None:
        self.quiet, self.json, self.debug = quiet, json_progress, debug
        self.progress: ProgressCallback | None = self._choose_progress()
        self._stack = ExitStack()
        self._warned: set[str] = set()

    def _choose_progress(self) -> ProgressCallback | None:
        if self.json:
            return _emit_progress
        return TqdmProgress() if sys.stderr.isatty() and not self.quiet else None

    def say(self, text: str) -> None:
        """Show a result to people."""
        if not (self.quiet or self.json):
            click.echo(text)

    def done(self, **fields: Any) -> None:
        """Write the last JSON line, if JSON lines are wanted."""
        if self.json:
            emit(event="done", **fields)

    def __enter__(self) -> Session:
        self._stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("always", ChangedetWarning)
        warnings.showwarning = self._warn  # type: ignore[assignment]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        if self.progress is not None:
            close_progress(self.progress)
        if isinstance(error, (ChangedetError, KeyboardInterrupt)) or (
            isinstance(error, Exception)
            # click ends these itself: bad usage, a status of its own, a reader who hung up
            and not isinstance(error, (click.ClickException, click.exceptions.Exit))
            and not isinstance(error, BrokenPipeError)
        ):
            self._fail(error)
            raise click.exceptions.Exit(exit_status(error)) from None

    def _fail(self, error: BaseException) -> None:
        status = exit_status(error)
        message = " ".join(str(error).split())
        if status == INTERRUPTED:
            message = "interrupted; nothing was written."
        elif status == BUG:
            message = (
                f"{type(error).__name__}: {message} (this was not foreseen: please report it, with "
                "what --debug shows)"
            )
        if self.debug:
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        click.echo(f"Error: {message}", err=True)
        if self.json:
            emit(event="error", type=type(error).__name__, message=message, exit=status)

    def _warn(self, message: Warning | str, category: type[Warning], *where: Any) -> None:
        """Show a warning once, in one line (takes the place of :func:`warnings.showwarning`)."""
        text = " ".join(str(message).split())
        if text in self._warned:
            return
        self._warned.add(text)
        if not issubclass(category, ChangedetWarning):
            if not self.debug:
                return
            text = f"{category.__name__}: {text} ({where[0]}:{where[1]})"
        if isinstance(self.progress, TqdmProgress):
            from tqdm import tqdm

            tqdm.write(f"Warning: {text}", file=sys.stderr)
        else:
            click.echo(f"Warning: {text}", err=True)
        if self.json:
            emit(event="warning", type=category.__name__, message=text)


def _emit_progress(event: ProgressEvent) -> None:
    emit(
        event="progress",
        stage=event.stage,
        done=event.done,
        total=event.total,
        fraction=round(event.fraction, 4),
        message=event.message,
    )


def in_session(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options on what is shown, and a session as its first argument."""

    @click.option("--quiet", is_flag=True, help="No progress, no summary.")
    @click.option("--json-progress", is_flag=True, help="JSON lines on stdout, for programs.")
    @click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
    @functools.wraps(function)
    def run(*args: Any, quiet: bool, json_progress: bool, debug: bool, **options: Any) -> None:
        with Session(quiet, json_progress, debug) as session:
            function(session, *args, **options)

    return run
