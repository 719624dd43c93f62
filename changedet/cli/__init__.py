"""The command line: thin commands over the front door."""

from changedet.cli.main import cli, main

__all__ = ["cli", "main"]
