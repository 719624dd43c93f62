"""The group of all commands, and the entry point of the console script."""

from __future__ import annotations

import signal
import threading
from typing import Any, NoReturn

import click

from changedet.cli.detect import detect
from changedet.cli.inspect import inspect
from changedet.cli.monitor import monitor
from changedet.cli.selftest import selftest
from changedet.cli.session import emit
from changedet.cli.simulate import simulate
from changedet.cli.verify import verify

EPILOG = """Exit status: 0 done (finding no change is success), 2 bad usage, 3 input refused,
4 the pair cannot be compared, 130 interrupted."""


class Commands(click.Group):
    """A group that also reports bad usage as JSON when progress is wanted as JSON."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember whether JSON is wanted before a command could be refused."""
        ctx.meta["changedet.json"] = "--json-progress" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if ctx.meta["changedet.json"]:
                emit(
                    event="error",
                    type=type(error).__name__,
                    message=error.format_message(),
                    exit=error.exit_code,
                )
            raise


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="changedet", prog_name="changedet")
def cli() -> None:
    """Find what changed between two satellite images of one site."""


for command in (detect, inspect, monitor, selftest, simulate, verify):
    cli.add_command(command)


def main() -> None:
    """Run the command line; the console script ``changedet``."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    cli(prog_name="changedet")


def _terminate(number: int, frame: Any) -> NoReturn:
    """End as an error does, so that temporary folders are removed on the way out."""
    raise SystemExit(128 + number)
