"""``changedet verify``: whether a folder still is what was once written."""

from __future__ import annotations

from pathlib import Path

import click

from changedet.cli.session import Session, in_session
from changedet.errors import OutputError


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--rerun", is_flag=True, help="Also run it again and compare the results.")
@in_session
def verify(session: Session, folder: Path, rerun: bool) -> None:
    """Check the files of an output folder, and its inputs, against their hashes.

    Ends with status 3 when something is missing or differs.
    """
    from changedet import pipeline

    found = pipeline.verify(folder, rerun=rerun, progress=session.progress)
    for note in found.notes:
        session.say(f"Note: {note}")
    if not found.ok:
        raise OutputError(f"{folder} is not as it was written. {' '.join(found.problems)}")
    session.say(f"{len(found.checked)} files checked: all as the manifest says.")
    session.done(
        out=str(folder), ok=True, checked=list(found.checked), notes=list(found.notes), rerun=rerun
    )
